import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWatchdog } from '../linux/mount.test-support.ts';
import { findMount, unmount } from '../linux/mount.ts';
import { hasProgram } from '../linux/partner.test-support.ts';
import { mountByFusermount, unmountByFusermount } from './fusermount.ts';
import { canMount, TinyFileSystem } from './mounted.test-support.ts';
import { FuseSession, RECEIVED } from './session.ts';

/** Does for root what fusermount3 does, and records how it was called. */
const PLAYED_HELPER = `#!/usr/bin/env python3
import array, ctypes, os, socket, sys
directory = sys.argv[-1]
libc = ctypes.CDLL(None, use_errno=True)
if sys.argv[1] == '-u':
    sys.exit(libc.umount2(directory.encode(), 2))
options = sys.argv[2]
if directory.endswith('refused'):
    print('fusermount3: mountpoint is refused', file=sys.stderr)
    sys.exit(1)
if directory.endswith('mute'):
    sys.exit(0)
fd = os.open('/dev/fuse', os.O_RDWR)
data = 'fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions' % fd
assert options == 'fsname=ubinder,subtype=ubinder.test,nosuid,nodev,default_permissions', options
assert libc.mount(b'ubinder', directory.encode(), b'fuse.ubinder.test', 6, data.encode()) == 0
door = socket.socket(fileno=int(os.environ['_FUSE_COMMFD']))
door.sendmsg([b'\\0'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])
`;

let base: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ubinder-fusermount-'));
});

afterEach(() => {
  unmount(base);
  rmSync(base, { recursive: true });
});

it('says how to mend a missing helper', async () => {
  const helper = join(base, 'missing');
  await expect(mountByFusermount({ directory: base, helper })).rejects.toThrow(
    `Cannot run ${helper}: ENOENT; install the package fuse3, or mount as root`,
  );
});

describe.skipIf(!canMount())('with a helper played by Python', { timeout: 20_000 }, () => {
  let helper: string;

  beforeEach(() => {
    const tools = mkdtempSync(join(tmpdir(), 'ubinder-helper-'));
    helper = join(tools, 'fusermount3');
    writeFileSync(helper, PLAYED_HELPER);
    chmodSync(helper, 0o755);
  });

  afterEach(() => {
    rmSync(join(helper, '..'), { recursive: true });
  });

  it('mounts, serves and unmounts', async () => {
    const mount = await mountByFusermount({ directory: base, subtype: 'ubinder.test', helper });
    using _watchdog = startWatchdog(mount);
    using session = new FuseSession(mount.fd, (session) => new TinyFileSystem(session));
    expect(findMount(base)).toMatchObject({ type: 'fuse.ubinder.test', device: mount.connection });
    expect(session.receive()).toBe(RECEIVED);
    expect(session.connection).not.toBe(null);
    // Non-blocking, though the helper opened it otherwise
    expect(session.receive()).not.toBe(RECEIVED);
    await unmountByFusermount(base, helper);
    expect(findMount(base)).toBe(undefined);
  });

  it('passes on what the helper complains of', async () => {
    await expect(mountByFusermount({ directory: join(base, 'refused'), helper })).rejects.toThrow(
      /-- .*refused: fusermount3: mountpoint is refused$/,
    );
    await expect(mountByFusermount({ directory: join(base, 'mute'), helper })).rejects.toThrow(
      /sent no descriptor/,
    );
  });
});

const hasHelper = canMount() && hasProgram('fusermount3', '--version');

describe.skipIf(!hasHelper)('with fusermount3', { timeout: 20_000 }, () => {
  it('mounts and unmounts', async () => {
    const mount = await mountByFusermount({ directory: base });
    using _watchdog = startWatchdog(mount);
    using session = new FuseSession(mount.fd, (session) => new TinyFileSystem(session));
    expect(session.receive()).toBe(RECEIVED);
    await unmountByFusermount(base);
    expect(findMount(base)).toBe(undefined);
  });
});
