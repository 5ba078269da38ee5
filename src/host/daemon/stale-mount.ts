import { writeFileSync } from 'node:fs';
import { findMount, unmount } from '../linux/mount.ts';

/** The type of our mounts in the mount table. */
export const MOUNT_TYPE = 'fuse.ubinder';

/**
 * Clears away a mount whose daemon is gone. That nobody serves it must have been found out before: nothing may look at
 * the directory itself, which would wait for a daemon that hangs.
 *
 * @returns false when no mount of ours is there.
 */
export function recoverStaleMount(directory: string): boolean {
  const entry = findMount(directory);
  if (entry?.type !== MOUNT_TYPE) return false;
  try {
    // Ends the requests of clients that still wait for the daemon that hangs, if it does.
    writeFileSync(`/sys/fs/fuse/connections/${entry.device}/abort`, '1');
  } catch {
    // Where fusectl is not mounted, or the daemon is gone and its connection with it.
  }
  unmount(directory);
  return true;
}
