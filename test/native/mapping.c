// SPDX-License-Identifier: Apache-2.0
//
// The mapping in which data is received: private and shared ones, of all sizes, filled to the last byte and not beyond; buffers held side by
// side; pages that were touched before and pages that were not. Without a mapping nothing can be received.

#include "client.h"

#include <setjmp.h>

#define KIB(n) ((size_t)(n) * 1024)
#define MIB(n) ((size_t)(n) * 1024 * 1024)
#define LARGEST MIB(4) // what the driver uses of a mapping

static struct proc from;
static struct thread sender;
static uint32_t next_name = 10;
static unsigned transfers;
static uint8_t *source; // what is sent lies here

struct receiver {
	struct proc proc;
	struct thread thread;
	uint32_t handle; // by which the sender calls it
	size_t capacity;
};

// Opens a device with a mapping of this kind (none if size is 0) and gives the sender a handle. The node is published by a oneway: that needs
// no buffer here, so the mapping is untouched, and need not exist.
static void open_receiver(struct receiver *receiver, size_t size, int flags)
{
	struct parcel parcel = { .size = 0 };
	open_proc(&receiver->proc, O_NONBLOCK, 0);
	if (size) {
		void *mapping = mmap(NULL, size, PROT_READ, flags, receiver->proc.fd, 0);
		if (mapping == MAP_FAILED)
			FAIL("mmap of %zu bytes, flags 0x%x: %s", size, flags, strerror(errno));
		receiver->proc.mapping = mapping;
		receiver->proc.mapping_size = size;
	}
	receiver->capacity = size < LARGEST ? size : LARGEST;
	enter_looper(&receiver->thread, &receiver->proc);
	put_u32(&parcel, next_name);
	put_node(&parcel, BINDER_TYPE_BINDER, 1, 1, 0);
	must_send(&receiver->thread, 0, MANAGER_PUBLISH, &parcel);
	receiver->handle = look_up(&sender, next_name);
	next_name++;
	submit(&receiver->thread);
}

static void close_receiver(struct receiver *receiver)
{
	close_proc(&receiver->proc);
	bc_handle(&sender, BC_RELEASE, receiver->handle);
	submit(&sender);
}

// Sends `size` seeded bytes in a call.
static void send_bytes(struct receiver *receiver, size_t size, uint64_t seed)
{
	fill(source, size, seed);
	bc_data(&sender, BC_TRANSACTION, receiver->handle, 1, 0, source, size, NULL, 0);
	submit(&sender);
}

// Takes the call and answers it; the buffer stays.
static uint64_t take_bytes_(struct receiver *receiver, size_t size)
{
	exchange_and_expect_(&receiver->thread, false, "NOOP TRANSACTION");
	const struct binder_transaction_data *data = receive_(&receiver->thread);
	uint64_t buffer = data->data.ptr.buffer;
	CHECK_EQ(data->data_size, size, "data_size");
	CHECK_EQ(data->data.ptr.offsets, buffer + ALIGN8(size), "place of the offsets");
	CHECK(buffer + size <= (uintptr_t)receiver->proc.mapping + receiver->capacity, "buffer %llx", (unsigned long long)buffer);
	bc_reply(&receiver->thread, NULL);
	exchange_and_expect_(&receiver->thread, true, "NOOP TC");
	exchange_and_expect_(&sender, false, "NOOP TC REPLY");
	drop_received_(&sender);
	transfers++;
	return buffer;
}
#define take_bytes(...) PLACED(take_bytes_(__VA_ARGS__))

static void give_back(struct receiver *receiver, uint64_t buffer)
{
	bc_free(&receiver->thread, buffer);
	submit(&receiver->thread);
}

static void check_refused_(struct receiver *receiver, size_t size)
{
	send_bytes(receiver, size, 0);
	exchange_and_expect_(&sender, false, "NOOP FAILED_REPLY");
	check_extended_error_(&sender, BR_FAILED_REPLY, ENOSPC);
	expect_error_(&receiver->thread, EAGAIN);
}
#define check_refused(...) PLACED(check_refused_(__VA_ARGS__))

static void check_bytes(uint64_t buffer, size_t size, uint64_t seed)
{
	check_filled((const void *)(uintptr_t)buffer, size, seed);
}

// ---- Served by injection: once the first ioctl after mmap(2) is made, another file lies there, for reading and nothing else

