/**
 * A 64-bit unsigned value with one representation for each value: a `number` up to 2^53 - 1, a `bigint` above.
 *
 * Pointers and cookies come from clients and must go back bit for bit. Nearly all are user-space addresses, which fit
 * a `number`; the rest must not be rounded. Because the representation is unique, `===` compares and a `Map` finds
 * two equal values, whichever way they came in.
 */
export type U64 = number | bigint;

const TWO_32 = 0x1_0000_0000;
/** High words from here on do not fit a double's 53 bits. */
const FIRST_BIG_HIGH_WORD = 0x20_0000;

/** Reads the little-endian value at `offset`. */
export function readU64(view: DataView, offset: number): U64 {
  const high = view.getUint32(offset + 4, true);
  return high < FIRST_BIG_HIGH_WORD
    ? high * TWO_32 + view.getUint32(offset, true)
    : view.getBigUint64(offset, true);
}

/** Writes `value` little-endian at `offset`. */
export function writeU64(view: DataView, offset: number, value: U64): void {
  if (typeof value === 'number') {
    view.setUint32(offset, value >>> 0, true);
    view.setUint32(offset + 4, (value / TWO_32) >>> 0, true);
  } else {
    view.setBigUint64(offset, value, true);
  }
}

/** The one representation of a `bigint` of 64 bits: what {@link readU64} would have returned for it. */
export function toU64(value: bigint): U64 {
  const unsigned = BigInt.asUintN(64, value);
  return unsigned <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(unsigned) : unsigned;
}

/** Orders two values as unsigned integers: negative, zero or positive as `Array.prototype.sort` wants it. */
export function compareU64(a: U64, b: U64): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Sixteen lower-case hexadecimal digits, as the driver's logs print pointers and cookies. */
export function hexU64(value: U64): string {
  return value.toString(16).padStart(16, '0');
}
