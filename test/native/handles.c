// SPDX-License-Identifier: Apache-2.0
//
// Handles that travel: the owner S exports a node to A by way of the manager, A passes the handle to B, B calls it and sends it home, where
// it arrives as the owner's own pointer and cookie. The owner is told INCREFS and ACQUIRE once, RELEASE and DECREFS when the last holder has
// let go. New handles take the lowest free number. Pointers and cookies keep all their 64 bits.

#include "client.h"

static const uint64_t values[][2] = {
	{ 0xfedcba9876543210, 0x0123456789abcdef },
	{ 0xffffffffffffffff, 0xfffffffffffffffe },
	{ 0x8000000000000000, 0x8000000000000001 },
	{ 0x7fffffffffffffff, 0x7ffffffffffffffe },
	{ 0x0020000000000001, 0x0040000000000003 }, // odd and above 2^53
	{ 0x0020000000000003, 0x0040000000000005 },
	{ 0x0000000100000000, 0x00000000ffffffff },
	{ 0x00000000ffffffff, 0x0000000100000000 },
	{ 1, 0 },
	{ 0, 1 },
};

// ---- Step by step: owner and holder are two opens of one process

static struct proc owner_proc, holder_proc;
static struct thread owner, holder;
// Handles to nodes of the other, for sending things. The owner uses its two in turn: a oneway whose buffer the holder keeps would hold up
// the next one to the same node.
static uint32_t owner_to_holder[2], holder_to_owner;
static unsigned turn;

enum { ROAD = 0x70ad };

static void open_pair(void)
{
	static unsigned name = 10;
	open_proc(&owner_proc, O_NONBLOCK, DEFAULT_MAPPING);
	open_proc(&holder_proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&owner, &owner_proc);
	enter_looper(&holder, &holder_proc);
	publish(&owner, name, ROAD, ROAD, 0);
	publish(&holder, name + 1, ROAD, ROAD, 0);
	publish(&holder, name + 2, ROAD + 1, ROAD + 1, 0);
	holder_to_owner = look_up(&holder, name);
	owner_to_holder[0] = look_up(&owner, name + 1);
	owner_to_holder[1] = look_up(&owner, name + 2);
	name += 3;
}

static void close_pair(void)
{
	close_proc(&owner_proc);
	close_proc(&holder_proc);
}

// The owner sends an object of its own in a oneway and reads this; the holder receives it. Returns the handle.
static uint32_t export_node_(uint32_t type, uint64_t pointer, uint64_t cookie, const char *answer)
{
	struct parcel parcel = { .size = 0 };
	put_u32(&parcel, 7);
	put_node(&parcel, type, pointer, cookie, 0x37f);
	bc_call(&owner, owner_to_holder[turn++ % 2], 1, TF_ONE_WAY, &parcel);
	exchange_and_expect_(&owner, true, "%s", answer);
	expect(&holder, "NOOP TRANSACTION");
	const struct binder_transaction_data *data = receive(&holder);
	struct flat_binder_object object = object_of(data, 0, type == BINDER_TYPE_BINDER ? BINDER_TYPE_HANDLE : BINDER_TYPE_WEAK_HANDLE);
	CHECK_EQ(word_of(data, 0), 7, "data before the object");
	CHECK_EQ(object.flags, 0x37f, "flags of the object");
	CHECK_EQ(object.binder >> 32, 0, "upper half of the handle");
	CHECK_EQ(object.cookie, 0, "cookie of a handle");
	return object.handle;
}
#define export_node(...) PLACED(export_node_(__VA_ARGS__))

// The owner's answer to a first export, and what it reads then.
#define FIRST(pointer, cookie) \
	({ \
		static char text_[256]; \
		unsigned long long p_ = (pointer), c_ = (cookie); \
		snprintf(text_, sizeof(text_), "NOOP INCREFS(%llx,%llx) ACQUIRE(%llx,%llx) TC", p_, c_, p_, c_); \
		text_; \
	})

static void acknowledge(void)
{
	bc_done(&owner);
	submit(&owner);
}

