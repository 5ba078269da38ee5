import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from './glob.ts';

test.each([
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', '/usr/bin/x', true],
  ['/usr/*/x', '/usr/local/bin/x', true],
  ['/usr/?/x', '/usr/a/x', true],
  ['/usr/?/x', '/usr//x', false],
  ['a*b*c', 'aXbYbZc', true],
  ['a*b*c', 'aXbYbZ', false],
  ['a.c', 'abc', false],
  ['**', 'x', true],
])('%j against %j: %j', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected);
});

test('agrees with a regular expression', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
  const words = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(letters, words, (pattern, text) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      expect(matchesGlob(pattern, text)).toBe(expression.test(text));
    }),
  );
});

test('a pattern of many stars does not take for ever', () => {
  expect(matchesGlob(`${'a*'.repeat(1000)}c`, 'a'.repeat(5000))).toBe(false);
});
