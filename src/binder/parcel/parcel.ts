import { BINDER_TYPE_BINDER, BINDER_TYPE_FD, BINDER_TYPE_HANDLE } from '../../abi/binder.ts';
import { readU64, type U64, writeU64 } from '../../abi/u64.ts';
import { describeParcel } from './describe-parcel.ts';
import { BinderError } from './errors.ts';
import { type TextBuffer, textBufferOf } from './text-buffer.ts';
import {
  DEFAULT_VARIANT,
  headerMismatch,
  headerWord,
  stabilityLevel,
  stabilityWord,
  type Variant,
} from './variant.ts';

/** An open file. Sending duplicates it; what is received is the receiver's to dispose of. */
export interface FileDescriptor extends Disposable {
  /** Another descriptor for the same open file. */
  dup(): FileDescriptor;
}

/** A binder as the driver has it in a parcel: a node of the sender (`ptr`, `cookie`) or a handle. */
export interface FlatBinder {
  /** BINDER_TYPE_BINDER or BINDER_TYPE_HANDLE. */
  readonly type: number;
  readonly flags: number;
  /** The node's pointer, or the handle; 0 with BINDER_TYPE_BINDER is the null binder. */
  readonly target: U64;
  readonly cookie: U64;
  /** The level, STABILITY_*. */
  readonly stability: number;
}

/** Where Node.js looks for what `console.log` is to show. */
const inspect = Symbol.for('nodejs.util.inspect.custom');

/** What turns objects into what travels and back: the connection, for its own process. */
export interface ParcelObjects {
  /** The form in which a parcel carries a binder. */
  flatten(binder: unknown): FlatBinder;
  /** The binder that arrived in that form. */
  unflatten(flat: FlatBinder): unknown;
  /** @returns a number that is good until the parcel was sent. */
  sendFile(file: FileDescriptor): number;
  /** The file that arrived as `fd`: the result owns it. */
  receiveFile(fd: number): FileDescriptor;
}

/** For parcels without a connection: objects cannot travel. */
export const NO_OBJECTS: ParcelObjects = {
  flatten: () => refuse('binders need a connection'),
  unflatten: () => refuse('binders need a connection'),
  sendFile: () => refuse('file descriptors need a connection'),
  receiveFile: () => refuse('file descriptors need a connection'),
};

function refuse(why: string): never {
  throw new BinderError('INVALID_OPERATION', `Cannot put it into this parcel: ${why}`);
}

const FLAT_SIZE = 24;
/** Parcelables within each other: a sender must not exhaust the reader's stack. */
const MAX_DEPTH = 256;
const MIN_CAPACITY = 256;
/** Characters made into a string at once: an argument list has its limits. */
const STRING_CHUNK = 4096;
/** UTF-16 units from which on a {@link TextBuffer} is worth its making. */
const LONG_STRING = 64;
/** FLAT_BINDER_FLAG_ACCEPTS_FDS and the priority libbinder writes. */
const FD_FLAGS = 0x17f;
const STRICT_MODE_PENALTY_GATHER = 0x8000_0000 | 0;

/**
 * What a call or a reply carries: values one behind the other, each padded to 4 bytes, and the places of the objects
 * among them.
 *
 * ```
 *   data     | value | value | flat_binder_object (24) | stability | …      multiples of 4 bytes
 *   offsets  |                 ^ where each object begins: u64 each
 * ```
 *
 * One is either written from its start or made from received bytes and read; every `read…` throws BinderError where the
 * parcel ends too early (NOT_ENOUGH_DATA) or holds something else (BAD_VALUE, BAD_TYPE, UNEXPECTED_NULL), and never
 * gives what was not sent.
 */
export class Parcel {
  readonly variant: Variant;
  objects: ParcelObjects;
  /** Where the next value is read or written. */
  position = 0;
  /** Bytes written so far, or bytes there are to read. */
  size: number;
  /** Where reading ends: {@link size}, or less inside of a value with a size of its own. */
  limit: number;
  /** Where objects begin, in the order in which they were written. */
  offsets: number[];
  /** Sensitive: {@link clear} overwrites it. */
  isSensitive = false;
  #depth = 0;
  #bytes: Uint8Array;
  #view: DataView;
  #units: Uint16Array;
  #words: Int32Array;
  /** The same bytes, once a long string was among them. */
  #text: TextBuffer | null = null;

