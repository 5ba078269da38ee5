import { soon } from '../runtime/globals.ts';

// What Node.js and browsers have in common, or one of them has.
declare function setTimeout(callback: () => void, milliseconds: number): unknown;
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: unknown): void;
}
const { setImmediate, MessageChannel } = globalThis as unknown as {
  setImmediate?: (callback: () => void) => unknown;
  MessageChannel?: new () => { port1: Port; port2: Port };
};

/** Deliveries within one turn of the event loop, before timers and I/O get theirs. */
const PER_TURN = 256;

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

/**
 * Runs deliveries one after the other, soon, and never from within what asked for it. Two processes that call each other
 * without end would keep an event loop busy with microtasks for ever; so after some it is given a turn.
 */
export class Turns {
  readonly #queue: (() => void)[] = [];
  #isScheduled = false;
  #count = 0;
  #isCounting = false;

  add(deliver: () => void): void {
    this.#queue.push(deliver);
    if (!this.#isCounting) {
      this.#isCounting = true;
      nextTurn(this.#newTurn);
    }
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.length === 0 || this.#count >= PER_TURN) return;
    this.#isScheduled = true;
    soon(this.#run);
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    let next = 0;
    try {
      while (next < this.#queue.length && this.#count < PER_TURN) {
        this.#count++;
        (this.#queue[next++] as () => void)();
      }
    } finally {
      this.#queue.splice(0, next);
      this.#schedule();
    }
  };

  readonly #newTurn = (): void => {
    this.#count = 0;
    this.#isCounting = this.#queue.length > 0;
    if (this.#isCounting) nextTurn(this.#newTurn);
    this.#schedule();
  };
}
