import { BR_DEAD_REPLY, BR_OK } from '../abi/binder.ts';
import type { U64 } from '../abi/u64.ts';
import type { FreezeRequest } from './freeze.ts';
import type { ThreadId, ThreadScheduling, Timer } from './ports.ts';
import type { Process } from './process.ts';
import { Reading } from './reading.ts';
import { ReturnError } from './return-error.ts';
import { sendFailedReply, type Transaction } from './transaction.ts';
import { type WorkItem, WorkList } from './work.ts';
import { SentData } from './write-chunk.ts';
import { WriteRead } from './write-read.ts';

/** Looper state bits of a thread, as the kernel driver's logs print them. */
export const LOOPER_REGISTERED = 0x01;
export const LOOPER_ENTERED = 0x02;
export const LOOPER_EXITED = 0x04;
/** The client misused the looper commands; nothing follows from it. */
export const LOOPER_INVALID = 0x08;
/** Parked in a read. */
export const LOOPER_WAITING = 0x10;
export const LOOPER_POLL = 0x20;

/** Why a thread's last call failed, for BINDER_GET_EXTENDED_ERROR. */
export class ExtendedError {
  id = 0;
  command: number = BR_OK;
  /** A negative errno, or 0. */
  param = 0;

  set(id: number, command: number, param: number): void {
    this.id = id;
    this.command = command;
    this.param = param;
  }
}

/**
 * A thread of a process, made by its first ioctl or poll.
 *
 * Its `todo` holds what only this thread may read. Some items are put there *deferred*: they do not wake the thread,
 * but are read along with the next item that does (`processTodo` says that there is one).
 */
export class Thread {
  readonly id: ThreadId;
  readonly process: Process;
  readonly scheduling: ThreadScheduling | null;
  looper = 0;
  readonly todo = new WorkList();
  /** There is something on {@link todo} worth returning to user space for. */
  processTodo = false;
  /** The next read returns even without work. */
  needReturn = true;
  isDead = false;

  /** Calls under way, the latest on top: incoming ones this thread serves, outgoing ones it waits for. */
  stack: Transaction | null = null;
  /** The error of this thread's own last command. While it is unread, no further command is carried out. */
  readonly returnError = new ReturnError();
  /** The failed end of this thread's outstanding call. */
  readonly replyError = new ReturnError();
  readonly extendedError = new ExtendedError();

  /** The ioctl this thread is in, or was in last. */
  readonly writeRead = new WriteRead();
  readonly reading = new Reading();
  readonly sentData = new SentData();
  /**
   * The transaction whose files are being installed in this thread. Meanwhile the thread neither sleeps nor runs: its
   * ioctl is not answered, and the read goes on when the host says what came of it.
   */
  installing: Transaction | null = null;
  /** Runs between two slices of a long write. Meanwhile the ioctl is not answered, and the thread sleeps for nothing. */
  pause: Timer | null = null;
  /** Effective user id of the last ioctl. */
  euid = 0;
  nonBlocking = false;
  /** A reply that is taken is not acknowledged. */
  quietReplies = false;
  /** The number of that ioctl. */
  command = 0;
  /** The host's name for the ioctl in which the thread is parked. */
  request = 0;
  /** Asleep in a BINDER_FREEZE. */
  freezing: FreezeRequest | null = null;
  /** Asleep in a read, until {@link Process.finish}. */
  isParked = false;
  /** Whether the parked read may take work of the process. */
  waitsForProcess = false;
  /** On the process's list of threads that wait for work. */
  isWaiting = false;
  /** On the driver's wake list. */
  isRunnable = false;
  /**
   * A read buffer of this thread that has been written to. The kernel driver writes BR_NOOP before it sleeps, so that
   * a bad buffer faults at once; we need to try only buffers that we do not know.
   */
  provenReadBuffer: U64 | null = null;

  constructor(id: ThreadId, process: Process) {
    this.id = id;
    this.process = process;
    this.scheduling = process.client.scheduling(id);
    process.driver.stats.thread.create();
  }

  /** Whether a BC_ENTER_LOOPER or BC_REGISTER_LOOPER made this a thread of the pool. */
  get isLooper(): boolean {
    return (this.looper & (LOOPER_REGISTERED | LOOPER_ENTERED)) !== 0;
  }

  /** Whether this thread may take work of the process: it serves no call and has nothing of its own to read. */
  get isAvailable(): boolean {
    return this.stack === null && this.todo.isEmpty;
  }

  hasWork(forProcess: boolean): boolean {
    return this.processTodo || this.needReturn || (forProcess && !this.process.todo.isEmpty);
  }

  /** Queues `item`, to be read by this thread alone, as a reason to return to user space. */
  enqueue(item: WorkItem): void {
    this.todo.push(item);
    // A polling thread that causes work for itself gets no other event.
    const { driver } = this.process;
    if (this.looper & LOOPER_POLL && driver.current === this && !this.processTodo) driver.wake(this);
    this.processTodo = true;
  }

  /** The thread is gone: ends the calls it was part of. What it has not read is its process's to cancel. */
  endCalls(): void {
    this.isDead = true;
    const top = this.stack;
    const unanswered = top?.toThread === this ? top : null;
    for (let call = top; call; ) {
      if (call.toThread === this) {
        call.detachReceiver();
        call = call.toParent;
      } else {
        call.from = null;
        call = call.fromParent;
      }
    }
    this.stack = null;
    if (unanswered) sendFailedReply(unanswered, BR_DEAD_REPLY);
  }
}
