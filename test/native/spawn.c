// SPDX-License-Identifier: Apache-2.0
//
// The thread pool: when BR_SPAWN_LOOPER is asked for and when not, growth to max_threads and no further, and looper commands used wrongly.

#include "client.h"

static struct proc from, to;
static struct thread sender, receiver;
static uint32_t node;
static uint32_t next_name = 10;

static void open_pair(uint32_t max_threads)
{
	open_proc(&from, O_NONBLOCK, DEFAULT_MAPPING);
	open_proc(&to, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&sender, &from);
	enter_looper(&receiver, &to);
	publish(&receiver, next_name, 1, 1, 0);
	node = look_up(&sender, next_name);
	next_name++;
	set_max_threads(&to, max_threads);
}

static void close_pair(void)
{
	close_proc(&from);
	close_proc(&to);
}

// The receiver gets a oneway in a read that must look like this.
static void take_(const char *expected)
{
	bc_call(&sender, node, 1, TF_ONE_WAY, NULL);
	exchange_and_expect_(&sender, true, "NOOP TC");
	exchange_and_expect_(&receiver, false, "%s", expected);
	drop_received_(&receiver);
}
#define take(expected) PLACED(take_(expected))

static void *run_commands(void *argument)
{
	struct thread thread;
	init_thread(&thread, &to);
	for (const uint32_t *command = argument; *command; command++)
		bc(&thread, *command);
	submit(&thread);
	return NULL;
}

// Writes looper commands in another thread, which then goes away.
static void elsewhere(const uint32_t *commands)
{
	pthread_join(start_thread(run_commands, (void *)commands), NULL);
}

#define ELSEWHERE(...) elsewhere((const uint32_t[]){ __VA_ARGS__, 0 })

static void check_requests(void)
{
	// Never, if no threads are allowed.
	open_pair(0);
	take("NOOP TRANSACTION");
	// The next read that finds work after they are allowed; once, until a thread has registered.
	set_max_threads(&to, 1);
	expect_nothing(&receiver);
	take("SPAWN_LOOPER TRANSACTION");
	take("NOOP TRANSACTION");
	ELSEWHERE(BC_REGISTER_LOOPER);
	take("NOOP TRANSACTION");
	// One more is allowed. A read that brings only a TC can ask as well.
	set_max_threads(&to, 2);
	bc_call(&receiver, 99, 1, 0, NULL);
	exchange(&receiver, "SPAWN_LOOPER FAILED_REPLY");
	take("NOOP TRANSACTION");
	ELSEWHERE(BC_REGISTER_LOOPER);
	take("NOOP TRANSACTION");
	// Fewer than there are: nothing more is asked for; threads that leave give nothing back.
	set_max_threads(&to, 1);
	take("NOOP TRANSACTION");
	set_max_threads(&to, 2);
	take("NOOP TRANSACTION");
	set_max_threads(&to, 0xffffffff);
	take("SPAWN_LOOPER TRANSACTION");
	close_pair();

	// The word overwrites the first of the buffer, wherever the read began.
	open_pair(1);
	bc_call(&sender, node, 1, TF_ONE_WAY, NULL);
	exchange(&sender, "NOOP TC");
	uint32_t words[256] = { 0x11111111, 0x22222222 };
	struct binder_write_read bwr = { .read_buffer = (uintptr_t)words, .read_size = sizeof(words), .read_consumed = 8 };
	CHECK_SYS(ioctl(to.fd, BINDER_WRITE_READ, &bwr));
	CHECK_EQ(words[0], BR_SPAWN_LOOPER, "first word of the buffer");
	CHECK_EQ(words[1], 0x22222222, "second word of the buffer");
	CHECK_EQ(words[2], BR_TRANSACTION, "first word of the read");
	close_pair();
}

static void check_misuse(void)
{
	// Registered without having been asked for: it does not count.
	open_pair(1);
	ELSEWHERE(BC_REGISTER_LOOPER);
	ELSEWHERE(BC_REGISTER_LOOPER, BC_REGISTER_LOOPER, BC_ENTER_LOOPER);
	take("SPAWN_LOOPER TRANSACTION");
	// Registered after having entered: neither does that; the request stands.
	ELSEWHERE(BC_ENTER_LOOPER, BC_REGISTER_LOOPER);
	set_max_threads(&to, 2);
	take("NOOP TRANSACTION");
	ELSEWHERE(BC_REGISTER_LOOPER);
	take("SPAWN_LOOPER TRANSACTION");
	ELSEWHERE(BC_REGISTER_LOOPER, BC_ENTER_LOOPER, BC_EXIT_LOOPER, BC_ENTER_LOOPER);
	take("NOOP TRANSACTION");
	close_pair();

	// A looper that has said goodbye still works, and is still asked.
	open_pair(1);
	bc(&receiver, BC_EXIT_LOOPER);
	bc(&receiver, BC_EXIT_LOOPER);
	submit(&receiver);
	take("SPAWN_LOOPER TRANSACTION");
	bc(&receiver, BC_REGISTER_LOOPER);
	bc(&receiver, BC_ENTER_LOOPER);
	bc(&receiver, BC_EXIT_LOOPER);
	submit(&receiver);
	take("NOOP TRANSACTION");
	close_pair();

	// A thread that never became a looper is not asked; nor is one that came back after leaving.
	open_pair(1);
	int32_t unused = 0;
	CHECK_SYS(ioctl(to.fd, BINDER_THREAD_EXIT, &unused));
	CHECK_ERRNO(version_error(to.fd), 0, "BINDER_VERSION");
	bc_call(&receiver, 99, 1, 0, NULL);
	exchange(&receiver, "NOOP FAILED_REPLY");
	bc(&receiver, BC_ENTER_LOOPER);
	bc_call(&receiver, 99, 1, 0, NULL);
	exchange(&receiver, "SPAWN_LOOPER FAILED_REPLY");
	close_pair();
}

