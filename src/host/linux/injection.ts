import { createArea } from './area.ts';
import { BoundMemory } from './bound-memory.ts';
import { CONTROL_AT, DescriptorMessage, FILES_AT_ONCE } from './descriptor-message.ts';
import {
  BEGINNING,
  type Beginning,
  CANCELLED,
  type Ending,
  HELD,
  type Order,
  type Report,
} from './injection-orders.ts';
import { errno, libc } from './libc.ts';
import { once } from './once.ts';
import { copyDescriptor } from './open-file.ts';
import { readProc } from './proc-file.ts';
import type { Architecture, InjectedCall } from './registers.ts';
import { IN_CALL, RUNNING, ThreadGoneError, Tracee } from './tracee.ts';

/** Why {@link Injection.run} pauses: for the thread to stop; for an order; for the news of its end. */
export type Pause = 'stop' | 'order' | 'end';

/** Bytes below the stack pointer that belong to the running function on x86-64. */
const RED_ZONE = 128;

const AF_UNIX = 1;
const O_CLOEXEC = 0o2000000;
const SOCK_DGRAM_CLOEXEC = 2 | O_CLOEXEC;
const SOL_SOCKET = 1;
const SO_DOMAIN = 39;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const PROT_READ = 1;
const MAP_SHARED_FIXED = 1 | 0x10;
const ALL_SIGNALS = 0xffff_ffff_ffff_ffffn;
const RECEIVE_FLAGS = MSG_CMSG_CLOEXEC | MSG_DONTWAIT;
const EIO = 5;
const EINTR = 4;
const EFAULT = 14;
const EMFILE = 24;

const c = once(() => ({
  write: libc<(fd: number, bytes: Uint8Array, size: number) => number>(
    'int64_t write(int, void *, uint64_t)',
  ),
  sendmsg: libc<(fd: number, message: number, flags: number) => number>(
    'int64_t sendmsg(int, uint64_t, int)',
  ),
  getsockopt: libc<(fd: number, level: number, name: number, value: number, size: number) => number>(
    'int getsockopt(int, int, int, uint64_t, uint64_t)',
  ),
  close: libc<(fd: number) => number>('int close(int)'),
}));

/** Where a message is written, and read; one for all injections: nothing stays in it while a thread runs. */
const scratch = once(() => {
  const area = createArea(DescriptorMessage.size(FILES_AT_ONCE));
  return { area, message: new DescriptorMessage(area) };
});

/** Something that the thread, or its process, refused: nothing is left of it. */
class RefusedError extends Error {
  readonly errno: number;

  constructor(number: number) {
    super();
    this.errno = number;
  }
}

/**
 * System calls made in the place of a thread that is blocked in a request of ours, by ptrace:
 *
 * ```text
 *   seize, interrupt ─ answer its request ─ it stops at the end of its system call ─ signals blocked
 *     └ each call: registers set, on to its end, registers read ┘
 *   registers and signals as they were ─ detach
 * ```
 *
 * The request is answered with ERESTARTNOINTR: whatever happens to us then, the thread makes its call again, and its
 * user space notices nothing. What the call shall return is set at the end.
 *
 * Nothing that the thread's memory says is trusted; others of its process may write to it. The worst that it can do is
 * to give descriptors of its own for those that it got.
 */
export class Injection {
  readonly id: number;
  /** Not yet carried out, the first one first. */
  readonly orders: Order[] = [];
  /** How often the thread has stopped. */
  stops = 0;
  readonly #beginning: Beginning;
  readonly #architecture: Architecture;
  readonly #tracee: Tracee;
  readonly #memory: BoundMemory;
  readonly #report: (report: Report) => void;
  #stopped: BigUint64Array = new BigUint64Array();
  #signalMask = 0n;
  /** A signal that was about to be delivered when it stopped. */
  #signal = 0;

  constructor(
    id: number,
    beginning: Beginning,
    architecture: Architecture,
    report: (report: Report) => void,
  ) {
    this.id = id;
    this.#beginning = beginning;
    this.#architecture = architecture;
    this.#tracee = new Tracee(beginning.thread, architecture);
    this.#memory = BoundMemory.at(beginning.memory);
    this.#report = report;
  }

