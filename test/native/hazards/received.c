// SPDX-License-Identifier: Apache-2.0
//
// What a client does with the memory in which it receives: writes into it while objects arrive, reads pages that were given back, puts
// something else in its place.

#include "pair.h"

// ---- Hazard 4: objects changed in the mapping while they arrive

#define CALLS 1500
#define SCRIBBLED 65536

static uint8_t *scribbled;
static atomic_bool is_over;

// Whatever is in the mapping becomes an object that the receiver would like to have, or to have closed.
static void *scribble(void *unused)
{
	(void)unused;
	const struct flat_binder_object wishes[] = {
		{ .hdr.type = BINDER_TYPE_HANDLE, .handle = 0 },
		{ .hdr.type = BINDER_TYPE_HANDLE, .handle = 7 },
		{ .hdr.type = BINDER_TYPE_FD, .handle = 1, .cookie = 1 },
		{ .hdr.type = BINDER_TYPE_BINDER, .binder = 0x666, .cookie = 0x666 },
	};
	for (unsigned i = 0; !atomic_load(&is_over); i++)
		for (size_t at = 0; at + sizeof(wishes[0]) <= 4096; at += 8)
			memcpy(scribbled + at, &wishes[i % COUNT(wishes)], sizeof(wishes[0]));
	return NULL;
}

static void attack_in_flight(void *unused)
{
	(void)unused;
	struct target target;
	open_caller();
	open_target(&target, SCRIBBLED, PROT_READ, MAP_SHARED);
	exchange_bytes_with(&target, 100, 1);
	// Found for reading, and made writable afterwards; where it is served by injection the kernel refuses, as with its own driver
	if (mprotect((void *)target.proc.mapping, SCRIBBLED, PROT_READ | PROT_WRITE) == -1 && errno == EACCES)
		_exit(0);
	CHECK_SYS(mprotect((void *)target.proc.mapping, SCRIBBLED, PROT_READ | PROT_WRITE));
	scribbled = (uint8_t *)target.proc.mapping;
	int guarded = CHECK_SYS(dup(1));
	pthread_t scribbler = start_thread(scribble, NULL);
	unsigned arrived = 0, refused = 0;
	for (unsigned i = 0; i < CALLS; i++) {
		struct parcel parcel = { .size = 0 };
		put_node(&parcel, BINDER_TYPE_BINDER, 0x1000 + i, 0x2000 + i, 0);
		bc_call(&caller, target.handle, 1, TF_ONE_WAY, &parcel);
		CHECK_ERRNO(exchange_bytes(&caller, sizeof(caller.in)), 0, "sending");
		int error = exchange_bytes(&target.thread, sizeof(target.thread.in));
		if (error == EAGAIN) {
			// Seen to be writable: dead to its callers
			refused++;
			continue;
		}
		CHECK_ERRNO(error, 0, "receiving");
		target.thread.received.data.ptr.buffer = 0;
		struct event event;
		while (next_return(&target.thread, &event))
			if (event.command == BR_TRANSACTION) {
				arrived++;
				bc_free(&target.thread, event.transaction.data.ptr.buffer);
			}
		CHECK_ERRNO(exchange_bytes(&target.thread, 0), 0, "freeing");
		// The caller's node was made known and forgotten again, once; what the receiver wrote there counts for nothing
		for (unsigned tries = 0; tries < 3 && exchange_bytes(&caller, sizeof(caller.in)) == 0; tries++)
			while (next_return(&caller, &event)) {
				if (event.command == BR_INCREFS || event.command == BR_ACQUIRE)
					bc_node(&caller, event.command == BR_INCREFS ? BC_INCREFS_DONE : BC_ACQUIRE_DONE, event.node.ptr,
						event.node.cookie);
				if (_IOC_SIZE(event.command) == 16 && event.command != BR_TRANSACTION)
					CHECK(event.node.ptr >= 0x1000 && event.node.ptr < 0x1000 + CALLS, "%s of node 0x%llx, which is not ours",
						return_name(event.command), (unsigned long long)event.node.ptr);
			}
	}
	atomic_store(&is_over, true);
	pthread_join(scribbler, NULL);
	CHECK_SYS(fcntl(guarded, F_GETFD));
	CHECK_SYS(fcntl(1, F_GETFD));
	CHECK(arrived + refused == CALLS, "%u arrived, %u were refused", arrived, refused);
	// No reference that it does not have can be used: handle 7 was never given to it
	bc_call(&target.thread, 7, 1, TF_ONE_WAY, NULL);
	CHECK_ERRNO(exchange_bytes(&target.thread, sizeof(target.thread.in)), 0, "calling an invented handle");
	const char *got = stream_text(&target.thread);
	CHECK(strstr(got, "FAILED_REPLY"), "got %s", got);
}

