// SPDX-License-Identifier: Apache-2.0
//
// poll(), select() and epoll: a device is readable exactly when a read by the polling thread would find work. Then servers that live by
// polling and non-blocking reads, in each of the ways programs do it.

#include "client.h"

#include <sys/epoll.h>
#include <sys/select.h>

// ---- Step by step, in one process

static struct proc from, to;
static struct thread sender, receiver;
static uint32_t nodes[2], back; // handles: the receiver's nodes, the sender's node

static void open_pair(void)
{
	static unsigned name = 10;
	open_proc(&from, O_NONBLOCK, DEFAULT_MAPPING);
	open_proc(&to, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&sender, &from);
	enter_looper(&receiver, &to);
	publish(&receiver, name, 1, 1, 0);
	publish(&receiver, name + 1, 2, 2, 0);
	publish(&sender, name + 2, 3, 3, 0);
	nodes[0] = look_up(&sender, name);
	nodes[1] = look_up(&sender, name + 1);
	back = look_up(&receiver, name + 2);
	name += 3;
}

static void close_pair(void)
{
	close_proc(&from);
	close_proc(&to);
}

static void send_oneway(unsigned node)
{
	bc_call(&sender, nodes[node], 1, TF_ONE_WAY, NULL);
	exchange(&sender, "NOOP TC");
}

static int readable(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };
	int count = poll(&poller, 1, 0);
	if (count < 0)
		FAIL("poll: %s", strerror(errno));
	CHECK_EQ(count, poller.revents != 0, "number of ready descriptors");
	return poller.revents;
}

#define CHECK_READABLE(thread, expected) CHECK_EQ(PLACED(readable((thread)->proc->fd)), (expected) ? POLLIN : 0, "revents")

static void check_poll(void)
{
	// A thread's very first read returns at once, and poll says so; any ioctl uses that up.
	struct proc proc;
	struct thread thread;
	open_proc(&proc, O_NONBLOCK, 4096);
	init_thread(&thread, &proc);
	CHECK_READABLE(&thread, true);
	CHECK_READABLE(&thread, true);
	expect(&thread, "NOOP");
	CHECK_READABLE(&thread, false);
	expect_nothing(&thread);
	close_proc(&proc);

	open_pair();
	CHECK_READABLE(&receiver, false);
	send_oneway(0);
	CHECK_READABLE(&sender, false);
	CHECK_READABLE(&receiver, true);
	CHECK_READABLE(&receiver, true);
	expect(&receiver, "NOOP TRANSACTION");
	uint64_t buffer = receive(&receiver)->data.ptr.buffer;
	CHECK_READABLE(&receiver, false);
	// The second oneway of the node counts as work when the first is freed.
	send_oneway(0);
	CHECK_READABLE(&receiver, false);
	bc_free(&receiver, buffer);
	submit(&receiver);
	CHECK_READABLE(&receiver, true);
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);
	CHECK_READABLE(&receiver, false);

	// A call alone makes its caller readable neither at once nor when the callee reads it, only when the answer is there.
	bc_call(&sender, nodes[0], 1, 0, NULL);
	submit(&sender);
	CHECK_READABLE(&sender, false);
	expect_nothing(&sender);
	expect(&receiver, "NOOP TRANSACTION");
	buffer = receive(&receiver)->data.ptr.buffer;
	CHECK_READABLE(&sender, false);
	// In the middle of a call a thread gets no new calls: it is readable for its own work only.
	CHECK_READABLE(&receiver, false);
	bc_call(&sender, nodes[1], 3, TF_ONE_WAY, NULL);
	exchange(&sender, "NOOP TC TC");
	CHECK_READABLE(&receiver, false);
	expect_nothing(&receiver);
	// A nested call is the waiting thread's own work.
	bc_call(&receiver, back, 2, 0, NULL);
	submit(&receiver);
	CHECK_READABLE(&receiver, false);
	CHECK_READABLE(&sender, true);
	expect(&sender, "NOOP TRANSACTION");
	bc_free_received(&sender);
	bc_reply(&sender, NULL);
	submit(&sender);
	CHECK_READABLE(&sender, true); // the TC of its reply
	CHECK_READABLE(&receiver, true);
	expect(&sender, "NOOP TC");
	CHECK_READABLE(&sender, false);
	expect(&receiver, "NOOP TC REPLY");
	drop_received(&receiver);
	CHECK_READABLE(&receiver, false);
	bc_free(&receiver, buffer);
	bc_reply(&receiver, NULL);
	submit(&receiver);
	CHECK_READABLE(&receiver, true);
	CHECK_READABLE(&sender, true);
	expect(&receiver, "NOOP TC");
	CHECK_READABLE(&receiver, true); // idle again: the oneway
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);
	expect(&sender, "NOOP REPLY");
	drop_received(&sender);
	CHECK_READABLE(&sender, false);

	// select().
	fd_set set;
	FD_ZERO(&set);
	FD_SET(to.fd, &set);
	CHECK_EQ(select(to.fd + 1, &set, NULL, NULL, &(struct timeval){ 0 }), 0, "select of an idle device");
	send_oneway(1);
	FD_SET(to.fd, &set);
	CHECK_EQ(select(to.fd + 1, &set, NULL, NULL, NULL), 1, "select of a device with work");
	FD_SET(to.fd, &set);
	CHECK_EQ(select(to.fd + 1, NULL, NULL, &set, &(struct timeval){ 0 }), 0, "select for exceptions");
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);
	close_pair();
}

