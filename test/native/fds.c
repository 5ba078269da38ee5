// SPDX-License-Identifier: Apache-2.0
//
// Descriptors in calls and replies: of every kind, in arrays and by themselves, to readers that sleep and that do not, under storms of
// signals, of stops and of kills, to processes that have none left; and that none is left anywhere afterwards.

#include "descriptors.h"

#include <sys/epoll.h>
#include <sys/socket.h>

enum {
	KEEP_NOTHING = 1, // the server closes what it gets, and answers how many it got and their lowest number
	MAKE_PIPE,        // the reply has a pipe's read end, in which lies "reply"
	KEEP_ARRAY,       // the server keeps nothing, but frees the buffer and answers how many descriptors it has open then
	PROVE,            // writes "proof" to the first descriptor
	LEAVE,
};

static struct {
	atomic_uint reader;      // thread id of a server that is about to sleep
	atomic_bool stop;
	atomic_uint handled;     // signals
	atomic_uint interrupted; // reads that a signal ended
	atomic_uint hit;         // reads that brought a call although a signal came
} *board;

// ---- The server

static void handle(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	(void)thread;
	size_t count = objects_in(request);
	int ends[2];
	switch (request->code) {
	case KEEP_NOTHING: {
		unsigned lowest = ~0u;
		for (size_t i = 0; i < count; i++) {
			int fd = fd_of(request, i);
			CHECK_EQ(CHECK_SYS(fcntl(fd, F_GETFD)), FD_CLOEXEC, "descriptor flags");
			if ((unsigned)fd < lowest)
				lowest = (unsigned)fd;
			CHECK_SYS(close(fd));
		}
		put_u32(reply, (uint32_t)count);
		put_u32(reply, lowest);
		break;
	}
	case PROVE: {
		int fd = fd_of(request, 0);
		CHECK_EQ(CHECK_SYS(write(fd, "proof", 5)), 5, "write");
		CHECK_SYS(close(fd));
		put_u32(reply, count_fds());
		break;
	}
	case MAKE_PIPE:
		CHECK_SYS(pipe2(ends, O_CLOEXEC));
		CHECK_EQ(write(ends[1], "reply", 5), 5, "write");
		put_fd(reply, ends[0]);
		CHECK_SYS(close(ends[1]));
		// The driver takes the file when the reply is written; the test closes its number with the next call.
		thread->proc->context = (void *)(intptr_t)ends[0];
		break;
	case KEEP_ARRAY: {
		const struct binder_buffer_object *buffer = (const void *)((const uint8_t *)data_of(request) + 8);
		const uint32_t *fds = (const uint32_t *)(uintptr_t)buffer->buffer;
		unsigned open = 0;
		for (size_t i = 0; i < buffer->length / 4; i++)
			open += fcntl((int)fds[i], F_GETFD) == FD_CLOEXEC;
		unsigned before = count_fds();
		uint32_t first = fds[0];
		bc_free(thread, request->data.ptr.buffer);
		submit(thread);
		put_u32(reply, open);
		put_u32(reply, before - count_fds());
		put_u32(reply, fcntl((int)first, F_GETFD) < 0 ? 1 : 0);
		bc_reply(thread, reply);
		thread->reply_completes++;
		submit(thread);
		thread->answered = true;
		break;
	}
	case LEAVE:
		thread->stop = true;
		break;
	default:
		FAIL("a call with code %u", request->code);
	}
	if (request->code != MAKE_PIPE && thread->proc->context) {
		CHECK_SYS(close((int)(intptr_t)thread->proc->context));
		thread->proc->context = NULL;
	}
}

static void on_signal(int number)
{
	(void)number;
	atomic_fetch_add(&board->handled, 1);
}

static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	CHECK_SYS(sigaction(SIGUSR1, &action, NULL));
	CHECK_SYS(sigaction(SIGCONT, &action, NULL));
}

