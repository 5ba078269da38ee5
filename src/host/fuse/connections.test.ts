import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mountFuse, unmount } from '../linux/mount.ts';
import { abortConnection, countWaiting, probeMount } from './connections.ts';
import { canMount, TestMount, TinyFileSystem } from './mounted.test-support.ts';

/** No file system gets this many. */
const NO_CONNECTION = 999_999;

describe.skipIf(!canMount())('connections', { timeout: 20_000 }, () => {
  it('tell whether a mount is served', async () => {
    await using test = new TestMount((session) => new TinyFileSystem(session));
    expect(await probeMount(test.directory, 8000)).toBe('alive');
    test.loop.stop();
    // The prober waits for an answer, and is let go when the mount is aborted below
    expect(await probeMount(test.directory, 300)).toBe('silent');
    expect(countWaiting(test.mount.connection)).toBe(1);
    abortConnection(test.mount.connection);
    expect(await probeMount(test.directory, 8000)).toBe('stale');
    unmount(test.directory);
    expect(await probeMount(test.directory)).toBe('absent');
  });

  it('that nobody has are not there', async () => {
    expect(abortConnection(NO_CONNECTION)).toBe(false);
    expect(countWaiting(NO_CONNECTION)).toBe(undefined);
    expect(await probeMount('/nothing/here')).toBe('absent');
  });

  it('can be aborted before anybody serves them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'ubinder-fuse-'));
    const mount = mountFuse({ directory });
    expect(abortConnection(mount.connection)).toBe(true);
    expect(await probeMount(directory, 8000)).toBe('stale');
    unmount(directory);
    rmdirSync(directory);
  });
});
