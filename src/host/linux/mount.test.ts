import { closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SystemCallError } from './libc.ts';
import { startWatchdog } from './mount.test-support.ts';
import {
  connectionOf,
  type FuseMount,
  type FuseMountOptions,
  findMount,
  listFuseMounts,
  mountFuse,
  openFuseDevice,
  parseMountTable,
  readMountTable,
  unmount,
} from './mount.ts';

describe('the mount table', () => {
  it('is read with all that a line may hold', () => {
    const text = [
      '22 27 0:20 / /proc rw,nosuid shared:5 - proc proc rw',
      '30 27 8:1 /sub /a\\040b\\134c rw shared:1 master:2 - ext4 /dev/sda1 rw',
      '42 27 0:39 / /run/binder rw,nosuid,nodev,relatime - fuse.ubinder ubinder rw,user_id=0,allow_other',
      '',
    ].join('\n');
    expect(parseMountTable(text)).toEqual([
      { id: 22, parentId: 27, device: 20, mountPoint: '/proc', type: 'proc', source: 'proc' },
      {
        id: 30,
        parentId: 27,
        device: 8 * 2 ** 20 + 1,
        mountPoint: '/a b\\c',
        type: 'ext4',
        source: '/dev/sda1',
      },
      {
        id: 42,
        parentId: 27,
        device: 39,
        mountPoint: '/run/binder',
        type: 'fuse.ubinder',
        source: 'ubinder',
      },
    ]);
  });

  it('is that of this process', () => {
    expect(readMountTable().find((entry) => entry.mountPoint === '/proc')).toMatchObject({ type: 'proc' });
    expect(findMount('/proc/')).toMatchObject({ mountPoint: '/proc' });
    expect(findMount('/proc/self')).toBe(undefined);
    expect(findMount('/nowhere/at/all')).toBe(undefined);
  });
});

const isPossible = ((): boolean => {
  try {
    closeSync(openFuseDevice());
    return process.geteuid?.() === 0;
  } catch (error) {
    console.warn(`SKIPPED: tests that mount: ${error}`);
    return false;
  }
})();

describe.skipIf(!isPossible)('mounting', { timeout: 15_000 }, () => {
  let directory: string;
  let watchdogs: Disposable[] = [];

  function mountWatched(options: FuseMountOptions): FuseMount {
    const mount = mountFuse(options);
    watchdogs.push(startWatchdog(mount));
    return mount;
  }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ubinder-mount-'));
  });

  afterEach(() => {
    for (const mounted of listFuseMounts('ubinder.test')) unmount(mounted.mountPoint);
    for (const watchdog of watchdogs) watchdog[Symbol.dispose]();
    watchdogs = [];
    rmSync(directory, { recursive: true });
  });

  it('shows in the table, by a name of its own', () => {
    const mount = mountWatched({ directory, source: 'ubinder test', subtype: 'ubinder.test' });
    const entry = findMount(directory);
    expect(entry).toMatchObject({
      mountPoint: directory,
      type: 'fuse.ubinder.test',
      source: 'ubinder test',
      device: mount.connection,
    });
    expect(listFuseMounts('ubinder.test')).toEqual([entry]);
    expect(listFuseMounts('other')).toEqual([]);
    const line = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .find((each) => each.includes(directory));
    expect(line).toMatch(/nosuid,nodev/);
    expect(line).toMatch(/user_id=0,group_id=0,default_permissions,allow_other$/);
    // Non-blocking and close-on-exec
    expect(readFileSync(`/proc/self/fdinfo/${mount.fd}`, 'utf8')).toMatch(/^flags:\s+02104002$/m);
    expect(connectionOf(mount.fd, directory)).toBe(mount.connection);
    closeSync(mount.fd);
    // Closed is not unmounted: a stale mount, recognisable without touching it
    expect(listFuseMounts('ubinder.test')).toHaveLength(1);
    expect(unmount(directory)).toBe(true);
    expect(findMount(directory)).toBe(undefined);
  });

  it('follows symbolic links, as the table does', () => {
    const target = join(directory, 'with space');
    mkdirSync(target);
    const link = join(directory, 'link');
    symlinkSync(target, link);
    const mount = mountWatched({
      directory: link,
      subtype: 'ubinder.test',
      defaultPermissions: false,
      allowOther: false,
    });
    expect(mount.directory).toBe(target);
    expect(findMount(target)?.device).toBe(mount.connection);
    expect(() => mountFuse({ directory: link })).toThrow(/EBUSY/);
    closeSync(mount.fd);
    expect(unmount(target)).toBe(true);
  });

  it('gives up on links in a circle', () => {
    symlinkSync('b', join(directory, 'a'));
    symlinkSync('a', join(directory, 'b'));
    expect(() => findMount(join(directory, 'a'))).toThrow(/ELOOP/);
    symlinkSync('../../proc', join(directory, 'relative'));
    expect(findMount(join(directory, 'relative'))).toMatchObject({ mountPoint: '/proc' });
    expect(findMount('/')).toMatchObject({ mountPoint: '/' });
  });

  it('refuses what it cannot do, and says how to mend it', () => {
    const mount = mountWatched({ directory, subtype: 'ubinder.test' });
    const again = (): unknown => mountFuse({ directory });
    expect(again).toThrow(SystemCallError);
    expect(again).toThrow(/ubinder is mounted there: unmount it first, `umount -l .*`\): EBUSY$/);
    closeSync(mount.fd);
    expect(() => mountFuse({ directory: join(directory, '..', 'does not exist') })).toThrow(/ENOENT/);
    expect(() => mountFuse({ directory: '/etc/passwd' })).toThrow(
      /^mount fuse\.ubinder on \/etc\/passwd: ENOTDIR$/,
    );
    expect(unmount('/nowhere/at/all')).toBe(false);
    expect(unmount(directory)).toBe(true);
    expect(unmount(directory)).toBe(false);
  });
});
