import { BR_ONEWAY_SPAM_SUSPECT, BR_TRANSACTION_COMPLETE } from '../../../abi/binder.ts';
import { DeathRegistration } from '../../../driver/death.ts';
import type { Driver } from '../../../driver/driver.ts';
import { FreezeRegistration } from '../../../driver/freeze.ts';
import { Node } from '../../../driver/node.ts';
import { niceOf } from '../../../driver/priority.ts';
import type { Process } from '../../../driver/process.ts';
import type { Ref } from '../../../driver/ref.ts';
import { ReturnError } from '../../../driver/return-error.ts';
import type { Thread } from '../../../driver/thread.ts';
import { Transaction } from '../../../driver/transaction.ts';
import { TransactionComplete } from '../../../driver/transaction-complete.ts';
import type { WorkItem } from '../../../driver/work.ts';
import type { Pointers } from './pointers.ts';

// What the kernel driver (Linux 7.2) writes to `state`, `transactions` and `proc/PID`, letter by letter.

/** `state` and `state_hashed`: everything that exists. */
export function dumpState(driver: Driver, pointers: Pointers): string {
  const dump = new Dump(driver, pointers);
  let text = 'binder state:\n';
  if (driver.deadNodes.size > 0) text += 'dead nodes:\n';
  for (const node of driver.deadNodes) text += dump.node(node);
  for (const process of newestFirst(driver)) text += dump.process(process, true);
  return text;
}

/** `transactions` and `transactions_hashed`: what is under way, and who has part in it. */
export function dumpTransactions(driver: Driver, pointers: Pointers): string {
  const dump = new Dump(driver, pointers);
  let text = 'binder transactions:\n';
  for (const process of newestFirst(driver)) text += dump.process(process, false);
  return text;
}

/** `proc/PID`: every open by this process; empty when there is none. */
export function dumpProcess(driver: Driver, pid: number, pointers: Pointers): string {
  const dump = new Dump(driver, pointers);
  let text = '';
  for (const process of driver.processesOf(pid)) text += `binder proc state:\n${dump.process(process, true)}`;
  return text;
}

function newestFirst(driver: Driver): Process[] {
  return [...driver.processes].reverse();
}

/** The numbers by which the kernel driver names kinds of work that it has no words for. */
const PENDING_WORK = 3;
const SPAM_WORK = 4;

class Dump {
  readonly #pointers: Pointers;
  readonly #now: number;

  constructor(driver: Driver, pointers: Pointers) {
    this.#pointers = pointers;
    this.#now = driver.host.now();
  }

  process(process: Process, isWhole: boolean): string {
    let text = '';
    for (const thread of process.sortedThreads()) text += this.#thread(thread, isWhole);
    for (const node of process.nodes) if (isWhole || node.hasAsyncTransaction) text += this.node(node);
    if (isWhole) for (const ref of process.refs) text += this.#ref(ref);
    for (const { id, range, dataSize, offsetsSize, extraSize, transaction } of process.buffers()) {
      const size = `${dataSize}:${offsetsSize}:${extraSize}`;
      text += `  buffer ${id}: ${range.offset.toString(16)} size ${size} ${transaction ? 'active' : 'delivered'}\n`;
    }
    for (const item of process.todo) text += this.#work(item, process, '  ', '  pending transaction');
    if (!process.deliveredDeaths.isEmpty) text += '  has delivered dead binder\n';
    if (!process.deliveredFreezes.isEmpty) text += '  has delivered freeze binder\n';
    if (text === '' && !isWhole) return '';
    return `proc ${process.client.pid}\ncontext ${process.context.name}\n${text}`;
  }

  node(node: Node): string {
    const { id, strong, weak, localStrong, localWeak, internalStrong, refs, holds } = node;
    let text = `  node ${id}: ${this.#user(node)} hs ${Number(strong.isTold)} hw ${Number(weak.isTold)}`;
    text += ` ls ${localStrong} lw ${localWeak} is ${internalStrong} iw ${refs.size}`;
    // Whoever looks at a node holds it meanwhile.
    text += ` tr ${holds + 1}`;
    if (refs.size > 0) text += ' proc';
    for (const ref of refs.newestFirst()) text += ` ${ref.process.client.pid}`;
    text += '\n';
    if (!node.process) return text;
    for (const item of node.asyncTodo)
      text += this.#work(item, node.process, '    ', '    pending async transaction');
    return text;
  }