  /**
   * An empty parcel to write, or one to read.
   *
   * @param received - the bytes to read; the parcel keeps a view of them
   * @param offsets - where the objects in it begin
   */
  constructor(
    objects: ParcelObjects = NO_OBJECTS,
    variant: Variant = DEFAULT_VARIANT,
    received?: Uint8Array,
    offsets: number[] = [],
  ) {
    this.objects = objects;
    this.variant = variant;
    this.offsets = offsets;
    // Typed arrays want to begin at a multiple of their element.
    const bytes = received && (received.byteOffset & 7) !== 0 ? received.slice() : received;
    this.size = bytes?.length ?? 0;
    this.limit = this.size;
    this.#bytes = bytes ?? new Uint8Array(MIN_CAPACITY);
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    this.#units = new Uint16Array(buffer, byteOffset, byteLength >> 1);
    this.#words = new Int32Array(buffer, byteOffset, byteLength >> 2);
  }

  /** What was written, or is to be read: a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.size);
  }

  /** Bytes left to read. */
  get left(): number {
    return this.limit - this.position;
  }

  /** Its size, its objects and its first bytes; of a sensitive one not the bytes. */
  [inspect](): string {
    return describeParcel(this);
  }

  /** Empties it, for use again; what was sensitive is overwritten. */
  clear(): void {
    if (this.isSensitive) this.#bytes.fill(0, 0, this.size);
    this.isSensitive = false;
    this.position = 0;
    this.size = 0;
    this.limit = 0;
    this.#depth = 0;
    if (this.offsets.length > 0) this.offsets = [];
  }

  /** Goes back to the start of what was written, to read it. */
  rewind(): void {
    this.position = 0;
    this.limit = this.size;
  }

  /**
   * Begins to read a value that has a size of its own and ends at byte `end`: nothing beyond can be read before
   * {@link leave} is given what this returned.
   */
  enter(end: number): number {
    const outer = this.limit;
    if (end < this.position || end > outer) {
      throw new BinderError(
        'NOT_ENOUGH_DATA',
        `Cannot read a value up to byte ${end}: it may go up to ${outer}`,
      );
    }
    this.limit = end;
    return outer;
  }

  /** Begins to read a parcelable or union, which may hold others. @throws BinderError BAD_VALUE when that goes too deep. */
  descend(): void {
    if (++this.#depth > MAX_DEPTH) {
      throw new BinderError('BAD_VALUE', `Cannot read parcelables more than ${MAX_DEPTH} deep`);
    }
  }

  /** Ends {@link descend}. */
  ascend(): void {
    this.#depth--;
  }

  /** Ends {@link enter}: goes behind the value, whatever of it was read. */
  leave(outer: number): void {
    this.position = this.limit;
    this.limit = outer;
  }

  // ---- numbers

  /** A 32-bit integer: what is above is cut off. */
  writeInt32(value: number): void {
    const at = this.#grow(4);
    this.#words[at >> 2] = value;
  }

  /** A 32-bit integer, signed. */
  readInt32(): number {
    const at = this.#take(4);
    return this.#words[at >> 2] as number;
  }

  /** A 64-bit integer: what is above is cut off. */
  writeInt64(value: bigint): void {
    const at = this.#grow(8); // which may replace the view
    this.#view.setBigInt64(at, value, true);
  }

  /** A 64-bit integer, signed. */
  readInt64(): bigint {
    const at = this.#take(8);
    return this.#view.getBigInt64(at, true);
  }