  /** Carries it out, until it has ended for everybody. */
  *run(): Generator<Pause, void, void> {
    try {
      if (yield* this.#begin()) yield* this.#followOrders();
    } catch (error) {
      if (!(error instanceof ThreadGoneError)) throw error;
      this.#report({ type: this.#isOurs() ? 'gone' : 'cancelled', id: this.id });
      yield* this.#reap();
    }
  }

  *#begin(): Generator<Pause, boolean, void> {
    const { answer, answerFd } = this.#beginning;
    const refusal = this.#tracee.seize(() => this.#isFiltered());
    if (refusal !== 0) {
      if (this.#isOurs()) this.#report({ type: 'refused', id: this.id, errno: refusal });
      else this.#report({ type: 'cancelled', id: this.id });
      return false;
    }
    this.#tracee.interrupt();
    const isOurs = this.#isOurs();
    while (isOurs && c().write(answerFd, answer, answer.length) === -1 && errno() === EINTR);
    this.#signal = yield* this.#stop();
    if (!isOurs) {
      this.#tracee.detach(this.#signal);
      this.#report({ type: 'cancelled', id: this.id });
      return false;
    }
    const registers = this.#tracee.registers();
    if (!registers) {
      // It makes its call again, and we know by then what it is
      this.#tracee.detach(this.#signal);
      this.#report({ type: 'gone', id: this.id });
      return false;
    }
    this.#stopped = registers;
    this.#signalMask = this.#tracee.signalMask();
    this.#tracee.setSignalMask(ALL_SIGNALS);
    return true;
  }

  /** Decides, when first asked, whether it was cancelled before. */
  #isOurs(): boolean {
    return Atomics.compareExchange(this.#beginning.state, 0, BEGINNING, HELD) !== CANCELLED;
  }

  *#followOrders(): Generator<Pause, void, void> {
    for (;;) {
      const order = this.orders.shift();
      if (!order) yield 'order';
      else if (order.type === 'install') yield* this.#carryOut(order);
      else if (order.type === 'map') yield* this.#carryOut(order);
      else if (order.type === 'finish') return yield* this.#finish(order.ending);
    }
  }

