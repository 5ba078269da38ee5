import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { inPlayground, isAlive, MAIN, type Playground, until } from '../support/cli.ts';
import { program } from '../support/library.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';

// The service manager that `ubinder up` and `ubinder run` start.

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: the service manager of a mount: ${reason}`);

/** Says which services there are, and what the manager's dump is; or what is wrong with it. */
const LIST = `
  try {
    say('services: ' + (await binder.services.list()).join());
  } catch (error) {
    say(error.code);
  }
  process.exit();
`;

/** Dumps the manager, which means passing it a file: the daemon traces it. */
const DUMP = `
  for (let i = 0; i < 5; i++) {
    const file = FileDescriptor.owning(openSync('/dev/null', 'w'));
    await ub.dump(binder.contextManager(), file, []);
    file[Symbol.dispose]();
  }
  say('dumped');
  process.exit();
`;

/** The service managers of a mount. */
function managersOf(mount: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isAlive(Number(name)))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.includes('servicemanager') && words.includes(`${mount}/binder`) && !words.includes('sh');
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** What a client of a device says. */
async function ask(place: Playground, device: string, script = LIST): Promise<string> {
  const { stdout, stderr } = await place.run(program(device, script));
  return stdout + stderr;
}

async function nextManager(mount: string, before: number): Promise<number> {
  await until(() => managersOf(mount).some((pid) => pid !== before));
  return managersOf(mount).find((pid) => pid !== before) as number;
}

describe.skipIf(reason !== null)(
  'the service manager of a mount',
  { concurrent: true, timeout: 90_000 },
  () => {
    test(
      'is there when the mount is, on binder and vndbinder, and ends with it',
      inPlayground(async (place, mount) => {
        const { child, outcome } = await place.upManaged(mount, '--mode', '0666');
        const [manager] = managersOf(mount) as [number];
        expect(await ask(place, `${mount}/binder`)).toBe('services: manager\n');
        expect(await ask(place, `${mount}/vndbinder`)).toBe('services: manager\n');
        expect(await ask(place, `${mount}/hwbinder`)).toBe('DEAD_OBJECT\n');
        child.kill('SIGTERM');
        expect(await outcome).toMatchObject({ code: 0, stderr: '' });
        expect(isAlive(manager)).toBe(false);
      }),
    );

    test(
      'is another one when it was killed, and when the daemon was',
      inPlayground(async (place, mount) => {
        const { pid, child, outcome } = await place.upManaged(mount, '--mode', '0666');
        let [manager] = managersOf(mount) as [number];
        for (const victim of [manager, pid]) {
          process.kill(victim, 'SIGKILL');
          manager = await nextManager(mount, manager);
          const deadline = Date.now() + 30_000;
          while ((await ask(place, `${mount}/binder`)) !== 'services: manager\n')
            expect(Date.now()).toBeLessThan(deadline);
        }
        child.kill('SIGTERM');
        const { code, stderr } = await outcome;
        expect(code).toBe(0);
        expect(stderr).toMatch(
          /^ubinder: the service manager ended; starting another, services must register again$/m,
        );
        expect(managersOf(mount)).toEqual([]);
      }),
    );

    test(
      'ends when its starter is killed',
      inPlayground(async (place, mount) => {
        for (const alone of [['--no-supervise'], []]) {
          const { child, outcome } = await place.upManaged(mount, '--mode', '0666', ...alone);
          const [manager] = managersOf(mount) as [number];
          child.kill('SIGKILL');
          await outcome;
          await until(() => !isAlive(manager));
        }
      }),
    );

    test(
      'is not there for those who want none, who may then be it',
      inPlayground(async (place, mount) => {
        await place.upManaged(mount, '--mode', '0666', '--no-service-manager');
        expect(managersOf(mount)).toEqual([]);
        expect(await ask(place, `${mount}/binder`)).toBe('DEAD_OBJECT\n');
        const manager = place.start([process.execPath, MAIN, 'servicemanager', `${mount}/binder`]);
        await manager.said(/ready/);
        expect(await ask(place, `${mount}/binder`)).toBe('services: manager\n');
        manager.child.kill('SIGTERM');
      }),
    );

    test(
      'that the policy forbids is an error that names the way without it, and leaves nothing',
      inPlayground(async (place, mount) => {
        const policy = place.path('policy.json');
        writeFileSync(policy, JSON.stringify({ rules: [{ deny: 'manage' }] }));
        for (const alone of [[], ['--no-supervise']]) {
          const { code, stdout, stderr } = await place.ubinder([
            ...['up', '--mount', mount, '--mode', '0666', '--policy', policy, ...alone],
          ]);
          expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
          expect(stderr).toMatch(
            /did not start: .* the policy of the device forbids it.*; --no-service-manager/,
          );
          expect(managersOf(mount)).toEqual([]);
          expect(place.mounts()).toEqual([]);
        }
      }),
    );

    test(
      'follows the policy of the mount, and what it is told of services',
      inPlayground(async (place, mount) => {
        const policy = place.path('policy.json');
        const declared = place.path('declared.json');
        writeFileSync(policy, JSON.stringify({ rules: [{ deny: 'service-list' }] }));
        writeFileSync(declared, JSON.stringify({ services: [{ name: 'some.IFoo/default' }] }));
        for (const alone of [[], ['--no-supervise']]) {
          writeFileSync(policy, JSON.stringify({ rules: [{ deny: 'service-list' }] }));
          const options = ['--policy', policy, '--declared', declared, '--android', '14'];
          const { child, outcome } = await place.upManaged(mount, '--mode', '0666', ...options, ...alone);
          const device = `binder:${mount}/binder?android=14`;
          expect(await ask(place, device)).toBe('SECURITY\n');
          writeFileSync(policy, JSON.stringify({ rules: [] }));
          child.kill('SIGHUP');
          const deadline = Date.now() + 10_000;
          while ((await ask(place, device)) !== 'services: manager\n')
            expect(Date.now()).toBeLessThan(deadline);
          const script = `say(String(await binder.services.isDeclared('some.IFoo/default')));
          process.exit();`;
          expect(await ask(place, device, script)).toBe('true\n');
          child.kill('SIGTERM');
          expect(await outcome).toMatchObject({ code: 0 });
        }
      }),
    );

    test(
      'is there for a command when that is asked for',
      inPlayground(async (place) => {
        const command = program('/dev/binder', LIST);
        const without = await place.ubinder(['run', '--', ...command]);
        expect(without).toMatchObject({ code: 0, stdout: 'DEAD_OBJECT\n', stderr: '' });
        const withIt = await place.ubinder(['run', '--service-manager', '--', ...command]);
        expect(withIt).toMatchObject({ code: 0, stdout: 'services: manager\n', stderr: '' });
        const both = await place.ubinder(['run', '--service-manager', '--mount', '/tmp', '--', 'true']);
        expect(both).toMatchObject({
          code: 125,
          stderr: expect.stringContaining('give --mount or --service-manager'),
        });
      }),
    );
  },
);

describe('a daemon that starts its service manager itself', { timeout: 90_000 }, () => {
  // As root files are passed to it so, rootless memory is mapped so, too
  for (const one of ['root', 'rootless'] satisfies Mode[]) {
    const why = whyNot(one);
    if (why) console.warn(`SKIPPED: ${one}: ${why}`);
    test.skipIf(why !== null)(`traces it, and does not take that for its end: ${one}`, async () => {
      await using mount = await TestMount.start(one, { hasManager: true });
      const dumped = await mount.run(program(mount.device(), DUMP));
      expect(dumped).toMatchObject({ code: 0, output: 'dumped\n' });
      expect(await mount.run(program(mount.device('vndbinder'), LIST))).toMatchObject({
        output: 'services: manager\n',
      });
      expect(mount.log).not.toContain('service manager');
    });
  }
});
