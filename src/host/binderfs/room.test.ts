import { describe, expect, it } from 'vitest';
import { Room } from './room.ts';

describe('Room', () => {
  it('keeps descriptors for the daemon, and more for threads than for opens', () => {
    const room = new Room(1000, 65_530);
    expect(room.forOpen({ opens: 900, threads: 34, files: 0 })).toBe(true);
    expect(room.forOpen({ opens: 900, threads: 35, files: 0 })).toBe(false);
    expect(room.forThread({ opens: 900, threads: 67, files: 0 })).toBe(true);
    expect(room.forThread({ opens: 900, threads: 68, files: 0 })).toBe(false);
  });

  it('lets files on their way have half of the descriptors that are left', () => {
    const room = new Room(1000, 65_530);
    expect(room.forFile({ opens: 100, threads: 36, files: 399 })).toBe(true);
    expect(room.forFile({ opens: 100, threads: 36, files: 400 })).toBe(false);
    expect(room.forOpen({ opens: 500, threads: 35, files: 399 })).toBe(true);
    expect(room.forOpen({ opens: 500, threads: 36, files: 399 })).toBe(false);
  });

  it('keeps memory mappings for the daemon', () => {
    const room = new Room(1_048_576, 65_530);
    expect(room.forOpen({ opens: 16_382, threads: 0, files: 0 })).toBe(true);
    expect(room.forOpen({ opens: 16_383, threads: 0, files: 0 })).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')(
    'has room for ten thousand opens where the limits are the usual ones',
    () => {
      expect(new Room(20_000).forOpen({ opens: 9_999, threads: 16, files: 0 })).toBe(true);
      expect(new Room().forThread({ opens: 0, threads: 0, files: 0 })).toBe(true);
    },
  );
});
