/** Answers that mainline never gives, or only where memory is short. */
const UNREACHABLE = {
  BR_ERROR: 'only when there is no memory for a death notification',
  BR_OK: 'stands for no error inside of the driver',
  BR_ACQUIRE_RESULT: 'belongs to BC_ATTEMPT_ACQUIRE, which nobody carries out',
  BR_ATTEMPT_ACQUIRE: 'unused',
  BR_FINISHED: 'unused',
  ENOMEM: 'only when there is no memory',
};
const LEAST = 50;

/** A tally as text: all counts, and what is missing for a run that says something. */
export function tallyText({ steps, changes, counts }, expected = []) {
  const share = Math.round((1000 * changes) / Math.max(1, steps)) / 10;
  const lines = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `  ${name} ${count}`);
  const rare = expected.filter((name) => (counts.get(name) ?? 0) < LEAST);
  const missing = rare.map((name) => `  ${name} ${counts.get(name) ?? 0}: ${UNREACHABLE[name] ?? 'too few'}`);
  return [
    `${steps} steps, ${share} % of which changed something`,
    ...lines,
    `less than ${LEAST} times:`,
    ...missing,
  ].join('\n');
}
