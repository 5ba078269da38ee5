import type { U64 } from '../abi/u64.ts';
import type { ScatterList } from '../page/scatter-list.ts';
import { DIRECT, SGTable } from '../page/sg-table.ts';
import { type PageCounts, ShrinkablePageRange } from '../page/shrinkable-page-range.ts';
import type { Shrinker } from '../page/shrinker.ts';
import type { Node } from './node.ts';
import type { Mapping } from './ports.ts';
import { type Range, RangeAllocator } from './range-allocator.ts';
import { RbNode, RbTree } from './rb-tree.ts';
import type { Transaction } from './transaction.ts';

/** An object of a delivered buffer, as far as the buffer holds a count for it. */
export interface HeldObject {
  /** BINDER_TYPE_BINDER, _WEAK_BINDER, _HANDLE or _WEAK_HANDLE, as the receiver sees it. */
  readonly type: number;
  /** The receiver's handle, or the pointer of its own node. */
  readonly target: U64;
}

/** The rows in which a buffer is charged and cleaned up. */
export interface BufferSizes {
  readonly dataSize: number;
  readonly offsetsSize: number;
  /** Scatter-gather memory and the security context. */
  readonly extraSize: number;
}

/**
 * The data of one transaction in the receiver's mapping.
 *
 * This record alone says what the buffer holds: the mapping itself is never read back, since a receiver can write to
 * it.
 */
export class Buffer extends RbNode {
  readonly id: number;
  readonly range: Range;
  readonly dataSize: number;
  readonly offsetsSize: number;
  readonly extraSize: number;
  /** Charged to the half of the space that oneway calls may use. */
  readonly isAsync: boolean;
  /** Process id of the sender: oneway calls of one sender are counted together. */
  readonly senderPid: number;
  /** Its sender fills the space that oneway calls may use. */
  isSpamSuspect = false;
  /** TF_CLEAR_BUF: zeroed before its space is used again. */
  clearOnFree = false;
  /** Becomes true when the receiver was told of the buffer; before that BC_FREE_BUFFER is refused. */
  allowUserFree = false;
  /** The transaction whose data this is, until it is received and answered. */
  transaction: Transaction | null = null;
  /** The node that was called, which the buffer holds strongly; `null` for replies. */
  targetNode: Node | null = null;
  /** Counts to give back, in the order of the offsets; only what was translated so far. */
  objects: HeldObject[] | null = null;
  /** The receiver's descriptors that are closed when it frees the buffer. */
  fdsToClose: number[] | null = null;

  constructor(id: number, range: Range, sizes: BufferSizes, isAsync: boolean, senderPid: number) {
    super();
    this.id = id;
    this.senderPid = senderPid;
    this.range = range;
    this.dataSize = sizes.dataSize;
    this.offsetsSize = sizes.offsetsSize;
    this.extraSize = sizes.extraSize;
    this.isAsync = isAsync;
  }

  /** Where the offsets array begins, from the start of the buffer. */
  get offsetsStart(): number {
    return align8(this.dataSize);
  }

  /** Where the extra area begins, from the start of the buffer. */
  get extraStart(): number {
    return align8(this.dataSize) + align8(this.offsetsSize);
  }
}

/** The space for received data of one process. It exists once the process has a mapping. */
export class Allocation {
  readonly mapping: Mapping;
  /** The pages of the mapping: those that buffers lie in are in use. */
  readonly pages: ShrinkablePageRange;
  /** The same pages as segments, once a buffer of several pages was filled. */
  #segments: SGTable<ShrinkablePageRange> | null = null;
  readonly #ranges: RangeAllocator;
  /** Buffers by offset: BC_FREE_BUFFER names the exact start. */
  readonly #buffers = new RbTree<Buffer>((a, b) => a.range.offset - b.range.offset);
  #count = 0;
  /** Bytes that oneway calls may still take; a number for accounting, not a place. */
  freeAsyncSpace: number;
  /** A suspect was named; no other is until there is room again. */
  #namedSuspect = false;

  constructor(mapping: Mapping, shrinker: Shrinker) {
    this.mapping = mapping;
    const { area, pageSize, backing, size } = mapping;
    this.pages = new ShrinkablePageRange(shrinker, area, pageSize, backing, size);
    this.#ranges = new RangeAllocator(mapping.size);
    this.freeAsyncSpace = Math.floor(mapping.size / 2);
  }

  /** How many buffers are in use. */
  get count(): number {
    return this.#count;
  }

  /** Pages in use, unused and free, and the highest that was ever used: what the logs show. */
  pageCounts(): PageCounts {
    return this.pages.counts();
  }

