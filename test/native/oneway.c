// SPDX-License-Identifier: Apache-2.0
//
// Oneways: those to one node come in the order they were sent and one at a time, the next when the buffer of the last is freed; those to
// different nodes run side by side. Half of the receiver's mapping is all they may fill.

#include "client.h"

enum { NUMBERED = 1, MEET, PING };
enum { SENDERS = 4 };

struct message {
	uint32_t sender, number, size; // of the seeded bytes that follow
};

struct board {
	atomic_bool ready;
	atomic_uint next[SENDERS];
	atomic_int running, met;
	atomic_uint received;
};

static struct board *board;
static unsigned count;

static uint64_t seed_of(uint32_t sender, uint32_t number)
{
	return scramble(sender * 1000003u + number);
}

static void handle_in_server(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	struct message message;
	(void)thread;
	(void)reply;
	if (request->code == PING)
		return;
	CHECK_EQ(request->flags, TF_ONE_WAY, "flags");
	CHECK_EQ(request->sender_pid, 0, "sender_pid of a oneway");
	CHECK_EQ(request->sender_euid, geteuid(), "sender_euid of a oneway");
	if (request->code == MEET) {
		// Two nodes: neither waits for the other's buffer to be freed. (One at a time, this would wait for ever.)
		atomic_fetch_add(&board->met, 1);
		AWAIT(atomic_load(&board->met) == 2);
		return;
	}
	CHECK_EQ(atomic_fetch_add(&board->running, 1), 0, "oneways of this node that are already being handled");
	CHECK(request->data_size >= sizeof(message));
	memcpy(&message, data_of(request), sizeof(message));
	CHECK_EQ(request->data_size, sizeof(message) + message.size, "data_size");
	check_filled((const uint8_t *)data_of(request) + sizeof(message), message.size, seed_of(message.sender, message.number));
	CHECK_EQ(message.number, atomic_load(&board->next[message.sender]), "number of the next message of its sender");
	atomic_fetch_add(&board->next[message.sender], 1);
	if (message.number % 64 == 0)
		sleep_short(); // lets the queue grow behind this one
	atomic_fetch_add(&board->received, 1);
	// dispatch() frees the buffer after this.
	CHECK_EQ(atomic_fetch_sub(&board->running, 1), 1, "oneways of this node that are being handled");
}

static void *run_looper(void *argument)
{
	struct thread thread;
	enter_looper(&thread, argument);
	serve(&thread);
	return NULL;
}

static void run_server(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, 4 * 1024 * 1024);
	proc.handler = handle_in_server;
	enter_looper(&thread, &proc);
	publish(&thread, 1, 0x1001, 0, 0);
	publish(&thread, 2, 0x1002, 0, 0);
	for (unsigned i = 0; i < 3; i++)
		start_thread(run_looper, &proc);
	atomic_store(&board->ready, true);
	serve(&thread);
}

static void run_sender(void *argument)
{
	uint32_t sender = *(uint32_t *)argument;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, 64 * 1024);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 1);
	for (uint32_t number = 0; number < count; number++) {
		struct message message = { .sender = sender, .number = number, .size = seed_of(sender, number) % 96 };
		struct parcel parcel = { .size = 0 };
		put_bytes(&parcel, &message, sizeof(message));
		fill(parcel.data + parcel.size, message.size, seed_of(sender, number));
		parcel.size += message.size;
		// The buffers of all that are on their way must stay within half of the server's mapping.
		while (number - atomic_load(&board->next[sender]) > 2000)
			sleep_short();
		must_send(&thread, handle, NUMBERED, &parcel);
	}
}

static void check_order(void)
{
	pid_t server = start_process("server", run_server, NULL), senders[SENDERS];
	AWAIT(atomic_load(&board->ready));

	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, 64 * 1024);
	enter_looper(&thread, &proc);
	must_send(&thread, look_up(&thread, 1), MEET, NULL);
	must_send(&thread, look_up(&thread, 2), MEET, NULL);
	AWAIT(atomic_load(&board->met) == 2);
	must_call(&thread, look_up(&thread, 2), PING, NULL); // a sync call passes while oneways run
	drop_received(&thread);
	close_proc(&proc);

	for (uint32_t i = 0; i < SENDERS; i++)
		senders[i] = start_process("sender", run_sender, &i);
	for (unsigned i = 0; i < SENDERS; i++)
		finish_process(senders[i]);
	AWAIT(atomic_load(&board->received) == SENDERS * count);
	stop_process(server);
}

