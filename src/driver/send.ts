import {
  BR_DEAD_REPLY,
  BR_FAILED_REPLY,
  BR_FROZEN_REPLY,
  BR_OK,
  BR_ONEWAY_SPAM_SUSPECT,
  BR_TRANSACTION_COMPLETE,
  BR_TRANSACTION_PENDING_FROZEN,
  TF_ACCEPT_FDS,
  TF_CLEAR_BUF,
  TF_ONE_WAY,
  TF_UPDATE_TXN,
} from '../abi/binder.ts';
import { EFAULT, EINVAL, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM, EPROTO, ESRCH } from '../abi/errno.ts';
import { readU64, type U64 } from '../abi/u64.ts';
import { ScatterList } from '../page/scatter-list.ts';
import { type Allocation, align8, type Buffer, totalSize } from './allocation.ts';
import { type Failure, failure } from './failure.ts';
import { userAddress } from './limits.ts';
import { Node } from './node.ts';
import type { ClientMemory, ThreadId } from './ports.ts';
import { restorePriority } from './priority.ts';
import type { Process } from './process.ts';
import type { Thread } from './thread.ts';
import { sendFailedReply, Transaction } from './transaction.ts';
import { TransactionComplete } from './transaction-complete.ts';
import { ASYNC, CALL, REPLY, TransactionLogEntry } from './transaction-log.ts';
import { type Translation, translate } from './translate.ts';
import { dequeue } from './work.ts';
import { addU64 } from './write-read.ts';

/** The parts of a BC_TRANSACTION or BC_REPLY payload that the driver uses (struct binder_transaction_data_sg). */
interface Request {
  handle: number;
  code: number;
  flags: number;
  dataSize: U64;
  offsetsSize: U64;
  data: U64;
  offsets: U64;
  buffersSize: U64;
  /** What is remembered of this attempt. */
  entry: TransactionLogEntry;
}

/** What is copied from a client, and to where, in one go. */
const from = new ScatterList();
const to = new ScatterList();

/** Carrying out a command is never re-entered, so one request serves all. */
const request: Request = {
  handle: 0,
  code: 0,
  flags: 0,
  dataSize: 0,
  offsetsSize: 0,
  data: 0,
  offsets: 0,
  buffersSize: 0,
  entry: new TransactionLogEntry(),
};

/**
 * BC_TRANSACTION, BC_REPLY and their _SG forms, with the payload at byte `at`. What goes wrong is left for the thread
 * to read; a reply that fails after its call was found is the caller's failure, and the replier is told it was sent.
 */
export function transact(
  thread: Thread,
  view: DataView,
  at: number,
  isReply: boolean,
  buffersSize: U64,
): void {
  request.handle = view.getUint32(at, true);
  request.code = view.getUint32(at + 16, true);
  request.flags = view.getUint32(at + 20, true);
  request.dataSize = readU64(view, at + 32);
  request.offsetsSize = readU64(view, at + 40);
  request.data = readU64(view, at + 48);
  request.offsets = readU64(view, at + 56);
  request.buffersSize = buffersSize;
  const { driver } = thread.process;
  const id = driver.nextId();
  thread.extendedError.set(id, BR_OK, 0);
  driver.stats.transaction.total++;
  log(thread, id, isReply);
  if (isReply) reply(thread, id);
  else call(thread, id);
}

/** Begins the log's entry for this attempt. */
function log({ id: thread, process }: Thread, id: number, isReply: boolean): void {
  const entry = process.driver.transactionLog.add();
  entry.id = id;
  entry.kind = isReply ? REPLY : request.flags & TF_ONE_WAY ? ASYNC : CALL;
  entry.context = process.context.name;
  entry.fromPid = process.client.pid;
  entry.fromTid = thread;
  entry.handle = request.handle;
  entry.code = request.code;
  entry.flags = request.flags;
  entry.dataSize = request.dataSize;
  entry.offsetsSize = request.offsetsSize;
  request.entry = entry;
}

/** It is clear who is to receive it. */
function addressTo(process: Process, thread: Thread | null): void {
  const { entry } = request;
  entry.toPid = process.client.pid;
  entry.toTid = thread?.id ?? 0;
  process.driver.stats.transactionComplete.total++;
}

