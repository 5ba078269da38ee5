import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { inPlayground, MAIN } from '../../support/cli.ts';
import { compile, whyNoCompiler } from '../../support/compile.ts';
import { TestMount, whyNot } from '../../support/mount.ts';

// Hazards that lie in the machine, or in how a mount is set up, rather than in what one client does.

const reason = whyNoCompiler() ?? whyNot('root');
if (reason) console.warn(`SKIPPED: hazards of the system: ${reason}`);
const program = (name: string): Promise<string> => compile(new URL(`../${name}.c`, import.meta.url).pathname);

const TIMEOUT = '/proc/sys/fs/fuse/default_request_timeout';
/** So long, in seconds, that other mounts which are made meanwhile do not suffer. */
const LONG = '65535';

function timeoutNow(): string | null {
  try {
    return readFileSync(TIMEOUT, 'utf8').trim();
  } catch {
    return null;
  }
}

describe.skipIf(reason !== null)('hazards of the system', () => {
  test(
    'hazard 5: a way of delivery that this machine does not allow is refused, not replaced',
    inPlayground(async (place, mount) => {
      const up = (mode: string) =>
        place.run(['unshare', '-Urm', process.execPath, MAIN, 'up', '--mount', mount], {
          env: { ...process.env, UBINDER_FORCE_MODE: mode },
        });
      expect(await up('pigeon')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('UBINDER_FORCE_MODE=pigeon'),
      });
      expect(await up('passthrough')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/Cannot serve in mode passthrough: the kernel does not let us/),
      });
    }),
  );

  test.skipIf(timeoutNow() !== '0')(
    'hazard 12: who serves is told of a kernel that ends requests after a while',
    inPlayground(async (place, mount) => {
      try {
        writeFileSync(TIMEOUT, LONG);
        const { child, outcome } = await place.up(mount, '--mode', '0666');
        child.kill('SIGTERM');
        expect((await outcome).stderr).toMatch(
          /requests end after 65535 s .*sysctl fs.fuse.default_request_timeout=0/,
        );
        const { stdout } = await place.ubinder(['doctor', '--json']);
        const { findings } = JSON.parse(stdout) as { findings: { id: string; verdict: string }[] };
        expect(findings.find(({ id }) => id === 'request-timeout')).toMatchObject({ verdict: 'warn' });
      } finally {
        writeFileSync(TIMEOUT, '0');
      }
    }),
  );

  test(
    "hazard 18: the permissions of a device are the kernel's to check, for each user",
    inPlayground(async (place, mount) => {
      const { child, outcome } = await place.up(mount, '--mode', '0640', '--group', '12');
      const open = (...ids: string[]) => place.run(['setpriv', ...ids, 'sh', '-c', `exec 3<${mount}/binder`]);
      const nobody = ['--reuid', '65534', '--regid', '65534'];
      expect(await open(...nobody, '--clear-groups')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Permission denied'),
      });
      expect(await open(...nobody, '--groups', '12')).toMatchObject({ code: 0, stderr: '' });
      child.kill('SIGTERM');
      await outcome;
    }),
  );

  test(
    'hazard 11: a daemon that fails while a thread of its own waits for a client ends all the same',
    inPlayground(async (place) => {
      const client = place.start([await program('hazards/vfork')], { stdio: 'pipe' });
      const [tid] = await client.said(/^\d+$/m);
      const { code, stderr } = await place.run([
        process.execPath,
        '--eval',
        `const { openSync, readdirSync, readFileSync } = require('node:fs');
        import('${new URL('../../../dist/host/linux/injector.js', import.meta.url)}').then(({ Injector }) => {
          const injector = new Injector(openSync('/dev/null', 'w'), console.error);
          injector.begin({ thread: ${tid}, owner: 0, answer: new Uint8Array(8) }, {}).install([0]);
        });
        setInterval(() => {
          const waits = readdirSync('/proc/self/task').map((tid) => readFileSync('/proc/self/task/' + tid + '/wchan', 'utf8'));
          if (waits.includes('do_wait')) throw new Error('a mistake of ours');
        }, 10);`,
      ]);
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('a mistake of ours') });
      client.child.stdin?.end();
      expect(await client.outcome).toMatchObject({ code: 0 });
    }),
  );

  test(
    'hazard 8: descriptors are refused where a daemon without any left cannot have its tracing thread',
    inPlayground(async (place) => {
      const { code, stdout, stderr } = await place.run([
        process.execPath,
        '--eval',
        `const { execFileSync } = require('node:child_process');
        const { closeSync, openSync, readdirSync } = require('node:fs');
        import('${new URL('../../../dist/host/linux/injector.js', import.meta.url)}').then(({ Injector }) => {
          const nowhere = openSync('/dev/null', 'w');
          const limit = readdirSync('/proc/self/fd').length + 20;
          execFileSync('prlimit', ['--pid=' + process.pid, '--nofile=' + limit]);
          const all = [];
          try {
            for (;;) all.push(openSync('/dev/null', 'r'));
          } catch {}
          closeSync(all.pop());
          const injector = new Injector(nowhere, (line) => console.error(line.split('\\n')[0]));
          const begin = () => {
            const done = (outcome) => console.log('refused', outcome, injector.size);
            injector.begin({ thread: process.pid, owner: 0, answer: new Uint8Array(8) }, { done }).install([nowhere]);
          };
          begin();
          // And a second time, by a thread of its own
          setTimeout(begin, 200);
          setTimeout(process.exit, 1000);
        });`,
      ]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'refused 11 0\nrefused 11 0\n' });
      expect(stderr).toMatch(/the tracing thread failed: .*EMFILE/);
    }),
  );

  test('hazard 25: the daemon has no children, whose ends would hide those of the threads that it traces', async () => {
    await using mount = await TestMount.start('root', { seconds: 60 });
    const running = mount.run([await program('fds'), mount.device()]);
    for (let look = 0; look < 10; look++) {
      const children = readdirSync(`/proc/${mount.pid}/task`).map((tid) => {
        try {
          return readFileSync(`/proc/${mount.pid}/task/${tid}/children`, 'utf8');
        } catch {
          return '';
        }
      });
      expect(children.join('')).toBe('');
      await new Promise((done) => setTimeout(done, 50));
    }
    expect(await running).toMatchObject({ code: 0 });
  });

  test('hazard 27: two mounts are two drivers, and neither knows of the other', async () => {
    await using one = await TestMount.start('root', { seconds: 60 });
    await using other = await TestMount.start('root', { seconds: 60 });
    const calls = await program('calls');
    // Each has a context manager of its own
    const outcomes = await Promise.all([one, other].map((mount) => mount.run([calls, mount.device()])));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 0 });
    const running = one.run([calls, one.device()]);
    expect(await other.status()).toMatchObject({ processes: 0, nodes: 0 });
    expect(await running).toMatchObject({ code: 0 });
  });
});
