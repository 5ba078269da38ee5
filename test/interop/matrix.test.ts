// Servers and clients in four languages, each with each, over a mount of ours with our service manager: the same interface, ../aidl of
// `rust`, written in TypeScript, C (libgbinder), Rust (rsbinder) and Python (python3-gbinder).

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestMount, whyNot } from '../support/mount.ts';
import { end, LANGUAGES, type Language, LIBGBINDER, Programs, run, start } from './programs.ts';
import { type Impossible, ResultTable } from './result-table.ts';

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: the interop matrix: ${reason}`);

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

describe.skipIf(reason !== null)('interop matrix', { timeout: 120_000 }, () => {
  let programs: Programs;
  let mount: TestMount;
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
    let before: Awaited<ReturnType<TestMount['status']>>;
    beforeAll(async () => {
      mount = await TestMount.start('root', { seconds: 600, hasManager: true });
      before = await mount.status();
    });
    afterAll(() => mount?.stop());
    afterEach(async () => {
      const { processes, nodes, refs, deaths, transactions, buffers } = before;
      await expect
        .poll(() => mount.status(), { timeout: 10_000 })
        .toMatchObject({ processes, nodes, refs, deaths, transactions, buffers });
    });

    for (const server of LANGUAGES) {
      for (const client of LANGUAGES) {
        test(`${server} serves ${client}`, async () => {
          const name = `ubinder.interop.IEcho/${server}-${client}`;
          const wanted = results.begin(server, client).filter((check) => CHECKS.includes(check));
          const service = await start(mount, programs.command(server, 'service', name), `ready ${name}\n`);
          results.pass(server, client, 'add');
          const { output, code } = await run(mount, programs.command(client, 'client', name, ...wanted));
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

    test("Debian's binder-list, binder-ping and binder-call", async () => {
      const name = 'ubinder.interop.IEcho/default';
      const service = await start(mount, programs.command('TypeScript', 'service', name), `ready ${name}\n`);
      const tool = (tool: string, ...args: string[]) =>
        run(mount, [programs.outside[tool]!, '-d', '/dev/binder', ...args]);
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

  describe('rsb_hub', () => {
    beforeEach(async () => {
      mount = await TestMount.start('root', { seconds: 100 });
    });
    afterEach(() => mount.stop());

    test('is a service manager for TypeScript', async () => {
      const { descriptors } = await mount.status();
      const hub = await start(mount, [programs.outside.rsb_hub!, '--insecure-allow-all']);
      for (const client of ['TypeScript', 'Rust'] satisfies Language[]) {
        const name = `ubinder.interop.IEcho/${client}`;
        const service = await start(
          mount,
          programs.command('TypeScript', 'service', name),
          `ready ${name}\n`,
        );
        const { output, code } = await run(mount, programs.command(client, 'client', name, ...CHECKS));
        await end(service);
        expect({ code, output }).toEqual({
          code: 0,
          output: CHECKS.map((check) => `ok ${check}\n`).join(''),
        });
      }
      await end(hub);
      await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
    });
  });
});
