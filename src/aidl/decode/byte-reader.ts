import { readU64, type U64 } from '../../abi/u64.ts';

/** Bytes that end too early, or are not what they should be. */
export class Undecodable extends Error {}

/** Reads a parcel's bytes as they come: each value padded to 4 bytes. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  position = 0;
  /** Where reading ends: inside of a value with a size of its own, where that does. */
  limit: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.limit = bytes.length;
  }

  get left(): number {
    return this.limit - this.position;
  }

  /** Where `size` bytes begin, which are then behind. @throws Undecodable where there are not as many */
  #take(size: number): number {
    const at = this.position;
    if (size > this.left) throw new Undecodable(`it needs ${size} bytes, ${this.left} are left`);
    this.position = at + size;
    return at;
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  u64(): U64 {
    return readU64(this.#view, this.#take(8));
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** A copy of `count` bytes; their padding is behind, too, as far as it is there. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    this.position = Math.min(this.limit, (this.position + 3) & ~3);
    return this.#bytes.slice(at, at + count);
  }

  /** @returns null for a null string */
  string16(): string | null {
    const units = this.i32();
    if (units === -1) return null;
    if (units < 0) throw new Undecodable(`a string of length ${units}`);
    const bytes = this.bytes(2 * units + 2);
    if (bytes[2 * units] !== 0 || bytes[2 * units + 1] !== 0) {
      throw new Undecodable('a string that does not end with a zero');
    }
    let text = '';
    for (let i = 0; i < units; i++) text += String.fromCharCode(bytes[2 * i]! | (bytes[2 * i + 1]! << 8));
    return text;
  }

  /** The number of elements that follow; −1 for null. @param size - of each, at least */
  count(size: number): number {
    const count = this.i32();
    if (count < -1) throw new Undecodable(`an array of ${count} elements`);
    if (count * size > this.left) {
      throw new Undecodable(`an array of ${count} elements, for which there is no room`);
    }
    return count;
  }
}
