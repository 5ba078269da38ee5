// SPDX-License-Identifier: Apache-2.0
//
// Buffers that cannot be copied without waiting: for ourselves, for a FUSE server that never answers, for userfaultfd. The client that uses
// them may get any error; a well-behaved pair must not notice.

#include <linux/userfaultfd.h>

#include "pair.h"
#include "silent-fuse.h"

#define MEMORY_SIZE (8 * 4096)

static int own_fd;

static void *map_file(int fd, int protection, int flags)
{
	void *memory = mmap(NULL, MEMORY_SIZE, protection, flags, fd, 0);
	if (memory == MAP_FAILED)
		FAIL("mmap: %s", strerror(errno));
	return memory;
}

static void open_own(void)
{
	own_fd = open_device(O_CLOEXEC | O_NONBLOCK);
	map_file(own_fd, PROT_READ, MAP_PRIVATE | MAP_NORESERVE);
}

// ---- Files of the mount itself

static void attack_with_own_mount(void *unused)
{
	(void)unused;
	open_own();
	const char *names[] = { "features/oneway_spam_detection", "features/extended_error", "binder-control", "hwbinder" };
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < COUNT(names); i++) {
			int fd = open(beside_device(names[i]), O_RDONLY | O_CLOEXEC);
			CHECK(fd >= 0, "open %s: %s", names[i], strerror(errno));
			const int kinds[][2] = { { PROT_READ, MAP_SHARED }, { PROT_READ | PROT_WRITE, MAP_PRIVATE } };
			for (unsigned kind = 0; kind < COUNT(kinds); kind++) {
				void *memory = mmap(NULL, MEMORY_SIZE, kinds[kind][0], kinds[kind][1], fd, 0);
				if (memory == MAP_FAILED)
					continue;
				posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
				use_memory(own_fd, memory, MEMORY_SIZE);
				munmap(memory, MEMORY_SIZE);
			}
			close(fd);
		}
}

// ---- A FUSE server that never answers

static void attack_with_silent_fuse(void *unused)
{
	(void)unused;
	int file = open_silent_file();
	open_own();
	for (unsigned round = 0; round < 2; round++) {
		use_memory(own_fd, map_file(file, PROT_READ, MAP_SHARED), MEMORY_SIZE);
		use_memory(own_fd, map_file(file, PROT_READ | PROT_WRITE, MAP_SHARED), MEMORY_SIZE);
		use_memory(own_fd, map_file(file, PROT_READ | PROT_WRITE, MAP_PRIVATE), MEMORY_SIZE);
	}
}

// ---- Memory that changes into such a file while it is used

static uint8_t *changing;

static void *change(void *file)
{
	for (;;) {
		mmap(changing, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mmap(changing, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE, *(int *)file, 0);
	}
	return NULL;
}

static void attack_with_changing_memory(void *unused)
{
	(void)unused;
	int file = open_silent_file();
	open_own();
	changing = map_file(-1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	start_thread(change, &file);
	uint64_t start = now_ns();
	while (now_ns() - start < 1500 * 1000000ull)
		use_memory(own_fd, changing, MEMORY_SIZE);
	_exit(0);
}

// The same, of a server that is not this client's to end: an ordinary user finds a file of root's that nobody serves. Until it has got the
// daemon to wait for it; whatever frees the daemon, or the client, ends it.
static void attack_with_file_of_root(void *unused)
{
	(void)unused;
	int file = open_silent_file();
	open_own();
	CHECK_SYS(setresgid(65534, 65534, 65534));
	CHECK_SYS(setresuid(65534, 65534, 65534));
	changing = map_file(-1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	start_thread(change, &file);
	uint64_t start = now_ns();
	while (version_error(own_fd) == 0) {
		CHECK(now_ns() - start < 60 * 1000000000ull, "the daemon did not wait for the file");
		use_memory(own_fd, changing, MEMORY_SIZE);
	}
	_exit(0);
}

// ---- userfaultfd

// -1 where this process may not have one of that kind.
static int open_userfaultfd(int flags)
{
	int fd = syscall(SYS_userfaultfd, flags | O_CLOEXEC);
	if (fd < 0)
		return -1;
	struct uffdio_api api = { .api = UFFD_API };
	CHECK_SYS(ioctl(fd, UFFDIO_API, &api));
	return fd;
}

static void attack_with_userfaultfd(void *argument)
{
	int uffd = open_userfaultfd(*(int *)argument);
	if (uffd < 0)
		return;
	open_own();
	for (unsigned round = 0; round < 2; round++) {
		void *memory = map_file(-1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
		struct uffdio_register area = {
			.range = { (uintptr_t)memory, MEMORY_SIZE },
			.mode = UFFDIO_REGISTER_MODE_MISSING,
		};
		CHECK_SYS(ioctl(uffd, UFFDIO_REGISTER, &area));
		use_memory(own_fd, memory, MEMORY_SIZE);
	}
}

// The descriptor in the hands of another process: what the client does by itself does not end the waiting.
static void attack_with_foreign_userfaultfd(void *unused)
{
	(void)unused;
	int uffd = open_userfaultfd(0), ends[2];
	if (uffd < 0)
		return;
	CHECK_SYS(pipe(ends));
	pid_t holder = fork();
	if (holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[1]);
		if (read(ends[0], &holder, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(ends[0]);
	open_own();
	void *memory = map_file(-1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	struct uffdio_register area = { .range = { (uintptr_t)memory, MEMORY_SIZE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	CHECK_SYS(ioctl(uffd, UFFDIO_REGISTER, &area));
	close(uffd);
	use_memory(own_fd, memory, MEMORY_SIZE);
	close(ends[1]);
	waitpid(holder, NULL, 0);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "faults", 90, "[--only=ATTACK]");
	if (option_given("--wedge")) {
		// Alone: it takes the daemon with it
		finish_process(start_process("file-of-root", attack_with_file_of_root, NULL));
		succeed("the daemon was made to wait, and its clients were freed");
		return 0;
	}
	static int any = 0, user_mode = 1;
	const struct attack attacks[] = {
		{ "own-mount", attack_with_own_mount, NULL },
		{ "silent-fuse", attack_with_silent_fuse, NULL },
		{ "changing-memory", attack_with_changing_memory, NULL },
		{ "userfaultfd", attack_with_userfaultfd, &any },
		{ "userfaultfd-user-mode", attack_with_userfaultfd, &user_mode },
		{ "foreign-userfaultfd", attack_with_foreign_userfaultfd, NULL },
	};
	run_attacks(attacks, COUNT(attacks));
	return 0;
}
