import { RbNode, RbTree } from './rb-tree.ts';

/**
 * A piece of a mapping, free or in use. Pieces lie back to back without headers: each knows its neighbours.
 *
 * ```
 *   |  in use  | in use |   free   | in use |          free           |
 *   0          ^ offset  <- size ->
 * ```
 */
export class Range extends RbNode {
  /** Bytes from the start of the mapping. */
  offset: number;
  /** Bytes, a multiple of 8. */
  size: number;
  free = true;
  /** Process id of who sent what lies here, or lay here last; 0 for a piece that was never used by itself. */
  senderPid = 0;
  before: Range | null = null;
  after: Range | null = null;

  constructor(offset: number, size: number) {
    super();
    this.offset = offset;
    this.size = size;
  }
}

/**
 * Hands out ranges of a mapping by best fit: the smallest free piece that is large enough, from its low end
 * (binder_alloc.c). Freed pieces merge with their free neighbours at once.
 */
export class RangeAllocator {
  readonly size: number;
  readonly #free = new RbTree<Range>((a, b) => a.size - b.size);
  readonly #first: Range;

  /** @param size - bytes of the mapping */
  constructor(size: number) {
    this.size = size;
    this.#first = new Range(0, size);
    if (size > 0) this.#free.insert(this.#first);
  }

  /** Takes `size` bytes (a positive multiple of 8), or returns `null` when no free piece is large enough. */
  allocate(size: number): Range | null {
    let best: Range | null = null;
    for (let at = this.#free.root; at; ) {
      if (size < at.size) {
        best = at;
        at = at.left as Range | null;
      } else if (size > at.size) {
        at = at.right as Range | null;
      } else {
        best = at;
        break;
      }
    }
    if (!best) return null;
    if (best.size !== size) {
      const rest = new Range(best.offset + size, best.size - size);
      rest.before = best;
      rest.after = best.after;
      if (best.after) best.after.before = rest;
      best.after = rest;
      // In this order, as the kernel's: the rest meets the shrunk piece while that is still in the tree.
      best.size = size;
      this.#free.insert(rest);
    }
    this.#free.remove(best);
    best.free = false;
    return best;
  }

  /**
   * Gives a range back; it must have come from {@link allocate} and not have been released.
   *
   * @returns the free piece that it is, or has become part of.
   */
  release(range: Range): Range {
    range.free = true;
    let merged = range;
    const after = range.after;
    if (after?.free) {
      this.#free.remove(after);
      this.#absorb(range, after);
    }
    const before = range.before;
    if (before?.free) {
      this.#free.remove(before);
      this.#absorb(before, range);
      merged = before;
    }
    this.#free.insert(merged);
    return merged;
  }

  #absorb(range: Range, after: Range): void {
    range.size += after.size;
    range.after = after.after;
    if (after.after) after.after.before = range;
  }

  /** All pieces, free and in use, by address. */
  *[Symbol.iterator](): Generator<Range> {
    for (let range: Range | null = this.#first; range; range = range.after) yield range;
  }
}
