// SPDX-License-Identifier: Apache-2.0
//
// What a policy refuses, as its clients see it. With these rules: 65534 may not call 1234, 65533 may not give it files, and nobody may
// manage hwbinder. With --audit nothing is refused, by the same rules.

#include "descriptors.h"

enum { NAME = 1, CALLED_USER = 1234, NO_FILES_USER = 65533, NO_CALLS_USER = 65534 };
enum { ANSWER = 1, LEAVE };

static bool audit;

static void become(uid_t user)
{
	CHECK_SYS(setresgid(user, user, user));
	CHECK_SYS(setresuid(user, user, user));
	// Which has made this process one that nobody may look into
	CHECK_SYS(prctl(PR_SET_DUMPABLE, 1));
}

static void handle(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	for (size_t i = 0; i < objects_in(request); i++)
		CHECK_SYS(close(fd_of(request, i)));
	put_u32(reply, (uint32_t)objects_in(request));
	if (request->code == LEAVE)
		thread->stop = true;
}

static void run_server(void *unused)
{
	(void)unused;
	struct proc proc;
	struct thread thread;
	become(CALLED_USER);
	open_proc(&proc, 0, DEFAULT_MAPPING);
	proc.handler = handle;
	enter_looper(&thread, &proc);
	publish(&thread, NAME, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	serve(&thread);
	submit(&thread);
}

static void check_call(struct thread *thread, uint32_t handle, const struct parcel *parcel, bool refused)
{
	uint32_t ending = call(thread, handle, ANSWER, 0, parcel);
	CHECK_EQ(ending, refused ? BR_FAILED_REPLY : BR_REPLY, "outcome");
	if (!refused) {
		CHECK_EQ(word_of(&thread->received, 0), parcel->count, "files that came");
		drop_received(thread);
	}
	check_extended_error(thread, refused ? BR_FAILED_REPLY : BR_OK, refused ? EPERM : 0);
	// The record is told once
	check_extended_error(thread, BR_OK, 0);
	ending = call(thread, handle, ANSWER, TF_ONE_WAY, parcel);
	CHECK_EQ(ending, refused ? BR_FAILED_REPLY : BR_TRANSACTION_COMPLETE, "outcome of a oneway");
	check_extended_error(thread, refused ? BR_FAILED_REPLY : BR_OK, refused ? EPERM : 0);
}

static void run_client(void *argument)
{
	uid_t user = *(uid_t *)argument;
	struct proc proc;
	struct thread thread;
	struct parcel plain = { .size = 0 }, file = { .size = 0 };
	become(user);
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	uint32_t server = look_up(&thread, NAME);
	unsigned before = count_fds();
	int null = CHECK_SYS(open("/dev/null", O_RDWR | O_CLOEXEC));
	put_u32(&plain, 1);
	put_fd(&file, null);
	check_call(&thread, server, &plain, !audit && user == NO_CALLS_USER);
	check_call(&thread, server, &file, !audit && user != CALLED_USER);
	// It is this pair that is refused
	must_call(&thread, 0, MANAGER_PING, &plain);
	drop_received(&thread);
	CHECK_SYS(close(null));
	CHECK_EQ(count_fds(), before, "descriptors");
	bc_handle(&thread, BC_RELEASE, server);
	submit(&thread);
	close_proc(&proc);
}

static void check_manager(void)
{
	char path[512];
	int32_t unused = 0;
	const char *slash = strrchr(settings.device, '/');
	snprintf(path, sizeof(path), "%.*shwbinder", (int)(slash + 1 - settings.device), settings.device);
	int fd = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	CHECK_ERRNO(ioctl(fd, BINDER_SET_CONTEXT_MGR, &unused) < 0 ? errno : 0, audit ? 0 : EPERM, "to manage hwbinder");
	close(fd);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "denied", 30, "[--audit]");
	audit = option_given("--audit");
	pid_t manager = start_manager(), server = start_process("server", run_server, NULL);
	uid_t users[] = { NO_CALLS_USER, NO_FILES_USER, CALLED_USER };
	for (unsigned i = 0; i < COUNT(users); i++)
		finish_process(start_process("client", run_client, &users[i]));
	check_manager();
	stop_process(server);
	stop_process(manager);
	succeed("%s", audit ? "nothing is refused" : "refused: calls, files, managers");
	return 0;
}
