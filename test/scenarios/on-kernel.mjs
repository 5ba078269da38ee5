#!/usr/bin/env node
// The scenarios on the kernel's own driver, in an emulated machine (test/kernel/box.mjs).
//
//   node test/scenarios/on-kernel.mjs [--kernel K] [--lsm L] run [PATTERN]   all, or those with such a name
//   node test/scenarios/on-kernel.mjs record                                 writes golden/7.2.txt anew
//   node test/scenarios/on-kernel.mjs fuzz FROM COUNT                        compares conversations of other seeds
//
// All of them take a quarter of an hour, a recording as long.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = `${root}/node_modules/.cache/ubinder-scenarios`;
const LIMIT = '3600';

const tasks = ['run', 'record', 'fuzz'];
const args = process.argv.slice(2);
const start = args.findIndex((arg) => tasks.includes(arg));
if (start < 0) {
  console.error('usage: on-kernel.mjs [--kernel K] [--lsm L] run [PATTERN] | record | fuzz FROM COUNT');
  process.exit(2);
}
const [task, ...rest] = args.slice(start);

function must(command, ...words) {
  const { status, error } = spawnSync(command, words, { stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
must(process.execPath, tsc, '-p', `${root}/test/scenarios/tsconfig.kernel.json`);
mkdirSync(`${built}/test/support`, { recursive: true });
copyFileSync(`${root}/test/support/puppet.mjs`, `${built}/test/support/puppet.mjs`);
cpSync(`${root}/test/scenarios/golden`, `${built}/test/scenarios/golden`, { recursive: true });
writeFileSync(`${built}/package.json`, '{ "type": "module" }\n');

/** The box with what there is to do in it. */
function box(...words) {
  const program = ['node', '--enable-source-maps', `${built}/test/scenarios/kernel-main.js`];
  return [`${root}/test/kernel/box.mjs`, '--seconds', LIMIT, ...args.slice(0, start), ...program, ...words];
}

if (task === 'run') must(process.execPath, ...box('run', ...rest));
else await converse(...rest);

/** Records, or compares what the kernel says with what we say. */
async function converse(from = '0', count = '') {
  const child = spawn(process.execPath, box('converse', ...(task === 'fuzz' ? [from, count] : [])), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let text = '';
  let differences = 0;
  let steps = 0;
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk;
    if (task === 'record') continue;
    // The last one may still be on its way.
    const parts = text.split(/^== /m);
    text = `== ${parts.pop()}`;
    for (const part of parts) {
      steps += part.split('\n').length;
      if (!(await isSame(part))) differences++;
    }
  }
  const [code] = await closed;
  if (code !== 0) process.exit(code ?? 1);
  if (task === 'record') return writeFileSync(`${root}/test/scenarios/golden/7.2.txt`, text);
  if (!(await isSame(text.slice('== '.length)))) differences++;
  console.log(`seeds ${from} and ${count - 1} more: ${steps} steps, ${differences} conversations differ`);
  process.exit(differences === 0 ? 0 : 1);
}

/** Holds the same conversation with our driver, and shows where it takes another course. */
async function isSame(part) {
  if (part.trim() === '') return true;
  const [seed, ...theirs] = part.trimEnd().split('\n');
  const ours = await converseWithOurs(Number(seed));
  const at = theirs.findIndex((line, i) => line !== ours[i]);
  if (at < 0) return true;
  console.log(`== ${seed}\n${theirs.slice(0, at).join('\n')}\n- ${theirs[at]}\n+ ${ours[at]}`);
  return false;
}

async function converseWithOurs(seed) {
  const { LocalWorld } = await import(`${built}/test/support/local-world.js`);
  const { converse, STEPS } = await import(`${built}/test/scenarios/conversation.js`);
  const world = new LocalWorld();
  const lines = await converse(world, seed, STEPS);
  await world.close();
  return lines;
}
