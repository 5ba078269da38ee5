import { closeSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../binder/node/connect.ts';
import { findDevice } from '../../binder/node/locator.ts';
import { startWatchdog } from './mount.test-support.ts';
import { type FuseMount, mountFuse, openFuseDevice, unmount } from './mount.ts';
import { ownMountOf, servesMount } from './own-mounts.ts';

const isPossible = ((): boolean => {
  try {
    closeSync(openFuseDevice());
    return process.geteuid?.() === 0;
  } catch (error) {
    console.warn(`SKIPPED: own mounts: ${error}`);
    return false;
  }
})();

// Nobody serves the mount of these tests: whoever looks at it waits until the watchdog ends it.
describe.skipIf(!isPossible)('a mount of this process', { timeout: 15_000 }, () => {
  let folder: string;
  let directory: string;
  let mount: FuseMount;
  let watchdog: Disposable;
  let served: Disposable;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ubinder-own-'));
    directory = join(folder, 'mount');
    mkdirSync(directory);
    mount = mountFuse({ directory });
    watchdog = startWatchdog(mount);
    served = servesMount(mount.connection);
  });

  afterEach(() => {
    served[Symbol.dispose]();
    unmount(directory);
    closeSync(mount.fd);
    watchdog[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  test('is known by all paths that lead into it, and by no other', () => {
    symlinkSync(directory, join(folder, 'link'));
    symlinkSync('mount/binder', join(folder, 'binder'));
    for (const path of ['mount', 'mount/binder', 'mount/a/../b', 'link/binder', 'binder']) {
      expect(ownMountOf(join(folder, path)), path).toBe(directory);
    }
    for (const path of ['', 'mountain', 'other/binder'])
      expect(ownMountOf(join(folder, path)), path).toBeNull();
    served[Symbol.dispose]();
    expect(ownMountOf(folder)).toBeNull();
  });

  test('is refused by connect', async () => {
    const refused = expect.objectContaining({
      code: 'OWN_MOUNT',
      message: expect.stringContaining(directory),
    });
    await expect(connect(join(directory, 'binder'))).rejects.toEqual(refused);
    expect(() => findDevice({}, [join(directory, 'binder')])).toThrow(refused);
    expect(() => findDevice({ UBINDER: `binder:${directory}/binder` })).not.toThrow();
  });
});
