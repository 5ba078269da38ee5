import type { DriverCounts } from './mount-world.ts';

/** Where the kernel's driver tells of itself, with debugfs mounted. */
export const LOGS = '/sys/kernel/debug/binder';

/** What the kernel's own driver counts, from its log `stats`. */
export function kernelCounts(stats: string): DriverCounts {
  const text = stats.split('\nproc ')[0] ?? '';
  const active = (name: string) => Number(new RegExp(`^${name}: active (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    processes: active('proc'),
    nodes: active('node'),
    refs: active('ref'),
    deaths: active('death'),
    transactions: active('transaction'),
    // They are told for each process only.
    buffers: 0,
  };
}
