import type { Area } from './area.ts';
import type { UserMemory } from './page-frame.ts';
import type { ScatterList } from './scatter-list.ts';

/**
 * Walks through two lists side by side: each step is a piece that lies in one segment of both. Used again and again
 * without making objects.
 *
 * ```text
 *   from   ├───── 0 ─────┼──── 1 ────┤
 *   to     ├── 0 ──┼──────── 1 ──────┤
 *   steps  ├───────┼─────┼───────────┤
 * ```
 */
export class SegmentPairs {
  /** Where the present piece begins, in each of the lists' memories. */
  from = 0;
  to = 0;
  /** Bytes of the present piece. */
  length = 0;
  #fromIndex = 0;
  #toIndex = 0;
  #fromDone = 0;
  #toDone = 0;

  restart(): void {
    this.#fromIndex = 0;
    this.#toIndex = 0;
    this.#fromDone = 0;
    this.#toDone = 0;
  }

  /** Goes on to the next piece. @returns whether there is one. */
  step(from: ScatterList, to: ScatterList): boolean {
    if (this.#fromIndex === from.count || this.#toIndex === to.count) return false;
    const fromLeft = from.length(this.#fromIndex) - this.#fromDone;
    const toLeft = to.length(this.#toIndex) - this.#toDone;
    this.from = from.start(this.#fromIndex) + this.#fromDone;
    this.to = to.start(this.#toIndex) + this.#toDone;
    this.length = Math.min(fromLeft, toLeft);
    this.#fromDone += this.length;
    this.#toDone += this.length;
    if (this.length === fromLeft) {
      this.#fromIndex++;
      this.#fromDone = 0;
    }
    if (this.length === toLeft) {
      this.#toIndex++;
      this.#toDone = 0;
    }
    return true;
  }
}

const pairs = new SegmentPairs();

/**
 * A vectored copy made of plain ones, for memory that knows no better.
 *
 * @returns how many bytes were copied; fewer than `from` has means that the byte after them faulted.
 */
export function copySegments(
  memory: UserMemory,
  thread: number,
  from: ScatterList,
  into: Area,
  to: ScatterList,
): number {
  let done = 0;
  pairs.restart();
  while (pairs.step(from, to)) {
    const copied = memory.read(thread, pairs.from, into, pairs.to, pairs.length);
    done += copied;
    if (copied < pairs.length) break;
  }
  return done;
}
