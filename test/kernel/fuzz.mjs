#!/usr/bin/env node
// Compares conversations that seeds make up: the kernel's own driver holds each, and ours must answer the same. Where it
// does not, steps are left out as long as the two still differ, and what remains is added to golden/7.2/found.txt: a test
// that fails until the difference is mended.
//
//   npm run kernel:fuzz -- --steps N --seed S

import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { buildScenarios, converseOnKernel, golden, importBuilt } from './on-kernel.mjs';
import { Tally } from './tally.mjs';

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1000' } },
});
const firstSeed = Number(values.seed);

buildScenarios();
const { heading, converse, STEPS, stepsOf } = await importBuilt('test/scenarios/conversation.js');
const { LocalWorld } = await importBuilt('test/support/local-world.js');
const directory = mkdtempSync(join(tmpdir(), 'ubinder-fuzz-'));
const tally = new Tally();
const count = Math.ceil(Number(values.steps) / STEPS);
const headings = Array.from({ length: count }, (_, i) => heading(`${firstSeed + i}`));
const different = [];
try {
  await converseOnKernel(headings, directory, async (name, lines) => {
    tally.add(lines);
    const difference = firstDifference(lines, await ours(stepsOf(Number(name))));
    if (!difference) return;
    different.push(name);
    console.log(`== ${name}\n${difference}`);
  });
  for (const name of different) await shrink(name, stepsOf(Number(name)));
} finally {
  rmSync(directory, { recursive: true });
}
console.log(tally.text());
console.log(`seeds ${firstSeed} to ${firstSeed + count - 1}: ${different.length} conversations differ`);
process.exit(different.length === 0 ? 0 : 1);

async function ours(steps) {
  const world = new LocalWorld();
  const lines = await converse(world, steps);
  await world.close();
  return lines;
}

function firstDifference(theirs, own) {
  const at = theirs.findIndex((line, i) => line !== own[i]);
  return at < 0 ? null : `${theirs.slice(0, at).join('\n')}\n- ${theirs[at]}\n+ ${own[at]}`;
}

/** Leaves out ever smaller pieces; each round tries all pieces of one size in one boot. */
async function shrink(name, all) {
  let steps = all;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (;;) {
      const candidates = [];
      for (let at = 0; at < steps.length; at += size) candidates.push(steps.toSpliced(at, size));
      const smaller = await firstThatDiffers(name, candidates);
      if (!smaller) break;
      steps = smaller;
    }
  }
  let lines = [];
  await converseOnKernel([heading(name, steps)], directory, (_, told) => {
    lines = told;
  });
  const text = `${[heading(name, steps), ...lines].join('\n')}\n`;
  appendFileSync(golden('found.txt'), text);
  console.log(`-- shrunk to ${steps.length} steps, added to ${golden('found.txt')}:\n${text}`);
}

async function firstThatDiffers(name, candidates) {
  let next = 0;
  let found = null;
  const parsed = candidates.filter((steps) => steps.length > 0);
  if (parsed.length === 0) return null;
  await converseOnKernel(
    parsed.map((steps) => heading(name, steps)),
    directory,
    async (_, lines) => {
      const steps = parsed[next++];
      if (!found && firstDifference(lines, await ours(steps))) found = steps;
    },
  );
  return found;
}
