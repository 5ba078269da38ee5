import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestMount, whyNot } from '../support/mount.ts';

// Who calls is what the kernel says, as the receiver sees it: across users, user namespaces and pid namespaces.

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** In a pid namespace of its own, with a /proc that shows it. */
const NEW_PIDS = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: identity of callers: ${reason}`);
describe.skipIf(reason !== null)('the identity of callers', () => {
  let mount: TestMount;
  let manager: ChildProcess;

  beforeAll(async () => {
    mount = await TestMount.start('root', { seconds: 60 });
  });
  afterAll(() => mount?.stop());

  function demo(prefix: string[], ...args: string[]): string[] {
    return [...prefix, process.execPath, MAIN, 'demo', ...args, '--device', mount.device()];
  }

  async function start(prefix: string[], role: string): Promise<ChildProcess> {
    const child = mount.spawn(demo(prefix, role));
    await new Promise<void>((ready, fail) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', () => ready());
      child.once('close', (code) => fail(new Error(`${role} ended with code ${code}`)));
    });
    return child;
  }

  /** Calls the echo service from a process started with `prefix`. @returns the pid and uid that it was told. */
  async function callFrom(prefix: string[]): Promise<{ pid: number; uid: number }> {
    const { code, output } = await mount.run(demo(prefix, 'call', 'hello'));
    const [, pid, uid] = /said by pid (\d+), uid (\d+)/.exec(output) ?? [];
    expect({ code, output }).toMatchObject({ code: 0 });
    return { pid: Number(pid), uid: Number(uid) };
  }

  async function withEcho(prefix: string[], body: () => Promise<void>): Promise<void> {
    manager = await start([], 'manager');
    const echo = await start(prefix, 'echo');
    try {
      await body();
    } finally {
      for (const child of [echo, manager]) {
        const closed = new Promise((done) => child.once('close', done));
        child.kill('SIGKILL');
        await closed;
      }
    }
  }

  test('a service sees callers of other users and of inner pid namespaces', async () => {
    await withEcho([], async () => {
      const own = await callFrom([]);
      expect(own.uid).toBe(0);
      expect(own.pid).toBeGreaterThan(0);
      expect(await callFrom(['setpriv', '--reuid', '1234', '--clear-groups'])).toMatchObject({ uid: 1234 });
      // Inside it is process 1 or so; outside it has another number.
      const inner = await callFrom(NEW_PIDS);
      expect(inner.pid).toBeGreaterThan(100);
      const mapped = await callFrom(['unshare', '--user', '--map-root-user']);
      expect(mapped.uid).toBe(0);
    });
  });

  test('a service in a pid namespace does not see the numbers of those outside', async () => {
    await withEcho(NEW_PIDS, async () => {
      expect((await callFrom([])).pid).toBe(0);
    });
  });
});
