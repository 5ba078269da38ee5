// SPDX-License-Identifier: Apache-2.0
//
// The yardstick: two processes pass a message to and fro through two pipes. One line of JSON a round.
//
//     pingpong [--rounds=1] [--calls=20000] [--warmup=2000] [--size=256] [--cpu=N]

#include "bench.h"

static size_t size;

static void move(int fd, uint8_t *bytes, bool out)
{
	for (size_t done = 0; done < size;) {
		ssize_t part = out ? write(fd, bytes + done, size - done) : read(fd, bytes + done, size - done);
		if (part <= 0)
			FAIL("%s: %s", out ? "write" : "read", part ? strerror(errno) : "the other end is closed");
		done += (size_t)part;
	}
}

struct pipes {
	int there[2], back[2];
};

static void run_other(void *argument)
{
	const struct pipes *pipes = argument;
	uint8_t *bytes = malloc(size);
	for (;;) {
		move(pipes->there[0], bytes, false);
		move(pipes->back[1], bytes, true);
	}
}

int main(int argc, char **argv)
{
	settings.name = "pingpong";
	settings.argc = argc;
	settings.argv = argv;
	settings.main_pid = getpid();
	unsigned rounds = option_number("--rounds", 1), calls = option_number("--calls", 20000), warmup = option_number("--warmup", 2000);
	settings.deadline = option_number("--deadline", 60 + rounds * (calls / 2000));
	size = option_number("--size", 256);
	CHECK(calls > 0 && size > 0);
	watch_process();
	bool pinned = pin_by_option();

	struct pipes pipes;
	CHECK_SYS(pipe(pipes.there));
	CHECK_SYS(pipe(pipes.back));
	pid_t other = start_process("other", run_other, &pipes);
	uint8_t *bytes = calloc(1, size);
	uint64_t *ns = calloc(calls, sizeof(*ns));
	for (unsigned round = 1; round <= rounds; round++) {
		uint64_t start = 0;
		for (unsigned i = 0; i < warmup + calls; i++) {
			uint64_t before = now_ns();
			if (i == warmup)
				start = before;
			memcpy(bytes, &i, size < sizeof(i) ? size : sizeof(i));
			move(pipes.there[1], bytes, true);
			move(pipes.back[0], bytes, false);
			if (i >= warmup)
				ns[i - warmup] = now_ns() - before;
		}
		struct times times = sum_up(ns, calls, now_ns() - start);
		printf("{\"bench\":\"pingpong\",\"round\":%u,\"size\":%zu,\"pinned\":%s,\"calls\":%u,\"p50_us\":%.2f,\"p99_us\":%.2f,"
		       "\"calls_per_second\":%.0f}\n",
			round, size, pinned ? "true" : "false", calls, times.p50_us, times.p99_us, times.per_second);
		fflush(stdout);
	}
	stop_process(other);
	return 0;
}
