import { close } from 'node:fs';
import type { OpenFile, ThreadId } from '../../driver/ports.ts';
import { errno, libc } from './libc.ts';
import { once } from './once.ts';
import { readProc } from './proc-file.ts';
import { openProcess } from './process-watch.ts';
import { openThread } from './thread-watch.ts';

/** The same on all architectures. */
const SYS_PIDFD_GETFD = 438;
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
}));

/** An open file that was taken from a client: a descriptor of ours for it. */
export class TakenFile implements OpenFile {
  /** Those not closed yet. */
  static count = 0;
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
    TakenFile.count++;
  }

  /**
   * Closing a file of a file system in userspace waits for its server, which may be we ourselves: so it is done in
   * another thread.
   */
  close(): void {
    close(this.fd, () => {
      TakenFile.count--;
    });
  }
}

/**
 * Takes the open file behind descriptor `fd` of `thread`, which must be blocked in a request of ours. Flags and position
 * stay shared with the client: it is the same open file description.
 *
 * @returns the file, or a positive errno: EBADF where there is none, or an O_PATH descriptor; EPERM when we may not trace
 * that process; EMFILE when we have no descriptors left.
 */
export function takeFile(thread: ThreadId, fd: number): TakenFile | number {
  // Above every limit, and the kernel's parameter is signed
  if (fd > 0x7fff_ffff) return EBADF;
  const taken = copyDescriptor(thread, fd);
  if (taken < 0) return -taken;
  if (c().fcntl(taken, F_GETFL) & O_PATH) {
    new TakenFile(taken).close();
    return EBADF;
  }
  return new TakenFile(taken);
}

/**
 * A descriptor of ours, close-on-exec, for what `fd` of `thread` is open on.
 *
 * @returns the descriptor or -errno.
 */
export function copyDescriptor(thread: ThreadId, fd: number): number {
  const pidfd = openForDescriptors(thread);
  if (pidfd < 0) return pidfd;
  const copied = c().pidfdGetfd(SYS_PIDFD_GETFD, pidfd, fd, 0);
  const result = copied === -1 ? -errno() : copied;
  c().close(pidfd);
  return result;
}

/** A pidfd of the thread; of its process below Linux 6.9, whose threads nearly always share their descriptors. */
function openForDescriptors(thread: ThreadId): number {
  const pidfd = openThread(thread);
  if (pidfd !== -EINVAL) return pidfd;
  const [, tgid] = /^Tgid:\s+(\d+)/m.exec(readProc(`/proc/${thread}/status`, 1024) ?? '') ?? [];
  return tgid === undefined ? -ESRCH : openProcess(Number(tgid));
}
