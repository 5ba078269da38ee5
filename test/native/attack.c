// SPDX-License-Identifier: Apache-2.0
//
// Hostile clients beside well-behaved ones. Attackers are processes of some threads that do at random what clients can do: commands that
// are right, nearly right and wrong, other ioctls, mappings, files, polls, signals, forks; they come and go, and some are killed. One of two
// is another user. Meanwhile well-behaved clients call the same context manager, check every answer, and measure.
//
// It fails on a wrong answer, on a call that no signal ends, and on a process that cannot be killed.

#include "client.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "hazards/pair.h"

#define ATTACKERS 4
#define THREADS 3
#define CLIENTS 2
#define OPENS 3
#define MAX_SECONDS_OF_A_CALL 20

// ---- What all processes see

enum operation {
	WRITE_COMMANDS,
	WRITE_NOISE,
	READ,
	OTHER_IOCTL,
	POLL,
	MAP,
	FILE_OPERATION,
	OPEN,
	FORK,
	OPERATIONS,
};

static const char *const operation_names[] = { "write of commands", "write of noise", "read", "other ioctl", "poll", "mapping",
	"file operation", "open", "fork" };

struct slot {
	atomic_ullong since; // when its operation began; 0 between two
	atomic_uint operation;
};

// Times in buckets of an eighth of a power of two of nanoseconds.
struct times {
	atomic_ullong buckets[64 * 8];
	atomic_ullong count;
};

static struct board {
	atomic_bool stop, is_attacked;
	struct slot slots[ATTACKERS][THREADS];
	atomic_ullong operations[OPERATIONS];
	struct times quiet, attacked;
} *board;

static void note_time(struct times *times, uint64_t ns)
{
	unsigned power = 63 - __builtin_clzll(ns | 8);
	atomic_fetch_add(&times->buckets[power * 8 + ((ns >> (power - 3)) & 7)], 1);
	atomic_fetch_add(&times->count, 1);
}

// In microseconds: the upper end of the bucket.
static double percentile(struct times *times, double part)
{
	uint64_t left = (uint64_t)((double)atomic_load(&times->count) * (1 - part));
	for (unsigned i = COUNT(times->buckets); i-- > 0;) {
		uint64_t here = atomic_load(&times->buckets[i]);
		if (here > left)
			return (double)((9ull + i % 8) << (i / 8 - 3)) / 1000;
		left -= here;
	}
	return 0;
}

// ---- The well-behaved

// Echoes what it is sent, whoever sends it, and whatever it is.
static void run_echo_manager(void *ready)
{
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	become_manager(&proc);
	enter_looper(&thread, &proc);
	atomic_store((atomic_bool *)ready, true);
	for (;;) {
		struct event event;
		CHECK_ERRNO(exchange_bytes(&thread, sizeof(thread.in)), 0, "the manager's ioctl");
		while (next_return(&thread, &event)) {
			if (event.command == BR_INCREFS || event.command == BR_ACQUIRE)
				bc_node(&thread, event.command == BR_INCREFS ? BC_INCREFS_DONE : BC_ACQUIRE_DONE, event.node.ptr, event.node.cookie);
			if (event.command != BR_TRANSACTION)
				continue;
			static struct parcel reply;
			size_t size = event.transaction.data_size;
			reply.size = reply.count = 0;
			if (event.transaction.offsets_size == 0 && size <= sizeof(reply.data))
				put_bytes(&reply, data_of(&event.transaction), size);
			bc_free(&thread, event.transaction.data.ptr.buffer);
			if (!(event.transaction.flags & TF_ONE_WAY))
				bc_reply(&thread, &reply);
			CHECK_ERRNO(exchange_bytes(&thread, 0), 0, "the manager's answer");
		}
	}
}

static void run_good_client(void *argument)
{
	struct proc proc;
	struct thread thread;
	uint64_t seed = (uintptr_t)argument * 1000003;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	while (!atomic_load(&board->stop)) {
		static struct parcel parcel;
		static uint8_t bytes[4096];
		size_t size = next_random(&seed) % (next_random(&seed) % 8 ? 256 : sizeof(bytes));
		uint64_t filling = next_random(&seed);
		bool isAttacked = atomic_load(&board->is_attacked);
		fill(bytes, size, filling);
		parcel.size = parcel.count = 0;
		put_bytes(&parcel, bytes, size);
		uint64_t start = now_ns();
		uint32_t ending = call(&thread, 0, MANAGER_PING, 0, &parcel);
		uint64_t time = now_ns() - start;
		// The manager's space may be full of what attackers sent: that is told, and no wrong answer
		if (ending == BR_FAILED_REPLY) {
			CHECK_EQ(extended_error(&thread).param, -ENOSPC, "why a call failed");
			continue;
		}
		CHECK(ending == BR_REPLY, "a call ended with %s", return_name(ending));
		CHECK_EQ(thread.received.data_size, size, "size of the answer");
		check_filled(data_of(&thread.received), size, filling);
		drop_received(&thread);
		note_time(isAttacked ? &board->attacked : &board->quiet, time);
		nanosleep(&(struct timespec){ .tv_nsec = 1000 * (long)(next_random(&seed) % 1000) }, NULL);
	}
}