static void check_steps(void)
{
	open_pair();
	for (unsigned i = 0; i < COUNT(values); i++) {
		unsigned long long pointer = values[i][0], cookie = values[i][1];
		// Exported, received, dropped with the buffer.
		uint32_t handle = export_node(BINDER_TYPE_BINDER, pointer, cookie, FIRST(pointer, cookie));
		CHECK_EQ(handle, 2, "handle"); // 1 is the road
		acknowledge();
		expect_nothing(&owner);
		drop_received(&holder);
		expect(&owner, "NOOP RELEASE(%llx,%llx) DECREFS(%llx,%llx)", pointer, cookie, pointer, cookie);
		expect_nothing(&owner);

		// Exported again: a new life, told again. Kept, called, sent home.
		handle = export_node(BINDER_TYPE_BINDER, pointer, cookie, FIRST(pointer, cookie));
		acknowledge();
		bc_handle(&holder, BC_INCREFS, handle);
		bc_handle(&holder, BC_ACQUIRE, handle);
		drop_received(&holder);
		// A second time: nothing new to tell, and the same handle.
		CHECK_EQ(export_node(BINDER_TYPE_BINDER, pointer, cookie, "NOOP TC"), handle, "handle of the same node");
		drop_received(&holder);
		bc_call(&holder, handle, 5, TF_ONE_WAY, NULL);
		exchange(&holder, "NOOP TC");
		expect(&owner, "NOOP TRANSACTION");
		CHECK_EQ(receive(&owner)->target.ptr, pointer, "ptr of the called node");
		CHECK_EQ(receive(&owner)->cookie, cookie, "cookie of the called node");
		drop_received(&owner);

		struct parcel home = { .size = 0 };
		put_handle(&home, BINDER_TYPE_HANDLE, handle);
		put_handle(&home, BINDER_TYPE_WEAK_HANDLE, handle);
		bc_call(&holder, holder_to_owner, 6, TF_ONE_WAY, &home);
		exchange(&holder, "NOOP TC");
		expect(&owner, "NOOP TRANSACTION");
		struct flat_binder_object object = object_of(receive(&owner), 0, BINDER_TYPE_BINDER);
		CHECK_EQ(object.binder, pointer, "ptr that came home");
		CHECK_EQ(object.cookie, cookie, "cookie that came home");
		object = object_of(receive(&owner), 1, BINDER_TYPE_WEAK_BINDER);
		CHECK_EQ(object.binder, pointer, "ptr that came home weakly");
		CHECK_EQ(object.cookie, cookie, "cookie that came home weakly");
		// The holder lets go while the owner still has its buffer: that keeps the node.
		bc_handle(&holder, BC_RELEASE, handle);
		bc_handle(&holder, BC_DECREFS, handle);
		submit(&holder);
		expect_nothing(&owner);
		bc_free_received(&owner);
		exchange(&owner, "NOOP RELEASE(%llx,%llx) DECREFS(%llx,%llx)", pointer, cookie, pointer, cookie);
		expect_nothing(&owner);
	}

	// Weak: only INCREFS, and a weak handle cannot be called.
	uint32_t handle = export_node(BINDER_TYPE_WEAK_BINDER, 0x11, 0x22, "NOOP INCREFS(11,22) TC");
	acknowledge();
	bc_call(&holder, handle, 1, TF_ONE_WAY, NULL);
	exchange(&holder, "NOOP FAILED_REPLY");
	check_extended_error(&holder, BR_FAILED_REPLY, EINVAL);
	bc_handle(&holder, BC_ACQUIRE, handle); // refused without a word: a weak handle does not become strong
	submit(&holder);
	bc_call(&holder, handle, 1, TF_ONE_WAY, NULL);
	exchange(&holder, "NOOP FAILED_REPLY");
	check_extended_error(&holder, BR_FAILED_REPLY, EINVAL);
	struct parcel bad = { .size = 0 };
	put_handle(&bad, BINDER_TYPE_HANDLE, handle);
	bc_call(&holder, holder_to_owner, 1, TF_ONE_WAY, &bad);
	exchange(&holder, "NOOP FAILED_REPLY");
	check_extended_error(&holder, BR_FAILED_REPLY, EINVAL);
	drop_received(&holder);
	expect(&owner, "NOOP DECREFS(11,22)");

	// Weak first, then strong: ACQUIRE comes with the strong one; then weak again.
	handle = export_node(BINDER_TYPE_WEAK_BINDER, 0x11, 0x22, "NOOP INCREFS(11,22) TC");
	uint64_t weak_buffer = holder.received.data.ptr.buffer;
	acknowledge();
	CHECK_EQ(export_node(BINDER_TYPE_BINDER, 0x11, 0x22, "NOOP ACQUIRE(11,22) TC"), handle, "handle");
	bc_free(&holder, weak_buffer);
	submit(&holder);
	uint64_t strong_buffer = holder.received.data.ptr.buffer;
	acknowledge();
	bc_handle(&holder, BC_INCREFS, handle);
	bc_free(&holder, strong_buffer);
	submit(&holder);
	expect(&owner, "NOOP RELEASE(11,22)");
	bc_handle(&holder, BC_DECREFS, handle);
	submit(&holder);
	expect(&owner, "NOOP DECREFS(11,22)");

	// The owner owes its DONEs: until they come nothing is taken back.
	handle = export_node(BINDER_TYPE_BINDER, 0x33, 0x44, FIRST(0x33, 0x44));
	drop_received(&holder);
	expect_nothing(&owner);
	bc_node(&owner, BC_INCREFS_DONE, 0x33, 0x45); // wrong cookie: ignored
	bc_node(&owner, BC_INCREFS_DONE, 0x34, 0x44); // no such node: ignored
	submit(&owner);
	expect_nothing(&owner);
	bc_node(&owner, BC_ACQUIRE_DONE, 0x33, 0x44);
	submit(&owner);
	expect(&owner, "NOOP RELEASE(33,44)");
	bc_node(&owner, BC_ACQUIRE_DONE, 0x33, 0x44); // nothing pending: ignored
	submit(&owner);
	expect_nothing(&owner);
	bc_node(&owner, BC_INCREFS_DONE, 0x33, 0x44);
	exchange(&owner, "NOOP DECREFS(33,44)");
	expect_nothing(&owner);

	// A node has one cookie.
	handle = export_node(BINDER_TYPE_BINDER, 0x55, 0x66, FIRST(0x55, 0x66));
	acknowledge();
	struct parcel other = { .size = 0 };
	put_node(&other, BINDER_TYPE_BINDER, 0x55, 0x67, 0);
	bc_call(&owner, owner_to_holder[turn++ % 2], 1, TF_ONE_WAY, &other);
	exchange(&owner, "NOOP FAILED_REPLY");
	check_extended_error(&owner, BR_FAILED_REPLY, EINVAL);
	drop_received(&holder);
	expect(&owner, "NOOP RELEASE(55,66) DECREFS(55,66)");

	// A handle that nobody gave us.
	struct parcel stranger = { .size = 0 };
	put_handle(&stranger, BINDER_TYPE_HANDLE, 99);
	bc_call(&holder, holder_to_owner, 1, TF_ONE_WAY, &stranger);
	exchange(&holder, "NOOP FAILED_REPLY");
	check_extended_error(&holder, BR_FAILED_REPLY, EINVAL);
	bc_call(&holder, 99, 1, 0, NULL);
	exchange(&holder, "NOOP FAILED_REPLY");
	check_extended_error(&holder, BR_FAILED_REPLY, EINVAL);

	// When the holder dies all its counts go; handles are given up in order of their numbers.
	export_node(BINDER_TYPE_BINDER, 0x201, 1, FIRST(0x201, 1));
	acknowledge();
	export_node(BINDER_TYPE_BINDER, 0x200, 2, FIRST(0x200, 2));
	acknowledge();
	close_proc(&holder_proc);
	// (The road home is still held by the manager.)
	unsigned told = 0;
	AWAIT(true);
	while (told < 4) {
		int error = exchange_bytes(&owner, sizeof(owner.in));
		if (error == EAGAIN)
			sleep_short();
		else
			CHECK_ERRNO(error, 0, "reading");
		struct event event;
		while (next_return(&owner, &event))
			if (event.command != BR_NOOP) {
				CHECK_EQ(event.command, told % 2 ? BR_DECREFS : BR_RELEASE, "command");
				CHECK_EQ(event.node.ptr, told < 2 ? 0x201 : 0x200, "ptr");
				told++;
			}
	}
	close_proc(&owner_proc);
}

