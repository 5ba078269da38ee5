import { opendirSync } from 'node:fs';
import type { ThreadId } from '../../driver/ports.ts';
import { parseMountTable } from './mount.ts';
import { errorCode, readProc, readProcLink } from './proc-file.ts';

/**
 * How many descriptors of a client are looked at, the lowest first: some 15 microseconds each, and the daemon serves
 * nobody meanwhile. Programs open their binder device early.
 */
export const MAX_DESCRIPTORS_SCANNED = 256;

/** How much of a client's mount table is read, bytes; hosts with a thousand mounts stay below. */
const MAX_MOUNTINFO_SIZE = 1024 * 1024;

/** Gone, or not ours to look at. */
const UNREADABLE: ReadonlySet<string> = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

/** O_NONBLOCK of x86 and arm64. */
export const O_NONBLOCK = 0o4000;

/**
 * The flags that a client's descriptor of one open file has now. fcntl(F_SETFL) is not reported to a FUSE server, so
 * they are read from /proc/TID/fdinfo; see proc-file.ts for what is safe there.
 *
 * Duplicates of a descriptor share their flags, so any one will do; which it was is kept, and looked for again when
 * it is closed. 15 microseconds when the descriptor is known; 15 for each open descriptor of the client otherwise.
 *
 * @example
 * const flags = new FileFlags(nodeid, mount.connection);
 * const nonBlocking = flags.isNonBlocking(tid) ?? (openFlags & O_NONBLOCK) !== 0;
 */
export class FileFlags {
  private readonly inode: number;
  private readonly device: number;
  private descriptor = -1;
  /** The mount through which the client opened the file, once it was found to be one of our device. */
  private mount = -1;

  /**
   * @param inode of the file, on our mount the node id: no two live opens share it.
   * @param device of our mount (`MountEntry.device`), for FUSE the number of the connection. The client may have opened through another mount of the same file system (a bind mount,
   *   another mount namespace), so the mount's own id is not enough to tell our files from others.
   */
  constructor(inode: number, device: number) {
    this.inode = inode;
    this.device = device;
  }

  /** Whether O_NONBLOCK is set now; `null` when {@link read} found nothing. */
  isNonBlocking(thread: ThreadId): boolean | null {
    const flags = this.read(thread);
    return flags === null ? null : (flags & O_NONBLOCK) !== 0;
  }

  /**
   * The flags as given to open(2).
   *
   * @returns `null` when the thread has no descriptor of the file among the first {@link MAX_DESCRIPTORS_SCANNED}, when
   *   we may not look, or when the kernel does not tell inodes (below 5.14): take the flags of the open instead.
   */
  read(thread: ThreadId): number | null {
    if (this.descriptor !== -1) {
      const flags = this.flagsOf(thread, this.descriptor);
      if (flags !== null) return flags;
    }
    this.descriptor = -1;
    for (const descriptor of descriptorsOf(thread)) {
      // Of an epoll descriptor the kernel tells only when nobody waits for the readiness of one of ours
      if (!mayBeFile(thread, descriptor)) continue;
      const flags = this.flagsOf(thread, descriptor);
      if (flags === null) continue;
      this.descriptor = descriptor;
      return flags;
    }
    return null;
  }

  private flagsOf(thread: ThreadId, descriptor: number): number | null {
    let text: string | null;
    try {
      text = readProc(`/proc/${thread}/fdinfo/${descriptor}`, 4096);
    } catch {
      return null;
    }
    if (text === null || field(text, 'ino', 10) !== this.inode) return null;
    const flags = field(text, 'flags', 8);
    const mount = field(text, 'mnt_id', 10);
    if (flags === null || mount === null || !this.isOurs(thread, mount)) return null;
    return flags;
  }

  /** Whether a mount of the client is one of our device. A mount it cannot name itself gets the benefit of the doubt. */
  private isOurs(thread: ThreadId, mount: number): boolean {
    if (mount === this.mount) return true;
    const table = readProc(`/proc/${thread}/mountinfo`, MAX_MOUNTINFO_SIZE) ?? '';
    const found = parseMountTable(table).find((entry) => entry.id === mount);
    if (!found) return true;
    if (found.device !== this.device) return false;
    this.mount = mount;
    return true;
  }
}

/** Whether a descriptor is of something that has a name. */
function mayBeFile(thread: ThreadId, descriptor: number): boolean {
  try {
    return readProcLink(`/proc/${thread}/fd/${descriptor}`)?.startsWith('/') === true;
  } catch {
    return false;
  }
}

/** A number behind `name:` at the start of a line; `null` when there is none. */
function field(text: string, name: string, base: number): number | null {
  const start = text.startsWith(`${name}:`) ? 0 : text.indexOf(`\n${name}:`) + 1;
  if (start === 0 && !text.startsWith(`${name}:`)) return null;
  const value = Number.parseInt(text.slice(start + name.length + 1), base);
  return Number.isNaN(value) ? null : value;
}

/** The lowest descriptors of a thread. Taken piece by piece: a client may have a million. */
function descriptorsOf(thread: ThreadId): number[] {
  const descriptors: number[] = [];
  try {
    const directory = opendirSync(`/proc/${thread}/fdinfo`, { bufferSize: 256 });
    try {
      while (descriptors.length < MAX_DESCRIPTORS_SCANNED) {
        const entry = directory.readSync();
        if (!entry) break;
        descriptors.push(Number(entry.name));
      }
    } finally {
      directory.closeSync();
    }
  } catch (error) {
    if (!UNREADABLE.has(errorCode(error))) throw error;
  }
  return descriptors;
}
