import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BuiltCli,
  canRun,
  canUnshare,
  canUnshareUser,
  mountsOfLaunchers,
  type Outcome,
  ordinaryUser,
  start,
} from '../host/launcher/built.test-support.ts';

let cli: BuiltCli;
beforeAll(() => {
  cli = new BuiltCli();
});
afterAll(() => cli[Symbol.dispose]());

const users = [
  { who: 'root', can: canUnshare, as: {} },
  { who: 'an ordinary user', can: canUnshareUser, as: ordinaryUser },
];

describe.each(users.filter(({ can }) => !can))('ubinder run as $who', () => {
  it.skip('needs namespaces, which this machine does not allow', () => {});
});

describe.each(users.filter(({ can }) => can))('ubinder run as $who', ({ who, as }) => {
  const run = (...args: string[]): Promise<Outcome> => cli.ubinder(['run', ...args], as);
  const text = async (...args: string[]): Promise<string> => {
    const { stdout, stderr, code } = await run(...args);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout.toString();
  };

  it('shows a served directory as /dev/binderfs and its devices in /dev', async () => {
    const served = cli.standIn('binder', 'vndbinder', 'mine', 'null', 'binder-control');
    const script =
      'cat /dev/binder /dev/binderfs/vndbinder /dev/mine; readlink /dev/vndbinder; echo $UBINDER; ls /dev/binderfs';
    expect(await text('--mount', served, '--', 'sh', '-c', script)).toBe(
      'served binderserved vndbinderserved minebinderfs/vndbinder\nbinder:/dev/binderfs/binder\n' +
        'binder\nbinder-control\nfeatures\nmine\nnull\nvndbinder\n',
    );
  });

  it('leaves the rest of /dev as it is, and the machine as it was', async () => {
    const before = mountsOfLaunchers();
    const served = cli.standIn('binder', 'null');
    const names = ['null', 'zero', 'urandom', 'tty', 'fd', 'stdin', 'pts', 'shm'];
    const look = `cd /dev && stat -c '%N %t:%T %d %i %f' ${names.join(' ')} 2>&1 | grep -v ^\\'fd; ls -A | grep -v binder`;
    const outside = await start('sh', ['-c', look], as).outcome;
    const inside = await text('--mount', served, '--', 'sh', '-c', look);
    // Links are made anew: their own numbers differ.
    const comparable = (output: string): string => output.replace(/^('.*' -> '.*' 0:0) .*$/gm, '$1');
    expect(comparable(inside)).toBe(comparable(outside.stdout.toString()));
    expect(mountsOfLaunchers()).toEqual(before);
    expect(
      await text('--mount', served, 'sh', '-c', 'echo gone > /dev/null; head -c 3 /dev/zero | od -An -c'),
    ).toBe('  \\0  \\0  \\0\n');
  });

  it.skipIf(!canRun('script', ['-qec', 'true', '/dev/null']))('lets the command make terminals', async () => {
    const served = cli.standIn('binder');
    const output = await text(
      '--mount',
      served,
      '--',
      'script',
      '-qec',
      'tty; echo works > /dev/tty',
      '/dev/null',
    );
    expect(output).toMatch(/^\/dev\/\S*pts\/\d+\r\nworks\r\n$/);
  });

  it('runs inside itself', async () => {
    const [outer, inner] = [cli.standIn('binder', 'outer'), cli.standIn('binder')];
    const script =
      'cat /dev/binder; ls /dev/outer; cat /dev/binderfs/binder; exec 3<>/dev/ptmx && echo terminal';
    const nested = [process.execPath, cli.main, 'run', '--mount', inner, '--', 'sh', '-c', script];
    const { stdout } = await run('--mount', outer, '--', ...nested);
    expect(stdout.toString()).toBe('served binder/dev/outer\nserved binderterminal\n');
  });

  it('becomes the command: its pid, exit code and signals', async () => {
    const served = cli.standIn('binder');
    const told = await run('--mount', served, '--', 'sh', '-c', 'echo $$; exit 3');
    expect(told.code).toBe(3);
    expect(told.stdout.toString()).toBe(`${told.pid}\n`);
    expect(await run('--mount', served, '--', 'sh', '-c', 'kill -TERM $$')).toMatchObject({
      code: null,
      signal: 'SIGTERM',
    });
  });

  it('delivers a signal once', async () => {
    const served = cli.standIn('binder');
    const script = 'trap "echo caught" INT; echo ready; sleep 1 & wait; wait; echo end';
    const child = spawn(process.execPath, [cli.main, 'run', '--mount', served, '--', 'sh', '-c', script], {
      ...as,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    for await (const chunk of child.stdout) {
      if (String(chunk).includes('ready')) child.kill('SIGINT');
      output += String(chunk);
    }
    expect(output).toBe('ready\ncaught\nend\n');
  });

  it('hands the command nothing of Node.js', async () => {
    const served = cli.standIn('binder');
    const output = await text(
      '--mount',
      served,
      'cat',
      '/proc/self/status',
      '/proc/self/fdinfo/1',
      '/proc/self/fdinfo/2',
    );
    expect(output).toMatch(/^SigIgn:\t0+$/m);
    expect(output).toMatch(/^SigBlk:\t0+$/m);
    const O_NONBLOCK = 0o4000;
    for (const [, flags = ''] of output.matchAll(/^flags:\t(\d+)$/gm))
      expect(Number.parseInt(flags, 8) & O_NONBLOCK).toBe(0);
  });

  it('keeps the user, the directory and the environment', async () => {
    const served = cli.standIn('binder');
    const args = ['run', '--mount', served, '--', 'sh', '-c', 'id -u; pwd; echo $KEPT'];
    const { stdout } = await cli.ubinder(args, { ...as, cwd: '/usr', env: { ...process.env, KEPT: 'yes' } });
    expect(stdout.toString()).toBe(`${as.uid ?? process.getuid?.()}\n/usr\nyes\n`);
  });

  it('keeps arguments byte for byte', async () => {
    const served = cli.standIn('binder');
    const script = `"$0" "$1" run --mount "$2" -- printf '%s|' -- --mount "$(printf 'a\\377\\200')" ''`;
    const { stdout } = await start('sh', ['-c', script, process.execPath, cli.main, served], as).outcome;
    expect(stdout.toString('latin1')).toBe('--|--mount|a\xff\x80||');
  });

  it.skipIf(who === 'root')('takes the capabilities of the namespace away', async () => {
    const served = cli.standIn('binder');
    const status = await text('--mount', served, 'cat', '/proc/self/status');
    for (const set of ['Inh', 'Prm', 'Eff', 'Amb'])
      expect(status).toMatch(new RegExp(`^Cap${set}:\t0+$`, 'm'));
  });

  it.skipIf(who === 'root')('maps the user to root where unshare is old', async () => {
    const served = cli.standIn('binder');
    const old = join(cli.directory, `old-${process.pid}`);
    mkdirSync(old, { recursive: true });
    writeFileSync(
      join(old, 'unshare'),
      '#!/bin/sh\ncase "$*" in *--keep-caps*) echo "unknown option" >&2; exit 1;; esac\nexec /usr/bin/unshare "$@"\n',
    );
    chmodSync(join(old, 'unshare'), 0o755);
    const options = { ...as, env: { ...process.env, PATH: `${old}:${process.env.PATH}` } };
    const outcome = await cli.ubinder(
      ['run', '--mount', served, 'sh', '-c', 'id -u; cat /dev/binder'],
      options,
    );
    expect(outcome.stdout.toString()).toBe('0\nserved binder');
    expect(outcome.stderr).toBe(
      'ubinder run: the command sees uid 0, since unshare is older than util-linux 2.35\n',
    );
  });

  it.skipIf(who === 'root')('says what is missing where there is no unshare', async () => {
    const served = cli.standIn('binder');
    const options = { ...as, env: { ...process.env, PATH: '/nowhere' } };
    expect(await cli.ubinder(['run', '--mount', served, '/bin/true'], options)).toMatchObject({
      code: 125,
      stderr:
        'ubinder run: Cannot make a user namespace: there is no `unshare` program: install util-linux; or run as root, see `ubinder doctor`\n',
    });
  });

  // Decided before any namespace: once is enough.
  it.skipIf(who !== 'root' && canUnshare)('tells its own failures apart', async () => {
    const served = cli.standIn('binder');
    expect(await run('--mount', served, '--', 'no-such-command')).toMatchObject({ code: 127 });
    expect(await run('--mount', served, '--', '/')).toMatchObject({ code: 126 });
    const scripted = join(served, 'binder');
    expect(await run('--mount', scripted, '--', 'true')).toMatchObject({
      code: 125,
      stderr: `ubinder run: Cannot use ${scripted}: it is not a directory; give the directory of a mount, not a device in it\n`,
    });
    expect(await run('--mount', '/no/such', '--', 'true')).toMatchObject({
      code: 125,
      stderr:
        'ubinder run: Cannot use /no/such: there is no such directory; start one by `ubinder up --mount /no/such`\n',
    });
    expect(await run('--mount', cli.standIn(), '--', 'true')).toMatchObject({ code: 125 });
    expect(await run('--mount', served, '--devices', 'a', '--', 'true')).toMatchObject({ code: 125 });
    expect(await run('--devices', 'a/b', '--', 'true')).toMatchObject({ code: 125 });
    expect(await run()).toMatchObject({ code: 125 });
  });
});

/** Shell code that makes a /dev/fuse which every user may open, in a mount namespace of its own, and runs its arguments. */
const WITH_OPEN_FUSE =
  'mount -t tmpfs tmpfs /mnt && mknod -m 666 /mnt/fuse c 10 229 && chmod 666 /mnt/fuse && mount --bind /mnt/fuse /dev/fuse && exec "$@"';
const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
const isRoot = process.getuid?.() === 0;
const canOpenFuse =
  isRoot && canRun('unshare', ['--mount', 'sh', '-c', WITH_OPEN_FUSE, 'sh', ...asNobody, 'true']);

describe.each([
  { who: 'root', can: canOpenFuse, prefix: [] as string[] },
  { who: 'an ordinary user', can: canOpenFuse && canUnshareUser, prefix: asNobody },
])('ubinder run with a private daemon, as $who', ({ can, prefix }) => {
  const run = (...args: string[]): { pid: number; outcome: Promise<Outcome> } =>
    start('unshare', [
      '--mount',
      'sh',
      '-c',
      WITH_OPEN_FUSE,
      'sh',
      ...prefix,
      process.execPath,
      cli.main,
      'run',
      ...args,
    ]);

  it.skipIf(!can)('serves for as long as the command lives', async () => {
    const { stdout, stderr, code } = await run(
      '--',
      'sh',
      '-c',
      'cat /dev/hwbinder; ls /dev/binderfs; sleep 0.3',
    ).outcome;
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const [, daemon, names] = /^hwbinder of (\d+)(.*)$/s.exec(stdout.toString()) ?? [];
    expect(names).toBe('binder\nhwbinder\nvndbinder\n');
    await gone(Number(daemon));
  });

  it.skipIf(!can)('serves the devices that are asked for', async () => {
    const { stdout } = await run(
      '--devices',
      'a,null',
      '--',
      'sh',
      '-c',
      'cat /dev/a; echo; echo $UBINDER; cat /dev/null',
    ).outcome;
    expect(stdout.toString()).toMatch(/^a of \d+\nbinder:\/dev\/binderfs\/a\n$/);
  });

  it.skipIf(!can)('does not strand the daemon when it is killed', async () => {
    const { pid, outcome } = run('--', 'sh', '-c', 'cat /dev/binder; kill -KILL $$');
    const { stdout, signal } = await outcome;
    expect(signal).toBe('SIGKILL');
    await gone(Number(/\d+/.exec(stdout.toString())?.[0]));
    await gone(pid);
  });

  it.skipIf(!can)('keeps the daemon away from the command and its terminal', async () => {
    const script =
      'ps -o sid= -p $(sed "s/.* //" /dev/binder); ps -o sid= -p $$; ps -o pid= --ppid $$ | wc -l';
    const { stdout } = await run('--', 'sh', '-c', script).outcome;
    const [daemonSession, session, children] = stdout.toString().trim().split(/\s+/);
    expect(daemonSession).not.toBe(session);
    // ps and wc themselves
    expect(Number(children)).toBeLessThanOrEqual(2);
  });

  it.skipIf(!can)('fails when the daemon does', async () => {
    expect(await run('--devices', 'refused', '--', 'true').outcome).toMatchObject({
      code: 125,
      stderr:
        'ubinder run: Cannot start a private daemon: it ended with exit code 1; see the message above, and `ubinder doctor`\n',
    });
  });
});

describe.skipIf(!canUnshare)('run() as a library', () => {
  it('gives the exit code, 128 + n for a signal', async () => {
    const served = cli.standIn('binder');
    const { run } = (await import(
      pathToFileURL(join(cli.directory, 'dist/host/launcher/run.js')).href
    )) as typeof import('../host/launcher/run.ts');
    const options = { up: [], mount: served, stdio: 'ignore' } as const;
    expect(await run({ ...options, command: 'sh', args: ['-c', 'exit 4'] })).toBe(4);
    expect(await run({ ...options, command: 'sh', args: ['-c', 'kill -TERM $$'] })).toBe(143);
    expect(await run({ ...options, command: 'no-such-command' })).toBe(127);
  });
});

/** Waits until a process is gone, or is a zombie that somebody else has to reap. */
async function gone(pid: number): Promise<void> {
  expect(pid).toBeGreaterThan(0);
  for (let i = 0; i < 200; i++) {
    try {
      if (/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return;
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`process ${pid} is still there`);
}
