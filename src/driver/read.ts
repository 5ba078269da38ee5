import { BR_FAILED_REPLY, BR_NOOP, BR_SPAWN_LOOPER } from '../abi/binder.ts';
import { EAGAIN, EFAULT, EPERM } from '../abi/errno.ts';
import type { U64 } from '../abi/u64.ts';
import { MAX_USER_ADDRESS, READ_CHUNK, READ_ITEM_RESERVE } from './limits.ts';
import { INSTALLING, type Installed, PARKED, RESTART } from './ports.ts';
import { settlePriority } from './priority.ts';
import type { Thread } from './thread.ts';
import { Transaction } from './transaction.ts';
import { type AfterItem, CONTINUE, STOP, type WorkItem } from './work.ts';
import { addU64 } from './write-read.ts';

/** Returned by {@link deliver} in place of an errno: there was nothing to tell, after all. */
const NOTHING = -4;

/**
 * The read half of BINDER_WRITE_READ: tells the thread what is queued for it, or puts it to sleep.
 *
 * @returns 0, a positive errno, or {@link PARKED}.
 */
export function read(thread: Thread): number {
  const { writeRead } = thread;
  // The kernel driver writes BR_NOOP unasked; where it does not fit we refuse instead of writing past the end.
  if (writeRead.readConsumed === 0 && writeRead.readSize < 4) return EFAULT;
  const forProcess = thread.isAvailable;
  if (forProcess) settlePriority(thread);
  if (!thread.hasWork(forProcess)) return sleep(thread, forProcess);
  const result = begin(thread, forProcess);
  return result === NOTHING ? sleep(thread, thread.reading.forProcess) : result;
}

/** A sleeping thread was woken: reads and ends its ioctl, or goes on sleeping when there is nothing for it. */
export function resume(thread: Thread): void {
  const { process } = thread;
  if (!thread.hasWork(thread.waitsForProcess)) {
    process.awaitWork(thread);
    return;
  }
  process.stopWaiting(thread);
  const result = begin(thread, thread.waitsForProcess);
  if (result === NOTHING) {
    thread.waitsForProcess = thread.reading.forProcess;
    process.awaitWork(thread);
  } else if (result !== PARKED) {
    process.finish(thread, result);
  }
}

/**
 * The installation for which a read waited has come to an end: the read goes on.
 *
 * @returns 0, a positive errno, {@link PARKED} when it waits for another one, or {@link RESTART} when nothing is left.
 */
export function resumeInstalled(thread: Thread, outcome: Installed): number {
  const transaction = thread.installing as Transaction;
  thread.installing = null;
  thread.process.driver.readBuffer.counts = thread.process.counts;
  const result = deliver(thread, deliverInstalled(thread, transaction, outcome));
  return result === NOTHING ? RESTART : result;
}

function sleep(thread: Thread, forProcess: boolean): number {
  const { writeRead, process } = thread;
  if (writeRead.readBuffer !== thread.provenReadBuffer && writeRead.readConsumed === 0) {
    process.driver.readBuffer.placeholder(BR_NOOP);
    if (!flush(thread, 0)) return EFAULT;
  }
  if (thread.nonBlocking) return EAGAIN;
  process.park(thread, forProcess);
  return PARKED;
}

function begin(thread: Thread, forProcess: boolean): number {
  const { reading } = thread;
  // Sizes beyond 2^53 cannot be filled, so rounding them does no harm.
  const start = Number(thread.writeRead.readConsumed);
  thread.process.driver.readBuffer.counts = thread.process.counts;
  reading.forProcess = forProcess;
  reading.start = start;
  reading.flushed = start;
  reading.hadTodo = thread.processTodo;
  if (start === 0) thread.process.driver.readBuffer.placeholder(BR_NOOP);
  return deliver(thread, CONTINUE);
}

/**
 * Delivers work until there is none, the buffer is full, or an item wants to be seen first.
 *
 * @param after - whether there is more to be delivered than what was collected
 */
