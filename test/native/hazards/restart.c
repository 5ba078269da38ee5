// SPDX-License-Identifier: Apache-2.0
//
// A client whose daemon ends, in whatever way: says what its sleeping read, and what its next ioctl, end with, and opens its device again
// when it is served anew.

#include "client.h"

int main(int argc, char **argv)
{
	struct proc proc;
	struct thread thread;
	begin(argc, argv, "restart", 120, "");
	open_proc(&proc, 0, DEFAULT_MAPPING);
	become_manager(&proc);
	enter_looper(&thread, &proc);
	printf("reading\n");
	int error = exchange_bytes(&thread, sizeof(thread.in));
	printf("the read: %s\n", error_name(error));
	printf("then: %s\n", error_name(version_error(proc.fd)));
	CHECK_EQ(*(volatile uint8_t *)proc.mapping, 0, "what was received stays readable");
	close_proc(&proc);
	for (;;) {
		int fd = open(settings.device, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && version_error(fd) == 0) {
			close(fd);
			break;
		}
		if (fd >= 0)
			close(fd);
		sleep_ms(20);
	}
	pid_t manager = start_manager();
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	must_call(&thread, 0, MANAGER_PING, NULL);
	drop_received(&thread);
	stop_process(manager);
	succeed("served again");
	return 0;
}
