// SPDX-License-Identifier: Apache-2.0
//
// Calls whose data, offsets or objects are wrong.

#ifndef UBINDER_TEST_ERRORS_TRANSACTIONS_H
#define UBINDER_TEST_ERRORS_TRANSACTIONS_H

#include "errors/buffers.h"

// Sends a call that must fail like this.
static void check_call_(uint32_t command, const struct binder_transaction_data_sg *data, int error)
{
	steps++;
	bc(&sender, command);
	put_out(&sender, data, _IOC_SIZE(command));
	exchange_and_expect_(&sender, true, "NOOP FAILED_REPLY");
	check_extended_error_(&sender, BR_FAILED_REPLY, error);
	expect_error_(&receiver, EAGAIN);
}
#define check_call(...) PLACED(check_call_(__VA_ARGS__))

static struct binder_transaction_data_sg sg(uint32_t handle, uint64_t buffer, uint64_t size, uint64_t offsets, uint64_t offsets_size,
	uint64_t buffers_size)
{
	struct binder_transaction_data_sg data = { .buffers_size = buffers_size };
	data.transaction_data.target.handle = handle;
	data.transaction_data.data_size = size;
	data.transaction_data.offsets_size = offsets_size;
	data.transaction_data.data.ptr.buffer = buffer;
	data.transaction_data.data.ptr.offsets = offsets;
	return data;
}

static void check_raw_(uint32_t handle, uint64_t buffer, uint64_t size, uint64_t offsets, uint64_t offsets_size, int error)
{
	struct binder_transaction_data_sg data = sg(handle, buffer, size, offsets, offsets_size, 0);
	check_call_(BC_TRANSACTION, &data, error);
	data.transaction_data.flags = TF_ONE_WAY;
	check_call_(BC_TRANSACTION, &data, error);
}
#define check_raw(...) PLACED(check_raw_(__VA_ARGS__))

// A call with one good object of 24 bytes at each of these offsets, in 200 bytes of data.
static void check_offsets_(const binder_size_t *offsets, size_t count, int error)
{
	_Alignas(8) uint8_t data[200] = { 0 };
	for (unsigned i = 0; i < count; i++) {
		struct flat_binder_object object = { .hdr.type = BINDER_TYPE_BINDER, .binder = 0x900 + i, .cookie = 1 };
		if (offsets[i] <= sizeof(data) - sizeof(object))
			memcpy(data + offsets[i], &object, sizeof(object));
	}
	struct binder_transaction_data_sg call = sg(node, (uintptr_t)data, sizeof(data), (uintptr_t)offsets, count * 8, 0);
	call.transaction_data.flags = TF_ONE_WAY;
	bc(&sender, BC_TRANSACTION);
	put_out(&sender, &call, sizeof(call.transaction_data));
	submit_(&sender);
	// Nodes of the objects before the bad one may have been made for nothing: whatever is said of them is taken back.
	int depth = 0;
	bool failed = false;
	while (!failed || depth) {
		int got = exchange_bytes(&sender, sizeof(sender.in));
		if (got == EAGAIN && failed)
			break;
		CHECK_ERRNO(got, 0, "reading");
		struct event event;
		while (next_return(&sender, &event)) {
			if (event.command == BR_FAILED_REPLY)
				failed = true;
			else if (event.command == BR_INCREFS || event.command == BR_ACQUIRE) {
				depth++;
				bc_node(&sender, event.command == BR_INCREFS ? BC_INCREFS_DONE : BC_ACQUIRE_DONE, event.node.ptr, event.node.cookie);
			} else if (event.command == BR_RELEASE || event.command == BR_DECREFS) {
				depth--;
			} else if (event.command != BR_NOOP)
				FAIL("%s among the returns of a failed call", return_name(event.command));
		}
	}
	CHECK_EQ(depth, 0, "INCREFS and ACQUIRE not taken back");
	struct binder_extended_error record = extended_error(&sender);
	CHECK_EQ(record.command, BR_FAILED_REPLY, "command of the extended error");
	if (record.param != -error)
		FAIL("expected %s, got %s", error_name(error), error_name(-record.param));
	expect_error_(&receiver, EAGAIN);
	steps++;
}
#define check_offsets(error, ...) \
	PLACED(check_offsets_((const binder_size_t[]){ __VA_ARGS__ }, COUNT(((const binder_size_t[]){ __VA_ARGS__ })), error))

