// SPDX-License-Identifier: Apache-2.0
//
// Death notifications: asked for before and after the death, cleared in every state, refused, cancelled; their order; and a hundred clients
// of one server that is killed.

#include "client.h"

static struct proc holder_proc;
static struct thread holder;

// An owner of nodes that can be made to die. The nodes' pointers are their cookies.
struct owner {
	struct proc proc;
	struct thread thread;
	uint32_t handles[4]; // the holder's
};

static void open_owner(struct owner *owner, const uint64_t *nodes, unsigned count)
{
	static uint32_t name = 10;
	open_proc(&owner->proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&owner->thread, &owner->proc);
	for (unsigned i = 0; i < count; i++) {
		publish(&owner->thread, name, nodes[i], nodes[i], 0);
		owner->handles[i] = look_up(&holder, name);
		forget(&holder, name);
		name++;
	}
}

static void open_one(struct owner *owner)
{
	open_owner(owner, (uint64_t[]){ 0x77 }, 1);
}

static void request(uint32_t handle, uint64_t cookie)
{
	bc_death(&holder, BC_REQUEST_DEATH_NOTIFICATION, handle, cookie);
	submit(&holder);
}

static void clear(uint32_t handle, uint64_t cookie)
{
	bc_death(&holder, BC_CLEAR_DEATH_NOTIFICATION, handle, cookie);
	submit(&holder);
}

static void acknowledge(uint64_t cookie)
{
	bc_cookie(&holder, BC_DEAD_BINDER_DONE, cookie);
	submit(&holder);
}

static void release(uint32_t handle)
{
	bc_handle(&holder, BC_RELEASE, handle);
	submit(&holder);
}

static void await_readable(void)
{
	struct pollfd poller = { .fd = holder_proc.fd, .events = POLLIN };
	CHECK_EQ(poll(&poller, 1, -1), 1, "poll");
}

// Waits until an owner that was closed is gone: a call to it fails.
static void await_dead(uint32_t handle)
{
	for (;;) {
		bc_call(&holder, handle, 1, TF_ONE_WAY, NULL);
		int error = exchange_bytes(&holder, sizeof(holder.in));
		CHECK_ERRNO(error, 0, "calling");
		if (strcmp(stream_text(&holder), "NOOP DEAD_REPLY") == 0)
			return;
		if (strcmp(stream_text(&holder), "NOOP TC") != 0)
			FAIL("got \"%s\"", stream_text(&holder));
		sleep_short();
	}
}

static void check_states(void)
{
	struct owner owner;

	// Alive: asked for and cleared, in one write, on the manager's handle.
	bc_handle(&holder, BC_INCREFS, 0);
	bc_death(&holder, BC_REQUEST_DEATH_NOTIFICATION, 0, 0xfedcba9876543210);
	bc_death(&holder, BC_CLEAR_DEATH_NOTIFICATION, 0, 0xfedcba9876543210);
	bc_handle(&holder, BC_DECREFS, 0);
	exchange(&holder, "NOOP CLEAR_DEATH_DONE(fedcba9876543210)");
	expect_nothing(&holder);

	// Cleared while alive; asked for again with another cookie before the answer is read.
	open_one(&owner);
	request(owner.handles[0], 0xa1);
	clear(owner.handles[0], 0xa1);
	request(owner.handles[0], 0xa2);
	expect(&holder, "NOOP CLEAR_DEATH_DONE(a1)");
	expect_nothing(&holder);

	// Told; cleared before it is acknowledged.
	close_proc(&owner.proc);
	await_stream(&holder, "NOOP DEAD_BINDER(a2)");
	expect_nothing(&holder);
	clear(owner.handles[0], 0xa2);
	expect_nothing(&holder);
	acknowledge(0xa2);
	expect(&holder, "NOOP CLEAR_DEATH_DONE(a2)");
	expect_nothing(&holder);

	// Asked for when already dead: told at once. Acknowledged, then cleared.
	request(owner.handles[0], 0xa3);
	expect(&holder, "NOOP DEAD_BINDER(a3)");
	acknowledge(0xa3);
	expect_nothing(&holder);
	request(owner.handles[0], 0xa4); // the first is still there
	expect_nothing(&holder);
	clear(owner.handles[0], 0xa3);
	expect(&holder, "NOOP CLEAR_DEATH_DONE(a3)");
	clear(owner.handles[0], 0xa3); // once
	expect_nothing(&holder);

	// Cleared when it has been queued but not read: it is told all the same, then cleared.
	request(owner.handles[0], 0xa5);
	clear(owner.handles[0], 0xa5);
	expect(&holder, "NOOP DEAD_BINDER(a5)");
	expect_nothing(&holder);
	acknowledge(0xa5);
	expect(&holder, "NOOP CLEAR_DEATH_DONE(a5)");
	release(owner.handles[0]);

	// The same with a death that happens after the request.
	open_one(&owner);
	request(owner.handles[0], 0xa6);
	close_proc(&owner.proc);
	await_readable();
	clear(owner.handles[0], 0xa6);
	expect(&holder, "NOOP DEAD_BINDER(a6)");
	acknowledge(0xa6);
	expect(&holder, "NOOP CLEAR_DEATH_DONE(a6)");
	release(owner.handles[0]);
	expect_nothing(&holder);
}

