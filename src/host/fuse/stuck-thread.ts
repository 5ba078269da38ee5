import type { SystemCall } from '../linux/own-thread.ts';
import { deviceUnder, endUserfault, type StuckCopy, stuckCopies, userOf } from '../linux/stuck-copy.ts';
import { abortConnection, ownerOf } from './connections.ts';

/** Milliseconds after which userfaultfd is no more waited for. */
const USERFAULT_PATIENCE = 100;

/** Milliseconds after which the FUSE server of a client is no more waited for: much more than a disk or a network takes. */
const FUSE_PATIENCE = 2000;

/** Milliseconds between two attempts to end such a server. */
const SERVER_INTERVAL = 10;

/** Milliseconds after which this process ends, which frees all its clients. A supervisor comes before that. */
const PATIENCE = 30_000;

/** A thread of ours that is stuck in one system call, and what ends its waiting for others: sooner or later all does. */
export class StuckThread {
  readonly call: SystemCall;
  /** Of our own mount, which is not aborted. */
  readonly #connection: number;
  readonly #since = performance.now();
  #triedUserfault = false;
  #nextServer = 0;

  constructor(call: SystemCall, connection: number) {
    this.call = call;
    this.#connection = connection;
  }

  /** Milliseconds. */
  get time(): number {
    return performance.now() - this.#since;
  }

  /**
   * Does what its time has come for; to be called again and again.
   *
   * Attempts may fail, for lack of rights above all; what comes after them must be tried all the same.
   */
  endWaiting(): void {
    const { time } = this;
    const copies = attempt(() => stuckCopies(this.call)) ?? [];
    if (time > USERFAULT_PATIENCE && !this.#triedUserfault) {
      this.#triedUserfault = true;
      for (const copy of copies) attempt(() => endUserfault(copy));
    }
    if (time > FUSE_PATIENCE && time > this.#nextServer) {
      // Again and again: the client may have mapped something else there meanwhile, and back
      this.#nextServer = time + SERVER_INTERVAL;
      for (const copy of copies) attempt(() => this.#endServer(copy));
    }
    if (time > PATIENCE) process.kill(process.pid, 'SIGKILL');
  }

  /**
   * Aborts the connection of the FUSE server that the copy waits for, where it is the client's user's: whoever may end it
   * by themselves may have it ended. The kernel does not let us be killed before.
   */
  #endServer(copy: StuckCopy): void {
    const connection = deviceUnder(copy);
    if (connection === null || connection === this.#connection) return;
    const owner = ownerOf(connection);
    if (owner !== undefined && owner === userOf(copy.thread)) abortConnection(connection);
  }
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    // There is a next step
    return undefined;
  }
}
