import { describe, expect, test } from 'vitest';
import { inPlayground, MAIN } from '../support/cli.ts';
import { runClient } from '../support/client.ts';
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
    'says where nothing is served, and what it cannot use',
    inPlayground(async (place, mount) => {
      expect(await place.ubinder(['reports', mount])).toMatchObject({ code: 3 });
      expect(await place.ubinder(['reports', mount, '--kinds', 'odd'])).toMatchObject({ code: 2 });
    }),
  );
});
