// Runs tests against mutants in processes of their own, and ends those that do not end by themselves.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));

/** How long a test may take with a mutant: so much, and so many times what it takes without. */
const GRACE_MS = 5000;
const SLOWDOWN = 10;

/** Times a mutant may be come by in a test, beyond ten times as often as in all tests together. */
const MIN_HITS = 100_000;

/** Megabytes that a worker may take: some mutants never stop taking. */
const MEMORY = 1500;

function start(data, { onMessage, onEnd }) {
  const worker = fork(WORKER, {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${MEMORY}`],
    // What a broken driver says is of no interest.
    stdio: data.wantsCoverage ? undefined : ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  worker.on('message', onMessage);
  worker.on('exit', onEnd);
  worker.send(data);
  return worker;
}

/** @returns what each test takes, and which mutants it comes by how often; and those met while modules are loaded. */
export function dryRun(plan) {
  return new Promise((resolve, reject) => {
    const worker = start(
      { plan, mutant: -1, wantsCoverage: true },
      {
        onMessage: (results) => {
          resolve(results);
          worker.disconnect();
        },
        onEnd: () => reject(new Error('the tests ended without a result')),
      },
    );
  });
}

/** One worker. It can be used for mutants one after the other until one does not end. */
export class Runner {
  #tests;
  #worker;
  #isReady;
  #done = () => {};
  #begun = () => {};

  /** @param mutant - the one that is active while modules are loaded, or -1 */
  constructor(plan, tests, mutant) {
    this.#tests = tests;
    this.#isReady = new Promise((ready) => {
      this.#worker = start(
        { plan, mutant, wantsCoverage: false },
        {
          onMessage: (message) => {
            if (message === 'ready') ready(true);
            else if (message.begun !== undefined) this.#begun(message.begun);
            else this.#done(message.killer);
          },
          onEnd: () => {
            ready(false);
            this.#done('crash');
          },
        },
      );
    });
  }

  /** @returns the index of the test that notices `mutant`, -1 when none does, or a string that says how the run ended. */
  async run(mutant, order) {
    const ended = new Promise((resolve) => {
      this.#done = resolve;
    });
    if (!(await this.#isReady)) return 'crash';
    let watch;
    this.#begun = (test) => {
      clearTimeout(watch);
      watch = setTimeout(() => this.#done('time'), GRACE_MS + SLOWDOWN * this.#tests[test].milliseconds);
    };
    const hits = this.#tests.reduce((sum, { covered }) => sum + (covered.get(mutant) ?? 0), 0);
    this.#worker.send({ mutant, limit: MIN_HITS + 10 * hits, order });
    try {
      return await ended;
    } finally {
      clearTimeout(watch);
      this.#begun = () => {};
    }
  }

  stop() {
    this.#worker.kill('SIGKILL');
  }
}
