// SPDX-License-Identifier: Apache-2.0
//
// Opens and descriptors: each open is a proc of its own, also within a process; dup'ed and inherited descriptors share one; closing one of
// them makes waiting readers return; exec closes or keeps them; O_NONBLOCK at open and later by fcntl().

#include "client.h"

enum { ECHO = 1, STORE };

struct board {
	atomic_uint served;
	atomic_uint last_word;
	atomic_int last_pid, last_tid;
	atomic_uint returned; // parked readers that came back with a lone NOOP
	atomic_int tids[2];
	atomic_bool done;
};

static struct board *board;

static void handle_in_server(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	(void)thread;
	put_bytes(reply, data_of(request), request->data_size);
	atomic_store(&board->last_word, request->data_size >= 4 ? word_of(request, 0) : 0);
	atomic_store(&board->last_pid, request->sender_pid);
	atomic_fetch_add(&board->served, 1);
}

static void run_server(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle_in_server;
	enter_looper(&thread, &proc);
	publish(&thread, 1, 0x51, 0x52, 0);
	serve(&thread);
}

static struct parcel word(uint32_t value)
{
	struct parcel parcel = { .size = 0 };
	put_u32(&parcel, value);
	return parcel;
}

// ---- Two opens in one process

static void check_two_opens(void)
{
	struct proc procs[2];
	struct thread threads[2];
	uint32_t handles[2];
	for (unsigned i = 0; i < 2; i++) {
		open_proc(&procs[i], O_NONBLOCK, DEFAULT_MAPPING);
		enter_looper(&threads[i], &procs[i]);
		publish(&threads[i], 10 + i, 0x60, 0x70 + i, 0); // the same pointer: each has its own node
	}
	handles[0] = look_up(&threads[0], 11);
	CHECK_EQ(handles[0], 1, "first handle of the first open");
	// A handle of one means nothing to the other.
	bc_call(&threads[1], handles[0], ECHO, 0, NULL);
	exchange(&threads[1], "NOOP FAILED_REPLY");
	check_extended_error(&threads[1], BR_FAILED_REPLY, EINVAL);
	CHECK_EQ(look_up(&threads[1], 1), 1, "first handle of the second open");
	handles[1] = look_up(&threads[1], 10);
	CHECK_EQ(handles[1], 2, "second handle of the second open");

	// One calls the other, both on the same thread of the same process.
	for (unsigned i = 0; i < 2; i++) {
		bc_call(&threads[i], handles[i], ECHO, 0, NULL);
		submit(&threads[i]);
		expect_nothing(&threads[i]);
		expect(&threads[!i], "NOOP TRANSACTION");
		CHECK_EQ(receive(&threads[!i])->target.ptr, 0x60, "ptr of the node");
		CHECK_EQ(receive(&threads[!i])->cookie, 0x70 + !i, "cookie of the node");
		CHECK_EQ(receive(&threads[!i])->sender_pid, getpid(), "sender_pid");
		bc_free_received(&threads[!i]);
		bc_reply(&threads[!i], NULL);
		exchange(&threads[!i], "NOOP TC");
		expect(&threads[i], "NOOP TC REPLY");
		drop_received(&threads[i]);
	}

	// One is closed: its node is dead, the other lives on.
	close_proc(&procs[0]);
	bc_death(&threads[1], BC_REQUEST_DEATH_NOTIFICATION, handles[1], 0xdead);
	submit(&threads[1]);
	await_stream(&threads[1], "NOOP DEAD_BINDER(dead)");
	bc_call(&threads[1], handles[1], ECHO, 0, NULL);
	exchange(&threads[1], "NOOP DEAD_REPLY");
	must_call(&threads[1], 1, ECHO, NULL);
	drop_received(&threads[1]);
	close_proc(&procs[1]);

	// A hundred and more at once.
	int fds[150];
	for (unsigned i = 0; i < COUNT(fds); i++) {
		fds[i] = open_device(O_CLOEXEC);
		CHECK_ERRNO(version_error(fds[i]), 0, "BINDER_VERSION");
	}
	for (unsigned i = 0; i < COUNT(fds); i++)
		close(fds[i]);
}

