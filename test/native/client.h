// SPDX-License-Identifier: Apache-2.0
//
// What every native test program shares: a small Binder client on nothing but ioctls.
//
// A program is a black-box client of any Binder device, the kernel's own or a file system's. Its parts:
//
//   struct proc     one open of the device, with its mapping of received data (the driver's "proc")
//   struct thread   one thread's use of a proc: commands not yet written, returns not yet looked at
//   bc_*()          append a BC command to the thread's write buffer; nothing is sent yet
//   submit()        one ioctl that only writes                     } for tests that compare whole
//   expect()        one ioctl that only reads, and its exact answer } streams, step by step
//   call(), serve() the loops of an ordinary client and an ordinary server
//   start_manager() a context manager in a process of its own, where nodes are published and looked up
//
// Streams are compared as text: "NOOP INCREFS(10,20) TC REPLY" names the BR commands in order, with the
// pointers and cookies they carry in hexadecimal; TC is short for BR_TRANSACTION_COMPLETE.
//
// Everything that goes wrong ends the program with one line that says where, what was expected and what came.

#ifndef UBINDER_TEST_CLIENT_H
#define UBINDER_TEST_CLIENT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/android/binder.h>

// Newer than some systems' headers. There they are enumerators, which #ifndef cannot see: hence names of our own.
#define RETURN_TRANSACTION_PENDING_FROZEN _IO('r', 20)
#define RETURN_FROZEN_BINDER _IOC(_IOC_READ, 'r', 21, 16)
#define RETURN_CLEAR_FREEZE_NOTIFICATION_DONE _IOC(_IOC_READ, 'r', 22, 8)
#ifndef BINDER_GET_EXTENDED_ERROR
struct binder_extended_error {
	__u32 id;
	__u32 command;
	__s32 param;
};
#define BINDER_GET_EXTENDED_ERROR _IOWR('b', 17, struct binder_extended_error)
#endif

// libbinder's size: a megabyte less two guard pages.
#define DEFAULT_MAPPING (1024 * 1024 - 2 * 4096)

#define ALIGN8(n) (((n) + 7) & ~(uint64_t)7)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// ---------------------------------------------------------------------------------------------------------------
// Settings, failing, deadlines
// ---------------------------------------------------------------------------------------------------------------

static struct {
	const char *name;   // of the program
	const char *device; // path of the Binder device
	bool kernel;        // --kernel: the device is the kernel's own, so what only a kernel can do is checked too
	unsigned settle_ms; // --settle=MS: what a device in userspace may take to learn of fcntl() or munmap()
	unsigned slowness;  // of this machine, as in test/support/slowness.ts
	unsigned deadline;  // in seconds
	int argc;
	char **argv;
	pid_t main_pid;
	pid_t children[256];
	unsigned child_count;
} settings;

static const char *role = "main"; // of this process, for messages

// Where in the test program the current helper was called.
static __thread const char *place_file __attribute__((unused)) = "?";
static __thread int place_line __attribute__((unused));
static inline void set_place(const char *file, int line)
{
	place_file = file;
	place_line = line;
}
#define PLACED(call) (set_place(__FILE__, __LINE__), call)

static inline void kill_children(void)
{
	for (unsigned i = 0; i < settings.child_count; i++)
		if (settings.children[i] > 0)
			kill(settings.children[i], SIGKILL);
}

// Ends the whole test. A child tells the main process by SIGTERM, which kills the other children.
static inline void __attribute__((noreturn)) end_badly(void)
{
	if (getpid() == settings.main_pid)
		kill_children();
	else
		kill(settings.main_pid, SIGTERM);
	_exit(1);
}

static inline void __attribute__((noreturn, format(printf, 3, 4))) fail_at(const char *file, int line, const char *format, ...)
{
	char message[4096];
	va_list list;
	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	if (strcmp(file, place_file) == 0 && line == place_line)
		fprintf(stderr, "FAILED %s (%s): %s:%d: %s\n", settings.name, role, file, line, message);
	else
		fprintf(stderr, "FAILED %s (%s): %s:%d: %s (in the step at %s:%d)\n", settings.name, role, file, line, message, place_file,
			place_line);
	end_badly();
}

