import { close } from 'node:fs';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { ThreadId } from '../../driver/ports.ts';
import { BEGINNING, CANCELLED, type Ending, type Order, type Report } from './injection-orders.ts';
import { type InjectorThreadData, ORDERS, REPORTS } from './injector-thread-data.ts';
import { readProc } from './proc-file.ts';

/** How long a write into a thread that is held may take, milliseconds; usually some 10 microseconds. */
const WRITE_LIMIT = 50;

/** Milliseconds after which a thread that could not be traced yet is given up, and with it whoever tried. */
const BEGIN_LIMIT = 500;

/** Milliseconds between two looks for such threads, while there is an injection. */
const LOOK_INTERVAL = 100;

/** Tracing threads that wait for ever, at most, each for another user's; then nothing is injected any more. */
const MAX_STUCK = 4;

const EPERM = 1;
const EAGAIN = 11;
const SIGKILL_BIT = 1n << 8n;

/** What came of an install or map: the descriptors, or a positive errno. */
export type Outcome = readonly number[] | number;

/** Who is told of an injection's course, from outside of any call. */
export interface InjectionListener {
  /** An install or map came to an end. */
  done(outcome: Outcome): void;
  /** A finished injection did not take place: the request is still to be answered. */
  notFinished(): void;
  /** The thread ended, or is about to. */
  gone(): void;
}

/** Whose thread it is, and how the request in which it is blocked is answered. */
export interface InjectionTarget {
  readonly thread: ThreadId;
  /** The user who pays for it when the thread cannot be traced, and says so never: others do not wait. */
  readonly owner: number;
  /**
   * The answer to its request, with the result ERESTARTNOINTR. It is written when the thread is traced, if ever: not
   * when the first outcome is a refusal, see {@link Injected.isHeld}.
   */
  readonly answer: Uint8Array;
}

/**
 * Makes system calls in the place of threads that are blocked in requests of ours; see `Injection`. The work is done by
 * a thread of its own, because it may have to wait for the client, and the client for us: a thread that is in execve, for
 * one, ends its siblings first, while nobody can begin to trace them.
 *
 * @example
 * const injector = new Injector(fuse, log);
 * const injected = injector.begin({ thread, owner, answer }, listener);
 * injected.install(fds); // listener.done is called
 * injected.finish({ closes: [], result: 0, argument: null });
 */
export class Injector {
  readonly #answerFd: number;
  readonly #log: (message: string) => void;
  readonly #injections = new Map<number, Injected>();
  #lastId = 0;
  #line: Line | null = null;
  /** Owners of the threads at which tracing threads are stuck. */
  readonly #stuckAt = new Set<number>();
  #looking: NodeJS.Timeout | null = null;

  /** @param answerFd where the answers to requests are written. */
  constructor(answerFd: number, log: (message: string) => void) {
    this.#answerFd = answerFd;
    this.#log = log;
    this.#line = this.#start();
  }

  /** Injections under way. */
  get size(): number {
    return this.#injections.size;
  }

