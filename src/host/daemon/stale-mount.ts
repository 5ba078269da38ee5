import { probeMount } from '../fuse/connections.ts';
import { findMount } from '../linux/mount.ts';
import { unmountByAnyWay } from './mount-point.ts';

/** The type of our mounts in the mount table. */
export const MOUNT_TYPE = 'fuse.ubinder';

/**
 * Clears away mounts whose daemon is gone. The caller holds the lock of the directory (mount-lock.ts), so that nobody
 * is about to mount there.
 *
 * @returns false when no mount of ours is there.
 * @throws Error when there is one and a daemon behind it, although none that holds the lock.
 */
export async function recoverStaleMount(directory: string): Promise<boolean> {
  let recovered = false;
  for (;;) {
    const entry = findMount(directory);
    if (entry?.type !== MOUNT_TYPE) return recovered;
    const state = await probeMount(entry.mountPoint);
    if (state === 'absent') continue;
    if (state !== 'stale') {
      const how = state === 'alive' ? 'is served' : 'belongs to a daemon that does not answer,';
      throw new Error(
        `${directory} ${how} by another user, or with another XDG_RUNTIME_DIR: stop that daemon first, or \`umount -l ${directory}\``,
      );
    }
    if (!(await unmountByAnyWay(entry.mountPoint)))
      throw new Error(
        `Cannot unmount what a killed daemon left at ${directory}: it was mounted outside of this user namespace`,
      );
    recovered = true;
  }
}
