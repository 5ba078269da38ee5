import { BinderError } from '../parcel/errors.ts';
import type { Signal } from './globals.ts';
import type { TurnBudget } from './seam.ts';
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

/**
 * The threads of a connection that only call, and the calls that wait until one of them is free, or until the event loop
 * has had a turn.
 */
export class Callers {
  readonly #most: number;
  readonly #newThread: () => PoolThread;
  readonly #budget: TurnBudget;
  readonly #idle: PoolThread[] = [];
  #queue: QueuedCall[] = [];
  #count = 0;
  #awaitsTurn = false;

  /** @param most - calls that may be under way at once */
  constructor(most: number, newThread: () => PoolThread, budget: TurnBudget) {
    this.#most = most;
    this.#newThread = newThread;
    this.#budget = budget;
  }

  /** Starts a call, now or when a thread is free. */
  start(call: QueuedCall): void {
    if (this.#queue.length === 0 && this.#hasThread) {
      if (!this.#budget.isSpent()) return call.start(this.#takeThread());
      this.#awaitTurn();
    }
    // Those for which there are threads wait for nothing but a turn.
    const limit = MAX_QUEUED_CALLS + this.#idle.length + this.#most - this.#count;
    if (this.#queue.length >= limit) this.#queue = this.#queue.filter(isWanted);
    if (this.#queue.length < limit) this.#queue.push(call);
    else
      call.refused(
        new BinderError(
          'TOO_MANY_CALLS',
          `Cannot call: ${this.#count} calls are under way and ${MAX_QUEUED_CALLS} wait`,
        ),
      );
  }

  /** Starts those that wait for nothing but a turn: a call that takes no turn must not overtake them. */
  startWaiting(): void {
    while (this.#queue.length > 0 && this.#hasThread) this.#startNext();
  }

  /** A thread has ended its call. */
  idle(thread: PoolThread): void {
    this.#idle.push(thread);
    if (!this.#awaitsTurn) this.#proceed();
  }

  /** Nobody's turn comes any more. */
  close(error: BinderError): void {
    for (const { refused } of this.#queue.splice(0)) refused(error);
  }

  get #hasThread(): boolean {
    return this.#idle.length > 0 || this.#count < this.#most;
  }

  #takeThread(): PoolThread {
    const thread = this.#idle.pop();
    if (thread) return thread;
    this.#count++;
    return this.#newThread();
  }

  #startNext(): void {
    const next = this.#queue.shift();
    if (next && isWanted(next)) next.start(this.#takeThread());
  }

  #awaitTurn(): void {
    this.#awaitsTurn = true;
    this.#budget.renewed(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#awaitsTurn = false;
    this.#proceed();
  };

  #proceed(): void {
    while (this.#queue.length > 0 && this.#hasThread) {
      if (this.#budget.isSpent()) return this.#awaitTurn();
      this.#startNext();
    }
  }
}

function isWanted({ signal }: QueuedCall): boolean {
  return !signal?.aborted;
}
