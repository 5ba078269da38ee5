import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  beganToEnd,
  dist,
  ENDINGS,
  endingClient,
  endingPlainly,
  mayTake,
  program,
  SERVER,
} from '../support/library.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';

// The library between processes: a server and its clients, each a program of its own.

const mode: Mode = whyNot('root') ? 'rootless' : 'root';
const reason = whyNot(mode);
if (reason) console.warn(`SKIPPED: library: ${reason}`);

const kinds = ['logical', 'workers'] as const;

/** How programs without Binder end, by the way they do. */
const plainly = new Map<string, { seconds: number; how: string | number | null }>();

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

  test('transactSync returns with the result, and nothing else runs meanwhile', async () => {
    const server = await start(SERVER);
    const { output, code } = await run(`
        const { spawn } = await import('node:child_process');
        const remote = manager();
        const failing = (...call) => {
          try {
            ub.transactSync(...call);
            say('no error');
          } catch (error) {
            say(error.code);
          }
        };
        let ticks = 0;
        const timer = setInterval(() => ticks++, 1);
        for (let i = 0; i < 100; i++) ub.transactSync(remote, 'hold', 1);
        say(ub.transactSync(remote, 'echo', 'x'.repeat(100_000)).length + ' ' + ticks);
        clearInterval(timer);
        ub.transactSync(remote, 'tell', 'a word');
        say(await remote.echo('in between'));
        say(ub.transactSync(remote, 'told').join());
        const ears = (echo) => ITest.implement({ echo });
        say(ub.transactSync(remote, 'callBack', ears((text) => text + ' at once')));
        failing(remote, 'callBack', ears(async (text) => text + ' later'));
        failing(remote, 'callBack', ears(() => ub.transactSync(remote, 'echo', 'within')));
        failing(remote, 'fail', 'security');
        failing(remote, 'file', FileDescriptor.owning(openSync('/dev/null')));
        failing(remote, 'nosuch');
        failing(ears(() => ''), 'echo', 'own');
        say(await remote.echo('asked as usual') + ', ' + ub.transactSync(remote, 'echo', 'and not'));
        spawn('sh', ['-c', 'sleep 0.2; kill -9 ${server.pid}']);
        failing(remote, 'hold', 100_000);
        failing(remote, 'echo', 'gone');
        binder.close();
        failing(remote, 'echo', 'closed');
      `);
    expect(output.split('\n')).toEqual([
      '100000 0',
      'in between',
      'a word',
      'back: hello at once',
      'ILLEGAL_STATE',
      'ILLEGAL_STATE',
      'SECURITY',
      'FAILED_TRANSACTION',
      'BAD_VALUE',
      'INVALID_OPERATION',
      'asked as usual, and not',
      'DEAD_OBJECT',
      'DEAD_OBJECT',
      'CLOSED',
      '',
    ]);
    expect(code).toBe(0);
    await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
  });

  test('a call that is served is all that a thread tells the event loop', async () => {
    const server = await start(`
      const { PoolThread } = await import('${dist}/binder/runtime/thread.js');
      const { returned } = PoolThread.prototype;
      let reads = 0;
      PoolThread.prototype.returned = function (...read) {
        reads++;
        return returned.apply(this, read);
      };
      await binder.becomeContextManager(ITest.implement({ echo: () => String(reads) }));
      say('ready');
    `);
    const { output } = await run(`
      const remote = manager();
      const before = Number(await remote.echo(''));
      for (let i = 1; i < 50; i++) await remote.echo('');
      say(Number(await remote.echo('')) - before);
    `);
    // Threads that are started come in between.
    expect(Number(output)).toBeGreaterThanOrEqual(50);
    expect(Number(output)).toBeLessThan(75);
    await stop(server);
  });

  test('NODE_DEBUG=ubinder tells what happens', async () => {
    const server = await start(SERVER);
    const command = program(
      mount.device(),
      `
        const remote = manager();
        await remote.echo('x');
        await remote.fail('security').catch(() => {});
        await remote.callBack(ITest.implement({ echo: (text) => text }));
        await remote.callBack(ITest.implement({ echo: async (text) => text }));
        binder.close();
      `,
      { threads },
    );
    const { output } = await mount.run(['env', 'NODE_DEBUG=ubinder', ...command]);
    const told = output.replaceAll(/UBINDER \d+: /g, '').replaceAll(/\d+\.\d{3} ms/g, 'N ms');
    const serve = expect.stringMatching(/^serve test\.ITest\.echo for pid \d+, uid \d+: done, N ms$/);
    expect(told.split('\n')).toEqual([
      `open ${mount.device()}`,
      'call test.ITest.echo of handle 0: done, N ms',
      'call test.ITest.fail of handle 0: SECURITY security, N ms',
      serve,
      'call test.ITest.callBack of handle 0: done, N ms',
      serve,
      'call test.ITest.callBack of handle 0: done, N ms',
      `close ${mount.device()}`,
      '',
    ]);
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

  if (threads === 'workers')
    test.each([
      ['process.exit()', 'process.exit(0)'],
      ['close()', 'binder.close()'],
    ])('%s while threads are being started is an end like any other', async (_how, end) => {
      const server = await start(SERVER);
      const folder = mkdtempSync('/tmp/ubinder-starting-');
      const [marker, preload] = [`${folder}/marker`, `${folder}/preload.cjs`];
      writeFileSync(
        preload,
        `if (!require('worker_threads').isMainThread) {
          const { dlopen } = process;
          process.dlopen = function (...args) {
            require('fs').writeFileSync('${marker}', '');
            return dlopen.apply(process, args);
          };
        }`,
      );
      // What each of a few threads is doing then is a matter of luck: loading koffi, mostly.
      for (const milliseconds of [0, 0.3, 0.6, 3, 3.3]) {
        rmSync(marker, { force: true });
        const command = program(
          mount.device(),
          `
          for (let i = 0; i < 4; i++) ub.ping(manager()).catch(() => {});
          await sleep(1);
          const { existsSync } = await import('node:fs');
          const limit = Date.now() + 10_000;
          while (!existsSync('${marker}')) if (Date.now() > limit) throw new Error('no thread');
          const soon = performance.now() + ${milliseconds};
          while (performance.now() < soon);
          ${end};`,
          { threads },
        );
        expect(await mount.run(['env', `NODE_OPTIONS=--require=${preload}`, ...command])).toMatchObject({
          code: 0,
          output: '',
        });
      }
      rmSync(folder, { recursive: true });
      await stop(server);
    });

  test.each(ENDINGS)('$how ends a client with 15 parked threads, as fast as others', async (ending) => {
    const server = await start(SERVER, { maxThreads: 20 });
    const ended = async (command: string[]) => {
      const { output, code, signal } = await mount.run(command);
      const now = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
      return { seconds: now - beganToEnd(output), how: signal ?? code };
    };
    const plain = plainly.get(ending.how) ?? (await ended(endingPlainly(ending)));
    plainly.set(ending.how, plain);
    const client = await ended(program(mount.device(), endingClient(ending), { threads, maxCallers: 15 }));
    // nsenter(1) and Node.js's own handling of signals agree on codes.
    const how = mode === 'rootless' && ending.signal ? 130 : (ending.signal ?? ending.code);
    expect([plain.how, client.how]).toEqual([how, how]);
    expect(client.seconds).toBeLessThan(mayTake(plain.seconds));
    await stop(server);
  });
});
