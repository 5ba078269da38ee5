// SPDX-License-Identifier: Apache-2.0
//
// An attacker: a process of some threads that do at random what clients can do.

#ifndef UBINDER_TEST_ATTACKER_H
#define UBINDER_TEST_ATTACKER_H

#include "attack/board.h"
#include "attack/commands.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "hazards/pair.h"

static int pick_fd(uint64_t *seed)
{
	return fds[pick(seed, OPENS)];
}

// A read of this much, which may sleep until a signal comes; what is received is noted, to be freed.
static void exchange_some(uint64_t *seed, const void *out, size_t out_size, size_t in_size)
{
	uint8_t in[1024];
	struct binder_write_read bwr = {
		.write_buffer = (uintptr_t)out,
		.write_size = out_size,
		.write_consumed = pick(seed, 40) ? 0 : pick_value(seed),
		.read_buffer = pick(seed, 40) ? (uintptr_t)in : pick(seed, 2) ? (uintptr_t)wall + 4096 - pick(seed, 64) : pick_value(seed),
		.read_size = in_size,
		.read_consumed = pick(seed, 60) ? 0 : pick_value(seed),
	};
	if (ioctl(pick_fd(seed), BINDER_WRITE_READ, &bwr) < 0 || bwr.read_buffer != (uintptr_t)in || bwr.read_consumed > sizeof(in))
		return;
	for (size_t at = 0; at + 4 <= bwr.read_consumed;) {
		uint32_t command;
		memcpy(&command, in + at, 4);
		if (command == BR_TRANSACTION || command == BR_REPLY) {
			struct binder_transaction_data data;
			memcpy(&data, in + at + 4, sizeof(data));
			received[pick(seed, COUNT(received))] = data.data.ptr.buffer;
		}
		at += 4 + _IOC_SIZE(command);
	}
}

static void other_ioctl(uint64_t *seed)
{
	static const uint32_t commands[] = { BINDER_SET_MAX_THREADS, BINDER_SET_CONTEXT_MGR, BINDER_THREAD_EXIT, BINDER_VERSION,
		BINDER_GET_NODE_DEBUG_INFO, BINDER_GET_NODE_INFO_FOR_REF, BINDER_SET_CONTEXT_MGR_EXT, BINDER_FREEZE, BINDER_GET_FROZEN_INFO,
		BINDER_ENABLE_ONEWAY_SPAM_DETECTION, BINDER_GET_EXTENDED_ERROR };
	uint32_t command = pick(seed, 8) ? commands[pick(seed, COUNT(commands))] : (uint32_t)next_random(seed);
	uint64_t words[32];
	for (unsigned i = 0; i < COUNT(words); i++)
		words[i] = pick(seed, 3) ? pick(seed, 4) : pick_value(seed);
	// Whoever may open a device may freeze: only itself here, as the others are to be served
	if (command == BINDER_FREEZE) {
		struct binder_freeze_info freeze = { .pid = getpid(), .enable = pick(seed, 2), .timeout_ms = pick(seed, 5) };
		memcpy(words, &freeze, sizeof(freeze));
	}
	ioctl(pick_fd(seed), command, pick(seed, 20) ? (void *)words : pick(seed, 2) ? NULL : own_file);
}

static void poll_some(uint64_t *seed)
{
	if (pick(seed, 2)) {
		struct pollfd poller = { .fd = pick_fd(seed), .events = POLLIN | POLLOUT };
		poll(&poller, 1, pick(seed, 5));
		return;
	}
	struct epoll_event event = { .events = EPOLLIN | (pick(seed, 2) ? EPOLLET : 0) };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, pick_fd(seed), &event);
	epoll_wait(epoll, &event, 1, pick(seed, 5));
	close(epoll);
}

