import { closeSync, fstatSync } from 'node:fs';
import type { ThreadId } from '../../driver/ports.ts';
import { libc } from './libc.ts';
import { once } from './once.ts';
import { errorCode, openProc, readProc, readProcLink } from './proc-file.ts';

/**
 * What a user id looks like where it has no name: binder says `from_kuid`, which gives (uid_t)-1, not the overflow uid
 * 65534 of `from_kuid_munged` that stat and getuid use.
 */
export const UNMAPPED_UID = 0xffff_ffff;

/** User namespaces may nest 32 deep, pid namespaces too (MAX_PID_NS_LEVEL). */
const MAX_NAMESPACE_DEPTH = 33;

/** How much of a security label is read, bytes: labels of SELinux and AppArmor are far shorter. */
const MAX_LABEL_SIZE = 4096;

/** _IO(0xb7, 2): the parent of a namespace. */
const NS_GET_PARENT = 0xb702;

const c = once(() => ({
  ioctl: libc<(fd: number, request: number, argument: number) => number>(
    'int ioctl(int, uint64_t, uint64_t)',
  ),
}));

/** The inode of the user namespace that every other descends from (PROC_USER_INIT_INO). */
export const INITIAL_USER_NAMESPACE = 4026531837;

/** What cannot be known: no namespace has this number. */
const UNKNOWN = 0;

const ownNamespaces = once(() => ({ pid: namespaceOf('self', 'pid'), user: namespaceOf('self', 'user') }));

/** Why {@link identify} failed. */
export type IdentityErrorCode = 'ERR_CALLER_INVISIBLE' | 'ERR_CALLER_GONE';

/** A caller of whom the kernel says nothing. */
export class IdentityError extends Error {
  readonly code: IdentityErrorCode;

  constructor(code: IdentityErrorCode, message: string) {
    super(message);
    this.name = 'IdentityError';
    this.code = code;
  }
}

/** A range of user ids of a namespace and what they are in the daemon's. */
interface UidRange {
  readonly first: number;
  readonly lower: number;
  readonly count: number;
}

/**
 * Who opened a device: what the kernel said at that time. It is not asked again, so a process that changes its
 * namespaces later is still seen as it was.
 */
export class Identity {
  /** Process id in the daemon's pid namespace. */
  readonly pid: number;
  /** The thread that opened the device. */
  readonly tid: ThreadId;
  /** Effective user and group id, in the daemon's user namespace. */
  readonly euid: number;
  readonly egid: number;
  /** Process ids from the daemon's pid namespace inwards to the process's own. */
  readonly pids: readonly number[];
  /** Inodes of the pid namespaces of `pids`; 0 for those we may not know. */
  readonly pidNamespaces: readonly number[];
  /** Inode of the user namespace; 0 when we may not know, which counts as the daemon's. */
  readonly userNamespace: number;
  /** Path of the program as the daemon sees it, with ` (deleted)` behind it when it was; null when we may not know. */
  readonly executable: string | null;
  /** The thread's name (comm), at most 15 bytes. */
  readonly name: string;
  /** The security label (SELinux context, AppArmor profile); null without a security module. */
  readonly label: string | null;
  private uidMap: readonly UidRange[] | null = null;

  /** Use {@link identify}. */
  constructor(tid: ThreadId, status: string) {
    this.tid = tid;
    this.pid = Number(statusField(status, 'Tgid'));
    this.name = utf8(statusField(status, 'Name') ?? '').replace(/\\([n\\])/g, (_all, what) =>
      what === 'n' ? '\n' : '\\',
    );
    this.euid = effectiveId(status, 'Uid');
    this.egid = effectiveId(status, 'Gid');
    const pids = statusField(status, 'NStgid')?.split('\t').map(Number);
    this.pids = pids ?? [this.pid];
    this.pidNamespaces = this.pids.length === 1 ? [ownNamespaces().pid] : pidNamespacesOf(tid);
    this.userNamespace = namespaceOf(tid, 'user');
    this.executable = executableOf(tid);
    this.label = labelOf(tid);
  }

  /** This process's id as `viewer` sees it; 0 when it is not visible in the viewer's pid namespace. */
  pidSeenBy(viewer: Identity): number {
    const level = viewer.pids.length - 1;
    // The daemon's own namespace: everybody is visible there, or identify would have failed
    if (level === 0) return this.pid;
    const namespace = viewer.pidNamespaces[level];
    if (namespace === undefined || namespace === UNKNOWN || this.pidNamespaces[level] !== namespace) return 0;
    return this.pids[level] ?? 0;
  }

