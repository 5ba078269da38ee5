import { close } from 'node:fs';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { ThreadId } from '../../driver/ports.ts';
import { BoundMemory } from './bound-memory.ts';
import {
  BEGINNING,
  type Beginning,
  CANCELLED,
  type Ending,
  type Order,
  type Report,
} from './injection-orders.ts';
import { ABANDON, type InjectorThreadData, WORD } from './injector-thread-data.ts';
import { libc } from './libc.ts';
import { once } from './once.ts';
import { isBoundCopy, isTracing, OwnThread, type SystemCall } from './own-thread.ts';
import { readProc } from './proc-file.ts';
import { preventDeathByWaking, wakeUp } from './stop-wait.ts';

/** Milliseconds after which a thread that could not be traced yet is given up, and with it whoever tried. */
const BEGIN_LIMIT = 500;

/** Milliseconds between two looks for what does not get on, while there is an injection. */
const LOOK_INTERVAL = 100;

/** Tracing threads that wait for ever, at most, each for another user's; then nothing is injected any more. */
const MAX_STUCK = 4;

/** Times, and milliseconds each, that a tracing thread is told that the process ends. */
const FAREWELLS = 20;
const FAREWELL_TIME = 5;

/** Milliseconds to wait for a tracing thread to have begun, when the process ends. */
const START_LIMIT = 10_000;

const EPERM = 1;
const EAGAIN = 11;
const EACCES = 13;
const SIGKILL_BIT = 1n << 8n;

const exitAtOnce = once(() => libc<(code: number) => void>('void _exit(int)'));

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

/**
 * The kernel's own error, beyond the numbers that programs see: a system call that ends so is made again, whatever signals
 * there are.
 */
