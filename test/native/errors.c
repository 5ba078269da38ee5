// SPDX-License-Identifier: Apache-2.0
//
// What is refused, and how: errno, the consumed counts, the BR codes and the extended error; and that the device serves on afterwards.
//
// Expectations are the kernel's C driver's. Where that one reads or writes beyond the buffers it was given (a code or a payload that sticks
// out of the write buffer, a read of less than four bytes), a device must refuse; --no-strict-bounds leaves those steps out, for that driver.

#include "client.h"

static bool descriptors; // this driver passes file descriptors
static struct proc from, to;
static struct thread sender, receiver;
static uint32_t node, fd_node; // handles of the receiver's nodes; the second accepts descriptors
static unsigned steps;

// Two pages, the first to be read and written, the second not there: for what ends too early.
static uint8_t *edge;
static uint8_t *unmapped, *read_only;

#define UNREADABLE ((uint64_t)(uintptr_t)unmapped)

// ---- ioctls

static int ioctl_error(int fd, unsigned long request, const void *argument)
{
	steps++;
	return ioctl(fd, request, argument) < 0 ? errno : 0;
}

#define CHECK_IOCTL(request, argument, expected) CHECK_ERRNO(PLACED(ioctl_error(from.fd, request, argument)), expected, #request)

static void check_ioctls(void)
{
	static uint64_t buffer[32768 / 8]; // longer than an encoded size can say
	static const unsigned long bad_pointer[] = { BINDER_WRITE_READ, BINDER_GET_NODE_DEBUG_INFO, BINDER_GET_NODE_INFO_FOR_REF, BINDER_FREEZE,
		BINDER_GET_FROZEN_INFO, BINDER_ENABLE_ONEWAY_SPAM_DETECTION, BINDER_GET_EXTENDED_ERROR };
	static const unsigned long bad_pointer_either[] = { BINDER_SET_MAX_THREADS, BINDER_VERSION, BINDER_SET_CONTEXT_MGR_EXT };
	static const unsigned long unknown[] = { _IO('b', 0), _IO('b', 1), _IO('b', 2), _IO('b', 4), _IO('b', 9), _IO('b', 10), _IO('b', 18),
		_IO('b', 99), _IO('b', 255), _IO('c', 1), _IO('r', 1), _IOR('b', 1, struct binder_write_read), _IOW('b', 1, struct binder_write_read),
		_IOWR('b', 1, uint8_t[40]), _IOWR('b', 1, uint8_t[56]), _IOWR('b', 1, uint8_t[264]), _IOW('b', 9, uint32_t), _IOR('b', 9, uint32_t),
		_IOWR('b', 9, uint64_t), _IOW('b', 5, uint64_t), _IOWR('b', 18, uint8_t[16383]), _IOW('a', 5, uint32_t), 0x5401 };

	for (unsigned i = 0; i < COUNT(bad_pointer); i++) {
		CHECK_IOCTL(bad_pointer[i], NULL, EFAULT);
		CHECK_IOCTL(bad_pointer[i], unmapped, EFAULT);
		CHECK_IOCTL(bad_pointer[i], edge + 4096 - _IOC_SIZE(bad_pointer[i]) + 1, EFAULT);
	}
	for (unsigned i = 0; i < COUNT(bad_pointer_either); i++) {
		int error = PLACED(ioctl_error(from.fd, bad_pointer_either[i], unmapped));
		CHECK(error == EINVAL || error == EFAULT, "0x%lx: got %s", bad_pointer_either[i], error_name(error));
		error = ioctl_error(from.fd, bad_pointer_either[i], NULL);
		CHECK(error == EINVAL || error == EFAULT, "0x%lx: got %s", bad_pointer_either[i], error_name(error));
	}
	// Answers that cannot be written.
	CHECK_IOCTL(BINDER_GET_NODE_DEBUG_INFO, read_only, EFAULT);
	CHECK_IOCTL(BINDER_GET_EXTENDED_ERROR, read_only, EFAULT);
	CHECK_IOCTL(BINDER_WRITE_READ, read_only, EFAULT);
	for (unsigned i = 0; i < COUNT(unknown); i++)
		if (ioctl_error(from.fd, unknown[i], buffer) != EINVAL)
			FAIL("ioctl 0x%lx: expected EINVAL, got %s", unknown[i], error_name(errno));
	int64_t idle = 1;
	CHECK_IOCTL(BINDER_SET_IDLE_TIMEOUT, &idle, EINVAL);
	CHECK_IOCTL(BINDER_SET_IDLE_PRIORITY, &idle, EINVAL);

	// No process has this number: it is beyond the largest.
	uint32_t freeze[3] = { 0x7ffffff0, 1, 0 }, frozen[3] = { 0x7ffffff0, 0, 0 };
	CHECK_IOCTL(BINDER_FREEZE, freeze, EINVAL);
	CHECK_IOCTL(BINDER_GET_FROZEN_INFO, frozen, EINVAL);

	uint32_t most = 0xffffffff, none = 0;
	CHECK_IOCTL(BINDER_SET_MAX_THREADS, &most, 0);
	CHECK_IOCTL(BINDER_SET_MAX_THREADS, &none, 0);

	// Nothing else can be done with a device.
	char byte = 0;
	ssize_t got = read(from.fd, &byte, 1);
	if (got >= 0 && !settings.kernel) {
		printf("skip errors: read(2) of a device gives %zd bytes: this kernel maps no FUSE file that refuses it\n", got);
	} else {
		CHECK(got < 0 && errno == EINVAL, "read: errno %d", errno);
		CHECK(write(from.fd, &byte, 1) < 0 && errno == EINVAL, "write: errno %d", errno);
	}
	if (settings.kernel)
		CHECK(lseek(from.fd, 0, SEEK_SET) < 0 && errno == ESPIPE, "lseek: errno %d", errno);
}

