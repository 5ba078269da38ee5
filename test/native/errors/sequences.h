// SPDX-License-Identifier: Apache-2.0
//
// Events in an order in which they cannot be.

#ifndef UBINDER_TEST_ERRORS_SEQUENCES_H
#define UBINDER_TEST_ERRORS_SEQUENCES_H

#include "errors/buffers.h"

static void answer(void)
{
	expect(&receiver, "NOOP TRANSACTION");
	bc_free_received(&receiver);
	bc_reply(&receiver, NULL);
	exchange(&receiver, "NOOP TC");
}

static void check_sequences(void)
{
	// A reply without a call.
	bc_reply(&sender, NULL);
	exchange(&sender, "NOOP FAILED_REPLY");
	check_extended_error(&sender, BR_FAILED_REPLY, EPROTO);
	// A record that cannot be copied out is lost.
	bc_reply(&sender, NULL);
	exchange(&sender, "NOOP FAILED_REPLY");
	CHECK_ERRNO(ioctl(sender.proc->fd, BINDER_GET_EXTENDED_ERROR, read_only) ? errno : 0, EFAULT, "reading the record to where it cannot be written");
	check_extended_error(&sender, BR_OK, 0);

	// An error stops the write; until it is read nothing more is taken.
	bc_call(&sender, 99, 1, 0, NULL);
	bc(&sender, BC_ENTER_LOOPER);
	CHECK_ERRNO(exchange_bytes(&sender, 0), 0, "writing");
	CHECK_EQ(sender.wrote, 68, "write_consumed");
	CHECK_ERRNO(exchange_bytes(&sender, 0), 0, "writing while an error waits");
	CHECK_EQ(sender.wrote, 0, "write_consumed");
	sender.out_size = 0;
	expect(&sender, "NOOP FAILED_REPLY");
	bc(&sender, BC_ENTER_LOOPER);
	submit(&sender);
	// An unknown command after it is not even looked at.
	bc_call(&sender, 99, 1, 0, NULL);
	bc(&sender, 0x12345678);
	CHECK_ERRNO(exchange_bytes(&sender, sizeof(sender.in)), 0, "writing and reading");
	CHECK_EQ(sender.wrote, 68, "write_consumed");
	CHECK(strcmp(stream_text(&sender), "NOOP FAILED_REPLY") == 0, "got \"%s\"", stream_text(&sender));
	sender.out_size = 0;

	// Two calls at once: the second is refused, the first goes on.
	bc_call(&sender, node, 1, 0, NULL);
	bc_call(&sender, node, 2, 0, NULL);
	submit(&sender);
	expect(&sender, "NOOP TC FAILED_REPLY");
	check_extended_error(&sender, BR_FAILED_REPLY, EPROTO);
	bc_call(&sender, node, 2, 0, NULL);
	exchange(&sender, "NOOP FAILED_REPLY");
	check_extended_error(&sender, BR_FAILED_REPLY, EPROTO);
	// Nor can it be replied to by the one who made it.
	bc_reply(&sender, NULL);
	exchange(&sender, "NOOP FAILED_REPLY");
	check_extended_error(&sender, BR_FAILED_REPLY, EPROTO);
	answer();
	expect(&sender, "NOOP REPLY");
	drop_received(&sender);

	// One call, one reply.
	bc_call(&sender, node, 1, 0, NULL);
	submit(&sender);
	answer();
	bc_reply(&receiver, NULL);
	exchange(&receiver, "NOOP FAILED_REPLY");
	check_extended_error(&receiver, BR_FAILED_REPLY, EPROTO);
	expect(&sender, "NOOP TC REPLY");
	drop_received(&sender);

	// A bad reply is the caller's misfortune; the replier may think all is well.
	struct parcel broken = { .size = 0 };
	put_u64(&broken, 0);
	put_handle(&broken, BINDER_TYPE_HANDLE, 99);
	for (unsigned i = 0; i < 3; i++) {
		bc_call(&sender, node, 1, 0, NULL);
		submit(&sender);
		expect(&receiver, "NOOP TRANSACTION");
		bc_free_received(&receiver);
		if (i == 0)
			bc_reply(&receiver, &broken);
		else if (i == 1)
			bc_data(&receiver, BC_REPLY, 0, 0, 0, unmapped, 8, NULL, 0);
		else
			bc_data(&receiver, BC_REPLY, 0, 0, 0, edge, DEFAULT_MAPPING + 8, NULL, 0);
		exchange(&receiver, "NOOP TC");
		check_extended_error(&receiver, BR_OK, 0);
		expect(&sender, "NOOP TC FAILED_REPLY");
		check_extended_error(&sender, BR_FAILED_REPLY, i == 0 ? EINVAL : i == 1 ? EFAULT : ENOSPC);
		expect_nothing(&receiver);
	}

	// Buffers: given back once, by their exact address, when they have been delivered.
	bc_call(&sender, node, 1, TF_ONE_WAY, NULL);
	exchange(&sender, "NOOP TC");
	bc_free(&receiver, (uintptr_t)to.mapping); // where the first buffer lies; nobody has been told yet
	submit(&receiver);
	expect(&receiver, "NOOP TRANSACTION");
	uint64_t buffer = receive(&receiver)->data.ptr.buffer;
	CHECK_EQ(buffer, (uintptr_t)to.mapping, "address of the only buffer");
	bc_call(&sender, node, 2, TF_ONE_WAY, NULL);
	exchange(&sender, "NOOP TC");
	bc_free(&receiver, buffer + 1);
	bc_free(&receiver, buffer + 4);
	bc_free(&receiver, buffer - 8);
	submit(&receiver);
	expect_nothing(&receiver); // the next oneway still waits for this buffer
	bc_free(&receiver, buffer);
	bc_free(&receiver, buffer);
	exchange(&receiver, "NOOP TRANSACTION");
	CHECK_EQ(receive(&receiver)->code, 2, "code");
	// The second of the two frees did not hit the new one.
	bc_call(&sender, node, 3, TF_ONE_WAY, NULL);
	exchange(&sender, "NOOP TC");
	expect_nothing(&receiver);
	drop_received(&receiver);
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);
	expect_nothing(&receiver);

	// THREAD_EXIT in the middle of a call: the caller is told; the thread may come back.
	int32_t unused = 0;
	bc_call(&sender, node, 1, 0, NULL);
	submit(&sender);
	expect(&receiver, "NOOP TRANSACTION");
	bc_free_received(&receiver);
	submit(&receiver);
	CHECK_ERRNO(ioctl_error(to.fd, BINDER_THREAD_EXIT, &unused), 0, "BINDER_THREAD_EXIT");
	expect(&sender, "NOOP TC DEAD_REPLY");
	enter_looper(&receiver, &to);
	bc_reply(&receiver, NULL);
	exchange(&receiver, "NOOP FAILED_REPLY");
	bc_call(&sender, node, 1, 0, NULL);
	submit(&sender);
	answer();
	expect(&sender, "NOOP TC REPLY");
	drop_received(&sender);
	// With nothing to leave, too, and twice.
	CHECK_ERRNO(ioctl_error(to.fd, BINDER_THREAD_EXIT, &unused), 0, "BINDER_THREAD_EXIT");
	CHECK_ERRNO(ioctl_error(to.fd, BINDER_THREAD_EXIT, &unused), 0, "BINDER_THREAD_EXIT");
	enter_looper(&receiver, &to);
}

#endif
