// SPDX-License-Identifier: Apache-2.0
//
// What all processes of an attack see: what each attacker is doing, and how long the calls of the well-behaved took.

#ifndef UBINDER_TEST_BOARD_H
#define UBINDER_TEST_BOARD_H

#include "client.h"

#define ATTACKERS 4
#define THREADS 3

enum operation {
	WRITE_COMMANDS,
	WRITE_NOISE,
	READ,
	OTHER_IOCTL,
	POLL,
	MAP,
	FILE_OPERATION,
	OPEN,
	FORK,
	OPERATIONS,
};

static const char *const operation_names[] = { "write of commands", "write of noise", "read", "other ioctl", "poll", "mapping",
	"file operation", "open", "fork" };

struct slot {
	atomic_ullong since; // when its operation began; 0 between two
	atomic_uint operation;
};

// Times in buckets of an eighth of a power of two of nanoseconds.
struct times {
	atomic_ullong buckets[64 * 8];
	atomic_ullong count;
};

// Calls are measured in quiet and under attack, not while the one becomes the other.
enum phase {
	BETWEEN,
	QUIET,
	ATTACKED,
	PHASES,
};

static struct board {
	atomic_bool stop;
	atomic_uint phase;
	struct slot slots[ATTACKERS][THREADS];
	atomic_ullong operations[OPERATIONS];
	struct times times[PHASES];
} *board;

static void note_time(struct times *times, uint64_t ns)
{
	unsigned power = 63 - __builtin_clzll(ns | 8);
	atomic_fetch_add(&times->buckets[power * 8 + ((ns >> (power - 3)) & 7)], 1);
	atomic_fetch_add(&times->count, 1);
}

// In microseconds: the upper end of the bucket.
static double percentile(struct times *times, double part)
{
	uint64_t left = (uint64_t)((double)atomic_load(&times->count) * (1 - part));
	for (unsigned i = COUNT(times->buckets); i-- > 0;) {
		uint64_t here = atomic_load(&times->buckets[i]);
		if (here > left)
			return (double)((9ull + i % 8) << (i / 8 - 3)) / 1000;
		left -= here;
	}
	return 0;
}

#endif
