// SPDX-License-Identifier: Apache-2.0
//
// Descriptors in parcels, and in this process.

#ifndef UBINDER_TEST_DESCRIPTORS_H
#define UBINDER_TEST_DESCRIPTORS_H

#include "client.h"

#include <dirent.h>
#include <sys/resource.h>

static inline unsigned count_fds(void)
{
	unsigned count = 0;
	DIR *directory = opendir("/proc/self/fd");
	CHECK(directory != NULL, "opendir: %s", strerror(errno));
	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 3; // ".", ".." and the directory's own
}

static inline void put_fd(struct parcel *parcel, int fd)
{
	struct binder_fd_object object = { .hdr.type = BINDER_TYPE_FD, .fd = (uint32_t)fd, .cookie = 7 };
	put_object(parcel, &object, sizeof(object));
}

static inline int fd_of(const struct binder_transaction_data *data, size_t index)
{
	struct binder_fd_object object;
	const binder_size_t *offsets = (const binder_size_t *)(uintptr_t)data->data.ptr.offsets;
	memcpy(&object, (const uint8_t *)data_of(data) + offsets[index], sizeof(object));
	CHECK_EQ(object.hdr.type, BINDER_TYPE_FD, "type of the object");
	return (int)object.fd;
}

static inline size_t objects_in(const struct binder_transaction_data *data)
{
	return data->offsets_size / sizeof(binder_size_t);
}

// Calls a non-blocking reader of this process, which has room for so few descriptors more. The call comes, its first descriptor with the
// lowest number, and is answered; or it fails for its sender, and the reader does not notice.
static inline void call_with_room(struct thread *thread, uint32_t handle, const struct parcel *parcel, struct thread *reader, unsigned room,
	bool comes)
{
	struct rlimit limit, some;
	struct event event;
	int lowest = CHECK_SYS(dup(STDOUT_FILENO));
	CHECK_SYS(close(lowest));
	unsigned before = count_fds();
	CHECK_SYS(getrlimit(RLIMIT_NOFILE, &limit));
	some = limit;
	some.rlim_cur = (rlim_t)lowest + room;
	bc_call(thread, handle, 1, 0, parcel);
	submit(thread);
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &some));
	if (comes) {
		expect(reader, "NOOP TRANSACTION");
		CHECK_EQ(fd_of(receive(reader), 0), lowest, "the descriptor");
		CHECK_SYS(close(lowest));
		bc_free_received(reader);
		bc_reply(reader, NULL);
		submit(reader);
		expect(reader, "NOOP TC");
	} else {
		expect_nothing(reader);
	}
	CHECK_SYS(setrlimit(RLIMIT_NOFILE, &limit));
	next_event(thread, &event);
	CHECK_EQ(event.command, BR_TRANSACTION_COMPLETE, "first");
	next_event(thread, &event);
	CHECK_EQ(event.command, comes ? BR_REPLY : BR_FAILED_REPLY, "second");
	// A full table is the receiver's affair: the record says nothing of it.
	check_extended_error(thread, BR_OK, 0);
	if (comes) {
		thread->received = event.transaction;
		drop_received(thread);
	}
	CHECK_EQ(count_fds(), before, "descriptors afterwards");
}

#endif
