// SPDX-License-Identifier: Apache-2.0
//
// A well-behaved pair, the context manager and a client that calls it all the time and checks every answer: what an attacker must not
// hurt. And what attackers share.

#ifndef UBINDER_TEST_PAIR_H
#define UBINDER_TEST_PAIR_H

#include "client.h"

// The longest a call of the pair may take, in milliseconds: two orders of magnitude above a rescue, on a loaded machine.
#define PATIENCE_MS (10000ull * settings.slowness)

struct pair {
	atomic_bool stop;
	atomic_ullong calls, worst_ns;
};

static struct pair *pair;
static pid_t pair_manager, pair_client;

static inline void run_pair_client(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	for (uint64_t seed = 1; !atomic_load(&pair->stop); seed++) {
		struct parcel parcel = { .size = 0 };
		uint8_t bytes[1024];
		size_t size = seed % sizeof(bytes);
		fill(bytes, size, seed);
		put_bytes(&parcel, bytes, size);
		uint64_t start = now_ns();
		must_call_(&thread, 0, MANAGER_PING, &parcel);
		uint64_t time = now_ns() - start;
		if (time > atomic_load(&pair->worst_ns))
			atomic_store(&pair->worst_ns, time);
		CHECK_EQ(thread.received.data_size, size, "size of the answer");
		check_filled_(data_of(&thread.received), size, seed);
		drop_received_(&thread);
		atomic_fetch_add(&pair->calls, 1);
		sleep_short();
	}
}

static inline void start_pair(void)
{
	pair = share(sizeof(*pair));
	pair_manager = start_manager();
	pair_client = start_process("well-behaved client", run_pair_client, NULL);
	AWAIT(atomic_load(&pair->calls) >= 10);
}

// The pair is served as if nothing had happened.
static inline void check_pair(const char *attack)
{
	unsigned long long before = atomic_load(&pair->calls);
	uint64_t start = now_ns();
	while (atomic_load(&pair->calls) < before + 10) {
		CHECK(now_ns() - start < PATIENCE_MS * 1000000, "after %s the well-behaved pair gets no answers", attack);
		sleep_short();
	}
	unsigned long long worst = atomic_load(&pair->worst_ns) / 1000000;
	CHECK(worst < PATIENCE_MS, "during %s a call of the well-behaved pair took %llu ms", attack, worst);
}

static inline void stop_pair(void)
{
	atomic_store(&pair->stop, true);
	finish_process(pair_client);
	stop_process(pair_manager);
}

// ---- Attackers

// A path beside the device.
static inline const char *beside_device(const char *name)
{
	static char path[512];
	const char *slash = strrchr(settings.device, '/');
	snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - settings.device), settings.device, name);
	return path;
}

// A raw BINDER_WRITE_READ; the errno.
static inline int write_read(int fd, const void *out, size_t out_size, void *in, size_t in_size)
{
	struct binder_write_read bwr = {
		.write_buffer = (uintptr_t)out,
		.write_size = out_size,
		.read_buffer = (uintptr_t)in,
		.read_size = in_size,
	};
	return ioctl(fd, BINDER_WRITE_READ, &bwr) < 0 ? errno : 0;
}

// Uses memory in every way in which a driver copies from or to it: as commands, as the data and the offsets of a call, as the place for
// what is read. None of it needs to succeed; all of it must end.
static inline void use_memory(int fd, void *memory, size_t size)
{
	struct {
		uint32_t command;
		struct binder_transaction_data data;
	} __attribute__((packed)) call = { .command = BC_TRANSACTION };
	uint8_t in[512];
	write_read(fd, memory, size, NULL, 0);
	call.data.flags = TF_ONE_WAY;
	call.data.code = MANAGER_PING;
	call.data.data_size = size < 4096 ? size : 4096; // what the manager echoes at most
	call.data.data.ptr.buffer = (uintptr_t)memory;
	write_read(fd, &call, sizeof(call), NULL, 0);
	call.data.offsets_size = 8;
	call.data.data.ptr.offsets = (uintptr_t)memory;
	write_read(fd, &call, sizeof(call), NULL, 0);
	write_read(fd, NULL, 0, memory, size);
	// What is left to be read must not pile up
	write_read(fd, NULL, 0, in, sizeof(in));
}