#define FAIL(...) fail_at(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition, ...) \
	do { \
		if (!(condition)) \
			FAIL("expected " #condition ": " __VA_ARGS__); \
	} while (0)

// Compares integers of any width; shows both in decimal and in hexadecimal.
#define CHECK_EQ(got, expected, what) \
	do { \
		unsigned long long got_ = (unsigned long long)(got), expected_ = (unsigned long long)(expected); \
		if (got_ != expected_) \
			FAIL("%s: expected %lld (0x%llx), got %lld (0x%llx)", what, (long long)expected_, expected_, (long long)got_, \
				got_); \
	} while (0)

#define CHECK_SYS(call) \
	({ \
		__auto_type result_ = (call); \
		if (result_ < 0) \
			FAIL(#call ": %s", strerror(errno)); \
		result_; \
	})

// An errno by its name, for messages.
static inline const char *error_name(int error)
{
	switch (error) {
	case 0: return "success";
	case EPERM: return "EPERM";
	case ESRCH: return "ESRCH";
	case EINTR: return "EINTR";
	case EBADF: return "EBADF";
	case EAGAIN: return "EAGAIN";
	case ENOMEM: return "ENOMEM";
	case EACCES: return "EACCES";
	case EFAULT: return "EFAULT";
	case EBUSY: return "EBUSY";
	case EINVAL: return "EINVAL";
	case ENOTTY: return "ENOTTY";
	case ENOSPC: return "ENOSPC";
	case EPROTO: return "EPROTO";
	case ENOTCONN: return "ENOTCONN";
	case ECONNABORTED: return "ECONNABORTED";
	case ECONNREFUSED: return "ECONNREFUSED";
	default: return strerror(error);
	}
}

#define CHECK_ERRNO(got, expected, what) \
	do { \
		int got_ = (got), expected_ = (expected); \
		if (got_ != expected_) \
			FAIL("%s: expected %s, got %s", what, error_name(expected_), error_name(got_)); \
	} while (0)

static inline void on_fatal_signal(int number)
{
	// printf is not safe here, but the process is lost anyway and the message is worth the risk.
	if (number == SIGALRM)
		fprintf(stderr, "FAILED %s (%s): not done after %u s, in the step at %s:%d\n", settings.name, role, settings.deadline, place_file,
			place_line);
	else if (number != SIGTERM)
		fprintf(stderr, "FAILED %s (%s): %s in the step at %s:%d\n", settings.name, role, strsignal(number), place_file, place_line);
	end_badly();
}

static inline void watch_process(void)
{
	const int fatal[] = { SIGALRM, SIGTERM, SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
	for (unsigned i = 0; i < COUNT(fatal); i++)
		signal(fatal[i], on_fatal_signal);
	alarm(settings.deadline);
}

// The value of --name=VALUE on the command line, or NULL; "" when the option stands alone.
static inline const char *option_text(const char *name)
{
	size_t length = strlen(name);
	for (int i = 1; i < settings.argc; i++)
		if (strncmp(settings.argv[i], name, length) == 0) {
			if (settings.argv[i][length] == '=')
				return settings.argv[i] + length + 1;
			if (settings.argv[i][length] == 0)
				return "";
		}
	return NULL;
}

static inline bool option_given(const char *name)
{
	return option_text(name) != NULL;
}

static inline unsigned long long option_number(const char *name, unsigned long long otherwise)
{
	const char *text = option_text(name);
	if (!text || !*text)
		return otherwise;
	char *end;
	unsigned long long value = strtoull(text, &end, 0);
	if (*end) {
		fprintf(stderr, "%s: %s needs a number, not %s\n", settings.name, name, text);
		exit(2);
	}
	return value;
}

// How much to do: a slow machine does less, unless it is told how much.
static inline unsigned long long option_amount(const char *name, unsigned long long otherwise)
{
	return option_number(name, (otherwise + settings.slowness - 1) / settings.slowness);
}

// Begins a program: reads the settings and arms the deadline. `usage` names the program's own options.
static inline void begin(int argc, char **argv, const char *name, unsigned deadline, const char *usage)
{
	settings.name = name;
	settings.argc = argc;
	settings.argv = argv;
	settings.main_pid = getpid();
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: %s DEVICE [--kernel] [--settle=MS] [--deadline=SECONDS]%s%s\n", name, *usage ? " " : "", usage);
		exit(2);
	}
	settings.device = argv[1];
	settings.kernel = option_given("--kernel");
	settings.settle_ms = option_number("--settle", 200);
	const char *slowness = getenv("UBINDER_SLOWNESS");
	settings.slowness = slowness ? strtoul(slowness, NULL, 10) : 1;
	settings.deadline = option_number("--deadline", deadline * settings.slowness);
	setvbuf(stdout, NULL, _IOLBF, 0);
	watch_process();
}

static inline void __attribute__((format(printf, 1, 2))) succeed(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	printf("ok %s: ", settings.name);
	vprintf(format, list);
	printf("\n");
	va_end(list);
}

// ---------------------------------------------------------------------------------------------------------------
// Time, waiting, seeded contents
// ---------------------------------------------------------------------------------------------------------------

static inline uint64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline void sleep_ms(unsigned ms)
{
	struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

static inline void sleep_short(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 500000 }, NULL);
}

// Waits until the condition holds; the program's deadline ends a wait in vain.
#define AWAIT(condition) \
	do { \
		(void)PLACED(0); \
		while (!(condition)) \
			sleep_short(); \
	} while (0)

static inline pid_t thread_id(void)
{
	return (pid_t)syscall(SYS_gettid);
}

// Waits until a thread sleeps inside ioctl(), and gives the device a moment to park it.
static inline void await_ioctl(pid_t pid, pid_t tid)
{
	char path[64], line[256];
	unsigned seen = 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	while (seen < 5) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			FAIL("open %s: %s", path, strerror(errno));
		ssize_t size = read(fd, line, sizeof(line) - 1);
		close(fd);
		line[size > 0 ? size : 0] = 0;
		// "running", or the number of the system call and its arguments.
		bool inside = line[0] >= '0' && line[0] <= '9' && strtol(line, NULL, 10) == SYS_ioctl;
		seen = inside ? seen + 1 : 0;
		sleep_ms(2);
	}
	sleep_ms(10);
}

