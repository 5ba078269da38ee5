import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toU64 } from '../abi/u64.ts';
import { align8, totalSize } from './allocation.ts';
import { addU64 } from './write-read.ts';

const MAX = (1n << 64n) - 1n;
const near = (center: bigint) =>
  fc.bigInt({ min: center - 20n < 0n ? 0n : center - 20n, max: center + 20n > MAX ? MAX : center + 20n });
/** 64-bit values, most of them where sums or doubles break. */
const size = fc.oneof(
  near(0n),
  near(1n << 32n),
  near(1n << 52n),
  near(1n << 53n),
  near(1n << 63n),
  near(MAX),
);

test('the space of three parts is their sum, each rounded up to 8, and at least 8', () => {
  fc.assert(
    fc.property(size, size, size, (data, offsets, extra) => {
      const up = (value: bigint) => (value + 7n) & ~7n;
      const sum = up(data) + up(offsets) + up(extra);
      const expected = sum > MAX ? null : toU64(sum < 8n ? 8n : sum);
      const total = totalSize(toU64(data), toU64(offsets), toU64(extra));
      expect(total === null ? null : BigInt(total)).toBe(expected === null ? null : BigInt(expected));
    }),
    { numRuns: 2000 },
  );
});

test('rounding up to 8', () => {
  for (const value of [0, 8, 16, 2 ** 40]) expect(align8(value)).toBe(value);
  for (const value of [1, 7]) expect(align8(value)).toBe(8);
  expect(align8(2 ** 40 + 3)).toBe(2 ** 40 + 8);
});

test('addresses add modulo 2^64, in their one representation', () => {
  fc.assert(
    fc.property(size, size, (a, b) => {
      expect(addU64(toU64(a), toU64(b))).toBe(toU64(a + b));
    }),
    { numRuns: 2000 },
  );
});