// ---- The write buffer

// One raw BINDER_WRITE_READ and all it leaves behind.
static void check_write_read_(struct binder_write_read bwr, int error, uint64_t write_consumed, uint64_t read_consumed)
{
	int got = ioctl_error(from.fd, BINDER_WRITE_READ, &bwr);
	CHECK_ERRNO(got, error, "BINDER_WRITE_READ");
	CHECK_EQ(bwr.write_consumed, write_consumed, "write_consumed");
	CHECK_EQ(bwr.read_consumed, read_consumed, "read_consumed");
}
#define check_write_read(...) PLACED(check_write_read_(__VA_ARGS__))

static void check_write_(const void *bytes, uint64_t size, uint64_t start, int error, uint64_t consumed)
{
	check_write_read_((struct binder_write_read){ .write_buffer = (uintptr_t)bytes, .write_size = size, .write_consumed = start }, error,
		consumed, 0);
}
#define check_write(...) PLACED(check_write_(__VA_ARGS__))

static void check_write_buffer(bool strict)
{
	uint8_t in[4096];
	uint32_t words[8];

	// Nothing to do.
	check_write_read((struct binder_write_read){ 0 }, 0, 0, 0);
	check_write(NULL, 0, 0, 0, 0);
	check_write(unmapped, 0, 0, 0, 0);
	check_write_read((struct binder_write_read){ .read_consumed = 12 }, 0, 0, 12);

	// What cannot be read.
	check_write(NULL, 4, 0, EFAULT, 0);
	check_write(unmapped, 4, 0, EFAULT, 0);
	check_write((void *)(uintptr_t)0xfffffffffffff000, 4, 0, EFAULT, 0);
	check_write((void *)(uintptr_t)0x00f0000000000000, 4, 0, EFAULT, 0);
	words[0] = BC_ENTER_LOOPER;
	memcpy(edge + 4092, words, 4);
	check_write(edge + 4092, 8, 0, EFAULT, 4);
	words[0] = BC_FREE_BUFFER;
	memcpy(edge + 4092, words, 4);
	check_write(edge + 4092, 12, 0, EFAULT, 0);
	memcpy(edge + 4088, words, 4);
	check_write(edge + 4088, 12, 0, EFAULT, 0);
	words[0] = BC_TRANSACTION;
	memcpy(edge + 4096 - 67, words, 4);
	check_write(edge + 4096 - 67, 68, 0, EFAULT, 0);

	// What is not a command. What came before it has been done; nothing is read; the read's count goes to 0.
	static const uint32_t wrong[] = { 0, 1, 0xffffffff, 0x12345678, BR_NOOP, BR_TRANSACTION, BC_ACQUIRE_RESULT, BC_ATTEMPT_ACQUIRE,
		_IO('c', 3), _IOW('c', 3, uint32_t), _IOW('c', 11, uint32_t), _IO('c', 22), _IO('c', 255), _IOR('c', 4, uint32_t) };
	for (unsigned i = 0; i < COUNT(wrong); i++) {
		memset(words, 0, sizeof(words));
		words[0] = BC_ENTER_LOOPER;
		words[1] = wrong[i];
		check_write(words, sizeof(words), 0, EINVAL, 4);
		check_write(words, sizeof(words), 4, EINVAL, 4);
		check_write_read((struct binder_write_read){ .write_buffer = (uintptr_t)words, .write_size = sizeof(words), .read_size = sizeof(in),
					 .read_consumed = 8, .read_buffer = (uintptr_t)in },
			EINVAL, 4, 0);
	}
	// A freeze notification for an unknown handle fails at once (in kernels without them the command is unknown).
	words[0] = _IOC(_IOC_WRITE, 'c', 19, 12);
	words[1] = 99;
	check_write(words, 16, 0, EINVAL, 0);

	// write_consumed says where to begin.
	words[0] = 0x12345678;
	words[1] = BC_ENTER_LOOPER;
	words[2] = BC_ENTER_LOOPER;
	words[3] = 0x12345678;
	check_write(words, 8, 4, 0, 8);
	check_write(words, 12, 4, 0, 12);
	check_write(words, 12, 12, 0, 12);
	check_write(words, 12, 13, 0, 13);
	check_write(words, 12, 4096, 0, 4096);
	check_write(words, 16, 8, EINVAL, 12);

	// Commands that mean nothing here are consumed without a word.
	struct thread thread;
	init_thread(&thread, &from);
	static const uint32_t references[] = { BC_INCREFS, BC_ACQUIRE, BC_RELEASE, BC_DECREFS };
	for (unsigned i = 0; i < COUNT(references); i++) {
		bc_handle(&thread, references[i], 99);
		bc_handle(&thread, references[i], 0xffffffff);
	}
	bc_node(&thread, BC_INCREFS_DONE, 1, 1);
	bc_node(&thread, BC_ACQUIRE_DONE, 0xfedcba9876543210, 1);
	bc_death(&thread, BC_REQUEST_DEATH_NOTIFICATION, 99, 1);
	bc_death(&thread, BC_CLEAR_DEATH_NOTIFICATION, 99, 1);
	bc_cookie(&thread, BC_DEAD_BINDER_DONE, 1);
	bc_free(&thread, 0);
	bc_free(&thread, 0xffffffffffffffff);
	bc_free(&thread, (uintptr_t)from.mapping);
	bc_free(&thread, (uintptr_t)from.mapping + 8);
	submit(&thread);
	expect_nothing(&thread);

	// Sizes that no memory has: refused one way or the other, or nothing is done; in any case it comes back.
	static const uint64_t huge[] = { 0xffffffffffffffff, 0xfffffffffffffff8, 0x8000000000000000, 0x7fffffffffffffff, 0x100000000 };
	memset(edge, 0, 4096);
	for (unsigned i = 0; i < COUNT(huge); i++) {
		struct binder_write_read bwr = { .write_buffer = (uintptr_t)edge, .write_size = huge[i] };
		int error = ioctl_error(from.fd, BINDER_WRITE_READ, &bwr);
		CHECK(error == EINVAL || error == EFAULT || (error == 0 && bwr.write_consumed == 0), "write_size %llx: %s", (long long)huge[i],
			error_name(error));
		bwr = (struct binder_write_read){ .write_buffer = (uintptr_t)edge + 64, .write_size = 64, .write_consumed = huge[i] };
		error = ioctl_error(from.fd, BINDER_WRITE_READ, &bwr);
		CHECK(error == EINVAL || error == EFAULT || error == 0, "write_consumed %llx: %s", (long long)huge[i], error_name(error));
	}

	if (!strict)
		return;
	// One to three bytes are no command and are left over.
	memset(words, 0xff, sizeof(words));
	for (unsigned extra = 1; extra < 4; extra++) {
		words[0] = BC_ENTER_LOOPER;
		check_write(words, 4 + extra, 0, 0, 4);
		check_write(words, extra, 0, 0, 0);
	}
	// A payload must lie within the write buffer.
	struct {
		uint32_t command;
		uint32_t payload[20];
	} cut = { .command = BC_FREE_BUFFER };
	check_write(&cut, 11, 0, EFAULT, 0);
	check_write(&cut, 4, 0, EFAULT, 0);
	static const uint32_t with_payload[] = { BC_TRANSACTION, BC_REPLY, BC_TRANSACTION_SG, BC_INCREFS, BC_ACQUIRE_DONE,
		BC_REQUEST_DEATH_NOTIFICATION, BC_DEAD_BINDER_DONE };
	for (unsigned i = 0; i < COUNT(with_payload); i++) {
		cut.command = with_payload[i];
		check_write(&cut, 4 + _IOC_SIZE(with_payload[i]) - 1, 0, EFAULT, 0);
	}
	expect_nothing(&sender);
}

