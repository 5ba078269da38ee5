import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemoryPressure } from './memory-pressure.ts';

// That it tells of pressure is seen by a native test, with a process that runs short of memory.

const descriptors = (): number => readdirSync('/proc/self/fd').length;

const reason = (() => {
  try {
    new MemoryPressure()[Symbol.dispose]();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
})();
if (reason !== null) console.warn(`SKIPPED: memory pressure: ${reason}`);

describe('memory pressure', () => {
  it.skipIf(reason !== null)('is watched by two descriptors, and none afterwards', () => {
    const before = descriptors();
    const pressure = new MemoryPressure();
    expect(descriptors()).toBe(before + 2);
    pressure[Symbol.dispose]();
    expect(descriptors()).toBe(before);
  });

  it.each([
    ['/proc/pressure/nothing', 'ENOENT'],
    // A file of which no trigger can be asked
    ['/dev/null', 'EPERM'],
  ])('is not to be had from %s', (path, code) => {
    const before = descriptors();
    expect(() => new MemoryPressure(path)).toThrow(expect.objectContaining({ code }));
    expect(descriptors()).toBe(before);
  });
});
