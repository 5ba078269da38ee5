import { EFAULT, EINVAL, ESRCH } from '../abi/errno.ts';
import type { Area } from './area.ts';
import { BorrowedPage } from './borrowed-page.ts';
import { SLOT_WORDS } from './lru.ts';
import type { PageBacking } from './page-backing.ts';
import { PageError } from './page-error.ts';
import { type AsPageIter, type PinnablePageOwner, VmallocPageIter } from './page-iter.ts';
import { MAX_RANGE_PAGES, type Shrinker } from './shrinker.ts';

/** What a slot holds: see {@link ShrinkablePageRange}. */
export const SLOT = {
  /** No page. */
  FREE: 0,
  /** A page that nobody uses, on the list of its node where it can be given back. */
  AVAILABLE: 1,
  /** A page that a buffer lies in. */
  USED: 2,
} as const;

/** In a slot's record, behind its links: one of {@link SLOT}, and the NUMA node of its page. */
const STATE = 2;
const NODE = 3;

/** The node of a page that was not asked for yet. */
const UNKNOWN_NODE = -1;

/** Pages of a range by their state, as the driver's logs show them. */
export interface PageCounts {
  /** In use. */
  readonly active: number;
  /** Unused, and kept for the next use. */
  readonly unused: number;
  /** Never used, or given back. */
  readonly free: number;
  /** One more than the highest page that was ever used. */
  readonly highWatermark: number;
}

/**
 * The pages of one client's mapping, each in a slot:
 *
 * ```text
 *            useRange                    stopUsingRange
 *   FREE ─────────────────▶  USED  ◀───────────────────────▶  AVAILABLE, on the LRU of its node
 *    ▲                                    useRange                │
 *    └────────────────────────── giveBack, by the shrinker ──────┘
 * ```
 *
 * A page is allocated (zeroed) by its first use and keeps its content while it is AVAILABLE. Slots are
 * integers in an array: using and not using pages makes no objects.
 *
 * @example
 * ```ts
 * const shrinker = new Shrinker();
 * const memory = new HeapBacking(new HeapMemory(), 4 * 4096);
 * using range = new ShrinkablePageRange(shrinker, memory.area, 4096, memory);
 * range.useRange(1, 3);
 * range.write(2 * 4096 - 2, Uint8Array.of(1, 2, 3, 4));
 * assert.deepEqual([...range.pieces(2 * 4096 - 2, 4)].map(({ page, length }) => [page.index, length]), [[1, 2], [2, 2]]);
 * range.stopUsingRange(1, 3);
 * shrinker.shrink(4);
 * range.useRange(1, 2);
 * assert.deepEqual([...memory.area.bytes.subarray(2 * 4096 - 2, 2 * 4096)], [0, 0]);
 * ```
 */
export class ShrinkablePageRange implements AsPageIter, PinnablePageOwner, Disposable {
  readonly kind = 'page range';
  readonly pageSize: number;
  readonly pageCount: number;
  generation = 0;
  /** Whether unused pages can be given back. */
  readonly isShrinkable: boolean;
  /** What is known of each slot, side by side: {@link SLOT_WORDS} integers. */
  readonly records: Int32Array;
  readonly #shrinker: Shrinker;
  readonly #area: Area;
  readonly #backing: PageBacking | null;
  readonly #id: number;
  #used = 0;
  #available = 0;
  #highWatermark = 0;
  #isPinned = false;
  #isDisposed = false;

  /**
   * @param area - the memory of the mapping; the last page may be short
   * @param backing - how pages are given back; `null` where they cannot be
   * @throws PageError (EINVAL) when there is too much of it.
   */
  constructor(
    shrinker: Shrinker,
    area: Area,
    pageSize: number,
    backing: PageBacking | null,
    size: number = area.bytes.length,
  ) {
    const pages = Math.ceil(size / pageSize);
    if (pages > MAX_RANGE_PAGES)
      throw new PageError(
        `Cannot manage ${size} bytes: give up to ${MAX_RANGE_PAGES} pages of ${pageSize}`,
        EINVAL,
      );
    this.pageSize = pageSize;
    this.pageCount = pages;
    this.isShrinkable = backing !== null;
    this.records = new Int32Array(pages * SLOT_WORDS);
    for (let page = 0; page < pages; page++) this.#set(page, NODE, UNKNOWN_NODE);
    this.#shrinker = shrinker;
    this.#area = area;
    this.#backing = backing;
    this.#id = shrinker.register(this);
  }

