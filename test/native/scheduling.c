// SPDX-License-Identifier: Apache-2.0
//
// Scheduling policies travel with calls, as on Android: for a mount with --android-scheduling. A server's thread is scheduled in real time
// while it serves a caller that is, where its node says so, or as its node demands; within what its process may ask for; and as before
// when it waits again.

#include "client.h"

#include <sched.h>
#include <sys/resource.h>

enum { TELL = 1 };

enum { NICE_POLICY = SCHED_OTHER };

// Who is scheduled how: a real-time priority, or a nice value.
struct schedule {
	int policy, level;
};

static uint32_t node_flags(int policy, int level, bool inherits)
{
	return (uint32_t)policy << 9 | (uint32_t)(level & 0xff) | (inherits ? 0x800 : 0);
}

static const struct schedule callers[] = { { NICE_POLICY, 0 }, { NICE_POLICY, 5 }, { SCHED_FIFO, 30 }, { SCHED_RR, 20 }, { SCHED_FIFO, 50 } };

// By name at the manager, 1 and on: how calls of each caller are served, and oneway calls of anybody, by a server that may do anything.
static const struct {
	struct schedule least;
	bool inherits;
	struct schedule calls[COUNT(callers)], oneway;
} nodes[] = {
	{ { NICE_POLICY, 10 }, true,
		{ { NICE_POLICY, 0 }, { NICE_POLICY, 5 }, { SCHED_FIFO, 30 }, { SCHED_RR, 20 }, { SCHED_FIFO, 50 } }, { NICE_POLICY, 0 } },
	{ { NICE_POLICY, 10 }, false,
		{ { NICE_POLICY, 0 }, { NICE_POLICY, 5 }, { NICE_POLICY, 0 }, { NICE_POLICY, 0 }, { NICE_POLICY, 0 } }, { NICE_POLICY, 0 } },
	{ { SCHED_FIFO, 40 }, false,
		{ { SCHED_FIFO, 40 }, { SCHED_FIFO, 40 }, { SCHED_FIFO, 40 }, { SCHED_FIFO, 40 }, { SCHED_FIFO, 40 } }, { SCHED_FIFO, 40 } },
	{ { SCHED_RR, 40 }, true,
		{ { SCHED_RR, 40 }, { SCHED_RR, 40 }, { SCHED_RR, 40 }, { SCHED_RR, 40 }, { SCHED_FIFO, 50 } }, { SCHED_RR, 40 } },
};

static struct {
	atomic_uint tid;
	atomic_int told_policy, told_level;
	atomic_uint count;
} *board;

// What a server may ask for itself.
struct plan {
	bool unprivileged;
	unsigned realtime; // RLIMIT_RTPRIO
};

static struct schedule schedule_of(pid_t tid)
{
	struct sched_param param;
	int policy = CHECK_SYS(sched_getscheduler(tid)) & ~SCHED_RESET_ON_FORK;
	CHECK_SYS(sched_getparam(tid, &param));
	return (struct schedule){ policy, policy == NICE_POLICY ? getpriority(PRIO_PROCESS, (id_t)tid) : param.sched_priority };
}

static void check_schedule(const char *what, struct schedule got, struct schedule wanted, size_t node, size_t caller)
{
	if (got.policy != wanted.policy || got.level != wanted.level)
		FAIL("%s, node %zu, caller %zu: scheduled by policy %d at %d, not by %d at %d", what, node, caller, got.policy, got.level,
			wanted.policy, wanted.level);
}

static void handle(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	(void)thread;
	(void)request;
	struct schedule own = schedule_of(0);
	put_u32(reply, (uint32_t)own.policy);
	put_u32(reply, (uint32_t)own.level);
	atomic_store(&board->told_policy, own.policy);
	atomic_store(&board->told_level, own.level);
	atomic_fetch_add(&board->count, 1);
}

