import { spawn } from 'node:child_process';
import type { FuseMount } from './mount.ts';

/** Seconds that a test may take. */
const DEADLINE = 25;

/**
 * Aborts and unmounts a mount from outside unless it is disposed of in time: a test's process that touches its own
 * mount is beyond all help of its own.
 */
export function startWatchdog(mount: FuseMount): Disposable {
  const script = [
    `sleep ${DEADLINE}`,
    'umount -l "$1"',
    `unshare -m sh -c "mount -t fusectl none /sys/fs/fuse/connections; echo 1 > /sys/fs/fuse/connections/$2/abort"`,
  ].join('; ');
  // A group of its own, so that the sleep is killed as well
  const child = spawn('sh', ['-c', script, 'watchdog', mount.directory, String(mount.connection)], {
    stdio: 'ignore',
    detached: true,
  });
  child.unref();
  return {
    [Symbol.dispose]() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    },
  };
}