  /** Pages by their state, and the highest that was ever used. */
  counts(): PageCounts {
    const active = this.#used;
    const unused = this.#available;
    return { active, unused, free: this.pageCount - active - unused, highWatermark: this.#highWatermark };
  }

  /** One of {@link SLOT}. */
  slot(page: number): number {
    return this.#get(page, STATE);
  }

  /**
   * The pages from `first` up to `end` are needed: those that have none get one, the others keep their content.
   *
   * @throws PageError (ESRCH) when the mapping is gone.
   */
  useRange(first: number, end: number): void {
    if (this.#isDisposed) throw new PageError('Cannot use pages: their mapping is gone', ESRCH);
    for (let page = first; page < end; page++) {
      const slot = this.#get(page, STATE);
      if (slot === SLOT.USED) continue;
      if (slot === SLOT.AVAILABLE) this.#unlist(page);
      this.#set(page, STATE, SLOT.USED);
      this.#used++;
      this.#shrinker.usedBytes += this.pageSize;
    }
    if (end > this.#highWatermark) this.#highWatermark = end;
  }

  /** The pages from `first` up to `end`, all in use, are not needed now. Their content stays until they are given back. */
  stopUsingRange(first: number, end: number): void {
    if (first >= end) return;
    const shrinker = this.#shrinker;
    for (let page = first; page < end; page++) {
      this.#set(page, STATE, SLOT.AVAILABLE);
      if (this.#backing) shrinker.add(this.#id, page, this.pageNid(page));
    }
    const pages = end - first;
    const bytes = pages * this.pageSize;
    this.#used -= pages;
    this.#available += pages;
    shrinker.usedBytes -= bytes;
    if (!this.#backing) return;
    shrinker.availableBytes += bytes;
    shrinker.checkBudget();
  }

  /** Gives unused pages from `first` up to `end`, all on the list of one node, back to the system. Only for the shrinker. */
  giveBack(first: number, end: number): void {
    for (let page = first; page < end; page++) {
      this.#unlist(page);
      this.#set(page, STATE, SLOT.FREE);
      this.#set(page, NODE, UNKNOWN_NODE);
    }
    this.generation++;
    this.#punch(first, end);
  }

  /**
   * Clients bring pages that were given back to life by reading them: gives those back again.
   *
   * @returns how many pages.
   */
  sweep(): number {
    if (!this.#backing || this.#isPinned) return 0;
    const residency = this.#backing.residency();
    const isBack = (page: number) => this.slot(page) === SLOT.FREE && ((residency[page] as number) & 1) !== 0;
    let swept = 0;
    for (let page = 0; page < this.pageCount; page++) {
      if (!isBack(page)) continue;
      const first = page;
      while (page < this.pageCount && isBack(page)) page++;
      this.#punch(first, page);
      swept += page - first;
    }
    return swept;
  }

  /**
   * The parts of a byte range by page.
   *
   * @throws PageError (EFAULT) when it does not lie within the pages in use.
   */
  *pieces(offset: number, length: number): Generator<{ page: BorrowedPage; at: number; length: number }> {
    this.#checkUsed(offset, length);
    for (let done = 0; done < length; ) {
      const index = Math.floor((offset + done) / this.pageSize);
      const at = offset + done - index * this.pageSize;
      const part = Math.min(length - done, this.pageSize - at);
      yield { page: new BorrowedPage(this, index), at, length: part };
      done += part;
    }
  }

  /** @throws PageError (EFAULT) outside of the pages in use. */
  read(offset: number, into: Uint8Array): void {
    this.#checkUsed(offset, into.length);
    into.set(this.#area.bytes.subarray(offset, offset + into.length));
  }

  /** @throws PageError (EFAULT) outside of the pages in use. */
  write(offset: number, from: Uint8Array): void {
    this.#checkUsed(offset, from.length);
    this.#area.bytes.set(from, offset);
  }

  /** @throws PageError (EFAULT) outside of the pages in use. */
  fillZero(offset: number, length: number): void {
    for (const piece of this.pieces(offset, length)) piece.page.fillZero(piece.at, piece.length);
  }

  /** All pages of the mapping; those that have no memory get it when touched. Nothing is given back meanwhile. */
  pageIter(): VmallocPageIter {
    return new VmallocPageIter(this, this.pageCount * this.pageSize);
  }

  get pageArea(): Area {
    return this.#area;
  }

  /** The node of a page, asked for once after each allocation. */
  pageNid(page: number): number {
    const known = this.#get(page, NODE);
    if (known !== UNKNOWN_NODE) return known;
    const node = this.#backing?.nid(page * this.pageSize) ?? 0;
    this.#set(page, NODE, node);
    return node;
  }

  /** Whether somebody iterates over the pages. */
  get isPinned(): boolean {
    return this.#isPinned;
  }

  pin(): void {
    if (this.#isPinned) throw new Error('Cannot iterate over the pages of a range twice at a time');
    this.#isPinned = true;
  }

  unpin(): void {
    this.#isPinned = false;
  }

  /** The mapping is gone, and its pages with it. @throws Error while somebody iterates over the pages. */
  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    if (this.#isPinned) throw new Error('Cannot dispose of a page range while its pages are iterated over');
    this.#isDisposed = true;
    this.generation++;
    for (let page = 0; page < this.pageCount; page++) {
      if (this.slot(page) === SLOT.AVAILABLE) this.#unlist(page);
      this.#set(page, STATE, SLOT.FREE);
    }
    this.#shrinker.usedBytes -= this.#used * this.pageSize;
    this.#used = 0;
    this.#shrinker.unregister(this.#id);
  }

  #get(page: number, word: number): number {
    return this.records[page * SLOT_WORDS + word] as number;
  }

  #set(page: number, word: number, value: number): void {
    this.records[page * SLOT_WORDS + word] = value;
  }

  #unlist(page: number): void {
    this.#available--;
    if (!this.#backing) return;
    this.#shrinker.remove(this.#id, page, this.#get(page, NODE));
    this.#shrinker.availableBytes -= this.pageSize;
  }

  #punch(first: number, end: number): void {
    this.#backing?.punch(first * this.pageSize, (end - first) * this.pageSize);
  }

  #checkUsed(offset: number, length: number): void {
    const first = Math.floor(offset / this.pageSize);
    const end = Math.ceil((offset + length) / this.pageSize);
    let isUsed = offset >= 0 && end <= this.pageCount;
    for (let page = first; isUsed && page < end; page++) isUsed = this.slot(page) === SLOT.USED;
    if (!isUsed)
      throw new PageError(
        `Cannot use ${length} bytes at ${offset}: not all of their pages are in use`,
        EFAULT,
      );
  }
}
