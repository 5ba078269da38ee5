// SPDX-License-Identifier: Apache-2.0
//
// Nice values travel with calls: a server's thread takes on its caller's or its node's while it serves, within what its process may ask
// for, and has its own back when it has replied and waits again.

#include "client.h"

#include <sys/resource.h>

enum { TELL = 1 };

// Nodes by their least priority, which is also their name at the manager.
static const uint32_t nodes[] = { 1, 10, 19, 127 };
static const int callers[] = { 0, 5, 12, 19 };

struct board {
	atomic_bool ready;
	atomic_int tid, told;
	atomic_uint count;
};

struct plan {
	int nice;          // of the server before it opens the device
	unsigned limit;    // its RLIMIT_NICE
	bool unprivileged; // it becomes another user, who may not do as root may
};

static struct board *board;

static int own_nice(void)
{
	return getpriority(PRIO_PROCESS, 0);
}

static void handle_in_server(struct thread *thread, const struct binder_transaction_data *request, struct parcel *reply)
{
	(void)thread;
	(void)request;
	put_u32(reply, (uint32_t)own_nice());
	atomic_store(&board->told, own_nice());
	atomic_fetch_add(&board->count, 1);
}

static void run_server(void *argument)
{
	const struct plan *plan = argument;
	struct proc proc;
	struct thread thread;
	struct rlimit limit = { .rlim_cur = plan->limit, .rlim_max = plan->limit };
	CHECK_SYS(setpriority(PRIO_PROCESS, 0, plan->nice));
	if (plan->limit)
		CHECK_SYS(setrlimit(RLIMIT_NICE, &limit));
	if (plan->unprivileged)
		CHECK_SYS(setresuid(65534, 65534, 65534));
	open_proc(&proc, 0, 64 * 1024);
	proc.handler = handle_in_server;
	enter_looper(&thread, &proc);
	for (unsigned i = 0; i < COUNT(nodes); i++)
		publish(&thread, nodes[i], nodes[i], 0, nodes[i]);
	atomic_store(&board->tid, thread_id());
	atomic_store(&board->ready, true);
	serve(&thread);
}

// Whether this process may choose any nice value: a capability in the first user namespace.
static bool is_capable(void)
{
	char name[64] = "", line[256];
	unsigned long long effective = 0;
	if (readlink("/proc/self/ns/user", name, sizeof(name) - 1) < 0 || strcmp(name, "user:[4026531837]") != 0)
		return false;
	FILE *status = fopen("/proc/self/status", "r");
	CHECK(status);
	while (fgets(line, sizeof(line), status))
		sscanf(line, "CapEff: %llx", &effective);
	fclose(status);
	return effective >> 23 & 1;
}

// Whether RLIMIT_NICE may be set to this.
static bool may_limit(unsigned nice)
{
	struct rlimit limit;
	CHECK_SYS(getrlimit(RLIMIT_NICE, &limit));
	const struct rlimit before = limit;
	limit.rlim_cur = limit.rlim_max = nice;
	return setrlimit(RLIMIT_NICE, &limit) == 0 && setrlimit(RLIMIT_NICE, &before) == 0;
}

// What a server of this plan has for wanting `nice`.
static int granted(const struct plan *plan, int nice)
{
	if (is_capable() && !plan->unprivileged)
		return nice;
	int lowest = 20 - (int)plan->limit;
	if (lowest > 19)
		return plan->nice;
	return nice < lowest ? lowest : nice;
}

static void check_server(const struct plan *plan)
{
	atomic_store(&board->ready, false);
	pid_t server = start_process("server", run_server, (void *)plan);
	AWAIT(atomic_load(&board->ready));
	pid_t tid = atomic_load(&board->tid);
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, 64 * 1024);
	enter_looper(&thread, &proc);
	for (unsigned c = 0; c < COUNT(callers); c++) {
		// Upwards only: coming back may not be allowed.
		CHECK_SYS(setpriority(PRIO_PROCESS, 0, callers[c]));
		if (!settings.kernel)
			sleep_ms(settings.settle_ms);
		for (unsigned n = 0; n < COUNT(nodes); n++) {
			int lowest = (int)nodes[n];
			uint32_t handle = look_up(&thread, nodes[n]);
			must_call(&thread, handle, TELL, NULL);
			int wanted = callers[c] < lowest ? callers[c] : lowest;
			if ((int)word_of(&thread.received, 0) != granted(plan, wanted))
				FAIL("caller %d, node %d, server %d: served with %d, not %d", callers[c], lowest, plan->nice,
					(int)word_of(&thread.received, 0), granted(plan, wanted));
			drop_received(&thread);
			await_ioctl(server, tid);
			CHECK_EQ(getpriority(PRIO_PROCESS, tid), plan->nice, "nice of a server that waits again");

			unsigned count = atomic_load(&board->count);
			must_send(&thread, handle, TELL, NULL);
			AWAIT(atomic_load(&board->count) > count);
			wanted = plan->nice > lowest ? granted(plan, lowest) : plan->nice;
			if (atomic_load(&board->told) != wanted)
				FAIL("oneway, node %d, server %d: served with %d, not %d", lowest, plan->nice, atomic_load(&board->told), wanted);
			await_ioctl(server, tid);
			CHECK_EQ(getpriority(PRIO_PROCESS, tid), plan->nice, "nice of a server that waits again after a oneway");
			bc_handle(&thread, BC_RELEASE, handle);
			submit(&thread);
		}
	}
	close_proc(&proc);
	stop_process(server);
}

static void run_plan(void *plan)
{
	check_server(plan);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "priority", 60, "");
	board = share(sizeof(*board));
	const struct plan plans[] = {
		{ .nice = 0 },
		{ .nice = 15 },
		{ .nice = 7, .limit = 15, .unprivileged = true },
		{ .nice = 7, .unprivileged = true },
	};
	unsigned done = 0;
	for (unsigned i = 0; i < COUNT(plans); i++) {
		if (plans[i].unprivileged && !is_capable())
			continue; // we are that already
		if (plans[i].limit && !may_limit(plans[i].limit)) {
			printf("skip priority: RLIMIT_NICE may not be raised here\n");
			continue;
		}
		pid_t manager = start_manager();
		// In a process of its own, because nice values only go up.
		finish_process(start_process("caller", run_plan, (void *)&plans[i]));
		stop_process(manager);
		done++;
	}
	succeed("%u servers, %zu nodes, %zu callers", done, COUNT(nodes), COUNT(callers));
	return 0;
}
