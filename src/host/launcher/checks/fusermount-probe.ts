import { chownSync, closeSync, mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountByFusermount, unmountByFusermount } from '../../fuse/fusermount.ts';
import { enterMountNamespace } from '../namespaces.ts';
import { flags, mount } from '../syscalls.ts';

/** What a mount by fusermount3, made and removed at once, tells. */
export interface FusermountReport {
  /** What it complained of; empty when it mounted. */
  readonly complaint: string;
}

/**
 * Mounts a FUSE file system by fusermount3 as an ordinary user, and takes it away again. Nobody looks at it meanwhile.
 *
 * @param uid whom root becomes for it, in a mount namespace of its own; an ordinary user stays what it is, where it is.
 * Changes the process for good: call in a child process.
 */
export async function probeFusermount(uid: number | undefined): Promise<FusermountReport> {
  const place = uid === undefined ? mkdtempSync(join(tmpdir(), 'ubinder-doctor-')) : becomeUser(uid);
  let complaint = '';
  try {
    const { fd, directory } = await mountByFusermount({ directory: place, source: 'ubinder-doctor' });
    await unmountByFusermount(directory);
    closeSync(fd);
  } catch (error) {
    complaint = (error as Error).message;
  }
  if (uid === undefined) rmdirSync(place);
  return { complaint };
}

/** @returns an empty directory of this user's, which vanishes with the namespace. */
function becomeUser(uid: number): string {
  if (!enterMountNamespace()) throw new Error('needs a mount namespace');
  const place = tmpdir();
  mount('ubinder-doctor', place, 'tmpfs', flags.MS_NOSUID | flags.MS_NODEV, 'mode=755,size=1m');
  mkdirSync(`${place}/mount`);
  chownSync(`${place}/mount`, uid, uid);
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
  return `${place}/mount`;
}
