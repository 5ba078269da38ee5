// SPDX-License-Identifier: Apache-2.0
//
// Hostile clients beside well-behaved ones. Attackers are processes of some threads that do at random what clients can do: commands that
// are right, nearly right and wrong, other ioctls, mappings, files, polls, signals, forks; they come and go, and some are killed. One of two
// is another user. Meanwhile well-behaved clients call the same context manager, check every answer, and measure.
//
// It fails on a wrong answer, on a call that no signal ends, and on a process that cannot be killed.

#include "attack/attacker.h"
#include "attack/well_behaved.h"

#define CLIENTS 2
#define SECOND 1000000000ull
#define MAX_SECONDS_OF_A_CALL 20

// What the last attackers left is given back by then.
#define SETTLE_MS 300

#define WANTED_RATIO 10

static pid_t attackers[ATTACKERS];
static uint64_t killed_since[ATTACKERS];

static void check_slots(void)
{
	for (unsigned i = 0; i < ATTACKERS; i++)
		for (unsigned j = 0; j < THREADS; j++) {
			uint64_t since = atomic_load(&board->slots[i][j].since), now = now_ns();
			if (since && since < now && now - since > MAX_SECONDS_OF_A_CALL * SECOND)
				FAIL("a %s of an attacker (pid %d) does not end", operation_names[atomic_load(&board->slots[i][j].operation)], attackers[i]);
		}
}

// Takes those that have ended, and kills those that are overdue. Returns how many are left.
static unsigned look_after(bool isOver)
{
	unsigned left = 0;
	for (unsigned i = 0; i < ATTACKERS; i++) {
		int status;
		if (!attackers[i])
			continue;
		if (waitpid(attackers[i], &status, WNOHANG) == attackers[i]) {
			CHECK(!WIFEXITED(status) || WEXITSTATUS(status) == 0, "an attacker found something wrong");
			attackers[i] = killed_since[i] = 0;
			memset(&board->slots[i], 0, sizeof(board->slots[i]));
			continue;
		}
		left++;
		if (killed_since[i]) {
			CHECK(now_ns() - killed_since[i] < MAX_SECONDS_OF_A_CALL * SECOND, "attacker %d cannot be killed", attackers[i]);
		} else if (isOver) {
			kill(attackers[i], SIGCONT);
			kill(attackers[i], SIGKILL);
			killed_since[i] = now_ns();
		}
	}
	return left;
}

static pid_t start_attacker(uint64_t number)
{
	pid_t pid = CHECK_SYS(fork());
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	settings.child_count = 0;
	alarm(0);
	run_attacker((void *)(uintptr_t)number);
	_exit(0);
}

// ---- Rounds

// Attackers come and go, until then.
static void attack_until(uint64_t end, uint64_t *seed, uint64_t *started)
{
	atomic_ullong *calls = &board->times[ATTACKED].count;
	uint64_t looked = now_ns(), before = atomic_load(calls);
	atomic_store(&board->phase, ATTACKED);
	while (now_ns() < end) {
		look_after(false);
		for (unsigned i = 0; i < ATTACKERS; i++)
			if (!attackers[i])
				attackers[i] = start_attacker((*seed << 24) + ATTACKERS * (*started)++ + i);
		// Now and then one is killed, or stopped and let go on, whatever it is doing
		unsigned victim = next_random(seed) % ATTACKERS;
		switch (next_random(seed) % 40) {
		case 0: if (!killed_since[victim]) killed_since[victim] = now_ns(); kill(attackers[victim], SIGKILL); break;
		case 1: kill(attackers[victim], SIGSTOP); sleep_ms(5); kill(attackers[victim], SIGCONT); break;
		}
		// One whose first thread has ended lives on until it is killed
		if (*started % 8 == 0 && !killed_since[victim]) {
			kill(attackers[victim], SIGKILL);
			killed_since[victim] = now_ns();
		}
		check_slots();
		if (now_ns() - looked > 10 * SECOND) {
			CHECK(atomic_load(calls) > before, "the well-behaved clients get no answers");
			before = atomic_load(calls);
			looked = now_ns();
		}
		sleep_ms(20);
	}
	atomic_store(&board->phase, BETWEEN);
	while (look_after(true) > 0)
		sleep_ms(5);
}

static void be_quiet_until(uint64_t end)
{
	atomic_store(&board->phase, QUIET);
	while (now_ns() < end)
		sleep_ms(20);
	atomic_store(&board->phase, BETWEEN);
}

static void print_times(const char *name, struct times *times)
{
	printf("%-9s %8llu calls, p50 %6.0f us, p99 %6.0f us\n", name, (unsigned long long)atomic_load(&times->count),
		percentile(times, 0.5), percentile(times, 0.99));
}

int main(int argc, char **argv)
{
	begin(argc, argv, "attack", 0, "[--seconds=N] [--round=SECONDS] [--seed=N] [--ratio=MAX]");
	uint64_t seconds = option_number("--seconds", 20), round = option_number("--round", 5);
	uint64_t seed = option_number("--seed", now_ns() % 1000000), ratio = option_number("--ratio", 0);
	pid_t clients[CLIENTS];
	board = share(sizeof(*board));
	atomic_bool *ready = share(sizeof(*ready));
	pid_t manager = start_process("manager", run_echo_manager, ready);
	AWAIT(atomic_load(ready));
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = start_process("well-behaved client", run_good_client, (void *)(uintptr_t)(i + 1));
	printf("seed %llu, %llu s in rounds of %llu s, a fifth of them quiet\n", (unsigned long long)seed, (unsigned long long)seconds,
		(unsigned long long)round);
	// They take turns, so that whatever else slows the machine slows both
	uint64_t end = now_ns() + seconds * SECOND, started = 0;
	do {
		uint64_t start = now_ns();
		be_quiet_until(start + round * SECOND / 5);
		attack_until(start + round * SECOND, &seed, &started);
		sleep_ms(SETTLE_MS);
	} while (now_ns() < end);
	// Attacked no more, they are served as before
	atomic_store(&board->stop, true);
	for (unsigned i = 0; i < CLIENTS; i++)
		finish_process(clients[i]);
	stop_process(manager);

	for (unsigned i = 0; i < OPERATIONS; i++)
		printf("%-18s %llu\n", operation_names[i], (unsigned long long)atomic_load(&board->operations[i]));
	printf("%llu attackers\n", (unsigned long long)started);
	struct times *quiet = &board->times[QUIET], *attacked = &board->times[ATTACKED];
	print_times("quiet:", quiet);
	print_times("attacked:", attacked);
	CHECK(atomic_load(&quiet->count) >= 100 && atomic_load(&attacked->count) >= 100, "too few calls to compare");
	double times = percentile(attacked, 0.99) / percentile(quiet, 0.99);
	printf("verdict: p99 under attack is %.1f times the quiet p99, %s\n", times,
		times <= WANTED_RATIO ? "as wanted" : "more than wanted");
	CHECK(!ratio || times <= (double)ratio, "the p99 is more than %llu times that of the quiet", (unsigned long long)ratio);
	succeed("%llu s", (unsigned long long)seconds);
	return 0;
}