static void run_server(void *argument)
{
	struct proc proc;
	struct thread thread;
	catch_signals();
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle;
	enter_looper(&thread, &proc);
	publish(&thread, *(uint32_t *)argument, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	unsigned before = count_fds();
	atomic_store(&board->reader, thread_id());
	struct event event;
	while (!thread.stop) {
		unsigned handled = atomic_load(&board->handled);
		// A signal may end a read that has nothing to tell.
		int error = exchange_bytes(&thread, sizeof(thread.in));
		if (error == EINTR)
			atomic_fetch_add(&board->interrupted, 1);
		else
			CHECK_ERRNO(error, 0, "a server's read");
		bool hit = atomic_load(&board->handled) != handled;
		while (next_return(&thread, &event)) {
			if (event.command != BR_TRANSACTION)
				continue;
			atomic_fetch_add(&board->hit, hit);
			dispatch(&thread, &event.transaction);
		}
	}
	submit(&thread);
	CHECK_EQ(count_fds(), before, "descriptors that the server has open at its end");
	close_proc(&proc);
}

static pid_t start_server(uint32_t name)
{
	atomic_store(&board->reader, 0);
	pid_t pid = start_process("server", run_server, &name);
	AWAIT(atomic_load(&board->reader));
	return pid;
}

// ---- Kinds

static void check_kinds(struct thread *thread, uint32_t server)
{
	struct parcel parcel = { .size = 0 };
	int pipe_ends[2], sockets[2], memory = CHECK_SYS(memfd_create("fds", MFD_CLOEXEC)), null = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));
	CHECK_SYS(pipe2(pipe_ends, O_CLOEXEC));
	CHECK_SYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	int fds[] = { pipe_ends[0], pipe_ends[1], sockets[0], sockets[1], memory, null };
	for (size_t i = 0; i < COUNT(fds); i++)
		put_fd(&parcel, fds[i]);
	must_call(thread, server, KEEP_NOTHING, &parcel);
	CHECK_EQ(word_of(&thread->received, 0), COUNT(fds), "descriptors received");
	bc_free_received(thread);

	// Position and flags are those of one open file: what the receiver writes moves ours.
	CHECK_EQ(CHECK_SYS(pwrite(memory, "........", 8, 0)), 8, "pwrite");
	CHECK_SYS(lseek(memory, 2, SEEK_SET));
	parcel.size = parcel.count = 0;
	put_fd(&parcel, memory);
	must_call(thread, server, PROVE, &parcel);
	unsigned in_server = word_of(&thread->received, 0);
	bc_free_received(thread);
	CHECK_EQ(lseek(memory, 0, SEEK_CUR), 7, "position after the receiver wrote");
	char text[8];
	CHECK_EQ(CHECK_SYS(pread(memory, text, 8, 0)), 8, "pread");
	CHECK(memcmp(text, "..proof.", 8) == 0, "got %.8s", text);

	// To the other side of a socket and of a pipe; and nothing piles up.
	for (unsigned i = 0; i < 20; i++) {
		int to = i % 2 ? sockets[0] : pipe_ends[1], from = i % 2 ? sockets[1] : pipe_ends[0];
		parcel.size = parcel.count = 0;
		put_fd(&parcel, to);
		must_call(thread, server, PROVE, &parcel);
		CHECK_EQ(word_of(&thread->received, 0), in_server, "descriptors that the server has open");
		bc_free_received(thread);
		CHECK_EQ(CHECK_SYS(read(from, text, 8)), 5, "read");
	}
	// The end of a pipe is seen: nobody keeps the other end.
	CHECK_SYS(close(pipe_ends[1]));
	CHECK_EQ(CHECK_SYS(read(pipe_ends[0], text, 8)), 0, "read at the end");
	// A closed descriptor, and one that can do nothing (O_PATH).
	int nothing = CHECK_SYS(open("/", O_PATH | O_CLOEXEC));
	const int refused[] = { pipe_ends[1], nothing, -1 };
	for (size_t i = 0; i < COUNT(refused); i++) {
		parcel.size = parcel.count = 0;
		put_fd(&parcel, memory);
		put_fd(&parcel, refused[i]);
		CHECK_EQ(call(thread, server, KEEP_NOTHING, 0, &parcel), BR_FAILED_REPLY, "outcome");
		check_extended_error(thread, BR_FAILED_REPLY, EBADF);
	}
	CHECK_SYS(close(nothing));
	// As many as one parcel takes here.
	parcel.size = parcel.count = 0;
	while (parcel.count < 128)
		put_fd(&parcel, memory);
	must_call(thread, server, KEEP_NOTHING, &parcel);
	CHECK_EQ(word_of(&thread->received, 0), 128, "descriptors received");
	bc_free_received(thread);
	CHECK_SYS(close(pipe_ends[0]));
	CHECK_SYS(close(sockets[0]));
	CHECK_SYS(close(sockets[1]));
	CHECK_SYS(close(memory));
	CHECK_SYS(close(null));
}

