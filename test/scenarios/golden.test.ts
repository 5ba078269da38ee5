import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LocalWorld } from '../support/local-world.ts';
import { CONVERSATIONS, converse, STEPS } from './conversation.ts';

// Conversations that seeds made up, as the kernel's own driver answered them (recorded by on-kernel.mjs): ours must
// answer the same, to the byte.

const text = readFileSync(new URL('golden/7.2.txt', import.meta.url), 'utf8');
const recorded = new Map<number, string[]>();
for (const part of text.split(/^== /m).slice(1)) {
  const [seed, ...lines] = part.trimEnd().split('\n');
  recorded.set(Number(seed), lines);
}

describe('the driver answers as Linux 7.2 did', () => {
  test('all conversations were recorded', () => {
    expect([...recorded.keys()]).toEqual(Array.from({ length: CONVERSATIONS }, (_, seed) => seed));
  });

  test.each([...recorded])('conversation %i', async (seed, lines) => {
    const world = new LocalWorld();
    expect(await converse(world, seed, STEPS)).toEqual(lines);
    await world.close();
  });
});
