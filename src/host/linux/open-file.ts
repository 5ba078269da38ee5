import type { OpenFile, ThreadId } from '../../driver/ports.ts';
import { errno, libc } from './libc.ts';
import { once } from './once.ts';
import { readProc } from './proc-file.ts';
import { openProcess } from './process-watch.ts';
import { openThread } from './thread-watch.ts';

/** The same on all architectures. */
const SYS_PIDFD_GETFD = 438;
const SYS_CLOSE_RANGE = 436;
const F_GETFL = 3;
const O_PATH = 0o10000000;
const EBADF = 9;
const ESRCH = 3;
const EINVAL = 22;

const c = once(() => ({
  pidfdGetfd: libc<(number: number, pidfd: number, fd: number, flags: number) => number>(
    'int64_t syscall(int64_t, int64_t, int64_t, int64_t)',
  ),
  fcntl: libc<(fd: number, command: number) => number>('int fcntl(int, int)'),
  close: libc<(fd: number) => number>('int close(int)'),
  closeRange: libc<CloseRange>('int64_t syscall(int64_t, uint64_t, uint64_t, int64_t)'),
}));

/** As koffi has it; `async` makes the call in a thread of libuv's. */
interface CloseRange {
  (number: number, first: number, last: number, flags: number): number;
  async(number: number, first: number, last: number, flags: number, done: () => void): void;
}

/** An open file that was taken from a client: a descriptor of ours for it. */
export class TakenFile implements OpenFile {
  /** Those not closed yet. */
  static count = 0;
  readonly fd: number;
  /** The thread from which it was taken. */
  readonly #from: ThreadId;

  constructor(fd: number, from: ThreadId) {
    this.fd = fd;
    this.#from = from;
    TakenFile.count++;
  }

  /**
   * Closing a file of a file system in userspace waits for its server, which may be we ourselves: so it is done in
   * another thread; at once for all from one client that are closed together: its server holds up nobody else's.
   */
  close(): void {
    if (closing.push(this) === 1) queueMicrotask(closeAll);
  }

  /** Whether one call may close this one and `next`. */
  isFollowedBy(next: TakenFile | undefined): boolean {
    return next !== undefined && next.fd === this.fd + 1 && next.#from === this.#from;
  }
}

/** Those to be closed when the main thread has done what it is doing. */
const closing: TakenFile[] = [];

function closeAll(): void {
  const files = closing.splice(0).sort((a, b) => a.fd - b.fd);
  for (let first = 0; first < files.length; ) {
    let last = first;
    while (files[last]?.isFollowedBy(files[last + 1])) last++;
    const [from, to] = [files[first] as TakenFile, files[last] as TakenFile];
    const count = last - first + 1;
    c().closeRange.async(SYS_CLOSE_RANGE, from.fd, to.fd, 0, () => {
      TakenFile.count -= count;
    });
    first = last + 1;
  }
}

/**
 * Takes the open file behind descriptor `fd` of `thread`, which must be blocked in a request of ours. Flags and position
 * stay shared with the client: it is the same open file description.
 *
 * @param pidfd of that thread, or of one that had its id before, where there is one already.
 * @returns the file, or a positive errno: EBADF where there is none, or an O_PATH descriptor; EPERM when we may not trace
 * that process; EMFILE when we have no descriptors left.
 */
export function takeFile(thread: ThreadId, fd: number, pidfd = -1): TakenFile | number {
  // Above every limit, and the kernel's parameter is signed
  if (fd > 0x7fff_ffff) return EBADF;
  const known = pidfd < 0 ? -ESRCH : copyBy(pidfd, fd);
  const taken = known === -ESRCH ? copyDescriptor(thread, fd) : known;
  if (taken < 0) return -taken;
  if (c().fcntl(taken, F_GETFL) & O_PATH) {
    new TakenFile(taken, thread).close();
    return EBADF;
  }
  return new TakenFile(taken, thread);
}

/**
 * A descriptor of ours, close-on-exec, for what `fd` of `thread` is open on.
 *
 * @returns the descriptor or -errno.
 */
export function copyDescriptor(thread: ThreadId, fd: number): number {
  const pidfd = openForDescriptors(thread);
  if (pidfd < 0) return pidfd;
  const copied = copyBy(pidfd, fd);
  c().close(pidfd);
  return copied;
}

function copyBy(pidfd: number, fd: number): number {
  const copied = c().pidfdGetfd(SYS_PIDFD_GETFD, pidfd, fd, 0);
  return copied === -1 ? -errno() : copied;
}

/** A pidfd of the thread; of its process below Linux 6.9, whose threads nearly always share their descriptors. */
function openForDescriptors(thread: ThreadId): number {
  const pidfd = openThread(thread);
  if (pidfd !== -EINVAL) return pidfd;
  const [, tgid] = /^Tgid:\s+(\d+)/m.exec(readProc(`/proc/${thread}/status`, 1024) ?? '') ?? [];
  return tgid === undefined ? -ESRCH : openProcess(Number(tgid));
}
