import { BorrowedPage, type PageOwner } from './borrowed-page.ts';

/** Something made of pages that can be borrowed one after the other. */
export interface AsPageIter {
  /**
   * Borrows the pages, lowest first. Exclusive: until the iterator is done, returned (as leaving `for`...`of` does) or
   * disposed of, the pages cannot be borrowed a second time, moved or given back; trying to is an error.
   */
  pageIter(): VmallocPageIter;
}

/** A {@link PageOwner} that can be kept from moving. */
export interface PinnablePageOwner extends PageOwner {
  /** @throws Error when it is pinned. */
  pin(): void;
  unpin(): void;
}

/**
 * The pages under a range of memory that is contiguous in addresses, in ascending order.
 *
 * @example
 * ```ts
 * using vector = VVec.withCapacity(new HeapMemory(), BYTE, 10_000);
 * using pages = vector.pageIter();
 * assert.equal(pages.size, 10_000);
 * assert.equal(pages.pageCount, 3);
 * assert.equal([...pages].length, 3);
 * ```
 */
export class VmallocPageIter implements IterableIterator<BorrowedPage>, Disposable {
  /** Bytes of the memory; need not be whole pages. */
  readonly size: number;
  /** How many pages there are under it. */
  readonly pageCount: number;
  readonly #owner: PinnablePageOwner;
  #next = 0;
  #isOver = false;

  constructor(owner: PinnablePageOwner, size: number) {
    owner.pin();
    this.#owner = owner;
    this.size = size;
    this.pageCount = Math.ceil(size / owner.pageSize);
  }

  /** How many pages are still to come, exactly. */
  get remaining(): number {
    return this.#isOver ? 0 : this.pageCount - this.#next;
  }

  next(): IteratorResult<BorrowedPage, undefined> {
    if (this.remaining > 0) return { value: new BorrowedPage(this.#owner, this.#next++), done: false };
    return this.return();
  }

  return(): IteratorReturnResult<undefined> {
    if (!this.#isOver) this.#owner.unpin();
    this.#isOver = true;
    return { value: undefined, done: true };
  }

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.return();
  }
}
