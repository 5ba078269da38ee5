#!/usr/bin/env node
// Records anew what Linux 7.2 answers in the conversations of golden/7.2.
//
//   npm run kernel:record

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildScenarios, converseOnKernel, golden, importBuilt } from './on-kernel.mjs';

const CONVERSATIONS = 16;

buildScenarios();
const { heading, parseConversations } = await importBuilt('test/scenarios/conversation.js');
const directory = mkdtempSync(join(tmpdir(), 'ubinder-record-'));
try {
  const found = parseConversations(readFileSync(golden('found.txt'), 'utf8'));
  const plan = [
    ['conversations.txt', Array.from({ length: CONVERSATIONS }, (_, seed) => heading(`${seed}`))],
    ['found.txt', found.map(({ name, steps }) => heading(name, steps))],
  ];
  for (const [file, headings] of plan) {
    let text = '';
    let next = 0;
    await converseOnKernel(headings, directory, (_, lines) => {
      text += `${[headings[next++], ...lines].join('\n')}\n`;
    });
    writeFileSync(golden(file), text);
    console.log(`${file}: ${next} conversations`);
  }
} finally {
  rmSync(directory, { recursive: true });
}
