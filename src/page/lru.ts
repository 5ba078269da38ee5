/** No link. */
const NONE = -1;

/**
 * A slot's record: this many integers side by side, so that the path of a call makes no objects and comes by one cache line.
 * The first two are its links; the others belong to its range.
 */
export const SLOT_WORDS = 4;
export const NEXT = 0;
const PREVIOUS = 1;

/** A slot by its range and page in one integer, for {@link Lru}. */
export interface SlotNames {
  /** Bits of the page number in a slot's name. */
  readonly pageBits: number;
  /** The records of a range's slots. */
  records(range: number): Int32Array;
}

/**
 * A list of slots, the one that was added longest ago first. The links lie in the slots' records; a slot is
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
    const records = this.#names.records(range);
    const slot = (range << this.#names.pageBits) | page;
    records[page * SLOT_WORDS + NEXT] = NONE;
    records[page * SLOT_WORDS + PREVIOUS] = this.#newest;
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#link(this.#newest, NEXT, slot);
    this.#newest = slot;
    this.count++;
  }

  remove(range: number, page: number): void {
    const records = this.#names.records(range);
    const after = records[page * SLOT_WORDS + NEXT] as number;
    const before = records[page * SLOT_WORDS + PREVIOUS] as number;
    if (before === NONE) this.#oldest = after;
    else this.#link(before, NEXT, after);
    if (after === NONE) this.#newest = before;
    else this.#link(after, PREVIOUS, before);
    this.count--;
  }

  /** All slots, the oldest first. */
  *[Symbol.iterator](): Generator<{ range: number; page: number }> {
    for (let slot = this.#oldest; slot !== NONE; ) {
      const range = slot >>> this.#names.pageBits;
      const page = slot & this.#mask;
      yield { range, page };
      slot = this.#names.records(range)[page * SLOT_WORDS + NEXT] as number;
    }
  }

  #link(slot: number, link: number, to: number): void {
    const records = this.#names.records(slot >>> this.#names.pageBits);
    records[(slot & this.#mask) * SLOT_WORDS + link] = to;
  }
}
