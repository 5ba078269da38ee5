import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';

/**
 * Reading /proc, for a daemon that must never wait for itself.
 *
 * - Names are looked at and never followed: touching a file of our own mount is a request to ourselves.
 * - During execve the kernel closes close-on-exec descriptors with the process's `exec_update_lock` held. For a
 *   device of ours that is a FUSE_FLUSH, and until we answer it, opening `maps`, `mem` or `stat` of that process,
 *   reading `exe`, the `ns` links or `attr/current`, process_vm_readv and pidfd_getfd all wait. They are safe on a
 *   thread that is itself blocked in an open, ioctl or poll of ours: execve waits for the end of all other threads
 *   before it takes the lock. `status`, `comm`, `fdinfo`, `uid_map` and `mountinfo` are always safe, and so are a maps
 *   file opened before and pidfds. proc-file.exec.test.ts tries all this.
 * - `fdinfo/N` of an epoll descriptor waits as long as another thread is in epoll_ctl or epoll_wait with it, and that one
 *   waits for our answer to FUSE_POLL. Only descriptors that have a name are looked at; a client that puts an epoll
 *   descriptor in the place of one meanwhile is met by the rescue, which answers FUSE_POLL.
 * - ptrace is not safe even on a thread that is blocked in a request of ours: when another of its threads is in execve,
 *   PTRACE_SEIZE waits for that one, which waits for the blocked one, which waits for us.
 */

/** Bytes read at once. */
const PIECE = 64 * 1024;

let buffer: Buffer | undefined;

/**
 * The text of a file of /proc, or `null` when its process or thread is gone.
 *
 * @param limit bytes after which reading stops, so that a client cannot make the daemon read for long.
 * @throws Node's error for anything else, EACCES above all.
 */
export function readProc(path: string, limit: number = PIECE): string | null {
  const fd = openProc(path);
  if (fd === null) return null;
  try {
    return readOpenProc(fd, limit);
  } finally {
    closeSync(fd);
  }
}

/** Opens a file of /proc; `null` when its process or thread is gone. Throws for anything else. */
export function openProc(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** {@link readProc} for a file that is open already; reads from its beginning each time. */
export function readOpenProc(fd: number, limit: number = PIECE): string | null {
  buffer ??= Buffer.allocUnsafeSlow(PIECE);
  try {
    let text = '';
    while (text.length < limit) {
      const count = readSync(fd, buffer, 0, Math.min(PIECE, limit - text.length), text.length);
      if (count === 0) break;
      text += buffer.toString('latin1', 0, count);
    }
    return text;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** Where a link of /proc leads, or `null` when its process or thread is gone. Throws for anything else. */
export function readProcLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

/** `'EACCES'` and the like; empty for other errors. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isGone(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOENT' || code === 'ESRCH';
}
