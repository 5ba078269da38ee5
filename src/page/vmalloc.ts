import type { Area, OwnedArea } from './area.ts';
import type { PinnablePageOwner } from './page-iter.ts';
import type { PageMemory } from './page-memory.ts';

/** Memory without a page. */
const NOTHING: OwnedArea = {
  bytes: new Uint8Array(),
  view: new DataView(new ArrayBuffer(0)),
  address: 0,
  release() {},
};

/** Whole pages, contiguous in addresses, that may be moved to a larger place while nobody iterates over them. */
export class Vmalloc implements PinnablePageOwner, Disposable {
  readonly kind: string;
  readonly pageSize: number;
  generation = 0;
  /** Bytes as asked for; the pages under them may hold more. */
  size: number;
  readonly #memory: PageMemory;
  #area: OwnedArea | null;
  #isPinned = false;

  /** @param kind - whose memory it is, for messages */
  constructor(kind: string, memory: PageMemory, size: number) {
    this.kind = kind;
    this.pageSize = memory.pageSize;
    this.size = size;
    this.#memory = memory;
    this.#area = this.#allocate(size);
  }

  get pageArea(): Area {
    if (this.#area) return this.#area;
    throw new Error(`Cannot use a ${this.kind}: it was disposed of`);
  }

  pageNid(index: number): number {
    return this.#memory.nid(this.pageArea, index * this.pageSize);
  }

  pin(): void {
    this.#checkFree('iterate over the pages of');
    this.#isPinned = true;
  }

  unpin(): void {
    this.#isPinned = false;
  }

  /** Moves the content to memory of `size` bytes. @throws Error while somebody iterates over the pages. */
  grow(size: number): void {
    this.#checkFree('grow');
    const old = this.pageArea;
    const area = this.#allocate(size);
    area.bytes.set(old.bytes);
    this.#area?.release();
    this.#area = area;
    this.size = size;
    this.generation++;
  }

  /** @throws Error while somebody iterates over the pages. */
  [Symbol.dispose](): void {
    if (!this.#area) return;
    this.#checkFree('dispose of');
    this.#area.release();
    this.#area = null;
    this.generation++;
  }

  #allocate(size: number): OwnedArea {
    return size === 0 ? NOTHING : this.#memory.allocate(size, true);
  }

  #checkFree(what: string): void {
    if (this.#isPinned)
      throw new Error(`Cannot ${what} a ${this.kind} while its pages are iterated over: end that first`);
  }
}
