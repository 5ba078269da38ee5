// Servers and clients in four languages, each with each, over a mount of ours with our service manager: the same interface, ../aidl of
// `rust`, written in TypeScript, C (libgbinder), Rust (rsbinder) and Python (python3-gbinder). On the kernel's own driver
// (driver.ts) those in TypeScript.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { slowness } from '../support/slowness.ts';
import { type Driver, kernelDevice, openDriver, whyNoDriver } from './driver.ts';
import { end, LANGUAGES, type Language, LIBGBINDER, Programs, run, start } from './programs.ts';
import { type Impossible, ResultTable } from './result-table.ts';

if (whyNoDriver) console.warn(`SKIPPED: the interop matrix: ${whyNoDriver}`);

/** What a client asks of a service, the last ends it. */
const CHECKS = [
  ...['list', 'ping', 'echo', 'kinds', 'large', 'error', 'send-fd', 'receive-fd', 'callback', 'nested'],
  ...['object', 'identity', 'oneway', 'death'],
];

/** What comes before: that the service is registered, and that the client gets it. */
const BEGINNING = ['add', 'get'];

const IMPOSSIBLE: readonly Impossible[] = [
  {
    check: 'nested',
    languages: LIBGBINDER,
    roles: ['server', 'client'],
    why: 'libgbinder serves its objects on one thread: each waits for the other',
  },
  {
    check: 'object',
    languages: LIBGBINDER,
    roles: ['client'],
    why: 'libgbinder reads no object of its own out of a parcel',
  },
  {
    check: 'identity',
    languages: LIBGBINDER,
    roles: ['server'],
    why: 'libgbinder reads no object of its own out of a parcel',
  },
  {
    check: 'identity',
    languages: ['Python'],
    roles: ['client'],
    why: 'python3-gbinder makes another object of each that it reads, and compares none',
  },
];

describe.skipIf(whyNoDriver !== null)('interop matrix', { timeout: 120_000 * slowness }, () => {
  let programs: Programs;
  let driver: Driver;
  const results = new ResultTable([...BEGINNING, ...CHECKS], IMPOSSIBLE);

  beforeAll(() => {
    programs = new Programs();
    programs.generateEcho();
  }, 600_000);
  afterAll(() => {
    programs?.[Symbol.dispose]();
    results.print('What each pair of languages has done');
  });

  describe('our service manager', () => {
    let before: Awaited<ReturnType<Driver['counts']>>;
    beforeAll(async () => {
      driver = await openDriver({ hasManager: true });
      before = await driver.counts();
    }, 60_000 * slowness);
    afterAll(() => driver?.[Symbol.asyncDispose]());
    afterEach(() => expect.poll(() => driver.counts(), { timeout: 10_000 * slowness }).toEqual(before));

    for (const server of LANGUAGES) {
      for (const client of LANGUAGES) {
        test(`${server} serves ${client}`, async () => {
          const name = `ubinder.interop.IEcho/${server}-${client}`;
          const wanted = results.begin(server, client).filter((check) => CHECKS.includes(check));
          const service = await start(driver, programs.command(server, 'service', name), `ready ${name}\n`);
          results.pass(server, client, 'add');
          const { output, code } = await run(driver, programs.command(client, 'client', name, ...wanted));
          for (const [, check] of output.matchAll(/^ok (\S+)$/gm)) {
            // Without the service there is no check
            results.pass(server, client, 'get');
            results.pass(server, client, check!);
          }
          await end(service);
          expect({ code, output: `${output}${service.said()}` }).toEqual({
            code: 0,
            output: `${wanted.map((check) => `ok ${check}\n`).join('')}ready ${name}\n`,
          });
        });
      }
    }

    test('no cell of the table is missing', () => {
      expect(results.missing()).toEqual([]);
    });

    test.skipIf(kernelDevice)("Debian's binder-list, binder-ping and binder-call", async () => {
      const name = 'ubinder.interop.IEcho/default';
      const service = await start(driver, programs.command('TypeScript', 'service', name), `ready ${name}\n`);
      const tool = (tool: string, ...args: string[]) =>
        run(driver, [programs.outside[tool]!, '-d', '/dev/binder', ...args]);
      expect(await tool('binder-list')).toMatchObject({ code: 0, output: `manager\n${name}\n` });
      expect(await tool('binder-list', name)).toMatchObject({ code: 0 });
      expect(await tool('binder-list', 'nosuch')).toMatchObject({ code: 2 });
      for (const known of ['manager', name]) {
        expect(await tool('binder-ping', known)).toMatchObject({ code: 0, output: 'OK\n' });
      }
      const called = (...args: string[]) => tool('binder-call', '-a', name, ...args);
      // It ends with 2 after success, too.
      const reply = ['reply', 'i32', 's16'];
      expect(await called('1', '"hello"u', ...reply)).toMatchObject({ code: 2, output: '0 "hello"U \n' });
      const failed = await called('6', '77', ...reply, 'i32', 'i32');
      expect(failed).toMatchObject({ code: 2, output: '-8 "as asked"U 0 77 \n' });
      await end(service);
    });
  });

  describe.skipIf(kernelDevice)('rsb_hub', () => {
    beforeEach(async () => {
      driver = await openDriver({ hasManager: false });
    });
    afterEach(() => driver[Symbol.asyncDispose]());

    test('is a service manager for TypeScript', async () => {
      const before = await driver.counts();
      const hub = await start(driver, [programs.outside.rsb_hub!, '--insecure-allow-all']);
      for (const client of ['TypeScript', 'Rust'] satisfies Language[]) {
        const name = `ubinder.interop.IEcho/${client}`;
        const service = await start(
          driver,
          programs.command('TypeScript', 'service', name),
          `ready ${name}\n`,
        );
        const { output, code } = await run(driver, programs.command(client, 'client', name, ...CHECKS));
        await end(service);
        expect({ code, output }).toEqual({
          code: 0,
          output: CHECKS.map((check) => `ok ${check}\n`).join(''),
        });
      }
      await end(hub);
      await expect.poll(() => driver.counts(), { timeout: 5000 }).toEqual(before);
    });
  });
});
