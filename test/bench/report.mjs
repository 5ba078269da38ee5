// From the rounds' numbers to the table.

/** The value below which the share `at` of the numbers lies, between two numbers in proportion. */
export function quantile(numbers, at) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const place = (sorted.length - 1) * at;
  const below = Math.floor(place);
  const lower = sorted[below];
  const upper = sorted[Math.min(below + 1, sorted.length - 1)];
  return lower + (upper - lower) * (place - below);
}

/** Median and quartiles. */
export function spread(numbers) {
  return { median: quantile(numbers, 0.5), low: quantile(numbers, 0.25), high: quantile(numbers, 0.75) };
}

/**
 * The numbers of one row over all rounds.
 *
 * @param rounds what its program said, round by round, with `pipe_p50_us` of the pipe beside it.
 * @param syscalls counts by name, if there are any.
 */
export function summarize(row, rounds, syscalls) {
  const median = (name) =>
    quantile(
      rounds.map((round) => round[name]),
      0.5,
    );
  const summary = {
    name: row.name,
    size: row.size,
    pinned: row.isPinned,
    p50_us: spread(rounds.map(({ p50_us }) => p50_us)),
    ratio: spread(rounds.map(({ p50_us, pipe_p50_us }) => p50_us / pipe_p50_us)),
    p99_us: median('p99_us'),
    calls_per_second: median('calls_per_second'),
  };
  if (row.build === null) return summary;
  const switches = (kind) =>
    ['client', 'server', 'daemon'].reduce((sum, who) => sum + median(`${who}_${kind}_switches_per_call`), 0);
  return {
    ...summary,
    ioctls_per_call: median('ioctls_per_call'),
    voluntary_switches_per_call: switches('voluntary'),
    involuntary_switches_per_call: switches('involuntary'),
    syscalls_per_call: syscalls ?? null,
  };
}

const COLUMNS = [
  '',
  'bytes',
  'p50, µs',
  'p99, µs',
  'calls/s',
  '× pipe',
  'ioctls',
  'switches',
  'daemon’s syscalls',
];

/** A table in Markdown, the pinned rows first. */
export function formatTable(summaries) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const lines = [line(COLUMNS), line(COLUMNS.map((_, column) => (column === 0 ? '---' : '--:')))];
  for (const pinned of [true, false]) {
    lines.push(
      line([`**${pinned ? 'pinned: all on one core' : 'free'}**`, ...COLUMNS.slice(1).map(() => '')]),
    );
    for (const summary of summaries) if (summary.pinned === pinned) lines.push(line(cells(summary)));
  }
  return lines.join('\n');
}

function cells(summary) {
  const { name, size, p50_us, p99_us, calls_per_second, ratio } = summary;
  const times = [
    formatSpread(p50_us),
    figures(p99_us),
    `${Math.round(calls_per_second)}`,
    formatSpread(ratio),
  ];
  const begin = [name, `${size}`, ...times];
  if (summary.ioctls_per_call === undefined) return [...begin, '', '', ''];
  const { ioctls_per_call, voluntary_switches_per_call, involuntary_switches_per_call, syscalls_per_call } =
    summary;
  return [
    ...begin,
    ioctls_per_call.toFixed(1),
    `${voluntary_switches_per_call.toFixed(1)} + ${involuntary_switches_per_call.toFixed(1)}`,
    syscalls_per_call ? formatTotal(syscalls_per_call) : '–',
  ];
}

function formatSpread({ median, low, high }) {
  return `${figures(median)} (${figures(low)}–${figures(high)})`;
}

/** Three figures: more are noise. */
export function figures(number) {
  return number < 10 ? number.toFixed(2) : number < 100 ? number.toFixed(1) : number.toFixed(0);
}

function formatTotal(syscalls) {
  const total = Object.values(syscalls).reduce((sum, count) => sum + count, 0);
  return total.toFixed(1);
}

/** `3 read, 5 process_vm_readv`: the most frequent first. */
export function formatSyscalls(syscalls) {
  const named = Object.entries(syscalls).sort(([, a], [, b]) => b - a);
  return named.map(([name, count]) => `${Number(count.toFixed(1))} ${name}`).join(', ');
}
