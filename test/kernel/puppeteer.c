// SPDX-License-Identifier: Apache-2.0
//
// What test/support/puppet.mjs does, for an emulated machine, where JavaScript would take nearly all of the time: processes
// with threads that open devices, make ioctls, read and write their memory, as the test outside says. machine.ts is the
// other half.
//
//   host ──port──> puppeteer ──a pipe for each thread──> threads of the puppets ──port──> host
//
// All puppets write their answers to the port by themselves, one at a time.

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PUPPETS = 64, THREADS = 24, PAGE = 4096, LONGEST = 1 << 22 };

/** What a request asks for; machine.ts has the same list. */
enum what {
	// Of the puppeteer itself.
	START,
	KILL,
	SLEEPING,
	READ_FILE,
	// Of a puppet's thread; 0 is its first.
	OPEN,
	CLOSE,
	UNMAP,
	OPEN_FILE,
	FILE_CONTENT,
	CLOSES_ON_EXEC,
	CLOSE_FILE,
	FILES,
	LIMIT_FILES,
	CLOSE_DUPLICATE,
	READ,
	SET_USER,
	THREAD,
	INTERRUPT,
	IOCTL,
	POLL,
};

/** Behind it `length` bytes, then `writes` times what is to be written to memory before: a struct write and its bytes. */
struct request {
	uint32_t size; // with everything behind it
	uint32_t serial;
	uint16_t puppet;
	uint16_t thread;
	uint16_t what;
	uint16_t writes;
	uint64_t length;
	uint64_t arguments[4];
};

struct write {
	uint64_t address;
	uint64_t length;
};

/** Behind it `size - sizeof` bytes. */
struct answer {
	uint32_t size; // with everything behind it
	uint32_t serial;
	uint64_t error; // errno; 0 is success
	uint64_t results[3];
};

/** What all processes see. */
static struct shared {
	pthread_mutex_t port;
	struct {
		int tid;
		/** Requests: it is busy while the two differ. The puppeteer counts the one, the thread the other. */
		unsigned asked, answered;
	} threads[PUPPETS][THREADS];
} *shared;

static int port;
static int puppet; // which one this process is
static int inputs[THREADS];

static void fail(const char *what) {
	perror(what);
	exit(1);
}

static void writeAll(int fd, const void *bytes, size_t length) {
	for (const char *at = bytes; length > 0;) {
		ssize_t done = write(fd, at, length);
		if (done < 0 && errno == EINTR) continue;
		if (done < 0) fail("write");
		at += done;
		length -= done;
	}
}

/** @returns 0 at the end of the file. */
static int readAll(int fd, void *bytes, size_t length) {
	for (char *at = bytes; length > 0;) {
		ssize_t done = read(fd, at, length);
		if (done < 0 && errno == EINTR) continue;
		if (done < 0) fail("read");
		if (done == 0) return 0;
		at += done;
		length -= done;
	}
	return 1;
}

static void tell(struct answer *answer, size_t length) {
	answer->size = sizeof *answer + length;
	int result = pthread_mutex_lock(&shared->port);
	if (result == EOWNERDEAD) pthread_mutex_consistent(&shared->port);
	writeAll(port, answer, answer->size);
	pthread_mutex_unlock(&shared->port);
}

// ---- A puppet ----

static void doNothing(int signal) { (void)signal; }

