// SPDX-License-Identifier: Apache-2.0
//
// What a client does with its threads: ends the first one, reuses the id of a dead one, stops them, freezes them, runs another program
// while they sleep in the driver; and the ioctls without an argument that end threads and make managers.

#include "pair.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/user.h>

static struct target target;

// How the caller's call ends. That it was sent may be told before: forked processes that close its device wake it.
static void await_ending_(uint32_t expected)
{
	struct event event;
	do
		next_event(&caller, &event);
	while (event.command == BR_TRANSACTION_COMPLETE);
	if (event.command != expected)
		FAIL("expected %s, got %s", return_name(expected), return_name(event.command));
	if (event.command == BR_REPLY)
		caller.received = event.transaction;
}
#define await_ending(...) PLACED(await_ending_(__VA_ARGS__))

static void *run_parked(void *argument)
{
	struct proc *proc = argument;
	struct thread thread;
	init_thread(&thread, proc);
	bc(&thread, BC_ENTER_LOOPER);
	exchange_bytes(&thread, sizeof(thread.in));
	exchange_bytes(&thread, sizeof(thread.in));
	return NULL;
}

// ---- Hazard 8: the first thread has ended

static void *call_without_main(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	// The first thread is gone when this begins
	sleep_ms(50);
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct parcel parcel = { .size = 0 };
		uint8_t bytes[2000];
		fill(bytes, sizeof(bytes), seed);
		put_bytes(&parcel, bytes, sizeof(bytes));
		must_call(&thread, 0, MANAGER_PING, &parcel);
		CHECK_EQ(thread.received.data_size, sizeof(bytes), "size of the answer");
		check_filled(data_of(&thread.received), sizeof(bytes), seed);
		drop_received(&thread);
		// A mapping made anew is looked for in a process without its first thread
		if (seed == 25) {
			close_proc(&proc);
			open_proc(&proc, 0, DEFAULT_MAPPING);
		}
	}
	_exit(0);
}

static void attack_without_main(void *unused)
{
	(void)unused;
	start_thread(call_without_main, NULL);
	pthread_exit(NULL);
}

// ---- Hazard 8: execve while other threads sleep in the driver

static void attack_exec(void *unused)
{
	(void)unused;
	for (unsigned round = 0; round < 20; round++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct proc proc;
			open_proc(&proc, 0, DEFAULT_MAPPING);
			for (unsigned i = 0; i < 4; i++)
				start_thread(run_parked, &proc);
			if (round % 2)
				sleep_ms(5);
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		int status;
		CHECK_SYS(waitpid(pid, &status, 0));
		CHECK_EQ(status, 0, "status of a client that called execve");
	}
}

// ---- Hazard 8: stopped, continued and frozen with threads asleep in the driver

struct sleeper {
	atomic_bool is_ready;
	atomic_uint answered;
};

#define SLEEPER_NAME 90

static void run_sleeper(void *argument)
{
	struct sleeper *sleeper = argument;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	publish(&thread, SLEEPER_NAME, 1, 1, 0);
	atomic_store(&sleeper->is_ready, true);
	for (;;) {
		struct event event;
		int error = exchange_bytes(&thread, sizeof(thread.in));
		// As with the kernel driver whoever is stopped reads again
		CHECK(error == 0 || error == EINTR, "BINDER_WRITE_READ: %s", error_name(error));
		while (next_return(&thread, &event))
			if (event.command == BR_TRANSACTION) {
				struct parcel reply = { .size = 0 };
				put_u32(&reply, atomic_fetch_add(&sleeper->answered, 1) + 1);
				bc_free(&thread, event.transaction.data.ptr.buffer);
				bc_reply(&thread, &reply);
				submit(&thread);
			}
	}
}

static void check_answers(uint32_t handle, struct sleeper *sleeper)
{
	unsigned before = atomic_load(&sleeper->answered);
	must_call(&caller, handle, 1, NULL);
	CHECK_EQ(word_of(receive(&caller), 0), before + 1, "the answer");
	drop_received(&caller);
}

static pid_t start_sleeper(struct sleeper **sleeper, uint32_t *handle)
{
	*sleeper = share(sizeof(**sleeper));
	pid_t pid = start_process("sleeper", run_sleeper, *sleeper);
	AWAIT(atomic_load(&(*sleeper)->is_ready));
	*handle = look_up(&caller, SLEEPER_NAME);
	check_answers(*handle, *sleeper);
	await_ioctl(pid, pid);
	return pid;
}

static void end_sleeper(pid_t pid)
{
	forget(&caller, SLEEPER_NAME);
	stop_process(pid);
}

