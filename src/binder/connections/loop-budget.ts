import type { TurnBudget } from '../runtime/seam.ts';

// What Node.js and browsers have in common, or one of them has.
declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare const performance: { now(): number };
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
}
const { setImmediate, MessageChannel } = globalThis as unknown as {
  setImmediate?: (callback: () => void) => unknown;
  MessageChannel?: new () => { port1: Port; port2: Port };
};

/** Milliseconds of a turn that are ours, before timers and I/O get theirs. */
const SLICE = 10;
/** Pieces of work whose time is not taken: a call and its reply that others wait for cost no look at the clock. */
const UNTIMED = 32;

/** Calls back in the next turn of the event loop. */
function nextTurn(callback: () => void): void {
  if (setImmediate) return void setImmediate(callback);
  if (!MessageChannel) return void setTimeout(callback, 0);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.onmessage = null;
    callback();
  };
  port2.postMessage(null);
}

/** A slice of each turn of the event loop. What came too late for one is done first in the next. */
export class LoopBudget implements TurnBudget {
  readonly #waiting: (() => void)[] = [];
  #count = 0;
  #end = 0;

  isSpent(): boolean {
    if (++this.#count < UNTIMED) return false;
    if (this.#count === UNTIMED) {
      this.#end = performance.now() + SLICE;
      nextTurn(this.#renew);
    }
    return performance.now() >= this.#end;
  }

  renewed(callback: () => void): void {
    this.#waiting.push(callback);
  }

  readonly #renew = (): void => {
    this.#count = 0;
    // What a callback leaves over goes behind those that have waited as long.
    while (this.#waiting.length > 0 && !this.isSpent()) this.#waiting.shift()?.();
  };
}