/** New memory behind which a byte faults. */
static void *mapHeap(size_t size) {
	char *hole = mmap(NULL, size + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (hole == MAP_FAILED) fail("mmap");
	void *heap = mmap(hole, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (heap == MAP_FAILED) fail("mmap");
	return heap;
}

static int isTestFile(int fd) {
	char path[64], target[256];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(path, target, sizeof target - 1);
	if (length < 0) return 0;
	target[length] = 0;
	return strstr(target, "ubinder-test-file") != NULL;
}

/** Descriptors of test files, or all, into `fds`. @returns how many. */
static size_t listFiles(uint32_t *fds, size_t most, int all) {
	size_t count = 0;
	DIR *directory = opendir("/proc/self/fd");
	if (!directory) fail("/proc/self/fd");
	for (struct dirent *entry; (entry = readdir(directory)) && count < most;) {
		int fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || fd == dirfd(directory)) continue;
		if (all || isTestFile(fd)) fds[count++] = fd;
	}
	closedir(directory);
	return count;
}

/** Leaves room for so many more descriptors, or for all that are allowed. */
static int limitFiles(int64_t count) {
	uint32_t fds[1024];
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return errno;
	limit.rlim_cur = limit.rlim_max;
	if (count >= 0) {
		size_t used = listFiles(fds, 1024, 1);
		uint32_t fd = 0;
		for (int64_t free = 0;; fd++) {
			size_t i = 0;
			while (i < used && fds[i] != fd) i++;
			if (i == used && free++ >= count) break;
		}
		limit.rlim_cur = fd;
	}
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : errno;
}

static void *runThread(void *index);

static int startThread(int index) {
	pthread_t thread;
	shared->threads[puppet][index].tid = 0;
	int error = pthread_create(&thread, NULL, runThread, (void *)(intptr_t)index);
	volatile int *tid = &shared->threads[puppet][index].tid;
	while (error == 0 && *tid == 0) usleep(100);
	return error;
}

/** @returns how many bytes of `bytes` belong to the answer. */
static size_t perform(const struct request *request, const char *argument, struct answer *answer, char *bytes,
	char *ioctlArgument) {
	const uint64_t *a = request->arguments;
	uint64_t *results = answer->results;
	int result = 0;
	switch (request->what) {
	case OPEN: {
		int fd = open(argument, O_RDWR | O_CLOEXEC | (a[0] ? O_NONBLOCK : 0));
		if (fd < 0) break;
		void *mapping = NULL;
		if (a[1]) mapping = mmap(NULL, a[1], PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
		if (mapping == MAP_FAILED) break;
		results[0] = fd;
		results[1] = (uintptr_t)mapping;
		results[2] = (uintptr_t)mapHeap(a[2]);
		return 0;
	}
	case CLOSE:
		result = close(a[0]);
		if (a[1]) munmap((void *)a[1], a[2]);
		// A thread that this wakes still looks at it.
		madvise((void *)a[3], *(uint64_t *)argument, MADV_DONTNEED);
		break;
	case UNMAP:
		result = munmap((void *)a[0], a[1]);
		break;
	case OPEN_FILE:
		result = memfd_create("ubinder-test-file", MFD_CLOEXEC);
		if (result >= 0) writeAll(result, argument, request->length);
		break;
	case FILE_CONTENT:
		if (!isTestFile(a[0])) {
			result = -1;
			errno = ENOENT;
			break;
		}
		result = pread(a[0], bytes, 256, 0);
		return result > 0 ? result : 0;
	case CLOSES_ON_EXEC:
		result = fcntl(a[0], F_GETFD);
		if (result >= 0) result = (result & FD_CLOEXEC) != 0;
		break;
	case CLOSE_FILE:
		result = close(a[0]);
		break;
	case FILES:
		return sizeof(uint32_t) * listFiles((uint32_t *)bytes, 1024, 0);
	case LIMIT_FILES:
		answer->error = limitFiles(a[0]);
		return 0;
	case CLOSE_DUPLICATE:
		result = dup(a[0]);
		if (result >= 0) result = close(result);
		break;
	case READ: {
		struct iovec from = {(void *)a[0], a[1]}, to = {bytes, a[1]};
		if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)a[1]) return a[1];
		result = -1;
		errno = EFAULT;
		break;
	}
	case SET_USER:
		result = seteuid(a[0]);
		break;
	case THREAD:
		answer->error = startThread(a[0]);
		results[0] = shared->threads[puppet][a[0]].tid;
		return 0;
	case INTERRUPT:
		result = syscall(SYS_tgkill, getpid(), shared->threads[puppet][a[0]].tid, SIGUSR2);
		break;
	case IOCTL:
		memcpy(ioctlArgument, argument, request->length);
		results[0] = ioctl(a[0], a[1], ioctlArgument) == -1 ? errno : 0;
		memcpy(bytes, ioctlArgument, request->length);
		memcpy(bytes + request->length, (void *)a[2], a[3]);
		return request->length + a[3];
	case POLL: {
		struct pollfd entry = {.fd = a[0], .events = POLLIN};
		while ((result = poll(&entry, 1, 0)) == -1 && errno == EINTR);
		if (result >= 0) result = entry.revents != 0;
		break;
	}
	default:
		result = -1;
		errno = ENOSYS;
	}
	if (result < 0) answer->error = errno;
	else results[0] = result;
	return 0;
}

/** Does what comes through the pipe of a thread, until it is closed. */
static void *runThread(void *argument) {
	int index = (intptr_t)argument;
	char *ioctlArgument = mapHeap(PAGE);
	char *input = mapHeap(LONGEST);
	char *output = mapHeap(LONGEST);
	shared->threads[puppet][index].tid = gettid();
	struct request *request = (struct request *)input;
	while (readAll(inputs[index], request, sizeof *request)) {
		if (!readAll(inputs[index], request + 1, request->size - sizeof *request)) break;
		char *at = (char *)(request + 1) + request->length;
		for (int i = 0; i < request->writes; i++) {
			struct write write;
			memcpy(&write, at, sizeof write);
			memcpy((void *)write.address, at + sizeof write, write.length);
			at += sizeof write + write.length;
		}
		struct answer *answer = (struct answer *)output;
		*answer = (struct answer){.serial = request->serial};
		size_t length = perform(request, (char *)(request + 1), answer, (char *)(answer + 1), ioctlArgument);
		tell(answer, length);
		__atomic_add_fetch(&shared->threads[puppet][index].answered, 1, __ATOMIC_RELEASE);
	}
	_exit(0);
}

