// SPDX-License-Identifier: Apache-2.0
//
// Signals: a handler interrupts a waiting read with EINTR, whether or not it asks for restarts, and no work is lost by it; processes are
// stopped and continued, and killed while they wait, serve or call; a thread waits while another one exits. All others go on meanwhile.

#include "client.h"

enum { ECHO = 1, SLOW, NEVER };

struct board {
	atomic_int reader;        // tid of a thread that is about to wait
	atomic_uint taken;        // calls that a server has taken
	atomic_uint served;
	atomic_bool stop;
	atomic_uint background;   // calls of the process that must not notice anything
	atomic_int interrupted;   // reads that ended with EINTR
};

static struct board *board;
static atomic_uint handled;

static void on_signal(int number)
{
	(void)number;
	atomic_fetch_add(&handled, 1);
}

static void catch_signal(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
}

static void handle_in_server(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	atomic_fetch_add(&board->taken, 1);
	switch (request->code) {
	case ECHO:
		put_bytes(reply, data_of(request), request->data_size);
		break;
	case SLOW:
		sleep_ms(100);
		put_bytes(reply, data_of(request), request->data_size);
		break;
	case NEVER:
		for (;;)
			pause();
	default:
		FAIL("code %u", request->code);
	}
	(void)thread;
	atomic_fetch_add(&board->served, 1);
}

// A server under a name; given the name's number it serves until killed.
static void run_server(void *argument)
{
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle_in_server;
	enter_looper(&thread, &proc);
	publish(&thread, *(uint32_t *)argument, 1, 1, 0);
	serve(&thread);
}

static pid_t start_server(uint32_t name)
{
	return start_process("server", run_server, &name);
}

static void run_background(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	for (uint32_t i = 0; !atomic_load(&board->stop); i++) {
		struct parcel parcel = { .size = 0 };
		put_u32(&parcel, i);
		must_call(&thread, 0, MANAGER_PING, &parcel);
		CHECK_EQ(word_of(&thread.received, 0), i, "data of the reply");
		drop_received(&thread);
		atomic_fetch_add(&board->background, 1);
		sleep_ms(1);
	}
}

// ---- Interrupted reads

static void *interrupt_reader(void *argument)
{
	pthread_t reader = *(pthread_t *)argument;
	await_ioctl(getpid(), atomic_load(&board->reader));
	pthread_kill(reader, SIGUSR1);
	return NULL;
}

static void check_interrupted(int flags)
{
	struct proc proc;
	struct thread thread;
	pthread_t self = pthread_self();
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 1);
	catch_signal(flags);
	atomic_store(&board->reader, thread_id());

	// The commands before the read were carried out, and the caller is told so.
	unsigned before = atomic_load(&handled);
	bc_handle(&thread, BC_INCREFS, 0);
	bc_free(&thread, 0x1234);
	bc_handle(&thread, BC_DECREFS, 0);
	size_t size = thread.out_size;
	pthread_t other = start_thread(interrupt_reader, &self);
	int error = exchange_bytes(&thread, sizeof(thread.in));
	pthread_join(other, NULL);
	CHECK_ERRNO(error, EINTR, "an interrupted read");
	CHECK_EQ(thread.wrote, size, "write_consumed");
	CHECK_EQ(thread.in_size, 0, "read_consumed");
	CHECK_EQ(atomic_load(&handled), before + 1, "signals handled");

	// A call that is interrupted goes on: its answer comes to a later read, once.
	struct parcel parcel = { .size = 0 };
	put_u32(&parcel, 77);
	unsigned taken = atomic_load(&board->taken);
	bc_call(&thread, handle, SLOW, 0, &parcel);
	other = start_thread(interrupt_reader, &self);
	error = exchange_bytes(&thread, sizeof(thread.in));
	pthread_join(other, NULL);
	CHECK_ERRNO(error, EINTR, "an interrupted call");
	CHECK_EQ(thread.out_size, 0, "bytes of the call not consumed");
	CHECK_EQ(thread.in_size, 0, "read_consumed");
	expect(&thread, "NOOP TC REPLY");
	CHECK_EQ(word_of(receive(&thread), 0), 77, "data of the reply");
	drop_received(&thread);
	CHECK_EQ(atomic_load(&board->taken), taken + 1, "calls taken by the server");
	close_proc(&proc);
}

// ---- A storm of signals on a client and its server

static void *run_storm(void *argument)
{
	const pid_t *targets = argument;
	while (!atomic_load(&board->stop)) {
		kill(targets[0], SIGUSR1);
		kill(targets[1], SIGUSR1);
		sleep_short();
	}
	return NULL;
}

// As next_event(), but with an eye on EINTR.
static void next_event_in_storm(struct thread *thread, struct event *event)
{
	for (;;) {
		while (!next_return(thread, event)) {
			int error = exchange_bytes(thread, sizeof(thread->in));
			if (error == EINTR)
				atomic_fetch_add(&board->interrupted, 1);
			else
				CHECK_ERRNO(error, 0, "reading");
		}
		if (event->command == BR_INCREFS || event->command == BR_ACQUIRE)
			bc_node(thread, event->command == BR_INCREFS ? BC_INCREFS_DONE : BC_ACQUIRE_DONE, event->node.ptr, event->node.cookie);
		else if (event->command != BR_NOOP && event->command != BR_TRANSACTION_COMPLETE)
			return;
	}
}

