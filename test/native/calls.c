// SPDX-License-Identifier: Apache-2.0
//
// Many checked calls at once: P processes of T threads call one server, whose pool grows by BR_SPAWN_LOOPER. Sizes and contents come from
// a seed; the server checks every request and the client every reply, byte for byte.

#include "client.h"

enum { ECHO = 1 };

// Head of every request; seeded bytes follow.
struct request {
	uint64_t seed;
	uint32_t size; // of the bytes
	uint32_t reply_size;
	int32_t pid;
	uint32_t uid;
};

struct board {
	atomic_bool ready;
	atomic_uint served, pool_threads;
	atomic_ullong bytes;
};

static struct board *board;
static unsigned processes, threads, calls;
static uint64_t seed;

// Mostly small, now and then some pages; what all callers have in flight at once must fit the server's mapping.
static uint32_t pick_size(uint64_t *state)
{
	uint64_t random = next_random(state);
	uint32_t largest = 600000 / (processes * threads);
	if (largest > 32768)
		largest = 32768;
	switch (random % 16) {
	case 0:
		return (random >> 8) % largest;
	case 1:
	case 2:
		return (random >> 8) % (largest < 8192 ? largest : 8192);
	case 3:
		return 0;
	default:
		return (random >> 8) % 512;
	}
}

static void answer(struct thread *thread, const struct binder_transaction_data *data, struct parcel *unused)
{
	uint8_t bytes[32768]; // stays until the reply is written, below
	struct request request;
	(void)unused;
	CHECK_EQ(data->code, ECHO, "code");
	CHECK_EQ(data->flags, TF_ACCEPT_FDS, "flags");
	CHECK_EQ(data->target.ptr, 0, "target of the manager's node");
	CHECK_EQ(data->cookie, 0, "cookie of the manager's node");
	CHECK_EQ(data->offsets_size, 0, "offsets_size");
	CHECK(data->data_size >= sizeof(request), "got %llu bytes", data->data_size);
	memcpy(&request, data_of(data), sizeof(request));
	CHECK_EQ(data->data_size, sizeof(request) + request.size, "data_size");
	check_filled((const uint8_t *)data_of(data) + sizeof(request), request.size, request.seed);
	CHECK_EQ(data->sender_pid, request.pid, "sender_pid");
	CHECK_EQ(data->sender_euid, request.uid, "sender_euid");

	fill(bytes, request.reply_size, ~request.seed);
	bc_free(thread, data->data.ptr.buffer);
	bc_data(thread, BC_REPLY, 0, 0, 0, bytes, request.reply_size, NULL, 0);
	// Reply and wait in one ioctl: only the TC may come back, whatever else waits. serve() then looks at it.
	int error = exchange_bytes(thread, sizeof(thread->in));
	CHECK_ERRNO(error, 0, "replying");
	const char *stream = stream_text(thread);
	CHECK(strcmp(stream, "NOOP TC") == 0 || strcmp(stream, "SPAWN_LOOPER TC") == 0, "got \"%s\"", stream);
	thread->reply_completes++;
	thread->answered = true;
	atomic_fetch_add(&board->bytes, request.size + request.reply_size);
	atomic_fetch_add(&board->served, 1);
	atomic_store(&board->pool_threads, atomic_load(&thread->proc->pool_threads));
}

static void run_server(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	set_max_threads(&proc, 7);
	become_manager(&proc);

	proc.handler = answer;
	enter_looper(&thread, &proc);
	atomic_store(&board->ready, true);
	serve(&thread);
}

struct caller {
	struct proc *proc;
	unsigned number, calls;
};

static void *run_caller(void *argument)
{
	const struct caller *caller = argument;
	uint64_t state = scramble(seed * 1000 + caller->number);
	uint8_t bytes[sizeof(struct request) + 32768];
	struct thread thread;
	init_thread(&thread, caller->proc);
	for (unsigned i = 0; i < caller->calls; i++) {
		struct request request = { .pid = getpid(), .uid = geteuid() };
		request.size = pick_size(&state);
		request.reply_size = pick_size(&state);
		request.seed = next_random(&state);
		memcpy(bytes, &request, sizeof(request));
		fill(bytes + sizeof(request), request.size, request.seed);
		bc_data(&thread, BC_TRANSACTION, 0, ECHO, TF_ACCEPT_FDS, bytes, sizeof(request) + request.size, NULL, 0);

		struct event event;
		next_event(&thread, &event);
		if (event.command != BR_TRANSACTION_COMPLETE)
			FAIL("call %u of caller %u, %u bytes: %s", i, caller->number, request.size, return_name(event.command));
		next_event(&thread, &event);
		if (event.command != BR_REPLY)
			FAIL("call %u of caller %u, %u bytes: %s", i, caller->number, request.size, return_name(event.command));
		const struct binder_transaction_data *reply = &event.transaction;
		CHECK_EQ(reply->data_size, request.reply_size, "size of the reply");
		CHECK_EQ(reply->offsets_size, 0, "offsets_size of the reply");
		CHECK_EQ(reply->target.ptr | reply->cookie | reply->code | reply->flags, 0, "target, cookie, code and flags of a reply");
		CHECK_EQ(reply->sender_pid, 0, "sender_pid of a reply");
		check_filled(data_of(reply), reply->data_size, ~request.seed);
		bc_free(&thread, reply->data.ptr.buffer);
	}
	submit(&thread);
	return NULL;
}

static void run_client(void *argument)
{
	unsigned number = *(unsigned *)argument;
	struct proc proc;
	struct caller callers[threads];
	pthread_t started[threads];
	open_proc(&proc, 0, DEFAULT_MAPPING);
	for (unsigned i = 0; i < threads; i++) {
		unsigned all = processes * threads, mine = number * threads + i;
		callers[i] = (struct caller){ .proc = &proc, .number = mine, .calls = calls / all + (mine < calls % all) };
		started[i] = start_thread(run_caller, &callers[i]);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(started[i], NULL);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "calls", 0, "[--processes=4] [--threads=4] [--calls=10000] [--seed=1]");
	processes = option_number("--processes", 4);
	threads = option_number("--threads", 4);
	calls = option_amount("--calls", 10000);
	seed = option_number("--seed", 1);
	// Room for an emulated machine; a stuck call is still noticed.
	settings.deadline = option_number("--deadline", (60 + calls / 200) * settings.slowness);
	alarm(settings.deadline);
	CHECK(processes >= 1 && processes <= 200 && threads >= 1 && threads <= 1000);

	board = share(sizeof(*board));
	uint64_t start = now_ns();
	pid_t server = start_process("server", run_server, NULL), clients[processes];
	AWAIT(atomic_load(&board->ready));
	for (unsigned i = 0; i < processes; i++)
		clients[i] = start_process("client", run_client, &i);
	for (unsigned i = 0; i < processes; i++)
		finish_process(clients[i]);
	// A server thread counts after its reply has gone out.
	AWAIT(atomic_load(&board->served) >= calls);
	CHECK_EQ(atomic_load(&board->served), calls, "calls served");
	CHECK(board->pool_threads <= 7, "got %u", board->pool_threads);
	if (processes * threads > 1 && calls > 1000)
		CHECK(board->pool_threads >= 1, "the pool never grew");
	stop_process(server);
	succeed("%u calls of %u processes x %u threads, %llu bytes checked, pool grew by %u, %.1f s", calls, processes, threads,
		(unsigned long long)board->bytes, board->pool_threads, (double)(now_ns() - start) / 1e9);
	return 0;
}
