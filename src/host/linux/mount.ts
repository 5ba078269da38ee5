import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';

/**
 * Mounting FUSE file systems and finding them in the mount table.
 *
 * Nothing here looks at what lies on a mount: the process that serves it would wait for itself, and any other for as
 * long as the server pleases.
 */

const MS_NOSUID = 2;
const MS_NODEV = 4;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
const ENOENT = 2;
const EBUSY = 16;
const EINVAL = 22;
const ELOOP = 40;

/** Symbolic links in one path, as the kernel counts them. */
const MAX_LINKS = 40;

const DEVICE = '/dev/fuse';

const c = once(() => ({
  mount: libc<(source: string, target: string, type: string, flags: number, options: string) => number>(
    'int mount(const char *, const char *, const char *, uint64_t, const char *)',
  ),
  umount2: libc<(target: string, flags: number) => number>('int umount2(const char *, int)'),
}));

export interface FuseMountOptions {
  /** An existing directory that nothing is mounted on. */
  readonly directory: string;
  /** Shown as the mounted thing, `ubinder /mnt fuse.ubinder`; default `ubinder`. */
  readonly source?: string;
  /** The part of the type after `fuse.`; default `ubinder`. */
  readonly subtype?: string;
  /** Other users than the mounter may use it; default true. */
  readonly allowOther?: boolean;
  /** The kernel checks file modes; without it **nobody** does unless the file system itself. Default true. */
  readonly defaultPermissions?: boolean;
  /** Permissions of the root directory until its first GETATTR, without the file type; default 0. */
  readonly rootMode?: number;
  /** Whose mount it is; default: this process's effective ids. */
  readonly uid?: number;
  readonly gid?: number;
}

/** A mounted file system that nobody serves yet. */
export interface FuseMount {
  /** /dev/fuse, non-blocking and close-on-exec; closing it ends the connection. */
  readonly fd: number;
  /** Absolute, without symbolic links, as the mount table shows it. */
  readonly directory: string;
  /** Its number in /sys/fs/fuse/connections. */
  readonly connection: number;
}

/** A line of /proc/self/mountinfo. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` as one number; for FUSE, which has major 0, the number of the connection. */
  readonly device: number;
  readonly mountPoint: string;
  /** For example `fuse.ubinder`. */
  readonly type: string;
  readonly source: string;
}

/** Opens /dev/fuse, non-blocking and close-on-exec. */
export function openFuseDevice(): number {
  try {
    return openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    const number = -((error as NodeJS.ErrnoException).errno ?? 0);
    throw new SystemCallError(
      'open',
      number,
      `${DEVICE} (load the module with \`modprobe fuse\`, or give this user or container access to the device)`,
    );
  }
}

/**
 * Mounts a FUSE file system, which needs CAP_SYS_ADMIN over the mount namespace. INIT waits on the descriptor when
 * this returns; until it is answered every access of the directory waits.
 *
 * @throws SystemCallError: EPERM without the capability, ENOENT, ENOTDIR, EBUSY when something is mounted there.
 */
