// SPDX-License-Identifier: Apache-2.0
//
// A context manager that echoes, and clients that check every answer and measure.

#ifndef UBINDER_TEST_WELL_BEHAVED_H
#define UBINDER_TEST_WELL_BEHAVED_H

#include "attack/board.h"

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
		unsigned phase = atomic_load(&board->phase);
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
		if (atomic_load(&board->phase) == phase)
			note_time(&board->times[phase], time);
		nanosleep(&(struct timespec){ .tv_nsec = 1000 * (long)(next_random(&seed) % 1000) }, NULL);
	}
}

#endif
