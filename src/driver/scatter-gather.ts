import { BINDER_BUFFER_FLAG_HAS_PARENT } from '../abi/binder.ts';
import { EINVAL } from '../abi/errno.ts';
import { readU64, type U64, writeU64 } from '../abi/u64.ts';
import { ScatterList } from '../page/scatter-list.ts';
import { type Allocation, align8, type Buffer } from './allocation.ts';
import { userAddress } from './limits.ts';
import type { Area, ClientMemory, ThreadId } from './ports.ts';
import { addU64 } from './write-read.ts';

/** What is copied from the sender, and to where, in one go. */
const from = new ScatterList();
const to = new ScatterList();

/** Bytes of a piece that do not come from the sender. */
interface Fixup {
  /** Where, from the start of the piece. */
  readonly offset: number;
  readonly length: number;
  /** The address that stands there; `null` leaves zeros, for descriptors that are known only when they are installed. */
  readonly address: number | null;
}

/** A buffer of the sender that travels with a transaction: what a BINDER_TYPE_PTR object describes. */
export interface Piece {
  /** Where the object lies in the data. */
  readonly objectOffset: number;
  /** The sender's address. */
  readonly source: U64;
  readonly length: number;
  /** Where its copy lies, from the start of the transaction's buffer. */
  readonly offset: number;
  /** The piece that points to it, at {@link parentOffset}. */
  parent: Piece | null;
  parentOffset: number;
  /** In order and without overlap, which {@link ScatterGather.mayFix} sees to. */
  fixups: Fixup[] | null;
}

/**
 * The scatter-gather memory of one transaction: the buffers that go along with the data, one behind the other in the
 * receiver's space, with the pointers between them set to where their copies will lie.
 *
 * What is written where is decided here from the private copy of the objects; the sender's buffers are read at the very
 * end, past the places that are set.
 */
export class ScatterGather {
  /** By the place of their objects in the offsets array, which is how objects name their parent. */
  readonly #pieces = new Map<number, Piece>();
  readonly #buffer: Buffer;
  /** The receiver's address of the buffer. */
  readonly #address: number;
  readonly #end: number;
  #next: number;
  /** The piece that was fixed up or added last, and from where on it may be. */
  #last: Piece | null = null;
  #lowest: U64 = 0;

  /** @param reserved - bytes at the end of the buffer that are something else's: the security context */
  constructor(buffer: Buffer, address: number, reserved: number) {
    this.#buffer = buffer;
    this.#address = address;
    this.#next = buffer.extraStart;
    this.#end = this.#next + buffer.extraSize - reserved;
  }

  /**
   * A BINDER_TYPE_PTR object at `at`, the `index`-th of all objects.
   *
   * @returns an errno, or 0
   */
  addPiece(view: DataView, at: number, index: number): number {
    const length = readU64(view, at + 16);
    if (length > this.#end - this.#next) return EINVAL;
    const offset = this.#next;
    const piece: Piece = {
      objectOffset: at,
      source: readU64(view, at + 8),
      length: Number(length),
      offset,
      parent: null,
      parentOffset: 0,
      fixups: null,
    };
    const address = this.#address + offset;
    writeU64(view, at + 8, address);
    this.#next += align8(piece.length);
    if (view.getUint32(at + 4, true) & BINDER_BUFFER_FLAG_HAS_PARENT) {
      const parent = this.piece(readU64(view, at + 24));
      const parentOffset = readU64(view, at + 32);
      if (!parent || !this.mayFix(parent, parentOffset)) return EINVAL;
      if (parent.length < 8 || parentOffset > parent.length - 8) return EINVAL;
      piece.parent = parent;
      piece.parentOffset = Number(parentOffset);
      parent.fixups ??= [];
      parent.fixups.push({ offset: piece.parentOffset, length: 8, address });
    }
    this.#pieces.set(index, piece);
    this.#last = piece;
    this.#lowest = 0;
    return 0;
  }

  /** The piece whose object is the `index`-th of those before the present one. */
  piece(index: U64): Piece | null {
    return (typeof index === 'number' && this.#pieces.get(index)) || null;
  }

  /**
   * Whether `piece` may be fixed up at `offset` now: only the latest piece or one that leads to it may, and each from its
   * start to its end. So nothing is ever set twice, and fixups come in the order in which they are applied.
   */
  mayFix(piece: Piece, offset: U64): boolean {
    let at = this.#last;
    let lowest = this.#lowest;
    // The kernel driver writes "none" as the offset 0: an object at the very start of the data can be nobody's parent.
    if (!at || at.objectOffset === 0) return false;
    while (at !== piece) {
      lowest = at.parentOffset + 8;
      if (!at.parent) return false;
      at = at.parent;
    }
    return offset >= lowest;
  }

  /** Leaves `count` descriptors of 4 bytes each in `piece` for later; the caller has made sure that they fit. */
  leaveDescriptors(piece: Piece, offset: number, count: number): void {
    piece.fixups ??= [];
    piece.fixups.push({ offset, length: 4 * count, address: null });
  }

  /** A BINDER_TYPE_FDA object for `piece` was dealt with, even if it was empty. */
  didFix(piece: Piece, end: U64): void {
    this.#last = piece;
    this.#lowest = end;
  }

  /**
   * Copies the sender's buffers to the receiver: straight and all at once, or by way of `scratch` where something is to
   * be set in them.
   *
   * @returns an errno, or 0
   */
  copy(memory: ClientMemory, thread: ThreadId, { mapping }: Allocation, scratch: Area): number {
    const { offset: base } = this.#buffer.range;
    from.clear();
    to.clear();
    for (const piece of this.#pieces.values()) {
      if (!piece.fixups) addPart(piece, 0, piece.length, base + piece.offset);
    }
    // The kernel driver says EINVAL where memory is not there, and not EFAULT.
    if (!read(memory, thread, mapping.area)) return EINVAL;
    for (const piece of this.#pieces.values()) {
      if (!piece.fixups) continue;
      from.clear();
      to.clear();
      let done = 0;
      for (const { offset, length } of piece.fixups) {
        addPart(piece, done, offset, done);
        done = offset + length;
      }
      addPart(piece, done, piece.length, done);
      if (!read(memory, thread, scratch)) return EINVAL;
      for (const { offset, length, address } of piece.fixups) {
        scratch.bytes.fill(0, offset, offset + length);
        if (address !== null) writeU64(scratch.view, offset, address);
      }
      mapping.area.bytes.set(scratch.bytes.subarray(0, piece.length), base + piece.offset);
    }
    const start = this.#buffer.extraStart;
    if (this.#next > start) mapping.store(base + start, this.#next - start);
    return 0;
  }
}

/** The bytes of `piece` from `first` up to `end` are wanted at `at`. */
function addPart(piece: Piece, first: number, end: number, at: number): void {
  if (first === end) return;
  from.add(userAddress(addU64(piece.source, first)), end - first);
  to.add(at, end - first);
}

/** @returns whether all that is wanted could be read. */
function read(memory: ClientMemory, thread: ThreadId, into: Area): boolean {
  return from.count === 0 || memory.readv(thread, from, into, to) === from.size;
}
