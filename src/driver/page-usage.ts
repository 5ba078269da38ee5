/** Bytes of a page as logs count them. */
const PAGE_SIZE = 4096;

/** Pages of a mapping, as the driver's logs count them. */
export interface PageCounts {
  /** Pages that a buffer in use lies on. */
  readonly active: number;
  /** Pages that buffers once lay on. */
  readonly unused: number;
  /** Pages that were never used. */
  readonly free: number;
  /** One more than the highest page that was ever used. */
  readonly highWatermark: number;
}

/** Where something lies in a mapping. */
interface Piece {
  readonly offset: number;
  readonly size: number;
}

/** Which pages of a mapping were ever used. */
export class PageUsage {
  readonly #used: Uint8Array;
  #highWatermark = 0;

  /** @param size - bytes of the mapping */
  constructor(size: number) {
    this.#used = new Uint8Array(Math.floor(size / PAGE_SIZE));
  }

  /** Something is put here. */
  use({ offset, size }: Piece): void {
    const last = Math.floor((offset + size - 1) / PAGE_SIZE);
    for (let page = Math.floor(offset / PAGE_SIZE); page <= last; page++) this.#used[page] = 1;
    if (last >= this.#highWatermark) this.#highWatermark = last + 1;
  }

  /** @param pieces - what is in use, by address */
  count(pieces: Iterable<Piece>): PageCounts {
    let active = 0;
    let next = 0;
    for (const { offset, size } of pieces) {
      const end = Math.floor((offset + size - 1) / PAGE_SIZE) + 1;
      active += Math.max(0, end - Math.max(next, Math.floor(offset / PAGE_SIZE)));
      next = Math.max(next, end);
    }
    const used = this.#used.reduce((sum, one) => sum + one, 0);
    return {
      active,
      unused: used - active,
      free: this.#used.length - used,
      highWatermark: this.#highWatermark,
    };
  }
}