function reply(thread: Thread, id: number): void {
  const answered = thread.stack;
  if (!answered || answered.toThread !== thread) {
    thread.process.userError(thread, 'got reply transaction with no transaction to reply to');
    return fail(thread, id, failure(BR_FAILED_REPLY, EPROTO));
  }
  thread.stack = answered.toParent;
  restorePriority(thread, answered);
  const caller = answered.from;
  if (!caller) return failReply(thread, answered, id, failure(BR_DEAD_REPLY, 0));
  addressTo(caller.process, caller);
  const acceptsFiles = (answered.flags & TF_ACCEPT_FDS) !== 0;
  const sent = build(thread, id, caller.process, null, acceptsFiles);
  if (!(sent instanceof Transaction)) return failReply(thread, answered, id, sent);
  sent.toThread = caller;
  if (!thread.quietReplies)
    thread.enqueue(new TransactionComplete(thread.process.driver.stats.transactionComplete));
  caller.stack = answered.fromParent;
  answered.from = null;
  caller.enqueue(sent);
  sent.queued();
  thread.process.driver.wake(caller);
  answered.free();
}

function call(thread: Thread, id: number): void {
  const { process } = thread;
  const isOneway = (request.flags & TF_ONE_WAY) !== 0;
  const node = findTarget(thread);
  if (!(node instanceof Node)) return fail(thread, id, node);
  const target = node.process as Process;
  request.entry.node = node.id;
  if (process.driver.host.policy?.mayCall(process.client, target.client) === false)
    return fail(thread, id, failure(BR_FAILED_REPLY, EPERM));
  if (!isOneway) {
    if (thread.todo.first?.isTransaction) {
      process.userError(thread, 'new transaction not allowed when there is a transaction on thread todo');
      return fail(thread, id, failure(BR_FAILED_REPLY, EPROTO));
    }
    if (thread.stack && thread.stack.toThread !== thread) {
      process.userError(thread, 'got new transaction with bad transaction stack');
      return fail(thread, id, failure(BR_FAILED_REPLY, EPROTO));
    }
  }
  const waiting = isOneway ? null : findWaitingThread(thread, target);
  addressTo(target, waiting);
  const sent = build(thread, id, target, node, node.acceptsFds);
  if (!(sent instanceof Transaction)) return fail(thread, id, sent);
  const { transactionComplete } = process.driver.stats;
  if (isOneway) {
    if (sent.buffer?.isSpamSuspect) report(thread, BR_ONEWAY_SPAM_SUSPECT);
    const isPending = target.noteArrival(true);
    if (isPending) report(thread, BR_TRANSACTION_PENDING_FROZEN);
    queueOneway(sent, target, node, isPending);
    const kind = isPending
      ? BR_TRANSACTION_PENDING_FROZEN
      : sent.buffer?.isSpamSuspect
        ? BR_ONEWAY_SPAM_SUSPECT
        : BR_TRANSACTION_COMPLETE;
    thread.enqueue(new TransactionComplete(transactionComplete, kind));
    return;
  }
  if (target.noteArrival(false)) {
    target.releaseBuffer(sent.buffer as Buffer);
    sent.free();
    return fail(thread, id, failure(BR_FROZEN_REPLY, 0));
  }
  // Deferred: the thread will wait for the reply, and reads this along with it.
  thread.todo.push(new TransactionComplete(transactionComplete));
  sent.toThread = waiting;
  sent.fromParent = thread.stack;
  thread.stack = sent;
  queue(sent, target, sent.toThread ?? target.selectThread());
}

/** The node that the request calls, alive, or why it cannot be called. */
function findTarget(thread: Thread): Node | Failure {
  const { process } = thread;
  if (request.handle !== 0) {
    const ref = process.refs.get(request.handle);
    if (!ref || ref.strong === 0) {
      process.userError(thread, `got transaction to invalid handle, ${request.handle}`);
      return failure(BR_FAILED_REPLY, EINVAL);
    }
    return ref.node.process ? ref.node : failure(BR_DEAD_REPLY, EINVAL);
  }
  const { manager } = process.context;
  if (!manager?.process) return failure(BR_DEAD_REPLY, EINVAL);
  if (manager.process.client.pid === process.client.pid) {
    process.userError(thread, 'got transaction to context manager from process owning it');
    return failure(BR_FAILED_REPLY, EINVAL);
  }
  return manager;
}

/** The thread of `target` that waits, directly or through others, for what `thread` does: nested calls go to it. */
function findWaitingThread(thread: Thread, target: Process): Thread | null {
  for (let at = thread.stack; at; at = at.fromParent) {
    if (at.from?.process === target) return at.from;
  }
  return null;
}

