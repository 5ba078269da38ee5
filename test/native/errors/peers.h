// SPDX-License-Identifier: Apache-2.0
//
// Two Binder processes in this one, and memory that cannot be used: what the wrong steps are made with.

#ifndef UBINDER_TEST_ERRORS_PEERS_H
#define UBINDER_TEST_ERRORS_PEERS_H

#include "client.h"

static bool descriptors; // this driver passes file descriptors
static struct proc from, to;
static struct thread sender, receiver;
static uint32_t node, fd_node; // handles of the receiver's nodes; the second accepts descriptors
static unsigned steps;

// Two pages, the first to be read and written, the second not there: for what ends too early.
static uint8_t *edge;
static uint8_t *unmapped, *read_only;

#define UNREADABLE ((uint64_t)(uintptr_t)unmapped)

static int ioctl_error(int fd, unsigned long request, const void *argument)
{
	steps++;
	return ioctl(fd, request, argument) < 0 ? errno : 0;
}

#define CHECK_IOCTL(request, argument, expected) CHECK_ERRNO(PLACED(ioctl_error(from.fd, request, argument)), expected, #request)

static void open_pair(void)
{
	static uint32_t name = 10;
	open_proc(&from, O_NONBLOCK, DEFAULT_MAPPING);
	open_proc(&to, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(&sender, &from);
	enter_looper(&receiver, &to);
	publish(&receiver, name, 1, 1, 0);
	publish(&receiver, name + 1, 2, 2, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	node = look_up(&sender, name);
	fd_node = look_up(&sender, name + 1);
	name += 2;
}

static void close_pair(void)
{
	close_proc(&from);
	close_proc(&to);
}

static void *map_page(int protection)
{
	void *page = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	CHECK_SYS(mprotect(page, 4096, protection));
	CHECK_SYS(mprotect((uint8_t *)page + 4096, 4096, PROT_NONE));
	return page;
}

#endif
