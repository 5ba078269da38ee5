import { closeSync } from 'node:fs';
import { openProc, readOpenProc } from './proc-file.ts';

/** What a thread of this process is doing in the kernel. */
export interface SystemCall {
  /** Of the architecture. */
  readonly number: number;
  readonly arguments: readonly number[];
  /** All that is known of it, the stack pointer included: two calls one after the other mostly differ. */
  readonly text: string;
}

const numbers: Readonly<
  Record<
    string,
    { copies: readonly number[]; bound: readonly number[]; ptrace: number; waits: readonly number[] }
  >
> = {
  // process_vm_readv and process_vm_writev; pread64 and pwrite64; epoll_wait, epoll_pwait, epoll_pwait2
  x64: { copies: [310, 311], bound: [17, 18], ptrace: 101, waits: [232, 281, 441] },
  arm64: { copies: [270, 271], bound: [67, 68], ptrace: 117, waits: [22, 441] },
};

const own = numbers[process.arch];

/**
 * Another thread of this process. Its file of /proc stays open: looking must work, too, when the process has no descriptor
 * left.
 */
export class OwnThread {
  readonly #file: number | null;

  /** @param tid in our own pid namespace. */
  constructor(tid: number) {
    this.#file = openProc(`/proc/self/task/${tid}/syscall`);
  }

  /** The system call in which it is blocked; `null` while it runs. */
  get systemCall(): SystemCall | null {
    const text = this.#file === null ? null : readOpenProc(this.#file, 512);
    if (text === null || !/^\d/.test(text)) return null;
    const [number = 0, ...rest] = text.trim().split(' ').map(Number);
    return { number, arguments: rest.slice(0, 6), text };
  }

  [Symbol.dispose](): void {
    if (this.#file !== null) closeSync(this.#file);
  }
}

/** Whether the thread waits for events, as an idle event loop does. */
export function isIdle({ number }: SystemCall): boolean {
  return own?.waits.includes(number) ?? false;
}

/** Whether it does something with a thread that it traces, or would trace: ptrace(request, tid, address, data). */
export function isTracing({ number }: SystemCall): boolean {
  return number === own?.ptrace;
}

/** Whether it copies from or to another process: process_vm_readv(tid, local, count, remote, count, flags). */
export function isCopy({ number }: SystemCall): boolean {
  return own?.copies.includes(number) ?? false;
}

/** Whether it may copy from or to a `BoundMemory`: pread(fd, local, size, remote), and pwrite. */
export function isBoundCopy({ number }: SystemCall): boolean {
  return own?.bound.includes(number) ?? false;
}
