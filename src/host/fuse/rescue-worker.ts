import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createArea, type MappedArea } from '../linux/area.ts';
import { errno, libc } from '../linux/libc.ts';
import { isBoundCopy, isIdle, OwnThread, type SystemCall } from '../linux/own-thread.ts';
import { PageTable } from './page-table.ts';
import {
  IN_HEADER,
  OPCODE,
  OUT_HEADER,
  POLL_OUT,
  READ_IN,
  READ_LOCKOWNER,
  readNumber64,
  writeNumber64,
} from './protocol.ts';
import { BELL, GATE, OWNER } from './read-gate.ts';
import { StuckThread } from './stuck-thread.ts';

/**
 * The rescue: a thread beside the one that serves a session. While that one is stuck in a system call it reads the
 * requests, answers those that the stuck one may be waiting for, and keeps the others for it, in their order.
 *
 * ```text
 *   watching   looks every 10 ms: no request since, and the same system call as before?
 *     │ twice
 *     ▼
 *   reading    READ of pages that we hold    answered from the memory behind them
 *              what our own fault asks for   EIO: the copy ends with EFAULT
 *              FLUSH                         0, and kept: execve holds a lock that we may be waiting for
 *              POLL                          nothing is ready, and kept: epoll holds a lock that we may be waiting for
 *              everything else               kept
 *     │ the call ended, or the bell rang
 *     ▼
 *   watching
 * ```
 *
 * What waits for others is ended in the end, see {@link StuckThread}; and so is that of the thread which traces, when it
 * copies from or to a client.
 */

/** Milliseconds between two looks. The second that finds the same is the proof. */
const LOOK = 10;

/** The same after {@link DOZE_AFTER} looks at an idle thread. The serving thread rings when it wakes up. */
const DOZE = 1000;
const DOZE_AFTER = 200;

/** Milliseconds between two attempts to read while nothing comes. */
const PAUSE = 1;

/** Milliseconds of being stuck after which READs are failed that may hold what is waited for. */
const READ_PATIENCE = 1000;

const EIO = 5;
const EINTR = 4;
const EINVAL = 22;
const ENOENT = 2;

const BODY = IN_HEADER.byteLength;

/** What the serving thread gives to its rescue. */
export interface RescueData {
  readonly fd: number;
  readonly connection: number;
  /** Bytes that a read of the session may take. */
  readonly bufferSize: number;
  readonly gate: SharedArrayBuffer;
  readonly pages: SharedArrayBuffer;
  readonly port: MessagePort;
}

const c = {
  read: libc<(fd: number, address: number, size: number) => number>('int64_t read(int, uint64_t, uint64_t)'),
  writev: libc<(fd: number, iovecs: number, count: number) => number>('int64_t writev(int, uint64_t, int)'),
};

class Rescue {
  readonly #data: RescueData;
  readonly #words: Int32Array;
  readonly #pages: PageTable;
  /** The thread that serves: the main one. */
  readonly #server = new OwnThread(process.pid);
  readonly #request: MappedArea;
  readonly #header = createArea(OUT_HEADER.byteLength);
  readonly #iovecs = createArea(32);
  /** The body of an answer to POLL. */
  readonly #unready = createArea(POLL_OUT.byteLength);
  /** READs that were kept, by their unique ids. */
  #reads: number[] = [];
  /** The thread that traces, by its id; and what it has been stuck in when we last looked. */
  #tracer: { readonly tid: number; readonly thread: OwnThread } | null = null;
  #stuckTracer: StuckThread | null = null;

  constructor(data: RescueData) {
    this.#data = data;
    this.#words = new Int32Array(data.gate);
    this.#pages = new PageTable(data.pages);
    this.#request = createArea(data.bufferSize);
  }

  /** Until the gate is closed. */
  run(): void {
    const words = this.#words;
    let before: SystemCall | null = null;
    let beatBefore = Atomics.load(words, GATE.beat);
    let idle = 0;
    while (Atomics.load(words, GATE.over) === 0) {
      this.#watchTracer();
      const isDozing = idle >= DOZE_AFTER && this.#stuckTracer === null;
      Atomics.store(words, GATE.bell, isDozing ? BELL.dozing : BELL.quiet);
      const state = isDozing ? BELL.dozing : BELL.quiet;
      if (Atomics.wait(words, GATE.bell, state, isDozing ? DOZE : LOOK) !== 'timed-out') {
        idle = 0;
        before = null;
        continue;
      }
      const beat = Atomics.load(words, GATE.beat);
      const isSilent = beat === beatBefore;
      beatBefore = beat;
      // The look itself costs ten microseconds
      const now = isSilent ? this.#server.systemCall : null;
      if (now === null) idle = 0;
      else if (isIdle(now)) idle++;
      else if (before?.text === now.text) this.#readInstead(now);
      before = now && !isIdle(now) ? now : null;
    }
  }