static void run_storm_server(void *argument)
{
	struct proc proc;
	struct thread thread;
	struct event event;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	publish(&thread, 2, 1, 1, 0);
	catch_signal(0);
	atomic_store((atomic_bool *)argument, true);
	for (;;) {
		next_event_in_storm(&thread, &event);
		CHECK_EQ(event.command, BR_TRANSACTION, "command");
		struct parcel reply = { .size = 0 };
		put_bytes(&reply, data_of(&event.transaction), event.transaction.data_size);
		bc_free(&thread, event.transaction.data.ptr.buffer);
		bc_reply(&thread, &reply);
		atomic_fetch_add(&board->served, 1);
		// The reply goes out with the next read, which may be interrupted; it must leave exactly once.
		int error = exchange_bytes(&thread, sizeof(thread.in));
		if (error == EINTR)
			atomic_fetch_add(&board->interrupted, 1);
		else
			CHECK_ERRNO(error, 0, "replying");
		CHECK_EQ(thread.out_size, 0, "bytes of the reply not consumed");
	}
}

static void run_storm_client(void *argument)
{
	unsigned calls = *(unsigned *)argument;
	struct proc proc;
	struct thread thread;
	struct event event;
	catch_signal(SA_RESTART);
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	// The look-up may be interrupted as well, so it is done by hand; the first handle is 1.
	struct parcel name = { .size = 0 };
	put_u32(&name, 2);
	bc_call(&thread, 0, MANAGER_LOOK_UP, 0, &name);
	next_event_in_storm(&thread, &event);
	CHECK_EQ(object_of(&event.transaction, 0, BINDER_TYPE_HANDLE).handle, 1, "handle");
	bc_handle(&thread, BC_ACQUIRE, 1);
	bc_free(&thread, event.transaction.data.ptr.buffer);
	for (uint32_t i = 0; i < calls; i++) {
		struct parcel parcel = { .size = 0 };
		put_u32(&parcel, i);
		bc_call(&thread, 1, ECHO, 0, &parcel);
		next_event_in_storm(&thread, &event);
		CHECK_EQ(event.command, BR_REPLY, "command");
		CHECK_EQ(word_of(&event.transaction, 0), i, "data of the reply");
		bc_free(&thread, event.transaction.data.ptr.buffer);
	}
}

static void check_storm(unsigned calls)
{
	atomic_bool *ready = share(sizeof(*ready));
	unsigned served = atomic_load(&board->served);
	pid_t server = start_process("server in the storm", run_storm_server, ready);
	AWAIT(atomic_load(ready));
	// Until a process has its handler, the signal would kill it: the client inherits ours.
	catch_signal(SA_RESTART);
	pid_t client = start_process("client in the storm", run_storm_client, &calls), targets[2] = { server, client };
	pthread_t storm = start_thread(run_storm, targets);
	finish_process(client);
	atomic_store(&board->stop, true);
	pthread_join(storm, NULL);
	atomic_store(&board->stop, false);
	CHECK_EQ(atomic_load(&board->served) - served, calls, "calls served");
	CHECK(atomic_load(&board->interrupted) > 0, "the storm hit nothing");
	stop_process(server);
}

// ---- Stopped and continued

static void run_stopped(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	publish(&thread, 3, 1, 1, 0);
	atomic_store(&board->reader, thread_id());
	int error = exchange_bytes(&thread, sizeof(thread.in));
	CHECK_ERRNO(error, EINTR, "a read during which the process was stopped");
	expect(&thread, "NOOP TRANSACTION");
	drop_received(&thread);
}

static void check_stopped(void)
{
	struct proc proc;
	struct thread thread;
	int status;
	atomic_store(&board->reader, 0);
	pid_t child = start_process("stopped", run_stopped, NULL);
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 3);
	AWAIT(atomic_load(&board->reader));
	await_ioctl(child, atomic_load(&board->reader));
	CHECK_SYS(kill(child, SIGSTOP));
	CHECK_EQ(waitpid(child, &status, WUNTRACED), child, "waitpid");
	CHECK(WIFSTOPPED(status), "wait status 0x%x", status);
	must_send(&thread, handle, ECHO, NULL);
	sleep_ms(20);
	CHECK_SYS(kill(child, SIGCONT));
	finish_process(child);
	close_proc(&proc);
}

// ---- Killed

static void run_waiting(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	atomic_store(&board->reader, thread_id());
	exchange_bytes(&thread, sizeof(thread.in));
	FAIL("nobody was to wake this read");
}

// Killed while it waits, with several threads and with one.
static void *run_waiting_thread(void *argument)
{
	struct thread thread;
	enter_looper(&thread, argument);
	exchange_bytes(&thread, sizeof(thread.in));
	FAIL("nobody was to wake this read");
}