// ---- The read buffer

static void send_oneway(void)
{
	bc_call(&sender, node, 1, TF_ONE_WAY, NULL);
	exchange(&sender, "NOOP TC");
}

static struct binder_write_read read_into(void *buffer, uint64_t size, uint64_t consumed)
{
	return (struct binder_write_read){ .read_buffer = (uintptr_t)buffer, .read_size = size, .read_consumed = consumed };
}

// As check_write_read(), by the receiver.
static void check_read_(void *buffer, uint64_t size, uint64_t start, int error, uint64_t consumed)
{
	struct binder_write_read bwr = read_into(buffer, size, start);
	int got = ioctl_error(to.fd, BINDER_WRITE_READ, &bwr);
	CHECK_ERRNO(got, error, "BINDER_WRITE_READ");
	CHECK_EQ(bwr.read_consumed, consumed, "read_consumed");
}
#define check_read(...) PLACED(check_read_(__VA_ARGS__))

static void check_read_buffer(bool strict)
{
	uint8_t in[4096];
	uint32_t word;

	// Nothing to read.
	check_read(in, sizeof(in), 0, EAGAIN, 0);
	check_read(in, sizeof(in), 8, EAGAIN, 8);
	check_read(in, 4, 0, EAGAIN, 0);
	check_read(NULL, 4096, 0, EFAULT, 0);
	check_read(unmapped, 4096, 0, EFAULT, 0);
	check_read(read_only, 4096, 0, EFAULT, 0);

	// With work: a buffer of less than 80 bytes has room for none, and the work waits.
	send_oneway();
	check_read(unmapped, 4096, 0, EFAULT, 0);
	check_read(read_only, 4096, 0, EFAULT, 0);
	static const unsigned small[] = { 4, 5, 8, 72, 75, 76, 79 };
	for (unsigned i = 0; i < COUNT(small); i++) {
		memset(in, 0xee, sizeof(in));
		check_read(in, small[i], 0, 0, 4);
		memcpy(&word, in, 4);
		CHECK_EQ(word, BR_NOOP, "first word of the read");
		CHECK_EQ(in[4], 0xee, "byte after it");
	}
	// read_consumed says where to begin; then there is no NOOP.
	check_read(in, sizeof(in), sizeof(in), 0, sizeof(in));
	check_read(in, sizeof(in), sizeof(in) - 75, 0, sizeof(in) - 75);
	memset(in, 0xee, sizeof(in));
	check_read(in, 12 + 76, 12, 0, 12 + 68);
	CHECK_EQ(in[11], 0xee, "byte before the read");
	memcpy(&word, in + 12, 4);
	CHECK_EQ(word, BR_TRANSACTION, "first word of the read");
	CHECK_EQ(in[80], 0xee, "byte after the read");
	struct binder_transaction_data data;
	memcpy(&data, in + 16, sizeof(data));
	bc_free(&receiver, data.data.ptr.buffer);
	submit(&receiver);
	// 80 bytes are just enough.
	send_oneway();
	check_read(in, 80, 0, 0, 72);
	memcpy(&data, in + 8, sizeof(data));
	bc_free(&receiver, data.data.ptr.buffer);
	submit(&receiver);

	// A read that fails in the middle: what it was about to deliver is gone.
	// A oneway's TC.
	bc_call(&sender, node, 1, TF_ONE_WAY, NULL);
	submit(&sender);
	check_write_read(read_into(edge + 4092, 4096, 0), EFAULT, 0, 0);
	expect_nothing(&sender);
	// The oneway itself.
	check_read(edge + 4092, 4096, 0, EFAULT, 0);
	expect_nothing(&receiver);
	// A call: its caller learns that it failed.
	bc_call(&sender, node, 1, 0, NULL);
	submit(&sender);
	check_read(edge + 4092, 4096, 0, EFAULT, 0);
	expect_nothing(&receiver);
	expect(&sender, "NOOP TC FAILED_REPLY");
	// A reply: its receiver has lost it.
	bc_call(&sender, node, 1, 0, NULL);
	submit(&sender);
	expect(&receiver, "NOOP TRANSACTION");
	bc_free_received(&receiver);
	bc_reply(&receiver, NULL);
	exchange(&receiver, "NOOP TC");
	check_write_read(read_into(edge + 4088, 4096, 0), EFAULT, 0, 0); // room for NOOP and TC
	expect_nothing(&sender);
	bc_call(&sender, node, 1, TF_ONE_WAY, NULL);
	exchange(&sender, "NOOP TC");

	// An error: it is gone, but still stops the thread's writes, until the thread leaves and comes back.
	bc_call(&sender, 99, 1, 0, NULL);
	submit(&sender);
	check_write_read(read_into(edge + 4092, 4096, 0), EFAULT, 0, 0);
	expect_nothing(&sender);
	bc(&sender, BC_ENTER_LOOPER);
	CHECK_ERRNO(exchange_bytes(&sender, 0), 0, "writing after a lost error");
	CHECK_EQ(sender.wrote, 0, "write_consumed");
	int32_t unused = 0;
	CHECK_IOCTL(BINDER_THREAD_EXIT, &unused, 0);
	enter_looper(&sender, &from);

	// The struct itself cannot be written: what it asked for is done all the same.
	struct thread hidden;
	init_thread(&hidden, &from);
	bc_call(&hidden, node, 1, TF_ONE_WAY, NULL);
	struct binder_write_read bwr = { .write_buffer = (uintptr_t)hidden.out, .write_size = hidden.out_size };
	CHECK_SYS(mprotect(read_only, 4096, PROT_READ | PROT_WRITE));
	memcpy(read_only, &bwr, sizeof(bwr));
	CHECK_SYS(mprotect(read_only, 4096, PROT_READ));
	CHECK_IOCTL(BINDER_WRITE_READ, read_only, EFAULT);
	expect(&sender, "NOOP TC");
	// (Which of the oneways above still hold up their node's queue is the driver's own affair: a new pair goes on.)
	if (!strict)
		return;
	for (unsigned size = 1; size < 4; size++)
		check_read(in, size, 0, EFAULT, 0);
}

