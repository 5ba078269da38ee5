import { describe, expect, test } from 'vitest';
import { inPlayground, MAIN, type Running } from '../support/cli.ts';
import { clientCommand, runClient } from '../support/client.ts';
import { TestMount, whyNot } from '../support/mount.ts';

// `ubinder reports`: what the kernel's netlink family tells, as lines of JSON.

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: reports, root: ${reason}`);

/** BR_DEAD_REPLY: nobody is the manager. */
const DEAD_REPLY = 0x7205;

/** Calls that nobody takes, of a device. */
const fails = (device: string, count: number) => `
  const device = open('${device}');
  const payload = { targetHandle: 0, code: 0x1f, flags: 0x10 };
  for (let i = 0; i < ${count}; i++) await device.writeRead(encodeCommands([[abi.BC_TRANSACTION, payload]]), 256);
  say(process.pid);
`;

/** A manager of 64 KiB, until its input ends. */
const MANAGER = `
  const device = open('binder', { mapSize: 65536 });
  say(device.ioctl(abi.BINDER_SET_CONTEXT_MGR, new Uint8Array(4)) || process.pid);
  process.stdin.once('end', () => process.exit()).resume();
`;

/** All that goes wrong with calls to the manager, whose pid is the argument: too large, frozen, too many. */
const TROUBLE = `
  const manager = Number(args[0]);
  say(process.pid);
  const device = open();
  device.ioctl(abi.BINDER_ENABLE_ONEWAY_SPAM_DETECTION, new Uint8Array([1, 0, 0, 0]));
  const call = async (code, flags, size) => {
    device.reset();
    const buffer = size ? device.place(new Uint8Array(Math.min(size, 4096))) : 0;
    const names = await exchange(device, [
      [abi.BC_TRANSACTION, { targetHandle: 0, code, flags, buffer: BigInt(buffer), dataSize: BigInt(size) }],
    ]);
    return names.filter((name) => name !== 'BR_NOOP');
  };
  const freeze = (enable) =>
    device.ioctl(abi.BINDER_FREEZE, structs.freezeInfo.bytes({ pid: manager, enable, timeoutMs: 0 }));
  say(await call(1, 0, 65537));
  say(freeze(1));
  say(await call(3, 1, 8));
  say(await call(4, 0, 0));
  say(freeze(0));
  const many = [];
  for (let i = 0; i < 7; i++) many.push(...(await call(2, 1, 4096)));
  say(many);
