import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { BINDERFS, type DevEntry, type DevStep, PRIVATE, planDev } from './dev-plan.ts';
import { errorCode, LaunchError } from './failure.ts';
import { attachTree, cloneTree, flags, makeCharacterDevice, mount, umount } from './syscalls.ts';

/** Without these hardly any program runs; anything else that cannot be put back is left out. */
const REQUIRED: readonly string[] = ['null', 'zero', 'random', 'urandom', 'tty', 'ptmx', 'pts', 'shm'];

/** The machine's whole /dev, inside the private one. */
const HOST = `/dev/${PRIVATE}/host`;

/** The entries of a directory in the words of {@link DevEntry}. */
export function readEntries(directory: string): DevEntry[] {
  return readdirSync(directory, { withFileTypes: true }).map((entry) => {
    const { name } = entry;
    if (entry.isSymbolicLink())
      return { name, kind: 'symlink', target: readlinkSync(`${directory}/${name}`) };
    return { name, kind: entry.isDirectory() ? 'directory' : 'file' };
  });
}

/**
 * Covers /dev by a tmpfs with the machine's own entries in it and room for ours. Nobody outside the mount namespace of
 * the calling thread sees any of it, and it goes away with the last process inside.
 *
 * Devices are bound, not made anew: ttyname() compares device and inode numbers, and a user namespace may not mknod.
 * Devices that are plugged in later do not appear.
 *
 * @param ours names in /dev that {@link showServed} will fill.
 * @throws LaunchError when the machine does not let us.
 */
export function coverDev(ours: readonly string[]): void {
  let tree: number | undefined;
  try {
    tree = cloneTree('/dev');
    mount('ubinder', '/dev', 'tmpfs', flags.MS_NOSUID, 'mode=755,size=1m');
    mkdirSync(HOST, { recursive: true });
    // Whatever the umask: other users may need the link of putBackPtmx().
    chmodSync(`/dev/${PRIVATE}`, 0o755);
    attachTree(tree, HOST);
  } catch (cause) {
    throw new LaunchError(
      `Cannot cover /dev by a private one: ${(cause as Error).message}${hint(cause)}`,
      undefined,
      { cause },
    );
  } finally {
    if (tree !== undefined) closeSync(tree);
  }
  let hostNeeded = false;
  for (const step of planDev(readEntries(HOST), ours)) {
    const name = step.step === 'ptmx' ? 'ptmx' : step.name;
    try {
      if (putBack(step) === 'by-link') hostNeeded = true;
    } catch (cause) {
      if (REQUIRED.includes(name))
        throw new LaunchError(
          `Cannot put /dev/${name} back into the private /dev: ${(cause as Error).message}`,
          undefined,
          { cause },
        );
    }
  }
  if (!hostNeeded) umount(HOST, flags.MNT_DETACH);
  mkdirSync(`/dev/${BINDERFS}`);
}

function putBack(step: DevStep): 'done' | 'by-link' {
  if (step.step === 'ptmx') return putBackPtmx();
  const path = `/dev/${step.name}`;
  if (step.step === 'link') symlinkSync(step.target, path);
  else {
    if (step.kind === 'directory') mkdirSync(path);
    else closeSync(openSync(path, 'wx', 0o600));
    mount(`${HOST}/${step.name}`, path, null, flags.MS_BIND | flags.MS_REC);
  }
  return 'done';
}

/**
 * A node of our own finds the `pts` beside it. Where mknod is not allowed (a user namespace) a link leads to the
 * machine's own one, which finds the machine's `pts` beside it: the same terminals, though ttyname() in them gives the
 * longer path.
 */
function putBackPtmx(): 'done' | 'by-link' {
  try {
    makeCharacterDevice('/dev/ptmx', 5, 2);
  } catch {
    symlinkSync(`${PRIVATE}/host/ptmx`, '/dev/ptmx');
    return 'by-link';
  }
  // After the fact: the umask would have taken bits away.
  chmodSync('/dev/ptmx', statSync(`${HOST}/ptmx`).mode & 0o777);
  return 'done';
}

/** A directory of this process's own in the private /dev, for a daemon to mount on. */
export function makeMountPoint(): string {
  const directory = `/dev/${PRIVATE}/mount-${process.pid}`;
  mkdirSync(directory, { recursive: true });
  return directory;
}

/**
 * Shows the directory as /dev/binderfs, and its devices as links in /dev. It is never a device itself that is bound:
 * opens through a bound file reach a FUSE server without a LOOKUP, so that it could not tell clients apart.
 *
 * @param source a path, or `/proc/self/fd/N` of a directory opened before /dev was covered.
 */
export function showServed(source: string, devices: readonly string[]): void {
  try {
    mount(source, `/dev/${BINDERFS}`, null, flags.MS_BIND | flags.MS_REC);
  } catch (cause) {
    throw new LaunchError(`Cannot bind the served directory: ${(cause as Error).message}`, undefined, {
      cause,
    });
  }
  for (const name of devices) symlinkSync(`${BINDERFS}/${name}`, `/dev/${name}`);
}

function hint(cause: unknown): string {
  const code = errorCode(cause);
  if (code === 'EACCES' || code === 'EPERM')
    return '. A security policy forbids mounting here; in Docker add --cap-add SYS_ADMIN --security-opt apparmor=unconfined, see `ubinder doctor`';
  return '';
}
