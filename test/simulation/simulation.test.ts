import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeFailure, type Failure, replay, simulate } from './run.ts';
import { PLANS, STREAMS } from './shapes.ts';
import { Simulation, steps } from './simulation.ts';

// Anything may happen to the driver, and it must be in order after each step (test/support/check-invariants.ts).
// `npm run simulate` does the same for as long as one likes.

const RUNS: Record<string, number> = {
  honest: 25,
  faults: 25,
  limits: 15,
  hostile: 20,
  mixed: 20,
  crowd: 1,
  streams: 3,
};

test.each(Object.entries({ ...PLANS, streams: STREAMS }))('%s', { timeout: 600_000 }, (name, plan) => {
  for (let seed = 1; seed <= (RUNS[name] as number); seed++) {
    const failure = simulate(plan.shape, seed, Math.min(plan.steps, 15_000));
    if (failure) throw new Error(describeFailure(failure));
  }
});

test('a seed replays a run exactly', () => {
  const { shape } = PLANS.faults as (typeof PLANS)[string];
  const outcome = (): unknown => {
    const simulation = new Simulation(shape);
    let left = 500;
    for (const step of steps(7, shape)) {
      if (left-- === 0) break;
      simulation.take(step);
    }
    const { bc, br, ...objects } = simulation.driver.stats;
    return [bc, br, Object.values(objects).map(({ total }) => total), simulation.faults.count];
  };
  expect(outcome()).toEqual(outcome());
});

test('a failure is found, and made small', () => {
  const { shape } = PLANS.honest as (typeof PLANS)[string];
  const driver = Object.getOwnPropertyDescriptor(Simulation.prototype, 'check') as PropertyDescriptor;
  Object.defineProperty(Simulation.prototype, 'check', {
    configurable: true,
    value(this: Simulation) {
      if (this.driver.stats.death.total >= 2) throw new Error('two deaths were asked for');
    },
  });
  try {
    const failure = simulate(shape, 3, 2000);
    expect(failure?.message).toContain('two deaths were asked for');
    expect(failure?.steps.length).toBeLessThan(30);
    expect(replay(shape, failure?.steps ?? [])?.message).toBe('two deaths were asked for');
  } finally {
    Object.defineProperty(Simulation.prototype, 'check', driver);
  }
});

describe('saved failures do not come back', () => {
  const directory = new URL('cases/', import.meta.url);
  test.each(readdirSync(directory).filter((name) => name.endsWith('.json')))('%s', (name) => {
    const { shape, steps } = JSON.parse(readFileSync(new URL(name, directory), 'utf8')) as Failure;
    const error = replay(shape, steps);
    if (error) throw error;
  });
});
