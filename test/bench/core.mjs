// The driver alone: calls between clients in one process, without a kernel between them.
//
//     npm run bench:core [-- --rounds N --calls N]
//
// Each world is a process of its own (core-world.mjs); every round measures all of them, in another order each time. What is
// told is processor time, which a busy machine changes less than the clock's.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { figures, quantile } from './report.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, calls: { type: 'string', default: '10000' } },
});
const rounds = Number(values.rounds);
const calls = Number(values.calls);
const WARMUP = 5;

/** The nodes, and as many refs, of a process that ends; and how often one does. */
const HELD = 100_000;
const DEATHS = 5;

/** The worlds, each with the kinds of calls measured there; the first is what the others are compared with. */
const WORLDS = [
  { processes: 10, nodes: 1000, kinds: ['one pair', 'any pair', 'any node', 'churn'] },
  { processes: 10_000, nodes: 5000, kinds: ['one pair', 'any pair'] },
  { processes: 10, nodes: 1_000_000, kinds: ['one pair', 'any node', 'churn'] },
];

const rows = [];
for (const world of WORLDS) {
  const child = fork(fileURLToPath(new URL('core-world.mjs', import.meta.url)), [
    `${world.processes}`,
    `${world.nodes}`,
  ]);
  const [{ heapBytes }] = await once(child, 'message');
  for (const kind of world.kinds) rows.push({ ...world, kind, child, heapBytes, results: [] });
}
for (let round = -WARMUP; round < rounds; round++) {
  for (const row of round % 2 === 0 ? rows : rows.toReversed()) {
    row.child.send({ kind: row.kind, calls });
    const [result] = await once(row.child, 'message');
    if (round >= 0) row.results.push(result);
  }
}
const deaths = [];
for (const { child, nodes } of rows.filter(({ kind }) => kind === 'any node')) {
  const slices = [];
  for (let i = 0; i < DEATHS; i++) {
    child.send({ death: HELD });
    const [death] = await once(child, 'message');
    slices.push(death);
  }
  deaths.push({ nodes, count: slices[0].slices, longest: slices.map(({ longestMs }) => longestMs) });
}
for (const { child } of rows) if (child.connected) child.disconnect();

const median = (numbers) => quantile(numbers, 0.5);
console.log(
  '| processes | nodes | calls | ns a call | × the first world’s | longest pause of the collector, ms | heap, MB |',
);
console.log('|--:|--:|---|--:|--:|--:|--:|');
for (const { processes, nodes, kind, results, heapBytes } of rows) {
  const ns = median(results.map(({ cpuNs }) => cpuNs));
  const first = rows.find((row) => row.kind === kind);
  const ratio = median(results.map(({ cpuNs }, i) => cpuNs / first.results[i].cpuNs));
  const pause = median(results.map(({ longestPauseMs }) => longestPauseMs));
  console.log(
    `| ${processes} | ${nodes} | ${kind} | ${Math.round(ns)} | ${figures(ratio)} | ${figures(pause)} | ${Math.round(heapBytes / 1e6)} |`,
  );
}
console.log(
  `\nProcessor time, medians of ${rounds} rounds of ${calls} calls of 256 bytes there and back. “one pair”: the same two processes among all; “any pair”, “any node”: another one for each call, so that it is not in the processor’s caches; “churn”: a node and a ref that come and go.`,
);
for (const { nodes, count, longest } of deaths) {
  console.log(
    `A process with ${HELD} nodes and as many refs ends beside ${nodes} others: ${count} slices; the longest takes ${figures(median(longest))} ms, ${figures(Math.max(...longest))} at most in ${DEATHS} times.`,
  );
}
