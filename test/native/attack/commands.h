// SPDX-License-Identifier: Apache-2.0
//
// Commands that are right, nearly right and wrong, made up at random, and what they are made up of.

#ifndef UBINDER_TEST_COMMANDS_H
#define UBINDER_TEST_COMMANDS_H

#include "client.h"

#define OPENS 3

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

#endif
