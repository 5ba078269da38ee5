import { expect, test } from 'vitest';
import { siphash } from './siphash.ts';

test('gives the reference vector of eight bytes', () => {
  // The vector for 00 01 .. 07 with the key 00 01 .. 0f, from the authors' test program.
  expect(siphash(0x0706050403020100n, [0x0706050403020100n, 0x0f0e0d0c0b0a0908n])).toBe(0x93f5f5799a932462n);
});