static void run_server(void *argument)
{
	const struct plan *plan = argument;
	struct proc proc;
	struct thread thread;
	struct rlimit limit = { plan->realtime, plan->realtime };
	if (plan->unprivileged) {
		CHECK_SYS(setrlimit(RLIMIT_RTPRIO, &limit));
		limit.rlim_cur = limit.rlim_max = 0;
		CHECK_SYS(setrlimit(RLIMIT_NICE, &limit));
		CHECK_SYS(setresuid(65534, 65534, 65534));
	}
	open_proc(&proc, 0, 64 * 1024);
	proc.handler = handle;
	enter_looper(&thread, &proc);
	for (uint32_t i = 0; i < COUNT(nodes); i++)
		publish(&thread, i + 1, i + 1, 0, node_flags(nodes[i].least.policy, nodes[i].least.level, nodes[i].inherits));
	atomic_store(&board->tid, thread_id());
	serve(&thread);
}

static void set_own(struct schedule own)
{
	struct sched_param param = { .sched_priority = own.policy == NICE_POLICY ? 0 : own.level };
	CHECK_SYS(sched_setscheduler(0, own.policy, &param));
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, own.policy == NICE_POLICY ? own.level : 0));
	sleep_ms(settings.settle_ms);
}

// What such a server is granted: in real time no more than its limit, and no niceness at all.
static struct schedule granted(const struct plan *plan, struct schedule wanted)
{
	const struct schedule usual = { NICE_POLICY, 0 };
	if (!plan->unprivileged)
		return wanted;
	if (wanted.policy == NICE_POLICY || plan->realtime == 0)
		return usual;
	return (struct schedule){ wanted.policy, wanted.level < (int)plan->realtime ? wanted.level : (int)plan->realtime };
}

static void check_server(const struct plan *plan)
{
	const struct schedule usual = { NICE_POLICY, 0 };
	atomic_store(&board->tid, 0);
	pid_t manager = start_manager(), server = start_process("server", run_server, (void *)plan);
	AWAIT(atomic_load(&board->tid));
	pid_t tid = (pid_t)atomic_load(&board->tid);
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, 64 * 1024);
	enter_looper(&thread, &proc);
	for (size_t n = 0; n < COUNT(nodes); n++) {
		uint32_t handle = look_up(&thread, (uint32_t)n + 1);
		for (size_t c = 0; c < COUNT(callers); c++) {
			set_own(callers[c]);
			must_call(&thread, handle, TELL, NULL);
			struct schedule told = { (int)word_of(&thread.received, 0), (int)word_of(&thread.received, 1) };
			drop_received(&thread);
			check_schedule("a call", told, granted(plan, nodes[n].calls[c]), n, c);
			await_ioctl(server, tid);
			check_schedule("a server that waits again", schedule_of(tid), usual, n, c);
			unsigned count = atomic_load(&board->count);
			must_send(&thread, handle, TELL, NULL);
			AWAIT(atomic_load(&board->count) > count);
			told = (struct schedule){ atomic_load(&board->told_policy), atomic_load(&board->told_level) };
			check_schedule("a oneway call", told, granted(plan, nodes[n].oneway), n, c);
			await_ioctl(server, tid);
			check_schedule("a server that waits again after a oneway call", schedule_of(tid), usual, n, c);
		}
	}
	set_own(usual);
	close_proc(&proc);
	stop_process(server);
	stop_process(manager);
}

static bool may_limit(unsigned realtime)
{
	struct rlimit before, limit = { realtime, realtime };
	CHECK_SYS(getrlimit(RLIMIT_RTPRIO, &before));
	return setrlimit(RLIMIT_RTPRIO, &limit) == 0 && setrlimit(RLIMIT_RTPRIO, &before) == 0;
}

int main(int argc, char **argv)
{
	begin(argc, argv, "scheduling", 120, "");
	board = share(sizeof(*board));
	struct sched_param param = { .sched_priority = 1 };
	if (sched_setscheduler(0, SCHED_FIFO, &param) < 0) {
		printf("skip scheduling: real-time policies may not be used here\nok scheduling: skipped\n");
		return 0;
	}
	const struct plan plans[] = { { false, 0 }, { true, 10 }, { true, 0 } };
	set_own((struct schedule){ NICE_POLICY, 0 });
	unsigned done = 0;
	for (size_t i = 0; i < COUNT(plans); i++) {
		if (!may_limit(plans[i].realtime)) {
			printf("skip scheduling: RLIMIT_RTPRIO may not be raised to %u here\n", plans[i].realtime);
			continue;
		}
		check_server(&plans[i]);
		done++;
	}
	succeed("%u servers, %zu nodes, %zu callers", done, COUNT(nodes), COUNT(callers));
	return 0;
}