`;

describe.skipIf(reason !== null)('ubinder reports', () => {
  test(
    'prints what fails, by device and sender, and ends with the daemon',
    inPlayground(async (place) => {
      const mount = await TestMount.start('root');
      const start = (...args: string[]) =>
        place.start([process.execPath, MAIN, 'reports', mount.directory, ...args]);
      const all = start();
      const other = start('--context', 'hwbinder', '--kinds', 'failed');
      const none = start('--kinds', 'spam');
      await expect.poll(async () => (await mount.status()).reportListeners, { timeout: 15_000 }).toBe(3);
      const [pid] = await runClient(mount, fails('binder', 2));
      await runClient(mount, fails('hwbinder', 1));
      await all.said(/hwbinder/);
      await other.said(/hwbinder/);
      await mount.stop();
      const lines = (text: string): unknown[] =>
        text
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line));
      const report = {
        error: DEAD_REPLY,
        'error-name': 'BR_DEAD_REPLY',
        context: 'binder',
        'from-pid': pid,
        'from-tid': pid,
        flags: 0x10,
        code: 0x1f,
        'data-size': 0,
      };
      const heard = await all.outcome;
      expect(heard).toMatchObject({ code: 0, stderr: '' });
      expect(lines(heard.stdout)).toEqual([report, report, expect.objectContaining({ context: 'hwbinder' })]);
      expect(lines((await other.outcome).stdout)).toHaveLength(1);
      expect((await none.outcome).stdout).toBe('');
    }),
  );

  test(
    'tells what fails at its target, what a frozen process delays or refuses, and what is too much',
    inPlayground(async (place) => {
      const kinds = ['failed', 'delayed', 'spam'];
      let readers: Running[];
      let manager: number;
      let sender: unknown;
      {
        await using mount = await TestMount.start('root');
        readers = kinds.map((kind) =>
          place.start([process.execPath, MAIN, 'reports', mount.directory, '--kinds', kind]),
        );
        await expect.poll(async () => (await mount.status()).reportListeners, { timeout: 15_000 }).toBe(3);
        const child = mount.spawn(clientCommand(mount, MANAGER));
        manager = await new Promise((done, fail) => {
          child.stdout?.once('data', (line) => done(Number(line)));
          child.once('close', (code) => fail(new Error(`The manager ended with code ${code}`)));
        });
        const [pid, ...read] = await runClient(mount, TROUBLE, `${manager}`);
        sender = pid;
        expect(read).toEqual([
          ['BR_FAILED_REPLY'],
          0,
          ['BR_TRANSACTION_PENDING_FROZEN'],
          ['BR_FROZEN_REPLY'],
          0,
          Array(7).fill('BR_TRANSACTION_COMPLETE').with(6, 'BR_ONEWAY_SPAM_SUSPECT'),
        ]);
      }
      const heard = await Promise.all(
        readers.map(async ({ outcome }) => {
          const { stdout } = await outcome;
          return stdout
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line) as unknown);
        }),
      );
      const report = (error: number, name: string, more: object) => ({
        error,
        'error-name': name,
        context: 'binder',
        'from-pid': sender,
        'from-tid': sender,
        'to-pid': manager,
        ...more,
      });
      expect(heard).toEqual([
        [
          report(0x7211, 'BR_FAILED_REPLY', { flags: 0, code: 1, 'data-size': 65537 }),
          report(0x7212, 'BR_FROZEN_REPLY', { flags: 0, code: 4, 'data-size': 0 }),
        ],
        [report(0x7214, 'BR_TRANSACTION_PENDING_FROZEN', { flags: 1, code: 3, 'data-size': 8 })],
        [report(0x7213, 'BR_ONEWAY_SPAM_SUSPECT', { flags: 1, code: 2, 'data-size': 4096 })],
      ]);
    }),
  );

  test(
    'loses what a reader does not take, says how many those are, and holds nobody up',
    inPlayground(async (place) => {
      // Long lines fill the sockets sooner
      const name = 'x'.repeat(200);
      const sent = 5000;
      let reader: Running;
      {
        await using mount = await TestMount.start('root', { args: ['--devices', name] });
        reader = place.start([process.execPath, MAIN, 'reports', mount.directory]);
        await expect.poll(async () => (await mount.status()).reportListeners, { timeout: 15_000 }).toBe(1);
        reader.child.kill('SIGSTOP');
        await runClient(mount, fails(name, sent));
        reader.child.kill('SIGCONT');
        await reader.said(/"lost"/);
        // It goes on, with all of what follows
        await runClient(mount, fails(name, 3));
        await reader.said(/"lost".*\n(.*"context".*\n){3}$/);
      }
      const lines = (await reader.outcome).stdout.trim().split('\n');
      const reports = lines.map((line) => JSON.parse(line) as { lost?: number });
      const lost = reports.reduce((sum, report) => sum + (report.lost ?? 0), 0);
      expect(lost).toBeGreaterThan(0);
      expect(reports.filter((report) => report.lost === undefined).length + lost).toBe(sent + 3);
    }),
  );

  test(
    'says where nothing is served, and what it cannot use',
    inPlayground(async (place, mount) => {
      expect(await place.ubinder(['reports', mount])).toMatchObject({ code: 3 });
      expect(await place.ubinder(['reports', mount, '--kinds', 'odd'])).toMatchObject({ code: 2 });
    }),
  );
});
