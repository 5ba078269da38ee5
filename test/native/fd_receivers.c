// SPDX-License-Identifier: Apache-2.0
//
// Receivers of descriptors with whom something is the matter: traced by somebody, behind filters of system calls, short of numbers,
// dead; and senders that are gone when their call is read. Nothing hangs or is left, and who must be told is told why.

#include "descriptors.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/socket.h>

enum {
	TAKE = 1, // the server counts the descriptors it gets
	GIVE,     // the reply has a descriptor
	TAKEN,    // answers how many descriptors came
	LEAVE,
};

static struct {
	atomic_uint server; // thread id of the one that serves
	atomic_uint tracer; // process id, when it traces
	atomic_uint caller; // thread id of one that is about to call
	atomic_bool go;
	atomic_bool stop;
} *board;

// ---- The server

struct server {
	uint32_t name;
	uint32_t filter; // what a filter says to socketpair, recvmsg, close and mmap: one of SECCOMP_RET, 0 for no filter
};

static unsigned taken;

static void handle(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	switch (request->code) {
	case TAKE:
		for (size_t i = 0; i < objects_in(request); i++, taken++)
			CHECK_EQ(CHECK_SYS(fcntl(fd_of(request, i), F_GETFD)), FD_CLOEXEC, "descriptor flags");
		// Left open: behind a filter they cannot be closed.
		break;
	case GIVE:
		put_fd(reply, (int)(intptr_t)thread->proc->context);
		break;
	case TAKEN:
		put_u32(reply, taken);
		break;
	case LEAVE:
		thread->stop = true;
		break;
	default:
		FAIL("a call with code %u", request->code);
	}
}

