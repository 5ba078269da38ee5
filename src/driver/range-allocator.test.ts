import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Range, RangeAllocator } from './range-allocator.ts';

const SIZE = 4096;

/** Takes `take` times 8 bytes, or gives one of the ranges in use back. */
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ give: fc.nat(1000) }) },
);

/** The pieces cover the space without gap or overlap, know their neighbours, and no two free ones touch. */
function check(allocator: RangeAllocator, inUse: ReadonlySet<Range>): void {
  let end = 0;
  let before: Range | null = null;
  for (const piece of allocator) {
    expect(piece.offset).toBe(end);
    expect(piece.size).toBeGreaterThan(0);
    expect(piece.size % 8).toBe(0);
    expect(piece.before).toBe(before);
    if (before) expect(before.free && piece.free).toBe(false);
    expect(inUse.has(piece)).toBe(!piece.free);
    end = piece.offset + piece.size;
    before = piece;
  }
  expect(end).toBe(allocator.size);
}

test('takes the low end of a smallest piece that fits, and merges what comes back', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const allocator = new RangeAllocator(SIZE);
      const inUse = new Set<Range>();
      for (const op of operations) {
        if ('take' in op) {
          const size = op.take * 8;
          const fitting = [...allocator].filter((piece) => piece.free && piece.size >= size);
          const best = Math.min(...fitting.map((piece) => piece.size));
          const places = fitting.filter((piece) => piece.size === best).map((piece) => piece.offset);
          const range = allocator.allocate(size);
          if (!range) {
            expect(fitting).toEqual([]);
            continue;
          }
          expect(range.size).toBe(size);
          expect(places).toContain(range.offset);
          inUse.add(range);
        } else if (inUse.size > 0) {
          const range = [...inUse][op.give % inUse.size] as Range;
          inUse.delete(range);
          allocator.release(range);
        }
        check(allocator, inUse);
      }
      for (const range of inUse) allocator.release(range);
      expect([...allocator].map(({ offset, size, free }) => [offset, size, free])).toEqual([[0, SIZE, true]]);
      expect(allocator.allocate(SIZE)?.offset).toBe(0);
    }),
    { numRuns: 200 },
  );
});

test('an empty space has nothing to give', () => {
  expect(new RangeAllocator(0).allocate(8)).toBe(null);
});
