import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { askDaemon } from '../../../src/host/daemon/control-socket.ts';
import type { Status } from '../../../src/host/daemon/status.ts';
import { inPlayground, isAlive, MAIN, type Playground, type Running, until } from '../../support/cli.ts';
import { compile, whyNoCompiler } from '../../support/compile.ts';
import { whyNot } from '../../support/mount.ts';
import { slowness } from '../../support/slowness.ts';

// A daemon that ends, hangs, or cannot even be killed: its clients are freed, and another serves at the same place.

const reason = whyNoCompiler() ?? whyNot('root');
if (reason) console.warn(`SKIPPED: supervisor: ${reason}`);
const source = (name: string): string => new URL(`${name}.c`, import.meta.url).pathname;

/** Longer than a supervisor takes to notice that its daemon hangs. */
const DEADLINE = { timeout: 100_000 * slowness };

/** A client that sleeps in a read, of a device that attackers do not call. */
async function startReader(place: Playground, mount: string): Promise<Running> {
  const reader = place.start([await compile(source('restart')), `${mount}/hwbinder`], DEADLINE);
  await reader.said(/reading/);
  return reader;
}

/** The reader was freed, and has been served anew. */
async function wasServedAnew({ outcome }: Running, read: string): Promise<void> {
  const { code, stdout, stderr } = await outcome;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.split('\n')).toEqual([
    'reading',
    `the read: ${read}`,
    'then: ENOTCONN',
    expect.stringMatching(/^ok restart/),
    '',
  ]);
}

/** The daemon that serves after `before`. */
async function daemonAfter(before: number, mount: string): Promise<number> {
  let pid: number | undefined;
  await expect
    .poll(
      async () => {
        pid = ((await askDaemon(mount, 'status').catch(() => null)) as Status | null)?.pid;
        return pid;
      },
      { timeout: 20_000 * slowness },
    )
    .not.toSatisfy((now) => now === undefined || now === before);
  return pid as number;
}

/** A test with a supervised daemon, which is told to stop at the end. */
function supervised(
  body: (place: Playground, mount: string, daemon: number) => Promise<void>,
  stderr: RegExp,
): () => Promise<void> {
  return inPlayground(async (place, mount) => {
    const command = [
      process.execPath,
      MAIN,
      'up',
      '--no-service-manager',
      '--mount',
      mount,
      '--mode',
      '0666',
    ];
    const { child, outcome, said } = place.start(command, DEADLINE);
    const [, pid] = await said(/\(pid (\d+)\)$/m);
    await body(place, mount, Number(pid));
    child.kill('SIGTERM');
    const ended = await outcome;
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(ended.stderr).toMatch(stderr);
    expect(place.mounts()).toEqual([]);
  });
}

describe.skipIf(reason !== null)('supervisor', () => {
  test(
    'hazard 11: a daemon that is killed is started anew, and clients open their devices again',
    supervised(async (place, mount, daemon) => {
      for (let killed = daemon, round = 0; round < 2; round++) {
        const reader = await startReader(place, mount);
        process.kill(killed, 'SIGKILL');
        await wasServedAnew(reader, 'ECONNABORTED');
        killed = await daemonAfter(killed, mount);
      }
    }, /was killed by SIGKILL; starting another/),
  );

  test(
    'hazard 11: a daemon that hangs is killed after ten seconds',
    supervised(async (place, mount, daemon) => {
      const reader = await startReader(place, mount);
      process.kill(daemon, 'SIGSTOP');
      await wasServedAnew(reader, 'ECONNABORTED');
      expect(isAlive(daemon)).toBe(false);
    }, /did not answer and was killed; starting another/),
  );

  test(
    'hazard 11: a daemon that cannot even be killed is left behind, and its clients are freed',
    supervised(async (place, mount, daemon) => {
      const reader = await startReader(place, mount);
      const attack = place.start([await compile(source('faults')), `${mount}/binder`, '--wedge'], DEADLINE);
      await wasServedAnew(reader, 'ECONNABORTED');
      // What it waited for ends with the attacker, and so does it
      expect((await attack.outcome).code).toBe(0);
      await until(() => !isAlive(daemon));
    }, /did not answer/),
  );

  test(
    'hazard 11: a clean stop ends reads with ECONNREFUSED, and starts nobody',
    inPlayground(async (place, mount) => {
      const { pid, child, outcome } = await place.up(mount, '--mode', '0666');
      const reader = place.start([await compile(source('restart')), `${mount}/binder`, '--deadline=60']);
      await reader.said(/reading/);
      child.kill('SIGTERM');
      expect(await outcome).toMatchObject({ code: 0, stderr: '' });
      await reader.said(/the read: ECONNREFUSED/);
      expect(isAlive(pid)).toBe(false);
      reader.child.kill('SIGKILL');
    }),
  );

  test(
    'hazard 11: the end of the supervisor is the end of its daemon',
    inPlayground(async (place, mount) => {
      const { pid, child, outcome } = await place.up(mount);
      child.kill('SIGKILL');
      await outcome;
      await until(() => !isAlive(pid));
      expect(place.mounts()).toEqual([]);
    }),
  );

  test(
    'hazard 11: a daemon that cannot start is not tried again',
    inPlayground(async (place, mount) => {
      const { code, stderr } = await place.ubinder(['up', '--mount', `${mount}/nowhere`]);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/^ubinder: .*\n$/) });
    }),
  );

  test(
    'limits: the daemon has as many descriptors as the machine allows',
    supervised(async (_place, _mount, daemon) => {
      const [, hard] = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${daemon}/limits`, 'utf8')) ?? [];
      expect(Number(hard)).toBeGreaterThanOrEqual(1024);
    }, /^$/),
  );
});
