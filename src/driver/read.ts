import { BR_NOOP, BR_SPAWN_LOOPER } from '../abi/binder.ts';
import { EAGAIN, EFAULT } from '../abi/errno.ts';
import type { U64 } from '../abi/u64.ts';
import { MAX_USER_ADDRESS, READ_CHUNK, READ_ITEM_RESERVE } from './limits.ts';
import { PARKED } from './ports.ts';
import type { Thread } from './thread.ts';
import { STOP } from './work.ts';
import { addU64 } from './write-read.ts';

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
  return thread.hasWork(forProcess) ? deliver(thread, forProcess) : sleep(thread, forProcess);
}

/** A sleeping thread was woken: reads and ends its ioctl, or goes on sleeping when there is nothing for it. */
export function resume(thread: Thread): void {
  const { process } = thread;
  if (!thread.hasWork(thread.waitsForProcess)) {
    process.awaitWork(thread);
    return;
  }
  process.stopWaiting(thread);
  const result = deliver(thread, thread.waitsForProcess);
  if (result !== PARKED) process.finish(thread, result);
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

/** Delivers work until there is none, the buffer is full, or an item wants to be seen first. */
function deliver(thread: Thread, wasAvailable: boolean): number {
  const { process, writeRead } = thread;
  const out = process.driver.readBuffer;
  let forProcess = wasAvailable;
  // Sizes beyond 2^53 cannot be filled, so rounding them does no harm.
  const size = Number(writeRead.readSize);
  const start = Number(writeRead.readConsumed);
  let flushed = start;
  const hadTodo = thread.processTodo;
  if (start === 0) out.placeholder(BR_NOOP);

  for (;;) {
    const list = !thread.todo.isEmpty
      ? thread.todo
      : forProcess && !process.todo.isEmpty
        ? process.todo
        : null;
    if (!list) {
      if (flushed + out.length !== 4 || thread.needReturn) break;
      // What was taken had nothing to say: look again, and sleep if there is nothing more.
      forProcess = thread.isAvailable;
      if (thread.hasWork(forProcess)) continue;
      out.clear();
      if (!thread.isParked) return sleep(thread, forProcess);
      thread.waitsForProcess = forProcess;
      process.awaitWork(thread);
      return PARKED;
    }
    if (size - flushed - out.length < READ_ITEM_RESERVE) break;
    if (out.length >= READ_CHUNK) {
      const length = out.length;
      if (!flush(thread, flushed)) return faulted(thread, hadTodo);
      flushed += length;
    }
    const item = list.shift();
    if (!item) break;
    const before = out.length;
    const after = item.prepare(thread, out);
    if (out.length === before) {
      item.commit(thread);
    } else {
      out.didPrepare(item, list);
    }
    if (thread.todo.isEmpty) thread.processTodo = false;
    if (after === STOP) break;
  }

  const spawn = shouldSpawn(thread);
  const inPlace = spawn && start === 0 && flushed === 0;
  if (inPlace) out.area.view.setUint32(0, BR_SPAWN_LOOPER, true);
  const length = out.length;
  if (!flush(thread, flushed)) return faulted(thread, hadTodo);
  if (spawn) {
    process.requestedThreads++;
    out.count(BR_SPAWN_LOOPER);
    if (!inPlace) {
      // The kernel driver puts it at the start of the buffer, whatever the client had there.
      out.placeholder(BR_SPAWN_LOOPER);
      if (!flush(thread, 0)) return EFAULT;
    }
  }
  writeRead.readConsumed = flushed + length;
  return 0;
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
function faulted(thread: Thread, hadTodo: boolean): number {
  if (hadTodo && !thread.todo.isEmpty) thread.processTodo = true;
  return EFAULT;
}

function copyOut(thread: Thread, address: U64, length: number): number {
  if (length === 0) return 0;
  if (typeof address !== 'number' || address > MAX_USER_ADDRESS) return 0;
  const { client, driver } = thread.process;
  return client.memory.write(thread.id, address, driver.readBuffer.area, 0, length);
}
