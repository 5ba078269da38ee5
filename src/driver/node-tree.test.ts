import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareU64, type U64 } from '../abi/u64.ts';
import type { Node } from './node.ts';
import { NodeTree } from './node-tree.ts';

/** Few, so that they come and go; of both representations. */
const pointer = fc.constantFrom<U64>(0, 8, 16, 24, 2 ** 53 - 1, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n);

/** The tree looks at nothing of a node but its pointer. */
function fakeNode(ptr: U64): Node {
  return { ptr } as Node;
}

test('nodes are found by their pointers, and the next one after any', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pointer, fc.boolean())), (operations) => {
      const tree = new NodeTree();
      const model = new Map<U64, Node>();
      for (const [ptr, isAdded] of operations) {
        const node = model.get(ptr);
        expect(tree.get(ptr)).toBe(node);
        if (isAdded && !node) {
          const made = fakeNode(ptr);
          tree.add(made);
          model.set(ptr, made);
        } else if (!isAdded) {
          expect(tree.delete(fakeNode(ptr))).toBe(false);
          if (node) expect(tree.delete(node)).toBe(true);
          model.delete(ptr);
        }
        const expected = [...model.values()].sort((a, b) => compareU64(a.ptr, b.ptr));
        expect([...tree]).toEqual(expected);
        expect(tree.size).toBe(expected.length);
        expect(tree.first).toBe(expected[0]);
        expect(tree.after(ptr)).toBe(expected.find((other) => other.ptr > ptr));
      }
    }),
  );
});
