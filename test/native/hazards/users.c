// SPDX-License-Identifier: Apache-2.0
//
// Who calls: users and ids that change, opens shared with a forked process, user and pid namespaces.

#include "pair.h"

#include <grp.h>
#include <sched.h>
#include <sys/fsuid.h>

static struct target target;

// The call that waits at the target: who made it.
static struct binder_transaction_data take_call(void)
{
	await_stream(&target.thread, "NOOP TRANSACTION");
	struct binder_transaction_data call = *receive(&target.thread);
	bc_free_received(&target.thread);
	submit(&target.thread);
	return call;
}

struct order {
	struct proc *proc;
	uint32_t handle;
};

static void send_one(struct order *order)
{
	struct thread thread;
	init_thread(&thread, order->proc);
	bc_call(&thread, order->handle, 1, TF_ONE_WAY, NULL);
	if (exchange_bytes(&thread, sizeof(thread.in)) != 0)
		_exit(1);
}

static void finish(pid_t pid)
{
	int status;
	CHECK_SYS(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0, "status of the caller");
}

// A oneway tells no pid, but whose user it is.
static void attack_with_ids(void *unused)
{
	(void)unused;
	struct order order = { &caller_proc, 0 };
	open_caller();
	open_target(&target, 65536, PROT_READ, MAP_PRIVATE);
	order.handle = target.handle;

	// An open shared with a forked process is still that of who opened it
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		send_one(&order);
		_exit(0);
	}
	finish(pid);
	CHECK_EQ(take_call().sender_euid, geteuid(), "user of a forked process's call");

	// The user of the thread that calls, at the time of its call. In a user namespace of one user there is no other to become.
	pid = CHECK_SYS(fork());
	if (pid == 0) {
		if (syscall(SYS_setresuid, -1, 1234, -1) < 0)
			_exit(2);
		send_one(&order);
		_exit(0);
	}
	int status;
	CHECK_SYS(waitpid(pid, &status, 0));
	if (WEXITSTATUS(status) == 2)
		return;
	CHECK_EQ(status, 0, "status of the caller with another user");
	CHECK_EQ(take_call().sender_euid, 1234, "user of a call after seteuid");

	// The file system's user follows, and can be set alone
	pid = CHECK_SYS(fork());
	if (pid == 0) {
		setfsuid(4321);
		send_one(&order);
		_exit(0);
	}
	finish(pid);
	CHECK_EQ(take_call().sender_euid, 4321, "user of a call after setfsuid");
}

// In namespaces of its own it is another to itself, not to others.
static void attack_in_namespaces(void *unused)
{
	(void)unused;
	open_caller();
	open_target(&target, 65536, PROT_READ, MAP_PRIVATE);
	uid_t user = geteuid();
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
			_exit(2);
		pid_t inner = fork();
		if (inner == 0) {
			// By a device of its own, and by one that it got
			struct order order = { &caller_proc, target.handle };
			send_one(&order);
			struct proc proc;
			struct thread thread;
			open_proc(&proc, 0, 65536);
			init_thread(&thread, &proc);
			if (getpid() != 1 || call(&thread, 0, MANAGER_PING, 0, NULL) != BR_REPLY)
				_exit(1);
			_exit(0);
		}
		int status;
		waitpid(inner, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	int status;
	CHECK_SYS(waitpid(pid, &status, 0));
	if (WEXITSTATUS(status) == 2) {
		printf("no namespaces can be made here\n");
		return;
	}
	CHECK_EQ(status, 0, "status of the caller in namespaces");
	CHECK_EQ(take_call().sender_euid, user, "user of a call out of a user namespace");
}

int main(int argc, char **argv)
{
	begin(argc, argv, "users", 60, "[--only=ATTACK]");
	const struct attack attacks[] = {
		{ "ids", attack_with_ids, NULL },
		{ "namespaces", attack_in_namespaces, NULL },
	};
	run_attacks(attacks, COUNT(attacks));
	return 0;
}
