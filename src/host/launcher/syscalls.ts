import { errno, libc, loadKoffi, SystemCallError } from '../linux/libc.ts';
import { once } from '../linux/once.ts';

/** Flags of mount(2), umount2(2) and unshare(2) that the launcher uses. */
export const flags = {
  MS_NOSUID: 0x2,
  MS_NODEV: 0x4,
  MS_BIND: 0x1000,
  MS_REC: 0x4000,
  MS_SLAVE: 0x80000,
  MNT_DETACH: 0x2,
  CLONE_NEWNS: 0x20000,
} as const;

// System calls newer than the C library of some distributions; these numbers are the same on every architecture.
const SYS_open_tree = 428;
const SYS_move_mount = 429;
const SYS_pidfd_getfd = 438;

const AT_FDCWD = -100;

const c = once(() => ({
  unshare: libc<(flags: number) => number>('int unshare(int)'),
  mount: libc<
    (source: string, target: string, type: string | null, flags: number, data: string | null) => number
  >('int mount(const char *, const char *, const char *, uint64_t, const char *)'),
  umount2: libc<(target: string, flags: number) => number>('int umount2(const char *, int)'),
  mknod: libc<(path: string, mode: number, device: number) => number>(
    'int mknod(const char *, uint32_t, uint64_t)',
  ),
  openTree: libc<(nr: number, fd: number, path: string, flags: number) => number>(
    'int64_t syscall(int64_t, int64_t, const char *, uint64_t)',
  ),
  moveMount: libc<
    (nr: number, from: number, fromPath: string, to: number, toPath: string, flags: number) => number
  >('int64_t syscall(int64_t, int64_t, const char *, int64_t, const char *, uint64_t)'),
  pidfdGetfd: libc<(nr: number, pidfd: number, fd: number, flags: number) => number>(
    'int64_t syscall(int64_t, int64_t, int64_t, uint64_t)',
  ),
  ptrace: libc<(request: number, pid: number, address: number, data: number) => number>(
    'int64_t ptrace(int64_t, int64_t, uint64_t, uint64_t)',
  ),
  waitpid: libc<(pid: number, status: Buffer, options: number) => number>('int waitpid(int, void *, int)'),
  ioctl: libc<(fd: number, request: number, argument: Buffer) => number>('int ioctl(int, uint64_t, void *)'),
  fcntl: libc<(fd: number, command: number, value: number) => number>('int fcntl(int, int, int64_t)'),
  signal: libc<(signal: number, handler: number) => bigint>('uint64_t signal(int, uint64_t)'),
  sigprocmask: libc<(how: number, set: Buffer, old: null) => number>('int sigprocmask(int, void *, void *)'),
  prctl: libc<(option: number, a: number, b: number, c: number, d: number) => number>(
    'int prctl(int, uint64_t, uint64_t, uint64_t, uint64_t)',
  ),
  capget: libc<(header: Buffer, data: Buffer) => number>('int capget(void *, void *)'),
  capset: libc<(header: Buffer, data: Buffer) => number>('int capset(void *, void *)'),
  execvp: libc<(file: Buffer, argv: Buffer) => number>('int execvp(void *, void *)'),
}));

function check(result: number, call: string, detail?: string): number {
  if (result < 0) throw new SystemCallError(call, errno(), detail);
  return result;
}

/** unshare(2) for the calling thread. */
export function unshare(flags: number): void {
  check(c().unshare(flags), 'unshare');
}

/** mount(2). */
export function mount(
  source: string,
  target: string,
  type: string | null,
  flags: number,
  data: string | null = null,
): void {
  check(c().mount(source, target, type, flags, data), 'mount', target);
}

/** umount2(2). */
export function umount(target: string, flags: number): void {
  check(c().umount2(target, flags), 'umount', target);
}

/** mknod(2) for a character device. */
export function makeCharacterDevice(path: string, major: number, minor: number): void {
  const S_IFCHR = 0o020000;
  check(c().mknod(path, S_IFCHR | 0o600, (major << 8) | minor), 'mknod', path);
}

/** A private copy of the mounts at and below `path`, attached nowhere yet: a file descriptor for {@link attachTree}. */
export function cloneTree(path: string): number {
  const OPEN_TREE_CLONE = 1;
  const AT_RECURSIVE = 0x8000;
  const O_CLOEXEC = 0x80000;
  const fd = c().openTree(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | AT_RECURSIVE | O_CLOEXEC);
  return check(fd, 'open_tree', path);
}

