#!/usr/bin/env node
// npm run mutate -- [--sample N] [--seed S] [--file PART] [--jobs J] [--tests N] [--save FILE] [--again FILE]
//
// Changes the driver in each of some thousand small ways (mutants), and looks which of them no test notices.

import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { instrument } from './instrument.mjs';
import { dryRun, Runner } from './runner.mjs';

/** What these files make is kept for good: each of their mutants has a process of its own. */
const KEEPING = new Set(['src/driver/failure.ts']);

/**
 * After so many mutants, the tests that notice most run without one: when they notice something then, it is what the
 * mutant before has left behind, and the whole run is worth nothing.
 */
const MUTANTS_PER_CONTROL = 20;
const CONTROL_TESTS = 50;

const { values } = parseArgs({
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    file: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    tests: { type: 'string', default: 'Infinity' },
    save: { type: 'string' },
    again: { type: 'string' },
  },
});

const unnoticed = values.again
  ? new Set(
      JSON.parse(readFileSync(values.again, 'utf8'))
        .filter(({ noticed }) => noticed === null)
        .map(describe),
    )
  : null;
const plan = await instrument();
console.log(`${plan.mutants.length} mutants in the driver`);
const { whileLoading, results: tests } = await dryRun(plan);
const broken = tests.filter(({ error }) => error !== null);
for (const { name, error } of broken) console.error(`fails without a mutant: ${name}\n${error}`);
if (broken.length > 0) process.exit(2);
const seconds = tests.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000;
console.log(`${tests.length} tests, ${seconds.toFixed(1)} s without a mutant`);

const all = choose(plan.mutants.filter((mutant) => isWanted(mutant)));
const left = [...all];
// What was tested until then is a sample, too: their order is random.
process.once('SIGINT', () => left.splice(0));
process.once('SIGTERM', () => left.splice(0));
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const chosen = all.filter(({ noticed }) => noticed !== undefined);
report();
process.exit(0);

/** Whether it is in a file that was asked for, and among those that nothing noticed before. */
function isWanted(mutant) {
  if (values.file && !mutant.file.includes(values.file)) return false;
  return unnoticed === null || unnoticed.has(describe(mutant));
}

/** All of `mutants`, or as many as were asked for, by the seed. */
function choose(mutants) {
  const count = values.sample === undefined ? mutants.length : Number(values.sample);
  let state = Number(values.seed) >>> 0;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
  const keyed = mutants.map((mutant) => ({ mutant, key: random() }));
  keyed.sort((a, b) => a.key - b.key);
  return keyed.slice(0, count).map(({ mutant }) => mutant);
}

/** Takes mutants as long as there are some; their `noticed` then says by what they were noticed, if they were. */
async function work() {
  let runner = null;
  for (let mutant = left.pop(); mutant; mutant = left.pop()) {
    if (left.length % 100 === 0) console.error(`${left.length} left`);
    // A mutant in what runs once, when a module is loaded, must be active by then.
    const isStatic = whileLoading.has(mutant.id) || KEEPING.has(mutant.file);
    const order = testsFor(mutant, isStatic).slice(0, Number(values.tests));
    mutant.noticed = null;
    if (order.length === 0) continue;
    if (isStatic) runner?.stop();
    if (isStatic || !runner) runner = new Runner(plan, tests, isStatic ? mutant.id : -1);
    const end = await runner.run(mutant.id, order);
    if (typeof end === 'string') mutant.noticed = end;
    else if (end >= 0) {
      mutant.noticed = tests[end].name;
      tests[end].kills = (tests[end].kills ?? 0) + 1;
    }
    if (isStatic || typeof end === 'string') {
      runner.stop();
      runner = null;
    } else if (left.length % MUTANTS_PER_CONTROL === 0) {
      const control = await runner.run(-1, testsFor({ id: -1 }, true).slice(0, CONTROL_TESTS));
      if (control === -1) continue;
      console.error(
        `${tests[control]?.name ?? control} fails without a mutant, after this one: ${describe(mutant)}`,
      );
      process.exit(2);
    }
  }
  runner?.stop();
}

/** The tests that come by the mutant: first those that are quick and have noticed much so far. */
function testsFor({ id }, isStatic) {
  const worth = ({ kills = 0, milliseconds }) => (kills + 1) / (milliseconds + 1);
  return [...tests.keys()]
    .filter((index) => isStatic || tests[index].covered.has(id))
    .sort((a, b) => worth(tests[b]) - worth(tests[a]));
}

function report() {
  const byPlace = (a, b) =>
    a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;
  chosen.sort(byPlace);
  for (const mutant of chosen) if (mutant.noticed === null) console.log(describe(mutant));
  const files = groupByFile();
  for (const [file, mutants] of files) console.log(`${score(mutants)}  ${file}`);
  console.log(`${score(chosen)} mutants noticed, of ${plan.mutants.length}; seed ${values.seed}`);
  if (values.save) writeFileSync(values.save, `${JSON.stringify(chosen, null, 1)}\n`);
}

function groupByFile() {
  const files = new Map();
  for (const mutant of chosen) {
    const list = files.get(mutant.file) ?? [];
    files.set(mutant.file, list);
    list.push(mutant);
  }
  return files;
}

function describe({ file, line, column, mutator, original, replacement }) {
  const short = (text) => {
    const one = text.replace(/\s+/g, ' ');
    return one.length > 70 ? `${one.slice(0, 67)}...` : one;
  };
  return `${file}:${line}:${column} ${mutator}: ${short(original)} -> ${short(replacement)}`;
}

function score(mutants) {
  const noticed = mutants.filter((mutant) => mutant.noticed !== null).length;
  return `${((100 * noticed) / mutants.length).toFixed(1)} %  ${noticed} of ${mutants.length}`;
}
