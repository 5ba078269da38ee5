import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { converse } from './conversation.ts';
import { parseConversations, sendsFiles } from './recorded-conversation.ts';
import type { Scenario } from './scenario.ts';

// Conversations that seeds made up, as the kernel's own driver held them (npm run kernel:record): every driver must
// answer the same, to the byte. What `npm run kernel:fuzz` found and was mended is among them.

function recorded(directory: string, file: string, label?: string): Scenario[] {
  const text = readFileSync(new URL(`../kernel/golden/${directory}/${file}`, import.meta.url), 'utf8');
  return parseConversations(text).map(({ name, steps, lines }) => ({
    name: `conversation ${name}, as Linux ${directory} held it`,
    needs: sendsFiles(name) ? ['interrupt', 'users', 'descriptors'] : ['interrupt', 'users'],
    ...(label === undefined ? {} : { label }),
    run: async (world) => {
      assert.deepEqual(
        await converse(world, steps, {
          sendsFiles: sendsFiles(name),
          asksLabels: label !== undefined,
        }),
        lines,
      );
    },
  }));
}

export const conversations: readonly Scenario[] = [
  ...recorded('7.2', 'conversations.txt'),
  ...recorded('7.2', 'found.txt'),
  ...recorded('7.2-selinux', 'conversations.txt', 'kernel'),
  ...recorded('7.2-selinux', 'found.txt', 'kernel'),
];
