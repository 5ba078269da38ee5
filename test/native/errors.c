// SPDX-License-Identifier: Apache-2.0
//
// What is refused, and how: errno, the consumed counts, the BR codes and the extended error; and that the device serves on afterwards.
//
// Expectations are the kernel's C driver's. Where that one reads or writes beyond the buffers it was given (a code or a payload that sticks
// out of the write buffer, a read of less than four bytes), a device must refuse; --no-strict-bounds leaves those steps out, for that driver.

#include "errors/buffers.h"
#include "errors/ioctls.h"
#include "errors/sequences.h"
#include "errors/transactions.h"

int main(int argc, char **argv)
{
	begin(argc, argv, "errors", 60, "[--no-strict-bounds] [--no-descriptors]");
	bool strict = !option_given("--no-strict-bounds");
	descriptors = !option_given("--no-descriptors");
	pid_t manager = start_manager();
	edge = map_page(PROT_READ | PROT_WRITE);
	read_only = map_page(PROT_READ);
	unmapped = map_page(PROT_NONE);
	munmap(unmapped, 2 * 4096);

	open_pair();
	check_ioctls();
	check_write_buffer(strict);
	check_calls();
	check_sequences();
	close_pair();
	open_pair();
	check_read_buffer(strict);
	close_pair();
	// All that has harmed nobody.
	open_pair();
	check_sequences();
	close_pair();
	stop_process(manager);
	succeed("%u wrong steps refused%s", steps, strict ? "" : " (bounds of the buffers not looked at)");
	return 0;
}