static void map_some(uint64_t *seed)
{
	unsigned i = pick(seed, OPENS);
	void *memory = mappings[i];
	size_t size = mapping_sizes[i];
	if (!memory || pick(seed, 4) == 0) {
		size = 4096 << pick(seed, 11);
		memory = mmap(NULL, size, PROT_READ | (pick(seed, 10) ? 0 : PROT_WRITE), pick(seed, 2) ? MAP_PRIVATE : MAP_SHARED, fds[i],
			pick(seed, 20) ? 0 : 4096 * pick(seed, 2000));
		if (memory != MAP_FAILED) {
			mappings[i] = memory;
			mapping_sizes[i] = size;
		}
		return;
	}
	switch (pick(seed, 7)) {
	case 0: munmap((uint8_t *)memory + 4096 * pick(seed, size / 4096), 4096); break;
	case 1: munmap(memory, size); mappings[i] = NULL; break;
	case 2: mprotect(memory, size, pick(seed, 2) ? PROT_READ : PROT_READ | PROT_WRITE); break;
	case 3: mremap(memory, size, size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP); break;
	default: madvise(memory, size, MADV_DONTNEED); posix_fadvise(fds[i], 0, 0, POSIX_FADV_DONTNEED); break;
	}
}

static void use_file(uint64_t *seed)
{
	uint8_t bytes[64] = { 0 };
	int fd = pick_fd(seed);
	switch (pick(seed, 8)) {
	case 0: fcntl(fd, F_SETFL, pick(seed, 2) ? O_NONBLOCK : 0); break;
	case 1: if (read(fd, bytes, sizeof(bytes)) > 0 && refuses_reads()) FAIL("a device was read"); break;
	case 2: if (write(fd, bytes, sizeof(bytes)) > 0 && refuses_reads()) FAIL("a device was written to"); break;
	case 3: if (ftruncate(fd, pick_value(seed) & INT64_MAX) == 0) FAIL("a device was truncated"); break;
	case 4: if (fallocate(fd, 3, 0, 1 << 20) == 0) FAIL("a device was punched"); break;
	case 5: close(dup(fd)); break;
	case 6: fsync(fd); break;
	case 7: { struct stat status; fstat(fd, &status); break; }
	}
}

static void open_some(uint64_t *seed, unsigned i)
{
	int before = fds[i];
	fds[i] = open(settings.device, O_RDWR | O_CLOEXEC | (pick(seed, 3) ? O_NONBLOCK : 0) | (pick(seed, 10) ? 0 : O_TRUNC));
	if (before > 0)
		close(before);
	if (fds[i] < 0)
		return;
	mapping_sizes[i] = 4096 << pick(seed, 9);
	mappings[i] = mmap(NULL, mapping_sizes[i], PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fds[i], 0);
	if (mappings[i] == MAP_FAILED)
		mappings[i] = NULL;
}

static void write_commands(uint64_t *seed)
{
	static __thread struct writer writer;
	writer.size = writer.datas = 0;
	for (unsigned i = 0; i <= pick(seed, 8); i++)
		put_any(&writer, seed);
	if (pick(seed, 10) == 0 && writer.size)
		writer.bytes[pick(seed, writer.size)] ^= 1 << pick(seed, 8);
	exchange_some(seed, writer.bytes, pick(seed, 10) ? writer.size : pick(seed, writer.size + 1), pick(seed, 3) ? 0 : 4 * pick(seed, 200));
}

static void write_noise(uint64_t *seed)
{
	uint8_t bytes[256];
	fill(bytes, sizeof(bytes), next_random(seed));
	if (pick(seed, 2)) { // a command's number, at least
		uint32_t command = _IOC(_IOC_WRITE, 'c', pick(seed, 24), pick(seed, 72));
		memcpy(bytes, &command, 4);
	}
	const void *out = pick(seed, 8) ? bytes : pick(seed, 2) ? own_file : (uint8_t *)wall + 4096 - pick(seed, 64);
	exchange_some(seed, out, pick(seed, sizeof(bytes)), pick(seed, 2) ? 0 : 256);
}

static void fork_some(uint64_t *seed)
{
	pid_t pid = fork();
	if (pid == 0) {
		for (unsigned i = 0; i < 5; i++)
			write_commands(seed);
		_exit(0);
	}
	// One that sleeps in a read is not waited for for ever
	for (unsigned i = 0; pid > 0 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		if (i > 5)
			kill(pid, SIGKILL);
		sleep_ms(1);
	}
}

