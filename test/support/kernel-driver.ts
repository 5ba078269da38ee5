import { readFileSync } from 'node:fs';
import type { DriverCounts } from './mount-world.ts';

/** Where the kernel's driver tells of itself; debugfs must be mounted. */
export const DEBUGFS = '/sys/kernel/debug';

/** What the kernel's own driver tells of itself. Of those threads is told how many sleep in it. */
export function kernelCounts(threads: ReadonlySet<number>): Promise<DriverCounts> {
  const text = readFileSync(`${DEBUGFS}/binder/stats`, 'utf8').split('\nproc ')[0] ?? '';
  const active = (name: string) => Number(new RegExp(`^${name}: active (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return Promise.resolve({
    sleeping: [...threads].filter(isAsleep).length,
    processes: active('proc'),
    nodes: active('node'),
    refs: active('ref'),
    deaths: active('death'),
    transactions: active('transaction'),
    // They are told for each process only.
    buffers: 0,
  });
}

/** Whether a thread is blocked in ioctl(2), which for a thread that uses a Binder device means asleep in the driver. */
function isAsleep(thread: number): boolean {
  const IOCTL = '16 ';
  try {
    return readFileSync(`/proc/${thread}/syscall`, 'utf8').startsWith(IOCTL);
  } catch {
    return false; // It ended meanwhile.
  }
}
