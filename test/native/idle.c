// SPDX-License-Identifier: Apache-2.0
//
// Many clients that have each received a lot, once, and hold nothing of it any more. What they do next is said on standard input, a letter a
// line; each answer is a line, too:
//
//   r   everybody receives again, other bytes             "received"
//   z   everybody reads all of its mapping: all zeros     "zeros"
//
// At the end of input they end.

#include "client.h"

#include <linux/futex.h>

static struct {
	atomic_bool ready;
	atomic_uint round;   // grows with each order
	atomic_uint order;   // the letter
	atomic_uint done;    // clients that have carried it out
} *board;

static size_t size;

static void handle_call(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	(void)reply;
	static uint8_t *bytes;
	static uint32_t filled_with;
	uint32_t seed = word_of(request, 0);
	if (!bytes)
		bytes = malloc(size);
	if (filled_with != seed)
		fill(bytes, size, seed);
	filled_with = seed;
	bc_free(thread, request->data.ptr.buffer);
	bc_data(thread, BC_REPLY, 0, 0, 0, bytes, size, NULL, 0);
	thread->reply_completes++;
	thread->answered = true;
	submit(thread);
}

static void run_server(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle_call;
	become_manager(&proc);
	enter_looper(&thread, &proc);
	atomic_store(&board->ready, true);
	serve(&thread);
}

static void receive_once(struct thread *thread, uint32_t seed)
{
	struct parcel parcel = { .size = 0 };
	put_u32(&parcel, seed);
	must_call(thread, 0, 1, &parcel);
	CHECK_EQ(receive(thread)->data_size, size, "size of the reply");
	check_filled(data_of(receive(thread)), size, seed);
	bc_free_received(thread);
	submit(thread);
}

static void check_zeros(const struct proc *proc)
{
	const uint64_t *words = (const uint64_t *)proc->mapping;
	for (size_t i = 0; i < proc->mapping_size / sizeof(*words); i++)
		if (words[i] != 0)
			FAIL("not zero at byte %zu of the mapping: %llx", i * sizeof(*words), (unsigned long long)words[i]);
}

static void run_client(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	for (unsigned seen = 0;;) {
		while (atomic_load(&board->round) == seen)
			syscall(SYS_futex, &board->round, FUTEX_WAIT, seen, NULL, NULL, 0);
		seen++;
		if (atomic_load(&board->order) == 'z')
			check_zeros(&proc);
		else
			receive_once(&thread, seen);
		atomic_fetch_add(&board->done, 1);
	}
}

static void order(char letter, unsigned clients, const char *answer)
{
	atomic_store(&board->order, (unsigned)letter);
	atomic_store(&board->done, 0);
	atomic_fetch_add(&board->round, 1);
	syscall(SYS_futex, &board->round, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
	AWAIT(atomic_load(&board->done) == clients);
	printf("%s\n", answer);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "idle", 300, "[--clients=200] [--size=524288]");
	unsigned clients = option_number("--clients", 200);
	size = option_number("--size", 524288);
	CHECK(clients < COUNT(settings.children) && size <= DEFAULT_MAPPING);
	board = share(sizeof(*board));
	pid_t server = start_process("server", run_server, NULL);
	AWAIT(atomic_load(&board->ready));
	pid_t pids[COUNT(settings.children)];
	for (unsigned i = 0; i < clients; i++)
		pids[i] = start_process("client", run_client, NULL);
	char line[16];
	while (fgets(line, sizeof(line), stdin))
		order(line[0], clients, line[0] == 'z' ? "zeros" : "received");
	for (unsigned i = 0; i < clients; i++)
		stop_process(pids[i]);
	stop_process(server);
	succeed("%u clients", clients);
	return 0;
}
