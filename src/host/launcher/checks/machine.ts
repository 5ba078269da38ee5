import { type Finding, finding } from './finding.ts';

/** What the checks without risk look at: files, read at once. Tests give other machines. */
export interface Machine {
  /** The kernel's release, for example `6.8.0-45-generic`. */
  readonly release: string;
  /** Directories in which programs are looked for. */
  readonly path: string;
  /** The text of a file, undefined where there is none or it may not be read. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
}

/** The oldest kernel that is supported: major and minor. */
const OLDEST_KERNEL = [5, 10] as const;

/** `[6, 8]` for `6.8.0-45-generic`. */
export function kernelVersion(release: string): readonly [number, number] {
  const match = /^(\d+)\.(\d+)/.exec(release);
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
}

/** Whether a kernel release is at least the given version. */
export function kernelAtLeast(release: string, [major, minor]: readonly [number, number]): boolean {
  const [a, b] = kernelVersion(release);
  return a > major || (a === major && b >= minor);
}

/** Everything that reading files tells. */
export function inspectMachine(machine: Machine): Finding[] {
  return [
    checkKernel(machine),
    checkFusermount(machine),
    checkRequestTimeout(machine),
    checkYama(machine),
    checkAppArmor(machine),
    checkKernelBinder(machine),
  ];
}

function checkKernel({ release }: Machine): Finding {
  const title = 'kernel';
  if (kernelAtLeast(release, OLDEST_KERNEL)) return finding('kernel', title, 'ok', `Linux ${release}`);
  return finding(
    'kernel',
    title,
    'warn',
    `Linux ${release}; ${OLDEST_KERNEL.join('.')} is the oldest supported`,
  );
}

function checkFusermount({ path, exists }: Machine): Finding {
  const title = 'fusermount3, for ordinary users';
  for (const directory of path.split(':'))
    if (directory && exists(`${directory}/fusermount3`))
      return finding('fusermount3', title, 'ok', `${directory}/fusermount3`);
  return finding(
    'fusermount3',
    title,
    'warn',
    'not installed; install the package fuse3 to mount without root',
  );
}

/** A kernel that limits how long a request may take breaks off every client that waits for a call: FUSE calls it hung. */
function checkRequestTimeout({ read }: Machine): Finding {
  const title = 'no time limit on FUSE requests';
  const limits = ['default_request_timeout', 'max_request_timeout']
    .map((name) => ({
      name: `fs.fuse.${name}`,
      seconds: Number(read(`/proc/sys/fs/fuse/${name}`)?.trim() ?? 0),
    }))
    .filter(({ seconds }) => seconds !== 0);
  if (limits.length === 0) return finding('request-timeout', title, 'ok', 'none is set');
  const found = limits.map(({ name, seconds }) => `${name} is ${seconds}`).join(', ');
  const mend = limits.map(({ name }) => `${name}=0`).join(' ');
  return finding(
    'request-timeout',
    title,
    'warn',
    `${found}: the kernel drops mounts whose clients wait longer; sysctl -w ${mend}`,
  );
}

function checkYama({ read }: Machine): Finding {
  const title = 'Yama ptrace_scope';
  const scope = read('/proc/sys/kernel/yama/ptrace_scope')?.trim();
  switch (scope) {
    case undefined:
      return finding('yama', title, 'ok', 'no Yama');
    case '0':
      return finding('yama', title, 'ok', '0');
    case '3':
      return finding('yama', title, 'no', '3: nobody may trace, so that no daemon can read its clients');
    default:
      return finding(
        'yama',
        title,
        'warn',
        `${scope}: a daemon needs CAP_SYS_PTRACE, which root and \`ubinder run\` have; an ordinary user's \`ubinder up\` needs sysctl -w kernel.yama.ptrace_scope=0`,
      );
  }
}

function checkAppArmor({ read }: Machine): Finding {
  const title = 'AppArmor and user namespaces';
  const restricted = read('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')?.trim();
  if (restricted === undefined || restricted === '0')
    return finding('apparmor', title, 'ok', 'not restricted');
  return finding(
    'apparmor',
    title,
    'warn',
    'an ordinary user may not mount in them; sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run as root',
  );
}

function checkKernelBinder({ read, exists }: Machine): Finding {
  const title = "the kernel's own binder";
  const known = /\bbinder\b/.test(read('/proc/filesystems') ?? '');
  const device = ['/dev/binder', '/dev/binderfs/binder'].find((path) => exists(path));
  if (known && device)
    return finding(
      'kernel-binder',
      title,
      'ok',
      `${device} may be the kernel's; \`ubinder run\` puts its own before it`,
    );
  if (known) return finding('kernel-binder', title, 'ok', 'binderfs is in this kernel and not mounted');
  return finding('kernel-binder', title, 'ok', 'none, which is what ubinder is for');
}
