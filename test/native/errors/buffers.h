// SPDX-License-Identifier: Apache-2.0
//
// Write and read buffers that are wrong: where they lie, how long they are, what is consumed.

#ifndef UBINDER_TEST_ERRORS_BUFFERS_H
#define UBINDER_TEST_ERRORS_BUFFERS_H

#include "errors/peers.h"

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

#endif
