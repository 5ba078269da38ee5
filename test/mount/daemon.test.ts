import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { describe, expect, test } from 'vitest';
import { inPlayground, isAlive, type Playground } from '../support/cli.ts';
import { whyNot } from '../support/mount.ts';

// A daemon's life: how it begins, what may go wrong, how it ends, and what it must never do to other mounts.

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: daemons, root: ${reason}`);

/** Opens the device in a process of its own. */
async function canOpen(place: Playground, device: string): Promise<boolean> {
  return (await place.run(['sh', '-c', ': < "$1"', 'sh', device])).code === 0;
}

/** What daemons of the playground have in the directory of root's control files. */
function controlFiles(place: Playground): string[] {
  const directory = '/run/ubinder-control';
  const start = place.directory.slice(1).replaceAll('/', '%2f');
  return readdirSync(directory)
    .filter((name) => name.startsWith(start))
    .map((name) => `${directory}/${name}`);
}

describe.skipIf(reason !== null)('daemon', { concurrent: true }, () => {
  test(
    'serves a directory once, by whatever name',
    inPlayground(async (place) => {
      const spaces = place.path('with spaces and % and é');
      mkdirSync(spaces);
      symlinkSync(spaces, place.path('link'));
      const { pid, child, outcome } = await place.up(place.path('link'));
      for (const name of [spaces, `${spaces}/`, `${place.directory}/./link/`]) {
        const { code, stderr } = await place.ubinder(['up', '--mount', name]);
        expect({ code, stderr }).toEqual({
          code: 1,
          stderr: expect.stringContaining(`pid ${pid} does already`),
        });
      }
      expect(await canOpen(place, `${spaces}/binder`)).toBe(true);
      const { stdout } = await place.ubinder(['status', '--json', '--mount', 'link'], {
        cwd: place.directory,
      });
      expect(JSON.parse(stdout)).toMatchObject({ pid });
      child.kill('SIGINT');
      expect(await outcome).toMatchObject({ code: 0 });
      expect(place.mounts()).toEqual([]);
      expect(controlFiles(place)).toEqual([]);
    }),
  );

  test(
    'of those that start at the same time one serves',
    inPlayground(async (place, mount) => {
      const all = Array.from({ length: 4 }, () => place.ubinder(['up', '--detach', '--mount', mount]));
      const outcomes = await Promise.all(all);
      const [winner, ...others] = outcomes.sort((a, b) => (a.code ?? 9) - (b.code ?? 9));
      const pid = Number(/pid (\d+)/.exec(winner?.stdout ?? '')?.[1]);
      expect(winner).toMatchObject({ code: 0 });
      for (const { code, stderr } of others)
        expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('does already') });
      expect(isAlive(pid)).toBe(true);
      expect(place.mounts()).toEqual(['fuse.ubinder']);
      expect(await canOpen(place, `${mount}/binder`)).toBe(true);
      expect(await place.ubinder(['down', '--mount', mount])).toMatchObject({ code: 0 });
      expect(place.mounts()).toEqual([]);
    }),
  );

  test(
    'clears away what a killed one left',
    inPlayground(async (place, mount) => {
      for (const clear of ['up', 'down']) {
        const { child, outcome } = await place.up(mount, '--no-supervise');
        child.kill('SIGKILL');
        await outcome;
        expect(place.mounts()).toEqual(['fuse.ubinder']);
        expect(await place.ubinder(['status', '--mount', mount])).toMatchObject({ code: 3 });
        if (clear === 'down')
          expect(await place.ubinder(['down', '--mount', mount])).toMatchObject({ code: 0 });
        else {
          const next = await place.up(mount);
          expect(place.mounts()).toEqual(['fuse.ubinder']);
          expect(await canOpen(place, `${mount}/binder`)).toBe(true);
          next.child.kill();
          expect((await next.outcome).stderr).toContain('cleared away what a killed daemon left');
        }
        expect(place.mounts()).toEqual([]);
      }
      expect(controlFiles(place)).toEqual([]);
    }),
  );

  test(
    'leaves the mount of another alone, whose control files it cannot find',
    inPlayground(async (place, mount) => {
      const { pid } = await place.up(mount);
      for (const file of controlFiles(place)) rmSync(file);
      for (const command of ['up', 'down']) {
        const { code, stderr } = await place.ubinder([command, '--mount', mount]);
        expect({ code, stderr }).toEqual({
          code: 1,
          stderr: expect.stringContaining('is served by another user'),
        });
      }
      expect(isAlive(pid)).toBe(true);
      expect(await canOpen(place, `${mount}/binder`)).toBe(true);
    }),
  );

  test(
    'ends when somebody unmounts its directory',
    inPlayground(async (place, mount) => {
      const { outcome } = await place.up(mount);
      await place.run(['umount', mount]);
      expect(await outcome).toMatchObject({ code: 0 });
    }),
  );

  test(
    'serves on after umount -l until nobody is left, and leaves alone what was mounted there since',
    inPlayground(async (place, mount) => {
      const { child, outcome } = await place.up(mount);
      const client = place.start([
        'sh',
        '-c',
        'exec 3< "$1"; echo open; exec sleep 60',
        'sh',
        `${mount}/binder`,
      ]);
      await client.said(/open/);
      await place.run(['umount', '-l', mount]);
      await place.run(['mount', '-t', 'tmpfs', 'none', mount]);
      expect(isAlive(child.pid ?? 0)).toBe(true);
      expect(await place.ubinder(['down', '--mount', mount])).toMatchObject({ code: 0 });
      expect(await outcome).toMatchObject({ code: 0 });
      expect(place.mounts()).toEqual(['tmpfs']);
    }),
  );

  test(
    'mounts nothing when it cannot begin',
    inPlayground(async (place, mount) => {
      const wrong: [string[], string][] = [
        [['--devices', 'a/b'], 'Cannot add the device "a/b": EACCES'],
        [['--devices', 'features'], 'Cannot add the device "features": EEXIST'],
        [['--max-devices', '1'], 'Cannot add the device "hwbinder": ENOSPC'],
        [['--until-exit', '4194305'], 'Cannot serve until process 4194305 ends'],
      ];
      for (const [args, message] of wrong) {
        const { code, stderr } = await place.ubinder(['up', '--mount', mount, ...args]);
        expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(message) });
      }
      expect(place.mounts()).toEqual([]);
      expect(controlFiles(place)).toEqual([]);
    }),
  );

  test(
    'leaves nothing when it is stopped while it begins',
    inPlayground(async (place, mount) => {
      // About the time from the start of the program to its ready line
      for (const delay of [120, 180, 240, 300]) {
        const { child, outcome } = place.start([process.execPath, ...upOf(mount)]);
        await new Promise((done) => setTimeout(done, delay));
        child.kill('SIGTERM');
        await outcome;
        expect(place.mounts(), `stopped after ${delay} ms`).toEqual([]);
      }
      await (await place.up(mount)).child.kill();
    }),
  );

  test(
    'ends with the process that it is told to watch',
    inPlayground(async (place, mount) => {
      const watched = place.start(['sleep', '60']);
      const { outcome } = await place.up(mount, '--until-exit', `${watched.child.pid}`);
      watched.child.kill('SIGKILL');
      expect(await outcome).toMatchObject({ code: 0 });
      expect(place.mounts()).toEqual([]);
    }),
  );

  test(
    'is not kept alive, nor disturbed, by whoever is connected to its control socket',
    inPlayground(async (place, mount) => {
      const { child, outcome } = await place.up(mount);
      const [path] = controlFiles(place).filter((name) => name.endsWith('.sock')) as [string];
      const connect = async (text: string): Promise<string> => {
        const socket = createConnection({ path, allowHalfOpen: true });
        let answer = '';
        socket.on('data', (chunk) => {
          answer += chunk;
        });
        socket.on('error', () => {});
        socket.write(text);
        await new Promise((done) => socket.once('data', done).once('close', done));
        return answer;
      };
      expect(await connect('{"version":1,"command":"status"}\n')).toContain('"ok":true');
      expect(await connect('null\n')).toContain('Cannot read request');
      expect(await connect('{"version":2,"command":"status"}\n')).toContain('Cannot read request');
      expect(await connect('{"version":1,"command":"explode"}\n')).toContain(
        'known are status, reports, shrink and stop',
      );
      expect(await connect('x'.repeat(1024 * 1024))).toBe('');
      // Gone before it could be answered
      for (let i = 0; i < 3; i++) {
        const socket = createConnection(path);
        socket
          .on('error', () => {})
          .write('{"version":1,"command":"status"}\n'.repeat(100), () => socket.destroy());
        await new Promise((done) => socket.once('close', done));
      }
      expect(await connect('{"version":1,"command":"status"}\n')).toContain('"ok":true');
      child.kill();
      expect(await outcome).toMatchObject({ code: 0, stderr: expect.not.stringContaining('Error') });
    }),
  );

  test(
    'serves directories with names too long for a socket',
    inPlayground(async (place) => {
      const [one, other] = ['a', 'b'].map((end) => place.path(`${'long-'.repeat(40)}${end}`)) as [
        string,
        string,
      ];
      mkdirSync(one);
      mkdirSync(other);
      const [first, second] = [await place.up(one), await place.up(other)];
      expect(await place.ubinder(['up', '--mount', one])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`pid ${first.pid} does already`),
      });
      expect(await place.ubinder(['down', '--mount', one])).toMatchObject({ code: 0 });
      expect(isAlive(second.pid)).toBe(true);
      expect(await canOpen(place, `${other}/binder`)).toBe(true);
    }),
  );

  test(
    'is named by status and down when it does not answer',
    inPlayground(async (place, mount) => {
      const { pid, child, outcome } = await place.up(mount, '--no-supervise');
      child.kill('SIGSTOP');
      const [status, again] = await Promise.all([
        place.ubinder(['status', '--mount', mount]),
        place.ubinder(['up', '--mount', mount]),
      ]);
      expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining(`pid ${pid} does already`) });
      expect(status).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(new RegExp(`^ubinder: .*\\(pid ${pid}\\) did not answer`)),
      });
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      expect(await outcome).toMatchObject({
        code: 0,
        signal: null,
        stderr: expect.not.stringContaining('Abort'),
      });
    }),
  );

  test(
    'is no client of itself: connect refuses the mount that the process serves',
    inPlayground(async (place, mount) => {
      const preload = place.path('preload.mjs');
      const library = new URL('../../dist/binder/node/index.js', import.meta.url).href;
      writeFileSync(
        preload,
        // Workers are started with the same options.
        `import { isMainThread } from 'node:worker_threads';
        const { connect } = isMainThread ? await import('${library}') : {};
        const timer = isMainThread && setInterval(async () => {
          const { code } = await connect('${mount}/binder').catch((error) => error);
          if (code === 'NAME_NOT_FOUND') return; // not mounted yet
          clearInterval(timer);
          process.stdout.write('connect: ' + code + '\\n');
          process.kill(process.pid, 'SIGTERM');
        }, 20);`,
      );
      const up = [process.execPath, '--import', preload, ...upOf(mount), '--no-supervise'];
      const { signal, stdout } = await place.run([...up, '--no-service-manager']);
      expect({ signal, stdout }).toEqual({
        signal: null,
        stdout: expect.stringContaining('connect: OWN_MOUNT\n'),
      });
    }),
  );

  test(
    'does not listen in a directory that others can change',
    inPlayground(async (place, mount) => {
      const runtime = place.path('runtime');
      mkdirSync(runtime);
      symlinkSync('/etc', `${runtime}/ubinder-control`);
      // Where /run belongs to somebody else, as for an ordinary user
      const up = ['unshare', '-Urm', '--map-user=1234', process.execPath, ...upOf(mount)];
      const { code, stderr } = await place.run(up, { env: { ...process.env, XDG_RUNTIME_DIR: runtime } });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('is not a directory') });
    }),
  );
});

function upOf(mount: string): string[] {
  return [new URL('../../dist/cli/main.js', import.meta.url).pathname, 'up', '--mount', mount];
}