// The context manager's process may not call handle 0, from whichever open.
static void run_own_manager(void *unused)
{
	(void)unused;
	struct proc first, second;
	struct thread manager, other;
	open_proc(&first, O_NONBLOCK, 4096);
	open_proc(&second, O_NONBLOCK, 4096);
	enter_looper(&manager, &first);
	enter_looper(&other, &second);
	become_manager(&first);
	const unsigned flags[] = { 0, TF_ONE_WAY };
	for (unsigned i = 0; i < 2; i++) {
		bc_call(&manager, 0, ECHO, flags[i], NULL);
		exchange(&manager, "NOOP FAILED_REPLY");
		check_extended_error(&manager, BR_FAILED_REPLY, EINVAL);
		bc_call(&other, 0, ECHO, flags[i], NULL);
		exchange(&other, "NOOP FAILED_REPLY");
		check_extended_error(&other, BR_FAILED_REPLY, EINVAL);
	}
	expect_nothing(&manager);
}

// ---- dup()

static void check_dup(void)
{
	struct proc proc;
	struct thread thread;
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 1);
	int first = proc.fd, second = CHECK_SYS(fcntl(first, F_DUPFD_CLOEXEC, 0));
	struct parcel parcel = word(1);
	proc.fd = second;
	must_call(&thread, handle, ECHO, &parcel);
	proc.fd = first;
	drop_received(&thread); // the buffer, too, belongs to both
	// A call written through the one is answered through the other.
	bc_call(&thread, handle, ECHO, 0, &parcel);
	submit(&thread);
	proc.fd = second;
	await_stream(&thread, "NOOP TC REPLY");
	drop_received(&thread);
	close(first);
	must_call(&thread, handle, ECHO, &parcel);
	drop_received(&thread);
	close_proc(&proc);
}

// Two threads wait in a read, one more looper is idle. A close of a duplicate brings the two back with a lone NOOP; they wait again.
static void *run_parked(void *argument)
{
	struct thread thread;
	enter_looper(&thread, argument);
	static atomic_uint number;
	atomic_store(&board->tids[atomic_fetch_add(&number, 1) % 2], thread_id());
	for (;;) {
		int error = exchange_bytes(&thread, sizeof(thread.in));
		CHECK_ERRNO(error, 0, "a read during which a duplicate was closed");
		const char *text = stream_text(&thread);
		if (strcmp(text, "NOOP") == 0) {
			atomic_fetch_add(&board->returned, 1);
		} else if (strcmp(text, "NOOP TRANSACTION") == 0) {
			note_received(&thread);
			drop_received(&thread);
			return NULL;
		} else {
			FAIL("got \"%s\"", text);
		}
	}
}

static void await_parked(void)
{
	for (unsigned i = 0; i < 2; i++) {
		AWAIT(atomic_load(&board->tids[i]));
		await_ioctl(getpid(), atomic_load(&board->tids[i]));
	}
}

static void check_flush(void)
{
	struct proc proc, other;
	struct thread thread, sender;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	publish(&thread, 12, 1, 1, 0);
	publish(&thread, 13, 2, 2, 0);
	pthread_t parked[2] = { start_thread(run_parked, &proc), start_thread(run_parked, &proc) };
	for (unsigned i = 0; i < 3; i++) {
		await_parked();
		CHECK_EQ(atomic_load(&board->returned), 2 * i, "reads that returned with a lone NOOP");
		close(CHECK_SYS(dup(proc.fd)));
		AWAIT(atomic_load(&board->returned) == 2 * i + 2);
	}
	// The same by the exit of a child that inherited the descriptor.
	await_parked();
	pid_t child = CHECK_SYS(fork());
	if (child == 0)
		_exit(0);
	AWAIT(atomic_load(&board->returned) == 8);
	// The looper that was busy elsewhere owes one such return as well.
	expect(&thread, "NOOP");
	CHECK_EQ(reap_process(child), 0, "wait status of the child");

	open_proc(&other, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&sender, &other);
	must_send(&sender, look_up(&sender, 12), ECHO, NULL);
	must_send(&sender, look_up(&sender, 13), ECHO, NULL);
	pthread_join(parked[0], NULL);
	pthread_join(parked[1], NULL);
	close_proc(&other);
	close_proc(&proc);
}

