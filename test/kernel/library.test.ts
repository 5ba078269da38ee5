import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  beganToEnd,
  ENDINGS,
  type Ending,
  endingClient,
  endingPlainly,
  mayTake,
  program,
  SERVER,
} from '../support/library.ts';
import { Boot, type Result, whyNoMachine } from './boot.ts';

// The TypeScript library on the kernel's own driver: a service and its clients, two processes, over /dev/binder; and what
// test/interop asks of services and clients in TypeScript, with our service manager.

/** Each kind of call, one line for each. */
const CALLS = `
  const remote = manager();
  await ub.ping(remote);
  say(await remote.echo('over the kernel'));
  const own = ITest.implement({ echo: (text) => text + ' from the client' });
  say(await remote.callBack(own));
  for (let i = 0; i < 3; i++) await remote.tell('word ' + i);
  while ((await remote.told()).length < 3) await sleep(20);
  say((await remote.told()).join());
  const [pid, uid] = await remote.who();
  say(pid === process.pid && uid === process.getuid() ? 'knows its caller' : pid + ' ' + uid);
  say(await remote.fail('security').catch((error) => error.code + ' ' + error.message));
  say((await remote.echo('x'.repeat(300_000))).length);
  process.exit();
`;

/** A file in each direction. */
const FILES = `
  const path = mkdtempSync('/tmp/ubinder-file-') + '/file';
  writeFileSync(path, 'from hand to hand');
  const file = FileDescriptor.owning(openSync(path));
  const back = await manager().file(file);
  // Its position, which is the service's too, is at its end
  const bytes = Buffer.alloc(64);
  say(bytes.subarray(0, readSync(back.fd, bytes, 0, 64, 0)).toString());
  process.exit();
`;

/** Ends the service, whose process id is in a file. */
const DEATH = `
  const remote = manager();
  // To wait for a death alone keeps nobody alive
  binder.ref();
  await ub.ping(remote);
  const dead = ub.deathOf(remote);
  const told = new Promise((done) => dead.addEventListener('abort', done));
  const held = remote.hold(100_000).catch((error) => error.code);
  await sleep(200);
  process.kill(Number(readFileSync('/run/server.pid', 'utf8')), 'SIGKILL');
  await told;
  say('told: ' + dead.reason.code);
  say('held: ' + (await held));
  say('later: ' + (await remote.echo('gone').catch((error) => error.code)));
  process.exit();
`;

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
/** Both suites in one process: to load what they need takes an emulated processor a minute. */
const INTEROP = [
  'env UBINDER_DRIVER=/dev/binder UBINDER_RUNS=2 NO_COLOR=1',
  `${process.execPath} ${VITEST} run --config test/interop/vitest.config.ts --no-isolate`,
  'test/interop/matrix.test.ts test/interop/wire.test.ts',
].join(' ');

const reason = whyNoMachine();
if (reason) console.warn(`SKIPPED: the library on the kernel's driver: ${reason}`);

