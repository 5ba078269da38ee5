#!/usr/bin/env node
// Records anew what Linux 7.2 answers in the conversations of golden/.
//
//   npm run kernel:record

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildScenarios, converseOnKernel, golden, importBuilt } from './on-kernel.mjs';

const CONVERSATIONS = { none: 16, selinux: 8 };

buildScenarios();
const { heading, parseConversations } = await importBuilt('test/scenarios/recorded-conversation.js');
const directory = mkdtempSync(join(tmpdir(), 'ubinder-record-'));
try {
  for (const [lsm, count] of Object.entries(CONVERSATIONS)) {
    const found = parseConversations(readFileSync(golden(lsm, 'found.txt'), 'utf8'));
    const plan = [
      ['conversations.txt', Array.from({ length: count }, (_, seed) => heading(`${seed}`))],
      ['found.txt', found.map(({ name, steps }) => heading(name, steps))],
    ];
    for (const [file, headings] of plan) {
      if (headings.length === 0) continue;
      let text = '';
      let next = 0;
      await converseOnKernel(headings, { lsm, directory }, (_, lines) => {
        text += `${[headings[next++], ...lines].join('\n')}\n`;
      });
      writeFileSync(golden(lsm, file), text);
      console.log(`${lsm}: ${file}: ${next} conversations`);
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}