static inline uint64_t scramble(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

// The next number of a seeded sequence.
static inline uint64_t next_random(uint64_t *state)
{
	*state += 0x9e3779b97f4a7c15u;
	return scramble(*state);
}

static inline void fill(void *bytes, size_t size, uint64_t seed)
{
	uint8_t *to = bytes;
	for (size_t at = 0; at < size; at += 8) {
		uint64_t word = scramble(seed + at);
		memcpy(to + at, &word, size - at < 8 ? size - at : 8);
	}
}

static inline void check_filled_(const void *bytes, size_t size, uint64_t seed)
{
	const uint8_t *from = bytes;
	for (size_t at = 0; at < size; at += 8) {
		uint64_t word = scramble(seed + at);
		size_t length = size - at < 8 ? size - at : 8;
		if (memcmp(from + at, &word, length) != 0)
			FAIL("contents differ at byte %zu of %zu (seed %llu)", at, size, (unsigned long long)seed);
	}
}
#define check_filled(...) PLACED(check_filled_(__VA_ARGS__))

// ---------------------------------------------------------------------------------------------------------------
// Processes
// ---------------------------------------------------------------------------------------------------------------

// Memory that forked processes share, zeroed.
static inline void *share(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		FAIL("mmap of shared memory: %s", strerror(errno));
	return memory;
}

// Forks a process that runs body(argument) and exits with 0. It dies with its parent.
static inline pid_t start_process(const char *its_role, void (*body)(void *), void *argument)
{
	pid_t parent = getpid();
	fflush(stdout);
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		role = its_role;
		settings.child_count = 0;
		watch_process();
		body(argument);
		fflush(stdout);
		_exit(0);
	}
	if (settings.child_count < COUNT(settings.children))
		settings.children[settings.child_count++] = pid;
	return pid;
}

static inline int reap_process(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			FAIL("waitpid(%d): %s", pid, strerror(errno));
	for (unsigned i = 0; i < settings.child_count; i++)
		if (settings.children[i] == pid)
			settings.children[i] = settings.children[--settings.child_count];
	return status;
}

