import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, lstatSync, openSync, readlinkSync } from 'node:fs';
import { createArea, createSharedArea, pageSize } from './area.ts';
import { INITIAL_USER_NAMESPACE, identify } from './identity.ts';
import { errorName } from './libc.ts';
import { MappingFinder } from './mapping-finder.ts';
import { readMountTable } from './mount.ts';
import { errorCode, readProc, readProcLink } from './proc-file.ts';
import { ProcessMemory } from './process-memory.ts';
import { openThread } from './thread-watch.ts';

/**
 * What this system lets us do, found by trying. Each probe tells a value and the reason for it in words that a person
 * can use. None throws, and none touches a mount of ours.
 *
 * The asynchronous ones start a child process: they are for `doctor`, not for the daemon, whose children would get in
 * the way of the processes it looks at.
 */

/** What a probe found. */
export interface Probe<T> {
  readonly value: T;
  /** Why, and what to do about it where something can be done. */
  readonly reason: string;
}

/** Milliseconds a child process of a probe may take. */
const CHILD_DEADLINE = 5_000;

/** Bits of CapEff. */
const CAP_SYS_ADMIN = 21n;

/** Whether /proc shows the pid namespace that this process lives in: ids are worthless otherwise. */
export function probeProc(): Probe<boolean> {
  try {
    const self = readProcLink('/proc/self');
    if (self === String(process.pid)) return { value: true, reason: '/proc shows our own pid namespace' };
    return {
      value: false,
      reason: `/proc shows process ${self} where we are ${process.pid}: mount /proc anew in this pid namespace`,
    };
  } catch (error) {
    return { value: false, reason: `/proc cannot be read (${codeOf(error)}): mount it` };
  }
}

/** Whether /dev/fuse can be opened. */
export function probeFuseDevice(): Probe<boolean> {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return { value: true, reason: '/dev/fuse can be opened' };
  } catch (error) {
    const code = codeOf(error);
    const mend =
      code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO'
        ? 'load the fuse module (modprobe fuse), or give the container --device /dev/fuse'
        : 'run as root, or allow everybody with chmod 666 /dev/fuse as distributions do';
    return { value: false, reason: `/dev/fuse cannot be opened (${code}): ${mend}` };
  }
}