static void check_reply(struct thread *thread, uint32_t server)
{
	char text[8];
	CHECK_EQ(call(thread, server, MAKE_PIPE, TF_ACCEPT_FDS, NULL), BR_REPLY, "outcome");
	int fd = fd_of(&thread->received, 0);
	CHECK_EQ(CHECK_SYS(fcntl(fd, F_GETFD)), FD_CLOEXEC, "descriptor flags");
	CHECK_EQ(CHECK_SYS(read(fd, text, 8)), 5, "read");
	CHECK_EQ(CHECK_SYS(read(fd, text, 8)), 0, "read at the end");
	CHECK_SYS(close(fd));
	bc_free_received(thread);
	// Not asked for.
	must_send(thread, server, KEEP_NOTHING, NULL);
	CHECK_EQ(call(thread, server, MAKE_PIPE, 0, NULL), BR_FAILED_REPLY, "outcome");
	must_send(thread, server, KEEP_NOTHING, NULL);
}

// Arrays of descriptors: those that came in an array are closed with the buffer.
static void check_arrays(struct thread *thread, uint32_t server)
{
	enum { FDS = 5 };
	uint32_t fds[FDS + FDS % 2] = { 0 };
	for (unsigned i = 0; i < FDS; i++)
		fds[i] = (uint32_t)CHECK_SYS(memfd_create("array", MFD_CLOEXEC));
	struct parcel parcel = { .size = 0 };
	struct binder_buffer_object buffer = { .hdr.type = BINDER_TYPE_PTR, .buffer = (uintptr_t)fds, .length = FDS * 4 };
	struct binder_fd_array_object array = { .hdr.type = BINDER_TYPE_FDA, .num_fds = FDS };
	// No object at the very start can be a parent.
	put_u64(&parcel, 0);
	put_object(&parcel, &buffer, sizeof(buffer));
	put_object(&parcel, &array, sizeof(array));
	for (unsigned round = 0; round < 20; round++) {
		struct binder_transaction_data_sg call = {
			.transaction_data = { .target.handle = server,
				.code = KEEP_ARRAY,
				.data_size = parcel.size,
				.offsets_size = parcel.count * sizeof(binder_size_t),
				.data.ptr = { .buffer = (uintptr_t)parcel.data, .offsets = (uintptr_t)parcel.offsets } },
			.buffers_size = ALIGN8(FDS * 4),
		};
		struct event event;
		bc(thread, BC_TRANSACTION_SG);
		put_out(thread, &call, sizeof(call));
		next_event(thread, &event);
		CHECK_EQ(event.command, BR_TRANSACTION_COMPLETE, "first");
		next_event(thread, &event);
		CHECK_EQ(event.command, BR_REPLY, "second");
		thread->received = event.transaction;
		CHECK_EQ(word_of(&thread->received, 0), FDS, "descriptors in the array");
		CHECK_EQ(word_of(&thread->received, 1), FDS, "descriptors closed with the buffer");
		CHECK_EQ(word_of(&thread->received, 2), 1, "whether the first is closed");
		bc_free_received(thread);
	}
	for (unsigned i = 0; i < FDS; i++)
		CHECK_SYS(close((int)fds[i]));
}

