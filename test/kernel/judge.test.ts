import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { whyNoCompiler } from '../support/compile.ts';
import { whyNoMachine } from './boot.ts';

// The kernel's own driver judges: what is written down of it, what the scenarios say of it, and whether ours agrees with
// it where nobody has looked before.

const reason = whyNoCompiler() ?? whyNoMachine();
if (reason) console.warn(`SKIPPED: the kernel's driver as judge: ${reason}`);

/** Runs one of the programs here. @returns its exit code with all it said. */
async function run(program: string, ...args: string[]): Promise<{ code: number; output: string }> {
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

// Each boots a machine; the first one may have to fetch its kernel.
describe.skipIf(reason !== null)('Linux 7.2, its own driver', { timeout: 600_000 }, () => {
  test.each(['none', 'selinux'])('still answers what is written down: security module %s', async (lsm) => {
    const result = await run('record.mjs', '--check', '--lsm', lsm, '--conversations', '4');
    expect(result).toEqual({ code: 0, output: expect.stringContaining('as written down') });
  });

  test('passes the scenarios', async () => {
    const result = await run('scenarios.mjs');
    expect(result).toEqual({ code: 0, output: expect.stringMatching(/^Linux 7\.2\./) });
    expect(Number(/^passed (\d+)/m.exec(result.output)?.[1])).toBeGreaterThan(300);
  });

  test('agrees with ours in conversations that seeds make up', async () => {
    const result = await run('fuzz.mjs', '--steps', '500', '--seed', '7');
    expect(result).toEqual({ code: 0, output: expect.stringContaining(' 0 conversations differ') });
  });
});