  /** Buffers in use, by address. */
  buffers(): Buffer[] {
    return [...this.#buffers];
  }

  /** Takes space for a transaction, or returns `null` when there is none (ENOSPC). */
  allocate(id: number, size: number, sizes: BufferSizes, isAsync: boolean, senderPid: number): Buffer | null {
    if (isAsync && size > this.freeAsyncSpace) return null;
    const range = this.#ranges.allocate(size);
    if (!range) return null;
    if (isAsync) this.freeAsyncSpace -= size;
    const { pageSize } = this.mapping;
    const { offset } = range;
    this.pages.useRange(Math.floor(offset / pageSize), Math.ceil((offset + size) / pageSize));
    const buffer = new Buffer(id, range, sizes, isAsync, senderPid);
    this.#buffers.insert(buffer);
    this.#count++;
    // The kernel driver notes the sender afterwards: the new buffer still counts for whoever used its piece before.
    if (isAsync) buffer.isSpamSuspect = this.#isSpam(senderPid);
    range.senderPid = senderPid;
    return buffer;
  }

  /**
   * Whether a sender that has just taken space for a oneway call is to be named as the one who fills it: when less than
   * a tenth of the mapping is left for such calls, and this sender has more than 50 of them here, or more than a quarter
   * of the mapping in them.
   */
  #isSpam(senderPid: number): boolean {
    const { size } = this.mapping;
    if (this.freeAsyncSpace >= Math.floor(size / 10)) {
      this.#namedSuspect = false;
      return false;
    }
    if (this.#namedSuspect) return false;
    let count = 0;
    let bytes = 0;
    for (const buffer of this.#buffers) {
      if (!buffer.isAsync || buffer.range.senderPid !== senderPid) continue;
      count++;
      bytes += buffer.range.size;
    }
    this.#namedSuspect = count > 50 || bytes > Math.floor(size / 4);
    return this.#namedSuspect;
  }

  /** The buffer that starts exactly at the client's address, if any. */
  find(address: U64): Buffer | undefined {
    if (typeof address !== 'number') return undefined;
    const offset = address - this.mapping.address;
    for (let at = this.#buffers.root; at; ) {
      if (offset === at.range.offset) return at;
      at = (offset < at.range.offset ? at.left : at.right) as Buffer | null;
    }
    return undefined;
  }

  /** The client's address of a buffer. */
  addressOf(buffer: Buffer): number {
    return this.mapping.address + buffer.range.offset;
  }

  /** Writes a 32-bit number into a buffer of which the receiver was not told yet. */
  patch(buffer: Buffer, offset: number, value: number): void {
    const at = buffer.range.offset + offset;
    this.mapping.area.view.setUint32(at, value, true);
    this.mapping.store(at, 4);
  }

  /** Gives a buffer's space back; what it holds must have been released. */
  release(buffer: Buffer): void {
    const { offset, size } = buffer.range;
    if (buffer.clearOnFree) {
      this.pages.fillZero(offset, size);
      this.mapping.store(offset, size);
    }
    this.#buffers.remove(buffer);
    this.#count--;
    if (buffer.isAsync) this.freeAsyncSpace += size;
    this.#stopUsing(offset, size, this.#ranges.release(buffer.range));
  }

  /** The segments that `length` bytes at `offset` of the mapping take, to be filled at once. */
  segments(offset: number, length: number, into: ScatterList): void {
    this.#segments ??= new SGTable(DIRECT, this.pages);
    this.#segments.window(offset, length, into);
  }

  /** The process is gone: so are its pages. All buffers must have been released. */
  [Symbol.dispose](): void {
    if (this.#segments) this.#segments[Symbol.dispose]();
    else this.pages[Symbol.dispose]();
  }

  /**
   * The pages that a released range took, but for those that it shared with a neighbour in use, are unused: `free` is
   * the whole free piece that it is part of now.
   */
  #stopUsing(offset: number, size: number, free: Range): void {
    const { pageSize } = this.mapping;
    const freeEnd = free.offset + free.size;
    const firstFree = Math.ceil(free.offset / pageSize);
    // The last page of a mapping that ends within it has nothing behind it
    const endFree = free.after ? Math.floor(freeEnd / pageSize) : Math.ceil(freeEnd / pageSize);
    const first = Math.max(Math.floor(offset / pageSize), firstFree);
    this.pages.stopUsingRange(first, Math.min(Math.ceil((offset + size) / pageSize), endFree));
  }
}

/** Rounds up to a multiple of 8. */
export function align8(size: number): number {
  return size % 8 === 0 ? size : size + 8 - (size % 8);
}

const TWO_64 = 1n << 64n;

/**
 * The space that three parts take, each rounded up to 8 and together at least 8; `null` where the sum does not fit 64
 * bits, which the driver answers with EINVAL.
 */
export function totalSize(data: U64, offsets: U64, extra: U64): U64 | null {
  if (typeof data === 'number' && typeof offsets === 'number' && typeof extra === 'number') {
    const sum = align8(data) + align8(offsets) + align8(extra);
    if (sum <= Number.MAX_SAFE_INTEGER) return Math.max(sum, 8);
  }
  const align = (size: U64) => (BigInt(size) + 7n) & ~7n;
  const sum = align(data) + align(offsets) + align(extra);
  return sum >= TWO_64 ? null : sum;
}
