import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareU64, hexU64, readU64, toU64, writeU64 } from './u64.ts';

const EDGES = [
  0n,
  1n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1f_ffff_ffff_ffffn,
  0x20_0000_0000_0000n,
  0x20_0000_0000_0001n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];
const any64 = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.maxSafeNat().map(BigInt),
);

function view(): DataView {
  return new DataView(new ArrayBuffer(16));
}

describe('64-bit values', () => {
  test('come back bit for bit from any offset', () => {
    fc.assert(
      fc.property(any64, fc.nat(8), (bits, offset) => {
        const from = view();
        from.setBigUint64(offset, bits, true);
        const to = view();
        writeU64(to, offset, readU64(from, offset));
        expect(to.getBigUint64(offset, true)).toBe(bits);
      }),
    );
  });

  test('have one representation each: a number up to 2^53 - 1, a bigint above', () => {
    fc.assert(
      fc.property(any64, (bits) => {
        const from = view();
        from.setBigUint64(0, bits, true);
        const value = readU64(from, 0);
        expect(BigInt(value)).toBe(bits);
        expect(typeof value).toBe(bits <= BigInt(Number.MAX_SAFE_INTEGER) ? 'number' : 'bigint');
        expect(toU64(bits)).toBe(value);
        expect(new Map([[value, 'found']]).get(toU64(bits))).toBe('found');
      }),
    );
  });

  test('are cut to 64 bits from longer and negative integers', () => {
    expect(toU64(-1n)).toBe(0xffff_ffff_ffff_ffffn);
    expect(toU64((1n << 64n) + 5n)).toBe(5);
  });

  test('are ordered as unsigned integers', () => {
    fc.assert(
      fc.property(any64, any64, (a, b) => {
        expect(Math.sign(compareU64(toU64(a), toU64(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  test('are printed with sixteen digits', () => {
    expect(hexU64(0)).toBe('0000000000000000');
    expect(hexU64(0xffff_ffff_ffff_fff0n)).toBe('fffffffffffffff0');
    expect(hexU64(0x7f12_3456_7890)).toBe('00007f1234567890');
  });
});
