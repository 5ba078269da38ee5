import { expect, test } from 'vitest';
import { chat } from '../../examples/chat/local.ts';

test('the chat of the examples runs in one process', async () => {
  const lines: string[] = [];
  await chat((line) => lines.push(line));
  expect(lines).toEqual([
    'heard: hello',
    'heard: is anybody here?',
    'listeners: 1',
    'history: hello / is anybody here?',
    'read: 3, 16 bytes',
    'let me in: Cannot say: uid 2000 is not the owner',
    'somebody left, 0 listen',
  ]);
});
