import { readFileSync, writeFileSync } from 'node:fs';
import { libc } from './libc.ts';
import { once } from './once.ts';

const RLIMIT_NOFILE = 7;

/** Descriptors that root's daemon may have: each open device and each thread that calls costs one. */
const MAX_FILES = 1_048_576;

/** Half way to what is never killed: whoever serves everybody goes after those whom it serves. */
const OOM_SCORE = -500;

const c = once(() => ({
  setrlimit: libc<(resource: number, limits: BigUint64Array) => number>('int setrlimit(int, void *)'),
}));

/**
 * Asks for as many descriptors as this process may have, and to be spared when memory is short; what it starts
 * inherits both. What is not allowed is left as it is: Node.js has raised the soft limit to the hard one by itself.
 */
export function raiseOwnLimits(): void {
  attempt(() => {
    const most = Math.min(MAX_FILES, Number(readFileSync('/proc/sys/fs/nr_open', 'utf8')));
    const [, hard] = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    if (hard === undefined || Number(hard) >= most) return;
    c().setrlimit(RLIMIT_NOFILE, BigUint64Array.of(BigInt(most), BigInt(most)));
  });
  attempt(() => writeFileSync('/proc/self/oom_score_adj', `${OOM_SCORE}`));
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // Not ours to change
  }
}