// ---- Numbers: the lowest free one

enum { MANY = 200 };

// Takes a node of the owner and keeps it.
static uint32_t keep(uint64_t pointer)
{
	uint32_t handle = export_node(BINDER_TYPE_BINDER, pointer, pointer, FIRST(pointer, pointer));
	acknowledge();
	bc_handle(&holder, BC_ACQUIRE, handle);
	drop_received(&holder);
	return handle;
}

static void let_go(uint32_t handle, unsigned long long pointer)
{
	bc_handle(&holder, BC_RELEASE, handle);
	submit(&holder);
	expect(&owner, "NOOP RELEASE(%llx,%llx) DECREFS(%llx,%llx)", pointer, pointer, pointer, pointer);
}

static void check_numbers(void)
{
	open_pair();
	for (uint64_t i = 2; i <= 6; i++)
		CHECK_EQ(keep(0x1000 + i), i, "handle");
	let_go(3, 0x1003);
	let_go(5, 0x1005);
	CHECK_EQ(keep(0x2001), 3, "lowest free handle");
	CHECK_EQ(keep(0x2002), 5, "lowest free handle");
	CHECK_EQ(keep(0x2003), 7, "lowest free handle");
	// A weak count keeps a number as well as a strong one.
	bc_handle(&holder, BC_INCREFS, 3);
	bc_handle(&holder, BC_RELEASE, 3);
	submit(&holder);
	expect(&owner, "NOOP RELEASE(2001,2001)");
	CHECK_EQ(keep(0x2004), 8, "lowest free handle");
	bc_handle(&holder, BC_DECREFS, 3);
	submit(&holder);
	expect(&owner, "NOOP DECREFS(2001,2001)");
	CHECK_EQ(keep(0x2005), 3, "lowest free handle");

	for (uint64_t i = 9; i <= MANY; i++)
		CHECK_EQ(keep(0x3000 + i), i, "handle");
	// From above downwards, so that the table may shrink; and up again.
	for (uint64_t i = MANY; i >= 20; i--)
		let_go(i, 0x3000 + i);
	for (uint64_t i = 20; i <= MANY; i++)
		CHECK_EQ(keep(0x4000 + i), i, "handle");
	let_go(64, 0x4000 + 64);
	let_go(128, 0x4000 + 128);
	CHECK_EQ(keep(0x5001), 64, "lowest free handle");
	CHECK_EQ(keep(0x5002), 128, "lowest free handle");
	CHECK_EQ(keep(0x5003), MANY + 1, "lowest free handle");
	close_pair();
}

