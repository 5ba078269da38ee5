import { isAtLeast, kernelVersion } from '../../linux/kernel.ts';
import { type Finding, finding } from './finding.ts';

/** What the checks without risk look at: files, read at once. Tests give other machines. */
export interface Machine {
  /** The kernel's release, for example `6.8.0-45-generic`. */
  readonly release: string;
  /** The text of a file, undefined where there is none or it may not be read. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
}

/** The oldest kernel that is supported: major and minor. */
const OLDEST_KERNEL = [5, 10] as const;

/** Everything that reading files tells. */
export function inspectMachine(machine: Machine): Finding[] {
  return [checkKernel(machine), checkYama(machine), checkAppArmor(machine)];
}

function checkKernel({ release }: Machine): Finding {
  const title = 'kernel';
  if (isAtLeast(kernelVersion(release), ...OLDEST_KERNEL))
    return finding('kernel', title, 'ok', `Linux ${release}`);
  return finding(
    'kernel',
    title,
    'warn',
    `Linux ${release}; ${OLDEST_KERNEL.join('.')} is the oldest supported`,
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
