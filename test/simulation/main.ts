// npm run simulate -- [--minutes M | --steps N] [--seed S] [--shape NAME] [--save FILE] [--replay FILE]

import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { describeFailure, type Failure, replay, simulate } from './run.ts';
import { PLANS, type Plan, STREAMS } from './shapes.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    steps: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    shape: { type: 'string' },
    save: { type: 'string' },
    replay: { type: 'string' },
  },
});

process.exitCode = values.replay === undefined ? main() : again(values.replay);

function again(file: string): number {
  const { shape, steps } = JSON.parse(readFileSync(file, 'utf8')) as Failure;
  const error = replay(shape, steps);
  console.log(error ? (error.stack ?? error.message) : `${steps.length} steps, nothing wrong`);
  return error ? 1 : 0;
}

function main(): number {
  const known: Record<string, Plan> = { ...PLANS, streams: STREAMS };
  const { shape } = values;
  if (shape !== undefined && !known[shape]) {
    console.error(`Cannot simulate ${shape}: known are ${Object.keys(known).join(', ')}`);
    return 2;
  }
  const names = shape === undefined ? Object.keys(PLANS) : [shape];
  const steps = values.steps === undefined ? Number.POSITIVE_INFINITY : Number(values.steps);
  const minutes =
    values.minutes === undefined ? (values.steps ? Number.POSITIVE_INFINITY : 1) : Number(values.minutes);
  const first = Number(values.seed);
  if (![steps, minutes, first].every((number) => number >= 0)) {
    console.error('Cannot simulate: --steps, --minutes and --seed are numbers');
    return 2;
  }
  console.log(`seed ${first}`);
  const start = performance.now();
  const done = new Map(names.map((name) => [name, 0]));
  let total = 0;
  let nextReport = start + 10_000;
  for (let seed = first; total < steps && performance.now() - start < minutes * 60_000; seed++) {
    // The shape that is farthest behind its share.
    const [name] = [...done].reduce((a, b) => (behind(known, a) <= behind(known, b) ? a : b)) as [
      string,
      number,
    ];
    const plan = known[name] as Plan;
    const failure = simulate(plan.shape, seed, plan.steps);
    if (failure) {
      console.error(describeFailure(failure));
      console.error(`again: npm run simulate -- --seed ${seed} --shape ${name} --steps ${plan.steps}`);
      if (values.save !== undefined) writeFileSync(values.save, `${JSON.stringify(failure)}\n`);
      return 1;
    }
    done.set(name, (done.get(name) ?? 0) + plan.steps);
    total += plan.steps;
    if (performance.now() > nextReport) {
      report(total, start);
      nextReport = performance.now() + 10_000;
    }
  }
  report(total, start);
  console.log([...done].map(([name, count]) => `${name} ${count}`).join(', '));
  return 0;
}

function behind(known: Record<string, Plan>, [name, count]: [string, number]): number {
  return count / (known[name] as Plan).share;
}

function report(total: number, start: number): void {
  const seconds = (performance.now() - start) / 1000;
  console.log(`${total} steps without a violation, ${Math.round(total / seconds)} a second`);
}
