import { createArea, type MappedArea } from '../linux/area.ts';
import type { TakenFile } from '../linux/open-file.ts';
import { sendSome } from '../linux/unix-socket.ts';

/** Milliseconds after which a socket that was full is tried again, at first and at most. */
const FIRST_PAUSE = 1;
const LAST_PAUSE = 50;

/**
 * Bytes that may wait for a client that does not read. Every logical thread has at most one event under way, so that only
 * clients that mean harm come here; their socket is given up.
 */
const MAX_WAITING = 16 * 1024 * 1024;

/** A client's socket to which the daemon writes and never waits. */
export class EventSocket {
  readonly #file: TakenFile;
  readonly #waiting: MappedArea[] = [];
  #sentOfFirst = 0;
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(file: TakenFile) {
    this.#file = file;
  }

  /** Sends the first `size` bytes of `area`, now or when there is room. Nobody hears when the client has gone away. */
  send(area: MappedArea, size: number): void {
    if (this.#isClosed) return;
    const sent = this.#waiting.length > 0 ? 0 : sendSome(this.#file.fd, area.address, size);
    if (sent === size) return;
    if (sent < 0 || this.#waitingBytes + size > MAX_WAITING) return this.close();
    const rest = createArea(size - sent);
    rest.bytes.set(area.bytes.subarray(sent, size));
    this.#waiting.push(rest);
    this.#waitingBytes += rest.size;
    if (!this.#timer) this.#tryAgain(FIRST_PAUSE);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    for (const area of this.#waiting.splice(0)) area.release();
    this.#file.close();
  }

  #tryAgain(pause: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#sendWaiting(pause);
    }, pause).unref();
  }

  #sendWaiting(pause: number): void {
    let next = LAST_PAUSE < pause * 2 ? LAST_PAUSE : pause * 2;
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const left = first.size - this.#sentOfFirst;
      const sent = sendSome(this.#file.fd, first.address + this.#sentOfFirst, left);
      if (sent < 0) return this.close();
      if (sent > 0) next = FIRST_PAUSE;
      if (sent < left) {
        this.#sentOfFirst += sent;
        return this.#tryAgain(next);
      }
      this.#sentOfFirst = 0;
      this.#waitingBytes -= first.size;
      this.#waiting.shift();
      first.release();
    }
  }
}
