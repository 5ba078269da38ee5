import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Area, ClientMemory } from '../../driver/ports.ts';
import { ScatterList } from '../../page/scatter-list.ts';
import { createArea, pageSize } from './area.ts';
import { GuardedMemory, GuardRules, RANGE_MAX_AGE } from './guarded-memory.ts';
import type { Backing, ClientMappings } from './mapping-finder.ts';

// The client is this process: its page tables are real, what its memory is said to be backed by is not.

const OURS = 0x3000_0001;
const DEVICE_FILE = 5;
const OTHER_FILE = 6;
const PAGE = pageSize();
const ME = process.pid;
const into: Area = { bytes: new Uint8Array(64), view: new DataView(new ArrayBuffer(64)), address: 0 };

/** Addresses that reached the client's memory. */
let copies: number[];
/** Addresses that the kernel was asked about. */
let looks: number[];
let backings: Backing[];
let clock: { now: number };

beforeEach(() => {
  [copies, looks, backings, clock] = [[], [], [], { now: 1000 }];
});

const memory: ClientMemory = {
  read: (_thread, address, _into, _at, length) => copies.push(address) * 0 + length,
  write: (_thread, address, _from, _at, length) => copies.push(address) * 0 + length,
  readv: (_thread, from) => {
    for (let i = 0; i < from.count; i++) copies.push(from.start(i));
    return from.size;
  },
};

function guard(isPassthrough = true): GuardedMemory {
  const backing = (address: number): Backing | null => {
    looks.push(address);
    return backings.find(({ start, end }) => start <= address && address < end) ?? null;
  };
  const mappings = { backing } as unknown as ClientMappings;
  return new GuardedMemory(new GuardRules(memory, OURS, isPassthrough, clock), mappings, ME, DEVICE_FILE);
}

function mapped(start: number, pages: number, what: Partial<Backing> = {}): void {
  const end = start + pages * PAGE;
  backings.push({ start, end, device: 0, inode: 0, writable: true, shared: false, ...what });
}

const ours = { device: OURS, inode: OTHER_FILE };

test('a harmless mapping is looked at once, and again when that was long ago', () => {
  mapped(0x10000, 4);
  const guarded = guard();
  for (let i = 0; i < 5; i++) expect(guarded.read(ME, 0x10000 + i, into, 0, 8)).toBe(8);
  expect(guarded.write(ME, 0x10000 + 3 * PAGE, into, 0, 8)).toBe(8);
  expect([looks.length, copies.length]).toEqual([1, 6]);
  clock.now += RANGE_MAX_AGE;
  guarded.read(ME, 0x10000, into, 0, 8);
  expect(looks.length).toBe(2);
});

test('what reaches beyond a harmless mapping is looked at', () => {
  mapped(0x10000, 1);
  mapped(0x10000 + PAGE, 1, ours);
  const guarded = guard();
  expect(guarded.read(ME, 0x10000, into, 0, 8)).toBe(8);
  expect(guarded.read(ME, 0x10000 + PAGE - 4, into, 0, 8)).toBe(0);
  expect(copies).toEqual([0x10000]);
});

test('where nothing is mapped the copy is tried: it faults, and waits for nobody', () => {
  expect(guard().read(ME, 0x10000, into, 0, 8)).toBe(8);
  expect(copies).toEqual([0x10000]);
});

test('the device that the client has open is harmless only where its pages are a memory file', () => {
  mapped(0x10000, 1, { device: OURS, inode: DEVICE_FILE, shared: true });
  expect(guard(true).read(ME, 0x10000, into, 0, 8)).toBe(8);
  expect(guard(false).read(ME, 0x10000, into, 0, 8)).toBe(0);
});

test('of gathered pieces those before the first that may be waited for are copied', () => {
  mapped(0x10000, 1);
  mapped(0x20000, 1, ours);
  mapped(0x30000, 1);
  const [from, to] = [new ScatterList(), new ScatterList()];
  for (const [i, start] of [0x10000, 0x20000, 0x30000].entries()) {
    from.add(start, 16);
    to.add(100 * i, 16);
  }
  expect(guard().readv(ME, from, into, to)).toBe(16);
  expect(copies).toEqual([0x10000]);
});

test('gathered pieces that are all harmless go in one copy', () => {
  mapped(0x10000, 4);
  const [from, to] = [new ScatterList(), new ScatterList()];
  for (const at of [0, 1000]) {
    from.add(0x10000 + at, 16);
    to.add(at, 16);
  }
  expect(guard().readv(ME, from, into, to)).toBe(32);
});

test('each thread is looked at for itself, and what cannot be looked at is not touched', () => {
  mapped(0x10000, 1);
  const guarded = guard();
  guarded.read(ME, 0x10000, into, 0, 8);
  backings = [];
  Object.defineProperty(backings, 'find', {
    value: () => {
      throw new Error('out of descriptors');
    },
  });
  expect(guarded.read(ME, 0x10000, into, 0, 8)).toBe(8);
  clock.now += RANGE_MAX_AGE;
  expect(guarded.read(ME, 0x10000, into, 0, 8)).toBe(0);
});

describe('pages of our own mount', () => {
  let area: ReturnType<typeof createArea>;
  beforeEach(() => {
    area = createArea(4 * PAGE);
  });
  afterEach(() => area.release());

  test('are read where they are in memory, and not where somebody would have to bring them', () => {
    mapped(area.address, 4, ours);
    const guarded = guard();
    expect(guarded.read(ME, area.address, into, 0, 8), 'not touched yet').toBe(0);
    area.bytes[0] = 1;
    area.bytes[PAGE] = 1;
    expect(guarded.read(ME, area.address, into, 0, 8)).toBe(8);
    expect(guarded.read(ME, area.address + PAGE - 4, into, 0, 8), 'over two pages that are').toBe(8);
    expect(guarded.read(ME, area.address + 2 * PAGE - 4, into, 0, 8), 'the second of which is not').toBe(0);
    expect(guarded.read(ME, area.address, into, 0, 8)).toBe(8);
    expect(looks.length, 'they are looked at each time').toBe(5);
  });

  test('are not written to where the file would be', () => {
    mapped(area.address, 4, { ...ours, shared: true });
    area.bytes.fill(1);
    const guarded = guard();
    expect(guarded.write(ME, area.address, into, 0, 8)).toBe(0);
    expect(guarded.read(ME, area.address, into, 0, 8)).toBe(8);
    backings = [];
    mapped(area.address, 4, ours);
    expect(guarded.write(ME, area.address, into, 0, 8)).toBe(8);
  });
});

test('of file systems mounted where we cannot look, those on disks are waited for', () => {
  const inside = (device: number): Partial<Backing> => ({ device, inode: OTHER_FILE });
  mapped(0x10000, 1, inside(8 * 2 ** 20 + 77777));
  mapped(0x20000, 1, inside(77777));
  const guarded = guard();
  expect(guarded.read(ME, 0x10000, into, 0, 8)).toBe(8);
  expect(guarded.read(ME, 0x20000, into, 0, 8)).toBe(0);
  expect(copies).toEqual([0x10000]);
});
