// SPDX-License-Identifier: Apache-2.0
//
// The context manager: becoming it, being the only one, dying and being followed by another; what handle 0 means meanwhile; security
// contexts of its callers; and the two ioctls that tell of nodes.
//
// A kernel without a security module fails calls to a node that asks for contexts; with --kernel that is accepted.

#include "client.h"

enum { HELLO = 1, INFO };

// A manager process and what it tells of the last call.
struct board {
	atomic_bool ready;
	_Atomic uint64_t ptr, cookie;
	atomic_uint calls;
	bool with_context;
	char context[256];
};

static struct board *board;

struct plan {
	bool extended;
	struct flat_binder_object object;
};

static int set_manager(int fd)
{
	int32_t unused = 0;
	return ioctl(fd, BINDER_SET_CONTEXT_MGR, &unused) < 0 ? errno : 0;
}

static int set_manager_ext(int fd, const struct flat_binder_object *object)
{
	return ioctl(fd, BINDER_SET_CONTEXT_MGR_EXT, object) < 0 ? errno : 0;
}

static int node_info(int fd, struct binder_node_info_for_ref *info)
{
	return ioctl(fd, BINDER_GET_NODE_INFO_FOR_REF, info) < 0 ? errno : 0;
}

// What the manager's process does by itself before it serves.
static void check_own_handle(struct thread *thread)
{
	// It cannot hold a reference to itself.
	const uint32_t refused[] = { BC_INCREFS, BC_ACQUIRE };
	for (unsigned i = 0; i < COUNT(refused); i++) {
		bc(thread, BC_ENTER_LOOPER);
		bc_handle(thread, refused[i], 0);
		bc(thread, BC_ENTER_LOOPER);
		CHECK_ERRNO(exchange_bytes(thread, 0), EINVAL, "the manager's reference to itself");
		CHECK_EQ(thread->wrote, 4, "write_consumed");
		thread->out_size = 0;
	}
	bc_handle(thread, BC_RELEASE, 0);
	bc_handle(thread, BC_DECREFS, 0);
	submit(thread);
	// Once a manager, not again.
	CHECK_ERRNO(set_manager(thread->proc->fd), EBUSY, "BINDER_SET_CONTEXT_MGR by the manager");
	// Its node is not among those that can be asked for if its pointer is 0.
	struct binder_node_debug_info info = { .ptr = 0 };
	CHECK_SYS(ioctl(thread->proc->fd, BINDER_GET_NODE_DEBUG_INFO, &info));
	if (info.ptr) {
		CHECK_EQ(info.has_strong_ref, 1, "has_strong_ref of the manager's node");
		CHECK_EQ(info.has_weak_ref, 1, "has_weak_ref of the manager's node");
	}
}

// Tells what the manager sees of the node behind a received handle.
static void answer_info(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	int fd = thread->proc->fd;
	struct binder_node_info_for_ref info = { .handle = object_of(request, 0, BINDER_TYPE_HANDLE).handle };
	CHECK_ERRNO(node_info(fd, &info), 0, "BINDER_GET_NODE_INFO_FOR_REF");
	CHECK_EQ(info.reserved1 | info.reserved2 | info.reserved3, 0, "reserved fields");
	put_u32(reply, info.strong_count);
	put_u32(reply, info.weak_count);

	struct binder_node_info_for_ref wrong = { .handle = 1000 };
	CHECK_ERRNO(node_info(fd, &wrong), EINVAL, "information of an unknown handle");
	for (unsigned i = 1; i < 6; i++) {
		uint32_t words[6] = { info.handle };
		words[i] = 1;
		CHECK_ERRNO(node_info(fd, (struct binder_node_info_for_ref *)words), EINVAL, "information with a field that is not 0");
	}
}

