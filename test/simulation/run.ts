import { type Shape, Simulation, type Step, steps } from './simulation.ts';

/** A run that went wrong, as small as it could be made. Saved as JSON it is a scenario to be run again. */
export interface Failure {
  readonly message: string;
  readonly seed: number;
  readonly shape: Shape;
  readonly steps: readonly Step[];
}

/** Takes the steps in a simulation of its own. @returns what went wrong, or `null`. */
export function replay(shape: Shape, list: Iterable<Step>, didStep?: () => void): Error | null {
  try {
    const simulation = new Simulation(shape);
    for (const step of list) {
      didStep?.();
      simulation.take(step);
    }
    simulation.end();
    return null;
  } catch (error) {
    return error as Error;
  }
}

/** One run of `count` steps that follow from `seed`. @returns its failure, made small, or `null`. */
export function simulate(shape: Shape, seed: number, count: number): Failure | null {
  const list: Step[] = [];
  for (const step of steps(seed, shape)) {
    if (list.length === count) break;
    list.push(step);
  }
  let taken = 0;
  const error = replay(shape, list, () => taken++);
  if (!error) return null;
  return { seed, shape, ...shrink(shape, list.slice(0, taken), error) };
}

/** How long a failure is made smaller, in replayed steps. */
const EFFORT = 3_000_000;

/**
 * Leaves out steps as long as something still goes wrong in the same way: halves first, then smaller pieces, then single
 * steps (Zeller's ddmin).
 */
function shrink(shape: Shape, list: readonly Step[], first: Error): Pick<Failure, 'message' | 'steps'> {
  let steps = list;
  let message = first.stack ?? first.message;
  let effort = 0;
  for (let size = Math.ceil(steps.length / 2); size >= 1; ) {
    let didShrink = false;
    for (let at = 0; at < steps.length && effort < EFFORT; ) {
      const without = [...steps.slice(0, at), ...steps.slice(at + size)];
      effort += without.length;
      const error = replay(shape, without);
      if (error && kind(error) === kind(first)) {
        steps = without;
        message = error.stack ?? error.message;
        didShrink = true;
      } else {
        at += size;
      }
    }
    if (size === 1 && !didShrink) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
    if (effort >= EFFORT) break;
  }
  return { message, steps };
}

/** What an error is about, whichever object it names. */
function kind({ message }: Error): string {
  return message.replace(/\d+/g, 'N').split('\n')[0] as string;
}

/** What whoever reads of a failure needs. */
export function describeFailure({ message, seed, shape, steps }: Failure): string {
  return [
    message,
    `seed ${seed}, shape ${JSON.stringify(shape)}`,
    `${steps.length} steps do it:`,
    ...steps.slice(0, 40).map((step) => `  ${JSON.stringify(step)}`),
    'save it by: npm run simulate -- --seed SEED --shape NAME --save FILE',
  ].join('\n');
}
