import { EINVAL } from '../abi/errno.ts';
import type { Area } from './area.ts';
import { PageError } from './page-error.ts';

/** Where a copy from a client comes from: what the driver's port for client memory has, too. */
export interface UserMemory {
  /** @returns how many bytes were copied; fewer than `length` means that the byte after them faulted. */
  read(thread: number, address: number, into: Area, at: number, length: number): number;
}

/**
 * What can be done with the bytes of one page, owned or borrowed. Every range is checked to lie within the page; the
 * bytes may be shared with a client, who may change them at any time.
 */
export abstract class PageFrame {
  /** Bytes of the page. */
  readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  /** The area in which the page lies. @throws Error when the page is not to be used any more. */
  protected abstract area(): Area;

  /** Where in the area the page begins. */
  protected abstract start(): number;

  /** The NUMA node on which the page lies. */
  abstract get nid(): number;

  /** Copies bytes of the page from `offset` on, as many as `into` holds. @throws PageError (EINVAL) past the page. */
  readRaw(into: Uint8Array, offset: number): void {
    const { bytes } = this.area();
    this.check(offset, into.length);
    const at = this.start() + offset;
    into.set(bytes.subarray(at, at + into.length));
  }

  /** Copies all of `from` to the page at `offset`. @throws PageError (EINVAL) past the page. */
  writeRaw(from: Uint8Array, offset: number): void {
    const { bytes } = this.area();
    this.check(offset, from.length);
    bytes.set(from, this.start() + offset);
  }

  /** @throws PageError (EINVAL) past the page. */
  fillZero(offset: number, length: number): void {
    const { bytes } = this.area();
    this.check(offset, length);
    const at = this.start() + offset;
    bytes.fill(0, at, at + length);
  }

  /**
   * Copies `length` bytes from `address` of a client, as its `thread` sees it, to the page at `offset`.
   *
   * @returns how many bytes were copied; fewer than `length` means that the byte after them faulted.
   * @throws PageError (EINVAL) past the page.
   */
  copyFromUser(memory: UserMemory, thread: number, address: number, offset: number, length: number): number {
    const area = this.area();
    this.check(offset, length);
    return memory.read(thread, address, area, this.start() + offset, length);
  }

  private check(offset: number, length: number): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.size) return;
    throw new PageError(`Cannot use ${length} bytes at ${offset}: a page has ${this.size} bytes`, EINVAL);
  }
}