export function mountFuse(options: FuseMountOptions): FuseMount {
  const directory = resolveMountPoint(options.directory);
  const fd = openFuseDevice();
  try {
    const type = `fuse.${options.subtype ?? 'ubinder'}`;
    const mountOptions = [
      `fd=${fd}`,
      `rootmode=${(constants.S_IFDIR | (options.rootMode ?? 0)).toString(8)}`,
      `user_id=${options.uid ?? process.geteuid?.() ?? 0}`,
      `group_id=${options.gid ?? process.getegid?.() ?? 0}`,
    ];
    if (options.defaultPermissions ?? true) mountOptions.push('default_permissions');
    if (options.allowOther ?? true) mountOptions.push('allow_other');
    const source = options.source ?? 'ubinder';
    if (c().mount(source, directory, type, MS_NOSUID | MS_NODEV, mountOptions.join(',')) === -1)
      throw new SystemCallError('mount', errno(), `${type} on ${directory}`);
    return { fd, directory, connection: connectionOf(fd, directory) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Takes a mount away from its directory at once (MNT_DETACH). Those who have files of it open keep them, and the
 * session goes on until the last is closed.
 *
 * Does not ask the server anything, also where it is this process, as long as nobody has dirty pages of a mapping that
 * is written back to it.
 *
 * @returns false when nothing is mounted there.
 * @throws SystemCallError
 */
export function unmount(directory: string): boolean {
  if (c().umount2(directory, MNT_DETACH | UMOUNT_NOFOLLOW) === 0) return true;
  const error = errno();
  // EINVAL: no mount point
  if (error === EINVAL || error === ENOENT) return false;
  throw new SystemCallError('umount2', error, directory);
}

/** The mount table of this process, in the order of mounting: of two on one directory the later hides the earlier. */
export function readMountTable(): MountEntry[] {
  return parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** What {@link readMountTable} makes of the text of a mountinfo. */
export function parseMountTable(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    // 42 27 0:39 / /mount/point rw,nosuid shared:1 - fuse.ubinder ubinder rw,user_id=0
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    const [id, parent, device, , mountPoint] = fields;
    if (separator === -1 || !device || !mountPoint) continue;
    const [major, minor] = device.split(':').map(Number);
    entries.push({
      id: Number(id),
      parentId: Number(parent),
      device: (major ?? 0) * 2 ** 20 + (minor ?? 0),
      mountPoint: unescapeOctal(mountPoint),
      type: unescapeOctal(fields[separator + 1] ?? ''),
      source: unescapeOctal(fields[separator + 2] ?? ''),
    });
  }
  return entries;
}

/** A device number of stat(2), made as makedev(3) does, as {@link MountEntry.device} and mapping tables have it. */
export function deviceNumber(dev: number): number {
  const major = Math.floor(dev / 256) % 4096;
  const minor = (dev % 256) + Math.floor(dev / 2 ** 20) * 256;
  return major * 2 ** 20 + minor;
}

/** What is mounted on `directory`, `undefined` for nothing. The mount itself is not looked at. */
export function findMount(directory: string): MountEntry | undefined {
  const mountPoint = resolveLinks(directory);
  return readMountTable().findLast((entry) => entry.mountPoint === mountPoint);
}

/** All FUSE mounts of a subtype (see {@link FuseMountOptions}), served or stale. */
export function listFuseMounts(subtype = 'ubinder'): MountEntry[] {
  return readMountTable().filter((entry) => entry.type === `fuse.${subtype}`);
}

/**
 * Checks a directory to mount on and resolves it as the mount table will show it.
 *
 * @throws SystemCallError EBUSY when something is mounted there: looking at it might never end.
 */
export function resolveMountPoint(directory: string): string {
  const resolved = resolveLinks(directory);
  const entry = readMountTable().findLast((candidate) => candidate.mountPoint === resolved);
  if (!entry) return resolved;
  const what = entry.source || entry.type;
  throw new SystemCallError(
    'mount',
    EBUSY,
    `on ${resolved} (${what} is mounted there: unmount it first, \`umount -l ${resolved}\`)`,
  );
}

/** The connection of a mounted /dev/fuse. */
export function connectionOf(fd: number, mountPoint: string): number {
  const line = /^fuse_connection:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  if (line) return Number(line[1]);
  // Older kernels do not say; what was mounted there last is ours
  const entry = readMountTable().findLast((candidate) => candidate.mountPoint === mountPoint);
  if (!entry)
    throw new Error(`Cannot find ${mountPoint} in /proc/self/mountinfo: it was unmounted meanwhile`);
  return entry.device;
}

/**
 * An absolute path without symbolic links. Unlike realpath it asks for nothing but links: readlink of a mount's root is
 * answered without its server, stat is not. What does not exist stays as it is written.
 *
 * @param isLeftAlone - whether what lies in this directory is not to be asked for: it stays as it is written, too
 */
export function resolveLinks(
  path: string,
  isLeftAlone: (directory: string) => boolean = () => false,
): string {
  let rest = resolve(path).split(sep);
  let resolved = '';
  let links = 0;
  while (rest.length > 0) {
    const [component, ...others] = rest as [string, ...string[]];
    const next = component === '' ? resolved : `${resolved}/${component}`;
    const target = next === resolved || isLeftAlone(resolved) ? undefined : readLink(next);
    if (target === undefined) {
      resolved = next;
      rest = others;
      continue;
    }
    if (++links > MAX_LINKS) throw new SystemCallError('readlink', ELOOP, path);
    rest = [...resolve(resolved || '/', target).split(sep), ...others];
    resolved = '';
  }
  return resolved || '/';
}

/** The target of a symbolic link, `undefined` for anything else. */
function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // EINVAL: no link. Whatever else is wrong with it, mounting will say
    return undefined;
  }
}

/** The table writes space, tab, newline, backslash and `#` as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
