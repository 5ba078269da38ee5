import { availableParallelism } from 'node:os';
import { loadKoffi } from '../linux/libc.ts';
import { EMPTY, ENDED, type FuseSession, type SessionEnd } from './session.ts';

/**
 * Microseconds of asking again before sleeping. Waking a sleeper on another core takes 40 to 80 us with idle cores;
 * a client's next request mostly comes within that, and asking takes half a microsecond.
 */
export const DEFAULT_SPIN = 50;

/**
 * Wake-ups between two looks at how many processors this process may use, which anybody may change. On a single one spinning
 * only keeps from running whoever is to send the next request.
 */
const WAKES_PER_LOOK = 256;

/** Milliseconds after which timers, signals and sockets get their turn, however many requests wait. */
const TURN = 2;

/** Requests between two looks at the clock, which costs about as much as a tenth of a request. */
const REQUESTS_PER_LOOK = 16;

const MICROSECONDS_PER_MS = 1000;

export interface FuseLoopOptions {
  /**
   * Microseconds to ask for the next request before sleeping, where there is more than one processor; default
   * {@link DEFAULT_SPIN}, 0 sleeps at once.
   */
  readonly spin?: number;
  /** How many processors this process may use; default: as the system says. */
  readonly processors?: () => number;
}

/**
 * Serves a session on Node's own event loop, without a thread of its own.
 *
 * ```text
 *   asleep: /dev/fuse in the epoll set of the event loop (a libuv poll handle, from koffi)
 *     │ readable
 *     ▼
 *   turn: handle all requests ──none left──▶ ask again for `spin` us ──none came──▶ asleep
 *     │ 2 ms passed            ◀──one came───┘
 *     ▼
 *   timers, signals, sockets, then the next turn
 * ```
 *
 * The first turn after sleeping runs in the poll callback itself, which saves 3 us over an immediate. koffi calls it
 * outside of Node's callback scope, so exceptions are caught here, and an empty immediate afterwards makes Node continue
 * the promises that handlers resolved.
 *
 * @example
 * const loop = new FuseLoop(session);
 * const end = await loop.run();
 */
export class FuseLoop {
  private readonly session: FuseSession;
  private readonly longestSpin: number;
  private readonly processors: () => number;
  /** 0 while there is a single processor. */
  private spin = 0;
  private wakes = 0;
  private watch: Watch | null = null;
  private next: NodeJS.Immediate | null = null;
  private settle: {
    resolve: (end: SessionEnd | 'stopped') => void;
    reject: (error: unknown) => void;
  } | null = null;

  constructor(session: FuseSession, options: FuseLoopOptions = {}) {
    this.session = session;
    this.longestSpin = (options.spin ?? DEFAULT_SPIN) / MICROSECONDS_PER_MS;
    this.processors = options.processors ?? availableParallelism;
  }

  get isRunning(): boolean {
    return this.settle !== null;
  }

  /**
   * Serves until the session ends or {@link stop}, and keeps the process alive for so long. May be called again after
   * a stop.
   *
   * @returns why it ended; the session and its descriptor stay the caller's to close.
   * @throws what a handler threw, unless the session's `onHandlerError` took it; SystemCallError of the session.
   */
  run(): Promise<SessionEnd | 'stopped'> {
    if (this.settle) throw new Error('Cannot run a FUSE loop twice at a time: stop it first');
    if (this.session.gate) this.session.gate.onTaken = this.readable;
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      // Level-triggered: reports what came before as well, and as long as something is left
      this.watch = watchReadable(this.session.fd, this.readable);
    });
  }

  /** Ends {@link run} without waiting for anything; requests not yet read stay in the kernel. */
  stop(): void {
    this.finish('stopped');
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  private readonly readable = (): void => {
    if (this.next !== null || this.settle === null) return;
    this.session.gate?.wake();
    if (this.wakes++ % WAKES_PER_LOOK === 0) this.spin = this.processors() > 1 ? this.longestSpin : 0;
    this.turn();
    setImmediate(continuePromises);
  };

  private readonly turn = (): void => {
    this.next = null;
    try {
      if (this.serve()) this.next = setImmediate(this.turn);
    } catch (error) {
      this.end()?.reject(error);
    }
  };

  /** @returns whether to go on at once, after the event loop's other work. */
  private serve(): boolean {
    const { session } = this;
    const start = performance.now();
    session.now = start;
    let spinEnd = start + this.spin;
    let isBusy = false;
    let requests = 0;
    while (this.settle) {
      const outcome = session.receive();
      if (outcome === EMPTY) {
        const now = performance.now();
        session.now = now;
        if (isBusy) spinEnd = now + this.spin;
        isBusy = false;
        if (now >= spinEnd) return false;
        if (now - start > TURN) return true;
      } else if (outcome === ENDED) {
        this.finish(session.end ?? 'stopped');
      } else {
        isBusy = true;
        if (++requests % REQUESTS_PER_LOOK !== 0) continue;
        session.now = performance.now();
        if (session.now - start > TURN) return true;
      }
    }
    return false;
  }

  private finish(end: SessionEnd | 'stopped'): void {
    this.end()?.resolve(end);
  }

  private end(): typeof this.settle {
    const settle = this.settle;
    this.settle = null;
    this.watch?.close();
    this.watch = null;
    if (this.next) clearImmediate(this.next);
    this.next = null;
    return settle;
  }
}

/** That Node calls anything at all is what counts. */
function continuePromises(): void {}

/** A descriptor being watched. */
export interface Watch {
  /** Ends it; the descriptor may be closed afterwards. Does nothing the second time. */
  close(): void;
}

/**
 * Calls `callback` in each round of the event loop in which `fd` is readable or failed, by libuv's own epoll: no
 * thread waits. Keeps the process alive. Works for everything that has poll: devices, pipes, pidfds, epoll descriptors.
 *
 * The callback runs outside of Node's callback scope: it must not throw, and promises resolved in it wait for whatever
 * Node calls next. Where that matters, let it start an immediate.
 */
export function watchReadable(fd: number, callback: () => void): Watch {
  const handle = loadKoffi().node.poll(fd, { readable: true }, callback);
  let isOpen = true;
  return {
    close() {
      if (!isOpen) return;
      isOpen = false;
      handle.close();
    },
  };
}
