import type { OwnedArea } from './area.ts';
import type { PageBacking } from './page-backing.ts';
import type { PageMemory } from './page-memory.ts';

/**
 * Backing in an ArrayBuffer. No engine takes parts of one back, so it only behaves like memory that can be given back:
 * pages that were punched read as zeros, and are not resident until they are touched again.
 */
export class HeapBacking implements PageBacking {
  readonly area: OwnedArea;
  readonly #pageSize: number;
  readonly #resident: Uint8Array;

  /** @param size - bytes */
  constructor(memory: PageMemory, size: number) {
    this.area = memory.allocate(size, true);
    this.#pageSize = memory.pageSize;
    this.#resident = new Uint8Array(Math.ceil(size / memory.pageSize));
  }

  /** Somebody read or wrote these bytes: their pages have memory. */
  touch(offset: number, length: number): void {
    if (length === 0) return;
    const { length: pages } = this.#resident;
    const end = Math.min(pages, Math.ceil((offset + length) / this.#pageSize));
    this.#resident.fill(1, Math.floor(offset / this.#pageSize), end);
  }

  punch(offset: number, length: number): void {
    this.area.bytes.fill(0, offset, offset + length);
    this.#resident.fill(0, offset / this.#pageSize, (offset + length) / this.#pageSize);
  }

  residentBytes(): number {
    let pages = 0;
    for (const page of this.#resident) pages += page;
    return pages * this.#pageSize;
  }

  residency(): Uint8Array {
    return this.#resident.slice();
  }

  nid(): number {
    return 0;
  }
}