// ---- Threads that wait

struct waiter {
	atomic_int tid;
	atomic_bool done;
	char text[64]; // what its read brought
};

static struct waiter waiters[2];

static void *run_waiter(void *argument)
{
	struct waiter *waiter = argument;
	struct thread thread;
	enter_looper(&thread, &to);
	atomic_store(&waiter->tid, thread_id());
	int error = exchange_bytes(&thread, sizeof(thread.in));
	CHECK_ERRNO(error, 0, "reading");
	snprintf(waiter->text, sizeof(waiter->text), "%s", stream_text(&thread));
	note_received(&thread);
	bc_free_received(&thread);
	bc_reply(&thread, NULL);
	submit(&thread);
	atomic_store(&waiter->done, true);
	return NULL;
}

// As long as another thread waits for work, no more are needed.
static void check_waiting(void)
{
	open_pair(4);
	CHECK_SYS(fcntl(to.fd, F_SETFL, 0));
	sleep_ms(settings.settle_ms);
	pthread_t threads[2];
	for (unsigned i = 0; i < 2; i++) {
		threads[i] = start_thread(run_waiter, &waiters[i]);
		AWAIT(atomic_load(&waiters[i].tid));
		await_ioctl(getpid(), atomic_load(&waiters[i].tid));
	}
	// The one that came last is taken first.
	for (unsigned i = 2; i-- > 0;) {
		must_call(&sender, node, 1, NULL);
		drop_received(&sender);
		AWAIT(atomic_load(&waiters[i].done));
		const char *expected = i ? "NOOP TRANSACTION" : "SPAWN_LOOPER TRANSACTION";
		CHECK(strcmp(waiters[i].text, expected) == 0, "thread %u: expected \"%s\", got \"%s\"", i, expected, waiters[i].text);
		pthread_join(threads[i], NULL);
	}
	close_pair();
}

// ---- Growth

enum { MOST = 5 };

struct board {
	atomic_uint running, most_running, let_go, spawned, answered;
};

static struct board *board;

static void handle_in_server(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	(void)request;
	(void)reply;
	unsigned running = atomic_fetch_add(&board->running, 1) + 1;
	if (running > atomic_load(&board->most_running))
		atomic_store(&board->most_running, running);
	atomic_store(&board->spawned, atomic_load(&thread->proc->pool_threads));
	// All stay here until the whole pool is here.
	AWAIT(atomic_load(&board->let_go));
	atomic_fetch_sub(&board->running, 1);
}

static void run_server(void *argument)
{
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle_in_server;
	enter_looper(&thread, &proc);
	publish(&thread, *(uint32_t *)argument, 1, 1, 0);
	set_max_threads(&proc, MOST);
	serve(&thread);
}

static void run_client(void *argument)
{
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, *(uint32_t *)argument);
	for (unsigned i = 0; i < 20; i++) {
		must_call(&thread, handle, 1, NULL);
		drop_received(&thread);
		atomic_fetch_add(&board->answered, 1);
	}
}

static void check_growth(void)
{
	enum { CLIENTS = MOST + 4 };
	pid_t server = start_process("server", run_server, &next_name), clients[CLIENTS];
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = start_process("client", run_client, &next_name);
	// The main thread and all of the pool work; the other calls wait.
	AWAIT(atomic_load(&board->running) == MOST + 1);
	sleep_ms(100);
	CHECK_EQ(atomic_load(&board->running), MOST + 1, "calls that are handled at once");
	CHECK_EQ(atomic_load(&board->answered), 0, "calls answered");
	atomic_store(&board->let_go, 1);
	for (unsigned i = 0; i < CLIENTS; i++)
		finish_process(clients[i]);
	CHECK_EQ(atomic_load(&board->answered), CLIENTS * 20, "calls answered");
	CHECK_EQ(atomic_load(&board->most_running), MOST + 1, "most calls handled at once");
	CHECK_EQ(atomic_load(&board->spawned), MOST, "threads spawned");
	stop_process(server);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "spawn", 60, "");
	board = share(sizeof(*board));
	pid_t manager = start_manager();
	check_requests();
	check_misuse();
	check_waiting();
	check_growth();
	stop_process(manager);
	succeed("requests step by step, misuse, waiting threads, a pool that grew to %u", board->spawned);
	return 0;
}
