import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AfterItem, CONTINUE, dequeue, WorkItem, WorkList } from './work.ts';

class Item extends WorkItem {
  onCancel: () => void = () => {};

  override prepare(): AfterItem {
    return CONTINUE;
  }
  override commit(): void {}
  override cancel(): void {
    this.onCancel();
  }
}

const operation = fc.record({
  what: fc.constantFrom('push', 'unshift', 'shift', 'dequeue'),
  item: fc.nat(7),
  list: fc.nat(1),
});

test('two lists and the items on them agree after anything', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 100 }), (operations) => {
      const items = Array.from({ length: 8 }, () => new Item());
      const lists = [new WorkList(), new WorkList()];
      const expected: Item[][] = [[], []];
      for (const { what, item, list } of operations) {
        const chosen = items[item] as Item;
        const target = lists[list] as WorkList;
        const model = expected[list] as Item[];
        if (what === 'shift') {
          expect(target.shift()).toBe(model.shift() ?? null);
        } else if (what === 'dequeue') {
          dequeue(chosen);
          for (const each of expected) if (each.includes(chosen)) each.splice(each.indexOf(chosen), 1);
          expect([chosen.list, chosen.previous, chosen.next]).toEqual([null, null, null]);
        } else if (!chosen.list) {
          target[what as 'push' | 'unshift'](chosen);
          model[what as 'push' | 'unshift'](chosen);
        }
        lists.forEach((each, i) => {
          expect([...each]).toEqual(expected[i]);
          expect(each.isEmpty).toBe(expected[i]?.length === 0);
          expect(each.last).toBe(expected[i]?.at(-1) ?? null);
        });
      }
    }),
  );
});

test('cancelling everything includes what is queued by it', () => {
  const list = new WorkList();
  const cancelled: string[] = [];
  const late = new Item();
  late.onCancel = () => cancelled.push('late');
  const first = new Item();
  first.onCancel = () => {
    cancelled.push('first');
    list.push(late);
  };
  list.push(first);
  list.cancelAll();
  expect(cancelled).toEqual(['first', 'late']);
  expect(list.isEmpty).toBe(true);
});