// Waits for a process that ends by itself and must end well.
static inline void finish_process_(pid_t pid)
{
	int status = reap_process(pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		FAIL("process %d ended with wait status 0x%x", pid, status);
}
#define finish_process(pid) PLACED(finish_process_(pid))

// Kills a process that would run on, and waits until it is gone.
static inline void stop_process_(pid_t pid)
{
	kill(pid, SIGKILL);
	int status = reap_process(pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		FAIL("process %d was to run until killed, but ended with wait status 0x%x", pid, status);
}
#define stop_process(pid) PLACED(stop_process_(pid))

// ---------------------------------------------------------------------------------------------------------------
// Procs and threads
// ---------------------------------------------------------------------------------------------------------------

// The data of a call: plain words and objects, with the offsets of the objects.
struct parcel {
	_Alignas(8) uint8_t data[4096];
	size_t size;
	binder_size_t offsets[128];
	size_t count;
};

struct thread;
typedef void handler(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply);

struct proc {
	int fd;
	const uint8_t *mapping;
	size_t mapping_size;
	handler *handler;          // serve() hands it every transaction
	void *context;             // the handler's own
	atomic_uint pool_threads;  // how many threads BR_SPAWN_LOOPER has started
};

struct thread {
	struct proc *proc;
	uint8_t out[8192]; // BC commands to be written
	size_t out_size;
	uint8_t in[8192]; // the last read's BR commands
	size_t in_size, in_at;
	size_t wrote;                          // write_consumed of the last ioctl
	unsigned reply_completes;              // TC not yet read of replies that were sent
	unsigned increfs, acquires, releases, decrefs; // node commands seen by call() and serve()
	struct binder_transaction_data received;       // by receive() and call()
	bool answered;                         // set by a handler that has freed the request and replied by itself
	bool stop;                             // makes serve() return
};

// One BR command with its payload.
struct event {
	uint32_t command;
	union {
		struct binder_transaction_data transaction;
		struct binder_transaction_data_secctx with_context;
		struct binder_ptr_cookie node;
		binder_uintptr_t cookie;
		uint8_t bytes[128];
	};
};

static inline int open_device_(int flags)
{
	int fd = open(settings.device, O_RDWR | flags);
	if (fd < 0)
		FAIL("open %s: %s", settings.device, strerror(errno));
	return fd;
}
#define open_device(flags) PLACED(open_device_(flags))

// Whether read(2) and write(2) of a device reach who serves it, to be refused: before Linux 6.6 the kernel answers them from its cache.
static inline bool refuses_reads(void)
{
	struct utsname name;
	unsigned major, minor;
	CHECK_SYS(uname(&name));
	CHECK_EQ(sscanf(name.release, "%u.%u", &major, &minor), 2, "numbers of the release");
	return settings.kernel || major > 6 || (major == 6 && minor >= 6);
}

// Opens the device and, unless mapping_size is 0, maps it.
static inline void open_proc_(struct proc *proc, int flags, size_t mapping_size)
{
	memset(proc, 0, sizeof(*proc));
	proc->fd = open_device_(flags | O_CLOEXEC);
	if (mapping_size) {
		void *mapping = mmap(NULL, mapping_size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, proc->fd, 0);
		if (mapping == MAP_FAILED)
			FAIL("mmap of %zu bytes of %s: %s", mapping_size, settings.device, strerror(errno));
		proc->mapping = mapping;
		proc->mapping_size = mapping_size;
	}
}
#define open_proc(proc, flags, mapping_size) PLACED(open_proc_(proc, flags, mapping_size))

static inline void close_proc(struct proc *proc)
{
	if (proc->mapping)
		munmap((void *)proc->mapping, proc->mapping_size);
	close(proc->fd);
	proc->mapping = NULL;
	proc->fd = -1;
}

static inline void init_thread(struct thread *thread, struct proc *proc)
{
	memset(thread, 0, sizeof(*thread));
	thread->proc = proc;
}

static inline void put_out(struct thread *thread, const void *bytes, size_t size)
{
	if (thread->out_size + size > sizeof(thread->out))
		FAIL("the write buffer is full");
	memcpy(thread->out + thread->out_size, bytes, size);
	thread->out_size += size;
}

// ---- BC commands

static inline void bc(struct thread *thread, uint32_t command)
{
	put_out(thread, &command, 4);
}

static inline void bc_handle(struct thread *thread, uint32_t command, uint32_t handle)
{
	bc(thread, command);
	put_out(thread, &handle, 4);
}

static inline void bc_node(struct thread *thread, uint32_t command, uint64_t pointer, uint64_t cookie)
{
	bc(thread, command);
	put_out(thread, &pointer, 8);
	put_out(thread, &cookie, 8);
}

static inline void bc_death(struct thread *thread, uint32_t command, uint32_t handle, uint64_t cookie)
{
	bc(thread, command);
	put_out(thread, &handle, 4);
	put_out(thread, &cookie, 8);
}

static inline void bc_cookie(struct thread *thread, uint32_t command, uint64_t cookie)
{
	bc(thread, command);
	put_out(thread, &cookie, 8);
}

static inline void bc_free(struct thread *thread, uint64_t buffer)
{
	bc_cookie(thread, BC_FREE_BUFFER, buffer);
}

// The data must stay where it is until it is written.
static inline void bc_data(struct thread *thread, uint32_t command, uint32_t handle, uint32_t code, uint32_t flags, const void *data,
	size_t size, const binder_size_t *offsets, size_t count)
{
	struct binder_transaction_data transaction = {
		.target.handle = handle,
		.code = code,
		.flags = flags,
		.data_size = size,
		.offsets_size = count * sizeof(binder_size_t),
		.data.ptr = { .buffer = (uintptr_t)data, .offsets = (uintptr_t)offsets },
	};
	bc(thread, command);
	put_out(thread, &transaction, sizeof(transaction));
}

// Calls a handle; parcel may be NULL.
static inline void bc_call(struct thread *thread, uint32_t handle, uint32_t code, uint32_t flags, const struct parcel *parcel)
{
	if (parcel)
		bc_data(thread, BC_TRANSACTION, handle, code, flags, parcel->data, parcel->size, parcel->offsets, parcel->count);
	else
		bc_data(thread, BC_TRANSACTION, handle, code, flags, NULL, 0, NULL, 0);
}

static inline void bc_reply(struct thread *thread, const struct parcel *parcel)
{
	if (parcel)
		bc_data(thread, BC_REPLY, 0, 0, 0, parcel->data, parcel->size, parcel->offsets, parcel->count);
	else
		bc_data(thread, BC_REPLY, 0, 0, 0, NULL, 0, NULL, 0);
}

// ---- Parcels

static inline void put_bytes(struct parcel *parcel, const void *bytes, size_t size)
{
	if (parcel->size + size > sizeof(parcel->data))
		FAIL("the parcel is full");
	memcpy(parcel->data + parcel->size, bytes, size);
	parcel->size += size;
}

static inline void put_u32(struct parcel *parcel, uint32_t value)
{
	put_bytes(parcel, &value, 4);
}

static inline void put_u64(struct parcel *parcel, uint64_t value)
{
	put_bytes(parcel, &value, 8);
}

static inline void put_object(struct parcel *parcel, const void *object, size_t size)
{
	while (parcel->size % 4)
		parcel->data[parcel->size++] = 0;
	parcel->offsets[parcel->count++] = parcel->size;
	put_bytes(parcel, object, size);
}

// A binder object of our own: type BINDER_TYPE_BINDER or BINDER_TYPE_WEAK_BINDER.
static inline void put_node(struct parcel *parcel, uint32_t type, uint64_t pointer, uint64_t cookie, uint32_t flags)
{
	struct flat_binder_object object = { .hdr.type = type, .flags = flags, .binder = pointer, .cookie = cookie };
	put_object(parcel, &object, sizeof(object));
}

// A handle: type BINDER_TYPE_HANDLE or BINDER_TYPE_WEAK_HANDLE.
static inline void put_handle(struct parcel *parcel, uint32_t type, uint32_t handle)
{
	struct flat_binder_object object = { .hdr.type = type, .handle = handle };
	put_object(parcel, &object, sizeof(object));
}

// ---- The ioctl

// One BINDER_WRITE_READ with what is in the write buffer and a read of at most read_size bytes. Returns the errno.
// What was consumed leaves the write buffer; what was not stays for the next time.
static inline int exchange_bytes(struct thread *thread, size_t read_size)
{
	struct binder_write_read bwr = {
		.write_buffer = (uintptr_t)thread->out,
		.write_size = thread->out_size,
		.read_buffer = (uintptr_t)thread->in,
		.read_size = read_size,
	};
	int error = ioctl(thread->proc->fd, BINDER_WRITE_READ, &bwr) < 0 ? errno : 0;
	if (bwr.write_consumed > bwr.write_size)
		FAIL("write_consumed %llu is more than write_size %llu", bwr.write_consumed, bwr.write_size);
	if (bwr.read_consumed > bwr.read_size)
		FAIL("read_consumed %llu is more than read_size %llu", bwr.read_consumed, bwr.read_size);
	thread->wrote = bwr.write_consumed;
	thread->out_size -= bwr.write_consumed;
	memmove(thread->out, thread->out + bwr.write_consumed, thread->out_size);
	thread->in_size = bwr.read_consumed;
	thread->in_at = 0;
	return error;
}

static inline int version_error(int fd)
{
	struct binder_version version = { .protocol_version = -1 };
	if (ioctl(fd, BINDER_VERSION, &version) < 0)
		return errno;
	CHECK_EQ(version.protocol_version, BINDER_CURRENT_PROTOCOL_VERSION, "protocol version");
	return 0;
}

static inline void set_max_threads(struct proc *proc, uint32_t count)
{
	CHECK_SYS(ioctl(proc->fd, BINDER_SET_MAX_THREADS, &count));
}

// Both the thing a thread did wrong and its record of it.
static inline struct binder_extended_error extended_error(struct thread *thread)
{
	struct binder_extended_error error;
	CHECK_SYS(ioctl(thread->proc->fd, BINDER_GET_EXTENDED_ERROR, &error));
	return error;
}

static inline void check_extended_error_(struct thread *thread, uint32_t command, int param)
{
	struct binder_extended_error error = extended_error(thread);
	if (error.command != command || error.param != -param)
		FAIL("extended error: expected command 0x%x %s, got command 0x%x %s", command, error_name(param), error.command,
			error_name(-error.param));
}
#define check_extended_error(...) PLACED(check_extended_error_(__VA_ARGS__))

// ---- Reading the BR stream

static inline const char *return_name(uint32_t command)
{
	switch (command) {
	case BR_OK: return "OK";
	case BR_NOOP: return "NOOP";
	case BR_SPAWN_LOOPER: return "SPAWN_LOOPER";
	case BR_TRANSACTION: return "TRANSACTION";
	case BR_TRANSACTION_SEC_CTX: return "TRANSACTION_SEC_CTX";
	case BR_REPLY: return "REPLY";
	case BR_TRANSACTION_COMPLETE: return "TC";
	case BR_DEAD_REPLY: return "DEAD_REPLY";
	case BR_FAILED_REPLY: return "FAILED_REPLY";
	case BR_FROZEN_REPLY: return "FROZEN_REPLY";
	case BR_ONEWAY_SPAM_SUSPECT: return "ONEWAY_SPAM_SUSPECT";
	case RETURN_TRANSACTION_PENDING_FROZEN: return "TRANSACTION_PENDING_FROZEN";
	case BR_INCREFS: return "INCREFS";
	case BR_ACQUIRE: return "ACQUIRE";
	case BR_RELEASE: return "RELEASE";
	case BR_DECREFS: return "DECREFS";
	case BR_DEAD_BINDER: return "DEAD_BINDER";
	case BR_CLEAR_DEATH_NOTIFICATION_DONE: return "CLEAR_DEATH_DONE";
	case RETURN_FROZEN_BINDER: return "FROZEN_BINDER";
	case RETURN_CLEAR_FREEZE_NOTIFICATION_DONE: return "CLEAR_FREEZE_DONE";
	default: return NULL;
	}
}

// Takes the next command of the last read; false at its end.
static inline bool next_return(struct thread *thread, struct event *event)
{
	if (thread->in_at == thread->in_size)
		return false;
	if (thread->in_size - thread->in_at < 4)
		FAIL("%zu bytes are left of the read buffer: not a command", thread->in_size - thread->in_at);
	memcpy(&event->command, thread->in + thread->in_at, 4);
	if (!return_name(event->command))
		FAIL("the read buffer holds 0x%x at byte %zu of %zu: not a known command", event->command, thread->in_at, thread->in_size);
	size_t payload = _IOC_SIZE(event->command);
	if (thread->in_size - thread->in_at - 4 < payload)
		FAIL("%s is cut short by the end of the read", return_name(event->command));
	memset(event->bytes, 0, sizeof(event->bytes));
	memcpy(event->bytes, thread->in + thread->in_at + 4, payload);
	thread->in_at += 4 + payload;
	return true;
}

// The last read as text; leaves its commands to be taken again.
static inline const char *stream_text(struct thread *thread)
{
	static __thread char text[8192];
	size_t at = 0, rewind_to = thread->in_at;
	struct event event;
	text[0] = 0;
	thread->in_at = 0;
	while (next_return(thread, &event)) {
		at += snprintf(text + at, sizeof(text) - at, "%s%s", at ? " " : "", return_name(event.command));
		size_t payload = _IOC_SIZE(event.command);
		if (payload == sizeof(struct binder_ptr_cookie) && event.command != RETURN_FROZEN_BINDER)
			at += snprintf(text + at, sizeof(text) - at, "(%llx,%llx)", event.node.ptr, event.node.cookie);
		else if (payload == 8)
			at += snprintf(text + at, sizeof(text) - at, "(%llx)", event.cookie);
	}
	thread->in_at = rewind_to;
	return text;
}

static inline void check_received_(struct thread *thread, const struct binder_transaction_data *data)
{
	const struct proc *proc = thread->proc;
	uint64_t start = (uintptr_t)proc->mapping, end = start + proc->mapping_size;
	if (data->data.ptr.buffer < start || data->data.ptr.buffer > end || data->data_size > end - data->data.ptr.buffer)
		FAIL("data %llx + %llu lies outside the mapping %llx..%llx", data->data.ptr.buffer, data->data_size, (unsigned long long)start,
			(unsigned long long)end);
	CHECK_EQ(data->data.ptr.buffer % 8, 0, "alignment of the received data");
	if (data->offsets_size && (data->data.ptr.offsets != data->data.ptr.buffer + ALIGN8(data->data_size) ||
					  data->offsets_size > end - data->data.ptr.offsets))
		FAIL("offsets %llx + %llu are not behind the data %llx + %llu", data->data.ptr.offsets, data->offsets_size,
			data->data.ptr.buffer, data->data_size);
}

// Takes all of the last read and keeps its transaction or reply, if there is one, as thread->received.
static inline void note_received(struct thread *thread)
{
	struct event event;
	thread->in_at = 0;
	while (next_return(thread, &event))
		if (event.command == BR_TRANSACTION || event.command == BR_REPLY || event.command == BR_TRANSACTION_SEC_CTX) {
			thread->received = event.transaction;
			check_received_(thread, &thread->received);
		}
}

// The transaction or reply that was received last; its buffer must not have been dropped.
static inline struct binder_transaction_data *receive_(struct thread *thread)
{
	if (!thread->received.data.ptr.buffer)
		FAIL("nothing is received");
	return &thread->received;
}
#define receive(thread) PLACED(receive_(thread))

static inline const void *data_of(const struct binder_transaction_data *data)
{
	return (const void *)(uintptr_t)data->data.ptr.buffer;
}

// The object at a position in the list of offsets; it must be a flat binder object of this type.
static inline struct flat_binder_object object_of_(const struct binder_transaction_data *data, size_t index, uint32_t type)
{
	struct flat_binder_object object;
	if (index >= data->offsets_size / sizeof(binder_size_t))
		FAIL("expected an object, got %llu bytes of offsets", data->offsets_size);
	binder_size_t offset = ((const binder_size_t *)(uintptr_t)data->data.ptr.offsets)[index];
	if (offset > data->data_size || data->data_size - offset < sizeof(object))
		FAIL("object %zu at offset %llu lies outside the data of %llu bytes", index, offset, data->data_size);
	memcpy(&object, (const uint8_t *)data_of(data) + offset, sizeof(object));
	CHECK_EQ(object.hdr.type, type, "type of the received object");
	return object;
}
#define object_of(...) PLACED(object_of_(__VA_ARGS__))

static inline uint32_t word_of_(const struct binder_transaction_data *data, size_t index)
{
	uint32_t word;
	if (data->data_size < (index + 1) * 4)
		FAIL("expected at least %zu bytes of data, got %llu", (index + 1) * 4, data->data_size);
	memcpy(&word, (const uint8_t *)data_of(data) + index * 4, 4);
	return word;
}
#define word_of(...) PLACED(word_of_(__VA_ARGS__))

// ---- Steps of a scenario

// Gives the buffer of the received transaction or reply back, with the next write.
static inline void bc_free_received_(struct thread *thread)
{
	bc_free(thread, receive_(thread)->data.ptr.buffer);
	thread->received.data.ptr.buffer = 0;
}
#define bc_free_received(thread) PLACED(bc_free_received_(thread))

// Writes the write buffer in an ioctl without a read; everything must be consumed.
static inline void submit_(struct thread *thread)
{
	int error = exchange_bytes(thread, 0);
	CHECK_ERRNO(error, 0, "writing");
	CHECK_EQ(thread->out_size, 0, "bytes not consumed by the write");
}
#define submit(thread) PLACED(submit_(thread))

static inline void drop_received_(struct thread *thread)
{
	bc_free_received_(thread);
	submit_(thread);
}
#define drop_received(thread) PLACED(drop_received_(thread))

static inline void __attribute__((format(printf, 3, 4))) exchange_and_expect_(struct thread *thread, bool write, const char *format, ...)
{
	char expected[4096];
	va_list list;
	va_start(list, format);
	vsnprintf(expected, sizeof(expected), format, list);
	va_end(list);
	if (!write && thread->out_size)
		FAIL("the test forgot to submit %zu bytes", thread->out_size);
	int error = exchange_bytes(thread, sizeof(thread->in));
	if (error)
		FAIL("expected \"%s\", got %s", expected, error_name(error));
	CHECK_EQ(thread->out_size, 0, "bytes not consumed by the write");
	const char *got = stream_text(thread);
	if (strcmp(got, expected) != 0)
		FAIL("expected \"%s\", got \"%s\"", expected, got);
	note_received(thread);
}

// Reads once and compares the stream.
#define expect(thread, ...) PLACED(exchange_and_expect_(thread, false, __VA_ARGS__))

// Writes the write buffer and reads in the same ioctl, and compares the stream.
#define exchange(thread, ...) PLACED(exchange_and_expect_(thread, true, __VA_ARGS__))

// Reads once; it must fail with this errno and consume nothing.
static inline void expect_error_(struct thread *thread, int expected)
{
	if (thread->out_size)
		FAIL("the test forgot to submit %zu bytes", thread->out_size);
	int error = exchange_bytes(thread, sizeof(thread->in));
	if (!error)
		FAIL("expected %s, got \"%s\"", error_name(expected), stream_text(thread));
	CHECK_ERRNO(error, expected, "reading");
	CHECK_EQ(thread->in_size, 0, "read_consumed");
}
#define expect_error(thread, error) PLACED(expect_error_(thread, error))

// Nothing to read for a non-blocking thread.
#define expect_nothing(thread) expect_error(thread, EAGAIN)

// Reads until there is something, for a non-blocking thread whose work comes from another process. A first ioctl's bare NOOP is skipped.
static inline void __attribute__((format(printf, 2, 3))) await_stream_(struct thread *thread, const char *format, ...)
{
	char expected[4096];
	va_list list;
	va_start(list, format);
	vsnprintf(expected, sizeof(expected), format, list);
	va_end(list);
	for (;;) {
		int error = exchange_bytes(thread, sizeof(thread->in));
		if (error && error != EAGAIN)
			FAIL("expected \"%s\", got %s", expected, error_name(error));
		if (!error && strcmp(stream_text(thread), "NOOP") != 0)
			break;
		sleep_short();
	}
	if (strcmp(stream_text(thread), expected) != 0)
		FAIL("expected \"%s\", got \"%s\"", expected, stream_text(thread));
	note_received(thread);
}
#define await_stream(...) PLACED(await_stream_(__VA_ARGS__))

// Makes the thread a looper. Any first ioctl also uses up the early return that a new thread has.
static inline void enter_looper(struct thread *thread, struct proc *proc)
{
	init_thread(thread, proc);
	bc(thread, BC_ENTER_LOOPER);
	submit_(thread);
}

// Answers what the last read asked for: INCREFS and ACQUIRE. Nothing is sent yet.
static inline void bc_done(struct thread *thread)
{
	size_t rewind_to = thread->in_at;
	struct event event;
	thread->in_at = 0;
	while (next_return(thread, &event))
		if (event.command == BR_INCREFS || event.command == BR_ACQUIRE)
			bc_node(thread, event.command == BR_INCREFS ? BC_INCREFS_DONE : BC_ACQUIRE_DONE, event.node.ptr, event.node.cookie);
	thread->in_at = rewind_to;
}

// ---- Loops of ordinary clients and servers

static inline void spawn_looper(struct proc *proc);
static inline void dispatch(struct thread *thread, const struct binder_transaction_data *request);

// The next return that needs a decision: reads (and writes what is waiting) as often as necessary, answers node commands, starts pool
// threads, and drops the TC of replies. With a non-blocking device it polls.
static inline void next_event(struct thread *thread, struct event *event)
{
	for (;;) {
		while (!next_return(thread, event)) {
			int error = exchange_bytes(thread, sizeof(thread->in));
			if (error == EAGAIN) {
				struct pollfd poller = { .fd = thread->proc->fd, .events = POLLIN };
				if (poll(&poller, 1, -1) != 1 || poller.revents != POLLIN)
					FAIL("poll: revents 0x%x", poller.revents);
			} else if (error) {
				FAIL("BINDER_WRITE_READ: %s", error_name(error));
			}
		}
		switch (event->command) {
		case BR_NOOP:
			break;
		case BR_SPAWN_LOOPER:
			spawn_looper(thread->proc);
			break;
		case BR_INCREFS:
			thread->increfs++;
			bc_node(thread, BC_INCREFS_DONE, event->node.ptr, event->node.cookie);
			break;
		case BR_ACQUIRE:
			thread->acquires++;
			bc_node(thread, BC_ACQUIRE_DONE, event->node.ptr, event->node.cookie);
			break;
		case BR_RELEASE:
			thread->releases++;
			break;
		case BR_DECREFS:
			thread->decrefs++;
			break;
		case BR_TRANSACTION_COMPLETE:
			if (!thread->reply_completes)
				return;
			thread->reply_completes--;
			break;
		case BR_TRANSACTION:
		case BR_TRANSACTION_SEC_CTX:
		case BR_REPLY:
			check_received_(thread, &event->transaction);
			return;
		default:
			return;
		}
	}
}

// Calls and waits. Returns how it ended: BR_REPLY with the reply in thread->received, whose buffer the caller frees; one of the failure
// codes; BR_TRANSACTION_COMPLETE or its kin for a oneway. Calls that come in meanwhile are served.
static inline uint32_t call_(struct thread *thread, uint32_t handle, uint32_t code, uint32_t flags, const struct parcel *parcel)
{
	struct event event;
	bool completed = false;
	bc_call(thread, handle, code, flags, parcel);
	for (;;) {
		next_event(thread, &event);
		switch (event.command) {
		case BR_TRANSACTION_COMPLETE:
			CHECK(!completed, "a second BR_TRANSACTION_COMPLETE");
			completed = true;
			if (flags & TF_ONE_WAY)
				return event.command;
			break;
		case BR_TRANSACTION:
		case BR_TRANSACTION_SEC_CTX:
			CHECK(completed, "BR_TRANSACTION before BR_TRANSACTION_COMPLETE");
			dispatch(thread, &event.transaction);
			break;
		case BR_REPLY:
			CHECK(completed, "BR_REPLY before BR_TRANSACTION_COMPLETE");
			thread->received = event.transaction;
			return event.command;
		case BR_DEAD_REPLY:
		case BR_FAILED_REPLY:
		case BR_FROZEN_REPLY:
		case BR_ONEWAY_SPAM_SUSPECT:
			return event.command;
		default:
			FAIL("%s while waiting for a reply", return_name(event.command));
		}
	}
}
#define call(...) PLACED(call_(__VA_ARGS__))

// A call that must be answered; the reply is in thread->received.
static inline void must_call_(struct thread *thread, uint32_t handle, uint32_t code, const struct parcel *parcel)
{
	uint32_t ending = call_(thread, handle, code, 0, parcel);
	if (ending != BR_REPLY) {
		struct binder_extended_error error = extended_error(thread);
		FAIL("call of handle %u code %u ended with %s (extended error %s)", handle, code, return_name(ending), error_name(-error.param));
	}
}
#define must_call(...) PLACED(must_call_(__VA_ARGS__))


// A oneway that must be accepted.
static inline void must_send_(struct thread *thread, uint32_t handle, uint32_t code, const struct parcel *parcel)
{
	uint32_t ending = call_(thread, handle, code, TF_ONE_WAY, parcel);
	if (ending != BR_TRANSACTION_COMPLETE)
		FAIL("oneway to handle %u code %u ended with %s", handle, code, return_name(ending));
}
#define must_send(...) PLACED(must_send_(__VA_ARGS__))

// Runs the handler, frees the request and sends the reply.
static inline void dispatch(struct thread *thread, const struct binder_transaction_data *data)
{
	const struct binder_transaction_data request = *data;
	struct parcel reply;
	reply.size = reply.count = 0;
	if (!thread->proc->handler)
		FAIL("a call with code %u, but nothing is served here", request.code);
	thread->answered = false;
	thread->proc->handler(thread, &request, &reply);
	if (thread->answered)
		return;
	bc_free(thread, request.data.ptr.buffer);
	if (!(request.flags & TF_ONE_WAY)) {
		bc_reply(thread, &reply);
		thread->reply_completes++;
	}
	submit_(thread);
}

// Serves until thread->stop.
static inline void serve(struct thread *thread)
{
	struct event event;
	while (!thread->stop) {
		next_event(thread, &event);
		if (event.command != BR_TRANSACTION && event.command != BR_TRANSACTION_SEC_CTX)
			FAIL("%s in a server", return_name(event.command));
		dispatch(thread, &event.transaction);
	}
}

static inline void *run_pool_thread(void *argument)
{
	struct thread thread;
	init_thread(&thread, argument);
	bc(&thread, BC_REGISTER_LOOPER);
	serve(&thread);
	return NULL;
}

static inline pthread_t start_thread(void *(*body)(void *), void *argument)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, body, argument);
	CHECK_ERRNO(error, 0, "pthread_create");
	return thread;
}

