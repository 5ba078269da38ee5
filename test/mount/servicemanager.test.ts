import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { program } from '../support/library.ts';
import { type Ended, type Mode, TestMount, whyNot } from '../support/mount.ts';

// `ubinder servicemanager` as a process of its own, and the library's programs as its clients.

const dist = fileURLToPath(new URL('../../dist', import.meta.url));
const mode: Mode = whyNot('root') ? 'rootless' : 'root';
const reason = whyNot(mode);
if (reason) console.warn(`SKIPPED: service manager: ${reason}`);

/** Serves under the name given, and says `ready`. */
const SERVICE = (name: string): string => `
  await binder.services.add('${name}', ITest.implement({ echo: (text) => '${name}: ' + text }));
  say('ready');
`;

/** Waits for a service, calls it and says its answer, and which others there are. */
const CALL = (name: string): string => `
  const service = await binder.services.get(ITest, '${name}', { signal: AbortSignal.timeout(20_000) });
  say(await service.echo('hello'));
  say((await binder.services.list()).join());
  process.exit();
`;

/** For what the library does not wrap. */
const MANAGER = `
  const { IClientCallback, IServiceManager } = await import('${dist}/binder/servicemanager/index.js');
  const services = IServiceManager.fromBinder(binder.contextManager());
`;

/** Serves under a name as long as it has clients. */
const LAZY_SERVICE = (name: string): string => `${MANAGER}
  const service = ITest.implement({ echo: (text) => process.pid + ': ' + text });
  const { FLAG_IS_LAZY_SERVICE, DUMP_FLAG_PRIORITY_DEFAULT } = IServiceManager;
  await services.addService('${name}', service, false, FLAG_IS_LAZY_SERVICE | DUMP_FLAG_PRIORITY_DEFAULT);
  await services.registerClientCallback('${name}', service, IClientCallback.implement({
    async onClients(registered, hasClients) {
      ub.release(registered);
      if (hasClients) return;
      await services.tryUnregisterService('${name}', service);
      process.exit();
    },
  }));
`;