function queueOneway(sent: Transaction, target: Process, node: Node, isFrozen: boolean): void {
  if (!node.hasAsyncTransaction) {
    node.hasAsyncTransaction = true;
    queue(sent, target, target.selectThread());
    return;
  }
  if (isFrozen && sent.flags & TF_UPDATE_TXN) dropOutdated(sent, target, node);
  node.asyncTodo.push(sent);
  sent.queued();
}

/** TF_UPDATE_TXN: a call that waits for a frozen receiver is replaced by a newer one of its kind. */
function dropOutdated(sent: Transaction, target: Process, node: Node): void {
  for (const item of node.asyncTodo) {
    const waiting = item as Transaction;
    const isSame =
      waiting.code === sent.code &&
      waiting.flags === sent.flags &&
      waiting.buffer?.senderPid === sent.buffer?.senderPid;
    if (!isSame) continue;
    dequeue(waiting);
    const { buffer } = waiting;
    waiting.free();
    if (buffer) target.releaseBuffer(buffer);
    return;
  }
}

function queue(sent: Transaction, target: Process, thread: Thread | null): void {
  if (thread) thread.enqueue(sent);
  else target.todo.push(sent);
  target.wakeThread(thread);
  sent.queued();
}

/**
 * Makes the transaction with its data in the receiver's space.
 *
 * @param node - what is called, `null` in a reply
 * @param acceptsFiles - whether the receiver takes descriptors
 */
function build(
  thread: Thread,
  id: number,
  target: Process,
  node: Node | null,
  acceptsFiles: boolean,
): Transaction | Failure {
  const { process } = thread;
  const isReply = node === null;
  const { driver } = process;
  let label: string | null = null;
  if (node?.wantsSecurityContext) {
    label = driver.host.securityLabel(process.client);
    if (label === null) return failure(BR_FAILED_REPLY, EOPNOTSUPP);
  }
  const contextSize = label === null ? 0 : align8(label.length + 1);
  const { dataSize, offsetsSize } = request;
  const extraSize = addU64(request.buffersSize, contextSize);
  if (extraSize < request.buffersSize) return failure(BR_FAILED_REPLY, EINVAL);
  const allocation = target.allocation();
  if (!allocation) return failure(BR_DEAD_REPLY, ESRCH);
  const size = totalSize(dataSize, offsetsSize, extraSize);
  if (size === null) return failure(BR_FAILED_REPLY, EINVAL);
  if (size > allocation.mapping.size) return failure(BR_FAILED_REPLY, ENOSPC);

  // The sum of the sizes fits the mapping, so each is a small number.
  const sizes = {
    dataSize: Number(dataSize),
    offsetsSize: Number(offsetsSize),
    extraSize: Number(extraSize),
  };
  const isAsync = !isReply && (request.flags & TF_ONE_WAY) !== 0;
  const buffer = allocation.allocate(id, Number(size), sizes, isAsync, process.client.pid);
  if (!buffer) return failure(BR_FAILED_REPLY, ENOSPC);
  driver.stats.buffer.create();
  const sent = new Transaction(id, thread, isReply, target, request.code, request.flags);
  sent.buffer = buffer;
  buffer.transaction = sent;
  buffer.clearOnFree = (request.flags & TF_CLEAR_BUF) !== 0;
  if (node) {
    buffer.targetNode = node;
    node.addLocalStrong();
  }
  if (label !== null) sent.securityContext = storeLabel(allocation, buffer, label, contextSize);
  const errno = copy(thread, target, allocation, sent, contextSize, acceptsFiles);
  if (errno !== 0) {
    target.releaseBuffer(buffer);
    sent.free();
    return failure(BR_FAILED_REPLY, errno);
  }
  return sent;
}

/** Puts the label at the very end of the buffer. @returns its address for the receiver. */
function storeLabel(allocation: Allocation, buffer: Buffer, label: string, size: number): number {
  const { mapping } = allocation;
  const at = buffer.range.offset + buffer.extraStart + align8(buffer.extraSize) - size;
  const { bytes } = mapping.area;
  bytes.fill(0, at, at + size);
  for (let i = 0; i < label.length; i++) bytes[at + i] = label.charCodeAt(i);
  mapping.store(at, size);
  return mapping.address + at;
}