// Waits at most that long for an event of the one descriptor in the epoll set; the events, or 0.
static uint32_t wait_epoll_(int epoll, int ms)
{
	struct epoll_event event;
	int count = epoll_wait(epoll, &event, 1, ms);
	if (count < 0)
		FAIL("epoll_wait: %s", strerror(errno));
	return count ? event.events : 0;
}
#define wait_epoll(...) PLACED(wait_epoll_(__VA_ARGS__))

static int new_epoll(int fd, uint32_t events)
{
	int epoll = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event event = { .events = events, .data.fd = fd };
	CHECK_SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	return epoll;
}

// Nothing comes: a moment is enough, as what would come is there already.
#define NEVER 30

static void check_epoll(void)
{
	open_pair();
	int level = new_epoll(to.fd, EPOLLIN | EPOLLOUT);
	int edge = new_epoll(to.fd, EPOLLIN | EPOLLET);
	CHECK_EQ(wait_epoll(level, NEVER), 0, "events of an idle device");
	CHECK_EQ(wait_epoll(edge, NEVER), 0, "events of an idle device");
	send_oneway(0);
	CHECK_EQ(wait_epoll(level, -1), EPOLLIN, "events");
	CHECK_EQ(wait_epoll(level, -1), EPOLLIN, "events, again");
	CHECK_EQ(wait_epoll(edge, -1), EPOLLIN, "events");
	CHECK_EQ(wait_epoll(edge, NEVER), 0, "the same edge again");
	// New work is a new edge, though the old work was not read.
	send_oneway(1);
	CHECK_EQ(wait_epoll(edge, -1), EPOLLIN, "events");
	expect(&receiver, "NOOP TRANSACTION");
	uint64_t first = receive(&receiver)->data.ptr.buffer;
	CHECK_EQ(wait_epoll(level, -1), EPOLLIN, "events");
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);
	CHECK_EQ(wait_epoll(level, NEVER), 0, "events when all is read");
	// What the freed buffer releases is an edge as well.
	send_oneway(0);
	CHECK_EQ(wait_epoll(edge, NEVER), 0, "events of a oneway behind another");
	bc_free(&receiver, first);
	submit(&receiver);
	CHECK_EQ(wait_epoll(edge, -1), EPOLLIN, "events of a released oneway");
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);
	expect_nothing(&receiver);

	// Work that a thread queues to itself is an edge: an error, a oneway's TC.
	int own = new_epoll(from.fd, EPOLLIN | EPOLLET);
	CHECK_EQ(wait_epoll(own, NEVER), 0, "events of an idle device");
	bc_call(&sender, 77, 1, 0, NULL);
	submit(&sender);
	CHECK_EQ(wait_epoll(own, 2000), EPOLLIN, "events after a failed call");
	expect(&sender, "NOOP FAILED_REPLY");
	bc_call(&sender, nodes[0], 1, TF_ONE_WAY, NULL);
	submit(&sender);
	CHECK_EQ(wait_epoll(own, 2000), EPOLLIN, "events after a oneway");
	expect(&sender, "NOOP TC");
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);
	// A sync call is none, its reply is.
	bc_call(&sender, nodes[0], 1, 0, NULL);
	submit(&sender);
	CHECK_EQ(wait_epoll(own, NEVER), 0, "events after a call");
	expect(&receiver, "NOOP TRANSACTION");
	bc_free_received(&receiver);
	bc_reply(&receiver, NULL);
	exchange(&receiver, "NOOP TC");
	CHECK_EQ(wait_epoll(own, -1), EPOLLIN, "events after the reply");
	expect(&sender, "NOOP TC REPLY");
	drop_received(&sender);

	// One-shot: armed again by hand.
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };
	CHECK_SYS(epoll_ctl(level, EPOLL_CTL_MOD, to.fd, &event));
	send_oneway(0);
	CHECK_EQ(wait_epoll(level, -1), EPOLLIN, "events");
	CHECK_EQ(wait_epoll(level, NEVER), 0, "events after the one shot");
	CHECK_SYS(epoll_ctl(level, EPOLL_CTL_MOD, to.fd, &event));
	CHECK_EQ(wait_epoll(level, -1), EPOLLIN, "events");
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);

	// A thread that is polled may leave; it and its epoll sets go on.
	int32_t unused = 0;
	CHECK_SYS(ioctl(to.fd, BINDER_THREAD_EXIT, &unused));
	close(edge);
	CHECK_SYS(ioctl(to.fd, BINDER_THREAD_EXIT, &unused));
	close(level);
	enter_looper(&receiver, &to);
	level = new_epoll(to.fd, EPOLLIN);
	send_oneway(0);
	CHECK_EQ(wait_epoll(level, -1), EPOLLIN, "events after the thread came back");
	expect(&receiver, "NOOP TRANSACTION");
	drop_received(&receiver);
	// A device closed while it is watched leaves the set.
	close_pair();
	CHECK_EQ(wait_epoll(level, NEVER), 0, "events of a closed device");
	close(level);
	close(own);
}