static void check_injected(void)
{
	struct receiver receiver;
	char line[512], start[32];
	bool is_there = false;
	open_receiver(&receiver, DEFAULT_MAPPING, MAP_PRIVATE);
	snprintf(start, sizeof(start), "%llx-", (unsigned long long)(uintptr_t)receiver.proc.mapping);
	FILE *maps = fopen("/proc/self/maps", "r");
	CHECK(maps);
	while (!is_there && fgets(line, sizeof(line), maps))
		is_there = strncmp(line, start, strlen(start)) == 0;
	fclose(maps);
	CHECK(is_there && strstr(line, " r--s ") && strstr(line, "memfd:ubinder-binder"), "the mapping is %s", is_there ? line : "gone");
	CHECK(mprotect((void *)receiver.proc.mapping, DEFAULT_MAPPING, PROT_READ | PROT_WRITE) == -1 && errno == EACCES, "mprotect: %s",
		strerror(errno));
	close_receiver(&receiver);
}

// ---- One buffer after another, of every size

static void check_sizes(size_t size, int flags)
{
	struct receiver receiver;
	open_receiver(&receiver, size, flags);
	const uint64_t start = (uintptr_t)receiver.proc.mapping;
	const size_t all = receiver.capacity;
	const size_t sizes[] = { 100, 0, 1, 3, 7, 8, 9, 4095, 4096, 4097, 3 * 4096 - 1, all / 2, all / 2 + 1, all - 4097, all - 4095, all - 64,
		all - 9, all - 8, all - 7, all - 1, all };
	for (unsigned pass = 0; pass < 3; pass++)
		for (unsigned i = 0; i < COUNT(sizes); i++) {
			// From small to large each buffer brings pages that were never touched; in the last pass all have been.
			size_t payload = sizes[pass == 1 ? COUNT(sizes) - 1 - i : i];
			if (payload > all)
				continue;
			uint64_t seed = size + pass * 100 + i;
			send_bytes(&receiver, payload, seed);
			uint64_t buffer = take_bytes(&receiver, payload);
			CHECK_EQ(buffer, start, "address of the only buffer");
			// In the second pass some are given back without being looked at.
			if (pass != 1 || i % 3)
				check_bytes(buffer, payload, seed);
			give_back(&receiver, buffer);
		}
	check_refused(&receiver, all + 1);
	check_refused(&receiver, all + 4096);
	close_receiver(&receiver);
}

// ---- Many at a time

enum { PIECES = 16 };

static void check_pieces(size_t size, int flags)
{
	struct receiver receiver;
	uint64_t buffers[PIECES];
	open_receiver(&receiver, size, flags);
	const size_t piece = receiver.capacity / PIECES;

	// Pieces without a gap fill the mapping to the last byte.
	for (unsigned i = 0; i < PIECES; i++) {
		send_bytes(&receiver, piece - i % 8, i);
		buffers[i] = take_bytes(&receiver, piece - i % 8);
		for (unsigned j = 0; j < i; j++)
			CHECK(buffers[i] >= buffers[j] + piece || buffers[j] >= buffers[i] + piece, "two buffers overlap");
	}
	check_refused(&receiver, 1);
	check_refused(&receiver, 0);
	for (unsigned i = 0; i < PIECES; i++)
		check_bytes(buffers[i], piece - i % 8, i);
	// A hole is filled again, and nothing around it changes.
	for (unsigned i = 3; i < PIECES; i += 5) {
		give_back(&receiver, buffers[i]);
		check_refused(&receiver, piece + 1);
		send_bytes(&receiver, piece - 1, 100 + i);
		CHECK_EQ(take_bytes(&receiver, piece - 1), buffers[i], "address of the buffer in the hole");
		for (unsigned j = 0; j < PIECES; j++)
			if (j != i)
				check_bytes(buffers[j], piece - j % 8, j);
		check_bytes(buffers[i], piece - 1, 100 + i);
		give_back(&receiver, buffers[i]);
		send_bytes(&receiver, piece - i % 8, i);
		CHECK_EQ(take_bytes(&receiver, piece - i % 8), buffers[i], "address of the buffer in the hole");
	}
	// Neighbours that are given back become one.
	give_back(&receiver, buffers[8]);
	give_back(&receiver, buffers[6]);
	check_refused(&receiver, piece + 8);
	give_back(&receiver, buffers[7]);
	send_bytes(&receiver, 3 * piece, 7);
	uint64_t joined = take_bytes(&receiver, 3 * piece);
	CHECK_EQ(joined, buffers[6], "address of the joined buffer");
	check_bytes(joined, 3 * piece, 7);
	close_receiver(&receiver);
}

