// SPDX-License-Identifier: Apache-2.0
//
// What a client does to the device's file: opened by other names, resized, punched, read and written, mapped twice or for writing.

#include "pair.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <linux/falloc.h>

// ---- Hazard 3: opens that the file system cannot tell apart

static int open_errno(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

// The device file bound to another place: all opens through it have one inode, whose memory must not become common to them.
static void attack_bound_file(void *unused)
{
	(void)unused;
	char path[] = "/tmp/ubinder-bound-XXXXXX";
	CHECK_SYS(unshare(CLONE_NEWNS));
	CHECK_SYS(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	close(CHECK_SYS(mkstemp(path)));
	CHECK_SYS(mount(settings.device, path, NULL, MS_BIND, NULL));
	open_caller();
	settings.device = path;
	struct target first;
	open_target(&first, 65536, PROT_READ, MAP_PRIVATE);
	for (unsigned i = 0; i < 20; i++) {
		CHECK_ERRNO(open_errno(path), EBUSY, "a second open of a bound device file");
		exchange_bytes_with(&first, 10000 + i, i);
	}
	char own[64];
	snprintf(own, sizeof(own), "/proc/self/fd/%d", first.proc.fd);
	CHECK_ERRNO(open_errno(own), EBUSY, "opening an open device again");
	exchange_bytes_with(&first, 5000, 99);
	close_proc(&first.proc);
	// The last close may still be on its way
	for (unsigned tries = 0; open_errno(path) != 0; tries++) {
		CHECK(tries < 2000, "a bound device file stays busy");
		sleep_ms(1);
	}
	CHECK_SYS(umount2(path, MNT_DETACH));
	unlink(path);
}

// ---- Hazard 9: the operations of ordinary files

static void check_refused_(const char *what, long result)
{
	if (result >= 0)
		FAIL("%s of a device must fail, and did not", what);
}
#define check_refused(...) PLACED(check_refused_(__VA_ARGS__))

static void attack_with_operations(void *unused)
{
	(void)unused;
	struct target target;
	uint8_t bytes[8192] = { 0 };
	int ends[2];
	open_caller();
	open_target(&target, 1 << 20, PROT_READ, MAP_PRIVATE);
	int fd = target.proc.fd;
	CHECK_SYS(pipe(ends));
	for (unsigned round = 0; round < 3; round++) {
		check_refused("ftruncate to 0", ftruncate(fd, 0));
		check_refused("ftruncate to more", ftruncate(fd, 1ll << 40));
		check_refused("fallocate", fallocate(fd, 0, 0, 4096));
		check_refused("punching", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20));
		check_refused("zeroing", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 1 << 20));
		if (refuses_reads()) {
			check_refused("read", read(fd, bytes, sizeof(bytes)));
			check_refused("pread", pread(fd, bytes, sizeof(bytes), 4096));
			check_refused("write", write(fd, bytes, sizeof(bytes)));
			check_refused("pwrite", pwrite(fd, bytes, sizeof(bytes), 0));
		}
		check_refused("copy_file_range", copy_file_range(fd, NULL, fd, NULL, 4096, 0));
		// These may give it what it has received, where that lies in the page cache
		splice(fd, NULL, ends[1], NULL, 4096, SPLICE_F_NONBLOCK);
		if (splice(ends[0], NULL, fd, NULL, 4096, SPLICE_F_NONBLOCK) > 0)
			FAIL("splice into a device must fail, and did not");
		fsync(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		readahead(fd, 0, 1 << 20);
		madvise((void *)target.proc.mapping, 1 << 20, MADV_REMOVE);
		madvise((void *)target.proc.mapping, 1 << 20, MADV_DONTNEED);
		madvise((void *)target.proc.mapping, 1 << 20, MADV_WILLNEED);
		msync((void *)target.proc.mapping, 1 << 20, MS_SYNC | MS_INVALIDATE);
		exchange_bytes_with(&target, 100000, round);
	}
	// O_TRUNC is ignored, of an open of its own and of others
	int truncated = CHECK_SYS(open(settings.device, O_RDWR | O_TRUNC | O_CLOEXEC));
	CHECK_ERRNO(version_error(truncated), 0, "BINDER_VERSION after O_TRUNC");
	close(truncated);
	exchange_bytes_with(&target, 100000, 7);
	// Write-only and read-only opens have no mapping, or no more than they had
	int other = open(settings.device, O_WRONLY | O_CLOEXEC);
	if (other >= 0) {
		check_refused("mapping of a write-only open", -(mmap(NULL, 4096, PROT_READ, MAP_SHARED, other, 0) == MAP_FAILED));
		close(other);
	}
}

// ---- Hazard 19: mappings that cannot be refused

static void attack_with_mappings(void *unused)
{
	(void)unused;
	struct target target;
	open_caller();

	// For writing from the beginning: it never receives
	open_target(&target, 65536, PROT_READ | PROT_WRITE, MAP_SHARED);
	for (size_t at = 0; at < 65536; at += 4096)
		((volatile uint8_t *)target.proc.mapping)[at] = 0xff;
	check_dead_target(&target);
	// ... neither does a second mapping help
	void *second = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE, target.proc.fd, 0);
	CHECK(second != MAP_FAILED);
	check_dead_target(&target);
	munmap(second, 65536);
	close_proc(&target.proc);

	// Twice from the beginning
	open_target(&target, 65536, PROT_READ, MAP_PRIVATE);
	exchange_bytes_with(&target, 3000, 1);
	// A second one later is of no use, and does no harm
	second = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, target.proc.fd, 0);
	CHECK(second != MAP_FAILED);
	exchange_bytes_with(&target, 3000, 2);
	munmap(second, 1 << 20);
	exchange_bytes_with(&target, 3000, 3);
	close_proc(&target.proc);

	// Beyond what there is, and in the middle of it
	open_proc(&target.proc, O_NONBLOCK, 0);
	void *beyond = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE, target.proc.fd, 64ll << 20);
	target.proc.mapping = beyond;
	target.proc.mapping_size = beyond == MAP_FAILED ? 0 : 1 << 20;
	enter_looper(&target.thread, &target.proc);
	must_send(&target.thread, 0, MANAGER_PING, NULL);
	uint32_t ending = call(&target.thread, 0, MANAGER_PING, 0, NULL);
	CHECK(ending == BR_DEAD_REPLY || ending == BR_REPLY, "got %s", return_name(ending));
	if (beyond != MAP_FAILED)
		munmap(beyond, 1 << 20);
	close(target.proc.fd);

	// Names come and go while it is open
	const char *names[] = { "hwbinder", "renamed-binder" };
	char from[512];
	snprintf(from, sizeof(from), "%s", beside_device(names[0]));
	int fd = CHECK_SYS(open(from, O_RDWR | O_CLOEXEC));
	CHECK_SYS(rename(from, beside_device(names[1])));
	CHECK_ERRNO(version_error(fd), 0, "BINDER_VERSION of a renamed device");
	CHECK_SYS(rename(beside_device(names[1]), from));
	close(fd);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "files", 60, "[--only=ATTACK]");
	const struct attack attacks[] = {
		{ "bound-file", attack_bound_file, NULL },
		{ "operations", attack_with_operations, NULL },
		{ "mappings", attack_with_mappings, NULL },
	};
	run_attacks(attacks, COUNT(attacks));
	return 0;
}
