import { createArea, type MappedArea } from './area.ts';
import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';
import type { Architecture } from './registers.ts';

const PTRACE_DETACH = 17;
const PTRACE_SYSCALL = 24;
const PTRACE_GETREGSET = 0x4204;
const PTRACE_SETREGSET = 0x4205;
const PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207;
const PTRACE_GETSIGMASK = 0x420a;
const PTRACE_SETSIGMASK = 0x420b;
const PTRACE_O_TRACESYSGOOD = 1;
const PTRACE_O_SUSPEND_SECCOMP = 1 << 21;
const NT_PRSTATUS = 1;
const SIGNAL_SET_SIZE = 8;
const WNOHANG = 1;
const WALL = 0x4000_0000;
const EVENT_STOP = 128;
/** SIGTRAP, and the bit of PTRACE_O_TRACESYSGOOD. */
const SYSCALL_STOP = 5 | 0x80;
const EPERM = 1;
const ESRCH = 3;
const ECHILD = 10;
const EINVAL = 22;

const c = once(() => ({
  ptrace: libc<(request: number, tid: number, address: number, data: number) => number>(
    'int64_t ptrace(int64_t, int64_t, uint64_t, uint64_t)',
  ),
  waitpid: libc<(tid: number, status: number, options: number) => number>('int waitpid(int, uint64_t, int)'),
}));

/** The thread ended, or is about to: nothing more can be done with it but to take the news of its end. */
export class ThreadGoneError extends Error {}

/** {@link Tracee.poll}: the thread has not stopped yet. */
export const RUNNING = -1;

/** {@link Tracee.poll}: it begins or ends a system call. */
export const IN_CALL = -2;

/** The status word of waitpid, and where ptrace reads and writes: used by one call at a time. */
const scratch: () => MappedArea = once(() => createArea(512));
const IOVEC_AT = 16;
const DATA_AT = 64;

/** Whether this process may switch off the system call filters of those whom it traces; not known until it tried. */
let maySuspendFilters = true;

/**
 * A thread of another process under ptrace. All calls for one thread come from the same thread of ours.
 *
 * Only {@link seize} can wait for something: for an execve by another thread of that process.
 */
export class Tracee {
  readonly tid: number;
  readonly #architecture: Architecture;
  /** Whether the kernel still has news of the thread's end for us, without which nobody else is told of it. */
  isToBeReaped = false;

  constructor(tid: number, architecture: Architecture) {
    this.tid = tid;
    this.#architecture = architecture;
  }

  /**
   * Begins to trace.
   *
   * @param isFiltered asked when filters cannot be switched off: whether the thread has one.
   * @returns 0, or the errno: EPERM when it is traced by another, may not be traced, or has a filter in the way.
   */
  seize(isFiltered: () => boolean): number {
    if (maySuspendFilters) {
      const error = this.#trySeize(PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP);
      if (error !== EPERM && error !== EINVAL) return error;
    }
    if (isFiltered()) return EPERM;
    const error = this.#trySeize(PTRACE_O_TRACESYSGOOD);
    if (error === 0) maySuspendFilters = false;
    return error;
  }

  /** Makes it stop as soon as it is about to return from the system call that it is in. */
  interrupt(): void {
    this.#ptrace(PTRACE_INTERRUPT, 0, 0, 'PTRACE_INTERRUPT');
  }

  /**
   * Whether it has stopped, and why.
   *
   * @returns {@link RUNNING}; {@link IN_CALL}; the signal that is about to be delivered; or 0 for every other stop.
   * @throws ThreadGoneError when it ended.
   */
  poll(): number {
    const { address, view } = scratch();
    const tid = c().waitpid(this.tid, address, WNOHANG | WALL);
    if (tid === 0) return RUNNING;
    if (tid === -1) {
      if (errno() === ECHILD) this.isToBeReaped = false;
      throw new ThreadGoneError();
    }
    const status = view.getUint32(0, true);
    if ((status & 0xff) !== 0x7f) {
      this.isToBeReaped = false;
      throw new ThreadGoneError();
    }
    const signal = (status >>> 8) & 0xff;
    if (signal === SYSCALL_STOP) return IN_CALL;
    return status >>> 16 === EVENT_STOP ? 0 : signal;
  }

  /** @returns the registers, or `null` for a program of another kind than ours (32 bits). */
  registers(): BigUint64Array | null {
    const { size } = this.#architecture;
    const { view, bytes } = scratch();
    this.#registerSet(PTRACE_GETREGSET, size);
    if (view.getUint32(IOVEC_AT + 8, true) !== size) return null;
    return new BigUint64Array(bytes.slice(DATA_AT, DATA_AT + size).buffer);
  }

  setRegisters(registers: BigUint64Array): void {
    const { buffer, byteOffset, byteLength } = registers;
    scratch().bytes.set(new Uint8Array(buffer, byteOffset, byteLength), DATA_AT);
    this.#registerSet(PTRACE_SETREGSET, byteLength);
  }

  signalMask(): bigint {
    const { address, view } = scratch();
    this.#ptrace(PTRACE_GETSIGMASK, SIGNAL_SET_SIZE, address + DATA_AT, 'PTRACE_GETSIGMASK');
    return view.getBigUint64(DATA_AT, true);
  }

  setSignalMask(mask: bigint): void {
    const { address, view } = scratch();
    view.setBigUint64(DATA_AT, mask, true);
    this.#ptrace(PTRACE_SETSIGMASK, SIGNAL_SET_SIZE, address + DATA_AT, 'PTRACE_SETSIGMASK');
  }

  /**
   * Lets it go on to the next beginning or end of a system call, after `signal` where that is not 0. Not instruction by
   * instruction: for that the kernel sends it a SIGTRAP, which changes what the thread has laid down for that signal, and
   * kills it when something else has stopped it first and it is let go.
   */
  toCall(signal: number): void {
    this.#ptrace(PTRACE_SYSCALL, 0, signal, 'PTRACE_SYSCALL');
  }

  /** Lets it go. */
  detach(signal: number): void {
    this.#ptrace(PTRACE_DETACH, 0, signal, 'PTRACE_DETACH');
    this.isToBeReaped = false;
  }

  #trySeize(options: number): number {
    if (c().ptrace(PTRACE_SEIZE, this.tid, 0, options) === -1) return errno();
    this.isToBeReaped = true;
    return 0;
  }

  #registerSet(request: number, size: number): void {
    const { address, view } = scratch();
    view.setBigUint64(IOVEC_AT, BigInt(address + DATA_AT), true);
    view.setBigUint64(IOVEC_AT + 8, BigInt(size), true);
    this.#ptrace(request, NT_PRSTATUS, address + IOVEC_AT, 'PTRACE_GETREGSET, PTRACE_SETREGSET');
  }

  #ptrace(request: number, address: number, data: number, name: string): void {
    if (c().ptrace(request, this.tid, address, data) !== -1) return;
    const error = errno();
    if (error === ESRCH) throw new ThreadGoneError();
    throw new SystemCallError('ptrace', error, `${name} of thread ${this.tid}`);
  }
}
