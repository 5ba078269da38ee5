import { write } from 'node:fs';

/** Messages of one window of time that are written; clients must not be able to fill the log. */
const MESSAGES_PER_WINDOW = 10;
/** Milliseconds. */
const WINDOW = 5000;
/** Characters that may wait until a slow reader of the log has taken what came before. */
const MAX_WAITING = 16 * 1024;
const STDERR = 2;

/**
 * Writes messages to stderr, at most so many in a while; says how many it left out.
 *
 * The writing is done by a thread of libuv's pool, because a terminal that was stopped by Ctrl-S, or a pipe that
 * nobody reads, lets its writer wait: that must not be the thread that serves everybody.
 */
export class Log {
  #count = 0;
  #windowStart = 0;
  #left = 0;
  #waiting = '';
  #isWriting = false;

  constructor() {
    // Whoever started a daemon may close its end: that must not end the daemon.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  }

  readonly write = (message: string): void => {
    const now = performance.now();
    if (now - this.#windowStart > WINDOW) {
      this.#windowStart = now;
      this.#count = 0;
    }
    if (++this.#count > MESSAGES_PER_WINDOW || this.#waiting.length > MAX_WAITING) {
      this.#left++;
      return;
    }
    this.answer(message);
  };

  /** Writes what the daemon's owner asked for, whatever clients have caused to be written. */
  readonly answer = (message: string): void => {
    if (this.#left > 0) this.#waiting += `ubinder: ${this.#left} more messages left out\n`;
    this.#left = 0;
    this.#waiting += `ubinder: ${printable(message)}\n`;
    this.#writeWaiting();
  };

  #writeWaiting(): void {
    if (this.#isWriting || this.#waiting === '') return;
    const text = this.#waiting;
    this.#waiting = '';
    this.#isWriting = true;
    write(STDERR, text, () => {
      this.#isWriting = false;
      this.#writeWaiting();
    });
  }
}

/** Names are others' to choose: none may begin a line of its own, or steer a terminal. */
function printable(message: string): string {
  return message
    .replaceAll('\n', '\n  ')
    .replace(/(?!\n)\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
