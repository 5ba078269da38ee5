import { BinderError } from '../parcel/errors.ts';
import type { Signal } from './globals.ts';
import type { PoolThread } from './thread.ts';

/** Calls that wait for a thread, before further ones are refused: a caller that never stops must hear of it. */
const MAX_QUEUED_CALLS = 10_000;

/** A call whose turn has not come. */
export interface QueuedCall {
  /** Its turn: the thread is its own until it says {@link Callers.idle}. */
  start(thread: PoolThread): void;
  refused(error: BinderError): void;
  /** Once it aborts nobody waits for the call, and it is left out. */
  readonly signal: Signal | undefined;
}

/** The threads of a connection that only call, and the calls that wait until one of them is free. */
export class Callers {
  readonly #most: number;
  readonly #newThread: () => PoolThread;
  readonly #idle: PoolThread[] = [];
  #queue: QueuedCall[] = [];
  #count = 0;

  /** @param most - calls that may be under way at once */
  constructor(most: number, newThread: () => PoolThread) {
    this.#most = most;
    this.#newThread = newThread;
  }

  /** Starts a call, now or when a thread is free. */
  start(call: QueuedCall): void {
    const thread = this.#idle.pop();
    if (thread) return call.start(thread);
    if (this.#count < this.#most) {
      this.#count++;
      return call.start(this.#newThread());
    }
    if (this.#queue.length >= MAX_QUEUED_CALLS) this.#queue = this.#queue.filter(isWanted);
    if (this.#queue.length < MAX_QUEUED_CALLS) this.#queue.push(call);
    else
      call.refused(
        new BinderError(
          'TOO_MANY_CALLS',
          `Cannot call: ${this.#count} calls are under way and ${MAX_QUEUED_CALLS} wait`,
        ),
      );
  }

  /** A thread has ended its call. */
  idle(thread: PoolThread): void {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift())
      if (isWanted(next)) return next.start(thread);
    this.#idle.push(thread);
  }

  /** Nobody's turn comes any more. */
  close(error: BinderError): void {
    for (const { refused } of this.#queue.splice(0)) refused(error);
  }
}

function isWanted({ signal }: QueuedCall): boolean {
  return !signal?.aborted;
}
