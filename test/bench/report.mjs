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
 * @param rounds what its program said, round by round, with `yardstick_p50_us` of what ran beside it.
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
    ratio: spread(rounds.map(({ p50_us, yardstick_p50_us }) => p50_us / yardstick_p50_us)),
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

const COUNTS = ['ioctls', 'switches', 'daemon’s syscalls'];

/** A table in Markdown, the pinned rows first; with counts where there are any. @param yardstick what it is known by. */
export function formatTable(summaries, yardstick) {
  const counts = summaries.some(({ ioctls_per_call }) => ioctls_per_call !== undefined) ? COUNTS : [];
  const columns = ['', 'bytes', 'p50, µs', 'p99, µs', 'calls/s', `× ${yardstick}`, ...counts];
  const line = (cells) => `| ${cells.slice(0, columns.length).join(' | ')} |`;
  const lines = [line(columns), line(columns.map((_, column) => (column === 0 ? '---' : '--:')))];
  for (const pinned of [true, false]) {
    const half = summaries.filter((summary) => summary.pinned === pinned);
    if (half.length === 0) continue;
    const title = `**${pinned ? 'pinned: all on one core' : 'free'}**`;
    lines.push(line([title, ...columns.slice(1).map(() => '')]), ...half.map((row) => line(cells(row))));
  }
  return lines.join('\n');
}

/** What parcel.mjs said. */
export function formatParcel({ parcel_bytes, json_bytes, parcel_ns, json_ns, ratio }) {
  return `A structured parcelable of ${parcel_bytes} bytes (as JSON ${json_bytes}), written and read: ${figures(parcel_ns / 1000)} µs, by JSON ${figures(json_ns / 1000)} µs: ${figures(ratio)} × JSON.`;
}

/** What held.mjs said. */
export function formatHeld({ calls, hold_ms, took_ms, in_flight, timer_late_ms }) {
  return `${calls} calls of one event loop to a service that holds each for ${hold_ms} ms: ${Math.round(took_ms)} ms, ${in_flight} under way at once in the driver; a timer of 10 ms at most ${figures(timer_late_ms)} ms late.`;
}

/** What the end of a process that held much cost others. */
export function formatDeath({ refs, longest_ms, longest_before_ms }) {
  return `A process with ${refs} nodes and as many references is killed: the longest call of others within a second takes ${figures(longest_ms)} ms, in the second before ${figures(longest_before_ms)} ms.`;
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
