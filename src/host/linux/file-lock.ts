import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync } from 'node:fs';
import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;
/** EAGAIN of all architectures. */
const EWOULDBLOCK = 11;

const c = once(() => ({
  flock: libc<(fd: number, operation: number) => number>('int flock(int, int)'),
}));

/**
 * A lock that one process holds as long as it lives, however it ends: flock(2) on a file made for it.
 *
 * @example
 * const lock = FileLock.take('/run/example.lock');
 * if (!lock) throw new Error('It runs already');
 */
export class FileLock {
  readonly #path: string;
  #fd: number;

  private constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  /**
   * Takes the lock, without waiting.
   *
   * @returns `null` when another holds it.
   * @throws Node's error when the file cannot be made, SystemCallError when its file system knows no locks.
   */
  static take(path: string): FileLock | null {
    for (;;) {
      const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
      if (c().flock(fd, LOCK_EX | LOCK_NB) !== 0) {
        const error = errno();
        closeSync(fd);
        if (error === EWOULDBLOCK) return null;
        throw new SystemCallError('flock', error, path);
      }
      if (isAt(path, fd)) return new FileLock(path, fd);
      // Its last holder took the file away after we had opened it: others would lock a new one
      closeSync(fd);
    }
  }

  /** Gives the lock back and takes its file away. Releasing again does nothing. */
  release(): void {
    if (this.#fd === -1) return;
    // Not where somebody else has cleared it away, and made another
    if (isAt(this.#path, this.#fd)) unlinkSync(this.#path);
    closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** Whether `path` still leads to the open file. */
function isAt(path: string, fd: number): boolean {
  const file = statSync(path, { throwIfNoEntry: false });
  const { dev, ino } = fstatSync(fd);
  return file !== undefined && file.dev === dev && file.ino === ino;
}
