// SPDX-License-Identifier: Apache-2.0
//
// A thread that neither goes on nor can be stopped: it waits for its child of vfork(2). Says its id, ends with its input.

#include <stdio.h>
#include <unistd.h>

int main(void)
{
	char byte;
	printf("%d\n", getpid());
	fflush(stdout);
	if (vfork() == 0)
		_exit(read(0, &byte, 1) < 0);
	return 0;
}
