#!/usr/bin/env node
// Compares conversations that seeds make up: the kernel's own driver holds each, and ours must answer the same. Where it
// does not, steps are left out as long as the two still differ, and what remains is added to the golden found.txt: a test
// that fails until the difference is mended.
//
//   npm run kernel:fuzz -- --steps N --seed S [--lsm none|selinux|both] [--machines M] [--shrink SECONDS]
//
// With both, a quarter of the conversations ask for security contexts. Each machine wants a processor of its own.

import { appendFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Machine } from './machine.mjs';
import { buildScenarios, converseOnKernel, golden, importBuilt, labelOf } from './on-kernel.mjs';
import { tallyText } from './tally.mjs';

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1000' },
    lsm: { type: 'string', default: 'none' },
    machines: { type: 'string', default: '1' },
    shrink: { type: 'string', default: '120' },
  },
});
buildScenarios();
const { converse } = await importBuilt('test/scenarios/conversation.js');
const { heading, STEPS, sendsFiles, stepsOf } = await importBuilt('test/scenarios/recorded-conversation.js');
const { Tally } = await importBuilt('test/scenarios/tally.js');
const { digest } = await importBuilt('test/support/digest.js');
const { LocalWorld } = await importBuilt('test/support/local-world.js');

const firstSeed = Number(values.seed);
const count = Math.ceil(Number(values.steps) / STEPS);
const shrinkTime = 1000 * Number(values.shrink);
/** Seeds that no machine has taken yet, by security module. */
const queues = new Map(
  values.lsm === 'both'
    ? [
        ['none', []],
        ['selinux', []],
      ]
    : [[values.lsm, []]],
);
for (let i = 0; i < count; i++) {
  const lsm = values.lsm !== 'both' ? values.lsm : i % 4 === 3 ? 'selinux' : 'none';
  queues.get(lsm).push(firstSeed + i);
}
/**
 * What we answer otherwise on purpose (docs/differences.md), by what the kernel's driver answers there. What follows in such a
 * conversation follows from that, and is not compared.
 */
const EXCEPTIONS = new Map([
  ['a descriptor table that is full, and news of a node', /reads \d+ without descriptors: ENOMEM/],
]);
/** How long a conversation may take, milliseconds: a machine in which it takes longer has lost something. */
const PATIENCE = 300_000;
/**
 * How often the kernel's driver is asked when it answers otherwise than we do. What it leaves to the scheduler, as who comes
 * first when a process ends beside one that wakes, it answers now this way and now that; one of them must be ours.
 */
const ASKED = 6;
const tally = new Tally();
const different = [];
/** Those where it answered as we do, but not at first. */
const byChance = [];
/** How often each exception was met, and how many lines were not compared for it. */
const met = new Map();
let notCompared = 0;
const start = Date.now();
let held = 0;

console.log(
  `${count * STEPS} steps, security module ${values.lsm}, seeds ${firstSeed} to ${firstSeed + count - 1}`,
);
await Promise.all(Array.from({ length: Number(values.machines) }, work));
console.log(await tallyText(tally));
for (const [name, count] of met) console.log(`exception: ${name}: ${count} times`);
if (byChance.length > 0)
  console.log(
    `answered now as we do, now otherwise: ${byChance.length} conversations: ${byChance.join(' ')}`,
  );
if (notCompared > 0) console.log(`${notCompared} answers after exceptions were not compared`);
const seconds = Math.round((Date.now() - start) / 1000);
console.log(
  `${tally.steps} steps in ${seconds} s, ${different.length} conversations differ: ${different.join(' ')}`,
);
process.exit(different.length === 0 && held === count ? 0 : 1);

/** What one machine does: it is booted anew for each security module. */
async function work() {
  for (const [lsm, seeds] of queues) {
    let machine = null;
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      machine ??= await Machine.start({ lsm });
      if (held === 0) console.log(`Linux ${await machine.release()}`);
      if (await compare(machine, `${seed}`)) continue;
      await machine.stop();
      machine = null;
    }
    await machine?.stop();
  }
}

/** @returns whether the machine can go on */
async function compare(machine, name) {
  const steps = stepsOf(Number(name));
  const own = await ours(name, steps, machine.lsm, tally);
  if (++held % 50 === 0) {
    const rate = Math.round((held * STEPS * 1000) / (Date.now() - start));
    console.log(`${held * STEPS} steps, ${rate} in a second, ${different.length} conversations differ`);
  }
  try {
    let difference = null;
    for (let asked = 0; asked < ASKED; asked++) {
      const theirs = await answersOf(machine, name, steps);
      difference = firstDifference(theirs, own);
      if (difference) continue;
      if (asked > 0) byChance.push(name);
      noteException(theirs, own);
      return true;
    }
    different.push(name);
    console.log(`== ${name} (security module ${machine.lsm})\n${difference}`);
    await shrink(machine, name, steps);
    return true;
  } catch (error) {
    if (!different.includes(name)) different.push(name);
    console.log(`== ${name} (security module ${machine.lsm}) FAILED`, error.cause ?? error);
    return false;
  }
}

async function answersOf(machine, name, steps) {
  const conversation = converseOnKernel(machine, name, steps);
  conversation.catch(() => {});
  const answers = await Promise.race([conversation, sleep(PATIENCE, null, { ref: false })]);
  if (answers === null) throw new Error(`The machine did not answer in ${PATIENCE / 1000} s`);
  return answers;
}

async function ours(name, steps, lsm, sum) {
  const world = new LocalWorld(labelOf(lsm));
  const tally = sum ? new Tally(() => digest(world.driver)) : undefined;
  const lines = await converse(world, steps, {
    sendsFiles: sendsFiles(name),
    asksLabels: lsm !== 'none',
    tally,
  });
  await world.close();
  sum?.take(tally);
  return lines;
}

function exceptionIn(line) {
  for (const [name, pattern] of EXCEPTIONS) if (pattern.test(line)) return name;
  return null;
}

function noteException(theirs, own) {
  const at = theirs.findIndex((line, i) => line !== own[i]);
  if (at < 0) return;
  const name = exceptionIn(theirs[at]);
  met.set(name, (met.get(name) ?? 0) + 1);
  notCompared += theirs.length - at;
}

/** As text; `null` where there is none, or an exception. */
function firstDifference(theirs, own) {
  const at = theirs.findIndex((line, i) => line !== own[i]);
  return at < 0 || exceptionIn(theirs[at])
    ? null
    : `${theirs.slice(0, at).join('\n')}\n- ${theirs[at]}\n+ ${own[at]}`;
}

/** Leaves out ever smaller pieces, until the time is up. */
async function shrink(machine, name, all) {
  const deadline = Date.now() + shrinkTime;
  let steps = all;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    // From the end: what comes after the difference goes first.
    for (let at = steps.length - size; at > -size && Date.now() < deadline; at -= size) {
      const fewer = steps.toSpliced(Math.max(0, at), Math.min(size, size + at));
      const theirs = await converseOnKernel(machine, name, fewer);
      if (firstDifference(theirs, await ours(name, fewer, machine.lsm))) steps = fewer;
    }
  }
  const lines = await converseOnKernel(machine, name, steps);
  const found = golden(machine.lsm, 'found.txt');
  const text = `${[heading(name, steps), ...lines].join('\n')}\n`;
  appendFileSync(found, text);
  console.log(
    `-- shrunk to ${steps.length} steps, added to ${found}:\n${text}ours:\n${(await ours(name, steps, machine.lsm)).join('\n')}`,
  );
}
