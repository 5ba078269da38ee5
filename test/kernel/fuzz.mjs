#!/usr/bin/env node
// Compares conversations that seeds make up: the kernel's own driver holds each, and ours must answer the same. Where it
// does not, steps are left out as long as the two still differ, and what remains is added to the golden found.txt: a test
// that fails until the difference is mended.
//
//   npm run kernel:fuzz -- --steps N --seed S [--lsm selinux]

import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { buildScenarios, converseOnKernel, golden, importBuilt, labelOf } from './on-kernel.mjs';
import { tallyText } from './tally.mjs';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1000' },
    lsm: { type: 'string', default: 'none' },
  },
});
/** Beside all commands. */
const KINDS = ['BINDER', 'WEAK_BINDER', 'HANDLE', 'WEAK_HANDLE', 'FD', 'FDA', 'PTR'];
const EXPECTED = [
  ...KINDS.flatMap((kind) => [`sent ${kind}`, `received ${kind}`]),
  ...[
    'EAGAIN',
    'EBADF',
    'EBUSY',
    'EFAULT',
    'EINTR',
    'EINVAL',
    'ENOMEM',
    'ENOSPC',
    'EPERM',
    'EPROTO',
    'ESRCH',
  ],
  ...['sleeps', 'wakes', 'nested call', 'call to a caller', 'is killed', 'killed in its sleep'],
];
const firstSeed = Number(values.seed);
const { lsm } = values;
const found = golden(lsm, 'found.txt');

buildScenarios();
const { converse } = await importBuilt('test/scenarios/conversation.js');
const { heading, STEPS, sendsFiles, stepsOf } = await importBuilt('test/scenarios/recorded-conversation.js');
const { Tally } = await importBuilt('test/scenarios/tally.js');
const { BC_COMMANDS, BR_COMMANDS } = await importBuilt('src/abi/commands.js');
const { digest } = await importBuilt('test/support/digest.js');
const { LocalWorld } = await importBuilt('test/support/local-world.js');
const directory = mkdtempSync(join(tmpdir(), 'ubinder-fuzz-'));
const tally = new Tally();
const count = Math.ceil(Number(values.steps) / STEPS);
const headings = Array.from({ length: count }, (_, i) => heading(`${firstSeed + i}`));
const different = [];
let held = 0;
try {
  await converseOnKernel(headings, { lsm, directory }, async (name, lines) => {
    const difference = firstDifference(lines, await ours(name, stepsOf(Number(name)), tally));
    if (++held % 100 === 0) console.log(`${held * STEPS} steps, ${different.length} conversations differ`);
    if (!difference) return;
    different.push(name);
    console.log(`== ${name}\n${difference}`);
  });
  for (const name of different) await shrink(name, stepsOf(Number(name)));
} finally {
  rmSync(directory, { recursive: true });
}
const commands = [...BC_COMMANDS.values(), ...BR_COMMANDS.values()].map(({ name }) => name);
console.log(tallyText(tally, [...commands, ...EXPECTED]));
console.log(
  `security module ${lsm}, seeds ${firstSeed} to ${firstSeed + count - 1}: ${different.length} conversations differ`,
);
process.exit(different.length === 0 ? 0 : 1);

async function ours(name, steps, sum = new Tally()) {
  const world = new LocalWorld(labelOf(lsm));
  const tally = new Tally(() => digest(world.driver));
  const lines = await converse(world, steps, {
    sendsFiles: sendsFiles(name),
    asksLabels: lsm !== 'none',
    tally,
  });
  await world.close();
  sum.take(tally);
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
  await converseOnKernel([heading(name, steps)], { lsm, directory }, (_, told) => {
    lines = told;
  });
  const text = `${[heading(name, steps), ...lines].join('\n')}\n`;
  appendFileSync(found, text);
  console.log(`-- shrunk to ${steps.length} steps, added to ${found}:\n${text}`);
}

async function firstThatDiffers(name, candidates) {
  let next = 0;
  let smaller = null;
  const parsed = candidates.filter((steps) => steps.length > 0);
  if (parsed.length === 0) return null;
  await converseOnKernel(
    parsed.map((steps) => heading(name, steps)),
    { lsm, directory },
    async (_, lines) => {
      const steps = parsed[next++];
      if (!smaller && firstDifference(lines, await ours(name, steps))) smaller = steps;
    },
  );
  return smaller;
}