/** Mounts what {@link cloneTree} copied. The descriptor stays the caller's. */
export function attachTree(tree: number, target: string): void {
  const MOVE_MOUNT_F_EMPTY_PATH = 4;
  check(
    c().moveMount(SYS_move_mount, tree, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH),
    'move_mount',
    target,
  );
}

/** A descriptor of our own (close-on-exec) for what another process has open as `fd`. */
export function copyDescriptor(pidfd: number, fd: number): number {
  return check(c().pidfdGetfd(SYS_pidfd_getfd, pidfd, fd, 0), 'pidfd_getfd', String(fd));
}

/** ioctl(2) with a struct or an integer in memory; its result. */
export function ioctl(fd: number, request: number, argument: Buffer): number {
  return check(c().ioctl(fd, request, argument), 'ioctl', `0x${request.toString(16)}`);
}

/** Begins to trace a thread without stopping it. It ends with {@link traceDetach}, or with this process. */
export function traceAttach(pid: number): void {
  const PTRACE_SEIZE = 0x4206;
  check(c().ptrace(PTRACE_SEIZE, pid, 0, 0), 'ptrace', `SEIZE ${pid}`);
}

/** Asks a traced thread to stop; see {@link traceStopped}. */
export function traceInterrupt(pid: number): void {
  const PTRACE_INTERRUPT = 0x4207;
  check(c().ptrace(PTRACE_INTERRUPT, pid, 0, 0), 'ptrace', `INTERRUPT ${pid}`);
}

/** Whether a traced thread has stopped since it was asked for. */
export function traceStopped(pid: number): boolean {
  const WNOHANG = 1;
  const __WALL = 0x40000000;
  return check(c().waitpid(pid, Buffer.alloc(4), WNOHANG | __WALL), 'waitpid', String(pid)) === pid;
}

/** Lets a stopped thread go on untraced. */
export function traceDetach(pid: number): void {
  const PTRACE_DETACH = 17;
  check(c().ptrace(PTRACE_DETACH, pid, 0, 0), 'ptrace', `DETACH ${pid}`);
}

/** Lets the descriptor survive an exec. */
export function keepAcrossExec(fd: number): void {
  const F_SETFD = 2;
  check(c().fcntl(fd, F_SETFD, 0), 'fcntl', String(fd));
}

/** Gives a signal its default action again. */
export function defaultSignal(signal: number): void {
  const SIG_DFL = 0;
  c().signal(signal, SIG_DFL);
}

/** Blocks no signal on the calling thread. */
export function unblockSignals(): void {
  const SIG_SETMASK = 2;
  const sizeofSigset = 128;
  check(c().sigprocmask(SIG_SETMASK, Buffer.alloc(sizeofSigset), null), 'sigprocmask');
}

/**
 * Lets an exec drop the capabilities that the calling thread holds only because they were made ambient.
 * They stay in force until that exec.
 */
export function dropCapabilitiesAtExec(): void {
  const PR_CAP_AMBIENT = 47;
  const PR_CAP_AMBIENT_CLEAR_ALL = 4;
  check(c().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 'prctl');
  // struct __user_cap_header_struct: u32 version @0, int pid @4
  // struct __user_cap_data_struct [2]: u32 effective @0, permitted @4, inheritable @8
  const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
  const header = Buffer.alloc(8);
  header.writeUInt32LE(LINUX_CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  check(c().capget(header, data), 'capget');
  data.writeUInt32LE(0, 8);
  data.writeUInt32LE(0, 20);
  check(c().capset(header, data), 'capset');
}

/**
 * Replaces this process by `argv[0]`, looked for in `PATH`. Returns only when that failed, with the errno.
 *
 * @param argv bytes, not text: an argument need not be UTF-8.
 */
export function execvp(argv: readonly Buffer[]): number {
  const strings = argv.map((argument) => Buffer.concat([argument, Buffer.alloc(1)]));
  const pointers = Buffer.alloc(8 * (strings.length + 1));
  strings.forEach((string, i) => {
    pointers.writeBigUInt64LE(loadKoffi().address(string), 8 * i);
  });
  c().execvp(strings[0] as Buffer, pointers);
  return errno();
}