static void attack_stopped(void *unused)
{
	(void)unused;
	struct sleeper *sleeper;
	uint32_t handle;
	open_caller();
	pid_t pid = start_sleeper(&sleeper, &handle);
	for (unsigned round = 0; round < 10; round++) {
		unsigned before = atomic_load(&sleeper->answered);
		kill(pid, SIGSTOP);
		sleep_ms(10);
		// Sent while it is stopped, answered when it goes on
		bc_call(&caller, handle, 1, 0, NULL);
		submit(&caller);
		sleep_ms(20);
		CHECK_EQ(atomic_load(&sleeper->answered), before, "answers of a stopped process");
		kill(pid, SIGCONT);
		await_ending(BR_REPLY);
		drop_received(&caller);
		check_answers(handle, sleeper);
	}
	end_sleeper(pid);
}

// ---- Hazard 12: a cgroup frozen and thawed with readers asleep

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		FAIL("writing %s to %s: %s", text, path, strerror(errno));
	close(fd);
}

static bool file_says(const char *path, const char *word)
{
	char text[256] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		FAIL("reading %s: %s", path, strerror(errno));
	close(fd);
	return strstr(text, word) != NULL;
}

// A place for a cgroup that can be frozen, of either version; false where this process may make none.
static bool make_cgroup(char *directory, size_t size, bool *is_old)
{
	const struct {
		const char *root;
		bool is_old;
	} roots[] = { { "/sys/fs/cgroup", false }, { "/sys/fs/cgroup/unified", false }, { "/sys/fs/cgroup/freezer", true } };
	for (unsigned i = 0; i < COUNT(roots); i++) {
		char file[512];
		snprintf(directory, size, "%s/ubinder-%d", roots[i].root, getpid());
		if (mkdir(directory, 0755) < 0)
			continue;
		snprintf(file, sizeof(file), "%s/%s", directory, roots[i].is_old ? "freezer.state" : "cgroup.freeze");
		*is_old = roots[i].is_old;
		if (access(file, W_OK) == 0)
			return true;
		rmdir(directory);
	}
	return false;
}

static void freeze_cgroup(const char *directory, bool is_old, bool freeze)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", directory, is_old ? "freezer.state" : "cgroup.freeze");
	write_text(path, is_old ? freeze ? "FROZEN" : "THAWED" : freeze ? "1" : "0");
	if (!is_old)
		snprintf(path, sizeof(path), "%s/cgroup.events", directory);
	AWAIT(file_says(path, is_old ? freeze ? "FROZEN" : "THAWED" : freeze ? "frozen 1" : "frozen 0"));
}

static void attack_frozen(void *unused)
{
	(void)unused;
	char directory[256], path[512], number[32];
	bool is_old;
	if (!make_cgroup(directory, sizeof(directory), &is_old)) {
		printf("no cgroup can be made here\n");
		return;
	}
	struct sleeper *sleeper;
	uint32_t handle;
	open_caller();
	pid_t pid = start_sleeper(&sleeper, &handle);
	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	snprintf(number, sizeof(number), "%d", pid);
	write_text(path, number);
	for (unsigned round = 0; round < 5; round++) {
		freeze_cgroup(directory, is_old, true);
		unsigned before = atomic_load(&sleeper->answered);
		bc_call(&caller, handle, 1, 0, NULL);
		submit(&caller);
		sleep_ms(50);
		CHECK_EQ(atomic_load(&sleeper->answered), before, "answers of a frozen process");
		check_pair("freezing");
		freeze_cgroup(directory, is_old, false);
		await_ending(BR_REPLY);
		drop_received(&caller);
		check_answers(handle, sleeper);
	}
	end_sleeper(pid);
	AWAIT(rmdir(directory) == 0);
}

// ---- Hazard 14: the id of a dead thread, used anew

// Forks a process with an id of our choice; -1 where that is not allowed.
static pid_t fork_as(pid_t pid)
{
	struct clone_args arguments = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1 };
	return syscall(SYS_clone3, &arguments, sizeof(arguments));
}

static void attack_with_reuse(void *unused)
{
	(void)unused;
	struct thread thread;
	open_caller();
	open_target(&target, 65536, PROT_READ, MAP_PRIVATE);
	for (unsigned round = 0; round < 10; round++) {
		bc_call(&caller, target.handle, 1, 0, NULL);
		submit(&caller);
		// A process that shares the open takes the call and dies of it
		pid_t first = CHECK_SYS(fork());
		if (first == 0) {
			enter_looper(&thread, &target.proc);
			expect(&thread, "NOOP TRANSACTION");
			_exit(0);
		}
		int status;
		CHECK_SYS(waitpid(first, &status, 0));
		CHECK_EQ(status, 0, "status of the first");
		await_ending(BR_DEAD_REPLY);
		pid_t second = fork_as(first);
		if (second < 0) {
			CHECK(errno == EPERM || errno == ENOSYS, "clone3: %s", strerror(errno));
			printf("no process can be given an id here\n");
			return;
		}
		if (second == 0) {
			// Whoever has the id now has no call to answer
			init_thread(&thread, &target.proc);
			bc_reply(&thread, NULL);
			if (exchange_bytes(&thread, sizeof(thread.in)) == 0 && strstr(stream_text(&thread), "FAILED_REPLY"))
				_exit(0);
			fprintf(stderr, "a thread with the id of a dead one: got %s\n", stream_text(&thread));
			_exit(1);
		}
		CHECK_SYS(waitpid(second, &status, 0));
		CHECK_EQ(status, 0, "status of the second, which has the id of the first");
	}
	close_proc(&target.proc);
}

