import type { ThreadId } from '../../driver/ports.ts';
import { errno, libc } from './libc.ts';
import { once } from './once.ts';

const O_RDWR_CLOEXEC = 2 | 0o2000000;

const c = once(() => ({
  open: libc<(path: string, flags: number) => number>('int open(char *, int)'),
  pread: libc<(fd: number, address: number, size: number, at: number) => number>(
    'int64_t pread(int, uint64_t, uint64_t, int64_t)',
  ),
  pwrite: libc<(fd: number, address: number, size: number, at: number) => number>(
    'int64_t pwrite(int, uint64_t, uint64_t, int64_t)',
  ),
  close: libc<(fd: number) => number>('int close(int)'),
}));

/**
 * The memory that a thread has when this is made, whatever becomes of the thread: a thread that is let go can die at any
 * moment, its id lead to a program that another thread of its process executes, and the kernel make everybody wait who asks
 * for that program by its id (see proc-file.ts). What is open already leads to the old memory, or nowhere.
 *
 * Differs from ordinary copies in one thing: protections of the client's own, private memory are not respected.
 */
export class BoundMemory {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** @param thread blocked in a request of ours. @returns the memory, or a positive errno. */
  static of(thread: ThreadId): BoundMemory | number {
    const fd = c().open(`/proc/${thread}/mem`, O_RDWR_CLOEXEC);
    return fd === -1 ? errno() : new BoundMemory(fd);
  }

  /** {@link fd} of a memory that is open, and stays another's. */
  static at(fd: number): BoundMemory {
    return new BoundMemory(fd);
  }

  /** For another thread of this process. */
  get fd(): number {
    return this.#fd;
  }

  /** Copies `length` bytes of ours, by address, to the thread's. @returns how many could be copied. */
  write(address: number, from: number, length: number): number {
    return Math.max(0, c().pwrite(this.#fd, from, length, address));
  }

  /** The other way. */
  read(address: number, to: number, length: number): number {
    return Math.max(0, c().pread(this.#fd, to, length, address));
  }

  [Symbol.dispose](): void {
    c().close(this.#fd);
  }
}