static void run_waiting_threads(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	for (unsigned i = 0; i < 5; i++)
		start_thread(run_waiting_thread, &proc);
	enter_looper(&thread, &proc);
	atomic_store(&board->reader, thread_id());
	exchange_bytes(&thread, sizeof(thread.in));
	FAIL("nobody was to wake this read");
}

static void check_killed_waiting(void)
{
	for (unsigned i = 0; i < 10; i++) {
		atomic_store(&board->reader, 0);
		pid_t child = start_process("waiting", i % 2 ? run_waiting_threads : run_waiting, NULL);
		AWAIT(atomic_load(&board->reader));
		await_ioctl(child, atomic_load(&board->reader));
		stop_process(child);
	}
}

// The server dies with one call in hand and another not yet taken.
static void check_killed_server(void)
{
	struct proc proc;
	struct thread thread;
	pid_t server = start_server(4);
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 4);
	struct proc other_proc;
	struct thread other;
	open_proc(&other_proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&other, &other_proc);
	uint32_t other_handle = look_up(&other, 4);
	unsigned taken = atomic_load(&board->taken);
	bc_call(&thread, handle, NEVER, 0, NULL);
	submit(&thread);
	AWAIT(atomic_load(&board->taken) == taken + 1);
	bc_call(&other, other_handle, NEVER, 0, NULL);
	submit(&other);
	bc_call(&other, other_handle, NEVER, TF_ONE_WAY, NULL);
	exchange(&other, "NOOP TC TC");
	expect_nothing(&thread);
	expect_nothing(&other);
	stop_process(server);
	await_stream(&thread, "NOOP TC DEAD_REPLY");
	await_stream(&other, "NOOP DEAD_REPLY");
	expect_nothing(&thread);
	expect_nothing(&other);
	bc_call(&thread, handle, ECHO, 0, NULL);
	exchange(&thread, "NOOP DEAD_REPLY");
	bc_call(&thread, handle, ECHO, TF_ONE_WAY, NULL);
	exchange(&thread, "NOOP DEAD_REPLY");
	close_proc(&proc);
	close_proc(&other_proc);
}

static void run_caller(void *argument)
{
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, *(uint32_t *)argument);
	bc_call(&thread, handle, ECHO, 0, NULL);
	exchange_bytes(&thread, sizeof(thread.in));
	FAIL("nobody was to answer this call");
}

// The caller dies while its call is in hand: the server learns nothing of it and goes on.
static void check_killed_caller(void)
{
	struct proc proc;
	struct thread thread;
	uint32_t name = 5;
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	publish(&thread, name, 1, 1, 0);
	for (unsigned i = 0; i < 4; i++) {
		pid_t caller = start_process("caller", run_caller, &name);
		if (i % 2) {
			await_stream(&thread, "NOOP TRANSACTION");
			CHECK_EQ(receive(&thread)->sender_pid, caller, "sender_pid");
			stop_process(caller);
		} else {
			// Dead before the call is read.
			await_ioctl(caller, caller);
			struct pollfd poller = { .fd = proc.fd, .events = POLLIN };
			CHECK_EQ(poll(&poller, 1, -1), 1, "poll");
			stop_process(caller);
			sleep_ms(50);
			expect(&thread, "NOOP TRANSACTION");
			CHECK_EQ(receive(&thread)->sender_pid, 0, "sender_pid of a dead caller");
		}
		sleep_ms(50);
		bc_free_received(&thread);
		bc_reply(&thread, NULL);
		exchange(&thread, "NOOP TC");
		expect_nothing(&thread);
	}
	close_proc(&proc);
}

// ---- exit() beside a waiting thread

static void run_exiting(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	atomic_store(&board->reader, 0);
	for (unsigned i = 0; i < 3; i++)
		start_thread(run_waiting_thread, &proc);
	enter_looper(&thread, &proc);
	sleep_ms(50);
	exit(7);
}

static void check_exit(void)
{
	for (unsigned i = 0; i < 5; i++) {
		int status = reap_process(start_process("exiting", run_exiting, NULL));
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "wait status 0x%x", status);
	}
}

int main(int argc, char **argv)
{
	begin(argc, argv, "signals", 90, "[--calls=1000]");
	board = share(sizeof(*board));
	pid_t manager = start_manager(), server = start_server(1), background = start_process("background", run_background, NULL);
	check_interrupted(0);
	check_interrupted(SA_RESTART);
	check_stopped();
	check_killed_waiting();
	check_killed_server();
	check_killed_caller();
	check_exit();
	atomic_store(&board->stop, true);
	finish_process(background);
	atomic_store(&board->stop, false);
	CHECK(atomic_load(&board->background) > 100, "the process in the background made %u calls", atomic_load(&board->background));
	unsigned calls = option_amount("--calls", 1000);
	check_storm(calls);
	stop_process(server);
	stop_process(manager);
	succeed("EINTR with and without SA_RESTART, %u calls in a storm with %d interrupted reads, stop, kill, exit; %u calls beside it undisturbed",
		calls, board->interrupted, board->background);
	return 0;
}