  /**
   * A user id of the daemon's user namespace as `viewer` sees it; {@link UNMAPPED_UID} when the viewer's has no name
   * for it.
   */
  euidSeenBy(viewer: Identity, euid: number): number {
    if (viewer.userNamespace === ownNamespaces().user || viewer.userNamespace === UNKNOWN) return euid;
    for (const { first, lower, count } of viewer.uidRanges())
      if (euid >= lower && euid < lower + count) return first + (euid - lower);
    return UNMAPPED_UID;
  }

  /** Read when first needed, and until it is there: a map is written once, after the namespace was made. */
  private uidRanges(): readonly UidRange[] {
    if (!this.uidMap || this.uidMap.length === 0) this.uidMap = readUidMap(this.pid);
    return this.uidMap;
  }
}

/**
 * Asks the kernel who a caller is: some 50 microseconds, once for each open of a device. `tid` must be blocked in a
 * request to us (see proc-file.ts).
 *
 * @throws IdentityError when the caller is not visible from the daemon's pid namespace (`tid` 0) or died meanwhile.
 */
export function identify(tid: ThreadId): Identity {
  if (tid <= 0)
    throw new IdentityError(
      'ERR_CALLER_INVISIBLE',
      "Cannot identify a caller whose id is 0: it runs outside the daemon's pid namespace; run the daemon there, or in a parent",
    );
  let status: string | null;
  try {
    status = readProc(`/proc/${tid}/status`);
  } catch (cause) {
    throw new IdentityError(
      'ERR_CALLER_INVISIBLE',
      `Cannot identify thread ${tid} (${errorCode(cause)}): mount /proc without hidepid for the daemon`,
    );
  }
  if (!status)
    throw new IdentityError('ERR_CALLER_GONE', `Cannot identify thread ${tid}: /proc/${tid} is not there`);
  return new Identity(tid, status);
}

function statusField(status: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1];
}

/** The second of `Uid: real effective saved fs`. */
function effectiveId(status: string, name: 'Uid' | 'Gid'): number {
  return Number(statusField(status, name)?.split('\t')[1]);
}

/** /proc is read as bytes; names in it are UTF-8. */
function utf8(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The inode of a namespace: the number in `pid:[4026531836]`. */
function namespaceOf(thread: ThreadId | 'self', type: 'pid' | 'user'): number {
  try {
    return Number(/\[(\d+)\]/.exec(readProcLink(`/proc/${thread}/ns/${type}`) ?? '')?.[1] ?? UNKNOWN);
  } catch {
    // Another user's process, for a daemon without privileges
    return UNKNOWN;
  }
}

/** The pid namespaces of a thread, the daemon's first: walks up from its own as far as we may see. */
function pidNamespacesOf(tid: ThreadId): number[] {
  const inodes: number[] = [];
  let namespace: number | null = null;
  try {
    namespace = openProc(`/proc/${tid}/ns/pid`);
    while (namespace !== null && inodes.length < MAX_NAMESPACE_DEPTH) {
      inodes.unshift(fstatSync(namespace).ino);
      const parent = c().ioctl(namespace, NS_GET_PARENT, 0);
      closeSync(namespace);
      // EPERM: that was the daemon's own
      namespace = parent === -1 ? null : parent;
    }
  } catch {
    // Another user's process, for a daemon without privileges: whoever asks is told that it is invisible
  } finally {
    if (namespace !== null) closeSync(namespace);
  }
  return inodes;
}

function executableOf(tid: ThreadId): string | null {
  try {
    return readProcLink(`/proc/${tid}/exe`);
  } catch {
    return null;
  }
}

/** EINVAL without a security module; some modules write a newline or a NUL behind the label. */
function labelOf(tid: ThreadId): string | null {
  try {
    const label = readProc(`/proc/${tid}/attr/current`, MAX_LABEL_SIZE)?.replace(/[\n\0]+$/, '');
    return label ? utf8(label) : null;
  } catch {
    return null;
  }
}

/** The kernel shows the second column in the reader's user namespace, here the daemon's. */
function readUidMap(pid: number): UidRange[] {
  const ranges: UidRange[] = [];
  for (const line of readProc(`/proc/${pid}/uid_map`)?.split('\n') ?? []) {
    const [first, lower, count] = line.trim().split(/\s+/).map(Number);
    if (first !== undefined && lower !== undefined && count !== undefined)
      ranges.push({ first, lower, count });
  }
  return ranges;
}
