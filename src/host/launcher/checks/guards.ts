import type { Machine } from './machine.ts';

/**
 * What keeps processes here from looking into others of the same user, with what to do about it, in one line. That
 * something does is found by trying; this names who it is likely to be.
 */
export function whoForbids({ read }: Machine): string {
  const scope = read('/proc/sys/kernel/yama/ptrace_scope')?.trim() ?? '0';
  if (scope === '3')
    return 'Yama (ptrace_scope is 3, until the next boot): remove kernel.yama.ptrace_scope=3 and boot';
  if (scope !== '0')
    return `Yama (ptrace_scope is ${scope}): sysctl -w kernel.yama.ptrace_scope=0, or run as root`;
  if (/^Seccomp:\s*2$/m.test(read('/proc/self/status') ?? ''))
    return 'a filter of system calls (seccomp): in Docker --cap-add SYS_PTRACE or --security-opt seccomp=unconfined';
  const profile = read('/proc/self/attr/apparmor/current')?.trim() ?? 'unconfined';
  if (!profile.startsWith('unconfined'))
    return `AppArmor (profile ${profile}): in Docker --security-opt apparmor=unconfined`;
  if (read('/sys/fs/selinux/enforce')?.trim() === '1')
    return 'SELinux perhaps: `ausearch -m avc -ts recent` tells; setsebool deny_ptrace 0, or setenforce 0 to try';
  return 'a right is missing (CAP_SYS_PTRACE): in Docker --cap-add SYS_PTRACE, or run as root';
}