function deliver(thread: Thread, after: AfterItem): number {
  const { process, writeRead, reading } = thread;
  const out = process.driver.readBuffer;
  const size = Number(writeRead.readSize);

  while (after === CONTINUE) {
    const list = !thread.todo.isEmpty
      ? thread.todo
      : reading.forProcess && !process.todo.isEmpty
        ? process.todo
        : null;
    if (!list) {
      if (reading.flushed + out.length !== 4 || thread.needReturn) break;
      // What was taken had nothing to say: look again, and sleep if there is nothing more.
      reading.forProcess = thread.isAvailable;
      if (thread.hasWork(reading.forProcess)) continue;
      if (!flush(thread, reading.flushed)) return faulted(thread);
      return NOTHING;
    }
    if (size - reading.flushed - out.length < READ_ITEM_RESERVE) break;
    const hasFiles = carriesFiles(list.first);
    if (out.length >= READ_CHUNK || (hasFiles && !out.isEmpty)) {
      const length = out.length;
      if (!flush(thread, reading.flushed)) return faulted(thread);
      reading.flushed += length;
    }
    const item = list.shift() as WorkItem;
    if (thread.todo.isEmpty) thread.processTodo = false;
    if (hasFiles) {
      const transaction = item as Transaction;
      const outcome = install(thread, transaction);
      if (outcome === INSTALLING) return PARKED;
      after = deliverInstalled(thread, transaction, outcome);
      continue;
    }
    after = item.prepare(thread, out);
    out.didPrepare(item, list);
  }

  const spawn = shouldSpawn(thread);
  const inPlace = spawn && reading.start === 0 && reading.flushed === 0;
  if (inPlace) out.area.view.setUint32(0, BR_SPAWN_LOOPER, true);
  const length = out.length;
  if (!flush(thread, reading.flushed)) return faulted(thread);
  if (spawn) {
    process.requestedThreads++;
    out.count(BR_SPAWN_LOOPER);
    if (!inPlace) {
      // The kernel driver puts it at the start of the buffer, whatever the client had there.
      out.placeholder(BR_SPAWN_LOOPER);
      if (!flush(thread, 0)) return EFAULT;
    }
  }
  writeRead.readConsumed = reading.flushed + length;
  return 0;
}

function carriesFiles(item: WorkItem | null): boolean {
  return item instanceof Transaction && item.files !== null;
}

/** Gives the thread descriptors for the files of `transaction`, which has just left its list. */
function install(thread: Thread, transaction: Transaction): Installed | typeof INSTALLING {
  const { process } = thread;
  const { files } = process.client;
  if (!files) return EPERM;
  const outcome = files.install(
    thread,
    (transaction.files ?? []).map(({ file }) => file),
  );
  if (outcome === INSTALLING) {
    process.unpark(thread);
    thread.installing = transaction;
  }
  return outcome;
}

/** Delivers a transaction whose files are installed; one whose files cannot be is dropped as if it had never come. */
function deliverInstalled(thread: Thread, transaction: Transaction, outcome: Installed): AfterItem {
  const out = thread.process.driver.readBuffer;
  if (typeof outcome === 'number') {
    if (!transaction.notInstalled(thread, outcome)) return CONTINUE;
    out.command(BR_FAILED_REPLY);
    return STOP;
  }
  transaction.didInstall(thread, outcome);
  const after = transaction.prepare(thread, out);
  out.didPrepare(transaction, thread.todo);
  return after;
}

/** Asks the client for another thread when all are busy; the request stands until a thread registers. */
function shouldSpawn(thread: Thread): boolean {
  const { process } = thread;
  return (
    process.requestedThreads === 0 &&
    !process.hasWaitingThreads &&
    process.startedThreads < process.maxThreads &&
    thread.isLooper
  );
}

/** Copies what was collected to the client, `offset` bytes into its buffer. @returns false when that faulted. */
function flush(thread: Thread, offset: number): boolean {
  const out = thread.process.driver.readBuffer;
  const { length } = out;
  const { readBuffer } = thread.writeRead;
  const copied = copyOut(thread, addU64(readBuffer, offset), length);
  out.settle(thread, copied);
  if (copied < length) return false;
  if (offset === 0 && length > 0) thread.provenReadBuffer = readBuffer;
  return true;
}

/** The copy faulted: items that went back are as good a reason to return as they were before. */
function faulted(thread: Thread): number {
  if (thread.reading.hadTodo && !thread.todo.isEmpty) thread.processTodo = true;
  return EFAULT;
}

function copyOut(thread: Thread, address: U64, length: number): number {
  if (length === 0) return 0;
  if (typeof address !== 'number' || address > MAX_USER_ADDRESS) return 0;
  const { client, driver } = thread.process;
  return client.memory.write(thread.id, address, driver.readBuffer.area, 0, length);
}
