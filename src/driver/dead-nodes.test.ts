import { expect, it } from 'vitest';
import { DeadNodes } from './dead-nodes.ts';
import type { Node } from './node.ts';

it('dead nodes are listed the newest first, whichever of them go', () => {
  const dead = new DeadNodes();
  let left: Node[] = [];
  for (const gone of [[2], [0, 3], [4, 1]]) {
    const added = Array.from({ length: 5 }, () => ({ olderDead: null, newerDead: null }) as Node);
    for (const node of added) dead.add(node);
    for (const index of gone) dead.delete(added[index] as Node);
    left = [...left, ...added.filter((_, index) => !gone.includes(index))];
    expect(dead.size).toBe(left.length);
    expect([...dead]).toEqual(left.toReversed());
  }
  for (const node of left) dead.delete(node);
  expect([...dead]).toEqual([]);
  expect(dead.size).toBe(0);
});
