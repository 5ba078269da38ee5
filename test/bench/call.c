// SPDX-License-Identifier: Apache-2.0
//
// A synchronous call from one C process to another through a Binder device, with as many bytes back as there. One line of JSON.
//
//     call DEVICE [--form=3ioctl] [--size=256] [--fds=0] [--calls=20000] [--warmup=2000] [--cpu=N] [--daemon=PID]
//
// The client always calls and waits in one ioctl, which also gives the last reply's buffer back. The forms are the server's:
//
//   2ioctl  frees the request, replies and waits for the next call in one ioctl. A driver that returns BR_TRANSACTION_COMPLETE for the
//           reply at once, as the kernel's does, makes it a second ioctl all the same: see ioctls_per_call.
//   3ioctl  libbinder's: BC_REPLY in an ioctl that returns BR_TRANSACTION_COMPLETE, BC_FREE_BUFFER with the next one, which waits.
//   poll    libgbinder's: poll(), a read that does not wait, BC_FREE_BUFFER and BC_REPLY in an ioctl each.
//
// With --fds each call, but no reply, carries so many descriptors, which the server closes.
//
// The server is the context manager, so no other may run on the device. --cpu pins client and server; the device's own process, if it has
// one, is pinned from outside; --daemon names it, so that its context switches are counted too.

#include "bench.h"

enum { CALL = 1, MARK };

enum form { TWO_IOCTLS, THREE_IOCTLS, BY_POLL };

struct board {
	atomic_bool ready;
	struct switches server; // at the last MARK
	unsigned long ioctls;   // likewise
};

static struct board *board;
static enum form form;
static size_t size;
static unsigned fds;
static binder_size_t offsets[16]; // of the descriptors in a call, as many
static unsigned long ioctls; // of this process

static void transfer(struct thread *thread, size_t read_size)
{
	ioctls++;
	int error = exchange_bytes(thread, read_size);
	if (error && error != EAGAIN)
		FAIL("BINDER_WRITE_READ: %s", error_name(error));
}

// Waits for a call in the server's way.
static void await_call(struct thread *thread, struct event *event)
{
	for (;;) {
		while (!next_return(thread, event)) {
			if (form == BY_POLL) {
				struct pollfd poller = { .fd = thread->proc->fd, .events = POLLIN };
				CHECK_EQ(poll(&poller, 1, -1), 1, "poll");
			}
			transfer(thread, 256);
		}
		if (event->command == BR_TRANSACTION)
			return;
		CHECK(event->command == BR_NOOP || event->command == BR_TRANSACTION_COMPLETE, "got %s", return_name(event->command));
	}
}

static void run_server(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	struct event event;
	uint8_t *bytes = calloc(1, size);
	open_proc(&proc, form == BY_POLL ? O_NONBLOCK : 0, DEFAULT_MAPPING);
	struct flat_binder_object manager = { .hdr.type = BINDER_TYPE_BINDER, .flags = FLAT_BINDER_FLAG_ACCEPTS_FDS };
	CHECK_SYS(ioctl(proc.fd, BINDER_SET_CONTEXT_MGR_EXT, &manager));
	enter_looper(&thread, &proc);
	atomic_store(&board->ready, true);
	for (;;) {
		await_call(&thread, &event);
		const struct binder_transaction_data *request = &event.transaction;
		memcpy(bytes, data_of(request), 8);
		for (unsigned i = 0; i < fds; i++)
			close((int)((const struct binder_fd_object *)((const uint8_t *)data_of(request) + offsets[i]))->fd);
		if (request->code == MARK) {
			board->server = switches_now();
			board->ioctls = ioctls;
		}
		if (form == THREE_IOCTLS) {
			bc_data(&thread, BC_REPLY, 0, 0, 0, bytes, size, NULL, 0);
			transfer(&thread, 256);
			bc_free(&thread, request->data.ptr.buffer);
			continue;
		}
		bc_free(&thread, request->data.ptr.buffer);
		if (form == BY_POLL)
			transfer(&thread, 0);
		bc_data(&thread, BC_REPLY, 0, 0, 0, bytes, size, NULL, 0);
		if (form == BY_POLL)
			transfer(&thread, 0);
	}
}

