// Servers and clients in four languages, each with each, over a mount of ours with our service manager: the same interface, ../aidl of
// `rust`, written in TypeScript, C (libgbinder), Rust (rsbinder) and Python (python3-gbinder).

import { type ChildProcess, execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAIN } from '../support/cli.ts';
import { type Ended, TestMount, whyNot } from '../support/mount.ts';

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: the interop matrix: ${reason}`);

const root = fileURLToPath(new URL('../..', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));

const LANGUAGES = ['TypeScript', 'C', 'Rust', 'Python'] as const;
type Language = (typeof LANGUAGES)[number];

/** What a client asks of a service, the last ends it. That it is registered is asked first: `add`. */
const CHECKS = [
  ...['list', 'ping', 'echo', 'kinds', 'large', 'error', 'send-fd', 'receive-fd', 'callback', 'nested'],
  ...['object', 'identity', 'oneway', 'death'],
];

/** What a library cannot do at all. */
interface Impossible {
  readonly check: string;
  /** When one of these plays all of these roles. */
  readonly languages: readonly Language[];
  readonly roles: readonly ('server' | 'client')[];
  readonly why: string;
}

/** Python's is made of libgbinder. */
const LIBGBINDER: readonly Language[] = ['C', 'Python'];

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

function isImpossible(server: Language, client: Language, check: string): boolean {
  const played = { server, client };
  return IMPOSSIBLE.some(
    (one) => one.check === check && one.roles.every((role) => one.languages.includes(played[role])),
  );
}

describe.skipIf(reason !== null)('interop matrix', { timeout: 120_000 }, () => {
  let programs: Record<string, string>;
  let folder: string;
  let mount: TestMount;
  const rows: string[][] = [];

  beforeAll(() => {
    const fetch = [join(here, 'fetch.mjs'), '--json', 'rust', 'libgbinder', 'python'];
    programs = JSON.parse(
      execFileSync(process.execPath, fetch, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
    );
    folder = mkdtempSync(join(tmpdir(), 'ubinder-matrix-'));
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/ubinder'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
    const programsOfOurs = join(here, 'typescript');
    for (const name of readdirSync(programsOfOurs))
      copyFileSync(join(programsOfOurs, name), join(folder, name));
    generate();
  }, 600_000);
  afterAll(() => {
    if (folder) rmSync(folder, { recursive: true });
    print(rows);
  });

  /** What `ubinder aidl` makes of the interface, as JavaScript. */
  function generate(): void {
    const typescript = join(folder, 'typescript');
    const aidl = join(here, 'rust/aidl');
    const files = readdirSync(join(aidl, 'ubinder/interop')).map((name) => `ubinder/interop/${name}`);
    execFileSync(process.execPath, [MAIN, 'aidl', '-I.', `--out=${typescript}`, ...files], { cwd: aidl });
    for (const name of readdirSync(join(typescript, 'ubinder/interop'))) {
      const source = readFileSync(join(typescript, 'ubinder/interop', name), 'utf8');
      const target = join(folder, 'generated/ubinder/interop', name.replace(/ts$/, 'js'));
      mkdirSync(dirname(target), { recursive: true });
      const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
      writeFileSync(target, ts.transpileModule(source, { compilerOptions }).outputText);
    }
  }

  const commands: Readonly<Record<Language, (role: 'service' | 'client', name: string) => string[]>> = {
    TypeScript: (role, name) => [process.execPath, join(folder, `ts_${role}.mjs`), name],
    C: (role, name) => [programs[`gb_${role}`]!, name],
    Rust: (role, name) => [programs[`rs_${role}`]!, ...(role === 'client' ? ['--name', name] : [name])],
    Python: (role, name) => [programs['python3.14']!, join(here, `python/py_${role}.py`), name],
  };

  /** Where programs look for devices. */
  const entered = (command: string[]) => [join(here, 'enter.sh'), mount.directory, ...command];
  const env = { ...process.env, UBINDER: '/dev/binder', RUST_LOG: 'off', PYTHONDONTWRITEBYTECODE: '1' };
  const run = (command: string[]): Promise<Ended> => mount.run(entered(command), { env });

  async function start(
    command: string[],
    sign: string,
  ): Promise<{ child: ChildProcess; said: () => string }> {
    const child = mount.spawn(entered(command), { env });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk;
      });
    }
    await expect.poll(() => said, { timeout: 30_000 }).toContain(sign);
    return { child, said: () => said };
  }

  async function end(child: ChildProcess): Promise<void> {
    const closed = new Promise((done) => child.once('close', done));
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await closed;
  }

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
          const wanted = CHECKS.filter((check) => !isImpossible(server, client, check));
          const cells = new Map(CHECKS.map((check) => [check, wanted.includes(check) ? 'failed' : 'no']));
          const row = [server, client, 'failed', ...cells.values()];
          rows.push(row);
          const service = await start(commands[server]('service', name), `ready ${name}\n`);
          row[2] = 'ok';
          const { output, code } = await run([...commands[client]('client', name), ...wanted]);
          for (const [, check] of output.matchAll(/^ok (\S+)$/gm)) cells.set(check!, 'ok');
          row.splice(3, CHECKS.length, ...cells.values());
          await end(service.child);
          expect({ code, output: `${output}${service.said()}` }).toEqual({
            code: 0,
            output: `${wanted.map((check) => `ok ${check}\n`).join('')}ready ${name}\n`,
          });
        });
      }
    }

    test("Debian's binder-list, binder-ping and binder-call", async () => {
      const name = 'ubinder.interop.IEcho/default';
      const service = await start(commands.TypeScript('service', name), `ready ${name}\n`);
      const device = ['-d', '/dev/binder'];
      expect(await run([programs['binder-list']!, ...device])).toMatchObject({
        code: 0,
        output: `${name}\n`,
      });
      expect(await run([programs['binder-list']!, ...device, name])).toMatchObject({ code: 0 });
      expect(await run([programs['binder-list']!, ...device, 'nosuch'])).toMatchObject({ code: 2 });
      expect(await run([programs['binder-ping']!, ...device, name])).toMatchObject({
        code: 0,
        output: 'OK\n',
      });
      const called = (...args: string[]) => run([programs['binder-call']!, ...device, '-a', name, ...args]);
      // It ends with 2 after success, too.
      const reply = ['reply', 'i32', 's16'];
      expect(await called('1', '"hello"u', ...reply)).toMatchObject({ code: 2, output: '0 "hello"U \n' });
      const failed = await called('6', '77', ...reply, 'i32', 'i32');
      expect(failed).toMatchObject({ code: 2, output: '-8 "as asked"U 0 77 \n' });
      await end(service.child);
    });
  });

  describe('rsb_hub', () => {
    beforeEach(async () => {
      mount = await TestMount.start('root', { seconds: 100 });
    });
    afterEach(() => mount.stop());

    test('is a service manager for TypeScript', async () => {
      const { descriptors } = await mount.status();
      const hub = mount.spawn(entered([programs.rsb_hub!, '--insecure-allow-all']), { env });
      for (const client of ['TypeScript', 'Rust'] satisfies Language[]) {
        const name = `ubinder.interop.IEcho/${client}`;
        const service = await start(commands.TypeScript('service', name), `ready ${name}\n`);
        const { output, code } = await run([...commands[client]('client', name), ...CHECKS]);
        await end(service.child);
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

/** The table, and what its `no` mean. */
function print(rows: readonly string[][]): void {
  const table = [['server', 'client', 'add', ...CHECKS], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  '));
  const reasons = IMPOSSIBLE.map(
    ({ check, roles, languages, why }) =>
      `no ${check} with ${languages.join(' or ')} as ${roles.join(' and ')}: ${why}`,
  );
  console.log(['', ...lines, '', ...reasons].join('\n'));
}
