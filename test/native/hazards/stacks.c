// SPDX-License-Identifier: Apache-2.0
//
// Receivers of descriptors whose stack, or whose argument, lies in memory that nobody brings: whoever installs descriptors in their place
// uses both. Their calls fail; a well-behaved pair, and one that passes descriptors, must not notice.

#include <linux/userfaultfd.h>

#include "../descriptors.h"
#include "pair.h"
#include "silent-fuse.h"

enum { NAME = 40, PAIR_NAME };

#define PAGE 4096ul

// ---- A pair that passes descriptors all the time

static struct pair *passing;

static void open_reader(struct proc *proc, struct thread *reader, uint32_t name)
{
	open_proc(proc, O_NONBLOCK, DEFAULT_MAPPING);
	enter_looper(reader, proc);
	publish(reader, name, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
}

static void run_passing(void *unused)
{
	(void)unused;
	struct proc proc, reader_proc;
	struct thread thread, reader;
	struct parcel parcel = { .size = 0 };
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	open_reader(&reader_proc, &reader, PAIR_NAME);
	uint32_t handle = look_up(&thread, PAIR_NAME);
	put_fd(&parcel, CHECK_SYS(memfd_create("passed", MFD_CLOEXEC)));
	while (!atomic_load(&passing->stop)) {
		must_send(&thread, handle, 1, &parcel);
		uint64_t start = now_ns();
		expect(&reader, "NOOP TRANSACTION");
		uint64_t time = now_ns() - start;
		if (time > atomic_load(&passing->worst_ns))
			atomic_store(&passing->worst_ns, time);
		CHECK_SYS(close(fd_of(receive(&reader), 0)));
		drop_received(&reader);
		atomic_fetch_add(&passing->calls, 1);
		sleep_short();
	}
	forget(&thread, PAIR_NAME);
}

static pid_t start_passing(void)
{
	passing = share(sizeof(*passing));
	pid_t pid = start_process("passing pair", run_passing, NULL);
	AWAIT(atomic_load(&passing->calls) >= 10);
	return pid;
}

static void stop_passing(pid_t pid)
{
	atomic_store(&passing->stop, true);
	finish_process(pid);
}

static void check_passing(void)
{
	unsigned long long before = atomic_load(&passing->calls), worst;
	AWAIT(atomic_load(&passing->calls) >= before + 10);
	worst = atomic_load(&passing->worst_ns) / 1000000;
	CHECK(worst < PATIENCE_MS, "a descriptor of the well-behaved pair took %llu ms", worst);
}

// ---- System calls on a stack of one's choice

static int ioctl_on_stack(int fd, struct binder_write_read *bwr, void *stack)
{
	long result;
#if defined(__x86_64__)
	__asm__ volatile("movq %%rsp, %%rbx\n\tmovq %[stack], %%rsp\n\tsyscall\n\tmovq %%rbx, %%rsp"
		: "=a"(result)
		: "a"(SYS_ioctl), "D"(fd), "S"(BINDER_WRITE_READ), "d"(bwr), [stack] "r"(stack)
		: "rbx", "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x0 __asm__("x0") = fd;
	register long x1 __asm__("x1") = BINDER_WRITE_READ;
	register void *x2 __asm__("x2") = bwr;
	register long x8 __asm__("x8") = SYS_ioctl;
	__asm__ volatile("mov x9, sp\n\tmov sp, %[stack]\n\tsvc #0\n\tmov sp, x9"
		: "+r"(x0)
		: "r"(x1), "r"(x2), "r"(x8), [stack] "r"(stack)
		: "x9", "memory");
	result = x0;
#else
#error "which registers?"
#endif
	return result < 0 ? (int)-result : 0;
}

// Memory that nobody brings, a page of it, and good memory behind it.
struct region {
	uint8_t *memory;
	int uffd; // -1: a file that is never read
	int file;
};

static void make_bad(struct region *region)
{
	if (region->uffd < 0) {
		void *memory = mmap(region->memory, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, region->file, 0);
		CHECK(memory == region->memory);
		return;
	}
	struct uffdio_register area = { .range = { (uintptr_t)region->memory, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	CHECK_SYS(madvise(region->memory, PAGE, MADV_DONTNEED));
	CHECK_SYS(ioctl(region->uffd, UFFDIO_REGISTER, &area));
}

static bool open_region(struct region *region, int uffd_flags)
{
	region->memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(region->memory != MAP_FAILED);
	memset(region->memory, 1, 3 * PAGE);
	region->uffd = region->file = -1;
	if (uffd_flags < 0) {
		region->file = open_silent_file();
		return true;
	}
	region->uffd = (int)syscall(SYS_userfaultfd, uffd_flags | O_CLOEXEC);
	if (region->uffd < 0)
		return false;
	struct uffdio_api api = { .api = UFFD_API };
	CHECK_SYS(ioctl(region->uffd, UFFDIO_API, &api));
	return true;
}

// A call with a descriptor. Returns how it ended for the caller, once the reader's ioctl has returned.
static uint32_t give(struct thread *thread, uint32_t handle, struct thread *reader, void *stack, const struct parcel *parcel)
{
	struct binder_write_read bwr = { .read_buffer = (uintptr_t)reader->in, .read_size = sizeof(reader->in) };
	struct event event;
	bc_call(thread, handle, 1, 0, parcel);
	submit(thread);
	int error = ioctl_on_stack(reader->proc->fd, &bwr, stack);
	reader->in_size = bwr.read_consumed;
	reader->in_at = 0;
	if (error == 0) {
		next_event(reader, &event);
		CHECK_EQ(event.command, BR_TRANSACTION, "what was read");
		CHECK_SYS(close(fd_of(&event.transaction, 0)));
		bc_free(reader, event.transaction.data.ptr.buffer);
		bc_reply(reader, NULL);
		submit(reader);
		expect(reader, "NOOP TC");
	} else {
		CHECK_ERRNO(error, EAGAIN, "reading");
	}
	next_event(thread, &event);
	CHECK_EQ(event.command, BR_TRANSACTION_COMPLETE, "first");
	next_event(thread, &event);
	CHECK_EQ(event.command, error ? BR_FAILED_REPLY : BR_REPLY, "second");
	if (event.command == BR_REPLY) {
		thread->received = event.transaction;
		drop_received(thread);
	} else {
		check_extended_error(thread, BR_FAILED_REPLY, EFAULT);
	}
	return event.command;
}

struct kind {
	int uffd_flags;
	unsigned first, step; // bytes of good memory above the border in the first call, and how many less in each next one
};

// From where the system call's frame lies in good memory only to where it lies in bad memory only: each part of it once at the border.
static void attack_with_stack(void *argument)
{
	const struct kind *kind = argument;
	struct region region;
	struct proc proc, reader_proc;
	struct thread thread, reader;
	struct parcel parcel = { .size = 0 };
	if (!open_region(&region, kind->uffd_flags))
		return;
	pid_t passers = start_passing();
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	open_reader(&reader_proc, &reader, NAME);
	uint32_t handle = look_up(&thread, NAME);
	unsigned before = count_fds(), failed = 0, came = 0;
	int memory = CHECK_SYS(memfd_create("stack", MFD_CLOEXEC));
	put_fd(&parcel, memory);
	for (unsigned above = kind->first; above >= 128; above -= kind->step) {
		make_bad(&region);
		if (give(&thread, handle, &reader, region.memory + PAGE + above, &parcel) == BR_REPLY)
			came++;
		else
			failed++;
		check_passing();
	}
	printf("%u calls came, %u failed\n", came, failed);
	if (!settings.kernel)
		CHECK(came > 0 && failed > 0, "%u came, %u failed", came, failed);
	CHECK_SYS(close(memory));
	CHECK_EQ(count_fds(), before, "descriptors at the end");
	close_proc(&reader_proc);
	forget(&thread, NAME);
	close_proc(&proc);
	stop_passing(passers);
}

// ---- The argument of the ioctl, taken away while the thread sleeps in it

static atomic_uint *asleep;

static void *take_away(void *region)
{
	sleep_ms(100);
	make_bad(region);
	atomic_store(asleep, 1);
	return NULL;
}

// Never gets out of its ioctl: its own kernel has to write the argument.
static void run_sleeper(void *argument)
{
	struct proc proc;
	struct thread thread;
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	publish(&thread, NAME, 1, 1, FLAT_BINDER_FLAG_ACCEPTS_FDS);
	static struct region region;
	CHECK(open_region(&region, ((const struct kind *)argument)->uffd_flags), "no memory of that kind");
	struct binder_write_read *bwr = (void *)region.memory;
	*bwr = (struct binder_write_read){ .read_buffer = (uintptr_t)thread.in, .read_size = sizeof(thread.in) };
	start_thread(take_away, &region);
	ioctl(proc.fd, BINDER_WRITE_READ, bwr);
	pause();
}

static void attack_with_argument(void *argument)
{
	struct proc proc;
	struct thread thread;
	struct parcel parcel = { .size = 0 };
	asleep = share(sizeof(*asleep));
	pid_t passers = start_passing();
	open_proc(&proc, 0, DEFAULT_MAPPING);
	init_thread(&thread, &proc);
	put_fd(&parcel, CHECK_SYS(memfd_create("argument", MFD_CLOEXEC)));
	for (unsigned round = 0; round < 3; round++) {
		atomic_store(asleep, 0);
		pid_t sleeper = start_process("sleeper", run_sleeper, argument);
		AWAIT(atomic_load(asleep));
		uint32_t handle = look_up(&thread, NAME);
		must_send(&thread, handle, 1, &parcel);
		sleep_ms(300);
		check_passing();
		stop_process(sleeper);
		check_passing();
		bc_handle(&thread, BC_RELEASE, handle);
		submit(&thread);
		forget(&thread, NAME);
	}
	close_proc(&proc);
	stop_passing(passers);
}

int main(int argc, char **argv)
{
	begin(argc, argv, "stacks", 120, "[--only=ATTACK]");
	static struct kind any = { 0, 512, 16 }, user_mode = { 1, 512, 16 }, file = { -1, 512, 96 };
	const struct attack attacks[] = {
		{ "stack-on-userfaultfd", attack_with_stack, &any },
		{ "stack-on-userfaultfd-user-mode", attack_with_stack, &user_mode },
		{ "argument-on-userfaultfd", attack_with_argument, &any },
		{ "stack-on-silent-fuse", attack_with_stack, &file },
	};
	run_attacks(attacks, COUNT(attacks));
	return 0;
}