  begin(target: InjectionTarget, listener: InjectionListener): Injected {
    const injected = new Injected(++this.#lastId, target, this.#answerFd, listener);
    this.#injections.set(injected.id, injected);
    this.#looking ??= setInterval(() => this.#look(), LOOK_INTERVAL).unref();
    const line = this.#lineFor(target.owner);
    if (line) injected.begin(line);
    else setImmediate(() => this.#take({ type: 'refused', id: injected.id, errno: EAGAIN }));
    return injected;
  }

  /** Ends the tracing thread when nothing is under way there. */
  close(): void {
    if (this.#looking) clearInterval(this.#looking);
    this.#looking = null;
    this.#line?.retire();
    this.#line = null;
  }

  #lineFor(owner: number): Line | null {
    if (this.#stuckAt.has(owner)) return null;
    if (!this.#line && this.#stuckAt.size < MAX_STUCK) this.#line = this.#start();
    return this.#line;
  }

  #start(): Line {
    return new Line((report) => this.#take(report), this.#log);
  }

  #take(report: Report): void {
    if (report.type === 'close') {
      close(report.fd, () => {});
      return;
    }
    if (this.#injections.get(report.id)?.take(report)) this.#injections.delete(report.id);
    if (this.#injections.size > 0 || !this.#looking) return;
    clearInterval(this.#looking);
    this.#looking = null;
  }

  /** Looks for a thread with which the tracing thread does not come to a beginning. */
  #look(): void {
    const line = this.#line;
    const waiting = [...this.#injections.values()].filter((one) => one.isBeginning(line));
    // They are begun in this order, one after the other
    const [first, ...others] = waiting;
    if (!line || !first?.isLate || !first.cancel()) return;
    const { owner, thread } = first.target;
    this.#log(`cannot begin to trace thread ${thread}: it neither lets us nor says no`);
    this.#stuckAt.add(owner);
    this.#line = null;
    line.leave(() => this.#stuckAt.delete(owner));
    this.#take({ type: 'refused', id: first.id, errno: EPERM });
    for (const one of others) {
      if (!one.cancel()) continue;
      const next = this.#lineFor(one.target.owner);
      if (next) one.begin(next);
      else this.#take({ type: 'refused', id: one.id, errno: EAGAIN });
    }
  }
}

/** One injection, as the daemon's main thread sees it. */
export class Injected {
  readonly id: number;
  readonly target: InjectionTarget;
  /** The thread is traced, its request is answered, and it stays where it is. */
  isHeld = false;
  readonly #answerFd: number;
  readonly #listener: InjectionListener;
  #state: Int32Array = new Int32Array();
  #line: Line | null = null;
  #begunAt = 0;
  #isFinishing = false;
  /** Orders given before the thread is held, should they have to be given again. */
  #orders: Order[] = [];

  /** Use {@link Injector.begin}. */
  constructor(id: number, target: InjectionTarget, answerFd: number, listener: InjectionListener) {
    this.id = id;
    this.target = target;
    this.#answerFd = answerFd;
    this.#listener = listener;
  }

  /** Gives the thread descriptors for ours. */
  install(fds: readonly number[]): void {
    this.#order({ type: 'install', id: this.id, fds });
  }

  /** Maps a file of ours over `length` bytes of the thread's memory at `address`, for reading, shared. */
  map(fd: number, address: number, length: number): void {
    this.#order({ type: 'map', id: this.id, fd, address, length });
  }

  /** Copies memory of ours at `from` to the thread's, and waits for it. @returns the bytes that could be copied. */
  write(address: number, from: number, length: number): number {
    return this.#line?.write(this.id, address, from, length) ?? 0;
  }

  /** Lets the thread go on. When that cannot be, because it was never held, the listener is told. */
  finish(ending: Ending): void {
    this.#isFinishing = true;
    this.#order({ type: 'finish', id: this.id, ending });
  }

  /** The thread has a signal. @returns whether it is being killed, and the injection did not begin: nothing will come. */
  interrupted(): boolean {
    return this.isBeginning(this.#line) && isBeingKilled(this.target.thread) && this.cancel();
  }

  /** For the injector: begins, or begins anew, with another thread than before. */
  begin(line: Line): void {
    const { thread, answer } = this.target;
    this.#line = line;
    this.#begunAt = performance.now();
    this.#state = new Int32Array(new SharedArrayBuffer(4));
    line.send({
      type: 'begin',
      id: this.id,
      beginning: { thread, answer, answerFd: this.#answerFd, state: this.#state },
    });
    for (const order of this.#orders) line.send(order);
  }

  /** For the injector: before the thread is traced. @returns whether it will not be. */
  cancel(): boolean {
    return Atomics.compareExchange(this.#state, 0, BEGINNING, CANCELLED) === BEGINNING;
  }

  /** For the injector. */
  isBeginning(line: Line | null): boolean {
    return line !== null && this.#line === line && Atomics.load(this.#state, 0) === BEGINNING;
  }

  /** For the injector: it has not begun for too long. */
  get isLate(): boolean {
    return performance.now() - this.#begunAt > BEGIN_LIMIT;
  }

  /** For the injector. @returns whether it has come to its end. */
  take(report: Report): boolean {
    switch (report.type) {
      case 'done':
        this.isHeld = true;
        this.#orders = [];
        this.#listener.done(report.errno === 0 ? report.fds : report.errno);
        return false;
      case 'refused':
        if (this.#isFinishing) this.#listener.notFinished();
        else this.#listener.done(report.errno);
        return true;
      case 'gone':
        this.#listener.gone();
        return true;
      default:
        return report.type === 'finished';
    }
  }

  #order(order: Order): void {
    if (!this.isHeld) this.#orders.push(order);
    this.#line?.send(order);
  }
}

/** The tracing thread, and what goes to and fro. */
class Line {
  readonly #port: MessagePort;
  readonly #onReport: (report: Report) => void;
  readonly #signals = new Int32Array(new SharedArrayBuffer(8));

  constructor(onReport: (report: Report) => void, log: (message: string) => void) {
    const { port1, port2 } = new MessageChannel();
    const workerData: InjectorThreadData = { port: port2, signals: this.#signals };
    const worker = new Worker(new URL('./injector-thread.js', import.meta.url), {
      workerData,
      transferList: [port2],
    });
    this.#onReport = onReport;
    worker.on('error', (error) => log(`the tracing thread failed: ${error.stack}`));
    worker.unref();
    this.#port = port1;
    port1.on('message', onReport);
    port1.unref();
  }

  send(order: Order): void {
    this.#port.postMessage(order);
    Atomics.add(this.#signals, ORDERS, 1);
    Atomics.notify(this.#signals, ORDERS);
  }

  /** Waits for a report. @returns `null` when none came in time. */
  #receive(end: number): Report | null {
    for (;;) {
      const seen = Atomics.load(this.#signals, REPORTS);
      const received = receiveMessageOnPort(this.#port);
      if (received) return received.message as Report;
      const left = end - performance.now();
      if (left <= 0) return null;
      Atomics.wait(this.#signals, REPORTS, seen, left);
    }
  }

  /** Copies memory into a thread that is held. @returns the bytes that could be copied. */
  write(id: number, address: number, from: number, length: number): number {
    this.send({ type: 'write', id, address, from, length });
    const end = performance.now() + WRITE_LIMIT;
    for (;;) {
      const report = this.#receive(end);
      if (!report) return 0;
      if (report.id === id && report.type === 'written') return report.count;
      setImmediate(() => this.#onReport(report));
      if (report.id === id && report.type === 'gone') return 0;
    }
  }

  /** Nothing more is sent; `whenBack` is called when it turns out to be alive. */
  leave(whenBack: () => void): void {
    this.#port.once('message', whenBack);
    this.retire();
  }

  /** Ends when nothing is under way. */
  retire(): void {
    this.send({ type: 'retire', id: 0 });
  }
}

/** Safe at any time, whatever the process is doing. */
function isBeingKilled(thread: ThreadId): boolean {
  const [, pending] = /^SigPnd:\s+([0-9a-f]+)$/m.exec(readProc(`/proc/${thread}/status`) ?? '') ?? [];
  return pending === undefined || (BigInt(`0x${pending}`) & SIGKILL_BIT) !== 0n;
}