// ---- Step by step, in one process

static struct proc from, to;
static struct thread sender, receiver;
static uint32_t nodes[3]; // handles of the receiver's nodes

// Opens a sender and a receiver with three nodes.
static void open_pair(size_t receiver_mapping)
{
	static unsigned name = 100;
	open_proc(&from, O_NONBLOCK, 256 * 1024);
	enter_looper(&sender, &from);
	open_proc(&to, O_NONBLOCK, receiver_mapping);
	enter_looper(&receiver, &to);
	for (unsigned i = 0; i < COUNT(nodes); i++) {
		publish(&receiver, name, 0x2000 + i, 0x3000 + i, 0);
		nodes[i] = look_up(&sender, name);
		name++;
	}
}

static void close_pair(void)
{
	close_proc(&from);
	close_proc(&to);
}

// Sends one oneway of a size and expects this answer.
static void send_bytes_(unsigned node, uint32_t code, const void *bytes, size_t size, const char *answer)
{
	bc_data(&sender, BC_TRANSACTION, nodes[node], code, TF_ONE_WAY, bytes, size, NULL, 0);
	exchange_and_expect_(&sender, true, "NOOP %s", answer);
}
#define send_bytes(...) PLACED(send_bytes_(__VA_ARGS__))

static uint64_t take(unsigned node, uint32_t code)
{
	expect(&receiver, "NOOP TRANSACTION");
	const struct binder_transaction_data *data = receive(&receiver);
	CHECK_EQ(data->target.ptr, 0x2000 + node, "ptr of the node");
	CHECK_EQ(data->cookie, 0x3000 + node, "cookie of the node");
	CHECK_EQ(data->code, code, "code");
	CHECK_EQ(data->flags, TF_ONE_WAY, "flags");
	CHECK_EQ(data->sender_pid, 0, "sender_pid");
	return data->data.ptr.buffer;
}

static void give_back(uint64_t buffer)
{
	bc_free(&receiver, buffer);
	submit(&receiver);
}

static void check_steps(void)
{
	open_pair(DEFAULT_MAPPING);
	// One node: the second only after the first's buffer is freed.
	send_bytes(0, 1, NULL, 0, "TC");
	send_bytes(0, 2, NULL, 0, "TC");
	send_bytes(0, 3, NULL, 0, "TC");
	uint64_t first = take(0, 1);
	expect_nothing(&receiver);
	// Another node: at once.
	send_bytes(1, 4, NULL, 0, "TC");
	send_bytes(1, 5, NULL, 0, "TC");
	uint64_t other = take(1, 4);
	expect_nothing(&receiver);
	give_back(first);
	uint64_t second = take(0, 2);
	expect_nothing(&receiver);
	// What is released goes behind what waits already.
	send_bytes(2, 6, NULL, 0, "TC");
	give_back(second);
	give_back(other);
	give_back(take(2, 6));
	uint64_t third = take(0, 3);
	give_back(take(1, 5));
	// A sync call to a node whose oneway is being handled does not wait for it.
	bc_call(&sender, nodes[0], 7, 0, NULL);
	submit(&sender);
	expect(&receiver, "NOOP TRANSACTION");
	CHECK_EQ(receive(&receiver)->sender_pid, getpid(), "sender_pid of a sync call");
	// Oneways may be sent while the call is outstanding.
	send_bytes(0, 8, NULL, 0, "TC TC"); // the first TC is the call's, put off until there is something to wake up for
	bc_free_received(&receiver);
	bc_reply(&receiver, NULL);
	exchange(&receiver, "NOOP TC");
	expect(&sender, "NOOP REPLY");
	CHECK_EQ(receive(&sender)->code, 0, "code of a reply");
	drop_received(&sender);
	expect_nothing(&receiver);
	give_back(third);
	give_back(take(0, 8));
	expect_nothing(&receiver);
	expect_nothing(&sender);
	close_pair();
}

