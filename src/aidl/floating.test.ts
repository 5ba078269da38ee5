import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sixDecimals } from './floating.ts';
import { compile, generateTypeScript } from './index.ts';

it.each([
  [0.0078125, '0.007812'],
  [0.0234375, '0.023438'],
  [-0, '-0.000000'],
  [-1e-11, '-0.000000'],
  [1e25, '10000000000000000905969664.000000'],
  [Number.MIN_VALUE, '0.000000'],
])('%d is what printf makes of it', (value, text) => {
  expect(sixDecimals(value)).toBe(text);
});

it('is toFixed where no tie is rounded and no exponent is needed', () => {
  const plain = fc.double({ min: -1e20, max: 1e20, noNaN: true }).filter((value) => !isTie(value));
  fc.assert(fc.property(plain, (value) => sixDecimals(value) === signed(value)));
});

/** Half of the sixth decimal, exactly: only what has no more than seven binary places can be. */
const isTie = (value: number) => Number.isInteger(value * 128) && !Number.isInteger(value * 64);
const signed = (value: number) => (Object.is(value, -0) ? '-' : '') + value.toFixed(6);

it('TypeScript has the sign of zero, and exponents as a formatter leaves them', () => {
  const text = 'interface I { const double MINUS = -0.0; const float PLUS = 0f; const double LARGE = 1e25; }';
  const compilation = compile('I.aidl', { read: () => text });
  const [module] = generateTypeScript(compilation.document!, compilation).modules;
  expect(module!.text).toContain('{ MINUS: -0, PLUS: 0, LARGE: 1e25 }');
});

it('TypeScript has the values of the Java, C++, NDK and Rust that aidl 14 writes: six decimals', () => {
  const text =
    'parcelable P { const double SMALL = 5e-7; const double LESS = -4e-7; const double PI = 3.141592653589793; ' +
    'const float THIRD = 0.33333334f; double field = 2.718281828459045; }';
  const compilation = compile('P.aidl', { read: () => text });
  const [module] = generateTypeScript(compilation.document!, compilation).modules;
  expect(module!.text.replace(/\s+/g, ' ')).toContain(
    '{ SMALL: 0, LESS: -0, PI: 3.141593, THIRD: 0.333333 }',
  );
  expect(module!.text).toContain('2.718282');
});