/** Whether we hold CAP_SYS_ADMIN in the initial user namespace, which FUSE passthrough asks for. */
export function probeInitialAdmin(): Probe<boolean> {
  try {
    if (readProcLink('/proc/self/ns/user') !== `user:[${INITIAL_USER_NAMESPACE}]`)
      return { value: false, reason: 'we are in a user namespace of our own: deliver without passthrough' };
    const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(readProc('/proc/self/status') ?? '')?.[1] ?? '0';
    if (((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n)
      return { value: true, reason: 'we hold CAP_SYS_ADMIN in the initial user namespace' };
    return { value: false, reason: 'we lack CAP_SYS_ADMIN: run as root for passthrough' };
  } catch (error) {
    return { value: false, reason: `our capabilities cannot be read (${codeOf(error)})` };
  }
}

/** Whether memory can be shared by memory files whose size is sealed. */
export function probeMemoryFiles(): Probe<boolean> {
  try {
    createSharedArea('ubinder-probe', pageSize()).release();
    return { value: true, reason: 'memfd_create and file seals work' };
  } catch (error) {
    return { value: false, reason: `memfd_create failed (${codeOf(error)}): look at sysctl vm.memfd_noexec` };
  }
}

/** Whether mappings of a client can be checked one by one (PROCMAP_QUERY, Linux 6.11). */
export function probeMapQuery(): Probe<boolean> {
  try {
    using finder = new MappingFinder(0);
    if (finder.isExact) return { value: true, reason: 'PROCMAP_QUERY works' };
    return {
      value: false,
      reason: 'PROCMAP_QUERY is missing (Linux 6.11): the text of /proc/PID/maps is read',
    };
  } catch (error) {
    return { value: false, reason: `PROCMAP_QUERY failed (${codeOf(error)})` };
  }
}

/** Whether the kernel tells of the end of a thread (PIDFD_THREAD, Linux 6.9). */
export function probeThreadPidfds(): Probe<boolean> {
  const fd = openThread(process.pid);
  if (fd >= 0) {
    closeSync(fd);
    return { value: true, reason: 'pidfd_open with PIDFD_THREAD works' };
  }
  return {
    value: false,
    reason: `pidfd_open with PIDFD_THREAD says ${errorName(-fd)} (Linux 6.9): threads are looked at in rounds`,
  };
}

/** The security label that binder would give for us; `null` where there is no security module. */
export function probeSecurityLabel(): Probe<string | null> {
  try {
    const { label } = identify(process.pid);
    if (label !== null) return { value: label, reason: 'a security module labels processes' };
    return { value: null, reason: '/proc/self/attr/current is empty: no security module labels processes' };
  } catch (error) {
    return { value: null, reason: `our label cannot be read (${codeOf(error)})` };
  }
}

/** A limit on how long FUSE requests may take, seconds; 0 is none. */
export interface RequestTimeouts {
  readonly default: number;
  readonly max: number;
}

/**
 * The kernel's time limits for FUSE requests (Linux 6.14); `null` where it has none. A parked read of a binder thread
 * is a request that takes for ever: any limit kills the connection.
 */
export function probeRequestTimeouts(): Probe<RequestTimeouts | null> {
  try {
    const [byDefault, max] = ['default_request_timeout', 'max_request_timeout'].map((name) =>
      readProc(`/proc/sys/fs/fuse/${name}`),
    );
    if (byDefault == null || max == null)
      return { value: null, reason: 'this kernel has no time limit for requests' };
    const value = { default: Number(byDefault), max: Number(max) };
    if (value.default === 0 && value.max === 0) return { value, reason: 'no time limit for requests is set' };
    return {
      value,
      reason:
        `requests end after ${value.default} s (at most ${value.max} s), which ends waiting binder threads: ` +
        'sysctl fs.fuse.default_request_timeout=0 fs.fuse.max_request_timeout=0',
    };
  } catch (error) {
    return { value: null, reason: `/proc/sys/fs/fuse cannot be read (${codeOf(error)})` };
  }
}

/** What there is of a binder driver in the kernel. */
export interface KernelBinder {
  /** The kernel can mount binderfs. */
  readonly hasBinderfs: boolean;
  /** Where binderfs is mounted. */
  readonly mounts: readonly string[];
  /** What /dev/binder is: a device of the kernel, a link to something, another thing, nothing. */
  readonly device: 'device' | 'link' | 'other' | 'none';
}

/** Whether this kernel has a binder driver of its own. Looks at names only: /dev/binder may lead to our mount. */
export function probeKernelBinder(): Probe<KernelBinder> {
  const hasBinderfs = /^(?:nodev)?\tbinder$/m.test(readProc('/proc/filesystems') ?? '');
  const mounts = readMountTable()
    .filter((mount) => mount.type === 'binder')
    .map((mount) => mount.mountPoint);
  let device: KernelBinder['device'] = 'none';
  let what = '/dev/binder is not there';
  try {
    const found = lstatSync('/dev/binder');
    device = found.isSymbolicLink() ? 'link' : found.isCharacterDevice() ? 'device' : 'other';
    what =
      device === 'device'
        ? '/dev/binder is a device'
        : device === 'link'
          ? `/dev/binder leads to ${readlinkSync('/dev/binder')}`
          : '/dev/binder is no device';
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') what = `/dev/binder cannot be looked at (${codeOf(error)})`;
  }
  const kernel = hasBinderfs ? 'the kernel has binderfs' : 'the kernel has no binderfs';
  const where = mounts.length > 0 ? `, mounted at ${mounts.join(', ')}` : '';
  return { value: { hasBinderfs, mounts, device }, reason: `${kernel}${where}; ${what}` };
}

/** Whether the memory of another process of ours (a child) can be read. */
export async function probeProcessMemory(): Promise<Probe<boolean>> {
  // Waits for a line that never comes, and ends with our end of the pipe
  const child = spawn('/bin/sh', ['-c', 'read line'], { stdio: ['pipe', 'ignore', 'ignore'] });
  try {
    await started(child);
    const pid = child.pid ?? 0;
    const start = Number.parseInt(readProc(`/proc/${pid}/maps`) ?? '', 16);
    if (Number.isNaN(start)) return { value: false, reason: 'the maps of a child process are empty' };
    using memory = new ProcessMemory();
    using area = createArea(8);
    const copied = memory.read(pid, start, area, 0, 8);
    if (copied === 8) return { value: true, reason: `process_vm_readv works on a child process${yama()}` };
    return {
      value: false,
      reason: `process_vm_readv on a child process says ${errorName(memory.lastErrno)}${yama()}: a seccomp filter or a security module forbids it`,
    };
  } catch (error) {
    return { value: false, reason: `a child process cannot be looked at (${codeOf(error)})${yama()}` };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Whether unprivileged processes can make user namespaces: how a daemon without root mounts. */
export async function probeUserNamespaces(): Promise<Probe<boolean>> {
  const failure = await run('unshare', ['--user', '--map-root-user', 'true']);
  if (failure === null) return { value: true, reason: '`unshare --user --map-root-user` works' };
  const settings = [
    ['user.max_user_namespaces', '0'],
    ['kernel.unprivileged_userns_clone', '0'],
    ['kernel.apparmor_restrict_unprivileged_userns', '1'],
  ] as const;
  for (const [name, forbids] of settings) {
    if (sysctl(name) === forbids)
      return { value: false, reason: `user namespaces are forbidden: sysctl ${name} is ${forbids}` };
  }
  return { value: false, reason: `\`unshare --user --map-root-user\` failed: ${failure}` };
}

/** Yama allows a process without privileges to look at its descendants only. */
function yama(): string {
  const scope = sysctl('kernel.yama.ptrace_scope');
  return scope === null || scope === '0' ? '' : ` (kernel.yama.ptrace_scope is ${scope})`;
}

function sysctl(name: string): string | null {
  try {
    return readProc(`/proc/sys/${name.replaceAll('.', '/')}`)?.trim() ?? null;
  } catch {
    return null;
  }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
}

/** Runs a command; `null` when it succeeded, otherwise what it said. */
function run(command: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: CHILD_DEADLINE }, (error, _stdout, stderr) => {
      if (!error) resolve(null);
      else resolve(stderr.trim().split('\n')[0] || error.message);
    });
  });
}

function codeOf(error: unknown): string {
  return errorCode(error) || String(error);
}
