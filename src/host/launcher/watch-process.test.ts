import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { whenProcessEnds } from './watch-process.ts';

describe.skipIf(process.platform !== 'linux')('whenProcessEnds', () => {
  it('calls back once, soon after the end', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    let ended = 0;
    const called = new Promise<void>((resolve) => {
      whenProcessEnds(child.pid ?? 0, () => {
        ended++;
        resolve();
      });
    });
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(ended).toBe(0);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await called;
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(ended).toBe(1);
  });

  it('calls back for a process that is gone already', async () => {
    const child = spawn('true', { stdio: 'ignore' });
    await once(child, 'exit');
    await new Promise<void>((resolve) => {
      whenProcessEnds(child.pid ?? 0, resolve);
    });
  });

  it('stops watching on request, twice without harm', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    let ended = 0;
    const stop = whenProcessEnds(child.pid ?? 0, () => ended++);
    stop();
    stop();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(ended).toBe(0);
  });
});
