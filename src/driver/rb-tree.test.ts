import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RbNode, RbTree } from './rb-tree.ts';

class Item extends RbNode {
  readonly key: number;
  readonly born: number;

  constructor(key: number, born: number) {
    super();
    this.key = key;
    this.born = born;
  }
}

/** Checks the links and the colours below `node`. @returns its items in order, and its height in black nodes. */
function check(node: RbNode | null, parent: RbNode | null): { items: Item[]; blacks: number } {
  if (!node) return { items: [], blacks: 1 };
  expect(node.parent).toBe(parent);
  if (node.red) expect([node.left?.red ?? false, node.right?.red ?? false]).toEqual([false, false]);
  const left = check(node.left, node);
  const right = check(node.right, node);
  expect(left.blacks).toBe(right.blacks);
  return {
    items: [...left.items, node as Item, ...right.items],
    blacks: left.blacks + (node.red ? 0 : 1),
  };
}

/** Insert a key, or remove one of the items there are. */
const operation = fc.oneof(
  fc.record({ insert: fc.integer({ min: 0, max: 12 }) }),
  fc.record({ remove: fc.nat(1000) }),
);

test('stays sorted, balanced and linked, equal keys in the order of their insertion', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
      const tree = new RbTree<Item>((a, b) => a.key - b.key);
      let expected: Item[] = [];
      for (const [born, op] of operations.entries()) {
        if ('insert' in op) {
          const item = new Item(op.insert, born);
          tree.insert(item);
          const at = expected.findIndex(({ key }) => key > item.key);
          expected.splice(at === -1 ? expected.length : at, 0, item);
        } else if (expected.length > 0) {
          const item = expected[op.remove % expected.length] as Item;
          tree.remove(item);
          expected = expected.filter((other) => other !== item);
          expect([item.left, item.right, item.parent]).toEqual([null, null, null]);
        }
        expect(tree.root?.red ?? false).toBe(false);
        expect(check(tree.root, null).items).toEqual(expected);
        expect([...tree]).toEqual(expected);
        expect(tree.first).toBe(expected[0] ?? null);
      }
    }),
    { numRuns: 200 },
  );
});

test('takes an item back that was removed', () => {
  const tree = new RbTree<Item>((a, b) => a.key - b.key);
  const items = [5, 3, 8, 1, 4].map((key, born) => new Item(key, born));
  for (const item of items) tree.insert(item);
  for (const item of items) tree.remove(item);
  expect(tree.root).toBe(null);
  for (const item of items) tree.insert(item);
  expect(check(tree.root, null).items.map(({ key }) => key)).toEqual([1, 3, 4, 5, 8]);
});