/** Copies data without objects: several pages of it by their segments. @returns how many bytes were copied. */
function readPayload(
  memory: ClientMemory,
  thread: ThreadId,
  data: number,
  allocation: Allocation,
  offset: number,
  size: number,
): number {
  const { area, pageSize } = allocation.mapping;
  if (size <= pageSize) return memory.read(thread, data, area, offset, size);
  from.clear();
  to.clear();
  from.add(data, size);
  allocation.segments(offset, size, to);
  return memory.readv(thread, from, area, to);
}

/** Copies the data to the receiver, once; data with objects by way of private memory. @returns an errno or 0. */
function copy(
  thread: Thread,
  target: Process,
  allocation: Allocation,
  sent: Transaction,
  contextSize: number,
  acceptsFiles: boolean,
): number {
  const { memory } = thread.process.client;
  const { mapping } = allocation;
  const buffer = sent.buffer as Buffer;
  const { dataSize, offsetsSize } = buffer;
  const { offset } = buffer.range;
  const data = userAddress(request.data);
  if (offsetsSize === 0) {
    if (buffer.extraSize % 8 !== 0) return EINVAL;
    if (dataSize === 0) return 0;
    const ahead = thread.process.driver.writeChunk.ahead(data, dataSize);
    thread.sentData.note(data, dataSize);
    if (ahead) mapping.area.bytes.set(ahead, offset);
    else if (readPayload(memory, thread.id, data, allocation, offset, dataSize) < dataSize) return EFAULT;
    mapping.store(offset, dataSize);
    return 0;
  }
  const translation = thread.process.driver.translation();
  if (!translation) return ENOMEM;
  const { offsetsStart } = buffer;
  const offsets = userAddress(request.offsets);
  from.clear();
  to.clear();
  from.add(offsets, offsetsSize);
  to.add(offsetsStart, offsetsSize);
  if (dataSize > 0) {
    from.add(data, dataSize);
    to.add(0, dataSize);
  }
  const readable = memory.readv(thread.id, from, translation, to) - offsetsSize;
  if (readable < 0) return EFAULT;
  if (offsetsSize % 8 !== 0 || buffer.extraSize % 8 !== 0) return EINVAL;
  const work: Translation = {
    thread,
    target,
    sent,
    buffer,
    acceptsFiles,
    copy: translation,
    readable,
    reserved: contextSize,
    scatterGather: null,
  };
  const errno = translate(work);
  if (errno !== 0) return errno;
  // What lies between the two parts was left there by other clients.
  translation.bytes.fill(0, dataSize, offsetsStart);
  const size = offsetsStart + offsetsSize;
  mapping.area.bytes.set(translation.bytes.subarray(0, size), offset);
  mapping.store(offset, size);
  return work.scatterGather?.copy(memory, thread.id, allocation, translation) ?? 0;
}

/** The thread's own command failed: it reads the code, and finds the errno in its extended error. */
function fail(thread: Thread, id: number, { command, errno }: Failure): void {
  logFailure(thread, command, errno);
  thread.extendedError.set(id, command, -errno);
  thread.returnError.command = command;
  thread.enqueue(thread.returnError);
}

/** A reply failed: its caller hears why, and the replier, whose part is done, that it was sent. */
function failReply(thread: Thread, answered: Transaction, id: number, { command, errno }: Failure): void {
  logFailure(thread, command, errno);
  const caller = answered.from;
  if (caller && caller.extendedError.command === BR_OK) caller.extendedError.set(id, command, -errno);
  thread.returnError.command = BR_TRANSACTION_COMPLETE;
  thread.enqueue(thread.returnError);
  sendFailedReply(answered, command);
}

function logFailure(thread: Thread, command: number, errno: number): void {
  const { entry } = request;
  entry.error = command;
  entry.errno = -errno;
  thread.process.driver.failedTransactionLog.add().copyFrom(entry);
  report(thread, command);
}

/** Tells who listens that the attempt failed, or what else became of it. */
function report(thread: Thread, error: number): void {
  const { onReport } = thread.process.driver;
  if (!onReport) return;
  const { context, fromPid, fromTid, toPid, toTid, kind, flags, code, dataSize } = request.entry;
  const size = Number(BigInt.asUintN(32, BigInt(dataSize)));
  const isReply = kind === REPLY;
  onReport({ error, context, fromPid, fromTid, toPid, toTid, isReply, flags, code, dataSize: size });
}
