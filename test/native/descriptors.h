// SPDX-License-Identifier: Apache-2.0
//
// Descriptors in parcels, and in this process.

#ifndef UBINDER_TEST_DESCRIPTORS_H
#define UBINDER_TEST_DESCRIPTORS_H

#include "client.h"

#include <dirent.h>

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

#endif