// ---- Attackers

// Shared by the threads of one, without care.
static int fds[OPENS];
static void *mappings[OPENS];
static size_t mapping_sizes[OPENS];
static uint64_t received[16]; // buffers
static int ends[2];
static void *wall; // a page that can be written to, and one behind it that cannot be touched
static void *own_file;

static uint64_t pick(uint64_t *seed, uint64_t below)
{
	return next_random(seed) % below;
}

static uint64_t pick_value(uint64_t *seed)
{
	switch (pick(seed, 8)) {
	case 0: return 0;
	case 1: return next_random(seed);
	case 2: return received[pick(seed, COUNT(received))];
	case 3: return (uintptr_t)mappings[pick(seed, OPENS)] + 8 * pick(seed, 1024);
	case 4: return (uint64_t)-1 - pick(seed, 16);
	case 5: return 1ull << pick(seed, 64);
	default: return 8 * pick(seed, 16);
	}
}

static uint64_t pick_size(uint64_t *seed)
{
	return pick(seed, 20) == 0 ? pick_value(seed) : pick(seed, 4) * pick(seed, 64);
}

struct writer {
	_Alignas(8) uint8_t bytes[4096];
	size_t size;
	_Alignas(8) uint8_t data[8][512];
	binder_size_t offsets[8][16];
	unsigned datas;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
	if (writer->size + size <= sizeof(writer->bytes)) {
		memcpy(writer->bytes + writer->size, bytes, size);
		writer->size += size;
	}
}

static void put_command(struct writer *writer, uint32_t command)
{
	put(writer, &command, sizeof(command));
}

static size_t pick_object(uint64_t *seed, uint8_t *at)
{
	const uint32_t types[] = { BINDER_TYPE_BINDER, BINDER_TYPE_WEAK_BINDER, BINDER_TYPE_HANDLE, BINDER_TYPE_WEAK_HANDLE,
		BINDER_TYPE_FD, BINDER_TYPE_FDA, BINDER_TYPE_PTR };
	uint32_t type = types[pick(seed, COUNT(types))];
	if (type == BINDER_TYPE_PTR) {
		struct binder_buffer_object object = { .hdr.type = type, .flags = pick(seed, 2), .buffer = (uintptr_t)wall + pick(seed, 4096),
			.length = pick_size(seed), .parent = pick(seed, 4), .parent_offset = pick_size(seed) };
		memcpy(at, &object, sizeof(object));
		return sizeof(object);
	}
	if (type == BINDER_TYPE_FDA) {
		struct binder_fd_array_object object = { .hdr.type = type, .num_fds = pick_size(seed), .parent = pick(seed, 4),
			.parent_offset = pick_size(seed) };
		memcpy(at, &object, sizeof(object));
		return sizeof(object);
	}
	struct flat_binder_object object = { .hdr.type = pick(seed, 30) ? type : (uint32_t)next_random(seed), .flags = next_random(seed),
		.cookie = pick(seed, 16) };
	object.binder = type == BINDER_TYPE_BINDER || type == BINDER_TYPE_WEAK_BINDER ? 8 + 8 * pick(seed, 16) : pick(seed, 6);
	if (type == BINDER_TYPE_FD)
		object.handle = pick(seed, 4) ? (uint32_t)ends[pick(seed, 2)] : (uint32_t)pick_value(seed);
	memcpy(at, &object, sizeof(object));
	return sizeof(object);
}