static inline void spawn_looper(struct proc *proc)
{
	atomic_fetch_add(&proc->pool_threads, 1);
	pthread_detach(start_thread(run_pool_thread, proc));
}

// ---------------------------------------------------------------------------------------------------------------
// The context manager
// ---------------------------------------------------------------------------------------------------------------

enum {
	MANAGER_PING = 1, // answers with the words it got
	MANAGER_PUBLISH,  // name, a binder object
	MANAGER_LOOK_UP,  // name; answers with the handle, or with nothing
	MANAGER_FORGET,   // name: gives up its handle
};

#define MANAGER_NAMES 512

static inline void become_manager_(struct proc *proc)
{
	// The device of a program that has just ended may still be on its way out.
	for (unsigned tries = 0;; tries++) {
		int32_t unused = 0;
		if (ioctl(proc->fd, BINDER_SET_CONTEXT_MGR, &unused) == 0)
			return;
		if (errno != EBUSY || tries == 2500)
			FAIL("BINDER_SET_CONTEXT_MGR: %s", strerror(errno));
		sleep_ms(2);
	}
}
#define become_manager(proc) PLACED(become_manager_(proc))

static inline void handle_manager_call(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	uint32_t *handles = thread->proc->context;
	if (request->code == MANAGER_PING) {
		put_bytes(reply, data_of(request), request->data_size);
		return;
	}
	uint32_t name = word_of_(request, 0);
	CHECK(name < MANAGER_NAMES, "name %u", name);
	switch (request->code) {
	case MANAGER_PUBLISH:
		CHECK_EQ(handles[name], 0, "handle that has the name already");
		handles[name] = object_of_(request, 0, BINDER_TYPE_HANDLE).handle;
		bc_handle(thread, BC_ACQUIRE, handles[name]);
		break;
	case MANAGER_LOOK_UP:
		if (handles[name])
			put_handle(reply, BINDER_TYPE_HANDLE, handles[name]);
		break;
	case MANAGER_FORGET:
		bc_handle(thread, BC_RELEASE, handles[name]);
		handles[name] = 0;
		break;
	default:
		FAIL("code %u", request->code);
	}
}

