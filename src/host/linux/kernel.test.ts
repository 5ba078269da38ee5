import { describe, expect, it } from 'vitest';
import { isAtLeast, kernelVersion } from './kernel.ts';

describe('kernelVersion', () => {
  it.each([
    ['6.18.44-fc-v669', 6, 18],
    ['6.6.87.2-microsoft-standard-WSL2', 6, 6],
    ['5.10.0-28-amd64', 5, 10],
    ['6.12', 6, 12],
    ['6.9-rc1', 6, 9],
  ])('reads %s', (text, major, minor) => {
    expect(kernelVersion(text)).toEqual({ major, minor, release: text });
  });

  it('reads that of the running kernel', () => {
    expect(kernelVersion().major).toBeGreaterThanOrEqual(5);
  });

  it.each(['', 'linux', '6', 'v6.1'])('refuses %j', (text) => {
    expect(() => kernelVersion(text)).toThrow(/MAJOR.MINOR/);
  });
});

describe('isAtLeast', () => {
  it.each([
    ['6.9.0', 6, 9, true],
    ['6.10.0', 6, 9, true],
    ['6.8.12', 6, 9, false],
    ['5.19.0', 6, 1, false],
    ['7.0.0', 6, 9, true],
  ])('%s against %d.%d: %s', (text, major, minor, expected) => {
    expect(isAtLeast(kernelVersion(text), major, minor)).toBe(expected);
  });
});
