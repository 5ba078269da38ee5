import { chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { inPlayground, isAlive, MAIN, type Outcome, type Playground, until } from '../support/cli.ts';
import { whyNot } from '../support/mount.ts';

// What the command promises (docs/cli.md): what it prints where, its messages, its exit codes.

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: command line on mounts, root: ${reason}`);

/** The user that root becomes to be an ordinary one. */
const NOBODY = { uid: 65534, gid: 65534 };

/** A command where /dev/fuse is another file. */
const withoutFuse = (command: string[]): string[] => [
  'unshare',
  '-m',
  'sh',
  '-c',
  'mount --bind /dev/null /dev/fuse && exec "$@"',
  'sh',
  ...command,
];
const ubinder = (...args: string[]): string[] => [process.execPath, MAIN, ...args];

/** What demonstrations that had {@link tmp} have there. */
const demoDirectories = (place: Playground): string[] =>
  readdirSync(place.directory).filter((name) => name.startsWith('ubinder-demo-'));
const tmp = (place: Playground): object => ({ env: { ...process.env, TMPDIR: place.directory } });

describe('ubinder', { concurrent: true }, () => {
  test(
    'has exit code 2 for wrong usage',
    inPlayground(async (place, mount) => {
      const wrong = [
        [],
        ['up', '--mode', '9'],
        ['up', '--max-devices', '1048577'],
        ['up', '--owner', '4294967295'],
        ['up', '--detach', '--spin', '-1'],
        ['up', '--page-budget', '16X'],
        ['up', '--page-budget', '0'],
        ['status', '--mount'],
        ['demo', 'call'],
      ];
      const outcomes = await Promise.all(wrong.map((args) => place.ubinder(args)));
      for (const [i, { code, stdout, stderr }] of outcomes.entries())
        expect({ args: wrong[i], code, stdout, stderr }).toEqual({
          args: wrong[i],
          code: 2,
          stdout: '',
          stderr: expect.stringMatching(/./),
        });
      const forced = { ...process.env, UBINDER_FORCE_MODE: 'magic' };
      for (const args of [['up'], ['up', '--detach']])
        expect(await place.ubinder([...args, '--mount', mount], { env: forced })).toMatchObject({
          code: 2,
          stderr: 'ubinder: Cannot use UBINDER_FORCE_MODE=magic: known are passthrough, inject and store\n',
        });
      expect(await place.ubinder(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
      expect(await place.ubinder(['--help'])).toMatchObject({ code: 0, stderr: '' });
    }),
  );

  test(
    'has exit code 3 where nothing is served',
    inPlayground(async (place, mount) => {
      for (const command of ['status', 'down'])
        expect(await place.ubinder([command, '--mount', mount])).toEqual({
          code: 3,
          signal: null,
          stdout: '',
          stderr: `ubinder: Nothing is served at ${mount}\n`,
        });
      expect(await place.ubinder(['shrink', mount])).toMatchObject({ code: 3, stdout: '' });
    }),
  );
});

describe.skipIf(reason !== null)('ubinder up', { concurrent: true }, () => {
  test(
    'says what is wrong, why, and what to do',
    inPlayground(async (place, mount) => {
      const file = place.path('file');
      writeFileSync(file, '');
      const full = place.path('full');
      mkdirSync(full);
      writeFileSync(`${full}/file`, '');
      const own = place.path('own');
      mkdirSync(own);
      chownSync(own, NOBODY.uid, NOBODY.gid);
      const { XDG_RUNTIME_DIR: _, ...bare } = process.env;
      const cases: [Promise<Outcome>, RegExp][] = [
        [place.ubinder(['up', '--mount', place.path('none')]), /there is no such directory; make it first/],
        [place.ubinder(['up', '--mount', full]), /it is not empty; name an empty directory/],
        [place.ubinder(['up', '--mount', file]), /not a directory.*; name a directory/],
        [place.ubinder(['up', '--detach', '--mount', `${full}/file`]), /not a directory.*; name a directory/],
        [
          place.ubinder(['up'], { ...NOBODY, env: bare }),
          /Cannot choose a directory: XDG_RUNTIME_DIR is not set; name one with --mount DIR/,
        ],
        [
          place.ubinder(['up', '--mount', mount], { ...NOBODY, env: { ...bare, XDG_RUNTIME_DIR: own } }),
          /(mounting needs root, or a user namespace|this user may not open \/dev\/fuse).*`ubinder doctor` tells more/,
        ],
        [place.run(withoutFuse(ubinder('up', '--mount', mount))), /fuse.*`ubinder doctor` tells more/],
      ];
      for (const [outcome, message] of cases) {
        const { code, stdout, stderr } = await outcome;
        expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
        // One line, no stack
        expect(stderr).toMatch(/^ubinder: [^\n]+\n$/);
        expect(stderr).toMatch(message);
      }
      expect(place.mounts()).toEqual([]);
    }),
  );

  test(
    'makes the default directory of an ordinary user, and serves there in a user namespace',
    inPlayground(async (place) => {
      const runtime = place.path('runtime');
      mkdirSync(runtime, { mode: 0o700 });
      const script = `
      set -e
      "$@" up --detach
      "$@" status --json
      ls $XDG_RUNTIME_DIR/ubinder
      "$@" down
      ls -A $XDG_RUNTIME_DIR/ubinder $XDG_RUNTIME_DIR/ubinder-control`;
      const run = [
        'unshare',
        '-Um',
        '--map-user=1234',
        '--map-group=1234',
        '--keep-caps',
        'sh',
        '-c',
        script,
        'sh',
        ...ubinder(),
      ];
      const { code, stdout, stderr } = await place.run(run, {
        env: { ...process.env, XDG_RUNTIME_DIR: runtime },
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(
        new RegExp(
          `^ubinder ready: ${runtime}/ubinder \\(pid \\d+\\)\\n\\{.*"mode":"inject".*\\}\\n` +
            'binder\\nbinder-control\\nfeatures\\nhwbinder\\nvndbinder\\n' +
            `${runtime}/ubinder:\\n\\n${runtime}/ubinder-control:\\n$`,
        ),
      );
    }),
  );

  test(
    '--detach returns when clients can open the devices; status and down find it',
    inPlayground(async (place, mount) => {
      const started = await place.ubinder(['up', '--detach', '--no-service-manager', '--mount', 'mount'], {
        cwd: place.directory,
      });
      expect(started).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(new RegExp(`^ubinder ready: ${mount} \\(pid \\d+\\)\\n$`)),
        stderr: 'ubinder: devices have mode 0666, as on Android: any user may open them (see --mode)\n',
      });
      const pid = Number(/pid (\d+)/.exec(started.stdout)?.[1]);
      expect(await place.run(['cat', `${mount}/features/extended_error`])).toMatchObject({ stdout: '1\n' });
      const { stdout } = await place.ubinder(['status', '--json', '--mount', mount]);
      expect(JSON.parse(stdout)).toMatchObject({
        pid,
        mountPoint: mount,
        mode: expect.stringMatching(/^(passthrough|inject)$/),
        devices: ['binder', 'hwbinder', 'vndbinder'],
        processes: 0,
        descriptors: expect.any(Number),
      });
      const forPeople = await place.ubinder(['status', '--mount', mount]);
      expect(forPeople.stdout).toMatch(
        new RegExp(
          `^${mount} \\(pid ${pid}, \\w+, up \\d+ s\\): binder, hwbinder, vndbinder\\n  processes +0\\n`,
        ),
      );
      expect(await place.ubinder(['down', '--mount', mount])).toMatchObject({
        code: 0,
        stdout: '',
        stderr: '',
      });
      expect(place.mounts()).toEqual([]);
      await until(() => !isAlive(pid));
      expect(await place.ubinder(['down', '--mount', mount])).toMatchObject({ code: 3 });
    }),
  );

  test(
    'gives devices the mode and owner that are asked for',
    inPlayground(async (place, mount) => {
      const look = async (): Promise<string> =>
        (await place.run(['stat', '-c', '%n %a %u %g', 'binder', 'binder-control'], { cwd: mount })).stdout;
      const open = async (user: object): Promise<number | null> =>
        (await place.run(['sh', '-c', ': <> binder'], { cwd: mount, ...user })).code;
      const first = await place.up(mount);
      expect(await look()).toBe('binder 666 0 0\nbinder-control 600 0 0\n');
      expect(await open(NOBODY)).toBe(0);
      first.child.kill();
      expect((await first.outcome).stderr).toContain('any user may open them');
      const second = await place.up(mount, '--mode', '0640', '--owner', '1', '--group', '65534');
      expect(await look()).toBe('binder 640 1 65534\nbinder-control 600 1 65534\n');
      expect(await open(NOBODY)).not.toBe(0);
      expect(await open({ uid: 1, gid: 1 })).toBe(0);
      await place.run(['chmod', '0666', `${mount}/binder`]);
      expect(await open(NOBODY)).toBe(0);
      second.child.kill();
      expect((await second.outcome).stderr).toBe('');
    }),
  );

  test(
    'gives pages back when asked to, and tells what they take; in store mode it says that it cannot',
    inPlayground(async (place, mount) => {
      const { mode, status, shrink, json } = await look({});
      if (mode === 'passthrough') {
        expect(status).toMatch(
          /\n {2}pages +0 bytes resident \(0 bytes used, 0 bytes unused\); 0 bytes given back, above 1\.5 GiB/,
        );
        expect(shrink).toMatchObject({
          code: 0,
          stdout: 'gave back 0 bytes; mappings take 0 bytes\n',
          stderr: '',
        });
        expect(JSON.parse(json.stdout)).toEqual({ freedBytes: 0, residentBytes: 0 });
      }
      const store = await look({ UBINDER_FORCE_MODE: 'store' });
      expect(store.status).toMatch(/\n {2}pages +not reclaimed in store mode\n$/);
      for (const { code, stdout, stderr } of [store.shrink, store.json])
        expect({ code, stdout, stderr }).toEqual({
          code: 1,
          stdout: '',
          stderr: expect.stringMatching(/^ubinder: Cannot give pages back: in store mode [^\n]+\n$/),
        });

      async function look(env: object) {
        const up = ['up', '--detach', '--no-service-manager', '--mount', mount, '--page-budget', '1536M'];
        const options = { env: { ...process.env, ...env } };
        expect(await place.ubinder(up, options)).toMatchObject({ code: 0 });
        const mode: string = JSON.parse(
          (await place.ubinder(['status', '--json', '--mount', mount])).stdout,
        ).mode;
        const status = (await place.ubinder(['status', '--mount', mount])).stdout;
        const shrink = await place.ubinder(['shrink', mount]);
        const json = await place.ubinder(['shrink', '--json', mount]);
        expect(await place.ubinder(['down', '--mount', mount])).toMatchObject({ code: 0 });
        return { mode, status, shrink, json };
      }
    }),
  );

  test(
    'serves the devices that are named',
    inPlayground(async (place, mount) => {
      await place.up(mount, '--devices', 'one,two', '--max-devices', '2');
      const { stdout } = await place.run(['ls', mount]);
      expect(stdout).toBe('binder-control\nfeatures\none\ntwo\n');
    }),
  );
});

describe('ubinder demo', { concurrent: true }, () => {
  test.skipIf(reason !== null)(
    '--once makes a call between processes, and leaves nothing',
    inPlayground(async (place) => {
      const { code, stdout, stderr } = await place.ubinder(['demo', '--once'], tmp(place));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(
        /^Serving \/\S+\/binder \(pid \d+\); context manager pid \d+, echo service pid \d+\nHello from one process to another \(said by pid \d+, uid 0\)\n$/,
      );
      const pids = [...stdout.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
      for (const pid of pids) expect(isAlive(pid)).toBe(false);
    }),
  );

  test.skipIf(reason !== null)(
    'serves until Ctrl-C, and can be called',
    inPlayground(async (place) => {
      const demo = place.start(ubinder('demo'), tmp(place));
      const [, pids, device] = await demo.said(
        /^(Serving [^\n]*)\n[\s\S]*--device (\S+) 'your words'.*Ctrl-C stops/,
      );
      const call = (text: string): Promise<Outcome> =>
        place.ubinder(['demo', 'call', '--device', device ?? '', text]);
      expect(await call('schöne Grüße')).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^schöne Grüße \(said by pid \d+, uid 0\)\n$/),
      });
      expect(await call('')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ \(said by/) });
      expect(await call('x'.repeat(131_060))).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^ubinder: Cannot call handle \d+: BR_FAILED_REPLY\n$/),
      });
      // Ctrl-Z and fg
      const processes = [...(pids ?? '').matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
      expect(processes).toHaveLength(3);
      for (const pid of processes.slice(1)) {
        process.kill(pid, 'SIGSTOP');
        process.kill(pid, 'SIGCONT');
      }
      expect(await call('again')).toMatchObject({ code: 0 });
      demo.child.kill('SIGINT');
      expect(await demo.outcome).toMatchObject({ code: 0, stderr: '' });
      for (const pid of processes) expect(isAlive(pid)).toBe(false);
      expect(demoDirectories(place)).toEqual([]);
      expect(await call('too late')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^ubinder: Cannot open \S+: ENOENT/),
      });
    }),
  );

  test.skipIf(reason !== null)(
    'leaves nothing when it is stopped or killed while it begins',
    inPlayground(async (place) => {
      for (const delay of [250, 500]) {
        const demo = place.start(ubinder('demo'), tmp(place));
        await new Promise((done) => setTimeout(done, delay));
        demo.child.kill('SIGINT');
        const { stderr } = await demo.outcome;
        expect(stderr, `stopped after ${delay} ms`).toBe('');
      }
      expect(demoDirectories(place)).toEqual([]);
      const demo = place.start(ubinder('demo'), tmp(place));
      const [, pid] = await demo.said(/^Serving \S+ \(pid (\d+)\)/);
      demo.child.kill('SIGKILL');
      await until(() => !isAlive(Number(pid)));
      // Empty, and nothing mounted on it
      for (const name of demoDirectories(place))
        expect(await place.run(['rmdir', place.path(name)])).toMatchObject({ code: 0 });
    }),
  );

  test.skipIf(process.getuid?.() !== 0)(
    'runs inside one process where there is no /dev/fuse',
    inPlayground(async (place) => {
      const { code, stdout, stderr } = await place.run(withoutFuse(ubinder('demo')), tmp(place));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(
        /^Hello from one process to another \(said by pid 3, uid 1003\)\nNo Binder device can be served here: [^\n]+; this call ran on the driver inside one process\. `npx ubinder doctor` tells more\.\n$/,
      );
      expect(demoDirectories(place)).toEqual([]);
    }),
  );

  test(
    'says what is wrong with a device',
    inPlayground(async (place, mount) => {
      expect(await place.ubinder(['demo', 'call', '--device', place.path('none'), 'hello'])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^ubinder: Cannot open \S+: ENOENT[^\n]*\n$/),
      });
      expect(statSync(mount).isDirectory()).toBe(true);
    }),
  );
});
