// SPDX-License-Identifier: Apache-2.0
//
// Nested calls: A calls B, and B calls A back. The inner call must arrive on the very thread of A that waits, however many other threads of
// A are idle; so must one that comes round by a third process. Oneways never do.

#include "client.h"

enum { NODE_A = 1, NODE_B, NODE_C };   // names at the manager
enum { BOUNCE = 1, ROUND, NOTE };      // codes
enum { DEEPEST = 8, ROUNDS = 60, CALLERS = 3 };

// ---- Exact streams: two opens in one process, written and read step by step

static void check_streams(void)
{
	struct proc procs[2];
	struct thread threads[2];
	uint32_t handles[2]; // of the other one's node
	for (unsigned i = 0; i < 2; i++) {
		open_proc(&procs[i], O_NONBLOCK, DEFAULT_MAPPING);
		enter_looper(&threads[i], &procs[i]);
		publish(&threads[i], 10 + i, 0xa0 + i, 0xc0 + i, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		handles[i] = look_up(&threads[i], 10 + !i);

	for (unsigned depth = 1; depth <= DEEPEST; depth++) {
		uint64_t buffers[DEEPEST];
		for (unsigned level = 0; level < depth; level++) {
			struct thread *from = &threads[level % 2], *to = &threads[!(level % 2)];
			struct parcel parcel = { .size = 0 };
			put_u32(&parcel, level);
			bc_call(from, handles[level % 2], BOUNCE, 0, &parcel);
			submit(from);
			// Its TC waits for something worth waking up for.
			expect_nothing(from);
			if (level == 0)
				expect(to, "NOOP TRANSACTION");
			else
				expect(to, "NOOP TC TRANSACTION");
			const struct binder_transaction_data *call = receive(to);
			CHECK_EQ(call->target.ptr, 0xa0 + !(level % 2), "ptr of the node");
			CHECK_EQ(call->cookie, 0xc0 + !(level % 2), "cookie of the node");
			CHECK_EQ(call->sender_pid, getpid(), "sender_pid");
			CHECK_EQ(word_of(call, 0), level, "data");
			buffers[level] = call->data.ptr.buffer;
		}
		for (unsigned level = depth; level-- > 0;) {
			struct thread *from = &threads[level % 2], *to = &threads[!(level % 2)];
			struct parcel parcel = { .size = 0 };
			put_u32(&parcel, level + 100);
			bc_free(to, buffers[level]);
			bc_reply(to, &parcel);
			exchange(to, "NOOP TC");
			expect_nothing(to);
			// Only the innermost caller has not had its TC with a nested call.
			if (level == depth - 1)
				expect(from, "NOOP TC REPLY");
			else
				expect(from, "NOOP REPLY");
			CHECK_EQ(word_of(receive(from), 0), level + 100, "data of the reply");
			drop_received(from);
		}
		expect_nothing(&threads[0]);
		expect_nothing(&threads[1]);
	}

	// A oneway to the waiting thread's process is no nested call: the waiting thread does not get it.
	bc_call(&threads[0], handles[0], BOUNCE, 0, NULL);
	submit(&threads[0]);
	expect(&threads[1], "NOOP TRANSACTION");
	uint64_t outer = receive(&threads[1])->data.ptr.buffer;
	bc_call(&threads[1], handles[1], NOTE, TF_ONE_WAY, NULL);
	exchange(&threads[1], "NOOP TC");
	expect_nothing(&threads[0]);
	bc_free(&threads[1], outer);
	bc_reply(&threads[1], NULL);
	exchange(&threads[1], "NOOP TC");
	expect(&threads[0], "NOOP TC REPLY");
	drop_received(&threads[0]);
	// Now it is idle, and does.
	expect(&threads[0], "NOOP TRANSACTION");
	CHECK_EQ(receive(&threads[0])->flags, TF_ONE_WAY, "flags");
	drop_received(&threads[0]);

	close_proc(&procs[0]);
	close_proc(&procs[1]);
}

// ---- Three processes, with idle threads in each

struct board {
	atomic_uint notes, calls, ready;
};

static struct board *board;
static uint32_t handle_a, handle_b, handle_c; // in the process that has them
static __thread unsigned nesting;            // handlers running on this thread
static __thread bool calling;                // this thread of A has a call outstanding

// Calls with { origin, level, depth } and gives back the reply's words after our own thread id.
static void call_on(struct thread *thread, uint32_t handle, uint32_t code, const uint32_t words[3], struct parcel *reply)
{
	struct parcel parcel = { .size = 0 };
	put_bytes(&parcel, words, 12);
	must_call(thread, handle, code, &parcel);
	if (reply)
		put_bytes(reply, data_of(&thread->received), thread->received.data_size);
	drop_received(thread);
}

static void read_words(const struct binder_transaction_data *request, uint32_t words[3])
{
	CHECK_EQ(request->data_size, 12, "data_size");
	memcpy(words, data_of(request), 12);
}

static void handle_in_a(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	uint32_t words[3];
	read_words(request, words);
	if (request->code == NOTE) {
		CHECK(!calling, "a oneway came to a thread that waits for a reply");
		CHECK_EQ(request->sender_pid, 0, "sender_pid of a oneway");
		atomic_fetch_add(&board->notes, 1);
		return;
	}
	CHECK_EQ(thread_id(), words[0], "the thread that serves the nested call (the one that waits)");
	CHECK(calling, "the nested call came to an idle thread");
	put_u32(reply, (uint32_t)thread_id());
	if (request->code == BOUNCE) {
		CHECK_EQ(nesting, words[1] / 2 - 1, "handlers already running on this thread of A");
		if (words[1] < words[2]) {
			nesting++;
			call_on(thread, handle_b, BOUNCE, (uint32_t[]){ words[0], words[1] + 1, words[2] }, reply);
			nesting--;
		}
	}
}

static void handle_in_b(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	uint32_t words[3];
	read_words(request, words);
	put_u32(reply, (uint32_t)thread_id());
	if (request->code == BOUNCE)
		CHECK_EQ(nesting, words[1] / 2, "handlers already running on this thread of B");
	if (words[1] == 1) {
		struct parcel parcel = { .size = 0 };
		put_bytes(&parcel, words, 12);
		must_send(thread, handle_a, NOTE, &parcel);
	}
	if (words[1] == words[2])
		return;
	nesting++;
	call_on(thread, request->code == ROUND ? handle_c : handle_a, request->code, (uint32_t[]){ words[0], words[1] + 1, words[2] }, reply);
	nesting--;
}

static void handle_in_c(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	uint32_t words[3];
	read_words(request, words);
	put_u32(reply, (uint32_t)thread_id());
	call_on(thread, handle_a, ROUND, (uint32_t[]){ words[0], words[1] + 1, words[2] }, reply);
}

static void *run_idle_thread(void *argument)
{
	struct thread thread;
	enter_looper(&thread, argument);
	serve(&thread);
	return NULL;
}

static void run_server(void *argument)
{
	unsigned node = *(unsigned *)argument;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = node == NODE_B ? handle_in_b : handle_in_c;
	set_max_threads(&proc, 7);
	enter_looper(&thread, &proc);
	publish(&thread, node, 0xb00 + node, 0, 0);
	handle_a = look_up(&thread, NODE_A);
	if (node == NODE_B)
		handle_c = look_up(&thread, NODE_C);
	start_thread(run_idle_thread, &proc);
	atomic_fetch_add(&board->ready, 1);
	serve(&thread);
}

// One of A's callers: every chain must come back to its own thread.
static void *run_caller(void *argument)
{
	struct thread thread;
	uint32_t me = (uint32_t)thread_id();
	enter_looper(&thread, argument);
	calling = true;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t depth = i % DEEPEST + 1, tids[DEEPEST];
		struct parcel reply = { .size = 0 };
		call_on(&thread, handle_b, BOUNCE, (uint32_t[]){ me, 1, depth }, &reply);
		CHECK_EQ(reply.size, depth * 4, "bytes that came back");
		memcpy(tids, reply.data, depth * 4);
		for (unsigned level = 0; level < depth; level++)
			CHECK_EQ(tids[level], level % 2 ? me : tids[0], "thread that served a level");

		reply.size = 0;
		call_on(&thread, handle_b, ROUND, (uint32_t[]){ me, 1, 3 }, &reply);
		CHECK_EQ(reply.size, 12, "bytes that came round");
		memcpy(tids, reply.data, 12);
		CHECK_EQ(tids[2], me, "thread that served the call that came round by C");
		CHECK(tids[0] != tids[1]);
		atomic_fetch_add(&board->calls, depth + 3);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	begin(argc, argv, "nested", 60, "");
	board = share(sizeof(*board));
	pid_t manager = start_manager();
	check_streams();

	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle_in_a;
	enter_looper(&thread, &proc);
	publish(&thread, NODE_A, 0xa00, 0, 0);
	unsigned node = NODE_B;
	pid_t b = start_process("B", run_server, &node);
	node = NODE_C;
	pid_t c = start_process("C", run_server, &node);
	handle_b = look_up(&thread, NODE_B);
	AWAIT(atomic_load(&board->ready) == 2);

	// Idle threads of A, which must never be chosen for a nested call.
	for (unsigned i = 0; i < 2; i++)
		start_thread(run_idle_thread, &proc);
	pthread_t callers[CALLERS];
	for (unsigned i = 0; i < CALLERS; i++)
		callers[i] = start_thread(run_caller, &proc);
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	AWAIT(atomic_load(&board->notes) == CALLERS * ROUNDS * 2);

	stop_process(b);
	stop_process(c);
	stop_process(manager);
	succeed("streams exact to depth %d, then %u nested calls of %d threads, each on the thread that waited; %u oneways on idle ones", DEEPEST,
		board->calls, CALLERS, board->notes);
	return 0;
}