static void run_manager_of(void *argument)
{
	const struct plan *plan = argument;
	struct proc proc;
	struct thread thread;
	struct event event;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	if (plan->extended) {
		int error;
		for (unsigned tries = 0; (error = set_manager_ext(proc.fd, &plan->object)) == EBUSY && tries < 2000; tries++)
			sleep_ms(2);
		CHECK_ERRNO(error, 0, "BINDER_SET_CONTEXT_MGR_EXT");
	} else {
		become_manager(&proc);
	}
	enter_looper(&thread, &proc);
	check_own_handle(&thread);
	atomic_store(&board->ready, true);
	for (;;) {
		next_event(&thread, &event);
		const struct binder_transaction_data *request = &event.transaction;
		struct parcel reply = { .size = 0 };
		CHECK(event.command == BR_TRANSACTION || event.command == BR_TRANSACTION_SEC_CTX, "got %s", return_name(event.command));
		board->with_context = event.command == BR_TRANSACTION_SEC_CTX;
		if (board->with_context) {
			// The text lies in the same buffer, behind everything else.
			uint64_t context = event.with_context.secctx, end = (uintptr_t)proc.mapping + proc.mapping_size;
			uint64_t lowest = request->data.ptr.buffer + ALIGN8(request->data_size) + ALIGN8(request->offsets_size);
			CHECK(context >= lowest && context < end, "context at %llx, data at %llx", (long long)context,
				(long long)request->data.ptr.buffer);
			CHECK_EQ(context % 8, 0, "alignment of the context");
			size_t length = strnlen((const char *)(uintptr_t)context, end - context);
			CHECK(length < end - context, "the context does not end");
			snprintf(board->context, sizeof(board->context), "%s", (const char *)(uintptr_t)context);
		}
		atomic_store(&board->ptr, request->target.ptr);
		atomic_store(&board->cookie, request->cookie);
		if (request->code == INFO)
			answer_info(&thread, request, &reply);
		else
			put_bytes(&reply, data_of(request), request->data_size);
		bool oneway = request->flags & TF_ONE_WAY;
		bc_free(&thread, request->data.ptr.buffer);
		if (!oneway) {
			bc_reply(&thread, &reply);
			thread.reply_completes++;
		}
		submit(&thread);
		atomic_fetch_add(&board->calls, 1);
	}
}

static pid_t start_plan(struct plan plan)
{
	atomic_store(&board->ready, false);
	pid_t pid = start_process("manager", run_manager_of, &plan);
	AWAIT(atomic_load(&board->ready));
	return pid;
}

