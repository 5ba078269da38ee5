/** A float must end in f and fit; undefined where it does not. */
export function parseFloating(literal: string, type: 'float' | 'double'): number | undefined {
  const single = literal.endsWith('f');
  if (type === 'float' && !single) return undefined;
  const body = single ? literal.slice(0, -1) : literal;
  if (!/^[-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?$/.test(body)) return undefined;
  const exact = Number(body);
  const value = type === 'float' ? Math.fround(exact) : exact;
  const least = type === 'float' ? 1.1754943508222875e-38 : 2.2250738585072014e-308;
  const lost = Math.abs(value) < least && /[1-9]/.test(body.replace(/[eE].*/, ''));
  return Number.isFinite(value) && !lost ? value : undefined;
}

/**
 * A finite number as C's `%f`, with which aidl prints what it evaluated. `toFixed` is not that: it rounds ties up,
 * turns to exponents from 1e21 on, and has no minus before zero.
 */
export function sixDecimals(value: number): string {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const pattern = bits.getBigUint64(0);
  const biased = (pattern >> 52n) & 0x7ffn;
  const fraction = pattern & ((1n << 52n) - 1n);
  // The value is significand * 2^exponent, both integers.
  const significand = biased === 0n ? fraction : fraction | (1n << 52n);
  const exponent = (biased === 0n ? 1n : biased) - 1075n;
  const digits = `${roundedToEven(significand * 1_000_000n, exponent)}`.padStart(7, '0');
  return `${pattern >> 63n === 0n ? '' : '-'}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

/**
 * The value in generated code: aidl's backends print what they evaluated with six decimals, so that `5e-7` is 0 and
 * pi is 3.141593 in Java, C++ and Rust. A default must be the same on both sides of a call.
 */
export const inGeneratedCode = (value: number): number => Number(sixDecimals(value));

/** value * 2^exponent as an integer. */
function roundedToEven(value: bigint, exponent: bigint): bigint {
  if (exponent >= 0n) return value << exponent;
  const below = value >> -exponent;
  const twiceTheRest = (value - (below << -exponent)) * 2n;
  const one = 1n << -exponent;
  const up = twiceTheRest > one || (twiceTheRest === one && below % 2n === 1n);
  return up ? below + 1n : below;
}