static inline void run_manager(void *ready)
{
	static uint32_t handles[MANAGER_NAMES];
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle_manager_call;
	proc.context = handles;
	become_manager(&proc);
	enter_looper(&thread, &proc);
	atomic_store((atomic_bool *)ready, true);
	serve(&thread);
}

// Starts the context manager in a process of its own; returns when it can be called.
static inline pid_t start_manager(void)
{
	atomic_bool *ready = share(sizeof(*ready));
	pid_t pid = start_process("manager", run_manager, ready);
	AWAIT(atomic_load(ready));
	munmap(ready, sizeof(*ready));
	return pid;
}

// Publishes a node of this proc under a name.
static inline void publish_(struct thread *thread, uint32_t name, uint64_t pointer, uint64_t cookie, uint32_t flags)
{
	struct parcel parcel = { .size = 0 };
	put_u32(&parcel, name);
	put_node(&parcel, BINDER_TYPE_BINDER, pointer, cookie, flags);
	must_call_(thread, 0, MANAGER_PUBLISH, &parcel);
	drop_received_(thread);
}
#define publish(...) PLACED(publish_(__VA_ARGS__))

// Looks a name up, waiting until it is published. The handle is held by one strong count.
static inline uint32_t look_up_(struct thread *thread, uint32_t name)
{
	struct parcel parcel = { .size = 0 };
	put_u32(&parcel, name);
	for (;;) {
		must_call_(thread, 0, MANAGER_LOOK_UP, &parcel);
		if (thread->received.offsets_size) {
			uint32_t handle = object_of_(&thread->received, 0, BINDER_TYPE_HANDLE).handle;
			bc_handle(thread, BC_ACQUIRE, handle);
			drop_received_(thread);
			return handle;
		}
		drop_received_(thread);
		sleep_ms(2);
	}
}
#define look_up(...) PLACED(look_up_(__VA_ARGS__))

// Makes the manager give up a name.
static inline void forget_(struct thread *thread, uint32_t name)
{
	struct parcel parcel = { .size = 0 };
	put_u32(&parcel, name);
	must_call_(thread, 0, MANAGER_FORGET, &parcel);
	drop_received_(thread);
}
#define forget(...) PLACED(forget_(__VA_ARGS__))

#endif