static unsigned attacker_number;
static pid_t thread_ids[THREADS];
static uint64_t first_seed;

static void *attack(void *argument)
{
	unsigned number = (uintptr_t)argument;
	struct slot *slot = &board->slots[attacker_number][number];
	uint64_t seed = scramble(first_seed + number);
	thread_ids[number] = thread_id();
	for (;;) {
		static const uint8_t odds[] = { WRITE_COMMANDS, WRITE_COMMANDS, WRITE_COMMANDS, WRITE_COMMANDS, WRITE_COMMANDS, WRITE_COMMANDS,
			WRITE_COMMANDS, WRITE_COMMANDS, READ, READ, READ, READ, WRITE_NOISE, WRITE_NOISE, OTHER_IOCTL, OTHER_IOCTL, OTHER_IOCTL, POLL,
			POLL, MAP, MAP, FILE_OPERATION, FILE_OPERATION, OPEN };
		enum operation operation = pick(&seed, 300) ? odds[pick(&seed, COUNT(odds))] : FORK;
		atomic_store(&slot->operation, operation);
		atomic_store(&slot->since, now_ns());
		switch (operation) {
		case WRITE_COMMANDS: write_commands(&seed); break;
		case WRITE_NOISE: write_noise(&seed); break;
		case READ: exchange_some(&seed, NULL, 0, 4 * pick(&seed, 200)); break;
		case OTHER_IOCTL: other_ioctl(&seed); break;
		case POLL: poll_some(&seed); break;
		case MAP: map_some(&seed); break;
		case FILE_OPERATION: use_file(&seed); break;
		case OPEN: if (pick(&seed, 4) == 0) open_some(&seed, pick(&seed, OPENS)); break;
		case FORK: fork_some(&seed); break;
		default: break;
		}
		atomic_store(&slot->since, 0);
		atomic_fetch_add(&board->operations[operation], 1);
		// The machine is to have time for the others
		nanosleep(&(struct timespec){ .tv_nsec = 1000 * (long)pick(&seed, 2000) }, NULL);
	}
	return NULL;
}

static void ignore_signal(int number)
{
	(void)number;
}

// Lives for a moment, and ends in one of the ways in which processes end.
static void run_attacker(void *argument)
{
	const char *beside = beside_device("features/oneway_spam_detection");
	int file = open(beside, O_RDONLY | O_CLOEXEC);
	role = "attacker";
	attacker_number = (uintptr_t)argument % ATTACKERS;
	first_seed = scramble((uintptr_t)argument + 1);
	uint64_t seed = first_seed;
	// In a user namespace of one user there is no other to become
	if (attacker_number % 2 && setresuid(65534, 65534, 65534) < 0 && errno != EINVAL && errno != EPERM)
		FAIL("setresuid: %s", strerror(errno));
	own_file = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
	wall = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect((uint8_t *)wall + 4096, 4096, PROT_NONE);
	CHECK_SYS(pipe(ends));
	// A stray pointer of its own is its own affair
	const int fatal[] = { SIGSEGV, SIGBUS, SIGTERM };
	for (unsigned i = 0; i < COUNT(fatal); i++)
		signal(fatal[i], SIG_DFL);
	struct sigaction action = { .sa_handler = ignore_signal };
	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &action, NULL);
	for (unsigned i = 0; i < OPENS; i++)
		open_some(&seed, i);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_detach(start_thread(attack, (void *)(uintptr_t)i));
	uint64_t end = now_ns() + (200 + pick(&seed, 3000)) * 1000000ull;
	while (now_ns() < end && !atomic_load(&board->stop)) {
		sleep_ms(1 + pick(&seed, 20));
		syscall(SYS_tgkill, getpid(), thread_ids[pick(&seed, THREADS)], pick(&seed, 4) ? SIGUSR1 : SIGUSR2);
	}
	switch (pick(&seed, 4)) {
	case 0: execl("/bin/true", "true", NULL); break;
	case 1: raise(SIGKILL); break;
	case 2: pthread_exit(NULL); // and is killed by who waits for it
	}
	_exit(0);
}

#endif