// ---- fork()

static void check_fork(void)
{
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 1);
	static uint32_t data = 1;
	unsigned served = atomic_load(&board->served);
	pid_t parent = getpid(), child = CHECK_SYS(fork());
	if (child == 0) {
		role = "forked child";
		struct thread mine;
		init_thread(&mine, &proc);
		CHECK_ERRNO(version_error(proc.fd), 0, "BINDER_VERSION by a child");
		data = 2; // the child's memory, not the parent's
		bc_data(&mine, BC_TRANSACTION, handle, ECHO, TF_ONE_WAY, &data, sizeof(data), NULL, 0);
		exchange(&mine, "NOOP TC");
		AWAIT(atomic_load(&board->served) == served + 1);
		CHECK_EQ(atomic_load(&board->last_word), 2, "data that the child sent");
		data = 3;
		bc_data(&mine, BC_TRANSACTION, handle, ECHO, 0, &data, sizeof(data), NULL, 0);
		struct event event;
		next_event(&mine, &event);
		CHECK_EQ(event.command, BR_TRANSACTION_COMPLETE, "command");
		next_event(&mine, &event);
		CHECK_EQ(event.command, BR_REPLY, "command");
		// The answer lies in the parent's mapping.
		CHECK_EQ(event.transaction.data_size, 4, "data_size of the reply");
		CHECK_EQ(atomic_load(&board->last_word), 3, "data that the child sent");
		// The proc is the parent's, and so is the identity.
		CHECK_EQ(atomic_load(&board->last_pid), parent, "sender_pid of the child's call");
		bc_free(&mine, event.transaction.data.ptr.buffer);
		submit(&mine);
		if (settings.kernel)
			CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, proc.fd, 0) == MAP_FAILED && errno == EINVAL, "errno %d", errno);
		_exit(0);
	}
	int status = reap_process(child);
	CHECK_EQ(status, 0, "wait status of the child");
	struct parcel parcel = word(4);
	must_call(&thread, handle, ECHO, &parcel);
	CHECK_EQ(word_of(receive(&thread), 0), 4, "data of the reply");
	CHECK_EQ(atomic_load(&board->last_word), 4, "data that the parent sent");
	drop_received(&thread);
	close_proc(&proc);
}

// ---- exec()

// The program after exec: uses the descriptor it inherited, says so, and stays.
static int run_after_exec(int fd)
{
	struct binder_version version = { 0 };
	char answer = 'c'; // closed
	if (ioctl(fd, BINDER_VERSION, &version) == 0) {
		struct proc proc = { .fd = fd };
		struct thread thread;
		role = "after exec";
		init_thread(&thread, &proc);
		answer = version.protocol_version == BINDER_CURRENT_PROTOCOL_VERSION ? 'o' : 'v'; // open
		must_send(&thread, 0, MANAGER_PING, NULL);
	} else if (errno != EBADF) {
		answer = 'e';
	}
	if (write(1, &answer, 1) != 1)
		return 1;
	pause();
	return 0;
}

struct exec_plan {
	bool keep;
	int pipe[2];
};

static void run_exec(void *argument)
{
	const struct exec_plan *plan = argument;
	struct proc proc;
	struct thread thread;
	char inherited[32], deadline[32];
	open_proc(&proc, 0, DEFAULT_MAPPING);
	if (plan->keep)
		CHECK_SYS(fcntl(proc.fd, F_SETFD, 0));
	enter_looper(&thread, &proc);
	publish(&thread, 14 + plan->keep, 1, 1, 0);
	AWAIT(atomic_load(&board->done));
	CHECK_SYS(dup2(plan->pipe[1], 1));
	snprintf(inherited, sizeof(inherited), "--inherited=%d", proc.fd);
	snprintf(deadline, sizeof(deadline), "--deadline=%u", settings.deadline);
	execl("/proc/self/exe", settings.argv[0], settings.device, inherited, deadline, NULL);
	FAIL("exec: %s", strerror(errno));
}

