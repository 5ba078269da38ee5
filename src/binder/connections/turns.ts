import { soon } from '../runtime/globals.ts';
import type { TurnBudget } from '../runtime/seam.ts';
import { LoopBudget } from './loop-budget.ts';

/**
 * Runs deliveries one after the other, soon, and never from within what asked for it. Two processes that call each other
 * without end would keep an event loop busy with microtasks for ever; so after some time it is given a turn.
 */
export class Turns {
  readonly budget: TurnBudget = new LoopBudget();
  readonly #queue: (() => void)[] = [];
  #isScheduled = false;

  add(deliver: () => void): void {
    this.#queue.push(deliver);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    soon(this.#run);
  }

  /** From the event loop itself: runs it at once, unless others wait or the time is up. */
  run(deliver: () => void): void {
    if (this.#queue.length > 0 || this.budget.isSpent()) this.add(deliver);
    else deliver();
  }

  readonly #run = (): void => {
    let next = 0;
    let isSpent = false;
    try {
      while (next < this.#queue.length && !isSpent) {
        isSpent = this.budget.isSpent();
        if (!isSpent) (this.#queue[next++] as () => void)();
      }
    } finally {
      this.#queue.splice(0, next);
      this.#isScheduled = this.#queue.length > 0;
      if (isSpent) this.budget.renewed(this.#run);
      else if (this.#isScheduled) soon(this.#run);
    }
  };
}