describe.skipIf(reason !== null)("the library on the kernel's own driver", () => {
  let folder: string;
  let boot: Boot;
  const commands: string[] = [];
  const add = (command: string): number => commands.push(command) - 1;

  /** A line for sh that runs a program of the library's. */
  function client(name: string, script: string, options: object = {}): string {
    return line(name, program('/dev/binder', script, options));
  }

  /** A line for sh of these words, which lie in files, for they have lines. */
  function line(name: string, [node, ...args]: string[]): string {
    const words = args.map((word, index) => {
      const file = join(folder, `${name}-${index}`);
      writeFileSync(file, word);
      return `"$(cat ${file})"`;
    });
    return `${node} ${words.join(' ')}`;
  }

  /** A line for sh that starts a service, in the place of the last one: that still holds calls of who ended. */
  function serve(name: string): string {
    return `[ ! -f /run/server.pid ] || kill -9 $(cat /run/server.pid); \
      timeout 60 sh -c 'while grep -q ^proc /sys/kernel/debug/binder/state; do sleep 0.1; done'; \
      { ${client(name, SERVER, { maxThreads: 20 })} >/run/server.log 2>&1 & } ; \
      echo $! >/run/server.pid; timeout 300 sh -c 'until grep -q ready /run/server.log; do sleep 0.1; done' || cat /run/server.log`.replace(
      /\s*\n\s*/g,
      ' ',
    );
  }

  function indices() {
    const version = add('uname -r');
    const interop = add(INTEROP);
    add(serve('server'));
    const calls = add(client('calls', CALLS));
    const files = add(client('files', FILES));
    const timed = (command: string) => add(`${command}; code=$?; cat /proc/uptime >&2; exit $code`);
    const plainEndings = ENDINGS.map((ending, i) => timed(line(`plain-${i}`, endingPlainly(ending))));
    const endings = ENDINGS.map((ending, i) => {
      if (i > 0) add(serve(`server-${i}`));
      return timed(client(`ending-${i}`, endingClient(ending), { maxCallers: 15 }));
    });
    add(serve('server-last'));
    const death = add(client('death', DEATH));
    const state = add('cat /sys/kernel/debug/binder/state');
    return { version, interop, calls, files, plainEndings, endings, death, state };
  }

  let at: ReturnType<typeof indices>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ubinder-kernel-library-'));
    at = indices();
    boot = new Boot(['--kernel', '7.2', '--seconds', '1500'], commands);
    expect((await boot.result(at.version)).stdout).toMatch(/^7\.2\./);
  });
  afterAll(async () => {
    await boot?.stop();
    if (folder) rmSync(folder, { recursive: true });
  });

  const said = async (index: number): Promise<Pick<Result, 'code' | 'stdout' | 'stderr'>> => {
    const { code, stdout, stderr } = await boot.result(index);
    return { code, stdout, stderr };
  };

  test.each([
    ['matrix', 'What each pair of languages has done\n'],
    ['types', "AIDL's types, by which pairs have passed them\n"],
  ])('the interop suites: %s', async (_, title) => {
    const { code, stdout, stderr } = await said(at.interop);
    const [table] = /^server .*\n(?:(?!no ).+\n)*/m.exec(stdout.slice(stdout.indexOf(title))) ?? [];
    console.log(code === 0 ? `${title}${table}` : `${stdout}${stderr}`);
    expect(code).toBe(0);
    expect(table).toMatch(/^TypeScript +TypeScript( +ok)+$/m);
  });

  test('calls, callbacks, oneway calls, callers, exceptions, large data', async () => {
    expect(await said(at.calls)).toEqual({
      code: 0,
      stdout: `over the kernel
back: hello from the client
word 0,word 1,word 2
knows its caller
SECURITY security
300000
`,
      stderr: '',
    });
  });

  test('files in both directions', async () => {
    expect(await said(at.files)).toEqual({ code: 0, stdout: 'FROM HAND TO HAND\n', stderr: '' });
  });

  /** Seconds that a program took to end, in the way that it was to. */
  async function endOf(at: number, { code, signal }: Ending): Promise<number> {
    const result = await boot.result(at);
    expect(result.code).toBe(signal ? 130 : code);
    return Number(/^([\d.]+) [\d.]+\n$/m.exec(result.stderr)?.[1]) - beganToEnd(result.stdout);
  }

  test.each(ENDINGS.map((ending, index) => ({ ...ending, index })))(
    '$how ends a client with 15 parked threads, as fast as others',
    async ({ index, ...ending }) => {
      // The machine's pace changes: what counts is what the slowest took.
      const plain = Math.max(
        ...(await Promise.all(ENDINGS.map((other, i) => endOf(at.plainEndings[i]!, other)))),
      );
      const seconds = await endOf(at.endings[index]!, ending);
      console.log(`ended within ${seconds.toFixed(2)} s; without Binder: ${plain.toFixed(2)} s`);
      expect(seconds).toBeLessThan(mayTake(plain));
    },
  );

  test('the death of the service is told, and ends calls', async () => {
    expect(await said(at.death)).toEqual({
      code: 0,
      stdout: 'told: DEAD_OBJECT\nheld: DEAD_OBJECT\nlater: DEAD_OBJECT\n',
      stderr: '',
    });
  });

  test('nothing is left in the driver', async () => {
    const { code, stdout } = await said(at.state);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/^proc /m);
  });
});
