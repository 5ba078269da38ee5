import { ENOMEM } from '../abi/errno.ts';
import { Lru, NEXT, SLOT_WORDS, type SlotNames } from './lru.ts';
import { PageError } from './page-error.ts';
import type { ShrinkablePageRange } from './shrinkable-page-range.ts';

/** Bits of a page number in a slot's name: 1,024 pages, which are a mapping of 4 MiB in the smallest pages. */
const PAGE_BITS = 10;

/** The most pages that a range can have. */
export const MAX_RANGE_PAGES: number = 1 << PAGE_BITS;

/** Ranges that there can be at a time: what the rest of a slot's name can tell apart. */
const MAX_RANGES = 1 << (31 - PAGE_BITS);

/**
 * Knows the pages that nobody uses, of all ranges, and gives them back to the system, the ones unused for longest
 * first. There is a list for each NUMA node, so that a node that runs short can be relieved by itself.
 *
 * ```text
 *   node 0   oldest ── range 3, page 0 ── range 3, page 1 ── range 9, page 4 ── newest
 *   node 1   oldest ── range 4, page 7 ── newest
 * ```
 *
 * @example
 * ```ts
 * const shrinker = new Shrinker();
 * const memory = new HeapBacking(new HeapMemory(), 8 * 4096);
 * const range = new ShrinkablePageRange(shrinker, memory.area, 4096, memory);
 * range.useRange(0, 3);
 * range.stopUsingRange(0, 2);
 * assert.equal(shrinker.shrink(1), 1);
 * assert.deepEqual({ ...range.counts() }, { active: 1, unused: 1, free: 6, highWatermark: 3 });
 * range[Symbol.dispose]();
 * assert.equal(shrinker.presentBytes, 0);
 * ```
 */
export class Shrinker implements SlotNames {
  readonly pageBits = PAGE_BITS;
  /** Bytes of pages that buffers lie in, of all ranges. */
  usedBytes = 0;
  /** Bytes of pages that nobody uses and that can be had back. */
  availableBytes = 0;
  /** Pages given back since the start. */
  reclaimedPages = 0;
  /** When unused pages are wanted back: once used and unused ones are more bytes than this. */
  budget: number = Number.POSITIVE_INFINITY;
  /** Called, once until the next {@link shrink}, when the budget is exceeded and something can be given back. */
  onOverBudget: () => void = () => {};
  readonly #ranges: (ShrinkablePageRange | null)[] = [];
  /** The records of those, by themselves: a list goes by slots of many ranges, and needs nothing else of them. */
  readonly #records: (Int32Array | null)[] = [];
  readonly #freeIds: number[] = [];
  readonly #lists: Lru[] = [];
  #isAsked = false;

  /** Bytes of all pages that were used and not given back. */
  get presentBytes(): number {
    return this.usedBytes + this.availableBytes;
  }

  /** Unused pages on one NUMA node, or on all. */
  availablePages(nid?: number): number {
    if (nid !== undefined) return this.#lists[nid]?.count ?? 0;
    let pages = 0;
    for (const list of this.#lists) pages += list.count;
    return pages;
  }

  /** All unused pages on a node, the one to be given back next first. */
  *unused(nid: number): Generator<{ range: ShrinkablePageRange; page: number }> {
    for (const { range, page } of this.#lists[nid] ?? []) yield { range: this.#range(range), page };
  }

  /**
   * Gives up to `limit` unused pages back to the system. What lies together and was unused at the same time is given
   * back at once. Pages of a range that somebody iterates over stay.
   *
   * @param nid - only pages on this node
   * @returns how many pages were given back.
   */
  shrink(limit: number, nid?: number): number {
    let pages = 0;
    this.#isAsked = false;
    for (const [node, list] of this.#lists.entries()) {
      if (nid !== undefined && node !== nid) continue;
      pages += this.#shrinkList(list, limit - pages);
    }
    this.reclaimedPages += pages;
    return pages;
  }

  /** Takes a range in. @returns its number, for the links. @throws PageError (ENOMEM) when there are too many. */
  register(range: ShrinkablePageRange): number {
    const id = this.#freeIds.pop() ?? this.#ranges.length;
    if (id >= MAX_RANGES) throw new PageError(`Cannot have more than ${MAX_RANGES} page ranges`, ENOMEM);
    this.#ranges[id] = range;
    this.#records[id] = range.records;
    return id;
  }

  unregister(id: number): void {
    this.#ranges[id] = null;
    this.#records[id] = null;
    this.#freeIds.push(id);
  }

  records(range: number): Int32Array {
    return this.#records[range] as Int32Array;
  }

  /** A page is not used any more. */
  add(range: number, page: number, nid: number): void {
    for (let node = this.#lists.length; node <= nid; node++) this.#lists.push(new Lru(this));
    (this.#lists[nid] as Lru).add(range, page);
  }

  /** A page is used again, or gone. */
  remove(range: number, page: number, nid: number): void {
    (this.#lists[nid] as Lru).remove(range, page);
  }

  /** To be called when pages were added: asks for relief when the budget is exceeded. */
  checkBudget(): void {
    if (this.#isAsked || this.presentBytes <= this.budget) return;
    this.#isAsked = true;
    this.onOverBudget();
  }

  #shrinkList(list: Lru, limit: number): number {
    let pages = 0;
    for (let slot = list.oldest; slot >= 0 && pages < limit; ) {
      const name = slot;
      const range = this.#range(name >>> PAGE_BITS);
      const first = name & (MAX_RANGE_PAGES - 1);
      const most = Math.min(limit - pages, range.pageCount - first);
      let count = 0;
      // Pages that were freed together follow each other in the list.
      do {
        slot = range.records[(first + count) * SLOT_WORDS + NEXT] as number;
        count++;
      } while (count < most && slot === name + count);
      if (range.isPinned) continue;
      range.giveBack(first, first + count);
      pages += count;
    }
    return pages;
  }

  #range(id: number): ShrinkablePageRange {
    return this.#ranges[id] as ShrinkablePageRange;
  }
}