// ---- The puppeteer ----

static struct {
	pid_t pid;
	int outputs[THREADS];
} puppets[PUPPETS];

static int startPuppet(int which) {
	for (int i = 0; i < THREADS; i++) {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC) != 0) return errno;
		inputs[i] = ends[0];
		puppets[which].outputs[i] = ends[1];
	}
	memset(shared->threads[which], 0, sizeof shared->threads[which]);
	pid_t pid = fork();
	if (pid < 0) return errno;
	if (pid > 0) {
		for (int i = 0; i < THREADS; i++) close(inputs[i]);
		puppets[which].pid = pid;
		return 0;
	}
	for (int i = 0; i < PUPPETS; i++) {
		for (int j = 0; j < THREADS; j++)
			if (puppets[i].pid || i == which) close(puppets[i].outputs[j]);
	}
	puppet = which;
	// A handler that does nothing and does not restart system calls.
	struct sigaction action = {.sa_handler = doNothing};
	sigaction(SIGUSR2, &action, NULL);
	runThread((void *)0);
	exit(0);
}

static void killPuppet(int which) {
	kill(puppets[which].pid, SIGKILL);
	waitpid(puppets[which].pid, NULL, 0);
	for (int i = 0; i < THREADS; i++) close(puppets[which].outputs[i]);
	puppets[which].pid = 0;
}

/** Whether a thread is blocked in ioctl(2), which for a thread that uses a Binder device means asleep in the driver. */
static int isAsleep(int tid) {
	char path[64], text[16] = "";
	snprintf(path, sizeof path, "/proc/%d/syscall", tid);
	int fd = open(path, O_RDONLY);
	if (fd < 0) return 0;
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	return length > 3 && strncmp(text, "16 ", 3) == 0;
}

/** Waits a while until all threads are idle or asleep. @returns how many sleep. */
static int countSleeping(void) {
	for (int patience = 0;; patience++) {
		int busy = 0, asleep = 0;
		for (int i = 0; i < PUPPETS; i++) {
			for (int j = 0; puppets[i].pid && j < THREADS; j++) {
				unsigned answered = __atomic_load_n(&shared->threads[i][j].answered, __ATOMIC_ACQUIRE);
				if (answered == shared->threads[i][j].asked) continue;
				busy++;
				asleep += isAsleep(shared->threads[i][j].tid);
			}
		}
		if (busy == asleep || patience == 100) return asleep;
		usleep(patience < 20 ? 50 : 1000);
	}
}

/** A whole file into an answer of its own. */
static void tellFile(const char *path, uint32_t serial) {
	static char bytes[sizeof(struct answer) + LONGEST];
	struct answer *answer = (struct answer *)bytes;
	*answer = (struct answer){.serial = serial};
	size_t length = 0;
	int fd = open(path, O_RDONLY);
	if (fd < 0) answer->error = errno;
	// A file of sysctl refuses to be read by megabytes.
	for (ssize_t done; fd >= 0 && length + PAGE <= LONGEST
		 && (done = read(fd, bytes + sizeof *answer + length, PAGE)) > 0;)
		length += done;
	if (fd >= 0) close(fd);
	tell(answer, length);
}

static void obey(struct request *request) {
	struct answer answer = {.serial = request->serial};
	int which = request->puppet;
	switch (request->what) {
	case START:
		answer.error = startPuppet(which);
		answer.results[0] = puppets[which].pid;
		break;
	case KILL:
		killPuppet(which);
		break;
	case SLEEPING:
		answer.results[0] = countSleeping();
		break;
	case READ_FILE:
		tellFile((char *)(request + 1), request->serial);
		return;
	default:
		shared->threads[which][request->thread].asked++;
		writeAll(puppets[which].outputs[request->thread], request, request->size);
		return;
	}
	tell(&answer, 0);
}

int main(int count, char **words) {
	if (count != 2) {
		fprintf(stderr, "usage: puppeteer PORT\n");
		return 2;
	}
	port = open(words[1], O_RDWR | O_CLOEXEC);
	if (port < 0) fail(words[1]);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) fail("mmap");
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->port, &attributes);
	signal(SIGPIPE, SIG_IGN);
	struct request *request = malloc(LONGEST);
	tell(&(struct answer){.serial = 0}, 0); // ready
	while (readAll(port, request, sizeof *request)) {
		if (request->size > LONGEST || request->puppet >= PUPPETS || request->thread >= THREADS) {
			fprintf(stderr, "puppeteer: a request of %u bytes for thread %u of puppet %u\n", request->size,
				request->thread, request->puppet);
			return 1;
		}
		if (!readAll(port, request + 1, request->size - sizeof *request)) break;
		obey(request);
	}
	return 0;
}
