import { readdirSync, readFileSync } from 'node:fs';
import { type Failure, replay } from '../simulation/run.ts';
import { PLANS, STREAMS } from '../simulation/shapes.ts';
import { type Step, steps } from '../simulation/simulation.ts';
import { test } from './test-api.ts';

// Short runs of the simulator: many seeds of few steps, so that most mutants meet their end early. A failure is not made
// smaller here.

const RUNS: Readonly<Record<string, { seeds: number; steps: number }>> = {
  honest: { seeds: 5, steps: 400 },
  faults: { seeds: 5, steps: 400 },
  limits: { seeds: 5, steps: 400 },
  hostile: { seeds: 5, steps: 400 },
  mixed: { seeds: 5, steps: 400 },
  crowd: { seeds: 1, steps: 2000 },
  streams: { seeds: 2, steps: 2000 },
};

for (const [name, { shape }] of Object.entries({ ...PLANS, streams: STREAMS })) {
  const { seeds, steps: count } = RUNS[name] as (typeof RUNS)[string];
  for (let seed = 1; seed <= seeds; seed++) {
    test(`${name}, seed ${seed}`, () => {
      const error = replay(shape, first(count, steps(seed, shape)));
      if (error) throw error;
    });
  }
}

const cases = new URL('../simulation/cases/', import.meta.url);
for (const file of readdirSync(cases)) {
  test(file, () => {
    const { shape, steps } = JSON.parse(readFileSync(new URL(file, cases), 'utf8')) as Failure;
    const error = replay(shape, steps);
    if (error) throw error;
  });
}

function* first(count: number, steps: Iterable<Step>): Generator<Step> {
  for (const step of steps) {
    if (count-- === 0) return;
    yield step;
  }
}
