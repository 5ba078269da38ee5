import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { MAIN } from '../../test/support/cli.ts';

it('does not mind that nobody reads', async () => {
  const child = spawn(process.execPath, [MAIN, 'aidl', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const code = await new Promise((done) => child.once('close', done));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
