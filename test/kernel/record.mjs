#!/usr/bin/env node
// Records anew what Linux 7.2 answers in the conversations of golden/, or checks that it still does.
//
//   npm run kernel:record -- [--check] [--lsm none|selinux] [--conversations N]

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { Machine } from './machine.mjs';
import { buildScenarios, converseOnKernel, golden, importBuilt } from './on-kernel.mjs';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    lsm: { type: 'string' },
    conversations: { type: 'string' },
  },
});
const CONVERSATIONS = { none: 16, selinux: 8 };

buildScenarios();
const { heading, parseConversations, stepsOf } = await importBuilt('test/scenarios/recorded-conversation.js');
const read = (lsm, file) => parseConversations(readFileSync(golden(lsm, file), 'utf8'));
for (const [lsm, count] of Object.entries(CONVERSATIONS)) {
  if (values.lsm !== undefined && values.lsm !== lsm) continue;
  const machine = await Machine.start({ lsm });
  const made = Array.from({ length: Number(values.conversations ?? count) }, (_, seed) => {
    return { name: `${seed}`, steps: stepsOf(seed), head: heading(`${seed}`) };
  });
  const found = read(lsm, 'found.txt').map(({ name, steps }) => ({
    name,
    steps,
    head: heading(name, steps),
  }));
  for (const [file, conversations] of Object.entries({ 'conversations.txt': made, 'found.txt': found })) {
    let text = '';
    for (const { name, steps, head } of conversations) {
      const lines = await converseOnKernel(machine, name, steps);
      text += `${[head, ...lines].join('\n')}\n`;
      if (!values.check) continue;
      const known = read(lsm, file).find((one) => one.name === name && `${one.steps}` === `${steps}`);
      assert.deepEqual(lines, known?.lines, `conversation ${name} of ${file}`);
    }
    if (!values.check) writeFileSync(golden(lsm, file), text);
    const what = values.check ? 'as written down' : 'written down';
    console.log(`${lsm}: ${file}: ${conversations.length} conversations ${what}`);
  }
  await machine.stop();
}
process.exit(0);
