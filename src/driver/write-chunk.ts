import type { Area } from '../page/area.ts';
import type { PageMemory } from '../page/page-memory.ts';
import { ScatterList } from '../page/scatter-list.ts';
import { WRITE_CHUNK } from './limits.ts';
import type { Thread } from './thread.ts';

/** A command with a transaction takes this many bytes at least; shorter write buffers send no data. */
const TRANSACTION_SIZE = 68;

/** Where a thread had the data that it sent last: callers use the same memory again and again. */
export class SentData {
  address = 0;
  /** Bytes, at most {@link WRITE_CHUNK}; 0 when nothing is known. */
  size = 0;
  /** The last two were sent from the same address. */
  isUsual = false;

  note(address: number, size: number): void {
    this.isUsual = address === this.address && size <= WRITE_CHUNK;
    this.address = address;
    this.size = size;
  }
}

/**
 * Where a piece of the current write buffer lies, and with it the data that its transaction will most likely send:
 *
 * ```text
 *    0                     WRITE_CHUNK            2 * WRITE_CHUNK
 *    ├──────────────────────┼──────────────────────┤
 *    │ commands             │ data, looked ahead   │
 * ```
 *
 * One copy for both in place of two: for the usual small call that is an eighth of the daemon's system calls.
 */
export class WriteChunk {
  readonly area: Area;
  readonly #from = new ScatterList();
  readonly #to = new ScatterList();
  #aheadAddress = 0;
  #aheadSize = 0;
  #bytes: Uint8Array;

  constructor(memory: PageMemory) {
    this.area = memory.allocate(2 * WRITE_CHUNK, true);
    this.#bytes = this.area.bytes.subarray(WRITE_CHUNK);
  }

  /**
   * Fetches `length` bytes (at most {@link WRITE_CHUNK}) of commands at `address`, to the start of the area.
   *
   * @returns how many there are before the first byte that faulted.
   */
  fetch(thread: Thread, address: number, length: number): number {
    const { memory } = thread.process.client;
    const { sentData } = thread;
    this.#aheadSize = 0;
    if (!sentData.isUsual || length < TRANSACTION_SIZE)
      return memory.read(thread.id, address, this.area, 0, length);
    const from = this.#from;
    const to = this.#to;
    from.clear();
    to.clear();
    from.add(address, length);
    from.add(sentData.address, sentData.size);
    to.add(0, length);
    to.add(WRITE_CHUNK, sentData.size);
    const copied = memory.readv(thread.id, from, this.area, to);
    if (copied <= length) return copied;
    this.#aheadAddress = sentData.address;
    this.#aheadSize = copied - length;
    return length;
  }

  /** The client's bytes at `address`, where they were fetched along with the commands; not to be kept. */
  ahead(address: number, length: number): Uint8Array | null {
    if (address !== this.#aheadAddress || length > this.#aheadSize) return null;
    if (this.#bytes.length !== length)
      this.#bytes = this.area.bytes.subarray(WRITE_CHUNK, WRITE_CHUNK + length);
    return this.#bytes;
  }

  /** The client's memory has changed by a command. */
  forgetAhead(): void {
    this.#aheadSize = 0;
  }
}
