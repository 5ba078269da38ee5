// SPDX-License-Identifier: Apache-2.0
//
// Deaths in great number: clients that are killed wherever they are, and one that held much. Meanwhile others are served.

#include "pair.h"

// ---- Clients that are opened and killed

enum { WAVE = 50, STATES = 6 };

static void __attribute__((noreturn)) live_until_killed(unsigned state, atomic_uint *ready)
{
	struct proc proc;
	struct thread thread;
	struct parcel parcel = { .size = 0 };
	open_proc(&proc, 0, state == 0 ? 0 : DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	switch (state) {
	case 1: // after a call, with its answer in the mapping
		put_u32(&parcel, state);
		must_call_(&thread, 0, MANAGER_PING, &parcel);
		break;
	case 2: // asleep in a read, with a wish to hear of the manager's death
		bc_handle(&thread, BC_ACQUIRE, 0);
		bc_death(&thread, BC_REQUEST_DEATH_NOTIFICATION, 0, 1);
		submit(&thread);
		break;
	case 3: // with oneway calls to the manager that nobody may have taken yet, and nodes in them
		for (unsigned i = 0; i < 8; i++) {
			parcel.size = parcel.count = 0;
			put_node(&parcel, BINDER_TYPE_BINDER, 16 + i, i, 0);
			bc_call(&thread, 0, MANAGER_PING, TF_ONE_WAY, &parcel);
			submit(&thread);
		}
		break;
	case 4: // in the middle of calls, without an end
		atomic_fetch_add(ready, 1);
		for (;;) {
			parcel.size = 0;
			put_u32(&parcel, state);
			must_call_(&thread, 0, MANAGER_PING, &parcel);
			drop_received_(&thread);
		}
	case 5: // with several threads asleep
		for (unsigned i = 0; i < 3; i++)
			start_thread(run_pool_thread, &proc);
		break;
	}
	atomic_fetch_add(ready, 1);
	enter_looper(&thread, &proc);
	for (;;)
		exchange_bytes(&thread, sizeof(thread.in));
}

static void attack_with_killed_clients(void *unused)
{
	(void)unused;
	const unsigned clients = option_amount("--clients", 1000);
	atomic_uint *ready = share(sizeof(*ready));
	for (unsigned done = 0; done < clients; done += WAVE) {
		pid_t wave[WAVE];
		atomic_store(ready, 0);
		for (unsigned i = 0; i < WAVE; i++) {
			wave[i] = CHECK_SYS(fork());
			if (wave[i] == 0) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				live_until_killed((done + i) % STATES, ready);
			}
		}
		AWAIT(atomic_load(ready) == WAVE);
		for (unsigned i = 0; i < WAVE; i++)
			kill(wave[i], SIGKILL);
		for (unsigned i = 0; i < WAVE; i++)
			CHECK_SYS(waitpid(wave[i], NULL, 0));
	}
	_exit(0);
}

// ---- One that dies and held much

enum { AT_ONCE = 500 };

// Gives the target's open refs to as many nodes of the caller's; then waits to be killed.
static void __attribute__((noreturn)) hold_much(unsigned refs, atomic_uint *held)
{
	struct target target;
	open_caller();
	open_target(&target, 1 << 20, PROT_READ, MAP_PRIVATE);
	static struct flat_binder_object objects[AT_ONCE];
	static binder_size_t offsets[AT_ONCE];
	for (unsigned done = 0; done < refs; done += AT_ONCE) {
		for (unsigned i = 0; i < AT_ONCE; i++) {
			objects[i] = (struct flat_binder_object){ .hdr.type = BINDER_TYPE_BINDER, .binder = 0x10000 + done + i, .cookie = i };
			offsets[i] = i * sizeof(objects[0]);
		}
		bc_data(&caller, BC_TRANSACTION, target.handle, 1, TF_ONE_WAY, objects, sizeof(objects), offsets, AT_ONCE);
		CHECK_ERRNO(exchange_bytes(&caller, sizeof(caller.in)), 0, "sending");
		struct event event = { .command = 0 };
		while (event.command != BR_TRANSACTION) {
			CHECK_ERRNO(exchange_bytes(&target.thread, sizeof(target.thread.in)), 0, "reading");
			while (event.command != BR_TRANSACTION && next_return(&target.thread, &event))
				;
		}
		for (unsigned i = 0; i < AT_ONCE; i++)
			bc_handle(&target.thread, BC_ACQUIRE, object_of_(&event.transaction, i, BINDER_TYPE_HANDLE).handle);
		bc_free(&target.thread, event.transaction.data.ptr.buffer);
		submit(&target.thread);
		atomic_store(held, done + AT_ONCE);
	}
	for (;;)
		pause();
}

// The pair's longest call while time passes, in milliseconds.
static double worst_within(unsigned ms)
{
	atomic_store(&pair->worst_ns, 0);
	sleep_ms(ms);
	return (double)atomic_load(&pair->worst_ns) / 1e6;
}

static void attack_with_much_held(void *unused)
{
	(void)unused;
	const unsigned refs = option_amount("--refs", 100000);
	atomic_uint *held = share(sizeof(*held));
	pid_t pid = CHECK_SYS(fork());
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		hold_much(refs, held);
	}
	AWAIT(atomic_load(held) >= refs);
	double quiet = worst_within(1000);
	unsigned long long before = atomic_load(&pair->calls);
	atomic_store(&pair->worst_ns, 0);
	kill(pid, SIGKILL);
	CHECK_SYS(waitpid(pid, NULL, 0));
	double during = worst_within(1000);
	printf("a process with %u nodes and as many refs was killed: the pair's longest call within a second %.1f ms, before %.1f ms; %llu calls\n",
		refs, during, quiet, (unsigned long long)atomic_load(&pair->calls) - before);
	_exit(0);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "deaths", 300, "[--only=ATTACK] [--clients=1000] [--refs=100000]");
	const struct attack attacks[] = {
		{ "killed-clients", attack_with_killed_clients, NULL },
		{ "much-held", attack_with_much_held, NULL },
	};
	run_attacks(attacks, COUNT(attacks));
	return 0;
}
