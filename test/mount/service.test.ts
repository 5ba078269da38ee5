import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { inPlayground, MAIN } from '../support/cli.ts';
import { whyNot } from '../support/mount.ts';
import { NotifySocket } from '../support/notify-socket.ts';

// A daemon as a service of the system: what it tells systemd, and what it asks the kernel for.

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: the daemon as a service: ${reason}`);

/** Runs a command with hard limits of its own. */
const limited = (command: string): string[] => ['sh', '-c', `ulimit -Sn 1024; ulimit -Hn 4096; ${command}`];

/** Root of a container may not raise what was lowered. */
const mayRaise = reason === null && spawnSync('sh', limited('ulimit -Hn 8192').slice(1)).status === 0;

const read = (pid: number, file: string): string => readFileSync(`/proc/${pid}/${file}`, 'utf8');

describe.skipIf(reason !== null)('as a service', () => {
  for (const options of [[], ['--no-supervise']])
    for (const kind of ['path', 'abstract name'])
      test(
        `tells the manager that it is ready and that it stops, by a ${kind}: up ${options.join(' ')}`,
        inPlayground(async (place, mount) => {
          const name = kind === 'path' ? place.path('notify') : `@${place.path('notify')}`;
          using manager = new NotifySocket(name);
          const env = { ...process.env, NOTIFY_SOCKET: name };
          const command = [process.execPath, MAIN, 'up', '--mount', mount, '--mode', '0600', ...options];
          const { child, outcome, said } = place.start(command, { env });
          await said(/ready/);
          const ready = `READY=1\nSTATUS=serving ${mount}`;
          // The manager may start at once what needs us
          expect(manager.messages).toEqual([ready]);
          child.kill('SIGTERM');
          expect(await outcome).toMatchObject({ code: 0, stderr: '' });
          expect(manager.messages).toEqual([ready, 'STOPPING=1']);
        }),
      );

  test(
    'a manager that does not listen is no error',
    inPlayground(async (place, mount) => {
      const env = { ...process.env, NOTIFY_SOCKET: place.path('nobody') };
      const command = [process.execPath, MAIN, 'up', '--mount', mount, '--mode', '0600'];
      const { child, outcome, said } = place.start(command, { env });
      await said(/ready/);
      child.kill('SIGTERM');
      expect(await outcome).toMatchObject({ code: 0, stderr: '' });
    }),
  );

  test.skipIf(!mayRaise)(
    'supervisor and daemon have many descriptors, and are spared when memory is short',
    inPlayground(async (place, mount) => {
      const command = limited(`exec ${process.execPath} ${MAIN} up --mount ${mount} --mode 0600`);
      const { child, outcome, said } = place.start(command);
      const [, pid] = await said(/\(pid (\d+)\)$/m);
      const most = Math.min(1_048_576, Number(readFileSync('/proc/sys/fs/nr_open', 'utf8')));
      for (const process of [child.pid as number, Number(pid)]) {
        const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(read(process, 'limits')) ?? [];
        expect([soft, hard].map(Number)).toEqual([most, most]);
        expect(Number(read(process, 'oom_score_adj'))).toBe(-500);
      }
      child.kill('SIGTERM');
      await outcome;
    }),
  );

  test(
    'who may not raise its limits serves all the same',
    inPlayground(async (place, mount) => {
      const serve = `exec setpriv --bounding-set -sys_resource ${process.execPath} ${MAIN} up --mount ${mount} --mode 0600`;
      const { child, outcome, said } = place.start(limited(serve));
      const [, pid] = await said(/\(pid (\d+)\)$/m);
      expect(read(Number(pid), 'limits')).toMatch(/^Max open files\s+\d+\s+4096\s/m);
      expect(Number(read(Number(pid), 'oom_score_adj'))).toBe(Number(read(process.pid, 'oom_score_adj')));
      child.kill('SIGTERM');
      expect(await outcome).toMatchObject({ code: 0, stderr: '' });
    }),
  );
});

const unit = fileURLToPath(new URL('../../docs/ubinder.service', import.meta.url));
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!hasSystemd) console.warn('SKIPPED: ubinder.service: systemd-analyze is not installed');
test.skipIf(!hasSystemd)('systemd finds nothing wrong with ubinder.service', () => {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
});
