import { expect, test } from 'vitest';
import { Supervisor } from './supervisor.ts';

const TIMES = { ping: 50, start: 10_000 };

/** Supervises a program of a few lines. @returns what came of it. */
async function supervise(program: string, times = TIMES) {
  const ready: number[] = [];
  const log: string[] = [];
  const supervisor = new Supervisor({
    program: process.execPath,
    args: ['--eval', program],
    mountPoint: '/nowhere',
    onReady: (_pid, restarts) => {
      ready.push(restarts);
      if (restarts === 1) supervisor.stop();
    },
    onGone: () => {},
    log: (message) => log.push(message),
    times,
  });
  return { code: await supervisor.finished, ready, log };
}

/** There is no such connection to be aborted. */
const READY = "process.send({ type: 'ready', connection: 1073741824 })";
const PONG = "process.on('message', () => process.send({ type: 'pong' }))";

test('a daemon may take longer to start than one that serves may be silent', async () => {
  const outcome = await supervise(
    `setTimeout(() => { ${PONG}; ${READY}; setTimeout(process.exit, 600) }, 1500)`,
  );
  expect(outcome).toEqual({ code: 0, ready: [0], log: [] });
});

test('a daemon that never becomes ready is killed, which is said', async () => {
  const outcome = await supervise('setInterval(() => {}, 1000)', { ...TIMES, start: 500 });
  const log = ['the daemon of /nowhere was not ready after 0.5 s and was killed'];
  expect(outcome).toEqual({ code: 1, ready: [], log });
});

test('a daemon that is silent once it serves is killed, and another is started', async () => {
  const outcome = await supervise(`setInterval(() => {}, 1000); ${READY}`);
  const log = [expect.stringMatching(/did not answer and was killed; starting another/)];
  expect(outcome).toEqual({ code: 1, ready: [0, 1], log });
});
