import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NumberSet } from './number-set.ts';

test('a number far beyond the others is remembered', () => {
  const set = new NumberSet();
  for (let number = 0; number < 1000; number++) if (number !== 500) set.add(number);
  const far = new NumberSet();
  far.add(1000);
  for (let number = 0; number < 1000; number++) far.add(number);
  expect([set.lowestMissing, far.lowestMissing]).toEqual([500, 1001]);
});

test('the lowest number that is missing is found, whatever came and went', () => {
  const operation = fc.record({ number: fc.nat(200), isAdded: fc.boolean() });
  fc.assert(
    fc.property(fc.nat(200), fc.array(operation, { maxLength: 100 }), (filled, operations) => {
      const set = new NumberSet();
      const model = new Set<number>();
      const check = (): void => {
        let lowest = 0;
        while (model.has(lowest)) lowest++;
        expect(set.lowestMissing).toBe(lowest);
      };
      for (let number = 0; number < filled; number++) {
        set.add(number);
        model.add(number);
      }
      check();
      for (const { number, isAdded } of operations) {
        if (isAdded) set.add(number);
        else if (model.has(number)) set.delete(number);
        if (isAdded) model.add(number);
        else model.delete(number);
        check();
      }
    }),
  );
});