// ---- Three processes

enum { S_NODE = 1, S_CONTROL, B_NODE };                  // names
enum { WHO = 1, COME_HOME, REPORT, TAKE, CALL_IT, SEND_IT_HOME, DROP_IT }; // codes

static const uint64_t s_pointer = 0xfedcba9876543210, s_cookie = 0x8899aabbccddeeff;

static void handle_in_s(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	switch (request->code) {
	case WHO:
		put_u64(reply, request->target.ptr);
		put_u64(reply, request->cookie);
		put_u32(reply, request->sender_pid);
		break;
	case COME_HOME: {
		struct flat_binder_object object = object_of(request, 0, BINDER_TYPE_BINDER);
		CHECK_EQ(object.binder, s_pointer, "ptr that came home");
		CHECK_EQ(object.cookie, s_cookie, "cookie that came home");
		break;
	}
	case REPORT:
		put_u32(reply, thread->increfs);
		put_u32(reply, thread->acquires);
		put_u32(reply, thread->releases);
		put_u32(reply, thread->decrefs);
		break;
	default:
		FAIL("code %u", request->code);
	}
}

static void run_s(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle_in_s;
	enter_looper(&thread, &proc);
	publish(&thread, S_CONTROL, 2, 2, 0);
	publish(&thread, S_NODE, s_pointer, s_cookie, 0);
	serve(&thread);
}

