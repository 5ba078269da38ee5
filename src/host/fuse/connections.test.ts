import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mountFuse, unmount } from '../linux/mount.ts';
import { abortConnection, countWaiting, probeMount } from './connections.ts';
import { canMount, TestMount, TinyFileSystem } from './mounted.test-support.ts';
import type { FuseRequest } from './request.ts';

/** No file system gets this many. */
const NO_CONNECTION = 999_999;

describe.skipIf(!canMount())('connections', { timeout: 20_000 }, () => {
  it('tell whether a mount is served', async () => {
    let isSilent = false;
    await using test = new TestMount((session) =>
      Object.assign(new TinyFileSystem(session), {
        statfs({ unique }: FuseRequest) {
          if (!isSilent) session.reply.statfs(unique, {});
        },
      }),
    );
    expect(await probeMount(test.directory, 8000)).toBe('alive');
    isSilent = true;
    expect(await probeMount(test.directory, 1000)).toBe('silent');
    // The prober was killed and waits all the same
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
