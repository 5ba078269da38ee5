// SPDX-License-Identifier: Apache-2.0
//
// A client that throws the received pages out of the page cache and touches them again while it is sent more: where data is stored into the
// page cache, the store waits for a READ that waits for whoever stores. Meanwhile read(2) is refused, whoever answers.

#include "pair.h"

static struct proc receiver;
static atomic_bool stop;

static void *drop_and_touch(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		madvise((void *)receiver.mapping, receiver.mapping_size, MADV_DONTNEED);
		posix_fadvise(receiver.fd, 0, 0, POSIX_FADV_DONTNEED);
		for (size_t at = 0; at < 16 * 4096; at += 4096)
			(void)*(volatile const uint8_t *)(receiver.mapping + at);
	}
	return NULL;
}

static void *read_device(void *unused)
{
	(void)unused;
	uint8_t bytes[64];
	while (!atomic_load(&stop)) {
		CHECK(read(receiver.fd, bytes, sizeof(bytes)) < 0 || !refuses_reads(), "a device was read");
		usleep(100);
	}
	return NULL;
}

static void attack(void *unused)
{
	(void)unused;
	struct thread thread;
	open_proc(&receiver, 0, DEFAULT_MAPPING);
	init_thread(&thread, &receiver);
	pthread_t toucher = start_thread(drop_and_touch, NULL), reader = start_thread(read_device, NULL);
	uint64_t start = now_ns(), seed = 1;
	while (now_ns() - start < 3 * 1000000000ull) {
		struct parcel parcel = { .size = 0 };
		uint8_t bytes[3000];
		fill(bytes, sizeof(bytes), ++seed);
		put_bytes(&parcel, bytes, sizeof(bytes));
		must_call(&thread, 0, MANAGER_PING, &parcel);
		CHECK_EQ(thread.received.data_size, sizeof(bytes), "size of the answer");
		check_filled(data_of(&thread.received), sizeof(bytes), seed);
		drop_received(&thread);
	}
	atomic_store(&stop, true);
	pthread_join(toucher, NULL);
	pthread_join(reader, NULL);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "store", 60, "");
	start_pair();
	finish_process(start_process("attacker", attack, NULL));
	check_pair("dropping pages");
	stop_pair();
	succeed("%llu calls of the pair, the longest %.1f ms", (unsigned long long)atomic_load(&pair->calls),
		(double)atomic_load(&pair->worst_ns) / 1e6);
	return 0;
}