// The budget of oneways is half of the mapping; every buffer costs its size in eights, at least eight.
static void check_budget(void)
{
	static const uint8_t bytes[70000];
	uint64_t buffers[16];
	const size_t mapping = 64 * 1024, budget = mapping / 2;
	open_pair(mapping);

	// More than half at once: refused, though a sync call of this size is accepted.
	send_bytes(0, 1, bytes, budget + 1, "FAILED_REPLY");
	check_extended_error(&sender, BR_FAILED_REPLY, ENOSPC);
	bc_data(&sender, BC_TRANSACTION, nodes[0], 1, 0, bytes, budget + 1, NULL, 0);
	submit(&sender);
	expect(&receiver, "NOOP TRANSACTION");
	CHECK_EQ(receive(&receiver)->data_size, budget + 1, "data_size");
	bc_free_received(&receiver);
	bc_reply(&receiver, NULL);
	exchange(&receiver, "NOOP TC");
	expect(&sender, "NOOP TC REPLY");
	drop_received(&sender);
	send_bytes(0, 1, bytes, budget, "TC");
	give_back(take(0, 1));

	// Filled piece by piece; undelivered ones count like delivered ones.
	for (unsigned i = 0; i < 8; i++)
		send_bytes(i % 2, 10 + i, bytes, 4096, "TC");
	send_bytes(2, 18, bytes, 1, "FAILED_REPLY");
	check_extended_error(&sender, BR_FAILED_REPLY, ENOSPC);
	send_bytes(2, 18, NULL, 0, "FAILED_REPLY");
	check_extended_error(&sender, BR_FAILED_REPLY, ENOSPC);
	// Delivery alone gives nothing back, freeing does.
	buffers[0] = take(0, 10);
	send_bytes(2, 18, NULL, 0, "FAILED_REPLY");
	give_back(buffers[0]);
	send_bytes(2, 18, bytes, 4097, "FAILED_REPLY");
	send_bytes(2, 18, bytes, 4089, "TC");
	send_bytes(2, 19, NULL, 0, "FAILED_REPLY");
	give_back(take(1, 11));
	// Each release goes to the end of the queue, so the two nodes and the third alternate as they come.
	give_back(take(0, 12));
	give_back(take(2, 18));
	give_back(take(1, 13));
	give_back(take(0, 14));
	give_back(take(1, 15));
	give_back(take(0, 16));
	give_back(take(1, 17));
	expect_nothing(&receiver);
	// All is back: the whole budget fits in one again.
	send_bytes(0, 20, bytes, budget, "TC");
	give_back(take(0, 20));
	close_pair();

	// Without data a oneway still costs eight bytes.
	open_pair(4096);
	for (unsigned i = 0; i < 4096 / 2 / 8; i++)
		send_bytes(0, i, NULL, 0, "TC");
	send_bytes(0, 256, NULL, 0, "FAILED_REPLY");
	check_extended_error(&sender, BR_FAILED_REPLY, ENOSPC);
	for (unsigned i = 0; i < 4096 / 2 / 8; i++)
		give_back(take(0, i));
	expect_nothing(&receiver);
	send_bytes(0, 256, bytes, 2048, "TC");
	give_back(take(0, 256));
	close_pair();
}

// The sender may ask to be told when it fills a receiver's budget; the oneway is delivered all the same.
static void check_spam(void)
{
	static const uint8_t bytes[480000];
	uint32_t on = 1;
	open_pair(DEFAULT_MAPPING);
	send_bytes(0, 1, bytes, sizeof(bytes), "TC");
	give_back(take(0, 1));
	CHECK_SYS(ioctl(from.fd, BINDER_ENABLE_ONEWAY_SPAM_DETECTION, &on));
	// What is freed does not lift the suspicion by itself; a later oneway that finds enough room does.
	send_bytes(0, 2, NULL, 0, "TC");
	give_back(take(0, 2));
	send_bytes(0, 3, bytes, sizeof(bytes), "ONEWAY_SPAM_SUSPECT");
	// Said once.
	send_bytes(0, 4, NULL, 0, "TC");
	give_back(take(0, 3));
	give_back(take(0, 4));
	close_pair();
}

int main(int argc, char **argv)
{
	begin(argc, argv, "oneway", 120, "[--count=1000]");
	count = option_amount("--count", 1000);
	board = share(sizeof(*board));
	pid_t manager = start_manager();
	check_steps();
	check_budget();
	check_spam();
	check_order();
	stop_process(manager);
	succeed("%u oneways of %d processes to one node in order, one at a time; two nodes side by side; the budget", board->received, SENDERS);
	return 0;
}