static void put_transaction(struct writer *writer, uint64_t *seed, uint32_t command)
{
	if (writer->datas == COUNT(writer->data))
		return;
	uint8_t *data = writer->data[writer->datas];
	binder_size_t *offsets = writer->offsets[writer->datas++];
	struct binder_transaction_data_sg transaction = {
		.transaction_data.target.handle = pick(seed, 10) ? pick(seed, 4) : pick_value(seed),
		.transaction_data.code = pick(seed, 4),
		.transaction_data.flags = pick(seed, 3) ? TF_ONE_WAY : pick(seed, 2) ? 0 : next_random(seed),
		.buffers_size = pick_size(seed) & ~7ull,
	};
	size_t size = 0, count = 0;
	for (unsigned i = 0; i < pick(seed, 6); i++) {
		if (pick(seed, 2)) {
			offsets[count++] = size;
			size += pick_object(seed, data + size);
		} else {
			size += 4 * pick(seed, 8);
		}
	}
	if (pick(seed, 20) == 0 && count)
		offsets[pick(seed, count)] = pick_value(seed);
	transaction.transaction_data.data_size = pick(seed, 30) ? size : pick_value(seed);
	transaction.transaction_data.offsets_size = 8 * count;
	transaction.transaction_data.data.ptr.buffer = pick(seed, 30) ? (uintptr_t)data : pick_value(seed);
	transaction.transaction_data.data.ptr.offsets = (uintptr_t)offsets;
	if (pick(seed, 40) == 0)
		transaction.transaction_data.data.ptr.buffer = (uintptr_t)own_file;
	put_command(writer, command);
	put(writer, &transaction,
		command == BC_TRANSACTION_SG || command == BC_REPLY_SG ? sizeof(transaction) : sizeof(transaction.transaction_data));
}

static void put_any(struct writer *writer, uint64_t *seed)
{
	static const uint32_t commands[] = { BC_TRANSACTION, BC_TRANSACTION, BC_TRANSACTION, BC_TRANSACTION_SG, BC_REPLY, BC_REPLY_SG,
		BC_FREE_BUFFER, BC_FREE_BUFFER, BC_FREE_BUFFER, BC_INCREFS, BC_ACQUIRE, BC_RELEASE, BC_DECREFS, BC_INCREFS_DONE, BC_ACQUIRE_DONE,
		BC_REGISTER_LOOPER, BC_ENTER_LOOPER, BC_EXIT_LOOPER, BC_REQUEST_DEATH_NOTIFICATION, BC_CLEAR_DEATH_NOTIFICATION,
		BC_DEAD_BINDER_DONE, _IOW('c', 19, struct binder_handle_cookie), _IOW('c', 20, struct binder_handle_cookie),
		_IOW('c', 21, binder_uintptr_t) };
	uint32_t command = commands[pick(seed, COUNT(commands))];
	if (command == BC_TRANSACTION || command == BC_TRANSACTION_SG || command == BC_REPLY || command == BC_REPLY_SG) {
		put_transaction(writer, seed, command);
		return;
	}
	uint8_t payload[64];
	size_t size = _IOC_SIZE(command);
	put_command(writer, command);
	if (size == 4) {
		uint32_t handle = pick(seed, 8) ? pick(seed, 5) : pick_value(seed);
		memcpy(payload, &handle, 4);
	} else if (size == 8) {
		uint64_t value = command == BC_FREE_BUFFER ? received[pick(seed, COUNT(received))] : pick(seed, 16);
		memcpy(payload, &value, 8);
	} else {
		uint64_t words[] = { pick(seed, 5), pick(seed, 16), 0, 0 };
		memcpy(payload, words, sizeof(words));
		if (size == 12) // a handle and a cookie
			memcpy(payload + 4, &words[1], 8);
	}
	put(writer, payload, size);
}

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
	case 1: if (read(fd, bytes, sizeof(bytes)) > 0) FAIL("a device was read"); break;
	case 2: if (write(fd, bytes, sizeof(bytes)) > 0) FAIL("a device was written to"); break;
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

// ---- Who looks at all that

static pid_t attackers[ATTACKERS];
static uint64_t killed_since[ATTACKERS];

static void check_slots(void)
{
	for (unsigned i = 0; i < ATTACKERS; i++)
		for (unsigned j = 0; j < THREADS; j++) {
			uint64_t since = atomic_load(&board->slots[i][j].since), now = now_ns();
			if (since && since < now && now - since > MAX_SECONDS_OF_A_CALL * 1000000000ull)
				FAIL("a %s of an attacker (pid %d) does not end", operation_names[atomic_load(&board->slots[i][j].operation)], attackers[i]);
		}
}