static void check_refused(void)
{
	struct owner owner;
	open_one(&owner);
	// None of these has an effect, nor an error.
	request(99, 1);
	clear(99, 1);
	clear(owner.handles[0], 1);
	acknowledge(1);
	request(owner.handles[0], 0xb1);
	request(owner.handles[0], 0xb2);
	clear(owner.handles[0], 0xb2);
	expect_nothing(&holder);
	close_proc(&owner.proc);
	await_stream(&holder, "NOOP DEAD_BINDER(b1)");
	acknowledge(0xb2);
	clear(owner.handles[0], 0xb1);
	expect_nothing(&holder);
	acknowledge(0xb1);
	expect(&holder, "NOOP CLEAR_DEATH_DONE(b1)");
	release(owner.handles[0]);
	// The handle is gone.
	request(owner.handles[0], 0xb3);
	expect_nothing(&holder);
}

static void check_cancelled(void)
{
	struct owner owner;

	// Without a reference there is nobody to tell.
	open_owner(&owner, (uint64_t[]){ 1, 2 }, 2);
	request(owner.handles[0], 0xc1);
	request(owner.handles[1], 0xc2);
	release(owner.handles[0]);
	close_proc(&owner.proc);
	await_stream(&holder, "NOOP DEAD_BINDER(c2)");
	expect_nothing(&holder);
	acknowledge(0xc2);
	release(owner.handles[1]);
	expect_nothing(&holder);

	// Nor when it had been queued.
	open_one(&owner);
	close_proc(&owner.proc);
	await_dead(owner.handles[0]);
	request(owner.handles[0], 0xc3);
	release(owner.handles[0]);
	expect_nothing(&holder);

	// Told and let go before it is acknowledged.
	open_one(&owner);
	request(owner.handles[0], 0xc4);
	close_proc(&owner.proc);
	await_stream(&holder, "NOOP DEAD_BINDER(c4)");
	release(owner.handles[0]);
	acknowledge(0xc4);
	expect_nothing(&holder);

	// A weak reference is enough.
	open_one(&owner);
	bc_handle(&holder, BC_INCREFS, owner.handles[0]);
	release(owner.handles[0]);
	request(owner.handles[0], 0xc5);
	close_proc(&owner.proc);
	await_stream(&holder, "NOOP DEAD_BINDER(c5)");
	acknowledge(0xc5);
	bc_handle(&holder, BC_DECREFS, owner.handles[0]);
	submit(&holder);
	expect_nothing(&holder);
}

