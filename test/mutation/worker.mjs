// Runs tests in a process of its own while one mutant of the driver is active: what a mutant breaks may end the process, too.

import { once } from 'node:events';
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';

const [{ plan, mutant, wantsCoverage }] = await once(process, 'message');

let active = mutant;
let hits = 0;
let hitLimit = Number.POSITIVE_INFINITY;
let covered = new Map();

globalThis.ubinderMutation = {
  isActive(id) {
    if (id !== active) return false;
    // What never ends mostly comes by here.
    if (++hits > hitLimit) throw new Error('a mutant that keeps running');
    return true;
  },
  cover: wantsCoverage
    ? (...ids) => {
        for (const id of ids) covered.set(id, (covered.get(id) ?? 0) + 1);
      }
    : () => {},
};

// The same examples for each mutant.
fc.configureGlobal({ seed: 1 });

const { tests, beginFile } = await import(plan.api);
for (const { name, module } of plan.testFiles) {
  beginFile(name);
  await import(module);
}
const whileLoading = covered;

/** @returns what the test fails with, or `null`. */
async function failureOf(index) {
  let outcome;
  try {
    const running = tests[index].run();
    if (running instanceof Promise) {
      running.then(
        () => {
          outcome = { error: null };
        },
        (error) => {
          outcome = { error };
        },
      );
      await ended(() => outcome);
    }
  } catch (error) {
    outcome = { error };
  }
  return outcome ? outcome.error : null;
}

/** Throws when nothing is left that could bring the end. */
async function ended(outcome) {
  for (let idle = 0; !outcome(); ) {
    await turn();
    const waiting = process
      .getActiveResourcesInfo()
      .filter((kind) => kind === 'Timeout' || kind === 'Immediate');
    idle = waiting.length > 0 ? 0 : idle + 1;
    if (idle > 20) throw new Error('a test that waits for ever');
  }
}

if (wantsCoverage) {
  const results = [];
  for (let index = 0; index < tests.length; index++) {
    covered = new Map();
    const start = performance.now();
    const error = await failureOf(index);
    const milliseconds = performance.now() - start;
    results.push({ name: tests[index].name, milliseconds, covered, error: error?.stack ?? null });
  }
  process.send({ whileLoading, results });
} else {
  process.on('message', async ({ mutant, limit, order }) => {
    active = mutant;
    let killer = -1;
    for (const index of order) {
      process.send({ begun: index });
      hits = 0;
      hitLimit = limit;
      if (await failureOf(index)) {
        killer = index;
        break;
      }
    }
    active = -1;
    process.send({ killer });
  });
  process.send('ready');
}
