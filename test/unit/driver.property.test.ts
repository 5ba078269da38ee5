import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Chaos, PROCESSES, THREADS } from '../support/chaos.ts';

// Anything may happen to the driver, and it must be in order after each step (test/support/check-invariants.ts).
//
//   UBINDER_CHAOS_RUNS=5000  how many conversations of each kind, in place of 150
//   UBINDER_CHAOS_SEED=...   begins with the seed that a failure printed

const RUNS = Number(process.env.UBINDER_CHAOS_RUNS ?? 150);
const SEED = process.env.UBINDER_CHAOS_SEED;
/** Steps of one conversation at most; half of that on average. */
const STEPS = 300;

const step = fc.record({
  kind: fc.nat(99),
  who: fc.nat(PROCESSES - 1),
  thread: fc.nat(THREADS - 1),
  seed: fc.nat(0x7fff_ffff),
});
const conversation = fc.array(step, { maxLength: STEPS, size: 'max' });

describe.each([
  ['clients that only give back what they took', true],
  ['clients that do anything at all', false],
])('%s', (_, isHonest) => {
  test(`leave the driver in order in ${RUNS} conversations`, { timeout: 3_600_000 }, () => {
    let steps = 0;
    fc.assert(
      fc.property(conversation, (conversation) => {
        const chaos = new Chaos(isHonest);
        for (const step of conversation) chaos.take(step);
        chaos.end();
        steps += conversation.length;
      }),
      { numRuns: RUNS, ...(SEED && { seed: Number(SEED) }) },
    );
    expect(steps).toBeGreaterThan(RUNS * 100);
  });
});
