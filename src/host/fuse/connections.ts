import { spawn } from 'node:child_process';
import { closeSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { errno, libc, SystemCallError } from '../linux/libc.ts';
import { findMount } from '../linux/mount.ts';
import { once } from '../linux/once.ts';

/**
 * FUSE connections from outside: by the kernel's control file system (fusectl), one directory for each connection,
 * which never asks the server of the connection.
 */

const CONTROL = '/sys/fs/fuse/connections';

// System calls without a function in older C libraries; the numbers are the same on x86-64 and arm64
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
const FSOPEN_CLOEXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
const FSMOUNT_CLOEXEC = 1;

const ENOTCONN = 107;
const EXIT_STALE = 3;

/** Milliseconds for a child process to start and to look at a mount, on a loaded machine. */
const PROBE_DEADLINE = 2000;

const c = once(() => ({
  fsopen: libc<(number: number, type: string, flags: number) => number>(
    'int64_t syscall(int64_t, const char *, int64_t)',
  ),
  fsconfig: libc<
    (number: number, fd: number, command: number, key: number, value: number, aux: number) => number
  >('int64_t syscall(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t)'),
  fsmount: libc<(number: number, fd: number, flags: number, attributes: number) => number>(
    'int64_t syscall(int64_t, int64_t, int64_t, int64_t)',
  ),
}));

/**
 * Aborts a connection, whatever state its server is in: all requests end with ECONNABORTED, everything later with
 * ENOTCONN. The mount stays until it is unmounted.
 *
 * @param connection as in `FuseMount.connection` or `MountEntry.device`.
 * @returns false when there is no such connection.
 * @throws SystemCallError EPERM when fusectl is not mounted and may not be, EACCES for another user's connection.
 */
export function abortConnection(connection: number): boolean {
  return (
    withControl(connection, 'abort', (path) => {
      writeFileSync(path, '1');
      return true;
    }) ?? false
  );
}

/** The user who mounted it, who may abort it, too; `undefined` when there is no such connection. */
export function ownerOf(connection: number): number | undefined {
  return withControl(connection, 'abort', (path) => statSync(path).uid);
}

/**
 * Requests of a connection that have no answer yet, parked ones too; `undefined` when there is no such connection.
 *
 * @throws as {@link abortConnection}
 */
export function countWaiting(connection: number): number | undefined {
  return withControl(connection, 'waiting', (path) => Number(readFileSync(path, 'utf8')));
}

/**
 * What became of a FUSE mount: nothing there (`absent`), its server answers (`alive`), the server is gone (`stale`),
 * or there is a server that does not answer (`silent`).
 */
export type MountState = 'absent' | 'alive' | 'stale' | 'silent';

/**
 * Finds out whether a mount is served. Not for the process that serves it.
 *
 * The kernel shows nowhere whether a connection is dead, so something has to ask the mount, and whoever asks a silent
 * server cannot be killed until that connection ends. Therefore a child process does it (statfs, which is never
 * answered from a cache), with a deadline; a stuck child is left behind and ends when the connection does. A mount
 * without `allow_other` that belongs to another user shows as `alive`, because its server is not asked.
 *
 * @param deadline milliseconds.
 */
export async function probeMount(directory: string, deadline: number = PROBE_DEADLINE): Promise<MountState> {
  if (!findMount(directory)) return 'absent';
  const script = `try { require('fs').statfsSync(process.argv[1]) } catch (error) { process.exit(error.errno === -${ENOTCONN} ? ${EXIT_STALE} : 0) }`;
  const child = spawn(process.execPath, ['-e', script, directory], { stdio: 'ignore', env: {} });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.unref();
      resolve('silent');
    }, deadline);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code === EXIT_STALE ? 'stale' : 'alive');
    });
  });
}

/** Runs `action` on a file of the connection's control directory; `undefined` when there is none. */
function withControl<T>(connection: number, file: string, action: (path: string) => T): T | undefined {
  const mounted = `${CONTROL}/${connection}/${file}`;
  if (existsSync(mounted)) return action(mounted);
  const fd = openControl();
  try {
    const path = `/proc/self/fd/${fd}/${connection}/${file}`;
    return existsSync(path) ? action(path) : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Mounts fusectl nowhere: only the returned descriptor leads to it. */
function openControl(): number {
  const { fsopen, fsconfig, fsmount } = c();
  const context = check('fsopen', fsopen(SYS_FSOPEN, 'fusectl', FSOPEN_CLOEXEC));
  try {
    check('fsconfig', fsconfig(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
    return check('fsmount', fsmount(SYS_FSMOUNT, context, FSMOUNT_CLOEXEC, 0));
  } finally {
    closeSync(context);
  }
}

function check(call: string, result: number): number {
  if (result === -1)
    throw new SystemCallError(
      call,
      errno(),
      `fusectl (mount it as root: \`mount -t fusectl none ${CONTROL}\`)`,
    );
  return result;
}
