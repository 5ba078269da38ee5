// Counts the daemon's system calls per Binder call, by strace: a run of its own, because strace makes all of it slow.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isInstalled, run, start } from './programs.mjs';

/** Two runs that differ by this many calls: what opening and closing the device costs is in both and cancels out. */
const FEW = 200;
const MANY = 1200;

/** Fewer than this per call are the daemon's housekeeping. */
const RARE = 0.05;

/** Milliseconds until strace has attached, and let go. */
const STRACE_DEADLINE = 5000;

export function canCountSyscalls() {
  return isInstalled('strace');
}

/**
 * The system calls of the daemon's main thread, which does all the serving, for one call of `command`.
 *
 * Calls that failed are left out: they are looks for the next request (EAGAIN), as many as there is time for.
 *
 * @param command a `call` program without --calls and --warmup.
 * @returns {Promise<Record<string, number>>} counts by name.
 */
export async function countSyscalls(daemon, command) {
  const few = await count(daemon, [...command, `--calls=${FEW}`, '--warmup=0']);
  const many = await count(daemon, [...command, `--calls=${MANY}`, '--warmup=0']);
  const perCall = Object.keys(many)
    .map((name) => [name, (many[name] - (few[name] ?? 0)) / (MANY - FEW)])
    .filter(([, number]) => number >= RARE);
  return Object.fromEntries(perCall);
}

async function count(daemon, command) {
  const strace = start(['strace', '-c', '-p', `${daemon.pid}`]);
  let report = '';
  const attached = new Promise((done, fail) => {
    strace.stderr.on('data', (chunk) => {
      report += chunk;
      if (report.includes('attached')) done();
    });
    strace.once('close', () => fail(new Error(`strace could not attach: ${report}`)));
  });
  await withDeadline(attached);
  await run(command);
  const closed = once(strace, 'close');
  strace.kill('SIGINT');
  await withDeadline(closed);
  return parse(report);
}

async function withDeadline(promise) {
  const late = sleep(STRACE_DEADLINE, undefined, { ref: false }).then(() => {
    throw new Error(`strace did not do its part within ${STRACE_DEADLINE / 1000} s`);
  });
  return Promise.race([promise, late]);
}

/** Lines of `% time, seconds, usecs/call, calls, errors (or nothing), name`. */
function parse(report) {
  const counts = {};
  for (const line of report.split('\n')) {
    const fields = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(\d+)?\s*([a-z]\w*)$/.exec(line);
    if (fields && fields[3] !== 'total') counts[fields[3]] = Number(fields[1]) - Number(fields[2] ?? 0);
  }
  return counts;
}