static void check_object_(uint32_t handle, const void *object, size_t size, int error)
{
	struct parcel parcel = { .size = 0 };
	put_object(&parcel, object, size);
	check_raw_(handle, (uintptr_t)parcel.data, parcel.size, (uintptr_t)parcel.offsets, 8, error);
}
#define check_object(...) PLACED(check_object_(__VA_ARGS__))

static void check_calls(void)
{
	uint8_t data[256] = { 0 };
	binder_size_t offsets[4] = { 0 };
	const uint64_t here = (uintptr_t)data, there = (uintptr_t)offsets;

	check_raw(99, here, 8, 0, 0, EINVAL);
	check_raw(0xffffffff, here, 8, 0, 0, EINVAL);
	// Data and offsets that cannot be read.
	check_raw(node, 0, 8, 0, 0, EFAULT);
	check_raw(node, UNREADABLE, 8, 0, 0, EFAULT);
	check_raw(node, (uintptr_t)edge + 4096 - 255, 256, 0, 0, EFAULT);
	check_raw(node, (uintptr_t)edge, 5000, 0, 0, EFAULT);
	check_raw(node, 0xfffffffffffffff8, 8, 0, 0, EFAULT);
	check_raw(node, 0x8000000000000000, 8, 0, 0, EFAULT);
	check_raw(node, here, 8, 0, 8, EFAULT);
	check_raw(node, here, 8, UNREADABLE, 8, EFAULT);
	check_raw(node, here, 8, (uintptr_t)edge + 4092, 8, EFAULT);
	// Sizes: some sums run over, others are just too much.
	check_raw(node, here, 0xffffffffffffffff, 0, 0, EINVAL);
	check_raw(node, here, 0xfffffffffffffff9, 0, 0, EINVAL);
	check_raw(node, here, 0, there, 0xffffffffffffffff, EINVAL);
	check_raw(node, here, 0x8000000000000000, there, 0x8000000000000000, EINVAL);
	check_raw(node, here, 0xfffffffffffffff0, there, 0x20, EINVAL);
	check_raw(node, here, 0xfffffffffffffff8, 0, 0, ENOSPC);
	check_raw(node, here, 0x8000000000000000, 0, 0, ENOSPC);
	check_raw(node, here, 0x100000000, 0, 0, ENOSPC);
	check_raw(node, here, 0, there, 0x100000000, ENOSPC);
	check_raw(node, here, DEFAULT_MAPPING + 1, 0, 0, ENOSPC);
	// With room for extra buffers.
	struct binder_transaction_data_sg call = sg(node, here, 8, 0, 0, 0xffffffffffffffff);
	check_call(BC_TRANSACTION_SG, &call, EINVAL);
	call.buffers_size = 0xfffffffffffffff8;
	check_call(BC_TRANSACTION_SG, &call, EINVAL);
	call.buffers_size = 0x8000000000000000;
	check_call(BC_TRANSACTION_SG, &call, ENOSPC);
	call.buffers_size = 12;
	check_call(BC_TRANSACTION_SG, &call, EINVAL);

	// Offsets. Between two objects lies plain data; where that would have a negative size or end outside the data, it is EFAULT.
	check_raw(node, here, 64, there, 1, EINVAL);
	check_raw(node, here, 64, there, 12, EINVAL);
	check_offsets(EINVAL, 2);
	check_offsets(EINVAL, 1);
	check_offsets(EFAULT, 0, 0);
	check_offsets(EFAULT, 0, 8);
	check_offsets(EFAULT, 0, 20);
	check_offsets(EFAULT, 24, 0);
	check_offsets(EINVAL, 0, 24, 50);
	check_offsets(EINVAL, 180);
	check_offsets(EINVAL, 200);
	check_offsets(EFAULT, 0, 204);
	check_offsets(EFAULT, 0, 0x100000000);
	check_offsets(EFAULT, 0xfffffffffffffff8);
	check_offsets(EFAULT, 0, 0xffffffffffffffe8);
	check_offsets(EFAULT, 0, 24, 0xfffffffffffffffc);
	// An object larger than the data.
	uint32_t type = BINDER_TYPE_BINDER;
	memcpy(data, &type, 4);
	check_raw(node, here, 20, there, 8, EINVAL);
	check_raw(node, here, 3, there, 8, EINVAL);

	// Objects.
	struct flat_binder_object flat = { .hdr.type = 0 };
	check_object(node, &flat, sizeof(flat), EINVAL);
	flat.hdr.type = 0x73622a86;
	check_object(node, &flat, sizeof(flat), EINVAL);
	flat = (struct flat_binder_object){ .hdr.type = BINDER_TYPE_HANDLE, .handle = 99 };
	check_object(node, &flat, sizeof(flat), EINVAL);
	flat.hdr.type = BINDER_TYPE_WEAK_HANDLE;
	check_object(node, &flat, sizeof(flat), EINVAL);
	flat = (struct flat_binder_object){ .hdr.type = BINDER_TYPE_HANDLE, .handle = 0 }; // never acquired
	check_object(node, &flat, sizeof(flat), EINVAL);
	struct binder_fd_object fd = { .hdr.type = BINDER_TYPE_FD, .fd = 0 };
	check_object(node, &fd, sizeof(fd), EPERM);
	fd.fd = (uint32_t)-1;
	check_object(node, &fd, sizeof(fd), EPERM);
	if (descriptors)
		check_object(fd_node, &fd, sizeof(fd), EBADF);
	fd.fd = 1000000;
	if (descriptors)
		check_object(fd_node, &fd, sizeof(fd), EBADF);
	struct binder_buffer_object buffer = { .hdr.type = BINDER_TYPE_PTR, .buffer = here, .length = 8 };
	check_object(node, &buffer, sizeof(buffer), EINVAL);
	buffer.length = 0xffffffffffffffff;
	check_object(node, &buffer, sizeof(buffer), EINVAL);
	struct binder_fd_array_object array = { .hdr.type = BINDER_TYPE_FDA, .num_fds = 1, .parent = 0 };
	check_object(fd_node, &array, sizeof(array), EINVAL);
	array.parent = 7;
	check_object(fd_node, &array, sizeof(array), EINVAL);

	// A thread's record of its last error: read once, a thread's own, and lost when it cannot be handed over.
	struct binder_extended_error record = extended_error(&sender);
	CHECK_EQ(record.id, 0, "id when nothing happened since");
	CHECK_EQ(record.command, BR_OK, "command when nothing happened since");
	CHECK_EQ(record.param, 0, "param when nothing happened since");
	bc_call(&sender, 99, 1, 0, NULL);
	exchange(&sender, "NOOP FAILED_REPLY");
	CHECK_IOCTL(BINDER_GET_EXTENDED_ERROR, read_only, EFAULT);
	check_extended_error(&sender, BR_OK, 0);
	bc_call(&sender, 99, 1, 0, NULL);
	exchange(&sender, "NOOP FAILED_REPLY");
	record = extended_error(&sender);
	CHECK(record.id != 0);
	uint32_t id = record.id;
	bc_call(&sender, 99, 1, 0, NULL);
	exchange(&sender, "NOOP FAILED_REPLY");
	record = extended_error(&sender);
	CHECK(record.id > id, "ids %u and %u", id, record.id);

	// Code and flags are nobody's business.
	bc_call(&sender, node, 0xffffffff, 0xffffff3e, NULL);
	submit(&sender);
	expect(&receiver, "NOOP TRANSACTION");
	CHECK_EQ(receive(&receiver)->code, 0xffffffff, "code");
	CHECK_EQ(receive(&receiver)->flags, 0xffffff3e, "flags");
	bc_free_received(&receiver);
	bc_reply(&receiver, NULL);
	exchange(&receiver, "NOOP TC");
	expect(&sender, "NOOP TC REPLY");
	drop_received(&sender);
}

#endif
