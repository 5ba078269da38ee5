import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lru, SLOT_WORDS } from './lru.ts';

const PAGES = 8;
const RANGES = 3;

test('is a queue from which anything can be taken', () => {
  const slot = fc.record({ range: fc.nat(RANGES - 1), page: fc.nat(PAGES - 1) });
  fc.assert(
    fc.property(fc.array(slot, { maxLength: 100 }), (slots) => {
      const records = Array.from({ length: RANGES }, () => new Int32Array(PAGES * SLOT_WORDS));
      const lru = new Lru({ pageBits: 3, records: (range) => records[range]! });
      let model: string[] = [];
      for (const { range, page } of slots) {
        const name = `${range}/${page}`;
        if (model.includes(name)) {
          lru.remove(range, page);
          model = model.filter((other) => other !== name);
        } else {
          lru.add(range, page);
          model.push(name);
        }
        expect([...lru].map((at) => `${at.range}/${at.page}`)).toEqual(model);
        expect(lru.count).toBe(model.length);
        const [oldest] = model;
        expect(lru.oldest).toBe(oldest ? Number(oldest[0]) * PAGES + Number(oldest[2]) : -1);
      }
    }),
  );
});
