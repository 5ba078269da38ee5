import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from './heap.ts';

test('gives back in order what was pushed, also between two pushes', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ max: 20 }), { freq: 3 })), (actions) => {
      const heap = new Heap<number>((a, b) => a - b);
      const model: number[] = [];
      for (const value of actions) {
        if (value === null) expect(heap.pop()).toBe(model.shift());
        else {
          heap.push(value);
          model.push(value);
          model.sort((a, b) => a - b);
        }
      }
      for (const value of model) expect(heap.pop()).toBe(value);
      expect(heap.pop()).toBeUndefined();
    }),
  );
});