// Buffers of random sizes held for random times share pages, the early ones with late neighbours.
static void check_mixture(size_t size, int flags, unsigned rounds, uint64_t seed)
{
	struct receiver receiver;
	struct {
		uint64_t buffer, seed;
		size_t size;
	} held[40];
	unsigned count = 0;
	open_receiver(&receiver, size, flags);
	for (unsigned i = 0; i < rounds; i++) {
		if (count == COUNT(held) || (count && next_random(&seed) % 5 < 2)) {
			unsigned k = next_random(&seed) % count;
			check_bytes(held[k].buffer, held[k].size, held[k].seed);
			give_back(&receiver, held[k].buffer);
			held[k] = held[--count];
			continue;
		}
		size_t payload = next_random(&seed) % (next_random(&seed) % 8 ? 300 : receiver.capacity / 50);
		send_bytes(&receiver, payload, seed);
		held[count].seed = seed;
		held[count].size = payload;
		held[count].buffer = take_bytes(&receiver, payload);
		// Touching what lies behind it brings in no more than is there.
		if (payload)
			check_bytes(held[count].buffer, next_random(&seed) % 2 ? payload : 1, held[count].seed);
		count++;
	}
	while (count--)
		check_bytes(held[count].buffer, held[count].size, held[count].seed);
	close_receiver(&receiver);
}

// ---- No mapping

static void check_dead_(struct receiver *receiver)
{
	send_bytes(receiver, 16, 1);
	exchange_and_expect_(&sender, false, "NOOP DEAD_REPLY");
	check_extended_error_(&sender, BR_DEAD_REPLY, ESRCH);
	bc_call(&sender, receiver->handle, 1, TF_ONE_WAY, NULL);
	exchange_and_expect_(&sender, true, "NOOP DEAD_REPLY");
	check_extended_error_(&sender, BR_DEAD_REPLY, ESRCH);
	expect_error_(&receiver->thread, EAGAIN);
}
#define check_dead(...) PLACED(check_dead_(__VA_ARGS__))

static void check_no_mapping(void)
{
	struct receiver receiver;

	// Never mapped: it cannot be called; its own calls are served, but cannot be answered. Oneways it can send.
	open_receiver(&receiver, 0, 0);
	check_dead(&receiver);
	uint32_t ending = call(&receiver.thread, 0, MANAGER_PING, 0, NULL);
	CHECK(ending == BR_DEAD_REPLY, "got %s", return_name(ending));
	check_extended_error(&receiver.thread, BR_DEAD_REPLY, ESRCH);
	must_send(&receiver.thread, 0, MANAGER_PING, NULL);
	// Mapped late: now it can.
	receiver.proc.mapping_size = KIB(16);
	receiver.proc.mapping = mmap(NULL, KIB(16), PROT_READ, MAP_PRIVATE, receiver.proc.fd, 0);
	CHECK(receiver.proc.mapping != MAP_FAILED);
	receiver.capacity = KIB(16);
	send_bytes(&receiver, 16, 1);
	check_bytes(take_bytes(&receiver, 16), 16, 1);
	must_call(&receiver.thread, 0, MANAGER_PING, NULL);
	drop_received(&receiver.thread);
	close_receiver(&receiver);

	// Unmapped: never again.
	open_receiver(&receiver, KIB(64), MAP_PRIVATE);
	send_bytes(&receiver, 5000, 2);
	check_bytes(take_bytes(&receiver, 5000), 5000, 2);
	CHECK_SYS(munmap((void *)receiver.proc.mapping, KIB(64)));
	receiver.proc.mapping = NULL;
	sleep_ms(settings.settle_ms);
	check_dead(&receiver);
	ending = call(&receiver.thread, 0, MANAGER_PING, 0, NULL);
	CHECK(ending == BR_DEAD_REPLY, "got %s", return_name(ending));
	check_extended_error(&receiver.thread, BR_DEAD_REPLY, ESRCH);
	close_receiver(&receiver);

	// Unmapped in the middle of its own call: the answer cannot reach it.
	open_receiver(&receiver, KIB(64), MAP_PRIVATE);
	struct receiver callee;
	open_receiver(&callee, KIB(64), MAP_PRIVATE);
	uint32_t to_callee;
	struct parcel parcel = { .size = 0 };
	put_handle(&parcel, BINDER_TYPE_HANDLE, callee.handle);
	bc_call(&sender, receiver.handle, 1, TF_ONE_WAY, &parcel);
	exchange(&sender, "NOOP TC");
	expect(&receiver.thread, "NOOP TRANSACTION");
	to_callee = object_of(receive(&receiver.thread), 0, BINDER_TYPE_HANDLE).handle;
	bc_handle(&receiver.thread, BC_ACQUIRE, to_callee);
	drop_received(&receiver.thread);
	bc_call(&receiver.thread, to_callee, 1, 0, NULL);
	submit(&receiver.thread);
	expect(&callee.thread, "NOOP TRANSACTION");
	CHECK_SYS(munmap((void *)receiver.proc.mapping, KIB(64)));
	receiver.proc.mapping = NULL;
	sleep_ms(settings.settle_ms);
	bc_free_received(&callee.thread);
	bc_reply(&callee.thread, NULL);
	exchange(&callee.thread, "NOOP TC");
	expect(&receiver.thread, "NOOP TC DEAD_REPLY");
	check_extended_error(&receiver.thread, BR_DEAD_REPLY, ESRCH);
	close_receiver(&callee);
	close_receiver(&receiver);

	// Unmapped in part: that, too, is the end.
	open_receiver(&receiver, KIB(64), MAP_PRIVATE);
	CHECK_SYS(munmap((void *)(receiver.proc.mapping + KIB(60)), KIB(4)));
	receiver.proc.mapping_size = KIB(60);
	sleep_ms(settings.settle_ms);
	check_dead(&receiver);
	close_receiver(&receiver);
}

