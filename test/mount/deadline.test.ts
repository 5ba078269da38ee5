import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TestMount, whyNot } from '../support/mount.ts';

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: deadline: ${reason}`);

test.skipIf(reason !== null)('a test mount that passes its deadline fails, and leaves nothing', async () => {
  const mount = await TestMount.start('root', { seconds: 2 });
  await expect(mount.run(['sleep', '60'])).rejects.toThrow('The deadline passed: sleep 60');
  await expect(mount.stop()).rejects.toThrow(`The daemon left its mount at ${mount.directory}`);
  expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(` ${mount.directory} `);
  expect(existsSync(mount.directory)).toBe(false);
});
