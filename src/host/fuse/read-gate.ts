import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/**
 * Memory shared by the thread that serves a session and its rescue (rescue-worker.ts), as 32-bit words:
 *
 * ```text
 *    0         4        8         12        16       20        24
 *    ├─────────┼────────┼─────────┼─────────┼────────┼─────────┤
 *    │ owner   │ beat   │ taken   │ bell    │ over   │ tracer  │
 * ```
 */
export const GATE = {
  /** Who may read requests now: {@link OWNER}. */
  owner: 0,
  /** Changes with each request that the serving thread reads. */
  beat: 1,
  /** Requests that the rescue has handed over since the beginning. */
  taken: 2,
  /** What the rescue waits on: {@link BELL}. */
  bell: 3,
  /** 1: the rescue is to end. */
  over: 4,
  /** The thread of ours to look at that traces clients, by its id; 0: none. */
  tracer: 5,
  words: 6,
} as const;

export const OWNER = { nobody: 0, server: 1, rescue: 2 } as const;

export const BELL = {
  /** The rescue looks at the serving thread from time to time, or reads requests in its place. */
  quiet: 0,
  /** Nothing has happened for a while, and the rescue looks seldom: ring when it does. */
  dozing: 1,
  /** The serving thread wants to know, or to have, something. */
  rung: 2,
} as const;

/**
 * Lets another thread read a session's requests while the serving thread is stuck in a system call, so that none is lost
 * and none overtakes another: whoever reads owns the gate meanwhile, and what the rescue took the serving thread handles
 * before it reads on.
 *
 * Costs two atomic operations and a store for each read.
 */
export class ReadGate {
  readonly shared: SharedArrayBuffer = new SharedArrayBuffer(4 * GATE.words);
  /** Called when the rescue has handed over requests to a serving thread that sleeps. */
  onTaken: () => void = () => {};
  readonly #words = new Int32Array(this.shared);
  readonly #port: MessagePort;
  readonly #queue: Uint8Array[] = [];
  #seen = 0;
  #beat = 0;

  /** @param port where the rescue posts requests: whole, in order, one a message. */
  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (request: Uint8Array) => {
      this.#arrived(request);
      this.onTaken();
    });
    port.unref();
  }

  /**
   * Before a read. @returns 0: read, then {@link leave}. Otherwise the length of a request that the rescue took, now in
   * `into`: there is nothing to be left.
   */
  enter(into: Uint8Array): number {
    const words = this.#words;
    if (Atomics.compareExchange(words, GATE.owner, OWNER.nobody, OWNER.server) === OWNER.nobody) {
      if (this.#queue.length === 0 && words[GATE.taken] === this.#seen) return 0;
      Atomics.store(words, GATE.owner, OWNER.nobody);
    }
    return this.#enterAfterRescue(into);
  }

  leave(): void {
    this.#words[GATE.beat] = this.#beat = (this.#beat + 1) | 0;
    Atomics.store(this.#words, GATE.owner, OWNER.nobody);
  }

  /** The serving thread wakes up. */
  wake(): void {
    if (this.#words[GATE.bell] === BELL.dozing) this.#ring();
  }

  /** A thread of ours that traces clients, and takes long over a copy, is to be looked at until it gets on. */
  watchTracer(tid: number): void {
    Atomics.store(this.#words, GATE.tracer, tid);
    this.wake();
  }

  /** Tells the rescue to end. */
  close(): void {
    Atomics.store(this.#words, GATE.over, 1);
    this.#ring();
    this.#port.close();
  }

  #enterAfterRescue(into: Uint8Array): number {
    const words = this.#words;
    while (Atomics.load(words, GATE.owner) === OWNER.rescue) {
      this.#ring();
      Atomics.wait(words, GATE.owner, OWNER.rescue, 1);
    }
    while (this.#seen !== Atomics.load(words, GATE.taken)) {
      const message = receiveMessageOnPort(this.#port);
      if (!message) break;
      this.#arrived(message.message as Uint8Array);
    }
    const request = this.#queue.shift();
    if (!request) return this.enter(into);
    into.set(request);
    return request.length;
  }

  #arrived(request: Uint8Array): void {
    this.#queue.push(request);
    this.#seen = (this.#seen + 1) | 0;
  }

  #ring(): void {
    Atomics.store(this.#words, GATE.bell, BELL.rung);
    Atomics.notify(this.#words, GATE.bell);
  }
}
