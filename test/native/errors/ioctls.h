// SPDX-License-Identifier: Apache-2.0
//
// ioctls that are wrong in themselves.

#ifndef UBINDER_TEST_ERRORS_IOCTLS_H
#define UBINDER_TEST_ERRORS_IOCTLS_H

#include "errors/peers.h"

static void check_ioctls(void)
{
	static uint64_t buffer[32768 / 8]; // longer than an encoded size can say
	static const unsigned long bad_pointer[] = { BINDER_WRITE_READ, BINDER_GET_NODE_DEBUG_INFO, BINDER_GET_NODE_INFO_FOR_REF, BINDER_FREEZE,
		BINDER_GET_FROZEN_INFO, BINDER_ENABLE_ONEWAY_SPAM_DETECTION, BINDER_GET_EXTENDED_ERROR };
	static const unsigned long bad_pointer_either[] = { BINDER_SET_MAX_THREADS, BINDER_VERSION, BINDER_SET_CONTEXT_MGR_EXT };
	static const unsigned long unknown[] = { _IO('b', 0), _IO('b', 1), _IO('b', 2), _IO('b', 4), _IO('b', 9), _IO('b', 10), _IO('b', 18),
		_IO('b', 99), _IO('b', 255), _IO('c', 1), _IO('r', 1), _IOR('b', 1, struct binder_write_read), _IOW('b', 1, struct binder_write_read),
		_IOWR('b', 1, uint8_t[40]), _IOWR('b', 1, uint8_t[56]), _IOWR('b', 1, uint8_t[264]), _IOW('b', 9, uint32_t), _IOR('b', 9, uint32_t),
		_IOWR('b', 9, uint64_t), _IOW('b', 5, uint64_t), _IOWR('b', 18, uint8_t[16383]), _IOW('a', 5, uint32_t), 0x5401 };

	for (unsigned i = 0; i < COUNT(bad_pointer); i++) {
		CHECK_IOCTL(bad_pointer[i], NULL, EFAULT);
		CHECK_IOCTL(bad_pointer[i], unmapped, EFAULT);
		CHECK_IOCTL(bad_pointer[i], edge + 4096 - _IOC_SIZE(bad_pointer[i]) + 1, EFAULT);
	}
	for (unsigned i = 0; i < COUNT(bad_pointer_either); i++) {
		int error = PLACED(ioctl_error(from.fd, bad_pointer_either[i], unmapped));
		CHECK(error == EINVAL || error == EFAULT, "0x%lx: got %s", bad_pointer_either[i], error_name(error));
		error = ioctl_error(from.fd, bad_pointer_either[i], NULL);
		CHECK(error == EINVAL || error == EFAULT, "0x%lx: got %s", bad_pointer_either[i], error_name(error));
	}
	// Answers that cannot be written.
	CHECK_IOCTL(BINDER_GET_NODE_DEBUG_INFO, read_only, EFAULT);
	CHECK_IOCTL(BINDER_GET_EXTENDED_ERROR, read_only, EFAULT);
	CHECK_IOCTL(BINDER_WRITE_READ, read_only, EFAULT);
	for (unsigned i = 0; i < COUNT(unknown); i++)
		if (ioctl_error(from.fd, unknown[i], buffer) != EINVAL)
			FAIL("ioctl 0x%lx: expected EINVAL, got %s", unknown[i], error_name(errno));
	int64_t idle = 1;
	CHECK_IOCTL(BINDER_SET_IDLE_TIMEOUT, &idle, EINVAL);
	CHECK_IOCTL(BINDER_SET_IDLE_PRIORITY, &idle, EINVAL);

	// No process has this number: it is beyond the largest.
	uint32_t freeze[3] = { 0x7ffffff0, 1, 0 }, frozen[3] = { 0x7ffffff0, 0, 0 };
	CHECK_IOCTL(BINDER_FREEZE, freeze, EINVAL);
	CHECK_IOCTL(BINDER_GET_FROZEN_INFO, frozen, EINVAL);

	uint32_t most = 0xffffffff, none = 0;
	CHECK_IOCTL(BINDER_SET_MAX_THREADS, &most, 0);
	CHECK_IOCTL(BINDER_SET_MAX_THREADS, &none, 0);

	// Nothing else can be done with a device.
	char byte = 0;
	ssize_t got = read(from.fd, &byte, 1);
	if (got >= 0 && !settings.kernel) {
		printf("skip errors: read(2) of a device gives %zd bytes: this kernel maps no FUSE file that refuses it\n", got);
	} else {
		CHECK(got < 0 && errno == EINVAL, "read: errno %d", errno);
		CHECK(write(from.fd, &byte, 1) < 0 && errno == EINVAL, "write: errno %d", errno);
	}
	if (settings.kernel)
		CHECK(lseek(from.fd, 0, SEEK_SET) < 0 && errno == ESPIPE, "lseek: errno %d", errno);
}

#endif
