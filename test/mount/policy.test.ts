import { type ChildProcess, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestMount, whyNot } from '../support/mount.ts';

// Rules of a policy file between processes of several users, over a real mount; read again while it serves.

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: policies: ${reason}`);
describe.skipIf(reason !== null)('a policy', () => {
  const directory = mkdtempSync(`${tmpdir()}/ubinder-policy-`);
  const file = `${directory}/policy.json`;
  let mount: TestMount;
  const servers: ChildProcess[] = [];

  beforeAll(async () => {
    writeFileSync(file, '{}');
    mount = await TestMount.start('root', { seconds: 60, args: ['--policy', file] });
  });
  afterAll(async () => {
    await mount?.stop();
    rmSync(directory, { recursive: true });
  });
  beforeEach(() => reload({}));
  afterEach(async () => {
    for (const child of servers.splice(0).reverse()) {
      const closed = new Promise((done) => child.once('close', done));
      child.kill('SIGKILL');
      await closed;
    }
  });

  function demo(prefix: string[], ...args: string[]): string[] {
    return [...prefix, process.execPath, MAIN, 'demo', ...args, '--device', mount.device()];
  }

  async function start(role: string): Promise<void> {
    const child = mount.spawn(demo([], role));
    servers.push(child);
    await new Promise<void>((ready, fail) => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', () => ready());
      child.once('close', (code) => fail(new Error(`${role} ended with code ${code}`)));
    });
  }

  /** Puts other rules in force, if they can be. */
  async function reload(policy: unknown): Promise<void> {
    writeFileSync(file, typeof policy === 'string' ? policy : JSON.stringify(policy));
    const before = mount.log.length;
    process.kill(mount.pid, 'SIGHUP');
    await expect
      .poll(() => mount.log.slice(before), { timeout: 10_000 })
      .toMatch(/read again|stays as it was/);
  }

  test('refuses calls by user, and says so', async () => {
    await start('manager');
    await start('echo');
    const asNobody = () => mount.run(demo(NOBODY, 'call', 'hello'));
    expect((await asNobody()).code).toBe(0);
    await reload({ rules: [{ deny: 'call', from: { uid: 65534 }, to: { uid: 0 } }] });
    expect((await asNobody()).code).toBe(1);
    expect((await mount.run(demo([], 'call', 'hello'))).code).toBe(0);
    expect(mount.log).toMatch(
      /call on binder denied: pid \d+ \(uid 65534, .*node.*\) to pid \d+ \(uid 0,.*rules\[0\]/,
    );
    await reload({ audit: true, rules: [{ deny: 'call', from: { uid: 65534 } }] });
    expect((await asNobody()).code).toBe(0);
  });

  test('stays in force when the file is spoilt', async () => {
    await reload({ rules: [{ deny: 'manage', device: 'binder' }] });
    await reload('{"rules":[{"deny":"mange"}]}');
    const { code } = await mount.run(demo([], 'manager'));
    expect(code).toBe(1);
  });

  test('a file that cannot be used is refused at the start, with its place', () => {
    writeFileSync(file, '{"rules":[{"deny":"call","from":{"user":0}}]}');
    const { status, stderr } = spawnSync(
      process.execPath,
      [MAIN, 'up', '--mount', directory, '--policy', file],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('rules[0].from.user: expected the keys'),
    });
  });
});