static void handle_in_b(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	static uint32_t held, control;
	struct parcel parcel = { .size = 0 };
	switch (request->code) {
	case TAKE:
		held = object_of(request, 0, BINDER_TYPE_HANDLE).handle;
		CHECK_EQ(held, 1, "first handle of B");
		bc_handle(thread, BC_ACQUIRE, held);
		break;
	case CALL_IT:
		must_call(thread, held, WHO, NULL);
		CHECK_EQ(thread->received.data_size, 20, "size of the answer");
		CHECK(memcmp(data_of(&thread->received), &s_pointer, 8) == 0, "another ptr");
		CHECK(memcmp((const uint8_t *)data_of(&thread->received) + 8, &s_cookie, 8) == 0, "another cookie");
		CHECK_EQ(word_of(&thread->received, 4), getpid(), "sender_pid");
		drop_received(thread);
		break;
	case SEND_IT_HOME:
		if (!control)
			control = look_up(thread, S_CONTROL);
		put_handle(&parcel, BINDER_TYPE_HANDLE, held);
		must_call(thread, held, COME_HOME, &parcel);
		drop_received(thread);
		must_call(thread, control, COME_HOME, &parcel);
		drop_received(thread);
		break;
	case DROP_IT:
		bc_handle(thread, BC_RELEASE, held);
		break;
	default:
		FAIL("code %u", request->code);
	}
	put_u32(reply, held);
}

static void run_b(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle_in_b;
	enter_looper(&thread, &proc);
	publish(&thread, B_NODE, 3, 3, 0);
	serve(&thread);
}

static void check_report(struct thread *thread, uint32_t control, unsigned taken, unsigned given)
{
	// RELEASE and DECREFS travel on their own; the report may overtake them once.
	for (unsigned tries = 0;; tries++) {
		must_call(thread, control, REPORT, NULL);
		const struct binder_transaction_data *reply = &thread->received;
		bool equal = word_of(reply, 0) == taken && word_of(reply, 1) == taken && word_of(reply, 2) == given && word_of(reply, 3) == given;
		if (!equal && tries == 200)
			FAIL("expected %u INCREFS and ACQUIRE, %u RELEASE and DECREFS; got %u %u %u %u", taken, given, word_of(reply, 0),
				word_of(reply, 1), word_of(reply, 2), word_of(reply, 3));
		drop_received(thread);
		if (equal)
			return;
		sleep_ms(5);
	}
}

static void check_travel(void)
{
	pid_t s = start_process("S", run_s, NULL), b = start_process("B", run_b, NULL);
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t node = look_up(&thread, S_NODE);
	uint32_t b_node = look_up(&thread, B_NODE);
	uint32_t control = look_up(&thread, S_CONTROL);
	check_report(&thread, control, 2, 0);

	struct parcel parcel = { .size = 0 };
	put_handle(&parcel, BINDER_TYPE_HANDLE, node);
	must_call(&thread, b_node, TAKE, &parcel);
	drop_received(&thread);
	must_call(&thread, b_node, CALL_IT, NULL);
	drop_received(&thread);
	must_call(&thread, b_node, SEND_IT_HOME, NULL);
	drop_received(&thread);
	check_report(&thread, control, 2, 0);

	// A and the manager let go; B alone keeps it.
	bc_handle(&thread, BC_RELEASE, node);
	submit(&thread);
	forget(&thread, S_NODE);
	must_call(&thread, b_node, CALL_IT, NULL);
	drop_received(&thread);
	check_report(&thread, control, 2, 0);
	must_call(&thread, b_node, DROP_IT, NULL);
	drop_received(&thread);
	check_report(&thread, control, 2, 1);

	close_proc(&proc);
	stop_process(b);
	stop_process(s);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "handles", 60, "");
	pid_t manager = start_manager();
	check_steps();
	check_numbers();
	check_travel();
	stop_process(manager);
	succeed("handshakes of %zu pointers and cookies, %d handles lowest first, a node through four processes", COUNT(values), MANY);
	return 0;
}
