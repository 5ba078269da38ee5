import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { whyNot } from '../support/mount.ts';
import { slowness } from '../support/slowness.ts';

// `ubinder run`: a program that was compiled for /dev/binder finds one.

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const NOBODY = '65534';
const DEADLINE = 120_000 * slowness;

async function run(command: string[]): Promise<{ code: number; output: string }> {
  try {
    const { stdout } = await promisify(execFile)(command[0] as string, command.slice(1), {
      timeout: DEADLINE,
      cwd: '/',
    });
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

const reason = whyNoCompiler() ?? whyNot('root');
if (reason) console.warn(`SKIPPED: ubinder run with native clients: ${reason}`);
describe.skipIf(reason !== null)('ubinder run', () => {
  // The last one: no ioctl with a NULL argument is answered in the kernel's place (hazard 15)
  const programs = [['calls'], ['poll'], ['death'], ['hazards/threads', '--only=null']] as const;

  for (const [path, ...args] of programs) {
    const name = basename(path);
    test(`root: ${name} /dev/binder`, async () => {
      const program = await compile(new URL(`${path}.c`, import.meta.url).pathname);
      const result = await run([process.execPath, MAIN, 'run', '--', program, '/dev/binder', ...args]);
      expect(result).toEqual({ code: 0, output: expect.stringContaining(`ok ${name}`) });
    });

    test(`ordinary user: ${name} /dev/binder`, async () => {
      const program = await compile(new URL(`${path}.c`, import.meta.url).pathname);
      // Distributions let everybody open /dev/fuse; here that is so in a mount namespace of the test's own.
      const directory = mkdtempSync(`${tmpdir()}/ubinder-fuse-`);
      const open = `mknod -m 666 ${directory}/fuse c 10 229 && mount --bind ${directory}/fuse /dev/fuse && exec "$@"`;
      try {
        const result = await run([
          ...['unshare', '-m', 'sh', '-c', open, 'sh'],
          ...['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'],
          ...[process.execPath, MAIN, 'run', '--', program, '/dev/binder', ...args],
        ]);
        expect(result).toEqual({ code: 0, output: expect.stringContaining(`ok ${name}`) });
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }
});