// ---- Readers

// A reader that polls, and that finds the call already there.
static void check_pollers(struct thread *thread)
{
	struct proc proc;
	struct thread reader;
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&reader, &proc);
	publish(&reader, 20, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	uint32_t handle = look_up(thread, 20);
	int memory = CHECK_SYS(memfd_create("poll", MFD_CLOEXEC)), waiter = CHECK_SYS(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event interest = { .events = EPOLLIN };
	CHECK_SYS(epoll_ctl(waiter, EPOLL_CTL_ADD, proc.fd, &interest));
	struct parcel parcel = { .size = 0 };
	put_fd(&parcel, memory);
	unsigned before = count_fds();
	for (unsigned i = 0; i < 20; i++) {
		must_send(thread, handle, 1, &parcel);
		struct epoll_event event;
		CHECK_EQ(CHECK_SYS(epoll_wait(waiter, &event, 1, -1)), 1, "epoll_wait");
		expect(&reader, "NOOP TRANSACTION");
		int fd = fd_of(receive(&reader), 0);
		CHECK_EQ(count_fds(), before + 1, "descriptors with the one received");
		CHECK_SYS(close(fd));
		drop_received(&reader);
	}
	// Several get the lowest free numbers, in order: here with holes before and behind what is in use.
	int numbers[8];
	for (unsigned i = 0; i < COUNT(numbers); i++)
		numbers[i] = CHECK_SYS(dup(memory));
	CHECK_SYS(close(numbers[1]));
	CHECK_SYS(close(numbers[4]));
	CHECK_SYS(close(numbers[5]));
	const int lowest[] = { numbers[1], numbers[4], numbers[5], numbers[7] + 1 };
	for (unsigned count = 1; count <= COUNT(lowest); count++) {
		parcel.size = parcel.count = 0;
		while (parcel.count < count)
			put_fd(&parcel, memory);
		must_send(thread, handle, 1, &parcel);
		expect(&reader, "NOOP TRANSACTION");
		for (unsigned i = 0; i < count; i++) {
			CHECK_EQ(fd_of(receive(&reader), i), lowest[i], "the number of a descriptor");
			CHECK_EQ(CHECK_SYS(fcntl(lowest[i], F_GETFD)), FD_CLOEXEC, "descriptor flags");
			CHECK_SYS(close(lowest[i]));
		}
		drop_received(&reader);
	}
	for (unsigned i = 0; i < COUNT(numbers); i++)
		if (i != 1 && i != 4 && i != 5)
			CHECK_SYS(close(numbers[i]));
	CHECK_SYS(close(memory));
	CHECK_SYS(close(waiter));
	close_proc(&proc);
}

// No descriptors left: the call fails for its sender, and the reader does not notice.
static void check_full(struct thread *thread)
{
	struct proc proc;
	struct thread reader;
	open_proc(&proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&reader, &proc);
	publish(&reader, 21, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	uint32_t handle = look_up(thread, 21);
	struct parcel parcel = { .size = 0 };
	int memory = CHECK_SYS(memfd_create("full", MFD_CLOEXEC));
	put_fd(&parcel, memory);
	put_fd(&parcel, memory);
	for (unsigned room = 0; room < 2; room++)
		call_with_room(thread, handle, &parcel, &reader, room, false);
	CHECK_SYS(close(memory));
	close_proc(&proc);
}

// ---- Storms

struct storm {
	pid_t server;
	bool stops; // by SIGSTOP and SIGCONT, or by SIGUSR1
};

static void spin_ns(uint64_t ns)
{
	for (uint64_t end = now_ns() + ns; now_ns() < end;)
		;
}

static void *run_storm(void *argument)
{
	const struct storm *storm = argument;
	uint64_t random = 1;
	while (!atomic_load(&board->stop)) {
		if (storm->stops) {
			kill(storm->server, SIGSTOP);
			spin_ns(next_random(&random) % 100000);
			kill(storm->server, SIGCONT);
			// The thread needs some time to get on at all.
			usleep(next_random(&random) % 2000);
		} else {
			// In gusts: where signals never cease, the thread is hit in its deliveries and hardly ever comes to wait in a read.
			for (uint64_t gust = next_random(&random) % 64; gust > 0; gust--)
				kill(storm->server, SIGUSR1);
			usleep(next_random(&random) % 500);
		}
	}
	return NULL;
}

// Every call arrives, whatever signals come meanwhile. Rounds go on until a tenth of the calls were hit in their delivery, and reads were
// interrupted, by handlers as often, lest the storm has passed by.
static unsigned check_storm(struct thread *thread, unsigned rounds, bool stops)
{
	struct storm storm = { .server = start_server(22), .stops = stops };
	uint32_t server = look_up(thread, 22);
	int ends[2];
	char text[8];
	CHECK_SYS(pipe2(ends, O_CLOEXEC));
	struct parcel parcel = { .size = 0 };
	put_fd(&parcel, ends[1]);
	atomic_store(&board->stop, false);
	atomic_store(&board->hit, 0);
	atomic_store(&board->interrupted, 0);
	pthread_t storm_thread = start_thread(run_storm, &storm);
	unsigned count = 0, least = stops ? rounds / 100 : rounds / 10;
	for (; count < rounds || atomic_load(&board->hit) < rounds / 10 || atomic_load(&board->interrupted) < least; count++) {
		must_call(thread, server, PROVE, &parcel);
		bc_free_received(thread);
		CHECK_EQ(CHECK_SYS(read(ends[0], text, 8)), 5, "read");
	}
	atomic_store(&board->stop, true);
	pthread_join(storm_thread, NULL);
	printf("%u calls among %s: %u deliveries hit, %u reads interrupted\n", count, stops ? "stops" : "signals", atomic_load(&board->hit),
		atomic_load(&board->interrupted));
	call(thread, server, LEAVE, 0, NULL);
	bc_free_received(thread);
	submit(thread);
	finish_process(storm.server);
	forget(thread, 22);
	bc_handle(thread, BC_RELEASE, server);
	submit(thread);
	CHECK_SYS(close(ends[0]));
	CHECK_SYS(close(ends[1]));
	return count;
}

static void __attribute__((noreturn)) sleep_on(struct proc *proc)
{
	struct thread thread;
	init_thread(&thread, proc);
	bc(&thread, BC_ENTER_LOOPER);
	for (struct event event;;) {
		if (exchange_bytes(&thread, sizeof(thread.in)) != 0)
			sleep_short();
		while (next_return(&thread, &event))
			if (event.command == BR_TRANSACTION)
				bc_free(&thread, event.transaction.data.ptr.buffer);
	}
}

static void *run_sleeping(void *argument)
{
	sleep_on(argument);
}

// Dies at any moment, by a kill or by its own execve.
static void run_victim(void *argument)
{
	static struct proc proc;
	struct thread thread;
	bool execs = *(bool *)argument;
	open_proc(&proc, O_CLOEXEC, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	publish(&thread, 23, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	for (unsigned i = 0; i < 2; i++)
		start_thread(run_sleeping, &proc);
	atomic_store(&board->reader, thread_id());
	if (!execs)
		sleep_on(&proc);
	while (!atomic_load(&board->stop))
		sched_yield();
	execl("/bin/true", "true", NULL);
	FAIL("execl: %s", strerror(errno));
}

// Whether somebody traces one of its threads just now: descriptors are being installed.
static bool is_traced(pid_t pid)
{
	char path[64], status[2048];
	struct dirent *entry;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *directory = opendir(path);
	bool traced = false;
	while (directory && !traced && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid, entry->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t size = fd < 0 ? 0 : read(fd, status, sizeof(status) - 1);
		if (fd >= 0)
			close(fd);
		if (size <= 0)
			continue;
		status[size] = 0;
		const char *tracer = strstr(status, "TracerPid:");
		traced = tracer && atoi(tracer + 10) != 0;
	}
	if (directory)
		closedir(directory);
	return traced;
}

// Receivers die, or are replaced by another program, at any moment: in half of the rounds when they are found being traced. A tenth of
// them must be hit so, where descriptors are installed by tracing.
static unsigned check_kills(struct thread *thread, unsigned rounds)
{
	uint64_t random = 1;
	int memory = CHECK_SYS(memfd_create("kill", MFD_CLOEXEC));
	struct parcel parcel = { .size = 0 };
	put_fd(&parcel, memory);
	unsigned count = 0, hit = 0, hit_exec = 0;
	for (; count < rounds || (!settings.kernel && (hit < rounds / 10 || hit_exec < rounds / 40)); count++) {
		bool execs = count % 4 == 0;
		atomic_store(&board->reader, 0);
		atomic_store(&board->stop, false);
		pid_t victim = start_process("victim", run_victim, &execs);
		AWAIT(atomic_load(&board->reader));
		uint32_t handle = look_up(thread, 23);
		unsigned before = (unsigned)(next_random(&random) % 4), after = (unsigned)(next_random(&random) % 300);
		bool looks = count % 8 < 4;
		for (unsigned k = 0; k < 4; k++) {
			bc_call(thread, handle, 1, TF_ONE_WAY, &parcel);
			submit(thread);
			if (k == before) {
				bool traced = false;
				for (unsigned look = 0; looks && !traced && look < 20; look++)
					traced = is_traced(victim);
				hit += traced && !execs;
				hit_exec += traced && execs;
				spin_ns(after * (traced ? 300 : 1000));
				if (execs)
					atomic_store(&board->stop, true);
				else
					kill(victim, SIGKILL);
			}
			// Accepted, or the receiver was dead.
			struct event event;
			next_event(thread, &event);
			CHECK(event.command == BR_TRANSACTION_COMPLETE || event.command == BR_DEAD_REPLY, "got %s", return_name(event.command));
		}
		int status = reap_process(victim);
		CHECK(execs ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status), "wait status 0x%x", status);
		bc_handle(thread, BC_RELEASE, handle);
		submit(thread);
		forget(thread, 23);
	}
	CHECK_SYS(close(memory));
	printf("%u receivers killed or in execve: %u and %u while descriptors were installed\n", count, hit, hit_exec);
	return count;
}

int main(int argc, char **argv)
{
	begin(argc, argv, "fds", 240, "[--rounds=500]");
	board = share(sizeof(*board));
	unsigned rounds = option_amount("--rounds", 500);
	pid_t manager = start_manager(), pid = start_server(1);
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	uint32_t server = look_up(&thread, 1);
	unsigned before = count_fds();
	check_kinds(&thread, server);
	check_reply(&thread, server);
	check_arrays(&thread, server);
	check_pollers(&thread);
	check_full(&thread);
	unsigned signals = check_storm(&thread, rounds, false), stops = check_storm(&thread, rounds, true);
	unsigned kills = check_kills(&thread, rounds);
	call(&thread, server, LEAVE, 0, NULL);
	bc_free_received(&thread);
	submit(&thread);
	finish_process(pid);
	CHECK_EQ(count_fds(), before, "descriptors at the end");
	close_proc(&proc);
	stop_process(manager);
	succeed("all kinds, readers of all kinds, full tables; %u calls among signals, %u among stops; %u receivers killed or in execve",
		signals, stops, kills);
	return 0;
}
