import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { TestMount, whyNot } from '../support/mount.ts';

// A policy over a real mount, as C programs of several users meet it; and read again while it serves.

const RULES = [
  { deny: 'call', from: { uid: 65534 }, to: { uid: 1234 } },
  { deny: 'transfer-file', from: { uid: [65533, 65534] }, to: { uid: 1234 } },
  { deny: 'manage', device: 'hwbinder' },
];

const reason = whyNoCompiler() ?? whyNot('root');
if (reason) console.warn(`SKIPPED: native policies: ${reason}`);
describe.skipIf(reason !== null)('native, with a policy', () => {
  test('what is refused gets EPERM; with "audit" all passes and is logged', async () => {
    const directory = mkdtempSync(`${tmpdir()}/ubinder-policy-`);
    try {
      const file = `${directory}/policy.json`;
      writeFileSync(file, JSON.stringify({ rules: RULES }));
      await using mount = await TestMount.start('root', { seconds: 60, args: ['--policy', file] });
      const { descriptors } = await mount.status();
      const program = await compile(new URL('denied.c', import.meta.url).pathname);
      const run = (...args: string[]) => mount.run([program, mount.device(), ...args]);
      expect(await run()).toMatchObject({ code: 0, output: expect.stringContaining('ok denied') });
      // What comes last in the log
      await expect.poll(() => mount.log).toMatch(/manage on hwbinder denied: .*rules\[2\]/);
      expect(mount.log).toMatch(/call on binder denied: pid \d+ \(uid 65534, .*rules\[0\]/);
      expect(mount.log).toMatch(/transfer-file on binder denied: pid \d+ \(uid 65533, .*rules\[1\]/);
      expect(mount.log).not.toContain('would be denied');

      const before = mount.log.length;
      const since = () => mount.log.slice(before);
      writeFileSync(file, JSON.stringify({ audit: true, rules: RULES }));
      process.kill(mount.pid, 'SIGHUP');
      await expect.poll(since, { timeout: 10_000 }).toContain('read again');
      expect(await run('--audit')).toMatchObject({ code: 0, output: expect.stringContaining('ok denied') });
      // The first of them: the log has its limits
      await expect.poll(since).toMatch(/call on binder would be denied: pid \d+ \(uid 65534, .*rules\[0\]/);
      await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