export const ERESTARTNOINTR = 513;

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
  readonly #onCopying: (tid: number) => void;
  readonly #injections = new Map<number, Injected>();
  #lastId = 0;
  #line: Line | null = null;
  /** All that have not ended, those that are stuck among them. */
  readonly #lines = new Set<Line>();
  /** Owners of the threads at which tracing threads are stuck. */
  readonly #stuckAt = new Set<number>();
  #looking: NodeJS.Timeout | null = null;

  /**
   * @param answerFd where the answers to requests are written.
   * @param onCopying told of a thread of ours, by its id, that copies from or to a client, perhaps for long: the page may
   *   be somebody's to bring who does not.
   */
  constructor(answerFd: number, log: (message: string) => void, onCopying: (tid: number) => void = () => {}) {
    this.#answerFd = answerFd;
    this.#log = log;
    this.#onCopying = onCopying;
    preventDeathByWaking();
    // At once: later there may be no descriptors left for it
    this.#line = this.#start();
  }

  /** Injections under way. */
  get size(): number {
    return this.#injections.size;
  }

  /** The thread is left alone until the first order is given, which is to be done at once. */
  begin(target: InjectionTarget, listener: InjectionListener): Injected {
    const id = ++this.#lastId;
    const memory = BoundMemory.of(target.thread);
    const injected = new Injected(id, target, memory, this.#answerFd, listener, () => this.#forget(id));
    this.#injections.set(id, injected);
    this.#looking ??= setInterval(() => this.#look(), LOOK_INTERVAL).unref();
    const line = typeof memory === 'number' ? null : this.#lineFor(target.owner);
    if (line) injected.begin(line);
    else {
      const errno = memory === EACCES ? EPERM : EAGAIN;
      setImmediate(() => this.#take({ type: 'refused', id, errno }));
    }
    return injected;
  }

  /** Ends the tracing thread when nothing is under way there. */
  close(): void {
    if (this.#looking) clearInterval(this.#looking);
    this.#looking = null;
    this.#line?.retire();
    this.#line = null;
  }

  /** Node.js ends only after its threads, which may be waiting for a client that waits for us. */
  readonly #abandon = (code: number): void => {
    for (const line of this.#lines) if (!line.abandon()) exitAtOnce()(code);
  };

  #lineFor(owner: number): Line | null {
    if (this.#stuckAt.has(owner)) return null;
    if (!this.#line && this.#stuckAt.size < MAX_STUCK) this.#line = this.#start();
    return this.#line;
  }

  #start(): Line {
    const line: Line = new Line(
      (report) => this.#take(report),
      this.#log,
      () => this.#ended(line),
    );
    if (this.#lines.size === 0) process.on('exit', this.#abandon);
    this.#lines.add(line);
    return line;
  }

  #ended(line: Line): void {
    this.#lines.delete(line);
    if (this.#line === line) this.#lose(line);
    if (this.#lines.size === 0) process.off('exit', this.#abandon);
  }

  /** It could not begin, for want of descriptors or memory, or has failed. The next injection has another one. */
  #lose(line: Line): void {
    this.#line = null;
    for (const one of [...this.#injections.values()]) {
      if (!one.isOn(line)) continue;
      if (one.isHeld || !one.cancel()) this.#take({ type: 'gone', id: one.id });
      else this.#take({ type: 'refused', id: one.id, errno: EAGAIN });
    }
  }

  #take(report: Report): void {
    if (report.type === 'close') {
      close(report.fd, () => {});
      return;
    }
    this.#injections.get(report.id)?.take(report);
  }

  #forget(id: number): void {
    this.#injections.delete(id);
  }

  /** Looks whether a tracing thread waits for a page, or does not come to a beginning with a thread. */
  #look(): void {
    if (this.#injections.size === 0 && this.#looking) {
      clearInterval(this.#looking);
      this.#looking = null;
    }
    for (const one of this.#lines) if (one.isCopying) this.#onCopying(one.tid);
    const line = this.#line;
    const waiting = [...this.#injections.values()].filter((one) => one.isBeginning(line));
    line?.wake();
    // They are begun in this order, one after the other
    const [first, ...others] = waiting;
    if (!line || !first?.isLate || !line.isStuckAt(first.target.thread) || !first.cancel()) return;
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
  /** An errno where it cannot be had. */
  readonly #memory: BoundMemory | number;
  readonly #answerFd: number;
  readonly #listener: InjectionListener;
  readonly #ended: () => void;
  #state: Int32Array = new Int32Array();
  #line: Line | null = null;
  #begunAt = 0;
  #isFinishing = false;
  /** Not told yet to the tracing thread: that is done with the first order. */
  #beginning: Beginning | null = null;
  /** Orders given before the thread is held, should they have to be given again. */
  #orders: Order[] = [];

  /** Use {@link Injector.begin}. */
  constructor(
    id: number,
    target: InjectionTarget,
    memory: BoundMemory | number,
    answerFd: number,
    listener: InjectionListener,
    ended: () => void,
  ) {
    this.id = id;
    this.target = target;
    this.#memory = memory;
    this.#answerFd = answerFd;
    this.#listener = listener;
    this.#ended = ended;
  }

  /** Gives the thread descriptors for ours. */
  install(fds: readonly number[]): void {
    this.#order({ type: 'install', id: this.id, fds });
  }

  /** Maps a file of ours over `length` bytes of the thread's memory at `address`, for reading, shared. */
  map(fd: number, address: number, length: number): void {
    this.#order({ type: 'map', id: this.id, fd, address, length });
  }

  /** Copies memory of ours at `from` to the thread's. @returns the bytes that could be copied. */
  write(address: number, from: number, length: number): number {
    return typeof this.#memory === 'number' ? 0 : this.#memory.write(address, from, length);
  }

  /** Lets the thread go on. When that cannot be, because it was never held, the listener is told. */
  finish(ending: Ending): void {
    this.#isFinishing = true;
    this.#order({ type: 'finish', id: this.id, ending });
  }

  /** The thread has a signal. @returns whether it is being killed, and the injection did not begin: nothing will come. */
  interrupted(): boolean {
    if (!this.isBeginning(this.#line) || !isBeingKilled(this.target.thread) || !this.cancel()) return false;
    this.#end();
    return true;
  }

  /** For the injector: begins, or begins anew, with another thread than before. */
  begin(line: Line): void {
    const { thread, answer } = this.target;
    if (typeof this.#memory === 'number') return;
    this.#line = line;
    this.#begunAt = performance.now();
    this.#state = new Int32Array(new SharedArrayBuffer(4));
    const { fd } = this.#memory;
    this.#beginning = { thread, memory: fd, answer, answerFd: this.#answerFd, state: this.#state };
    if (this.#orders.length > 0) this.#sendBeginning(line);
  }

  /** With what is to be done first: one message, and one waking, for both. */
  #sendBeginning(line: Line): void {
    const beginning = this.#beginning as Beginning;
    this.#beginning = null;
    line.send({ type: 'begin', id: this.id, beginning, orders: this.#orders });
  }

  /** For the injector: before the thread is traced. @returns whether it will not be. */
  cancel(): boolean {
    return Atomics.compareExchange(this.#state, 0, BEGINNING, CANCELLED) === BEGINNING;
  }

  /** For the injector. */
  isOn(line: Line): boolean {
    return this.#line === line;
  }

  /** For the injector. */
  isBeginning(line: Line | null): boolean {
    return line !== null && this.isOn(line) && Atomics.load(this.#state, 0) === BEGINNING;
  }

  /** For the injector: it has not begun for too long. */
  get isLate(): boolean {
    return performance.now() - this.#begunAt > BEGIN_LIMIT;
  }

  /** For the injector. */
  take(report: Report): void {
    if (report.type === 'done') {
      this.isHeld = true;
      this.#orders = [];
      this.#listener.done(report.errno === 0 ? report.fds : report.errno);
      return;
    }
    // Who cancelled knows, and may have begun anew with another thread
    if (report.type === 'cancelled') return;
    this.#end();
    if (report.type === 'gone') this.#listener.gone();
    else if (report.type === 'refused' && this.#isFinishing) this.#listener.notFinished();
    else if (report.type === 'refused') this.#listener.done(report.errno);
  }

  #end(): void {
    this.#ended();
    if (typeof this.#memory !== 'number') this.#memory[Symbol.dispose]();
  }

  #order(order: Order): void {
    if (!this.isHeld) this.#orders.push(order);
    if (this.#line && this.#beginning) this.#sendBeginning(this.#line);
    else this.#line?.send(order);
  }
}

/** The tracing thread, and what goes to and fro. */
class Line {
  readonly #port: MessagePort;
  readonly #words = new Int32Array(new SharedArrayBuffer(16));

  constructor(onReport: (report: Report) => void, log: (message: string) => void, onEnd: () => void) {
    const { port1, port2 } = new MessageChannel();
    const workerData: InjectorThreadData = { port: port2, words: this.#words };
    const worker = new Worker(new URL('./injector-thread.js', import.meta.url), {
      workerData,
      transferList: [port2],
    });
    worker.on('error', (error) => log(`the tracing thread failed: ${error.stack}`));
    worker.on('exit', onEnd);
    worker.unref();
    this.#port = port1;
    port1.on('message', onReport);
    port1.unref();
  }

  send(order: Order): void {
    this.#port.postMessage(order);
    Atomics.add(this.#words, WORD.orders, 1);
    Atomics.notify(this.#words, WORD.orders);
    this.wake();
  }

  /** In case it waits for a thread to stop. */
  wake(): void {
    if (Atomics.load(this.#words, WORD.waits) === 1) wakeUp(this.tid);
  }

  /** The thread's id; 0 before it has begun, or less when it could not. */
  get tid(): number {
    return Atomics.load(this.#words, WORD.thread);
  }

  /** Whether it copies just now from or to a client: it waits in the kernel. */
  get isCopying(): boolean {
    const call = this.#systemCall;
    return call !== null && isBoundCopy(call);
  }

  /** Whether it cannot get on just now with beginning to trace `thread`: it waits in the kernel. */
  isStuckAt(thread: ThreadId): boolean {
    const call = this.#systemCall;
    return call !== null && isTracing(call) && call.arguments[1] === thread;
  }

  get #systemCall(): SystemCall | null {
    if (this.tid <= 0) return null;
    using own = new OwnThread(this.tid);
    return own.systemCall;
  }

  /** Nothing more is sent; `whenBack` is called when it turns out to be alive. */
  leave(whenBack: () => void): void {
    this.#port.once('message', whenBack);
    this.retire();
  }

  /** Ends at once, and lets all threads go as they are. @returns whether it did. */
  abandon(): boolean {
    const words = this.#words;
    // One that is loading koffi would end the process with SIGABRT: N-API cannot throw in a thread that is being ended
    if (this.tid === 0) Atomics.wait(words, WORD.thread, 0, START_LIMIT);
    if (this.tid <= 0) return true;
    const isNews = Atomics.compareExchange(words, WORD.abandon, 0, ABANDON) === 0;
    for (let i = 0; isNews && i < FAREWELLS; i++) {
      Atomics.add(words, WORD.orders, 1);
      Atomics.notify(words, WORD.orders);
      this.wake();
      Atomics.wait(words, WORD.abandon, ABANDON, FAREWELL_TIME);
      if (Atomics.load(words, WORD.abandon) !== ABANDON) return true;
    }
    return !isNews;
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
