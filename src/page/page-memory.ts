import { ENOMEM } from '../abi/errno.ts';
import type { Area, OwnedArea } from './area.ts';
import { PageError } from './page-error.ts';

/** Where pages come from: the system's memory under Linux, {@link HeapMemory} anywhere. */
export interface PageMemory {
  /** Bytes of a page, a power of two, as the system has it. */
  readonly pageSize: number;
  /**
   * Memory for `size` bytes: whole pages, side by side, which `bytes` shows from the first to the `size`-th.
   *
   * @param isZeroed - `false` when the caller overwrites the pages: they may then hold anything
   * @throws Error when there is no memory.
   */
  allocate(size: number, isZeroed: boolean): OwnedArea;
  /** The NUMA node on which the page of `area` at byte `at` lies; 0 where there is one node only. */
  nid(area: Area, at: number): number;
}

/** Bytes of a page where the system does not say: the most common size. */
export const DEFAULT_PAGE_SIZE = 4096;

/** Single pages kept for the next allocation, as a free list. */
const MAX_KEPT = 64;

/**
 * Memory in ArrayBuffers, which every JavaScript engine has. It lies on one node and has no addresses.
 *
 * @example
 * ```ts
 * const memory = new HeapMemory();
 * const area = memory.allocate(100, true);
 * assert.equal(area.bytes.length, 100);
 * area.release();
 * assert.equal(memory.pagesInUse, 0);
 * ```
 */
export class HeapMemory implements PageMemory {
  readonly pageSize: number;
  /** Pages allocated and not yet released. */
  pagesInUse = 0;
  /** How many pages there may be. */
  readonly #limit: number;
  readonly #kept: ArrayBuffer[] = [];

  /** @param options - `limit`: pages that can be had before allocation fails with ENOMEM; default: no limit */
  constructor(options: { readonly pageSize?: number; readonly limit?: number } = {}) {
    this.pageSize = options.pageSize ?? DEFAULT_PAGE_SIZE;
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY;
  }

  allocate(size: number, isZeroed: boolean): OwnedArea {
    const pages = Math.ceil(size / this.pageSize);
    if (this.pagesInUse + pages > this.#limit)
      throw new PageError(`Cannot allocate ${pages} pages: ${this.pagesInUse} are in use`, ENOMEM);
    const kept = pages === 1 ? this.#kept.pop() : undefined;
    if (kept && isZeroed) new Uint8Array(kept).fill(0);
    const buffer = kept ?? new ArrayBuffer(pages * this.pageSize);
    this.pagesInUse += pages;
    let isReleased = false;
    return {
      bytes: new Uint8Array(buffer, 0, size),
      view: new DataView(buffer, 0, size),
      address: 0,
      release: () => {
        if (isReleased) return;
        isReleased = true;
        this.pagesInUse -= pages;
        if (pages === 1 && this.#kept.length < MAX_KEPT) this.#kept.push(buffer);
      },
    };
  }

  nid(): number {
    return 0;
  }
}
