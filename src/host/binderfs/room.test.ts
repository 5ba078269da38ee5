import { describe, expect, it } from 'vitest';
import { Room } from './room.ts';

describe('Room', () => {
  it('keeps descriptors for the daemon, and more for threads than for opens', () => {
    const room = new Room(1000, 65_530);
    expect(room.forOpen({ opens: 900, threads: 34 })).toBe(true);
    expect(room.forOpen({ opens: 900, threads: 35 })).toBe(false);
    expect(room.forThread({ opens: 900, threads: 67 })).toBe(true);
    expect(room.forThread({ opens: 900, threads: 68 })).toBe(false);
  });

  it('keeps memory mappings for the daemon', () => {
    const room = new Room(1_048_576, 65_530);
    expect(room.forOpen({ opens: 16_382, threads: 0 })).toBe(true);
    expect(room.forOpen({ opens: 16_383, threads: 0 })).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')(
    'has room for ten thousand opens where the limits are the usual ones',
    () => {
      expect(new Room(20_000).forOpen({ opens: 9_999, threads: 16 })).toBe(true);
      expect(new Room().forThread({ opens: 0, threads: 0 })).toBe(true);
    },
  );
});
