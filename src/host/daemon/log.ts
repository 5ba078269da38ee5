/** Messages of one window of time that are written; clients must not be able to fill the log. */
const MESSAGES_PER_WINDOW = 10;
/** Milliseconds. */
const WINDOW = 5000;

/** Writes messages to stderr, at most so many in a while; says how many it left out. */
export class Log {
  #count = 0;
  #windowStart = 0;

  constructor() {
    // Whoever started a daemon may close its end: that must not end the daemon.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  }

  readonly write = (message: string): void => {
    const now = performance.now();
    if (now - this.#windowStart > WINDOW) {
      const left = this.#count - MESSAGES_PER_WINDOW;
      if (left > 0) process.stderr.write(`ubinder: ${left} more messages left out\n`);
      this.#windowStart = now;
      this.#count = 0;
    }
    if (++this.#count <= MESSAGES_PER_WINDOW) process.stderr.write(`ubinder: ${message}\n`);
  };
}