// ---- Servers

enum server_kind { BY_POLL, BY_LEVEL, BY_EDGE, TWO_POLLERS, TWO_LEVEL, LEVEL_ADDED_ELSEWHERE, EDGE_ADDED_ELSEWHERE, POLL_AND_BLOCK, KINDS };

static const char *const kind_names[] = { "poll", "epoll level", "epoll edge", "two pollers", "two epoll threads", "epoll level, added elsewhere",
	"epoll edge, added elsewhere", "poll beside a blocking read" };

enum { CLIENTS = 3 };

static unsigned calls;
static atomic_uint *served;

// Reads until there is nothing more, as libgbinder does: BC_FREE_BUFFER and BC_REPLY each in an ioctl of its own.
static void drain(struct thread *thread)
{
	struct event event;
	for (;;) {
		int error = exchange_bytes(thread, sizeof(thread->in));
		if (error == EAGAIN)
			return;
		CHECK_ERRNO(error, 0, "reading");
		while (next_return(thread, &event)) {
			if (event.command != BR_TRANSACTION)
				continue;
			struct parcel reply = { .size = 0 };
			check_received_(thread, &event.transaction);
			put_bytes(&reply, data_of(&event.transaction), event.transaction.data_size);
			bool oneway = event.transaction.flags & TF_ONE_WAY;
			bc_free(thread, event.transaction.data.ptr.buffer);
			submit(thread);
			if (!oneway) {
				bc_reply(thread, &reply);
				submit(thread);
			}
			atomic_fetch_add(served, 1);
		}
	}
}

struct loop {
	struct proc *proc;
	int epoll; // or -1: poll
};

static void *run_loop(void *argument)
{
	struct loop *loop = argument;
	struct thread thread;
	enter_looper(&thread, loop->proc);
	for (;;) {
		if (loop->epoll < 0) {
			struct pollfd poller = { .fd = loop->proc->fd, .events = POLLIN };
			CHECK_EQ(poll(&poller, 1, -1), 1, "poll");
			CHECK_EQ(poller.revents, POLLIN, "revents");
		} else {
			CHECK_EQ(wait_epoll(loop->epoll, -1), EPOLLIN, "events");
		}
		drain(&thread);
	}
	return NULL;
}