  #readInstead(stuck: SystemCall): void {
    const words = this.#words;
    if (Atomics.compareExchange(words, GATE.owner, OWNER.nobody, OWNER.rescue) !== OWNER.nobody) return;
    try {
      Atomics.store(words, GATE.bell, BELL.quiet);
      this.#reads = [];
      const thread = new StuckThread(stuck, this.#data.connection);
      // It may have come free between the look and now; then what it reads next waits for us, shortly
      while (Atomics.load(words, GATE.over) === 0 && this.#server.systemCall?.text === stuck.text) {
        while (this.#readOne());
        if (thread.time > READ_PATIENCE)
          for (const unique of this.#reads.splice(0)) this.#answer(unique, -EIO);
        thread.endWaiting();
        this.#watchTracer();
        if (Atomics.wait(words, GATE.bell, BELL.quiet, PAUSE) !== 'timed-out') break;
      }
    } finally {
      Atomics.store(words, GATE.owner, OWNER.nobody);
      Atomics.notify(words, GATE.owner);
    }
  }

  /** @returns whether there was a request. */
  #readOne(): boolean {
    const { fd, bufferSize } = this.#data;
    const length = c.read(fd, this.#request.address, bufferSize);
    if (length < 0) {
      const error = errno();
      // The end of the session is the serving thread's to see
      return error === EINTR || error === ENOENT;
    }
    this.#handle(length);
    return true;
  }

  #handle(length: number): void {
    const { view } = this.#request;
    const opcode = view.getUint32(IN_HEADER.opcode, true);
    const unique = readNumber64(view, IN_HEADER.unique);
    const isOurs = view.getUint32(IN_HEADER.pid, true) === process.pid;
    if (opcode === OPCODE.READ && this.#readPages(unique)) return;
    if (isOurs) return this.#answer(unique, -EIO);
    if (opcode === OPCODE.READ) this.#reads.push(unique);
    if (opcode === OPCODE.FLUSH) this.#answer(unique, 0);
    // Whoever asked is told to ask again when the serving thread sees the request
    if (opcode === OPCODE.POLL) this.#answer(unique, 0, this.#unready.address, POLL_OUT.byteLength);
    this.#keep(length);
  }

  #keep(length: number): void {
    // Counted first: whoever sees the count finds the message, and nobody looks before we let the gate go
    Atomics.add(this.#words, GATE.taken, 1);
    this.#data.port.postMessage(this.#request.bytes.slice(0, length));
  }

  /** Answers a READ from the memory behind the file; read(2) is refused, as the serving thread does. */
  #readPages(unique: number): boolean {
    const { view } = this.#request;
    const pages = this.#pages.find(readNumber64(view, IN_HEADER.nodeid));
    if (pages === null) return false;
    if ((view.getUint32(BODY + READ_IN.read_flags, true) & READ_LOCKOWNER) !== 0) {
      this.#answer(unique, -EINVAL);
      return true;
    }
    const { address, base, size } = pages;
    const from = readNumber64(view, BODY + READ_IN.offset) - base;
    const asked = view.getUint32(BODY + READ_IN.size, true);
    const length = from < 0 ? 0 : Math.max(0, Math.min(asked, size - from));
    this.#answer(unique, 0, address + Math.max(from, 0), length);
    return true;
  }

  #answer(unique: number, error: number, address = 0, length = 0): void {
    const { view } = this.#header;
    view.setUint32(OUT_HEADER.len, OUT_HEADER.byteLength + length, true);
    view.setInt32(OUT_HEADER.error, error, true);
    writeNumber64(view, OUT_HEADER.unique, unique);
    const iovecs = this.#iovecs.view;
    writeNumber64(iovecs, 0, this.#header.address);
    writeNumber64(iovecs, 8, OUT_HEADER.byteLength);
    writeNumber64(iovecs, 16, address);
    writeNumber64(iovecs, 24, length);
    c.writev(this.#data.fd, this.#iovecs.address, length > 0 ? 2 : 1);
  }

  /** Does for the thread that traces what is done for the one that serves, as far as requests need not be read for it. */
  #watchTracer(): void {
    const tid = Atomics.load(this.#words, GATE.tracer);
    if (tid !== this.#tracer?.tid) {
      this.#tracer?.thread[Symbol.dispose]();
      this.#tracer = tid === 0 ? null : { tid, thread: new OwnThread(tid) };
    }
    const call = this.#tracer?.thread.systemCall ?? null;
    if (call === null || !isBoundCopy(call)) this.#stuckTracer = null;
    else if (this.#stuckTracer?.call.text === call.text) this.#stuckTracer.endWaiting();
    else this.#stuckTracer = new StuckThread(call, this.#data.connection);
    if (this.#stuckTracer === null) Atomics.compareExchange(this.#words, GATE.tracer, tid, 0);
  }
}

const rescue = new Rescue(workerData as RescueData);
// All that it needs is open now
parentPort?.postMessage('ready');
rescue.run();
