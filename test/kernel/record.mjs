#!/usr/bin/env node
// Records anew what Linux 7.2 answers in the conversations of golden/.
//
//   npm run kernel:record

import { readFileSync, writeFileSync } from 'node:fs';
import { Machine } from './machine.mjs';
import { buildScenarios, converseOnKernel, golden, importBuilt } from './on-kernel.mjs';

const CONVERSATIONS = { none: 16, selinux: 8 };

buildScenarios();
const { heading, parseConversations, stepsOf } = await importBuilt('test/scenarios/recorded-conversation.js');
for (const [lsm, count] of Object.entries(CONVERSATIONS)) {
  const made = Array.from({ length: count }, (_, seed) => [`${seed}`, stepsOf(seed), heading(`${seed}`)]);
  const found = parseConversations(readFileSync(golden(lsm, 'found.txt'), 'utf8')).map(({ name, steps }) => {
    return [name, steps, heading(name, steps)];
  });
  const machine = await Machine.start({ lsm });
  for (const [file, conversations] of Object.entries({ 'conversations.txt': made, 'found.txt': found })) {
    let text = '';
    for (const [name, steps, head] of conversations) {
      const lines = await converseOnKernel(machine, name, steps);
      text += `${[head, ...lines].join('\n')}\n`;
    }
    writeFileSync(golden(lsm, file), text);
    console.log(`${lsm}: ${file}: ${conversations.length} conversations`);
  }
  await machine.stop();
}
