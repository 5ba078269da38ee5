import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';

const F_DUPFD_CLOEXEC = 1030;

const c = once(() => ({
  fcntl: libc<(fd: number, command: number, argument: number) => number>('int fcntl(int, int, int64_t)'),
}));

/**
 * Another descriptor for the same open file, closed when a program is executed.
 *
 * @throws SystemCallError EBADF, EMFILE.
 */
export function duplicate(fd: number): number {
  const copy = c().fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy === -1) throw new SystemCallError('dup', errno(), `descriptor ${fd}`);
  return copy;
}
