import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_MAPPING_SIZE } from '../../driver/limits.ts';
import type { Area } from '../../driver/ports.ts';
import { areaBytesInUse, pageSize } from './area.ts';
import { PassthroughRegion, StoreRegion } from './receive-region.ts';

const PAGE = pageSize();
const START = 0x7000_0000_0000;

afterEach(() => expect(areaBytesInUse()).toBe(0));

describe('PassthroughRegion', () => {
  it('shows through the memfd what is written to the area', () => {
    using region = new PassthroughRegion('test');
    const fd = openSync(`/proc/self/fd/${region.fd}`, 'r');
    try {
      expect(fstatSync(fd).size).toBe(MAX_MAPPING_SIZE);
      region.closeFd();
      expect(region.fd).toBe(-1);
      const mapping = region.mapping({ start: START, length: 64 * PAGE, offset: 0 });
      expect(mapping).toMatchObject({ address: START, size: 64 * PAGE });
      mapping!.area.bytes.set([1, 2, 3], 5000);
      mapping!.store(5000, 3);
      const seen = Buffer.alloc(3);
      readSync(fd, seen, 0, 3, 5000);
      expect([...seen]).toEqual([1, 2, 3]);
      expect(region.residentBytes()).toBe(PAGE);
      mapping!.backing!.punch(PAGE, PAGE);
      expect(region.residentBytes()).toBe(0);
    } finally {
      closeSync(fd);
    }
  });

  it('gives the same mapping for the same range, another one for another', () => {
    using region = new PassthroughRegion('test');
    const range = { start: START, length: PAGE, offset: 0 };
    const first = region.mapping(range);
    expect(region.mapping({ ...range })).toBe(first);
    expect(region.mapping({ ...range, start: START + PAGE })).toMatchObject({ address: START + PAGE });
  });

  it('uses the first 4 MiB of a larger mapping', () => {
    using region = new PassthroughRegion('test');
    const mapping = region.mapping({ start: START, length: 2 * MAX_MAPPING_SIZE, offset: 0 });
    expect(mapping?.size).toBe(MAX_MAPPING_SIZE);
    expect(mapping?.area.bytes.length).toBe(MAX_MAPPING_SIZE);
  });

  it('writes where a mapping with a file offset looks', () => {
    using region = new PassthroughRegion('test');
    const fd = openSync(`/proc/self/fd/${region.fd}`, 'r');
    try {
      const mapping = region.mapping({ start: START, length: 2 * PAGE, offset: 3 * PAGE })!;
      const whole = region.mapping({ start: START, length: PAGE, offset: 0 })!;
      expect(mapping.area.address).toBe(whole.area.address + 3 * PAGE);
      expect(mapping.area.bytes.length).toBe(2 * PAGE);
      mapping.area.view.setUint8(1, 77);
      expect(mapping.area.bytes[1]).toBe(77);
      const seen = Buffer.alloc(1);
      readSync(fd, seen, 0, 1, 3 * PAGE + 1);
      expect(seen[0]).toBe(77);
    } finally {
      closeSync(fd);
    }
  });

  it.each([
    [MAX_MAPPING_SIZE, PAGE],
    [MAX_MAPPING_SIZE - PAGE, 2 * PAGE],
    [PAGE, 2 * MAX_MAPPING_SIZE],
    [2 ** 43, PAGE],
  ])('cannot serve offset %d with %d bytes', (offset, length) => {
    using region = new PassthroughRegion('test');
    expect(region.mapping({ start: START, length, offset })).toBeNull();
  });

  it('ends all areas with its release', () => {
    const region = new PassthroughRegion('test');
    const whole = region.mapping({ start: START, length: PAGE, offset: 0 })!;
    const part = region.mapping({ start: START, length: PAGE, offset: PAGE })!;
    expect(part.area.bytes.length).toBe(PAGE);
    region.release();
    region.release();
    for (const { area } of [whole, part]) {
      expect(() => area.bytes).toThrow(/released/);
      expect(() => area.view).toThrow(/released/);
      expect(() => area.address).toThrow(/released/);
    }
  });
});

