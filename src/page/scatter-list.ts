import { EINVAL } from '../abi/errno.ts';
import { PageError } from './page-error.ts';
import type { AsPageIter } from './page-iter.ts';

/** As large as a segment can be where nothing limits it. */
const UNLIMITED = 0xffff_ffff;

/**
 * Segments of memory, for copies of many pieces at once. What follows on from the segment before joins it, up to a
 * largest size. A list is cleared and used again; adding to it then makes no objects.
 *
 * @example
 * ```ts
 * const list = new ScatterList(8192);
 * list.add(0, 4096);
 * list.add(4096, 8192);
 * list.add(40960, 100);
 * assert.deepEqual([...list], [{ start: 0, length: 8192 }, { start: 8192, length: 4096 }, { start: 40960, length: 100 }]);
 * ```
 */
export class ScatterList {
  /** Bytes. */
  readonly maxSegmentSize: number;
  /** How many segments there are. */
  count = 0;
  /** Bytes of all segments. */
  size = 0;
  readonly #starts: number[] = [];
  readonly #lengths: number[] = [];

  /** @param maxSegmentSize - bytes; 0: no limit but that of 32 bits */
  constructor(maxSegmentSize = 0) {
    this.maxSegmentSize = maxSegmentSize || UNLIMITED;
  }

  /**
   * The pages of `pages`, by where they begin.
   *
   * @throws PageError (EINVAL) when there is no page.
   */
  static of(pages: AsPageIter, maxSegmentSize = 0): ScatterList {
    const list = new ScatterList(maxSegmentSize);
    for (const page of pages.pageIter()) list.add(page.offset, page.size);
    if (list.count === 0) throw new PageError('Cannot make a list of no pages', EINVAL);
    return list;
  }

  clear(): void {
    this.count = 0;
    this.size = 0;
  }

  add(start: number, length: number): void {
    const last = this.count - 1;
    let at = start;
    let left = length;
    this.size += length;
    if (last >= 0 && (this.#starts[last] as number) + (this.#lengths[last] as number) === start) {
      const room = Math.min(left, this.maxSegmentSize - (this.#lengths[last] as number));
      this.#lengths[last] = (this.#lengths[last] as number) + room;
      at += room;
      left -= room;
    }
    while (left > 0) {
      const part = Math.min(left, this.maxSegmentSize);
      this.#starts[this.count] = at;
      this.#lengths[this.count] = part;
      this.count++;
      at += part;
      left -= part;
    }
  }

  start(index: number): number {
    return this.#starts[index] as number;
  }

  length(index: number): number {
    return this.#lengths[index] as number;
  }

  *[Symbol.iterator](): Generator<{ start: number; length: number }> {
    for (let i = 0; i < this.count; i++) yield { start: this.start(i), length: this.length(i) };
  }
}
