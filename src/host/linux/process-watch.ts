import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';

/** The same on all architectures. */
const SYS_PIDFD_OPEN = 434;

const c = once(() => ({
  // glibc has pidfd_open since 2.36 only
  pidfdOpen: libc<(number: number, pid: number, flags: number) => number>(
    'int64_t syscall(int64_t, int64_t, int64_t)',
  ),
}));

/**
 * Opens a descriptor of a process that becomes readable when the process ends (pidfd, Linux 5.3).
 *
 * @throws SystemCallError ESRCH when there is no such process.
 */
export function openProcess(pid: number): number {
  const fd = c().pidfdOpen(SYS_PIDFD_OPEN, pid, 0);
  if (fd === -1) throw new SystemCallError('pidfd_open', errno(), `process ${pid}`);
  return fd;
}