static void check_exec(bool keep)
{
	struct exec_plan plan = { .keep = keep };
	struct proc proc;
	struct thread thread;
	char answer = 0;
	CHECK_SYS(pipe2(plan.pipe, O_CLOEXEC));
	atomic_store(&board->done, false);
	pid_t child = start_process("before exec", run_exec, &plan);
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 14 + keep);
	bc_death(&thread, BC_REQUEST_DEATH_NOTIFICATION, handle, 0xabc);
	submit(&thread);
	bc_call(&thread, handle, ECHO, TF_ONE_WAY, NULL);
	exchange(&thread, "NOOP TC");
	atomic_store(&board->done, true);
	close(plan.pipe[1]);
	CHECK_EQ(read(plan.pipe[0], &answer, 1), 1, "bytes of the answer");
	CHECK_EQ(answer, keep ? 'o' : 'c', "state of the descriptor after exec");
	if (keep) {
		// The proc lives, its mapping went with the old program.
		sleep_ms(settings.settle_ms);
		bc_call(&thread, handle, ECHO, 0, NULL);
		exchange(&thread, "NOOP DEAD_REPLY");
		check_extended_error(&thread, BR_DEAD_REPLY, ESRCH);
		expect_nothing(&thread);
	} else {
		await_stream(&thread, "NOOP DEAD_BINDER(abc)");
		CHECK(kill(child, 0) == 0, "the process is gone");
	}
	stop_process(child);
	if (keep)
		await_stream(&thread, "NOOP DEAD_BINDER(abc)");
	close(plan.pipe[0]);
	close_proc(&proc);
}

// ---- O_NONBLOCK

static void *run_late_reader(void *argument)
{
	struct thread thread;
	enter_looper(&thread, argument);
	atomic_store(&board->last_tid, thread_id());
	expect(&thread, "NOOP TRANSACTION");
	drop_received(&thread);
	return NULL;
}

static void check_nonblock(void)
{
	struct proc proc, other;
	struct thread thread, sender;
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	expect(&thread, "NOOP"); // a thread's very first read
	expect_nothing(&thread);
	bc(&thread, BC_ENTER_LOOPER);
	submit(&thread);
	expect_nothing(&thread);
	publish(&thread, 16, 1, 1, 0);
	close_proc(&proc);

	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	publish(&thread, 17, 1, 1, 0);
	open_proc(&other, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&sender, &other);
	uint32_t handle = look_up(&sender, 17);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_SYS(fcntl(proc.fd, F_SETFL, O_NONBLOCK));
		sleep_ms(settings.settle_ms);
		expect_nothing(&thread);
		CHECK_SYS(fcntl(proc.fd, F_SETFL, 0));
		sleep_ms(settings.settle_ms);
		atomic_store(&board->last_tid, 0);
		pthread_t reader = start_thread(run_late_reader, &proc);
		AWAIT(atomic_load(&board->last_tid));
		await_ioctl(getpid(), atomic_load(&board->last_tid));
		must_send(&sender, handle, ECHO, NULL);
		pthread_join(reader, NULL);
	}
	close_proc(&proc);
	close_proc(&other);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "opens", 60, "");
	if (option_given("--inherited"))
		return run_after_exec(option_number("--inherited", 0));
	board = share(sizeof(*board));
	finish_process(start_process("manager calling itself", run_own_manager, NULL));
	pid_t manager = start_manager(), server = start_process("server", run_server, NULL);
	check_two_opens();
	check_dup();
	check_flush();
	check_fork();
	check_exec(false);
	check_exec(true);
	check_nonblock();
	stop_process(server);
	stop_process(manager);
	succeed("two opens in a process, dup, close, fork, exec, O_NONBLOCK");
	return 0;
}
