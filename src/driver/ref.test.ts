import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Ref, RefTable } from './ref.ts';

/** The table looks at nothing of a ref but its handle. */
function fakeRef(handle: number): Ref {
  return { handle } as Ref;
}

/** Add a ref (perhaps for the context manager's node), or remove one of those there are. */
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ mayBeZero: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat(1000) }) },
);

test('the lowest free handle is given, and leads to its ref', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 150 }), (operations) => {
      const table = new RefTable();
      const expected = new Map<number, Ref>();
      for (const op of operations) {
        if ('mayBeZero' in op) {
          let lowest = op.mayBeZero ? 0 : 1;
          while (expected.has(lowest)) lowest++;
          const handle = table.lowestFree(op.mayBeZero);
          expect(handle).toBe(lowest);
          const ref = fakeRef(handle);
          table.add(ref);
          expected.set(handle, ref);
        } else if (expected.size > 0) {
          const [handle, ref] = [...expected][op.remove % expected.size] as [number, Ref];
          table.remove(ref);
          expected.delete(handle);
          expect(table.get(handle)).toBe(undefined);
        }
        expect(table.size).toBe(expected.size);
        for (const [handle, ref] of expected) expect(table.get(handle)).toBe(ref);
        const handles = [...table].map(({ handle }) => handle);
        expect(handles).toEqual([...expected.keys()].sort((a, b) => a - b));
      }
    }),
  );
});

test('a handle that never was is not there, however large', () => {
  const table = new RefTable();
  table.add(fakeRef(1));
  for (const handle of [0, 2, 0x7fff_ffff, 0xffff_ffff]) expect(table.get(handle)).toBe(undefined);
});

test('all refs can be removed while going through them', () => {
  const table = new RefTable();
  for (let i = 0; i < 10; i++) table.add(fakeRef(table.lowestFree(i === 3)));
  const seen: number[] = [];
  for (const ref of table) {
    seen.push(ref.handle);
    table.remove(ref);
  }
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(table.size).toBe(0);
  expect(table.lowestFree(false)).toBe(1);
});
