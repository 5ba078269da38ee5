import type { Shape } from './simulation.ts';

/** A shape with the steps of one run, and its share of a long simulation. */
export interface Plan {
  readonly shape: Shape;
  readonly steps: number;
  /** Of 100 steps, so many are in runs of this shape. */
  readonly share: number;
}

const small = { processes: 4, threads: 3, checkEvery: 1 };

/** The simulations that are run, by name. */
export const PLANS: Readonly<Record<string, Plan>> = {
  /** A few clients that behave. */
  honest: { share: 20, steps: 400, shape: { ...small, clients: 'honest', faultRate: 0 } },
  /** The same, while memory faults, files cannot be installed, labels are refused and mappings are gone. */
  faults: { share: 15, steps: 400, shape: { ...small, clients: 'honest', faultRate: 60 } },
  /** There is room for little. */
  limits: {
    share: 10,
    steps: 400,
    shape: {
      ...small,
      clients: 'mixed',
      faultRate: 0,
      checkEvery: 1,
      limits: { threads: 4, nodes: 4, refs: 4, registrations: 3 },
    },
  },
  hostile: { share: 10, steps: 400, shape: { ...small, clients: 'hostile', faultRate: 0 } },
  /** Those who behave must not notice those who do not. */
  mixed: { share: 20, steps: 400, shape: { ...small, processes: 6, clients: 'mixed', faultRate: 100 } },
  /** Thousands of threads in a thousand processes. */
  crowd: {
    share: 25,
    steps: 50_000,
    shape: { processes: 1000, threads: 4, checkEvery: 5000, clients: 'mixed', faultRate: 1000 },
  },
};

/** Nothing but command streams, from clients that send sense and nonsense. */
export const STREAMS: Plan = {
  share: 100,
  steps: 2000,
  shape: { processes: 4, threads: 3, checkEvery: 50, clients: 'hostile', faultRate: 0, onlyStreams: true },
};