  *#carryOut(order: Extract<Order, { type: 'install' | 'map' }>): Generator<Pause, void, void> {
    let fds: readonly number[] = [];
    let error = 0;
    try {
      if (order.type === 'map') yield* this.#map(order.fd, order.address, order.length);
      else fds = yield* this.#install(order.fds);
    } catch (refused) {
      if (!(refused instanceof RefusedError)) throw refused;
      error = refused.errno;
    }
    this.#report({ type: 'done', id: this.id, fds, errno: error });
  }

  *#finish({ closes, result, argument }: Ending): Generator<Pause, void, void> {
    for (const fd of closes) yield* this.#call('close', fd);
    const registers = this.#stopped.slice();
    const isPut = !argument || this.#putArgument(argument);
    if (!isPut) this.#architecture.setResult(registers, -EFAULT);
    else if (result !== null) this.#architecture.setResult(registers, result);
    this.#tracee.setRegisters(registers);
    this.#tracee.setSignalMask(this.#signalMask);
    this.#tracee.detach(this.#signal);
    this.#report({ type: 'finished', id: this.id });
  }

  /** @returns false when it could not be written. */
  #putArgument(argument: Uint8Array): boolean {
    const { bytes, address } = scratch().area;
    bytes.set(argument);
    const pointer = Number(this.#stopped[this.#architecture.thirdArgument]);
    return this.#memory.write(pointer, address, argument.length) === argument.length;
  }

  /** Descriptors of the thread for ours, all of them or none. */
  *#install(fds: readonly number[]): Generator<Pause, readonly number[], void> {
    const installed: number[] = [];
    try {
      yield* this.#receive(fds, installed);
    } catch (error) {
      if (error instanceof RefusedError) for (const fd of installed) yield* this.#call('close', fd);
      throw error;
    }
    return installed;
  }

  *#map(fd: number, address: number, length: number): Generator<Pause, void, void> {
    const [own] = yield* this.#install([fd]);
    const mapped = yield* this.#call('mmap', address, length, PROT_READ, MAP_SHARED_FIXED, own ?? -1, 0);
    yield* this.#call('close', own ?? -1);
    if (mapped !== address) throw new RefusedError(mapped < 0 ? -mapped : EIO);
  }

  /**
   * Sends our descriptors through a socket pair of the thread's, of which we hold the other end: no names, no
   * permissions, no namespaces. The descriptors get the numbers that the kernel driver would give them: the pair has the
   * two lowest, so its first end is closed before anything is received, and the second one makes room for the
   * second descriptor, which therefore is sent last.
   */
  *#receive(fds: readonly number[], installed: number[]): Generator<Pause, void, void> {
    const most = Math.min(fds.length, FILES_AT_ONCE);
    const { message } = scratch();
    const place = this.#place(DescriptorMessage.size(most));
    // All of it, so that what cannot be had is refused now: of the thread, in a call, nobody could say what it waits for
    message.expect(place, most);
    this.#write(place, message.address, DescriptorMessage.size(most));
    const pair = yield* this.#call('socketpair', AF_UNIX, SOCK_DGRAM_CLOEXEC, 0, place + CONTROL_AT);
    if (pair < 0) throw new RefusedError(-pair);
    this.#read(place + CONTROL_AT, message.address + CONTROL_AT, 8);
    const [theirs, other] = message.pair;
    const ours = copyDescriptor(this.#tracee.tid, theirs);
    let last = other;
    try {
      yield* this.#call('close', theirs);
      if (ours < 0) throw new RefusedError(-ours);
      const sent = inOrder(fds);
      for (let at = 0; at < sent.length; at += FILES_AT_ONCE) {
        const some = sent.slice(at, at + FILES_AT_ONCE);
        this.#send(ours, some);
        message.expect(place, some.length);
        this.#write(place, message.address, DescriptorMessage.size(some.length));
        const received = yield* this.#call('recvmsg', other, place, RECEIVE_FLAGS);
        if (received < 0) throw new RefusedError(-received);
        this.#read(place, message.address, DescriptorMessage.size(some.length));
        if (!message.take(some.length, installed)) throw new RefusedError(EMFILE);
      }
      if (fds.length > 1) {
        const moved = yield* this.#call('dup3', installed.at(-1) ?? -1, other, O_CLOEXEC);
        if (moved < 0) throw new RefusedError(-moved);
        last = installed.pop() ?? -1;
        installed.splice(1, 0, other);
      }
    } finally {
      if (ours >= 0) this.#close(ours);
      yield* this.#call('close', last);
    }
  }

  /** Sends descriptors of ours; they are waiting at the other end then. */
  #send(socket: number, fds: readonly number[]): void {
    const { message } = scratch();
    message.carry(fds);
    if (c().sendmsg(socket, message.address, MSG_DONTWAIT) === -1) throw new RefusedError(errno());
  }

  /** @returns what the call returned, or -errno. */
  *#call(name: InjectedCall, ...args: readonly number[]): Generator<Pause, number, void> {
    const registers = this.#stopped.slice();
    this.#architecture.prepareCall(registers, this.#architecture.calls[name], args);
    this.#tracee.setRegisters(registers);
    // Its beginning and its end; others make the thread stop in between
    for (let passed = 0; passed < 2; ) {
      this.#tracee.toCall(this.#signal);
      const stop = yield* this.#stop();
      this.#signal = stop === IN_CALL ? 0 : stop;
      if (stop === IN_CALL) passed++;
    }
    return this.#architecture.resultOf(this.#tracee.registers() as BigUint64Array);
  }

  /** Waits for it to stop. @returns see {@link Tracee.poll}. */
  *#stop(): Generator<Pause, number, void> {
    for (;;) {
      const signal = this.#tracee.poll();
      if (signal !== RUNNING) {
        this.stops++;
        return signal;
      }
      yield 'stop';
    }
  }

  /** The thread's parent learns of its end only after us. */
  *#reap(): Generator<Pause, void, void> {
    while (this.#tracee.isToBeReaped) {
      try {
        this.#tracee.poll();
      } catch (error) {
        if (!(error instanceof ThreadGoneError)) throw error;
        continue;
      }
      yield 'end';
    }
  }

  /** Where so many bytes fit into the thread's memory: below its stack. */
  #place(size: number): number {
    const top = Number(this.#stopped[this.#architecture.stackPointer]) - RED_ZONE;
    return top - size - ((top - size) % 16);
  }

  #read(from: number, to: number, length: number): void {
    if (this.#memory.read(from, to, length) < length) throw new RefusedError(EFAULT);
  }

  #write(to: number, from: number, length: number): void {
    if (this.#memory.write(to, from, length) < length) throw new RefusedError(EFAULT);
  }

  /** Nothing says that it is the socket we made: closing another file might wait. */
  #close(fd: number): void {
    const { address, view } = scratch().area;
    view.setUint32(8, 4, true);
    const isSocket = c().getsockopt(fd, SOL_SOCKET, SO_DOMAIN, address, address + 8) === 0;
    if (isSocket && view.getUint32(0, true) === AF_UNIX) c().close(fd);
    else this.#report({ type: 'close', id: this.id, fd });
  }

  #isFiltered(): boolean {
    const status = readProc(`/proc/${this.#tracee.tid}/status`) ?? '';
    return !/^Seccomp:\s+0$/m.test(status);
  }
}

/** In which order descriptors are sent; see `Injection.#receive`. */
function inOrder(fds: readonly number[]): readonly number[] {
  const [first = -1, second, ...others] = fds;
  return second === undefined ? [first] : [first, ...others, second];
}
