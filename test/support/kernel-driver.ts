import { readdirSync, readFileSync } from 'node:fs';
import type { DriverCounts } from './mount-world.ts';

/** Where the kernel's driver tells of itself; debugfs must be mounted. */
export const DEBUGFS = '/sys/kernel/debug';

/** What the kernel's own driver tells of itself. Only threads of our children are counted as asleep. */
export function kernelCounts(): Promise<DriverCounts> {
  const text = readFileSync(`${DEBUGFS}/binder/stats`, 'utf8').split('\nproc ')[0] ?? '';
  const active = (name: string) => Number(new RegExp(`^${name}: active (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return Promise.resolve({
    sleeping: countSleeping(),
    processes: active('proc'),
    nodes: active('node'),
    refs: active('ref'),
    deaths: active('death'),
    transactions: active('transaction'),
    // They are told for each process only.
    buffers: 0,
  });
}

/** Threads of our children that are blocked in ioctl(2), which for a Binder device means asleep in the driver. */
function countSleeping(): number {
  const IOCTL = '16 ';
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
  let count = 0;
  for (const child of children.filter((pid) => pid !== '')) {
    for (const thread of threadsOf(child)) if (systemCall(child, thread).startsWith(IOCTL)) count++;
  }
  return count;
}

function threadsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // It ended meanwhile.
  }
}

/** The number of the system call in which a thread is blocked, with its arguments; `running` where it is not. */
function systemCall(pid: string, tid: string): string {
  try {
    return readFileSync(`/proc/${pid}/task/${tid}/syscall`, 'utf8');
  } catch {
    return '';
  }
}