describe.skipIf(reason !== null)('the service manager', () => {
  let mount: TestMount;
  let files: string;
  beforeEach(async () => {
    mount = await TestMount.start(mode, { seconds: 60 });
    files = mkdtempSync(`${tmpdir()}/ubinder-services-`);
  });
  afterEach(async () => {
    rmSync(files, { recursive: true });
    await mount.stop();
  });

  async function start(command: string[]): Promise<{ child: ChildProcess; said: () => string }> {
    const child = mount.spawn(command);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk;
      });
    }
    await expect.poll(() => said, { timeout: 30_000 }).toContain('ready');
    return { child, said: () => said };
  }

  const command = (...args: string[]) => [process.execPath, `${dist}/cli/main.js`, 'servicemanager', ...args];

  const startManager = (...options: string[]) => start(command(mount.device(), ...options));

  const run = (script: string, device = mount.device()): Promise<Ended> => mount.run(program(device, script));

  function file(name: string, content: unknown): string {
    const path = `${files}/${name}`;
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }

  test('brings those together who know a name, and forgets who has gone', async () => {
    const { child: manager, said } = await startManager();
    expect(said()).toMatch(/^ubinder servicemanager ready: \S+ \(pid \d+\)\n$/);
    const { child } = await start(program(mount.device(), SERVICE('echo')));
    expect(await run(CALL('echo'))).toMatchObject({ output: 'echo: hello\necho,manager\n', code: 0 });
    child.kill('SIGKILL');
    const gone = await run(`
      while ((await binder.services.list()).join() !== 'manager') await sleep(20);
      say(String(await binder.services.check(ITest, 'echo')));
      process.exit();
    `);
    expect(gone).toMatchObject({ output: 'null\n', code: 0 });
    manager.kill('SIGTERM');
    await expect.poll(() => manager.exitCode).toBe(0);
  });

  test('tells who has registered what, for whom dumps it', async () => {
    const { child: manager } = await startManager();
    const server = program(
      mount.device(),
      `for (const [name, dumpPriority] of [['urgent', 1], ['usual', 8]])
        await binder.services.add(name, ITest.implement({}), { dumpPriority });
      say('ready ' + process.pid);`,
    );
    const { said } = await start(server);
    const pid = Number(/ready (\d+)/.exec(said())?.[1]);
    const { output } = await run(`${MANAGER}
      say((await binder.services.list({ dumpPriority: 1 })).join());
      say((await binder.services.list()).join());
      const info = await services.getServiceDebugInfo();
      say(info.map(({ name, debugPid }) => name + ' ' + debugPid).join());
      process.exit();
    `);
    expect(output).toBe(`urgent\nmanager,urgent,usual\nmanager ${manager.pid},urgent ${pid},usual ${pid}\n`);
  });

  test('speaks as the Android that is asked for', async () => {
    const releases = { binder: 11, hwbinder: 12, vndbinder: 15 };
    for (const [name, android] of Object.entries(releases)) {
      const device = `binder:${mount.device(name)}?android=${android}`;
      await start(command(mount.device(name), '--android', `${android}`));
      await start(program(device, SERVICE(`of-${android}`)));
      const { output } = await run(CALL(`of-${android}`), device);
      expect(output).toBe(`of-${android}: hello\nmanager,of-${android}\n`);
    }
  });

  test('is one on each device', async () => {
    await startManager();
    expect(await mount.run(command(mount.device()))).toMatchObject({
      code: 1,
      output: `ubinder: Cannot be the service manager of ${mount.device()}: another process is\n`,
    });
  });

  test('ends when its devices are gone', async () => {
    const { child } = await startManager();
    mount.terminate();
    await expect.poll(() => child.exitCode, { timeout: 10_000 }).toBe(0);
  });

  test('follows a policy, which is read again, and starts what is declared', async () => {
    const policy = file('policy.json', { rules: [{ deny: 'service-add', service: 'forbidden.*' }] });
    const name = 'test.ITest/default';
    const declared = file('services.json', {
      services: [{ name, start: program(mount.device(), SERVICE(name)) }],
    });
    const { child, said } = await startManager('--policy', policy, '--declared', declared);
    const ask = `
      await binder.services.add('forbidden.x', ITest.implement({})).then(() => say('added'), (error) => say(error.code));
      say(String(await binder.services.isDeclared('${name}')));
      process.exit();
    `;
    expect(await run(ask)).toMatchObject({ output: 'SECURITY\ntrue\n', code: 0 });
    expect(said()).toContain('service-add of "forbidden.x" on binder denied: pid ');
    expect(await run(CALL(name))).toMatchObject({ output: `${name}: hello\nmanager,${name}\n`, code: 0 });
    // By who they are: this program's label and its executable are told, too.
    file('policy.json', {
      default: 'deny',
      rules: [
        { allow: 'service-find' },
        { allow: 'service-add', from: { executable: process.execPath, label: '*' } },
      ],
    });
    child.kill('SIGHUP');
    await expect.poll(said).toContain('was read again');
    expect(await run(ask)).toMatchObject({ output: 'added\ntrue\n', code: 0 });
    expect((await run(CALL(name))).output).toContain('SecurityError');
  });

  test('starts a lazy service as often as it is wanted', async () => {
    const name = 'test.ILazy/default';
    const declared = file('services.json', {
      services: [{ name, start: program(mount.device(), LAZY_SERVICE(name)) }],
    });
    await startManager('--declared', declared);
    const { output, code } = await run(`
      let before;
      for (let i = 0; i < 2; i++) {
        {
          const service = await binder.services.get(ITest, '${name}', { signal: AbortSignal.timeout(20_000) });
          const [pid, answer] = (await service.echo('hello')).split(': ');
          say(answer + (pid === before ? ' from the same' : ''));
          before = pid;
          ub.release(service);
        }
        while ((await binder.services.list()).includes('${name}')) await sleep(50);
      }
      process.exit();
    `);
    expect({ output, code }).toEqual({ output: 'hello\nhello\n', code: 0 });
  });

  test('refuses what it cannot use', async () => {
    const bad = file('bad.json', { services: [{ name: 'a', run: 'x' }] });
    const refused: [args: string[], code: number, message: RegExp][] = [
      [['/nowhere/binder'], 1, /^ubinder: Cannot connect: there is no \/nowhere\/binder\n$/],
      [['/dev/null'], 1, /^ubinder: .*\/dev\/null/],
      [['--policy', '/nowhere'], 2, /missing required argument 'device'/],
      [['/dev/null', '/dev/null'], 2, /A device is given twice/],
      [['/dev/null', '--android', '10'], 2, /Give a release from 11 to 16/],
      [['/dev/null', '--policy', '/nowhere'], 1, /Cannot read the policy \/nowhere/],
      [['/dev/null', '--declared', bad], 1, /Cannot use the declared services \S+: services\.0\.run/],
    ];
    for (const [args, code, message] of refused) {
      const ended = await mount.run(command(...args));
      expect(ended.output).toMatch(message);
      expect(ended.output).not.toContain('    at ');
      expect(ended.code).toBe(code);
    }
  });
});