static void echo(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	(void)thread;
	put_bytes(reply, data_of(request), request->data_size);
	atomic_fetch_add(served, 1);
}

static void *run_blocking(void *argument)
{
	struct thread thread;
	enter_looper(&thread, argument);
	serve(&thread);
	return NULL;
}

static void *run_poll_then_block(void *argument)
{
	struct thread thread;
	struct event event;
	enter_looper(&thread, argument);
	for (;;) {
		struct pollfd poller = { .fd = thread.proc->fd, .events = POLLIN };
		CHECK_EQ(poll(&poller, 1, -1), 1, "poll");
		next_event(&thread, &event);
		if (event.command == BR_TRANSACTION)
			dispatch(&thread, &event.transaction);
	}
	return NULL;
}

static void run_server(void *argument)
{
	enum server_kind kind = *(enum server_kind *)argument;
	struct proc proc;
	struct thread thread;
	open_proc(&proc, kind == POLL_AND_BLOCK ? 0 : O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	proc.handler = echo;
	publish(&thread, 100 + kind, 1, 1, 0);
	struct loop loop = { .proc = &proc, .epoll = -1 };
	switch (kind) {
	case TWO_POLLERS:
		start_thread(run_loop, &loop);
		/* fall through */
	case BY_POLL:
		run_loop(&loop);
		break;
	case TWO_LEVEL: {
		struct loop second = { .proc = &proc, .epoll = new_epoll(proc.fd, EPOLLIN) };
		start_thread(run_loop, &second);
		loop.epoll = new_epoll(proc.fd, EPOLLIN);
		run_loop(&loop);
		break;
	}
	case BY_LEVEL:
	case BY_EDGE:
		loop.epoll = new_epoll(proc.fd, EPOLLIN | (kind == BY_EDGE ? EPOLLET : 0));
		run_loop(&loop);
		break;
	case LEVEL_ADDED_ELSEWHERE:
	case EDGE_ADDED_ELSEWHERE:
		loop.epoll = new_epoll(proc.fd, EPOLLIN | (kind == EDGE_ADDED_ELSEWHERE ? EPOLLET : 0));
		pthread_join(start_thread(run_loop, &loop), NULL);
		break;
	case POLL_AND_BLOCK:
		start_thread(run_poll_then_block, &proc);
		run_blocking(&proc);
		break;
	default:
		FAIL("kind %d", kind);
	}
}

static void run_client(void *argument)
{
	enum server_kind kind = *(enum server_kind *)argument;
	struct proc proc;
	struct thread thread;
	// Some clients wait by poll, too.
	open_proc(&proc, kind % 2 ? O_NONBLOCK : 0, DEFAULT_MAPPING);
	enter_looper(&thread, &proc);
	uint32_t handle = look_up(&thread, 100 + kind);
	for (unsigned i = 0; i < calls; i++) {
		struct parcel parcel = { .size = 0 };
		put_u32(&parcel, i);
		put_u32(&parcel, getpid());
		if (i % 4 == 3) {
			must_send(&thread, handle, 1, &parcel);
			continue;
		}
		must_call(&thread, handle, 1, &parcel);
		CHECK_EQ(word_of(&thread.received, 0), i, "data of the reply");
		CHECK_EQ(word_of(&thread.received, 1), getpid(), "data of the reply");
		bc_free_received(&thread);
	}
	submit(&thread);
}

static void check_server(enum server_kind kind)
{
	pid_t clients[CLIENTS], server = start_process(kind_names[kind], run_server, &kind);
	atomic_store(served, 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = start_process("client", run_client, &kind);
	for (unsigned i = 0; i < CLIENTS; i++)
		finish_process(clients[i]);
	// The last oneways may still be on their way.
	AWAIT(atomic_load(served) == CLIENTS * calls);
	stop_process(server);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "poll", 120, "[--calls=200]");
	calls = option_amount("--calls", 200);
	served = share(sizeof(*served));
	pid_t manager = start_manager();
	check_poll();
	check_epoll();
	for (enum server_kind kind = 0; kind < KINDS; kind++)
		check_server(kind);
	stop_process(manager);
	succeed("readiness step by step, then %u calls and oneways by each of %d kinds of server", CLIENTS * calls, KINDS);
	return 0;
}
