import type { U64 } from '../../../abi/u64.ts';
import { ASYNC, REPLY, type TransactionLog } from '../../../driver/transaction-log.ts';

/** `transaction_log` and `failed_transaction_log`: the latest attempts. Lines of a source there are none here: `l=0`. */
export function dumpTransactionLog(log: TransactionLog): string {
  let text = '';
  for (const entry of log) {
    const kind = entry.kind === REPLY ? 'reply' : entry.kind === ASYNC ? 'async' : 'call ';
    text += `${entry.id}: ${kind} from ${entry.fromPid}:${entry.fromTid} to ${entry.toPid}:${entry.toTid}`;
    text += ` context ${entry.context} node ${entry.node} handle ${entry.handle | 0}`;
    text += ` size ${signed(entry.dataSize)}:${signed(entry.offsetsSize)}`;
    text += ` ret ${entry.error}/${entry.errno} l=0\n`;
  }
  return text;
}

/** The kernel driver keeps sizes as `int`. */
function signed(size: U64): number {
  return Number(BigInt.asIntN(32, BigInt(size)));
}
