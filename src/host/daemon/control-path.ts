import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { resolveLinks } from '../linux/mount.ts';

/** Bytes of a socket's path, without the terminating NUL: what `struct sockaddr_un` holds. */
const MAX_SOCKET_PATH = 107;

/** Characters of the hash that stands for the rest of a long path. */
const HASH_LENGTH = 16;

/** The files by which a daemon is found from outside its mount. */
export interface ControlFiles {
  readonly socket: string;
  /** Locked as long as the daemon lives, from before it mounts; holds its process id. */
  readonly lock: string;
}

/**
 * The control files for a mount at `directory`, by whatever name it is called.
 *
 * @throws Error when a socket cannot be made there, or when their directory is not this user's alone.
 */
export function controlFiles(directory: string): ControlFiles {
  const parent = controlDirectory();
  checkPrivate(parent);
  const suffix = '.sock';
  const escaped = resolveLinks(directory).slice(1).replaceAll('%', '%25').replaceAll('/', '%2f') || '%2f';
  const name = shortened(escaped, MAX_SOCKET_PATH - Buffer.byteLength(`${parent}/${suffix}`));
  return { socket: `${parent}/${name}${suffix}`, lock: `${parent}/${name}.lock` };
}

/** Makes the directory of the control files, for this user alone. */
export function makeControlDirectory(): void {
  const directory = controlDirectory();
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    checkPrivate(directory);
    chmodSync(directory, 0o700);
  } catch (error) {
    throw new Error(
      `Cannot listen in ${directory}: ${(error as Error).message}; set XDG_RUNTIME_DIR to a directory of this user's`,
    );
  }
}

/** A name of at most `max` bytes that is different for every other one. */
function shortened(name: string, max: number): string {
  if (Buffer.byteLength(name) <= max) return name;
  if (max < HASH_LENGTH) throw new Error('Cannot make a socket: the path of XDG_RUNTIME_DIR is too long');
  return createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
}

function controlDirectory(): string {
  if (process.getuid?.() === 0 && ownsRun()) return '/run/ubinder-control';
  const runtime = process.env.XDG_RUNTIME_DIR;
  return runtime ? `${runtime}/ubinder-control` : `/tmp/ubinder-control-${outerUid()}`;
}

/** Root of a user namespace cannot write where root can. */
function ownsRun(): boolean {
  try {
    return statSync('/run').uid === 0;
  } catch {
    return false;
  }
}

/** This user as the user namespace outside ours calls it: inside, all users who made one are root. */
function outerUid(): number {
  const uid = process.getuid?.() ?? 0;
  if (!existsSync('/proc/self/uid_map')) return uid;
  for (const line of readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n')) {
    const [first = 0, outer = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    if (uid >= first && uid < first + count) return outer + (uid - first);
  }
  return uid;
}

/** In /tmp anybody may have made the directory before us, or a link to one. What does not exist yet is as good. */
function checkPrivate(directory: string): void {
  const status = lstatSync(directory, { throwIfNoEntry: false });
  if (!status) return;
  if (!status.isDirectory()) throw new Error(`${directory} is not a directory; remove it`);
  if (status.uid !== (process.getuid?.() ?? 0))
    throw new Error(`${directory} belongs to uid ${status.uid}; remove it, or set XDG_RUNTIME_DIR`);
}
