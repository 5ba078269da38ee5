import type { AsPageIter } from './page-iter.ts';
import { ScatterList } from './scatter-list.ts';

/** Who copies to and from segments, and must know them beforehand. */
export interface TransferEngine {
  /** The largest segment it takes, bytes; 0: any. */
  readonly maxSegmentSize: number;
  /** Makes the segments known. @returns what takes that back. */
  map(list: ScatterList): Disposable;
}

/** An engine that takes segments as they come, such as system calls do. */
export const DIRECT: TransferEngine = { maxSegmentSize: 0, map: () => ({ [Symbol.dispose]() {} }) };

/**
 * Pages as segments that an engine knows. It owns the pages: when it is disposed of, the engine forgets the segments
 * first, then the list goes, then the pages.
 *
 * @example
 * ```ts
 * const memory = new HeapMemory();
 * {
 *   using table = new SGTable(DIRECT, VVec.withCapacity(memory, BYTE, 10_000));
 *   assert.deepEqual([...table], [{ start: 0, length: 3 * 4096 }]);
 *   const window = new ScatterList();
 *   table.window(5000, 100, window);
 *   assert.deepEqual([...window], [{ start: 5000, length: 100 }]);
 * }
 * assert.equal(memory.pagesInUse, 0);
 * ```
 */
export class SGTable<P extends AsPageIter & Disposable> implements Disposable {
  /** The pages, which are the table's. */
  readonly pages: P;
  readonly #list: ScatterList;
  readonly #mapped: Disposable;
  #isDisposed = false;

  /**
   * Takes the pages over.
   *
   * @throws PageError (EINVAL) when there is no page, and what the engine throws: the pages are given back then.
   */
  constructor(engine: TransferEngine, pages: P) {
    this.pages = pages;
    try {
      this.#list = ScatterList.of(pages, engine.maxSegmentSize);
      this.#mapped = engine.map(this.#list);
    } catch (error) {
      pages[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.iterator](): Generator<{ start: number; length: number }> {
    return this.#list[Symbol.iterator]();
  }

  /**
   * Adds the segments that `length` bytes of the pages take, from byte `offset` on, to `into`.
   *
   * @throws RangeError past the last page.
   */
  window(offset: number, length: number, into: ScatterList): void {
    const list = this.#list;
    if (offset + length > list.size)
      throw new RangeError(`Cannot use ${length} bytes at ${offset} of a table of ${list.size} bytes`);
    let skip = offset;
    let left = length;
    for (let i = 0; left > 0; i++) {
      const size = list.length(i);
      if (skip >= size) {
        skip -= size;
        continue;
      }
      const part = Math.min(left, size - skip);
      into.add(list.start(i) + skip, part);
      left -= part;
      skip = 0;
    }
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#mapped[Symbol.dispose]();
    this.#list.clear();
    this.pages[Symbol.dispose]();
  }
}
