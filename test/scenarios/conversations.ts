import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { converse, parseConversations } from './conversation.ts';
import type { Scenario } from './scenario.ts';

// Conversations that seeds made up, as the kernel's own driver held them (npm run kernel:record): every driver must
// answer the same, to the byte. What `npm run kernel:fuzz` found and was mended is among them.

function recorded(file: string): Scenario[] {
  const text = readFileSync(new URL(`../kernel/golden/${file}`, import.meta.url), 'utf8');
  return parseConversations(text).map(({ name, steps, lines }) => ({
    name: `conversation ${name}, as Linux 7.2 held it`,
    run: async (world) => assert.deepEqual(await converse(world, steps), lines),
  }));
}

export const conversations: readonly Scenario[] = [
  ...recorded('7.2/conversations.txt'),
  ...recorded('7.2/found.txt'),
];
