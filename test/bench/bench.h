// SPDX-License-Identifier: Apache-2.0
//
// What the benches share: pinning, timing every call, and one line of JSON for each result. Times of different machines, or of one machine
// at different times, are not to be compared; ratios of benches that ran in turns are.

#ifndef UBINDER_BENCH_H
#define UBINDER_BENCH_H

#include "../native/client.h"

#include <sched.h>
#include <sys/resource.h>

// Pins this process, and those it forks, to the processor of --cpu=N. False without that option.
static inline bool pin_by_option(void)
{
	if (!option_given("--cpu"))
		return false;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(option_number("--cpu", 0), &set);
	CHECK_SYS(sched_setaffinity(0, sizeof(set), &set));
	return true;
}

static inline int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

struct times {
	double p50_us, p99_us, per_second;
};

// Sorts the times of single calls, in ns, that took `total` ns altogether.
static inline struct times sum_up(uint64_t *ns, size_t count, uint64_t total)
{
	qsort(ns, count, sizeof(*ns), compare_times);
	return (struct times){
		.p50_us = (double)ns[count / 2] / 1e3,
		.p99_us = (double)ns[count - 1 - count / 100] / 1e3,
		.per_second = (double)count * 1e9 / (double)total,
	};
}

// Context switches of a process so far.
struct switches {
	long voluntary, involuntary;
};

static inline struct switches switches_now(void)
{
	struct rusage usage;
	CHECK_SYS(getrusage(RUSAGE_SELF, &usage));
	return (struct switches){ usage.ru_nvcsw, usage.ru_nivcsw };
}

// Context switches of another process's main thread so far.
static inline struct switches switches_of(pid_t pid)
{
	char path[64], line[256];
	struct switches result = { 0, 0 };
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		FAIL("fopen %s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		sscanf(line, "voluntary_ctxt_switches: %ld", &result.voluntary);
		sscanf(line, "nonvoluntary_ctxt_switches: %ld", &result.involuntary);
	}
	fclose(file);
	return result;
}

static inline struct switches switches_since(struct switches before, struct switches now)
{
	return (struct switches){ now.voluntary - before.voluntary, now.involuntary - before.involuntary };
}

#endif
