import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isRealtime,
  niceOf,
  nicePriority,
  policyOf,
  realtimeOf,
  realtimePriority,
  SCHED_BATCH,
  SCHED_FIFO,
  SCHED_NORMAL,
  SCHED_RR,
} from './priority.ts';

test('nice values survive, with their policy', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -20, max: 19 }),
      fc.constantFrom(SCHED_NORMAL, SCHED_BATCH),
      (nice, policy) => {
        const priority = nicePriority(nice, policy);
        expect([niceOf(priority), policyOf(priority), isRealtime(priority)]).toEqual([nice, policy, false]);
      },
    ),
  );
});

test('real-time levels survive, and are more favourable than any nice value', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 99 }), fc.constantFrom(SCHED_FIFO, SCHED_RR), (level, policy) => {
      const priority = realtimePriority(policy, level);
      expect([realtimeOf(priority), policyOf(priority), isRealtime(priority)]).toEqual([level, policy, true]);
      expect(priority & 255).toBeLessThan(nicePriority(-20) & 255);
    }),
  );
});
