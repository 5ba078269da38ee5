import type { ChildProcess } from 'node:child_process';
import { expect, test } from 'vitest';
import { program, SERVER } from '../support/library.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';

// A server that is killed and started again while others call it; `npm run test:restarts` does so 100 times under 50.

const restarts = Number(process.env.UBINDER_RESTARTS ?? 5);
const clients = Number(process.env.UBINDER_CLIENTS ?? 6);

const mode: Mode = whyNot('root') ? 'rootless' : 'root';
const reason = whyNot(mode);
if (reason) console.warn(`SKIPPED: restarts: ${reason}`);

/** Calls for ever. Says when it has reached a server, and at the end what came of it all. */
const CLIENT = `
binder.ref();
let calls = 0, failures = 0, deaths = 0, links = 0, wrong = 0;
let isEnding = false;
process.stdin.on('data', () => { isEnding = true; }).unref();
const known = new Set(['DEAD_OBJECT']);
while (!isEnding) {
  const remote = manager();
  try {
    await remote.echo('are you there?');
  } catch (error) {
    if (!known.has(error.code)) wrong++;
    ub.release(remote);
    await sleep(50);
    continue;
  }
  let told = 0;
  links++;
  ub.linkToDeath(remote, () => { told++; deaths++; });
  say('reached');
  let isAlive = true;
  while (isAlive && !isEnding) {
    const results = await Promise.allSettled([remote.echo('x'), remote.hold(1), remote.tell('y')]);
    for (const { status, value, reason } of results) {
      if (status === 'fulfilled') {
        calls++;
        if (value !== undefined && value !== 'x' && value !== 1) wrong++;
      } else {
        failures++;
        isAlive = false;
        if (!known.has(reason.code)) { wrong++; say('wrong: ' + reason); }
      }
    }
  }
  if (isEnding) links--;
  else {
    for (let i = 0; told === 0 && i < 500; i++) await sleep(10);
    await sleep(5);
    if (told !== 1) { wrong++; say('told ' + told + ' times'); }
  }
  ub.release(remote);
}
say(JSON.stringify({ calls, failures, deaths, missed: links - deaths, wrong }));
binder.close();
process.exit(0);
`;

test.skipIf(reason !== null).each(['logical', 'workers'])(
  'a server is killed and started again under clients with %s as threads',
  async (threads) => {
    await using mount = await TestMount.start(mode, { seconds: 60 + restarts * 5 });
    const { descriptors } = await mount.status();
    const start = async (script: string): Promise<{ child: ChildProcess; said: () => string }> => {
      const child = mount.spawn(program(mount.device(), script, { threads }));
      let said = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk: Buffer) => {
          said += chunk;
        });
      }
      return { child, said: () => said };
    };
    const ended = (child: ChildProcess) => new Promise((done) => child.once('close', done));

    const callers = await Promise.all(Array.from({ length: clients }, () => start(CLIENT)));
    for (let i = 0; i <= restarts; i++) {
      const server = await start(SERVER);
      await expect.poll(server.said, { timeout: 20_000 }).toContain('ready\n');
      // Each death is one that all of them see.
      const reached = () => callers.filter(({ said }) => said().split('reached\n').length > i + 1).length;
      await expect.poll(reached, { timeout: 60_000 }).toBe(clients);
      if (i === restarts) for (const { child } of callers) child.stdin?.write('end\n');
      if (i === restarts) await Promise.all(callers.map(({ child }) => child.exitCode ?? ended(child)));
      const closed = ended(server.child);
      server.child.kill('SIGKILL');
      await closed;
    }
    let total = 0;
    for (const { said } of callers) {
      const outcome = said().replaceAll('reached\n', '');
      expect(outcome).toMatch(/^\{.*\}\n$/);
      const { calls, failures, ...rest } = JSON.parse(outcome);
      expect(calls).toBeGreaterThan(restarts);
      expect(failures).toBeGreaterThanOrEqual(restarts);
      expect(rest).toEqual({ deaths: restarts, missed: 0, wrong: 0 });
      total += calls + failures;
    }
    console.log(
      `${threads}: ${restarts} restarts under ${clients} clients, each death told to each once; ${total} calls ended`,
    );
    await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
  },
  120_000 + restarts * 10_000,
);