static void open_client(struct proc *proc, struct thread *thread)
{
	open_proc(proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(thread, proc);
}

static void check_no_manager(struct thread *thread)
{
	// The last manager may still be on its way out.
	for (;;) {
		bc_call(thread, 0, HELLO, 0, NULL);
		CHECK_ERRNO(exchange_bytes(thread, 0), 0, "calling");
		int error = exchange_bytes(thread, sizeof(thread->in));
		struct binder_extended_error record = extended_error(thread);
		if (error == 0 && strcmp(stream_text(thread), "NOOP DEAD_REPLY") == 0 && record.command == BR_DEAD_REPLY && record.param == -EINVAL)
			break;
		if (error == EAGAIN)
			await_stream(thread, "NOOP TC DEAD_REPLY"); // the call was lost with that manager
		else if (error || (strcmp(stream_text(thread), "NOOP DEAD_REPLY") != 0 && strcmp(stream_text(thread), "NOOP TC DEAD_REPLY") != 0))
			FAIL("%s, \"%s\"", error_name(error), stream_text(thread));
	}
	bc_call(thread, 0, HELLO, TF_ONE_WAY, NULL);
	exchange(thread, "NOOP DEAD_REPLY");
	check_extended_error(thread, BR_DEAD_REPLY, EINVAL);
	// References to nobody are ignored.
	bc_handle(thread, BC_INCREFS, 0);
	bc_handle(thread, BC_ACQUIRE, 0);
	bc_handle(thread, BC_RELEASE, 0);
	bc_handle(thread, BC_DECREFS, 0);
	submit(thread);
	expect_nothing(thread);
	struct binder_node_info_for_ref info = { .handle = 1 };
	CHECK_ERRNO(node_info(thread->proc->fd, &info), EPERM, "BINDER_GET_NODE_INFO_FOR_REF without a manager");
}

static void hello_(struct thread *thread, uint32_t handle, uint64_t ptr, uint64_t cookie)
{
	struct parcel parcel = { .size = 0 };
	put_u32(&parcel, 0x1234);
	must_call_(thread, handle, HELLO, &parcel);
	CHECK_EQ(word_of_(&thread->received, 0), 0x1234, "data of the reply");
	drop_received_(thread);
	CHECK_EQ(atomic_load(&board->ptr), ptr, "ptr of the manager's node");
	CHECK_EQ(atomic_load(&board->cookie), cookie, "cookie of the manager's node");
	CHECK(!board->with_context, "a security context came unasked");
}
#define hello(...) PLACED(hello_(__VA_ARGS__))

static void check_succession(void)
{
	struct proc proc;
	struct thread thread;
	const struct plan plain = { .extended = false };
	const struct plan own = { .extended = true,
		.object = { .hdr.type = BINDER_TYPE_BINDER, .binder = 0xfedcba9876543210, .cookie = 0x8000000000000001 } };
	open_client(&proc, &thread);
	check_no_manager(&thread);
	pid_t first = start_plan(plain);
	CHECK_ERRNO(set_manager(proc.fd), EBUSY, "BINDER_SET_CONTEXT_MGR when there is one");
	CHECK_ERRNO(set_manager_ext(proc.fd, &own.object), EBUSY, "BINDER_SET_CONTEXT_MGR_EXT when there is one");
	hello(&thread, 0, 0, 0);

	// A reference to it, and its death.
	bc_handle(&thread, BC_ACQUIRE, 0);
	bc_death(&thread, BC_REQUEST_DEATH_NOTIFICATION, 0, 0xd1);
	submit(&thread);
	expect_nothing(&thread);
	stop_process(first);
	await_stream(&thread, "NOOP DEAD_BINDER(d1)");
	check_no_manager(&thread);

	// The next one, with a node of its own making. Calls reach it without any reference.
	pid_t second = start_plan(own);
	hello(&thread, 0, own.object.binder, own.object.cookie);
	// Handle 0 is still the reference to the dead one, so a new reference gets another number.
	bc_handle(&thread, BC_ACQUIRE, 0);
	submit(&thread);
	hello(&thread, 1, own.object.binder, own.object.cookie);
	bc_death(&thread, BC_REQUEST_DEATH_NOTIFICATION, 1, 0xd2);
	submit(&thread);
	// Without the old one the next reference is 0 again.
	bc_death(&thread, BC_CLEAR_DEATH_NOTIFICATION, 0, 0xd1);
	bc_cookie(&thread, BC_DEAD_BINDER_DONE, 0xd1);
	exchange(&thread, "NOOP CLEAR_DEATH_DONE(d1)");
	bc_handle(&thread, BC_RELEASE, 0);
	submit(&thread);
	hello(&thread, 0, own.object.binder, own.object.cookie);
	stop_process(second);
	await_stream(&thread, "NOOP DEAD_BINDER(d2)");
	bc_cookie(&thread, BC_DEAD_BINDER_DONE, 0xd2);
	bc_handle(&thread, BC_RELEASE, 1);
	submit(&thread);
	close_proc(&proc);

	// One after the other, and a client that is older than all of them.
	open_client(&proc, &thread);
	for (unsigned i = 0; i < 5; i++) {
		pid_t pid = start_plan(i % 2 ? own : plain);
		hello(&thread, 0, i % 2 ? own.object.binder : 0, i % 2 ? own.object.cookie : 0);
		stop_process(pid);
		check_no_manager(&thread);
	}
	close_proc(&proc);
}

// ---- Who may

// Another user may not follow, though it has the device open. Exit status 2: this machine has no other user.
static void run_other_user(void *unused)
{
	(void)unused;
	struct proc proc;
	open_proc(&proc, 0, 4096);
	if (setresuid(1234, 1234, 1234) < 0)
		_exit(2);
	CHECK_ERRNO(set_manager(proc.fd), EPERM, "BINDER_SET_CONTEXT_MGR by another user");
	struct flat_binder_object object = { .hdr.type = BINDER_TYPE_BINDER };
	CHECK_ERRNO(set_manager_ext(proc.fd, &object), EPERM, "BINDER_SET_CONTEXT_MGR_EXT by another user");
}

static const char *check_other_user(void)
{
	struct proc proc;
	struct thread thread;
	if (geteuid() != 0)
		return "not root";
	open_client(&proc, &thread);
	stop_process(start_plan((struct plan){ .extended = false }));
	check_no_manager(&thread);
	int status = reap_process(start_process("other user", run_other_user, NULL));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		return "no other user here";
	CHECK_EQ(status, 0, "wait status of the other user's process");
	// Nothing has changed for the first user.
	pid_t manager = start_plan((struct plan){ .extended = false });
	hello(&thread, 0, 0, 0);
	stop_process(manager);
	close_proc(&proc);
	return NULL;
}

// ---- Security contexts

static const char *check_contexts(void)
{
	struct proc proc;
	struct thread thread;
	char first[256] = "";
	const struct plan plan = { .extended = true,
		.object = { .hdr.type = BINDER_TYPE_BINDER, .flags = FLAT_BINDER_FLAG_TXN_SECURITY_CTX, .binder = 5, .cookie = 6 } };
	pid_t manager = start_plan(plan);
	const char *problem = NULL;
	open_client(&proc, &thread);
	for (uint32_t size = 0; size < 40 && !problem; size++) {
		struct parcel parcel = { .size = 0 };
		for (uint32_t i = 0; i < size; i++)
			put_bytes(&parcel, &i, 1);
		if (size % 3 == 0)
			put_node(&parcel, BINDER_TYPE_BINDER, 0x77, 0x78, 0);
		unsigned calls = atomic_load(&board->calls);
		uint32_t flags = size % 4 == 3 ? TF_ONE_WAY : 0, ending = call(&thread, 0, HELLO, flags, &parcel);
		if (settings.kernel && ending == BR_FAILED_REPLY) {
			static char text[64];
			snprintf(text, sizeof(text), "this kernel has none (%s)", error_name(-extended_error(&thread).param));
			problem = text;
			break;
		}
		if (flags) {
			CHECK(ending == BR_TRANSACTION_COMPLETE, "got %s", return_name(ending));
		} else {
			CHECK(ending == BR_REPLY, "got %s", return_name(ending));
			CHECK(memcmp(data_of(&thread.received), parcel.data, size) == 0, "other data came back");
			drop_received(&thread);
		}
		AWAIT(atomic_load(&board->calls) == calls + 1);
		CHECK(board->with_context, "no security context came");
		CHECK(board->context[0], "the security context is empty");
		CHECK_EQ(atomic_load(&board->ptr), 5, "ptr of the manager's node");
		if (!first[0])
			strcpy(first, board->context);
		CHECK(strcmp(first, board->context) == 0, "context \"%s\", then \"%s\"", first, board->context);
	}
	close_proc(&proc);
	stop_process(manager);
	return problem;
}

// ---- Nodes

static struct binder_node_debug_info next_node(int fd, uint64_t after)
{
	struct binder_node_debug_info info = { .ptr = after, .cookie = 1, .has_strong_ref = 1, .has_weak_ref = 1 };
	CHECK_SYS(ioctl(fd, BINDER_GET_NODE_DEBUG_INFO, &info));
	return info;
}

static void check_node_(int fd, uint64_t after, uint64_t ptr, uint64_t cookie, bool strong, bool weak)
{
	struct binder_node_debug_info info = next_node(fd, after);
	CHECK_EQ(info.ptr, ptr, "ptr");
	CHECK_EQ(info.cookie, cookie, "cookie");
	CHECK_EQ(info.has_strong_ref, strong, "has_strong_ref");
	CHECK_EQ(info.has_weak_ref, weak, "has_weak_ref");
}
#define check_node(...) PLACED(check_node_(__VA_ARGS__))

static void check_info_(struct thread *thread, uint32_t type, uint64_t value, unsigned strong, unsigned weak)
{
	struct parcel parcel = { .size = 0 };
	if (type == BINDER_TYPE_BINDER)
		put_node(&parcel, type, value, value, 0);
	else
		put_handle(&parcel, type, (uint32_t)value);
	must_call_(thread, 0, INFO, &parcel);
	CHECK_EQ(word_of_(&thread->received, 0), strong, "strong_count");
	CHECK_EQ(word_of_(&thread->received, 1), weak, "weak_count");
	drop_received_(thread);
}
#define check_info(...) PLACED(check_info_(__VA_ARGS__))

static void check_nodes(void)
{
	struct proc proc, other_proc;
	struct thread thread, other;
	open_client(&proc, &thread);
	open_client(&other_proc, &other);

	// No manager serves them: the two opens need a way to each other.
	pid_t manager = start_manager();
	publish(&thread, 1, 0x20, 0x21, 0);
	publish(&other, 2, 0x99, 0x99, 0);
	look_up(&other, 1);
	uint32_t handle = look_up(&thread, 2);

	// Own nodes in the order of their pointers, after a cursor; what counts is what the owner has been told.
	check_node(proc.fd, 0, 0x20, 0x21, true, true);
	check_node(proc.fd, 0x1f, 0x20, 0x21, true, true);
	check_node(proc.fd, 0x20, 0, 0, false, false);
	struct parcel parcel = { .size = 0 };
	put_node(&parcel, BINDER_TYPE_BINDER, 0xfedcba9876543210, 0xffffffffffffffff, 0);
	put_node(&parcel, BINDER_TYPE_WEAK_BINDER, 0x10, 0x11, 0);
	bc_call(&thread, handle, 1, TF_ONE_WAY, &parcel);
	submit(&thread);
	check_node(proc.fd, 0, 0x10, 0x11, false, false);
	check_node(proc.fd, 0x10, 0x20, 0x21, true, true);
	check_node(proc.fd, 0x20, 0xfedcba9876543210, 0xffffffffffffffff, false, false);
	check_node(proc.fd, 0xfedcba9876543210, 0, 0, false, false);
	check_node(proc.fd, 0xffffffffffffffff, 0, 0, false, false);
	expect(&thread, "NOOP INCREFS(fedcba9876543210,ffffffffffffffff) ACQUIRE(fedcba9876543210,ffffffffffffffff) INCREFS(10,11) TC");
	bc_done(&thread);
	submit(&thread);
	check_node(proc.fd, 0, 0x10, 0x11, false, true);
	check_node(proc.fd, 0x20, 0xfedcba9876543210, 0xffffffffffffffff, true, true);
	check_node(other_proc.fd, 0, 0x99, 0x99, true, true);
	expect(&other, "NOOP TRANSACTION");
	drop_received(&other);
	expect(&thread, "NOOP RELEASE(fedcba9876543210,ffffffffffffffff) DECREFS(fedcba9876543210,ffffffffffffffff) DECREFS(10,11)");
	check_node(proc.fd, 0, 0x20, 0x21, true, true);
	check_node(proc.fd, 0x20, 0, 0, false, false);

	// Of others' nodes only the manager may ask.
	struct binder_node_info_for_ref info = { .handle = handle };
	CHECK_ERRNO(node_info(proc.fd, &info), EPERM, "BINDER_GET_NODE_INFO_FOR_REF by a client");
	stop_process(manager);
	close_proc(&proc);
	close_proc(&other_proc);

	manager = start_plan((struct plan){ .extended = false });
	open_client(&proc, &thread);
	// One strong count, of the manager's reference; its owner has not been told of anything yet.
	check_info(&thread, BINDER_TYPE_BINDER, 0x40, 1, 0);
	stop_process(manager);
	close_proc(&proc);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "manager", 60, "");
	board = share(sizeof(*board));
	check_succession();
	check_nodes();
	const char *user = check_other_user();
	const char *contexts = check_contexts();
	if (user)
		printf("skip manager: another user as manager: %s\n", user);
	if (contexts)
		printf("skip manager: security contexts: %s\n", contexts);
	succeed("succession, references to handle 0, nodes%s%s%s%s", user ? "" : ", another user", contexts ? "" : ", contexts like \"",
		contexts ? "" : board->context, contexts ? "" : "\"");
	return 0;
}