static void call_once(struct thread *thread, uint32_t code, uint8_t *bytes, uint64_t number)
{
	struct event event;
	memcpy(bytes, &number, 8);
	bc_data(thread, BC_TRANSACTION, 0, code, 0, bytes, size, offsets, fds);
	for (;;) {
		while (!next_return(thread, &event))
			transfer(thread, 256);
		if (event.command == BR_REPLY)
			break;
		CHECK(event.command == BR_NOOP || event.command == BR_TRANSACTION_COMPLETE, "got %s", return_name(event.command));
	}
	CHECK_EQ(event.transaction.data_size, size, "size of the reply");
	CHECK(memcmp(data_of(&event.transaction), &number, 8) == 0, "another call's reply");
	bc_free(thread, event.transaction.data.ptr.buffer);
}

static void print_switches(const char *who, struct switches switches, unsigned calls)
{
	printf(",\"%s_voluntary_switches_per_call\":%.3f,\"%s_involuntary_switches_per_call\":%.3f", who,
		(double)switches.voluntary / calls, who, (double)switches.involuntary / calls);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "call", 600, "[--form=2ioctl|3ioctl|poll] [--size=256] [--fds=0] [--calls=20000] [--warmup=2000] [--cpu=N] [--daemon=PID]");
	unsigned calls = option_number("--calls", 20000), warmup = option_number("--warmup", 2000);
	const char *name = option_text("--form") ? option_text("--form") : "3ioctl";
	form = strcmp(name, "2ioctl") == 0 ? TWO_IOCTLS : strcmp(name, "poll") == 0 ? BY_POLL : THREE_IOCTLS;
	CHECK(form != THREE_IOCTLS || strcmp(name, "3ioctl") == 0, "form %s", name);
	size = option_number("--size", 256);
	CHECK(size >= 8 && size <= DEFAULT_MAPPING / 4, "size %zu", size);
	fds = option_number("--fds", 0);
	CHECK(fds <= COUNT(offsets) && size >= 8 + fds * sizeof(struct binder_fd_object), "%u descriptors in %zu bytes", fds, size);
	for (unsigned i = 0; i < fds; i++)
		offsets[i] = 8 + i * sizeof(struct binder_fd_object);
	CHECK(calls > 0);
	bool pinned = pin_by_option();

	board = share(sizeof(*board));
	pid_t server = start_process("server", run_server, NULL);
	AWAIT(atomic_load(&board->ready));
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	CHECK_ERRNO(version_error(proc.fd), 0, "BINDER_VERSION");

	uint8_t *bytes = calloc(1, size);
	uint64_t *ns = calloc(calls, sizeof(*ns));
	struct binder_fd_object object = { .hdr.type = BINDER_TYPE_FD, .fd = (uint32_t)CHECK_SYS(memfd_create("sent", MFD_CLOEXEC)) };
	for (unsigned i = 0; i < fds; i++)
		memcpy(bytes + offsets[i], &object, sizeof(object));
	for (unsigned i = 0; i < warmup; i++)
		call_once(&thread, CALL, bytes, i);
	call_once(&thread, MARK, bytes, 0);
	pid_t daemon = (pid_t)option_number("--daemon", 0);
	struct switches client_before = switches_now(), server_before = board->server;
	struct switches daemon_before = daemon ? switches_of(daemon) : (struct switches){ 0, 0 };
	unsigned long ioctls_before = ioctls + board->ioctls;
	uint64_t start = now_ns();
	for (unsigned i = 0; i < calls; i++) {
		uint64_t at = now_ns();
		call_once(&thread, CALL, bytes, i);
		ns[i] = now_ns() - at;
	}
	uint64_t total = now_ns() - start;
	struct switches client_switches = switches_since(client_before, switches_now());
	struct switches daemon_switches = daemon ? switches_since(daemon_before, switches_of(daemon)) : daemon_before;
	unsigned long own_ioctls = ioctls;
	call_once(&thread, MARK, bytes, 0);
	struct switches server_switches = switches_since(server_before, board->server);
	struct times times = sum_up(ns, calls, total);
	printf("{\"bench\":\"call\",\"form\":\"%s\",\"size\":%zu,\"fds\":%u,\"pinned\":%s,\"calls\":%u,\"p50_us\":%.2f,\"p99_us\":%.2f,"
	       "\"calls_per_second\":%.0f,\"ioctls_per_call\":%.2f",
		name, size, fds, pinned ? "true" : "false", calls, times.p50_us, times.p99_us, times.per_second,
		(double)(own_ioctls + board->ioctls - ioctls_before) / calls);
	print_switches("client", client_switches, calls);
	print_switches("server", server_switches, calls);
	if (daemon)
		print_switches("daemon", daemon_switches, calls);
	printf("}\n");
	stop_process(server);
	return 0;
}
