import { describe, expect, it } from 'vitest';
import { NodeRefs } from './node-refs.ts';
import type { Process } from './process.ts';
import type { Ref } from './ref.ts';

/** A ref of a process that is nothing but itself. */
function ref(): Ref {
  return { process: {} as Process } as Ref;
}

describe('the refs to a node', () => {
  it('are found by their processes, and listed the newest first, however many there are', () => {
    const refs = new NodeRefs();
    const all: Ref[] = [];
    const stranger = ref();
    const check = () => {
      expect(refs.size).toBe(all.length);
      expect(refs.newestFirst()).toEqual(all.toReversed());
      for (const each of all) expect(refs.get(each.process)).toBe(each);
      expect(refs.get(stranger.process)).toBeUndefined();
    };
    check();
    for (let round = 0; round < 2; round++) {
      for (let count = 0; count < 4; count++) {
        const added = ref();
        refs.add(added);
        all.push(added);
        check();
      }
      while (all.length > 0) {
        for (const gone of all.splice(Math.floor(all.length / 2), 1)) refs.delete(gone);
        check();
      }
    }
  });

  it('stay where another one is deleted', () => {
    const refs = new NodeRefs();
    const only = ref();
    refs.add(only);
    refs.delete(ref());
    expect(refs.get(only.process)).toBe(only);
  });
});