// What is not a death: a thread that leaves, a descriptor of several, a node that nobody holds.
static void check_alive(void)
{
	struct owner owner;
	int32_t unused = 0;
	open_one(&owner);
	request(owner.handles[0], 0xd1);
	CHECK_SYS(ioctl(owner.proc.fd, BINDER_THREAD_EXIT, &unused));
	int second = CHECK_SYS(fcntl(owner.proc.fd, F_DUPFD_CLOEXEC, 0));
	close_proc(&owner.proc);
	sleep_ms(50);
	expect_nothing(&holder);
	close(second);
	await_stream(&holder, "NOOP DEAD_BINDER(d1)");
	acknowledge(0xd1);
	release(owner.handles[0]);
}

static void check_order(void)
{
	struct owner owner;

	// Nodes die in the order of their pointers, whatever the order of the requests.
	open_owner(&owner, (uint64_t[]){ 0x30, 0x10, 0xfedcba9876543210, 0x20 }, 4);
	request(owner.handles[0], 0xe30);
	request(owner.handles[1], 0xe10);
	request(owner.handles[2], 0xeff);
	request(owner.handles[3], 0xe20);
	close_proc(&owner.proc);
	await_stream(&holder, "NOOP DEAD_BINDER(e10)");
	await_stream(&holder, "NOOP DEAD_BINDER(e20)");
	await_stream(&holder, "NOOP DEAD_BINDER(e30)");
	await_stream(&holder, "NOOP DEAD_BINDER(eff)");
	for (unsigned i = 0; i < 4; i++)
		release(owner.handles[i]);
	acknowledge(0xeff);
	acknowledge(0xe10);
	acknowledge(0xe30);
	acknowledge(0xe20);
	expect_nothing(&holder);

	// The same cookie twice: one acknowledgement each.
	open_owner(&owner, (uint64_t[]){ 1, 2 }, 2);
	request(owner.handles[0], 0xe0);
	request(owner.handles[1], 0xe0);
	close_proc(&owner.proc);
	await_stream(&holder, "NOOP DEAD_BINDER(e0)");
	await_stream(&holder, "NOOP DEAD_BINDER(e0)");
	clear(owner.handles[1], 0xe0);
	acknowledge(0xe0); // the first
	expect_nothing(&holder);
	acknowledge(0xe0); // the second
	expect(&holder, "NOOP CLEAR_DEATH_DONE(e0)");
	release(owner.handles[0]);
	release(owner.handles[1]);

	// The caller of a call that dies with its callee hears of the call first.
	open_one(&owner);
	request(owner.handles[0], 0xe1);
	bc_call(&holder, owner.handles[0], 1, 0, NULL);
	submit(&holder);
	expect(&owner.thread, "NOOP TRANSACTION");
	close_proc(&owner.proc);
	await_stream(&holder, "NOOP TC DEAD_REPLY");
	await_stream(&holder, "NOOP DEAD_BINDER(e1)");
	bc_call(&holder, owner.handles[0], 1, 0, NULL);
	exchange(&holder, "NOOP DEAD_REPLY");
	check_extended_error(&holder, BR_DEAD_REPLY, EINVAL);
	acknowledge(0xe1);

	// A handle to the dead can be passed on; its new holder is told as soon as it asks.
	struct owner other;
	open_one(&other);
	struct parcel parcel = { .size = 0 };
	put_handle(&parcel, BINDER_TYPE_HANDLE, owner.handles[0]);
	bc_call(&holder, other.handles[0], 1, TF_ONE_WAY, &parcel);
	exchange(&holder, "NOOP TC");
	expect(&other.thread, "NOOP TRANSACTION");
	uint32_t handle = object_of(receive(&other.thread), 0, BINDER_TYPE_HANDLE).handle;
	bc_death(&other.thread, BC_REQUEST_DEATH_NOTIFICATION, handle, 0xe2);
	exchange(&other.thread, "NOOP DEAD_BINDER(e2)");
	close_proc(&other.proc);
	release(owner.handles[0]);
	release(other.handles[0]);
	expect_nothing(&holder);

	// A thread that is no looper is told as well.
	struct proc proc;
	struct thread thread;
	open_proc(&proc, O_NONBLOCK, 4096);
	init_thread(&thread, &proc);
	bc_handle(&thread, BC_ACQUIRE, 0);
	bc_death(&thread, BC_REQUEST_DEATH_NOTIFICATION, 0, 0xe3);
	bc_death(&thread, BC_CLEAR_DEATH_NOTIFICATION, 0, 0xe3);
	bc(&thread, BC_ENTER_LOOPER);
	exchange(&thread, "NOOP CLEAR_DEATH_DONE(e3)");
	close_proc(&proc);
}

