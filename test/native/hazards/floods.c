// SPDX-License-Identifier: Apache-2.0
//
// Much of what is allowed: a write buffer of millions of commands, calls with as many objects as fit, wake-ups of many in one ioctl.

#include "pair.h"

// ---- Hazard 26: one ioctl that would take minutes

// A write buffer of this many bytes, of one command again and again; the memory behind it is one page mapped over and over.
static uint8_t *repeat(const void *command, size_t size, size_t total)
{
	// A multiple of the command's size and the page's; mappings are limited in number
	size_t unit = size * 4096 * 256;
	int fd = CHECK_SYS((int)syscall(SYS_memfd_create, "commands", 0));
	uint8_t *one = malloc(unit);
	for (size_t at = 0; at < unit; at += size)
		memcpy(one + at, command, size);
	CHECK_EQ(write(fd, one, unit), unit, "bytes written");
	free(one);
	uint8_t *all = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(all != MAP_FAILED);
	for (size_t at = 0; at + unit <= total; at += unit)
		if (mmap(all + at, unit, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			FAIL("mmap: %s", strerror(errno));
	close(fd);
	return all;
}

static void attack_with_long_write(void *unused)
{
	(void)unused;
	uint32_t enter = BC_ENTER_LOOPER;
	struct {
		uint32_t command;
		uint32_t handle;
	} increfs = { BC_INCREFS, 0 }, decrefs = { BC_DECREFS, 0 };
	const size_t total = 32 << 20;
	open_caller();
	uint8_t *loopers = repeat(&enter, sizeof(enter), total);
	CHECK_ERRNO(write_read(caller_proc.fd, loopers, total, NULL, 0), 0, "8 million commands");
	uint8_t *more = repeat(&increfs, sizeof(increfs), total), *less = repeat(&decrefs, sizeof(decrefs), total);
	CHECK_ERRNO(write_read(caller_proc.fd, more, total, NULL, 0), 0, "4 million references");
	CHECK_ERRNO(write_read(caller_proc.fd, less, total, NULL, 0), 0, "4 million references less");
	must_call(&caller, 0, MANAGER_PING, NULL);
	drop_received(&caller);
}

// One that is killed in the middle of it ends at once.
static void attack_with_killed_write(void *unused)
{
	(void)unused;
	uint32_t enter = BC_ENTER_LOOPER;
	const size_t total = (size_t)1 << 30;
	uint8_t *loopers = repeat(&enter, sizeof(enter), total);
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		struct proc proc;
		open_proc(&proc, 0, 4096);
		write_read(proc.fd, loopers, total, NULL, 0);
		_exit(0);
	}
	sleep_ms(100);
	kill(pid, SIGKILL);
	uint64_t start = now_ns();
	int status;
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK(now_ns() - start < 5 * 1000000000ull, "a killed client went on writing for %.1f s", (double)(now_ns() - start) / 1e9);
}

// ---- Hazard 26: one command as large as commands are

static void attack_with_objects(void *unused)
{
	(void)unused;
	struct target target;
	open_caller();
	open_target(&target, 4 << 20, PROT_READ, MAP_PRIVATE);
	const size_t count = (4 << 20) / (sizeof(struct flat_binder_object) + 8) - 8;
	struct flat_binder_object *objects = calloc(count, sizeof(*objects));
	binder_size_t *offsets = calloc(count, sizeof(*offsets));
	for (size_t i = 0; i < count; i++) {
		objects[i] = (struct flat_binder_object){ .hdr.type = BINDER_TYPE_BINDER, .binder = 0x10000 + i, .cookie = i };
		offsets[i] = i * sizeof(*objects);
	}
	const size_t counts[] = { count, 10000, count };
	for (unsigned round = 0; round < COUNT(counts); round++) {
		bc_data(&caller, BC_TRANSACTION, target.handle, 1, TF_ONE_WAY, objects, counts[round] * sizeof(*objects), offsets, counts[round]);
		// Too many for half of the space that oneways have, or for the limits of nodes: any answer will do, but one there must be
		CHECK_ERRNO(exchange_bytes(&caller, sizeof(caller.in)), 0, "sending");
		// The last object is none: all that was done is undone
		objects[counts[round] - 1].hdr.type = 0x666;
		bc_data(&caller, BC_TRANSACTION, target.handle, 1, 0, objects, counts[round] * sizeof(*objects), offsets, counts[round]);
		CHECK_ERRNO(exchange_bytes(&caller, sizeof(caller.in)), 0, "sending");
		objects[counts[round] - 1].hdr.type = BINDER_TYPE_BINDER;
	}
	free(objects);
	free(offsets);
	_exit(0);
}

// ---- Hazard 7: one ioctl wakes others, and itself

#define SLEEPERS 4

static struct target sleepers[SLEEPERS];
static atomic_uint taken;

static void *take_all(void *argument)
{
	struct target *sleeper = argument;
	struct thread thread;
	enter_looper(&thread, &sleeper->proc);
	for (;;) {
		CHECK_ERRNO(exchange_bytes(&thread, sizeof(thread.in)), 0, "reading");
		struct event event;
		while (next_return(&thread, &event)) {
			if (event.command != BR_TRANSACTION)
				continue;
			// In the order in which they were sent
			uint32_t number = word_of(&event.transaction, 0);
			CHECK_EQ(event.transaction.code, number + 1, "code of the call");
			bc_free(&thread, event.transaction.data.ptr.buffer);
			atomic_fetch_add(&taken, 1);
		}
		submit(&thread);
	}
	return NULL;
}

static void attack_with_wakes(void *unused)
{
	(void)unused;
	enum { ROUNDS = 300 };
	open_caller();
	for (unsigned i = 0; i < SLEEPERS; i++) {
		open_target(&sleepers[i], 65536, PROT_READ, MAP_PRIVATE);
		fcntl(sleepers[i].proc.fd, F_SETFL, 0);
	}
	sleep_ms(settings.settle_ms);
	for (unsigned i = 0; i < SLEEPERS; i++)
		start_thread(take_all, &sleepers[i]);
	for (unsigned round = 0; round < ROUNDS; round++) {
		static struct parcel parcels[2 * SLEEPERS];
		for (unsigned i = 0; i < 2 * SLEEPERS; i++) {
			parcels[i].size = parcels[i].count = 0;
			put_u32(&parcels[i], i);
			bc_call(&caller, sleepers[i % SLEEPERS].handle, i + 1, TF_ONE_WAY, &parcels[i]);
		}
		// What the writer itself reads is all there, and nothing but that
		exchange(&caller, "NOOP TC TC TC TC TC TC TC TC");
		AWAIT(atomic_load(&taken) == (round + 1) * 2 * SLEEPERS);
	}
	_exit(0);
}

// ---- Hazard 31: more requests than can be served

static void *storm(void *unused)
{
	(void)unused;
	int fd = open_device(O_NONBLOCK | O_CLOEXEC);
	for (;;)
		version_error(fd);
	return NULL;
}

static void attack_with_storm(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < 8; i++)
		start_thread(storm, NULL);
	for (unsigned i = 0; i < 20; i++) {
		sleep_ms(100);
		check_pair("a storm of requests");
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "floods", 120, "[--only=ATTACK]");
	const struct attack attacks[] = {
		{ "long-write", attack_with_long_write, NULL },
		{ "killed-write", attack_with_killed_write, NULL },
		{ "objects", attack_with_objects, NULL },
		{ "wakes", attack_with_wakes, NULL },
		{ "storm", attack_with_storm, NULL },
	};
	run_attacks(attacks, COUNT(attacks));
	return 0;
}
