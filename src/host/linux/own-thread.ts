import { readProc } from './proc-file.ts';

/** What a thread of this process is doing in the kernel. */
export interface SystemCall {
  /** Of the architecture. */
  readonly number: number;
  readonly arguments: readonly number[];
  /** All that is known of it, the stack pointer included: two calls one after the other mostly differ. */
  readonly text: string;
}

const numbers: Readonly<Record<string, { readv: number; writev: number; waits: readonly number[] }>> = {
  // epoll_wait, epoll_pwait, epoll_pwait2
  x64: { readv: 310, writev: 311, waits: [232, 281, 441] },
  arm64: { readv: 270, writev: 271, waits: [22, 441] },
};

const own = numbers[process.arch];

/**
 * The system call in which another thread of this process is blocked; `null` while it runs.
 *
 * @param tid in our own pid namespace.
 */
export function systemCallOf(tid: number): SystemCall | null {
  const text = readProc(`/proc/self/task/${tid}/syscall`, 512);
  if (text === null || !/^\d/.test(text)) return null;
  const [number = 0, ...rest] = text.trim().split(' ').map(Number);
  return { number, arguments: rest.slice(0, 6), text };
}

/** Whether the thread waits for events, as an idle event loop does. */
export function isIdle({ number }: SystemCall): boolean {
  return own?.waits.includes(number) ?? false;
}

/** Whether it copies from or to another process: process_vm_readv(tid, local, count, remote, count, flags). */
export function isCopy({ number }: SystemCall): boolean {
  return number === own?.readv || number === own?.writev;
}
