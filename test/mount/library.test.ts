import type { ChildProcess } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { program, SERVER } from '../support/library.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';

// The library between processes: a server and its clients, each a program of its own.

const mode: Mode = whyNot('root') ? 'rootless' : 'root';
const reason = whyNot(mode);
if (reason) console.warn(`SKIPPED: library: ${reason}`);

const kinds = ['logical', 'workers'] as const;

describe.skipIf(reason !== null).each(kinds)('the library with %s as threads', (threads) => {
  let mount: TestMount;
  let descriptors: number;
  beforeEach(async () => {
    mount = await TestMount.start(mode, { seconds: 40 });
    ({ descriptors } = await mount.status());
  });
  afterEach(() => mount.stop());

  /** Starts a program and waits until it says `ready`. */
  async function start(script: string, options: object = {}): Promise<ChildProcess> {
    const child = mount.spawn(program(mount.device(), script, { threads, ...options }));
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk;
      });
    }
    await expect.poll(() => said, { timeout: 20_000 }).toContain('ready\n');
    return child;
  }

  const run = (script: string, options: object = {}) =>
    mount.run(program(mount.device(), script, { threads, ...options }));

  /** Ends a program, and checks that everything it and others had part in is gone. */
  async function stop(child: ChildProcess): Promise<void> {
    const closed = new Promise((done) => child.once('close', done));
    child.kill('SIGTERM');
    await closed;
    await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
  }

  test('calls, callbacks, oneways, errors and identities', async () => {
    const server = await start(SERVER);
    const { output, code } = await run(`
        {
          const remote = manager();
          say(await remote.echo('hello'));
          const ears = ITest.implement({ echo: (text) => text + ' yourself' });
          say(await remote.callBack(ears));
          ub.release(ears);
          for (let i = 0; i < 20; i++) await remote.tell('t' + i);
          // A call may overtake oneways, which wait for each other.
          let told = [];
          while (told.length < 20) told = await remote.told();
          say(told.join());
          const [pid, uid] = await remote.who();
          say(pid === process.pid && uid === process.geteuid() ? 'it is me' : 'somebody else');
          await remote.fail('security').catch((error) => say(error.code + ': ' + error.message));
          await remote.fail('a bug').catch((error) => say(error.code + ': ' + error.message));
          await ub.ping(remote);
          say(await ub.descriptorOf(remote));
        }
        say('the end');
      `);
    expect(output.split('\n')).toEqual([
      'hello',
      'back: hello yourself',
      Array.from({ length: 20 }, (_, i) => `t${i}`).join(),
      'it is me',
      expect.stringMatching(/^SECURITY: security/),
      expect.stringMatching(/^ILLEGAL_STATE: a bug/),
      'test.ITest',
      'the end',
      '',
    ]);
    expect(code).toBe(0);
    await stop(server);
  });

  test('calls that wait for a Binder thread queue, and all are answered', async () => {
    const server = await start(SERVER, { maxThreads: 3 });
    const { output } = await run(
      `
        const remote = manager();
        const held = await Promise.all(Array.from({ length: 20 }, (_, i) => remote.hold(i)));
        say(held.join());
        `,
      { maxCallers: 6 },
    );
    expect(output).toBe(`${Array.from({ length: 20 }, (_, i) => i).join()}\n`);
    await stop(server);
  });

  test('file descriptors travel both ways', async () => {
    const server = await start(SERVER);
    const { output } = await run(`
        const directory = mkdtempSync('/tmp/ubinder-file-');
        writeFileSync(directory + '/file', 'what a file says');
        const remote = manager();
        let before;
        const call = async () => {
          const fd = openSync(directory + '/file', 'r');
          const file = FileDescriptor.owning(fd);
          const answer = await remote.file(file);
          file[Symbol.dispose]();
          return answer;
        };
        for (let i = 0; i < 3; i++) {
          const answer = await call();
          const bytes = Buffer.alloc(64);
          say(bytes.subarray(0, readSync(answer.fd, bytes, 0, 64, 0)).toString());
          answer[Symbol.dispose]();
          before ??= readdirSync('/proc/self/fd').length;
        }
        say(readdirSync('/proc/self/fd').length - before);
        rmSync(directory, { recursive: true });
      `);
    expect(output).toBe(`${'WHAT A FILE SAYS\n'.repeat(3)}0\n`);
    await stop(server);
  });

  test('a death is told once, and later calls say so', async () => {
    const server = await start(SERVER);
    const client = await start(`
        // A client that only waits for a death would end.
        binder.ref();
        const remote = manager();
        await remote.echo('there');
        let deaths = 0;
        ub.linkToDeath(remote, () => deaths++);
        const signal = ub.deathOf(remote);
        signal.addEventListener('abort', async () => {
          await sleep(50);
          say('deaths: ' + deaths + ', ' + signal.reason.code);
          await remote.echo('still?').catch((error) => say(error.code));
          await manager().echo('again?').catch((error) => say(error.code));
          say('done');
          binder.unref();
        });
        const held = remote.hold(60000).catch((error) => say('held: ' + error.code));
        say('ready');
      `);
    let said = '';
    client.stdout?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const closed = new Promise((done) => client.once('close', done));
    server.kill('SIGKILL');
    await closed;
    expect(said.split('\n').sort()).toEqual(
      ['', 'DEAD_OBJECT', 'DEAD_OBJECT', 'deaths: 1, DEAD_OBJECT', 'done', 'held: DEAD_OBJECT'].sort(),
    );
    await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
  });

  if (threads === 'logical')
    test('a thousand calls of one event loop are under way at once', async () => {
      const server = await start(SERVER);
      const client = await start(`
      const remote = manager();
      await remote.hold(1);
      const held = Promise.all(Array.from({ length: 1000 }, (_, i) => remote.hold(3000 + i)));
      say('ready');
      say((await held).length);
    `);
      let said = '';
      client.stdout?.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      await expect.poll(async () => (await mount.status()).transactions, { timeout: 10_000 }).toBe(1000);
      await expect.poll(() => said, { timeout: 20_000 }).toBe('1000\n');
      await stop(server);
    });

  test('the end of the driver ends the connection, and the calls under way', async () => {
    const server = await start(SERVER);
    const client = await start(`
      const remote = manager();
      remote.hold(100_000).catch((error) => say('held: ' + error.code));
      binder.closed.addEventListener('abort', () => say('closed: ' + binder.closed.reason.code));
      await remote.hold(1);
      say('ready');
    `);
    let said = '';
    client.stdout?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const ended = [server, client].map((child) => new Promise((done) => child.once('close', done)));
    mount.terminate();
    await Promise.all(ended);
    expect(said.split('\n').sort()).toEqual(['', 'closed: CLOSED', 'held: CLOSED']);
  });

  const endings: [how: string, script: string, code: number | null, signal: string | null][] = [
    ['process.exit()', 'process.exit(3);', 3, null],
    ['an uncaught throw', "throw new Error('on purpose');", 1, null],
    ['SIGINT', "process.kill(process.pid, 'SIGINT');", null, 'SIGINT'],
    [
      'SIGINT that is handled',
      "process.on('SIGINT', () => process.exit(4)); process.kill(process.pid, 'SIGINT');",
      4,
      null,
    ],
    ['the end of the script', 'binder.unref();', 0, null],
  ];
  test.each(endings)('%s ends a client with 15 parked threads', async (_how, script, code, signal) => {
    const server = await start(SERVER, { maxThreads: 20 });
    const { code: endedWith, signal: endedBy } = await run(
      `
        const ears = ITest.implement({});
        const remote = manager();
        await Promise.all(Array.from({ length: 15 }, () => remote.hold(1)));
        for (let i = 0; i < 15; i++) remote.hold(100_000).catch(() => {});
        await sleep(100);
        ${script}
        `,
      { maxCallers: 15 },
    );
    // nsenter(1) and Node.js's own handling of signals agree on codes.
    expect(endedBy ?? endedWith).toBe(mode === 'rootless' && signal ? 130 : (signal ?? code));
    await stop(server);
  });
});