static void refuse_calls(uint32_t answer)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socketpair, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_recvmsg, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_close, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, answer),
	};
	struct sock_fprog program = { .len = COUNT(filter), .filter = filter };
	CHECK_SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void run_server(void *argument)
{
	const struct server *server = argument;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle;
	proc.context = (void *)(intptr_t)CHECK_SYS(memfd_create("given", MFD_CLOEXEC));
	enter_looper(&thread, &proc);
	publish(&thread, server->name, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	if (server->filter)
		refuse_calls(server->filter);
	atomic_store(&board->server, thread_id());
	serve(&thread);
	submit(&thread);
}

static pid_t start_server(uint32_t name, uint32_t filter)
{
	struct server server = { name, filter };
	atomic_store(&board->server, 0);
	pid_t pid = start_process("server", run_server, &server);
	AWAIT(atomic_load(&board->server));
	return pid;
}

static void stop_server(struct thread *thread, uint32_t handle, pid_t pid)
{
	must_call(thread, handle, LEAVE, NULL);
	bc_free_received(thread);
	submit(thread);
	finish_process(pid);
	bc_handle(thread, BC_RELEASE, handle);
	submit(thread);
}

static unsigned taken_by(struct thread *thread, uint32_t handle)
{
	must_call(thread, handle, TAKEN, NULL);
	unsigned count = word_of(&thread->received, 0);
	drop_received(thread);
	return count;
}

// A call with a descriptor. Returns whether it came there; otherwise its sender must be told that the receiver does not let us.
static bool gives(struct thread *thread, uint32_t handle, const struct parcel *parcel)
{
	uint32_t ending = call(thread, handle, TAKE, 0, parcel);
	if (ending == BR_REPLY) {
		drop_received(thread);
		return true;
	}
	CHECK_EQ(ending, BR_FAILED_REPLY, "outcome");
	check_extended_error(thread, BR_FAILED_REPLY, EPERM);
	// And the record is as it was before anything was sent.
	check_extended_error(thread, BR_OK, 0);
	return false;
}

// ---- Traced

static void run_tracer(void *argument)
{
	pid_t tid = (pid_t) * (uint32_t *)argument;
	CHECK_SYS(ptrace(PTRACE_SEIZE, tid, NULL, NULL));
	atomic_store(&board->tracer, (unsigned)getpid());
	AWAIT(atomic_load(&board->stop));
}

static pid_t start_tracer(uint32_t tid)
{
	atomic_store(&board->tracer, 0);
	atomic_store(&board->stop, false);
	pid_t pid = start_process("tracer", run_tracer, &tid);
	AWAIT(atomic_load(&board->tracer));
	return pid;
}

static void stop_tracer(pid_t pid)
{
	atomic_store(&board->stop, true);
	finish_process(pid);
}

static void check_traced_server(struct thread *thread, const struct parcel *parcel)
{
	pid_t pid = start_server(1, 0);
	uint32_t handle = look_up(thread, 1);
	CHECK(gives(thread, handle, parcel), "a server that nobody traces");
	pid_t tracer = start_tracer(atomic_load(&board->server));
	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(gives(thread, handle, parcel), settings.kernel, "whether a traced server gets descriptors");
	// Nobody hears of a oneway that is dropped.
	must_send(thread, handle, TAKE, parcel);
	CHECK_EQ(taken_by(thread, handle), settings.kernel ? 5 : 1, "descriptors that came");
	stop_tracer(tracer);
	CHECK(gives(thread, handle, parcel), "a server that nobody traces any more");
	CHECK_EQ(taken_by(thread, handle), settings.kernel ? 6 : 2, "descriptors that came");
	stop_server(thread, handle, pid);
}

static void run_traced_caller(void *argument)
{
	(void)argument;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	uint32_t handle = look_up(&thread, 2);
	for (unsigned round = 0; round < 3; round++) {
		bool may_fail = round == 1 && !settings.kernel;
		atomic_store(&board->go, false);
		atomic_store(&board->caller, thread_id());
		AWAIT(atomic_load(&board->go));
		unsigned before = count_fds();
		uint32_t ending = call(&thread, handle, GIVE, TF_ACCEPT_FDS, NULL);
		CHECK_EQ(ending, may_fail ? BR_FAILED_REPLY : BR_REPLY, "outcome");
		if (may_fail) {
			check_extended_error(&thread, BR_FAILED_REPLY, EPERM);
			CHECK_EQ(count_fds(), before, "descriptors");
			continue;
		}
		check_extended_error(&thread, BR_OK, 0);
		CHECK_SYS(close(fd_of(&thread.received, 0)));
		drop_received(&thread);
	}
	atomic_store(&board->caller, 0);
	close_proc(&proc);
}

// A reply fails for the thread that waits for it, not for the one that sent it.
static void check_traced_caller(struct thread *thread)
{
	pid_t pid = start_server(2, 0), tracer = 0;
	uint32_t handle = look_up(thread, 2);
	atomic_store(&board->caller, 0);
	pid_t caller = start_process("caller", run_traced_caller, NULL);
	for (unsigned round = 0; round < 3; round++) {
		AWAIT(atomic_load(&board->caller) && !atomic_load(&board->go));
		if (round == 1)
			tracer = start_tracer(atomic_load(&board->caller));
		atomic_store(&board->go, true);
		if (round == 1) {
			AWAIT(!atomic_load(&board->go));
			stop_tracer(tracer);
		}
	}
	finish_process(caller);
	stop_server(thread, handle, pid);
}

// ---- With a disposition of its own for SIGTRAP, by which a tracer may be noticed

static void on_trap(int number)
{
	(void)number;
}

static void check_traps(struct thread *thread, const struct parcel *parcel)
{
	struct proc proc;
	struct thread reader;
	struct sigaction now;
	sigset_t blocked, pending;
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&reader, &proc);
	publish(&reader, 13, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	uint32_t handle = look_up(thread, 13);
	CHECK_SYS(sigemptyset(&blocked));
	CHECK_SYS(sigaddset(&blocked, SIGTRAP));
	void (*const handlers[])(int) = { SIG_IGN, on_trap, SIG_DFL };
	for (unsigned i = 0; i < 2 * COUNT(handlers); i++) {
		CHECK(signal(SIGTRAP, handlers[i / 2]) != SIG_ERR, "signal: %s", strerror(errno));
		int how = i % 2 ? SIG_BLOCK : SIG_UNBLOCK;
		CHECK_SYS(sigprocmask(how, &blocked, NULL));
		must_send(thread, handle, 1, parcel);
		expect(&reader, "NOOP TRANSACTION");
		CHECK_SYS(close(fd_of(receive(&reader), 0)));
		drop_received(&reader);
		CHECK_SYS(sigaction(SIGTRAP, NULL, &now));
		CHECK(now.sa_handler == handlers[i / 2], "the disposition of SIGTRAP has changed");
		CHECK_SYS(sigprocmask(SIG_BLOCK, NULL, &blocked));
		CHECK_EQ(sigismember(&blocked, SIGTRAP), i % 2, "whether SIGTRAP is blocked");
		CHECK_SYS(sigpending(&pending));
		CHECK_EQ(sigismember(&pending, SIGTRAP), 0, "whether a SIGTRAP is pending");
		CHECK_SYS(sigemptyset(&blocked));
		CHECK_SYS(sigaddset(&blocked, SIGTRAP));
	}
	CHECK_SYS(sigprocmask(SIG_UNBLOCK, &blocked, NULL));
	close_proc(&proc);
	forget(thread, 13);
}

// ---- Behind a filter

// Descriptors are installed by system calls that the filter knows nothing good of. Either it is no obstacle, or the receiver is left alone.
static bool check_filtered(struct thread *thread, const struct parcel *parcel)
{
	const uint32_t answers[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO | EACCES };
	bool came[COUNT(answers)];
	for (unsigned i = 0; i < COUNT(answers); i++) {
		pid_t pid = start_server(3 + i, answers[i]);
		uint32_t handle = look_up(thread, 3 + i);
		came[i] = gives(thread, handle, parcel);
		CHECK_EQ(gives(thread, handle, parcel), came[i], "whether it gets descriptors the second time");
		CHECK_EQ(taken_by(thread, handle), came[i] ? 2 : 0, "descriptors that came");
		stop_server(thread, handle, pid);
		CHECK_EQ(came[i], came[0], "whether the filter's answer matters");
	}
	return came[0];
}

// ---- Almost no numbers left

static void check_almost_full(struct thread *thread, const struct parcel *parcel)
{
	struct proc proc;
	struct thread reader;
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&reader, &proc);
	publish(&reader, 10, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	uint32_t handle = look_up(thread, 10);
	// Two more are open while one is installed, but for the kernel's own driver.
	for (unsigned room = 0; room < 3; room++)
		call_with_room(thread, handle, parcel, &reader, room, room >= (settings.kernel ? 1 : 2));
	close_proc(&proc);
}

// ---- Dead, the one or the other

struct sender {
	int fd;
	bool oneway;
};

static void run_sender(void *argument)
{
	const struct sender *sender = argument;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	uint32_t handle = look_up(&thread, 11);
	struct parcel parcel = { .size = 0 };
	put_fd(&parcel, sender->fd);
	bc_call(&thread, handle, 1, sender->oneway ? TF_ONE_WAY : 0, &parcel);
	submit(&thread);
	// Nobody reads its outcome, nor closes anything.
}

static void check_dead_senders(struct thread *thread)
{
	struct proc proc;
	struct thread reader;
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&reader, &proc);
	publish(&reader, 11, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	for (unsigned round = 0; round < 4; round++) {
		char text[8];
		int ends[2];
		CHECK_SYS(pipe2(ends, O_CLOEXEC));
		CHECK_EQ(write(ends[1], "legacy", 6), 6, "write");
		CHECK_SYS(close(ends[1]));
		struct sender sender = { ends[0], round % 2 };
		pid_t pid = start_process("sender", run_sender, &sender);
		finish_process(pid);
		CHECK_SYS(close(ends[0]));
		expect(&reader, "NOOP TRANSACTION");
		int fd = fd_of(receive(&reader), 0);
		CHECK_EQ(CHECK_SYS(read(fd, text, 8)), 6, "read");
		CHECK(memcmp(text, "legacy", 6) == 0, "got %.6s", text);
		CHECK_EQ(CHECK_SYS(read(fd, text, 8)), 0, "read at the end");
		CHECK_SYS(close(fd));
		bc_free_received(&reader);
		if (!sender.oneway) {
			bc_reply(&reader, NULL);
			exchange(&reader, "NOOP TC"); // as ever, although nobody hears it
		} else {
			submit(&reader);
		}
	}
	close_proc(&proc);
	forget(thread, 11);
}

static void run_idle(void *argument)
{
	(void)argument;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	publish(&thread, 12, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	atomic_store(&board->server, thread_id());
	pause();
}

// What was on its way to it is closed: the other end of the pipe sees that nobody is left.
static void check_dead_receiver(struct thread *thread)
{
	int ends[2];
	char text[8];
	atomic_store(&board->server, 0);
	pid_t pid = start_process("idle", run_idle, NULL);
	AWAIT(atomic_load(&board->server));
	uint32_t handle = look_up(thread, 12);
	CHECK_SYS(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	struct parcel parcel = { .size = 0 };
	put_fd(&parcel, ends[1]);
	for (unsigned i = 0; i < 3; i++)
		must_send(thread, handle, 1, &parcel);
	bc_call(thread, handle, 1, 0, &parcel);
	submit(thread);
	CHECK_SYS(close(ends[1]));
	CHECK_ERRNO(read(ends[0], text, 8) < 0 ? errno : 0, EAGAIN, "read of a pipe whose other end is on its way");
	stop_process(pid);
	struct event event;
	next_event(thread, &event);
	CHECK_EQ(event.command, BR_TRANSACTION_COMPLETE, "first");
	next_event(thread, &event);
	CHECK_EQ(event.command, BR_DEAD_REPLY, "second");
	AWAIT(read(ends[0], text, 8) == 0);
	CHECK_SYS(close(ends[0]));
	forget(thread, 12);
	bc_handle(thread, BC_RELEASE, handle);
	submit(thread);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "fd_receivers", 60, "");
	board = share(sizeof(*board));
	pid_t manager = start_manager();
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	unsigned before = count_fds();
	int memory = CHECK_SYS(memfd_create("memory", MFD_CLOEXEC));
	struct parcel parcel = { .size = 0 };
	put_fd(&parcel, memory);
	check_traced_server(&thread, &parcel);
	check_traced_caller(&thread);
	check_traps(&thread, &parcel);
	bool filtered = check_filtered(&thread, &parcel);
	check_almost_full(&thread, &parcel);
	check_dead_senders(&thread);
	check_dead_receiver(&thread);
	CHECK_SYS(close(memory));
	CHECK_EQ(count_fds(), before, "descriptors at the end");
	close_proc(&proc);
	stop_process(manager);
	succeed("traced, full, dead; behind a filter they %s", filtered ? "get descriptors" : "are refused");
	return 0;
}