  /** 32 bits of floating point. */
  writeFloat(value: number): void {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value, true);
  }

  /** 32 bits of floating point. */
  readFloat(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  /** 64 bits of floating point. */
  writeDouble(value: number): void {
    const at = this.#grow(8);
    this.#view.setFloat64(at, value, true);
  }

  /** 64 bits of floating point. */
  readDouble(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** An i32, 0 or 1. */
  writeBool(value: boolean): void {
    this.writeInt32(value ? 1 : 0);
  }

  /** Anything but 0 is true, as in libbinder. */
  readBool(): boolean {
    return this.readInt32() !== 0;
  }

  /** An i32 with the byte, signed. */
  writeByte(value: number): void {
    this.writeInt32((value << 24) >> 24);
  }

  /** An i32, of which the lowest byte counts, signed. */
  readByte(): number {
    return (this.readInt32() << 24) >> 24;
  }

  /** @throws BinderError BAD_VALUE unless `value` is one UTF-16 unit. */
  writeChar(value: string): void {
    if (value.length !== 1) {
      throw new BinderError(
        'BAD_VALUE',
        `Cannot write ${JSON.stringify(value)} as a char: it is not one UTF-16 unit`,
      );
    }
    this.writeInt32(value.charCodeAt(0));
  }

  /** One UTF-16 unit, an i32. */
  readChar(): string {
    return String.fromCharCode(this.readInt32());
  }

  // ---- strings and arrays

  /** A String16: i32 length in units, the units, a zero unit, padding. `null` is length −1. */
  writeString(value: string | null): void {
    if (value === null) return this.writeInt32(-1);
    const { length } = value;
    const at = this.#grow(4 + ((length * 2 + 2 + 3) & ~3));
    this.#words[at >> 2] = length;
    const units = this.#units;
    const first = (at + 4) >> 1;
    const end = first + length;
    const buffer = length < LONG_STRING ? null : this.#textBuffer();
    if (buffer) buffer.write(value, at + 4, length * 2, 'utf16le');
    else for (let i = 0; i < length; i++) units[first + i] = value.charCodeAt(i);
    units[end] = 0;
    if ((end & 1) === 0) units[end + 1] = 0;
  }

  /** What {@link writeString} wrote. */
  readNullableString(): string | null {
    const length = this.readInt32();
    if (length === -1) return null;
    if (length < 0) throw badLength('string', length);
    if (length > this.left) throw this.#tooShort(length * 2); // before the sum below overflows
    const at = this.#take((length * 2 + 2 + 3) & ~3);
    const first = at >> 1;
    if (this.#units[first + length] !== 0) {
      throw new BinderError(
        'BAD_VALUE',
        `Cannot read the string of ${length} units at byte ${at}: no zero ends it`,
      );
    }
    const buffer = length < LONG_STRING ? null : this.#textBuffer();
    if (buffer) return buffer.toString('utf16le', at, at + length * 2);
    if (length <= STRING_CHUNK) return fromUnits(this.#units.subarray(first, first + length));
    let text = '';
    for (let i = 0; i < length; i += STRING_CHUNK) {
      text += fromUnits(this.#units.subarray(first + i, first + Math.min(length, i + STRING_CHUNK)));
    }
    return text;
  }

  /** What {@link writeString} wrote. @throws BinderError UNEXPECTED_NULL */
  readString(): string {
    const text = this.readNullableString();
    if (text === null) throw unexpectedNull('a string');
    return text;
  }

  /** A byte array: i32 count, the bytes, padding. */
  writeBytes(value: ArrayLike<number>): void {
    const { length } = value;
    const padded = (length + 3) & ~3;
    const at = this.#grow(4 + padded);
    this.#words[at >> 2] = length;
    this.#bytes.set(value, at + 4);
    this.#bytes.fill(0, at + 4 + length, at + 4 + padded);
  }

  /** A copy. A count of −1 must have been dealt with before. */
  readBytes(length: number): Uint8Array<ArrayBuffer> {
    return this.viewBytes(length).slice();
  }

  /** As {@link readBytes}, without copying: good only as long as what the parcel was made from. */
  viewBytes(length: number): Uint8Array {
    if (length < 0) throw badLength('array', length);
    if (length > this.left) throw this.#tooShort(length);
    const at = this.#take((length + 3) & ~3);
    return this.#bytes.subarray(at, at + length);
  }

  /** Bytes as they are, without a count; a multiple of 4 of them, at a multiple of 4. For arrays of numbers. */
  writeRaw(bytes: Uint8Array): void {
    const at = this.#grow((bytes.length + 3) & ~3);
    this.#bytes.set(bytes, at);
  }

  /**
   * The count of an array, whose elements take at least `elementSize` bytes each: one that cannot be true is refused before
   * anything is allocated for it.
   */
  readCount(elementSize: number): number {
    const count = this.readInt32();
    if (count < -1) throw badLength('array', count);
    if (count * elementSize > this.left) {
      throw new BinderError(
        'NOT_ENOUGH_DATA',
        `Cannot read an array of ${count} elements: ${this.left} bytes are left, it needs ${count * elementSize}`,
      );
    }
    return count;
  }

  /** Makes room for a 32-bit size that is known later. @returns where; for {@link endSize}. */
  beginSize(): number {
    const at = this.#grow(4);
    this.#words[at >> 2] = 0;
    return at;
  }

  /** Puts `value` at a place of {@link beginSize}. */
  endSize(at: number, value: number): void {
    this.#words[at >> 2] = value;
  }

  /** Goes to byte `position`, a multiple of 4, to read there. */
  seek(position: number): void {
    if (position < 0 || position > this.size || (position & 3) !== 0) {
      throw new BinderError('BAD_VALUE', `Cannot go to byte ${position} of a parcel of ${this.size}`);
    }
    this.position = position;
  }

  // ---- objects

  /** A binder: flat_binder_object, then the stability word. */
  writeBinder(binder: unknown): void {
    this.writeFlatBinder(binder === null ? NULL_BINDER : this.objects.flatten(binder));
  }

  /** As {@link writeBinder}, of what is flat already. */
  writeFlatBinder(flat: FlatBinder): void {
    const at = this.#grow(FLAT_SIZE + 4);
    const view = this.#view;
    view.setUint32(at, flat.type, true);
    view.setUint32(at + 4, flat.flags, true);
    writeU64(view, at + 8, flat.target);
    writeU64(view, at + 16, flat.cookie);
    view.setInt32(at + FLAT_SIZE, stabilityWord(flat.stability, this.variant), true);
    // A null binder is no object: the driver has nothing to translate.
    if (flat.type !== BINDER_TYPE_BINDER || flat.target !== 0) this.offsets.push(at);
  }

  /** What {@link writeBinder} wrote. */
  readNullableBinder(): unknown {
    const at = this.position;
    const flat = this.readFlatBinder();
    if (flat.type === BINDER_TYPE_BINDER && flat.target === 0) return null;
    if (!this.#isObject(at)) throw badObject(at, 'a binder');
    return this.objects.unflatten(flat);
  }

  /** What {@link writeBinder} wrote. @throws BinderError UNEXPECTED_NULL */
  readBinder(): unknown {
    const binder = this.readNullableBinder();
    if (binder === null) throw unexpectedNull('a binder');
    return binder;
  }

  /** A flat_binder_object as it is; whether it is one of the parcel's objects is not looked at. */
  readFlatBinder(): FlatBinder {
    const at = this.#take(FLAT_SIZE + 4);
    const view = this.#view;
    const type = view.getUint32(at, true);
    if (type !== BINDER_TYPE_BINDER && type !== BINDER_TYPE_HANDLE) throw badObject(at, 'a binder');
    const stability = stabilityLevel(view.getInt32(at + FLAT_SIZE, true), this.variant);
    if (stability < 0) {
      throw new BinderError(
        'BAD_TYPE',
        `Cannot read the binder at byte ${at}: its stability word 0x${view.getUint32(at + FLAT_SIZE, true).toString(16)} ` +
          `is not of Android ${this.variant.android}; the sender may speak another version`,
      );
    }
    return {
      type,
      flags: view.getUint32(at + 4, true),
      target: type === BINDER_TYPE_BINDER ? readU64(view, at + 8) : view.getUint32(at + 8, true),
      cookie: readU64(view, at + 16),
      stability,
    };
  }

  /** A file descriptor object. The file stays the caller's; it must be open until the parcel was sent. */
  writeFile(file: FileDescriptor): void {
    const fd = this.objects.sendFile(file);
    const at = this.#grow(FLAT_SIZE);
    const view = this.#view;
    view.setUint32(at, BINDER_TYPE_FD, true);
    view.setUint32(at + 4, FD_FLAGS, true);
    writeU64(view, at + 8, fd);
    writeU64(view, at + 16, 0);
    this.offsets.push(at);
  }

  /** The file that {@link writeFile} wrote: the result owns it. */
  readFile(): FileDescriptor {
    const at = this.position;
    this.#take(FLAT_SIZE);
    if (this.#view.getUint32(at, true) !== BINDER_TYPE_FD || !this.#isObject(at)) {
      this.position = at;
      throw badObject(at, 'a file descriptor');
    }
    return this.objects.receiveFile(this.#view.getUint32(at + 8, true));
  }

  /** The type of the object at byte `at`, one of {@link offsets}; 0 where there is no room for one. */
  objectType(at: number): number {
    return at >= 0 && at + FLAT_SIZE <= this.size ? this.#view.getUint32(at, true) : 0;
  }

  /** The descriptor in the object at byte `at`. */
  objectFd(at: number): number {
    return this.#view.getUint32(at + 8, true);
  }

  // ---- interface token

  /** What every call begins with: strict mode, work source, header, the interface's descriptor. */
  writeInterfaceToken(descriptor: string): void {
    this.writeInt32(STRICT_MODE_PENALTY_GATHER);
    this.writeInt32(-1);
    this.writeInt32(headerWord(this.variant.header));
    this.writeString(descriptor);
  }

  /**
   * Reads what {@link writeInterfaceToken} wrote.
   *
   * @throws BinderError BAD_TYPE when the call was made for another interface or by an incompatible library; the message
   *   names both.
   */
  enforceInterface(descriptor: string): void {
    this.readInt32();
    this.readInt32();
    const mismatch = headerMismatch(this.readInt32(), this.variant);
    if (mismatch) throw new BinderError('BAD_TYPE', `Cannot take the call of ${descriptor}: ${mismatch}`);
    const found = this.readString();
    if (found !== descriptor) {
      throw new BinderError(
        'BAD_TYPE',
        `Cannot take the call: it is for ${JSON.stringify(found)}, this is ${descriptor}`,
      );
    }
  }

  #isObject(at: number): boolean {
    return this.offsets.includes(at);
  }

  /** Room for `length` bytes, a multiple of 4. @returns where. */
  #grow(length: number): number {
    const at = this.position;
    const end = at + length;
    if (end > this.#bytes.length) this.#enlarge(end);
    this.position = end;
    this.size = end;
    return at;
  }

  #enlarge(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.size));
    if (this.isSensitive) this.#bytes.fill(0);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#units = new Uint16Array(bytes.buffer);
    this.#words = new Int32Array(bytes.buffer, 0, bytes.length >> 2);
    this.#text = null;
  }

  #textBuffer(): TextBuffer | null {
    this.#text ??= textBufferOf(this.#bytes);
    return this.#text;
  }

  /** `length` bytes to read. @returns where. */
  #take(length: number): number {
    const at = this.position;
    const end = at + length;
    if (end > this.limit) throw this.#tooShort(length);
    this.position = end;
    return at;
  }

  #tooShort(length: number): BinderError {
    return new BinderError(
      'NOT_ENOUGH_DATA',
      `Cannot read ${length} bytes at byte ${this.position}: the parcel has ${this.limit}`,
    );
  }
}

const NULL_BINDER: FlatBinder = { type: BINDER_TYPE_BINDER, flags: 0, target: 0, cookie: 0, stability: 0 };

function fromUnits(units: Uint16Array): string {
  return String.fromCharCode.apply(null, units as unknown as number[]);
}

function badLength(what: string, length: number): BinderError {
  return new BinderError('BAD_VALUE', `Cannot read a ${what} of length ${length}`);
}

function badObject(at: number, what: string): BinderError {
  return new BinderError('BAD_TYPE', `Cannot read ${what} at byte ${at}: there is none`);
}

/** Null where the type is not nullable. */
export function unexpectedNull(what: string): BinderError {
  return new BinderError('UNEXPECTED_NULL', `Cannot take null for ${what}: it is not nullable`);
}