// A thread that ends without a word: its caller is told.
static void *take_and_end(void *unused)
{
	(void)unused;
	struct thread thread;
	enter_looper(&thread, &target.proc);
	expect(&thread, "NOOP TRANSACTION");
	return NULL;
}

static void attack_with_silent_end(void *unused)
{
	(void)unused;
	open_caller();
	open_target(&target, 65536, PROT_READ, MAP_PRIVATE);
	for (unsigned round = 0; round < 20; round++) {
		bc_call(&caller, target.handle, 1, 0, NULL);
		submit(&caller);
		pthread_join(start_thread(take_and_end, NULL), NULL);
		await_ending(BR_DEAD_REPLY);
	}
	close_proc(&target.proc);
}

// ---- Hazard 21: an epoll descriptor whose lock is held while it waits for our answer

static int watched;
static atomic_bool is_watched;

static void *watch(void *unused)
{
	(void)unused;
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	int place = CHECK_SYS(dup(watched));
	while (atomic_load(&is_watched)) {
		// In the place where the device was a moment ago
		dup2(watched, place);
		dup2(epoll, place);
		epoll_ctl(epoll, EPOLL_CTL_ADD, watched, &event);
		epoll_wait(epoll, &event, 1, 0);
		epoll_ctl(epoll, EPOLL_CTL_DEL, watched, &event);
	}
	return NULL;
}

// O_NONBLOCK is looked up in /proc, where the kernel waits for that lock.
static void attack_with_epoll(void *unused)
{
	(void)unused;
	pthread_t watchers[3];
	struct thread thread;
	open_caller();
	watched = caller_proc.fd;
	atomic_store(&is_watched, true);
	for (unsigned i = 0; i < COUNT(watchers); i++)
		watchers[i] = start_thread(watch, NULL);
	init_thread(&thread, &caller_proc);
	uint64_t start = now_ns();
	while (now_ns() - start < 2 * 1000000000ull) {
		// The descriptor that was looked at is another each time
		int other = CHECK_SYS(dup(watched));
		struct binder_version version;
		CHECK_SYS(ioctl(other, BINDER_VERSION, &version));
		write_read(other, NULL, 0, thread.in, sizeof(thread.in));
		close(other);
	}
	atomic_store(&is_watched, false);
	for (unsigned i = 0; i < COUNT(watchers); i++)
		pthread_join(watchers[i], NULL);
	// Nobody was left waiting
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	CHECK_SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, watched, &event));
	bc_call(&caller, 0, MANAGER_PING, 0, NULL);
	submit(&caller);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 10000), 1, "readable descriptors");
	await_ending(BR_REPLY);
	drop_received(&caller);
}

// ---- Hazard 15: ioctls whose argument is NULL

static void attack_with_null(void *unused)
{
	(void)unused;
	const uint32_t commands[] = { BINDER_THREAD_EXIT, BINDER_SET_CONTEXT_MGR, BINDER_WRITE_READ, BINDER_VERSION,
		BINDER_SET_MAX_THREADS, BINDER_GET_NODE_DEBUG_INFO, BINDER_SET_CONTEXT_MGR_EXT, BINDER_GET_EXTENDED_ERROR };
	open_caller();
	for (unsigned i = 0; i < COUNT(commands); i++) {
		errno = 0;
		int result = ioctl(caller_proc.fd, commands[i], NULL);
		int error = result < 0 ? errno : 0;
		CHECK_ERRNO(error, EFAULT, "an ioctl with NULL");
	}
	must_call(&caller, 0, MANAGER_PING, NULL);
	drop_received(&caller);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "threads", 90, "[--only=ATTACK]");
	const struct attack attacks[] = {
		{ "without-main", attack_without_main, NULL },
		{ "exec", attack_exec, NULL },
		{ "stopped", attack_stopped, NULL },
		{ "frozen", attack_frozen, NULL },
		{ "reuse", attack_with_reuse, NULL },
		{ "silent-end", attack_with_silent_end, NULL },
		{ "epoll", attack_with_epoll, NULL },
		{ "null", attack_with_null, NULL },
	};
	run_attacks(attacks, COUNT(attacks));
	return 0;
}