// ---- Programs of several attacks

struct attack {
	const char *name;
	void (*body)(void *);
	void *argument;
};

// Runs them one by one, each in a process of its own, beside the pair; only one with --only=NAME.
static inline void run_attacks(const struct attack *attacks, unsigned count)
{
	const char *only = option_text("--only");
	unsigned done = 0;
	start_pair();
	for (unsigned i = 0; i < count; i++) {
		if (only && strcmp(only, attacks[i].name) != 0)
			continue;
		uint64_t start = now_ns();
		finish_process(start_process(attacks[i].name, attacks[i].body, attacks[i].argument));
		check_pair(attacks[i].name);
		printf("%s: %.1f s, worst call of the pair so far %.1f ms\n", attacks[i].name, (double)(now_ns() - start) / 1e9,
			(double)atomic_load(&pair->worst_ns) / 1e6);
		done++;
	}
	stop_pair();
	CHECK(done > 0, "no attack has that name");
	succeed("%u attacks, %llu calls of the pair, the longest %.1f ms", done, (unsigned long long)atomic_load(&pair->calls),
		(double)atomic_load(&pair->worst_ns) / 1e6);
}

// ---- A receiver and who calls it, both in this process, step by step

static struct proc caller_proc;
static struct thread caller;

struct target {
	struct proc proc;
	struct thread thread;
	uint32_t handle; // by which the caller calls it
};

static inline void open_caller(void)
{
	open_proc(&caller_proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&caller, &caller_proc);
}

// Opens a device with a mapping of this kind, none if size is 0, and gives the caller a handle.
static inline void open_target(struct target *target, size_t size, int protection, int flags)
{
	const uint32_t name = 100;
	struct parcel parcel = { .size = 0 };
	open_proc(&target->proc, O_NONBLOCK, 0);
	if (size) {
		void *mapping = mmap(NULL, size, protection, flags, target->proc.fd, 0);
		if (mapping == MAP_FAILED)
			FAIL("mmap of %zu bytes: %s", size, strerror(errno));
		target->proc.mapping = mapping;
		target->proc.mapping_size = size;
	}
	enter_looper(&target->thread, &target->proc);
	put_u32(&parcel, name);
	put_node(&parcel, BINDER_TYPE_BINDER, 1, 1, 0);
	must_send(&target->thread, 0, MANAGER_PUBLISH, &parcel);
	target->handle = look_up(&caller, name);
	forget(&caller, name);
	submit(&target->thread);
}

// One call of the target with seeded bytes that arrive whole; the answer is empty.
static inline void exchange_bytes_with_(struct target *target, size_t size, uint64_t seed)
{
	static uint8_t bytes[1 << 20];
	fill(bytes, size, seed);
	bc_data(&caller, BC_TRANSACTION, target->handle, 1, 0, bytes, size, NULL, 0);
	submit_(&caller);
	exchange_and_expect_(&target->thread, false, "NOOP TRANSACTION");
	CHECK_EQ(target->thread.received.data_size, size, "data_size");
	check_filled_(data_of(&target->thread.received), size, seed);
	bc_free_received_(&target->thread);
	bc_reply(&target->thread, NULL);
	exchange_and_expect_(&target->thread, true, "NOOP TC");
	exchange_and_expect_(&caller, false, "NOOP TC REPLY");
	drop_received_(&caller);
}
#define exchange_bytes_with(...) PLACED(exchange_bytes_with_(__VA_ARGS__))

// A call of the target that must find it dead.
static inline void check_dead_target_(struct target *target)
{
	bc_call(&caller, target->handle, 1, 0, NULL);
	submit_(&caller);
	exchange_and_expect_(&caller, false, "NOOP DEAD_REPLY");
	expect_error_(&target->thread, EAGAIN);
}
#define check_dead_target(...) PLACED(check_dead_target_(__VA_ARGS__))

#endif