  #thread(thread: Thread, isWhole: boolean): string {
    const { process } = thread;
    let text = '';
    for (let call = thread.stack; call; ) {
      if (call.from === thread) {
        text += this.#transaction(call, process, '    outgoing transaction');
        call = call.fromParent;
      } else if (call.toThread === thread) {
        text += this.#transaction(call, process, '    incoming transaction');
        call = call.toParent;
      } else {
        text += this.#transaction(call, process, '    bad transaction');
        call = null;
      }
    }
    for (const item of thread.todo) text += this.#work(item, process, '    ', '    pending transaction');
    if (text === '' && !isWhole) return '';
    const looper = thread.looper.toString(16).padStart(2, '0');
    return `  thread ${thread.id}: l ${looper} need_return ${Number(thread.needReturn)} tr 0\n${text}`;
  }

  #ref({ id, handle, node, strong, weak, death }: Ref): string {
    const pointer = death ? this.#pointers.ofObject(id, 'death') : ''.padStart(16, '0');
    const dead = node.process ? '' : 'dead ';
    return `  ref ${id}: desc ${handle} ${dead}node ${node.id} s ${strong} w ${weak} d ${pointer}\n`;
  }

  #work(item: WorkItem, process: Process, prefix: string, transactionPrefix: string): string {
    if (item instanceof Transaction) return this.#transaction(item, process, transactionPrefix);
    return `${prefix}${this.#workText(item)}\n`;
  }

  #workText(item: WorkItem): string {
    if (item instanceof ReturnError) return `transaction error: ${item.command}`;
    if (item instanceof TransactionComplete) {
      if (item.command === BR_TRANSACTION_COMPLETE) return 'transaction complete';
      return `unknown work: type ${item.command === BR_ONEWAY_SPAM_SUSPECT ? SPAM_WORK : PENDING_WORK}`;
    }
    if (item instanceof Node) return `node work ${item.id}: ${this.#user(item)}`;
    if (item instanceof DeathRegistration) {
      if (!item.reportsDeath) return 'has cleared death notification';
      return item.isCleared ? 'has cleared dead binder' : 'has dead binder';
    }
    if (item instanceof FreezeRegistration)
      return item.isCleared ? 'has cleared freeze notification' : 'has frozen binder';
    throw new TypeError(`Cannot describe a work item of class ${item.constructor.name}`);
  }

  #transaction(transaction: Transaction, process: Process, prefix: string): string {
    const { id, sender, senderThread, toProcess, toThread, code, flags, isReply, buffer } = transaction;
    const from = `${sender.pid}:${senderThread}`;
    const to = `${toProcess?.client.pid ?? 0}:${toThread?.id ?? 0}`;
    const isAsync = !isReply && transaction.isOneway;
    const age = Math.floor(this.#now - transaction.sentAt);
    let text = `${prefix} ${id}: ${this.#pointers.ofObject(id, 'transaction')} from ${from} to ${to}`;
    text += ` code ${code.toString(16)} flags ${flags.toString(16)} pri ${niceOf(transaction.priority)}`;
    text += ` a${Number(isAsync)} r${Number(isReply)} elapsed ${age}ms`;
    if (toProcess !== process) return `${text}\n`;
    if (!buffer) return `${text} buffer free\n`;
    if (buffer.targetNode) text += ` node ${buffer.targetNode.id}`;
    const offset = buffer.range.offset.toString(16);
    return `${text} size ${buffer.dataSize}:${buffer.offsetsSize} offset ${offset}\n`;
  }

  #user({ ptr, cookie }: Node): string {
    return `u${this.#pointers.ofUser(ptr)} c${this.#pointers.ofUser(cookie)}`;
  }
}
