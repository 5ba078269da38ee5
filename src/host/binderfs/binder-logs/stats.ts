import { BC_COMMANDS, BR_COMMANDS } from '../../../abi/commands.ts';
import { iocNumber } from '../../../abi/ioctl-code.ts';
import type { Driver } from '../../../driver/driver.ts';
import type { Process } from '../../../driver/process.ts';
import type { CommandCounts, ObjectCount } from '../../../driver/stats.ts';

/** `stats`: how often each command was met and how many objects there are, in all and in each process. */
export function dumpStats(driver: Driver): string {
  const { stats } = driver;
  let text = `binder stats:\n${commands(stats, '')}`;
  const objects: [string, ObjectCount][] = [
    ['proc', stats.process],
    ['thread', stats.thread],
    ['node', stats.node],
    ['ref', stats.ref],
    ['death', stats.death],
    ['transaction', stats.transaction],
    ['transaction_complete', stats.transactionComplete],
    ['freeze', stats.freeze],
  ];
  for (const [name, { active, total }] of objects)
    if (total > 0) text += `${name}: active ${active} total ${total}\n`;
  for (const process of [...driver.processes].reverse()) text += processStats(process);
  return text;
}

function processStats(process: Process): string {
  const { requestedThreads, startedThreads, maxThreads } = process;
  let strong = 0;
  let weak = 0;
  for (const ref of process.refs) {
    strong += ref.strong;
    weak += ref.weak;
  }
  let pending = 0;
  for (const item of process.todo) if (item.isTransaction) pending++;
  const { active, unused, free, highWatermark } = process.pages();
  return [
    `proc ${process.client.pid}`,
    `context ${process.context.name}`,
    `  threads: ${process.threads.size}`,
    `  requested threads: ${requestedThreads}+${startedThreads}/${maxThreads}`,
    `  ready threads ${process.waitingThreads}`,
    `  free async space ${process.freeAsyncSpace}`,
    `  nodes: ${process.nodes.size}`,
    `  refs: ${process.refs.size} s ${strong} w ${weak}`,
    `  buffers: ${process.bufferCount}`,
    `  pages: ${active}:${unused}:${free}`,
    `  pages high watermark: ${highWatermark}`,
    `  pending transactions: ${pending}`,
    commands(process.counts, '  '),
  ].join('\n');
}

const BC_NAMES = namesByNumber(BC_COMMANDS);
const BR_NAMES = namesByNumber(BR_COMMANDS);

/** Commands that differ in their size only have one number, and the name of the first. */
function namesByNumber(commands: ReadonlyMap<number, { readonly name: string }>): string[] {
  const names: string[] = [];
  for (const [code, { name }] of commands) names[iocNumber(code)] ??= name;
  return names;
}

function commands({ bc, br }: CommandCounts, prefix: string): string {
  let text = '';
  for (const [number, count] of bc.entries())
    if (count > 0) text += `${prefix}${BC_NAMES[number]}: ${count}\n`;
  for (const [number, count] of br.entries())
    if (count > 0) text += `${prefix}${BR_NAMES[number]}: ${count}\n`;
  return text;
}
