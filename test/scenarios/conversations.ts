import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { CONVERSATIONS, converse, STEPS } from './conversation.ts';
import type { Scenario } from './scenario.ts';

// Conversations that seeds made up, as the kernel's own driver answered them (recorded by on-kernel.mjs): every driver
// must answer the same, to the byte.

const text = readFileSync(new URL('golden/7.2.txt', import.meta.url), 'utf8');
const recorded = new Map<number, readonly string[]>();
for (const part of text.split(/^== /m).slice(1)) {
  const [seed, ...lines] = part.trimEnd().split('\n');
  recorded.set(Number(seed), lines);
}

export const conversations: readonly Scenario[] = Array.from({ length: CONVERSATIONS }, (_, seed) => ({
  name: `conversation ${seed}, as Linux 7.2 held it`,
  run: async (world) => assert.deepEqual(await converse(world, seed, STEPS), recorded.get(seed)),
}));
