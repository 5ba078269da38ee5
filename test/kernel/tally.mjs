import { importBuilt } from './on-kernel.mjs';

/** Answers that mainline never gives, or only where memory is short. */
const UNREACHABLE = {
  BR_ERROR: 'only when there is no memory for a death notification',
  BR_OK: 'stands for no error inside of the driver',
  BR_ACQUIRE_RESULT: 'belongs to BC_ATTEMPT_ACQUIRE, which nobody carries out',
  BR_ATTEMPT_ACQUIRE: 'unused',
  BR_FINISHED: 'unused',
  ENOMEM: 'only when there is no memory',
};
/** What says something about a run, beside all commands. */
const KINDS = ['BINDER', 'WEAK_BINDER', 'HANDLE', 'WEAK_HANDLE', 'FD', 'FDA', 'PTR'];
const ERRORS = [
  ...[
    'EAGAIN',
    'EBADF',
    'EBUSY',
    'EFAULT',
    'EINTR',
    'EINVAL',
    'ENOMEM',
    'ENOSPC',
    'EPERM',
    'EPROTO',
    'ESRCH',
  ],
];
const EVENTS = ['sleeps', 'wakes', 'nested call', 'call to a caller', 'is killed', 'killed in its sleep'];
const LEAST = 50;
const LEAST_SHARE = 60;

/** A tally as text: all counts, and what is missing for a run that says something. */
export async function tallyText({ steps, changes, counts }) {
  const { BC_COMMANDS, BR_COMMANDS } = await importBuilt('src/abi/commands.js');
  const commands = [...BC_COMMANDS.values(), ...BR_COMMANDS.values()].map(({ name }) => name);
  const objects = KINDS.flatMap((kind) => [`sent ${kind}`, `received ${kind}`]);
  const expected = [...commands, ...objects, ...ERRORS, ...EVENTS];
  const share = Math.round((1000 * changes) / Math.max(1, steps)) / 10;
  const lines = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `  ${name} ${count}`);
  const rare = expected.filter((name) => (counts.get(name) ?? 0) < LEAST);
  const missing = rare.map((name) => `  ${name} ${counts.get(name) ?? 0}: ${UNREACHABLE[name] ?? 'too few'}`);
  const counted = share >= LEAST_SHARE && rare.every((name) => name in UNREACHABLE);
  return [
    `${steps} steps, ${share} % of which changed something`,
    ...lines,
    `less than ${LEAST} times:`,
    ...missing,
    counted ? 'The run counts.' : 'The run does not count.',
  ].join('\n');
}