// ---- Cleared buffers

static void check_cleared(void)
{
	struct receiver receiver;
	open_receiver(&receiver, KIB(64), MAP_PRIVATE);
	// A neighbour on the same page keeps the page where it is.
	send_bytes(&receiver, 100, 1);
	take_bytes(&receiver, 100);
	fill(source, 3000, 2);
	bc_data(&sender, BC_TRANSACTION, receiver.handle, 1, TF_CLEAR_BUF, source, 3000, NULL, 0);
	submit(&sender);
	uint64_t buffer = take_bytes(&receiver, 3000);
	CHECK_EQ(receive(&receiver.thread)->flags, TF_CLEAR_BUF, "flags");
	check_bytes(buffer, 3000, 2);
	give_back(&receiver, buffer);
	for (unsigned i = 0; i < 3000; i++)
		CHECK_EQ(((const uint8_t *)(uintptr_t)buffer)[i], 0, "byte of a cleared buffer");
	close_receiver(&receiver);
}

// ---- What only a kernel can refuse

static sigjmp_buf after_fault;

static void on_fault(int number)
{
	siglongjmp(after_fault, number);
}

static void check_kernel(void)
{
	struct receiver receiver;
	open_receiver(&receiver, KIB(64), MAP_PRIVATE);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, receiver.proc.fd, 0) == MAP_FAILED && errno == EBUSY, "errno %d", errno);
	CHECK(mprotect((void *)receiver.proc.mapping, 4096, PROT_READ | PROT_WRITE) < 0 && errno == EACCES, "errno %d", errno);
	// A page that no buffer ever covered is not there.
	struct sigaction action = { .sa_handler = on_fault }, before;
	sigaction(SIGBUS, &action, &before);
	int number = sigsetjmp(after_fault, 1);
	if (number == 0) {
		(void)*(const volatile uint8_t *)(receiver.proc.mapping + KIB(32));
		FAIL("a page without a buffer could be read");
	}
	CHECK_EQ(number, SIGBUS, "signal");
	sigaction(SIGBUS, &before, NULL);
	close_receiver(&receiver);

	struct proc proc;
	open_proc(&proc, 0, 0);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, proc.fd, 0) == MAP_FAILED && errno == EPERM, "errno %d", errno);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, proc.fd, 0) == MAP_FAILED && errno == EPERM, "errno %d", errno);
	// The offset means nothing.
	proc.mapping = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, proc.fd, 3 * 4096);
	CHECK(proc.mapping != MAP_FAILED, "errno %d", errno);
	proc.mapping_size = 4096;
	struct thread thread;
	enter_looper(&thread, &proc);
	must_call(&thread, 0, MANAGER_PING, NULL);
	drop_received(&thread);
	close_proc(&proc);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { KIB(4), KIB(8), KIB(128), MIB(1) - KIB(8), MIB(4), MIB(6) };
	begin(argc, argv, "mapping", 180, "[--seed=1] [--injected=0]");
	pid_t manager = start_manager();
	source = mmap(NULL, LARGEST + KIB(8), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(source != MAP_FAILED);
	open_proc(&from, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&sender, &from);

	if (option_number("--injected", 0))
		check_injected();
	for (unsigned i = 0; i < COUNT(sizes); i++) {
		check_sizes(sizes[i], MAP_PRIVATE);
		check_sizes(sizes[i], MAP_SHARED);
		check_pieces(sizes[i], i % 2 ? MAP_PRIVATE : MAP_SHARED);
	}
	for (unsigned i = 0; i < 4; i++)
		check_mixture(i % 2 ? KIB(128) : DEFAULT_MAPPING, i < 2 ? MAP_PRIVATE : MAP_SHARED, 600, option_number("--seed", 1) + i);
	check_cleared();
	check_no_mapping();
	if (settings.kernel)
		check_kernel();

	stop_process(manager);
	succeed("%u buffers in mappings of 4 KiB to 6 MiB, private and shared, to the last byte", transfers);
	return 0;
}
