import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { mountByFusermount, unmountByFusermount } from '../fuse/fusermount.ts';
import { SystemCallError } from '../linux/libc.ts';
import { type FuseMount, findMount, mountFuse, readMountTable, unmount } from '../linux/mount.ts';

/**
 * The directory that a daemon serves: made, mounted on and unmounted by whatever way this user may.
 *
 * Who may not mount asks fusermount3, which is a child process: it runs before the first client comes and after the
 * last one has been told to go, never beside the tracing of clients.
 */

/** What an ordinary user misses who may neither mount nor ask fusermount3 to. */
const NO_HELPER = 'mounting needs root, or a user namespace (see `ubinder run`)';

/** Checks, and makes, a directory to be served. */
export function prepareDirectory(directory: string, make: boolean): void {
  // Anything mounted there is found by mounting; looking into it could wait for another daemon for ever.
  if (findMount(directory)) return;
  try {
    if (make) mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new Error(
      `Cannot make ${directory}: ${(error as Error).message}; name a directory with --mount DIR`,
    );
  }
  if (!existsSync(directory))
    throw new Error(`Cannot serve ${directory}: there is no such directory; make it first`);
  let entries: string[];
  try {
    entries = readdirSync(directory);
  } catch (error) {
    throw new Error(`Cannot serve ${directory}: ${(error as Error).message}; name a directory`);
  }
  if (entries.length > 0)
    throw new Error(`Cannot serve ${directory}: it is not empty; name an empty directory`);
}

/**
 * Mounts on a directory, by fusermount3 where this user may not mount.
 *
 * @param forOthers whether other users are to be able to use the mount: by fusermount3 only where /etc/fuse.conf allows it.
 * @throws Error that says what to do.
 */
export async function mountAt(directory: string, forOthers: boolean): Promise<FuseMount> {
  let refusal: SystemCallError;
  try {
    return mountFuse({ directory, rootMode: 0o755 });
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    refusal = error;
  }
  const isOrdinary = process.geteuid?.() !== 0;
  if (isOrdinary && (refusal.code === 'EPERM' || refusal.code === 'EACCES'))
    try {
      return await mountByFusermount({ directory, allowOther: forOthers });
    } catch (error) {
      throw new Error(
        `Cannot serve ${directory}: ${NO_HELPER}, or: ${(error as Error).message}; \`ubinder doctor\` tells more`,
      );
    }
  const advice: Record<string, string> = {
    EPERM: "mounting needs root, or a user namespace of one's own: see `ubinder run`",
    EACCES: 'this user may not open /dev/fuse',
    ENOENT: '/dev/fuse is missing: load the module fuse, or give the container the device',
  };
  const why = advice[refusal.code];
  throw new Error(
    `Cannot serve ${directory}: ${refusal.message}${why ? `; ${why}` : ''}; \`ubinder doctor\` tells more`,
  );
}

/** Takes a mount away, if it is still there: somebody may have, and mounted something else. */
export async function unmountAt({ directory, connection }: FuseMount): Promise<void> {
  const there = readMountTable().findLast(({ mountPoint }) => mountPoint === directory);
  if (there?.device === connection) await unmountByAnyWay(directory);
}

/**
 * Unmounts as `unmount` does, by fusermount3 what it has mounted.
 *
 * @returns false when nothing is mounted there.
 */
export async function unmountByAnyWay(directory: string): Promise<boolean> {
  try {
    return unmount(directory);
  } catch (error) {
    if (!(error instanceof SystemCallError && error.code === 'EPERM')) throw error;
  }
  await unmountByFusermount(directory);
  return true;
}