describe('StoreRegion', () => {
  interface Stored {
    nodeid: number;
    offset: number;
    at: number;
    bytes: Uint8Array;
  }

  function recorder(): { stored: Stored[]; store: ConstructorParameters<typeof StoreRegion>[1] } {
    const stored: Stored[] = [];
    const store = (nodeid: number, offset: number, area: Area, at: number, length: number) =>
      void stored.push({ nodeid, offset, at, bytes: area.bytes.slice(at, at + length) });
    return { stored, store };
  }

  it('stores whole pages around what was written', () => {
    const { stored, store } = recorder();
    using region = new StoreRegion(9, store);
    const mapping = region.mapping({ start: START, length: 16 * PAGE, offset: 0 })!;
    mapping.area.bytes.fill(1, PAGE, PAGE + 8);
    mapping.area.bytes.fill(2, 2 * PAGE - 4, 2 * PAGE + 4);
    mapping.store(2 * PAGE - 4, 8);
    expect(stored.length).toBe(1);
    expect(stored[0]).toMatchObject({ nodeid: 9, offset: PAGE, at: PAGE });
    const { bytes } = stored[0]!;
    expect(bytes.length).toBe(2 * PAGE);
    expect([bytes[0], bytes[8], bytes[PAGE - 4], bytes[PAGE + 3], bytes[PAGE + 4]]).toEqual([1, 0, 2, 2, 0]);
  });

  it.each([
    [0, 1, 0, PAGE],
    [PAGE - 1, 1, 0, PAGE],
    [PAGE - 1, 2, 0, 2 * PAGE],
    [PAGE, PAGE, PAGE, PAGE],
    [MAX_MAPPING_SIZE - 1, 1, MAX_MAPPING_SIZE - PAGE, PAGE],
  ])('stores %d+%d as %d+%d', (offset, length, first, size) => {
    const { stored, store } = recorder();
    using region = new StoreRegion(9, store);
    region.mapping({ start: START, length: MAX_MAPPING_SIZE, offset: 0 })!.store(offset, length);
    expect(stored.map((each) => [each.offset, each.bytes.length])).toEqual([[first, size]]);
  });

  it('stores nothing for nothing', () => {
    const { stored, store } = recorder();
    using region = new StoreRegion(9, store);
    region.mapping({ start: START, length: PAGE, offset: 0 })!.store(0, 0);
    expect(stored).toEqual([]);
  });

  it('follows the file offset of the mapping, however far', () => {
    const { stored, store } = recorder();
    using region = new StoreRegion(9, store);
    const far = 2 ** 40;
    const mapping = region.mapping({ start: START, length: 4 * PAGE, offset: far })!;
    mapping.area.bytes[PAGE] = 5;
    mapping.store(PAGE, 1);
    expect(stored).toMatchObject([{ offset: far + PAGE, at: PAGE }]);
    expect(stored[0]!.bytes[0]).toBe(5);
    expect(region.mapping({ start: START, length: 4 * PAGE, offset: 0 })).toBeNull();
    expect(region.mapping({ start: START + PAGE, length: 3 * PAGE, offset: far })).not.toBeNull();
  });

  it('answers reads with what was stored and zeros around it', () => {
    using region = new StoreRegion(9, () => {});
    const mapping = region.mapping({ start: START, length: 4 * PAGE, offset: 2 * PAGE })!;
    mapping.area.bytes[0] = 1;
    mapping.area.bytes[MAX_MAPPING_SIZE - 1] = 2;
    const read = (offset: number, length: number): number[] => {
      const into = new Uint8Array(length + 2).fill(9);
      region.read(offset, into, 1, length);
      return [...into];
    };
    expect(read(2 * PAGE - 1, 3)).toEqual([9, 0, 1, 0, 9]);
    expect(read(0, 2)).toEqual([9, 0, 0, 9]);
    expect(read(2 * PAGE + MAX_MAPPING_SIZE - 1, 3)).toEqual([9, 2, 0, 0, 9]);
    expect(read(2 ** 45, 2)).toEqual([9, 0, 0, 9]);
    expect(read(2 * PAGE, 0)).toEqual([9, 9]);
  });

  it('answers reads before anything is mapped', () => {
    using region = new StoreRegion(9, () => {});
    const into = new Uint8Array(PAGE).fill(9);
    region.read(PAGE, into, 0, PAGE);
    expect(into.every((byte) => byte === 0)).toBe(true);
  });
});