// ---- Calls

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

// ---- Order of events

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

static void open_pair(void)
{
	static uint32_t name = 10;
	open_proc(&from, O_NONBLOCK, DEFAULT_MAPPING);
	open_proc(&to, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&sender, &from);
	enter_looper(&receiver, &to);
	publish(&receiver, name, 1, 1, 0);
	publish(&receiver, name + 1, 2, 2, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	node = look_up(&sender, name);
	fd_node = look_up(&sender, name + 1);
	name += 2;
}

static void close_pair(void)
{
	close_proc(&from);
	close_proc(&to);
}

static void *map_page(int protection)
{
	void *page = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	CHECK_SYS(mprotect(page, 4096, protection));
	CHECK_SYS(mprotect((uint8_t *)page + 4096, 4096, PROT_NONE));
	return page;
}

int main(int argc, char **argv)
{
	begin(argc, argv, "errors", 60, "[--no-strict-bounds] [--no-descriptors]");
	bool strict = !option_given("--no-strict-bounds");
	descriptors = !option_given("--no-descriptors");
	pid_t manager = start_manager();
	edge = map_page(PROT_READ | PROT_WRITE);
	read_only = map_page(PROT_READ);
	unmapped = map_page(PROT_NONE);
	munmap(unmapped, 2 * 4096);

	open_pair();
	check_ioctls();
	check_write_buffer(strict);
	check_calls();
	check_sequences();
	close_pair();
	open_pair();
	check_read_buffer(strict);
	close_pair();
	// All that has harmed nobody.
	open_pair();
	check_sequences();
	close_pair();
	stop_process(manager);
	succeed("%u wrong steps refused%s", steps, strict ? "" : " (bounds of the buffers not looked at)");
	return 0;
}
