import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { createArea } from '../linux/area.ts';
import { errno, libc, SystemCallError } from '../linux/libc.ts';
import { connectionOf, type FuseMount, type FuseMountOptions, resolveMountPoint } from '../linux/mount.ts';
import { once } from '../linux/once.ts';

/**
 * Mounting for ordinary users, by the setuid program `fusermount3` of the fuse3 package: it opens /dev/fuse, mounts it
 * on a directory that belongs to the user, and sends the descriptor back over a socket.
 *
 * ```text
 *   this process ──socketpair──▶ fd 3 of fusermount3 (_FUSE_COMMFD=3)
 *        ◀── one byte with SCM_RIGHTS: the descriptor of /dev/fuse ──┘
 * ```
 *
 * Only the mounting user may use the mount, not even root, unless `allowOther`, which needs `user_allow_other` in
 * /etc/fuse.conf.
 */

const HELPER = 'fusermount3';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x40000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** `struct msghdr` and what it points to, in one area (64-bit layouts; lengths are 8 bytes wide). */
const MSGHDR = { byteLength: 56, iov: 16, iovlen: 24, control: 32, controllen: 40 } as const;
const IOVEC_AT = 64;
const DATA_AT = 80;
const CONTROL_AT = 96;
/** `| len 8 | level 4 | type 4 | fd 4 | pad 4 |` */
const CONTROL = { byteLength: 24, len: 0, level: 8, type: 12, fd: 16 } as const;

const c = once(() => ({
  socketpair: libc<(domain: number, type: number, protocol: number, pair: Int32Array) => number>(
    'int socketpair(int, int, int, void *)',
  ),
  recvmsg: libc<(fd: number, message: number, flags: number) => number>(
    'int64_t recvmsg(int, uint64_t, int)',
  ),
  fcntl: libc<(fd: number, command: number, argument: number) => number>('int fcntl(int, int, int64_t)'),
}));

export interface FusermountOptions extends FuseMountOptions {
  /** The program to run; default `fusermount3`, looked for in PATH. */
  readonly helper?: string;
}

/**
 * Mounts by fusermount3; `rootMode`, `uid` and `gid` are the helper's to choose. The helper is a child process: do not
 * use this where waiting for children is someone else's.
 *
 * @throws Error with what the helper says, or how to install it.
 */
export async function mountByFusermount(options: FusermountOptions): Promise<FuseMount> {
  const directory = resolveMountPoint(options.directory);
  const helper = options.helper ?? HELPER;
  const mountOptions = [
    `fsname=${options.source ?? 'ubinder'}`,
    `subtype=${options.subtype ?? 'ubinder'}`,
    'nosuid',
    'nodev',
  ];
  if (options.defaultPermissions ?? true) mountOptions.push('default_permissions');
  if (options.allowOther) mountOptions.push('allow_other');
  const pair = new Int32Array(2);
  if (c().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) === -1)
    throw new SystemCallError('socketpair', errno());
  const [ours, theirs] = pair as unknown as [number, number];
  try {
    await runHelper(helper, ['-o', mountOptions.join(','), '--', directory], theirs);
    const fd = receiveDescriptor(ours, helper);
    const flags = c().fcntl(fd, F_GETFL, 0);
    if (c().fcntl(fd, F_SETFL, flags | O_NONBLOCK) === -1) {
      closeSync(fd);
      throw new SystemCallError('fcntl F_SETFL', errno(), 'of /dev/fuse');
    }
    return { fd, directory, connection: connectionOf(fd, directory) };
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}

/**
 * Unmounts what {@link mountByFusermount} mounted, at once, as `unmount` does.
 *
 * @throws Error with what the helper says.
 */
export async function unmountByFusermount(directory: string, helper: string = HELPER): Promise<void> {
  await runHelper(helper, ['-u', '-z', '--', directory], 'ignore');
}

async function runHelper(helper: string, args: string[], socket: number | 'ignore'): Promise<void> {
  const child: ChildProcess = spawn(helper, args, {
    stdio: ['ignore', 'ignore', 'pipe', socket],
    env: { ...process.env, _FUSE_COMMFD: '3' },
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) => {
      reject(
        new Error(
          `Cannot run ${helper}: ${(cause as NodeJS.ErrnoException).code}; install the package fuse3, or mount as root`,
          { cause },
        ),
      );
    });
    child.once('close', resolve);
  });
  if (code !== 0)
    throw new Error(`Cannot ${helper} ${args.join(' ')}: ${complaint.trim() || `exit ${code}`}`);
}

/** The helper has ended: what it sent waits in the socket. */
function receiveDescriptor(socket: number, helper: string): number {
  using area = createArea(CONTROL_AT + CONTROL.byteLength);
  const { view, address } = area;
  view.setBigUint64(MSGHDR.iov, BigInt(address + IOVEC_AT), true);
  view.setBigUint64(MSGHDR.iovlen, 1n, true);
  view.setBigUint64(MSGHDR.control, BigInt(address + CONTROL_AT), true);
  view.setBigUint64(MSGHDR.controllen, BigInt(CONTROL.byteLength), true);
  view.setBigUint64(IOVEC_AT, BigInt(address + DATA_AT), true);
  view.setBigUint64(IOVEC_AT + 8, 1n, true);
  if (c().recvmsg(socket, address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) === -1)
    throw new SystemCallError('recvmsg', errno(), `from ${helper}, which sent no descriptor`);
  const hasDescriptor =
    view.getBigUint64(MSGHDR.controllen, true) >= 20n &&
    view.getInt32(CONTROL_AT + CONTROL.level, true) === SOL_SOCKET &&
    view.getInt32(CONTROL_AT + CONTROL.type, true) === SCM_RIGHTS;
  if (!hasDescriptor) throw new Error(`Cannot mount by ${helper}: it sent no descriptor of /dev/fuse`);
  return view.getInt32(CONTROL_AT + CONTROL.fd, true);
}
