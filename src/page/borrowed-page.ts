import type { Area } from './area.ts';
import { PageFrame } from './page-frame.ts';

/** Who owns the pages that others borrow. */
export interface PageOwner {
  readonly pageSize: number;
  /** What it is, for messages. */
  readonly kind: string;
  /** Another number each time pages that were lent may have gone: when the owner moves, gives back or ends. */
  readonly generation: number;
  /** Where the pages lie, one after the other. */
  readonly pageArea: Area;
  /** The NUMA node on which the page with this index lies. */
  pageNid(index: number): number;
}

/**
 * A page that belongs to somebody else. Once the owner has moved its memory, given pages back or ended, using the page
 * is an error.
 *
 * @example
 * ```ts
 * const vector = VVec.withCapacity(new HeapMemory(), BYTE, 4096);
 * const [page] = [...vector.pageIter()];
 * page!.writeRaw(Uint8Array.of(7), 0);
 * vector.reserve(8192);
 * assert.throws(() => page!.fillZero(0, 1), /Cannot use a borrowed page: its VVec/);
 * vector[Symbol.dispose]();
 * ```
 */
export class BorrowedPage extends PageFrame {
  /** Which of the owner's pages it is. */
  readonly index: number;
  readonly #owner: PageOwner;
  readonly #generation: number;

  constructor(owner: PageOwner, index: number) {
    super(owner.pageSize);
    this.index = index;
    this.#owner = owner;
    this.#generation = owner.generation;
  }

  get nid(): number {
    this.area();
    return this.#owner.pageNid(this.index);
  }

  /** Where the page begins, from the start of the owner's memory. */
  get offset(): number {
    return this.index * this.size;
  }

  protected area(): Area {
    const owner = this.#owner;
    if (owner.generation === this.#generation) return owner.pageArea;
    throw new Error(
      `Cannot use a borrowed page: its ${owner.kind} was disposed of, moved, or gave pages back; borrow it again`,
    );
  }

  protected start(): number {
    return this.offset;
  }
}
