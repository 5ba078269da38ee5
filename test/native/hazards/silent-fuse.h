// SPDX-License-Identifier: Apache-2.0
//
// A FUSE file system of one file, `file`, whose READs are never answered.

#ifndef UBINDER_TEST_SILENT_FUSE_H
#define UBINDER_TEST_SILENT_FUSE_H

#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "client.h"

#define SILENT_SIZE (1 << 20)

static inline void fuse_answer(int fd, const struct fuse_in_header *request, int error, const void *body, size_t size)
{
	struct fuse_out_header header = { .len = sizeof(header) + size, .error = -error, .unique = request->unique };
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)body, size } };
	if (writev(fd, parts, size ? 2 : 1) < 0 && errno != ENOENT)
		FAIL("writing to /dev/fuse: %s", strerror(errno));
}

static inline struct fuse_attr silent_attributes(uint64_t node)
{
	bool root = node == FUSE_ROOT_ID;
	return (struct fuse_attr){ .ino = node, .size = SILENT_SIZE, .mode = root ? S_IFDIR | 0777 : S_IFREG | 0666, .nlink = 1 };
}

static inline void *serve_silently(void *argument)
{
	int fd = *(int *)argument;
	static uint8_t buffer[1 << 18];
	for (;;) {
		ssize_t size = read(fd, buffer, sizeof(buffer));
		if (size < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (size < 0)
			return NULL;
		const struct fuse_in_header *request = (void *)buffer;
		switch (request->opcode) {
		case FUSE_INIT: {
			struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 65536 };
			fuse_answer(fd, request, 0, &out, sizeof(out));
			break;
		}
		case FUSE_LOOKUP: {
			struct fuse_entry_out out = { .nodeid = 2, .entry_valid = 3600, .attr_valid = 3600, .attr = silent_attributes(2) };
			fuse_answer(fd, request, 0, &out, sizeof(out));
			break;
		}
		case FUSE_GETATTR: {
			struct fuse_attr_out out = { .attr_valid = 3600, .attr = silent_attributes(request->nodeid) };
			fuse_answer(fd, request, 0, &out, sizeof(out));
			break;
		}
		case FUSE_OPEN: {
			struct fuse_open_out out = { .fh = 1 };
			fuse_answer(fd, request, 0, &out, sizeof(out));
			break;
		}
		case FUSE_READ:
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT:
			break;
		default:
			fuse_answer(fd, request, request->opcode == FUSE_FLUSH || request->opcode == FUSE_RELEASE ? 0 : ENOSYS, NULL, 0);
		}
	}
}

// A parent that has become another user cannot have us killed by its death.
static inline void *end_with_parent(void *parent)
{
	while (getppid() == *(pid_t *)parent)
		sleep_ms(50);
	_exit(0);
}

// Mounts it in a mount namespace of this process's own; returns the file, opened. Whoever maps it and touches a page waits for ever.
static inline int open_silent_file(void)
{
	static int fuse;
	char options[128], path[128], directory[] = "/tmp/ubinder-silent-XXXXXX";
	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	if (!mkdtemp(directory))
		FAIL("mkdtemp: %s", strerror(errno));
	fuse = CHECK_SYS(open("/dev/fuse", O_RDWR | O_CLOEXEC));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%d,group_id=%d,allow_other", fuse, geteuid(), getegid());
	CHECK_SYS(mount("silent", directory, "fuse.silent", MS_NOSUID | MS_NODEV, options));
	// In a process of its own: it must be there until the last request of those who use it has ended
	static pid_t parent;
	parent = getpid();
	if (fork() == 0) {
		start_thread(end_with_parent, &parent);
		serve_silently(&fuse);
		_exit(0);
	}
	int served = fuse;
	snprintf(path, sizeof(path), "%s/file", directory);
	int file = CHECK_SYS(open(path, O_RDWR | O_CLOEXEC));
	umount2(directory, MNT_DETACH);
	rmdir(directory);
	close(served);
	return file;
}

#endif