// Takes those that have ended, and kills those that are overdue. Returns how many are left.
static unsigned look_after(bool isOver)
{
	unsigned left = 0;
	for (unsigned i = 0; i < ATTACKERS; i++) {
		int status;
		if (!attackers[i])
			continue;
		if (waitpid(attackers[i], &status, WNOHANG) == attackers[i]) {
			CHECK(!WIFEXITED(status) || WEXITSTATUS(status) == 0, "an attacker found something wrong");
			attackers[i] = killed_since[i] = 0;
			memset(&board->slots[i], 0, sizeof(board->slots[i]));
			continue;
		}
		left++;
		if (killed_since[i]) {
			CHECK(now_ns() - killed_since[i] < MAX_SECONDS_OF_A_CALL * 1000000000ull, "attacker %d cannot be killed", attackers[i]);
		} else if (isOver) {
			kill(attackers[i], SIGCONT);
			kill(attackers[i], SIGKILL);
			killed_since[i] = now_ns();
		}
	}
	return left;
}

static pid_t start_attacker(uint64_t number)
{
	pid_t pid = CHECK_SYS(fork());
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	settings.child_count = 0;
	alarm(0);
	run_attacker((void *)(uintptr_t)number);
	_exit(0);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "attack", 0, "[--seconds=N] [--quiet=SECONDS] [--seed=N] [--ratio=MAX]");
	uint64_t seconds = option_number("--seconds", 20), quiet = option_number("--quiet", 5);
	uint64_t seed = option_number("--seed", now_ns() % 1000000), ratio = option_number("--ratio", 0);
	pid_t clients[CLIENTS];
	board = share(sizeof(*board));
	atomic_bool *ready = share(sizeof(*ready));
	pid_t manager = start_process("manager", run_echo_manager, ready);
	AWAIT(atomic_load(ready));
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = start_process("well-behaved client", run_good_client, (void *)(uintptr_t)(i + 1));
	printf("seed %llu, %llu s of quiet, %llu s of attacks\n", (unsigned long long)seed, (unsigned long long)quiet,
		(unsigned long long)seconds);
	sleep_ms(quiet * 1000);

	atomic_store(&board->is_attacked, true);
	uint64_t start = now_ns(), started = 0, looked = start, before = 0;
	while (now_ns() - start < seconds * 1000000000ull) {
		look_after(false);
		for (unsigned i = 0; i < ATTACKERS; i++)
			if (!attackers[i])
				attackers[i] = start_attacker((seed << 24) + ATTACKERS * started++ + i);
		// Now and then one is killed, or stopped and let go on, whatever it is doing
		unsigned victim = next_random(&seed) % ATTACKERS;
		switch (next_random(&seed) % 40) {
		case 0: if (!killed_since[victim]) killed_since[victim] = now_ns(); kill(attackers[victim], SIGKILL); break;
		case 1: kill(attackers[victim], SIGSTOP); sleep_ms(5); kill(attackers[victim], SIGCONT); break;
		}
		// One whose first thread has ended lives on until it is killed
		if (started % 8 == 0 && !killed_since[victim]) {
			kill(attackers[victim], SIGKILL);
			killed_since[victim] = now_ns();
		}
		check_slots();
		if (now_ns() - looked > 10 * 1000000000ull) {
			uint64_t calls = atomic_load(&board->attacked.count);
			CHECK(calls > before, "the well-behaved clients get no answers");
			before = calls;
			looked = now_ns();
		}
		sleep_ms(20);
	}
	for (unsigned i = 0; look_after(true) > 0; i++)
		sleep_ms(5);
	// Attacked no more, they are served as before
	atomic_store(&board->stop, true);
	for (unsigned i = 0; i < CLIENTS; i++)
		finish_process(clients[i]);
	stop_process(manager);

	double p99_quiet = percentile(&board->quiet, 0.99), p99 = percentile(&board->attacked, 0.99);
	for (unsigned i = 0; i < OPERATIONS; i++)
		printf("%-18s %llu\n", operation_names[i], (unsigned long long)atomic_load(&board->operations[i]));
	printf("%llu attackers\n", (unsigned long long)started);
	printf("quiet:    %8llu calls, p50 %6.0f us, p99 %6.0f us\n", (unsigned long long)atomic_load(&board->quiet.count),
		percentile(&board->quiet, 0.5), p99_quiet);
	printf("attacked: %8llu calls, p50 %6.0f us, p99 %6.0f us, %.1f times that of the quiet\n",
		(unsigned long long)atomic_load(&board->attacked.count), percentile(&board->attacked, 0.5), p99, p99 / p99_quiet);
	CHECK(!ratio || p99 <= (double)ratio * p99_quiet, "the p99 is more than %llu times that of the quiet", (unsigned long long)ratio);
	succeed("%llu s", (unsigned long long)seconds);
	return 0;
}