// ---- A hundred clients of one server

struct board {
	atomic_uint linked, told;
};

static struct board *board;

static void run_server(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	publish(&thread, 1, 0x5e, 0x5f, 0);
	serve(&thread);
}

static void run_client(void *argument)
{
	unsigned number = *(unsigned *)argument;
	struct proc proc;
	struct thread thread;
	struct event event;
	open_proc(&proc, 0, 64 * 1024);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 1);
	bc_death(&thread, BC_REQUEST_DEATH_NOTIFICATION, handle, 0xc0de00000000 + number);
	submit(&thread);
	atomic_fetch_add(&board->linked, 1);
	next_event(&thread, &event);
	CHECK_EQ(event.command, BR_DEAD_BINDER, "command");
	CHECK_EQ(event.cookie, 0xc0de00000000 + number, "cookie");
	bc_cookie(&thread, BC_DEAD_BINDER_DONE, event.cookie);
	bc_death(&thread, BC_CLEAR_DEATH_NOTIFICATION, handle, event.cookie);
	next_event(&thread, &event);
	CHECK_EQ(event.command, BR_CLEAR_DEATH_NOTIFICATION_DONE, "command");
	CHECK_EQ(event.cookie, 0xc0de00000000 + number, "cookie");
	CHECK_EQ(call(&thread, handle, 1, 0, NULL), BR_DEAD_REPLY, "a call of the dead");
	atomic_fetch_add(&board->told, 1);
}

static void run_one_and_stay(void *argument)
{
	run_client(argument);
	pause();
}

int main(int argc, char **argv)
{
	begin(argc, argv, "death", 90, "[--clients=100]");
	unsigned clients = option_amount("--clients", 100);
	CHECK(clients <= 200);
	board = share(sizeof(*board));
	pid_t manager = start_manager();
	open_proc(&holder_proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&holder, &holder_proc);
	check_states();
	check_refused();
	check_cancelled();
	check_alive();
	check_order();

	pid_t server = start_process("server", run_server, NULL), linked[clients];
	for (unsigned i = 0; i < clients; i++)
		linked[i] = start_process("client", i % 10 ? run_client : run_one_and_stay, &i);
	AWAIT(atomic_load(&board->linked) == clients);
	uint64_t start = now_ns();
	stop_process(server);
	AWAIT(atomic_load(&board->told) == clients);
	double ms = (double)(now_ns() - start) / 1e6;
	for (unsigned i = 0; i < clients; i++)
		if (i % 10)
			finish_process(linked[i]);
		else
			stop_process(linked[i]);

	// The manager's own death.
	bc_handle(&holder, BC_ACQUIRE, 0);
	bc_death(&holder, BC_REQUEST_DEATH_NOTIFICATION, 0, 0xf0);
	submit(&holder);
	stop_process(manager);
	await_stream(&holder, "NOOP DEAD_BINDER(f0)");
	bc_cookie(&holder, BC_DEAD_BINDER_DONE, 0xf0);
	bc_death(&holder, BC_CLEAR_DEATH_NOTIFICATION, 0, 0xf0);
	exchange(&holder, "NOOP CLEAR_DEATH_DONE(f0)");
	succeed("every state of a notification, its order, the manager's death; %u clients told of a killed server in %.0f ms", clients, ms);
	return 0;
}
