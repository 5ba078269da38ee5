import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copySegments } from './copy-segments.ts';
import { BYTE, type Layout } from './layout.ts';
import { Page } from './page.ts';
import { HeapMemory } from './page-memory.ts';
import { ScatterList } from './scatter-list.ts';
import { SGTable } from './sg-table.ts';
import { VBox } from './vbox.ts';
import { VVec } from './vvec.ts';

const PAGE = 4096;

describe('Page', () => {
  test('is refused where there is no memory', () => {
    const memory = new HeapMemory({ limit: 1 });
    using _page = Page.allocate(memory);
    expect(() => Page.allocate(memory)).toThrow(expect.objectContaining({ errno: 12 }));
  });

  test('is zeroed when that is asked for, whatever lay there', () => {
    const memory = new HeapMemory();
    const dirty = Page.allocate(memory);
    dirty.writeRaw(new Uint8Array(PAGE).fill(9), 0);
    dirty[Symbol.dispose]();
    using page = Page.allocate(memory, { isZeroed: true });
    const bytes = new Uint8Array(PAGE).fill(1);
    page.readRaw(bytes, 0);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  test('takes and gives bytes within itself only, and none when it is gone', () => {
    const memory = new HeapMemory();
    const page = Page.allocate(memory);
    const invalid = expect.objectContaining({ errno: 22 });
    fc.assert(
      fc.property(
        fc.integer({ min: -2, max: PAGE + 2 }),
        fc.integer({ min: 0, max: PAGE + 2 }),
        (at, length) => {
          const operations = [
            () => page.readRaw(new Uint8Array(length), at),
            () => page.writeRaw(new Uint8Array(length), at),
            () => page.fillZero(at, length),
            () => page.copyFromUser({ read: () => length }, 1, 0, at, length),
          ];
          for (const operation of operations) {
            if (at >= 0 && at + length <= PAGE) operation();
            else expect(operation).toThrow(invalid);
          }
        },
      ),
    );
    page[Symbol.dispose]();
    page[Symbol.dispose]();
    expect(() => page.fillZero(0, 1)).toThrow(/disposed of/);
    expect(memory.pagesInUse).toBe(0);
  });
});

describe('memory made of pages', () => {
  const NOTHING: Layout<undefined> = { size: 0, decode: () => undefined, encode() {} };

  test('has the pages of its size, which for a vector is its capacity', () => {
    const memory = new HeapMemory();
    using nothing = new VBox(memory, NOTHING, undefined);
    expect([...nothing.pageIter()]).toEqual([]);
    using empty = VVec.withCapacity(memory, BYTE, 0);
    using none = empty.pageIter();
    expect(none.pageCount).toBe(0);
    using vector = VVec.withCapacity(memory, BYTE, PAGE + 1);
    const pages = vector.pageIter();
    expect([pages.size, pages.pageCount, pages.remaining]).toEqual([PAGE + 1, 2, 2]);
    expect([...pages].map((page) => page.index)).toEqual([0, 1]);
    expect(pages.remaining).toBe(0);
  });

  test('stays where it is while its pages are iterated over, however that ends', () => {
    const memory = new HeapMemory();
    using vector = VVec.withCapacity(memory, BYTE, 2 * PAGE);
    for (const page of vector.pageIter()) {
      expect(() => vector.reserve(3 * PAGE)).toThrow(/iterated over/);
      expect(() => vector[Symbol.dispose]()).toThrow(/iterated over/);
      expect(() => vector.pageIter()).toThrow(/iterated over/);
      expect(page.index).toBe(0);
      break;
    }
    vector.reserve(3 * PAGE);
    using pages = vector.pageIter();
    expect(pages.pageCount).toBe(3);
  });

  test('keeps its elements as it grows', () => {
    using vector = VVec.withCapacity(new HeapMemory(), BYTE, 0);
    for (let i = 0; i < 100; i++) vector.push(i);
    expect([...vector]).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(() => vector.get(100)).toThrow(RangeError);
  });
});

describe('segments', () => {
  const pieces = fc.array(fc.record({ start: fc.nat(50), length: fc.integer({ min: 1, max: 20 }) }), {
    maxLength: 8,
  });

  /** Byte positions in order. */
  const flat = (list: Iterable<{ start: number; length: number }>) =>
    [...list].flatMap(({ start, length }) => Array.from({ length }, (_, i) => start + i));

  test('are the bytes that were added, in the fewest pieces that the limit allows', () => {
    fc.assert(
      fc.property(pieces, fc.nat(10), (added, limit) => {
        const list = new ScatterList(limit);
        for (const { start, length } of added) list.add(start, length);
        const max = limit || Number.POSITIVE_INFINITY;
        expect(flat(list)).toEqual(flat(added));
        expect(list.size).toBe(flat(added).length);
        for (const [i, { start, length }] of [...list].entries()) {
          expect(length).toBeLessThanOrEqual(max);
          if (i === 0) continue;
          const isNeighbour = list.start(i - 1) + list.length(i - 1) === start;
          if (isNeighbour) expect(list.length(i - 1)).toBe(max);
        }
      }),
    );
  });

  test('copy between lists of other shapes, up to the byte that faults', () => {
    fc.assert(
      fc.property(pieces, fc.nat(7), fc.nat(80), (added, limit, end) => {
        const from = new ScatterList(limit);
        for (const { start, length } of added) from.add(start, length);
        const to = new ScatterList(5);
        to.add(3, from.size);
        const source = Uint8Array.from({ length: end }, (_, i) => i + 1);
        const area = new HeapMemory().allocate(300, true);
        const copied = copySegments(
          {
            read(_thread, address, into, at, length) {
              const bytes = source.subarray(address, address + length);
              into.bytes.set(bytes, at);
              return bytes.length;
            },
          },
          1,
          from,
          area,
          to,
        );
        const wanted = flat(added);
        const bad = wanted.findIndex((at) => at >= end);
        const good = bad === -1 ? wanted : wanted.slice(0, bad);
        expect(copied).toBe(good.length);
        expect([...area.bytes.subarray(3, 3 + copied)]).toEqual(good.map((at) => at + 1));
      }),
    );
  });

  test('of a table go in order: the engine forgets them, then the pages go', () => {
    const memory = new HeapMemory();
    const order: string[] = [];
    const pages = VVec.withCapacity(memory, BYTE, 3 * PAGE);
    const engine = {
      maxSegmentSize: 2 * PAGE,
      map: () => ({ [Symbol.dispose]: () => order.push(`unmap with ${memory.pagesInUse} pages`) }),
    };
    const table = new SGTable(engine, pages);
    expect([...table]).toEqual([
      { start: 0, length: 2 * PAGE },
      { start: 2 * PAGE, length: PAGE },
    ]);
    const window = new ScatterList();
    table.window(PAGE, 2 * PAGE, window);
    expect(flat(window)).toEqual(flat([{ start: PAGE, length: 2 * PAGE }]));
    expect(() => table.window(0, 3 * PAGE + 1, window)).toThrow(RangeError);
    table[Symbol.dispose]();
    table[Symbol.dispose]();
    expect(order).toEqual(['unmap with 3 pages']);
    expect(memory.pagesInUse).toBe(0);
  });

  test('of no pages, or that the engine refuses, are none, and the pages go', () => {
    const memory = new HeapMemory();
    const none = VVec.withCapacity(memory, BYTE, 0);
    const map = () => {
      throw new Error('full');
    };
    expect(() => new SGTable({ maxSegmentSize: 0, map }, none)).toThrow(
      expect.objectContaining({ errno: 22 }),
    );
    const some = VVec.withCapacity(memory, BYTE, 1);
    expect(() => new SGTable({ maxSegmentSize: 0, map }, some)).toThrow('full');
    expect(memory.pagesInUse).toBe(0);
  });
});
