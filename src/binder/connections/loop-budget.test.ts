import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { defineInterface } from '../runtime/interface.ts';
import { LocalDriver } from './local-driver.ts';
import { LoopBudget } from './loop-budget.ts';

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

describe('a budget', () => {
  let now = 0;
  beforeEach(() => {
    now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** Asks until the clock is looked at. */
  const work = (budget: LoopBudget): void => {
    for (let i = 0; i < 32; i++) expect(budget.isSpent()).toBe(false);
  };

  test('is spent by time, and whole again in the next turn', async () => {
    const budget = new LoopBudget();
    work(budget);
    now = 9;
    expect(budget.isSpent()).toBe(false);
    now = 10;
    expect(budget.isSpent()).toBe(true);
    await turn();
    work(budget);
  });

  test('goes to who has waited longest', async () => {
    const budget = new LoopBudget();
    work(budget);
    now = 10;
    expect(budget.isSpent()).toBe(true);
    const ran: string[] = [];
    budget.renewed(() => {
      ran.push('first');
      for (let i = 0; i < 32; i++) budget.isSpent();
      now = 20;
      expect(budget.isSpent()).toBe(true);
      budget.renewed(() => ran.push('rest of the first'));
    });
    budget.renewed(() => ran.push('second'));
    await turn();
    expect(ran).toEqual(['first']);
    await turn();
    expect(ran).toEqual(['first', 'second', 'rest of the first']);
  });
});

interface ISlow {
  take(number: number): Promise<number>;
  note(number: number): Promise<void>;
}
const ISlow = defineInterface<ISlow>('test.ISlow', {
  format: 1,
  methods: {
    take: { code: 1, args: [['number', 'int']], returns: 'int' },
    note: { code: 2, oneway: true, args: [['number', 'int']] },
  },
});

describe('calls of one turn', () => {
  let now = 0;
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test('that take long let the event loop have turns, and stay in order', async () => {
    using driver = new LocalDriver();
    const server = driver.connect();
    const client = driver.connect();
    const waiting: (() => void)[] = [];
    const taken: number[] = [];
    await server.becomeContextManager(
      ISlow.implement({
        // All settle at once: their replies are a burst, too.
        take: (number) =>
          new Promise((resolve) => {
            taken.push(number);
            waiting.push(() => resolve(number));
            if (waiting.length === 300) for (const go of waiting) go();
          }),
        note: (number) => void taken.push(number),
      }),
    );
    using slow = ISlow.fromBinder(client.contextManager());
    await slow.note(-1);
    // Each look at the clock finds it a millisecond later.
    vi.spyOn(performance, 'now').mockImplementation(() => now++);
    let turns = 0;
    let isDone = false;
    const count = async (): Promise<void> => {
      for (; !isDone; turns++) await turn();
    };
    const counted = count();
    const numbers = Array.from({ length: 300 }, (_, i) => i);
    expect(await Promise.all(numbers.map((number) => slow.take(number)))).toEqual(numbers);
    isDone = true;
    await counted;
    expect(taken).toEqual([-1, ...numbers]);
    // A call, its reply and what the two sides hear of them: 4 pieces of work, of which 42 fit into a turn.
    expect(turns).toBeGreaterThan(20);
  });
});
