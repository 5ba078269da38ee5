/** No link. */
const NONE = -1;

/** The links of the slots of one range: integers, so that the path of a call makes no objects. */
export interface LruLinks {
  readonly next: Int32Array;
  readonly previous: Int32Array;
}

/** A slot by its range and page in one integer, for {@link Lru}. */
export interface SlotNames {
  /** Bits of the page number in a slot's name. */
  readonly pageBits: number;
  links(range: number): LruLinks;
}

/**
 * A list of slots, the one that was added longest ago first. The links lie in arrays of the slots' ranges; a slot is
 * named `range << pageBits | page`.
 */
export class Lru {
  #oldest = NONE;
  #newest = NONE;
  /** How many slots are on the list. */
  count = 0;
  readonly #names: SlotNames;
  readonly #mask: number;

  constructor(names: SlotNames) {
    this.#names = names;
    this.#mask = (1 << names.pageBits) - 1;
  }

  /** The slot that was added longest ago; -1 when there is none. */
  get oldest(): number {
    return this.#oldest;
  }

  add(range: number, page: number): void {
    const { next, previous } = this.#names.links(range);
    const slot = (range << this.#names.pageBits) | page;
    next[page] = NONE;
    previous[page] = this.#newest;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#setNext(this.#newest, slot);
    this.#newest = slot;
    this.count++;
  }

  remove(range: number, page: number): void {
    const { next, previous } = this.#names.links(range);
    const after = next[page] as number;
    const before = previous[page] as number;
    if (before === NONE) this.#oldest = after;
    else this.#setNext(before, after);
    if (after === NONE) this.#newest = before;
    else this.#setPrevious(after, before);
    this.count--;
  }

  /** All slots, the oldest first. */
  *[Symbol.iterator](): Generator<{ range: number; page: number }> {
    for (let slot = this.#oldest; slot !== NONE; ) {
      const range = slot >>> this.#names.pageBits;
      const page = slot & this.#mask;
      yield { range, page };
      slot = this.#names.links(range).next[page] as number;
    }
  }

  #setNext(slot: number, next: number): void {
    this.#names.links(slot >>> this.#names.pageBits).next[slot & this.#mask] = next;
  }

  #setPrevious(slot: number, previous: number): void {
    this.#names.links(slot >>> this.#names.pageBits).previous[slot & this.#mask] = previous;
  }
}