// ---- Hazard 10: pages that were given back, brought in again by reading

static void attack_given_back(void *unused)
{
	(void)unused;
	struct target targets[4];
	open_caller();
	for (unsigned i = 0; i < COUNT(targets); i++)
		open_target(&targets[i], 1 << 20, PROT_READ, i % 2 ? MAP_SHARED : MAP_PRIVATE);
	for (unsigned round = 0; round < 20; round++)
		for (unsigned i = 0; i < COUNT(targets); i++) {
			exchange_bytes_with(&targets[i], 900000 - round * 4096, round * 10 + i);
			// All of it is free now, and read all the same: no signal, whatever the contents are
			for (size_t at = 0; at < 1 << 20; at += 512)
				(void)*(volatile const uint8_t *)(targets[i].proc.mapping + at);
			madvise((void *)targets[i].proc.mapping, 1 << 20, round % 2 ? MADV_DONTNEED : MADV_WILLNEED);
		}
	for (unsigned i = 0; i < COUNT(targets); i++)
		close_proc(&targets[i].proc);
}

// ---- Hazard 20: unmapped, and something else there

static void attack_with_remap(void *unused)
{
	(void)unused;
	struct target target, other;
	open_caller();
	for (unsigned kind = 0; kind < 4; kind++) {
		open_target(&target, 65536, PROT_READ, MAP_PRIVATE);
		open_target(&other, 65536, PROT_READ, MAP_PRIVATE);
		exchange_bytes_with(&target, 4000, kind);
		void *place = (void *)target.proc.mapping;
		uint8_t *instead = MAP_FAILED;
		switch (kind) {
		case 0: // private memory
			instead = mmap(place, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 1: // another open's memory
			instead = mmap(place, 65536, PROT_READ, MAP_PRIVATE | MAP_FIXED, other.proc.fd, 0);
			break;
		case 2: // the same elsewhere
			instead = mremap(place, 65536, 65536, MREMAP_MAYMOVE | MREMAP_FIXED,
				mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
			break;
		case 3: // grown
			instead = mremap(place, 65536, 131072, MREMAP_MAYMOVE);
			break;
		}
		CHECK(instead != MAP_FAILED, "kind %u: %s", kind, strerror(errno));
		if (kind == 0)
			memset(instead, 0x5a, 65536);
		sleep_ms(settings.settle_ms);
		if (kind == 3 && instead == place) {
			// As good as it was: the driver uses what it found
			bc_call(&caller, target.handle, 1, 0, NULL);
			submit(&caller);
			CHECK_ERRNO(exchange_bytes(&caller, sizeof(caller.in)), 0, "calling");
		} else {
			check_dead_target(&target);
		}
		if (kind == 0)
			for (size_t at = 0; at < 65536; at++)
				CHECK_EQ(instead[at], 0x5a, "byte of memory that is not the driver's");
		close(target.proc.fd);
		close(other.proc.fd);
	}
}

int main(int argc, char **argv)
{
	begin(argc, argv, "received", 90, "[--only=ATTACK]");
	const struct attack attacks[] = {
		{ "in-flight", attack_in_flight, NULL },
		{ "given-back", attack_given_back, NULL },
		{ "remap", attack_with_remap, NULL },
	};
	run_attacks(attacks, COUNT(attacks));
	return 0;
}
