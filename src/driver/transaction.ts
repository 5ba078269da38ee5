import {
  BR_DEAD_REPLY,
  BR_FAILED_REPLY,
  BR_OK,
  BR_REPLY,
  BR_TRANSACTION,
  BR_TRANSACTION_SEC_CTX,
  TF_ONE_WAY,
} from '../abi/binder.ts';
import { EMFILE } from '../abi/errno.ts';
import { writeU64 } from '../abi/u64.ts';
import type { Buffer } from './allocation.ts';
import type { Client, OpenFile, ThreadId } from './ports.ts';
import { inheritPriority, NORMAL, type Priority } from './priority.ts';
import type { Process } from './process.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { Stats } from './stats.ts';
import type { Thread } from './thread.ts';
import { type AfterItem, STOP, WorkItem } from './work.ts';

/** An open file on its way in a transaction. */
export interface CarriedFile {
  readonly file: OpenFile;
  /** Where the receiver's descriptor is written, from the start of the buffer. */
  readonly offset: number;
  /** The receiver's descriptor is closed when it frees the buffer: so it is for those of an array. */
  readonly isClosedWithBuffer: boolean;
}

/**
 * A call or a reply on its way, and a call while it is being served.
 *
 * A synchronous call is on two stacks at once: the sender's, linked by `fromParent`, and, once it was received, the
 * receiver's, linked by `toParent`. Both stacks mix calls that a thread made with calls that it serves:
 *
 * ```
 *   thread A                         thread B
 *   stack -> call 3 (A -> C)         stack -> call 2 (C -> B)
 *              | fromParent                      | toParent
 *              v                                 v
 *            call 1 (B -> A) <---------------- call 1
 * ```
 */
export class Transaction extends WorkItem {
  readonly id: number;
  readonly code: number;
  readonly flags: number;
  /** Who sent it, also when nobody waits for an answer. */
  readonly sender: Client;
  readonly senderThread: ThreadId;
  readonly senderEuid: number;
  readonly isReply: boolean;
  /** When it was sent, on the host's clock. */
  readonly sentAt: number;
  /** How its sender was scheduled when it sent it. */
  readonly priority: Priority;
  /** How the thread that serves it was scheduled before; `null` until it is received. */
  savedPriority: Priority | null = null;
  /** The thread that waits for the reply; `null` for replies, oneway calls, and when that thread is gone. */
  from: Thread | null;
  fromParent: Transaction | null = null;
  /** The process that receives it; `null` when the receiving thread is gone. */
  toProcess: Process | null;
  /** The thread that serves it, or that was chosen to. */
  toThread: Thread | null;
  toParent: Transaction | null = null;
  /** The data, until it is received and freed. */
  buffer: Buffer | null = null;
  /** Counted in the receiving process as not yet dealt with. */
  isOutstanding = false;
  /** Where the sender's security label lies in the receiver's address space; 0 without one. */
  securityContext = 0;
  /** Open files for the thread that will read this; `null` without any, and when it has descriptors for them. */
  files: CarriedFile[] | null = null;
  readonly #stats: Stats;

  constructor(id: number, sender: Thread, isReply: boolean, to: Process, code: number, flags: number) {
    super();
    this.id = id;
    this.code = code;
    this.flags = flags;
    this.sender = sender.process.client;
    this.senderThread = sender.id;
    this.senderEuid = sender.euid;
    this.priority = sender.scheduling?.priority ?? NORMAL;
    this.isReply = isReply;
    this.sentAt = to.driver.host.now();
    this.from = isReply || flags & TF_ONE_WAY ? null : sender;
    this.toProcess = to;
    this.toThread = null;
    this.#stats = to.driver.stats;
    // The attempt was counted when it began.
    this.#stats.transaction.active++;
  }

  override get isTransaction(): boolean {
    return true;
  }

  get isOneway(): boolean {
    return (this.flags & TF_ONE_WAY) !== 0;
  }

  /** Takes over an open file that was taken from the sender. */
  carry(file: CarriedFile): void {
    this.files ??= [];
    this.files.push(file);
  }

  /** The reader has descriptors `fds` for the files: their numbers become part of the data. */
  didInstall({ process }: Thread, fds: readonly number[]): void {
    const buffer = this.buffer as Buffer;
    for (const [i, { offset, isClosedWithBuffer }] of (this.files ?? []).entries()) {
      const fd = fds[i] as number;
      process.patchBuffer(buffer, offset, fd);
      if (!isClosedWithBuffer) continue;
      buffer.fdsToClose ??= [];
      buffer.fdsToClose.push(fd);
    }
    this.#closeFiles();
  }

  /**
   * The reader cannot have the files: a call is dropped, and its sender told; a reply has failed for the reader itself.
   *
   * @returns whether the reader is to be told.
   */
  notInstalled(thread: Thread, errno: number): boolean {
    const buffer = this.buffer as Buffer;
    const isReply = buffer.targetNode === null;
    const caller = isReply ? thread : this.from;
    // A full table is all that can happen to the kernel driver, and it says no more than that the call failed.
    if (errno !== EMFILE && caller?.extendedError.command === BR_OK)
      caller.extendedError.set(this.id, BR_FAILED_REPLY, -errno);
    this.#drop(BR_FAILED_REPLY);
    thread.process.freeBuffer(thread, buffer);
    return isReply;
  }

  override prepare(thread: Thread, out: ReadBuffer): AfterItem {
    const buffer = this.buffer as Buffer;
    const node = buffer.targetNode;
    const receiver = thread.process;
    const address = receiver.addressOf(buffer);
    const hasContext = this.securityContext !== 0;
    const command = hasContext ? BR_TRANSACTION_SEC_CTX : node ? BR_TRANSACTION : BR_REPLY;
    const at = out.payload(command, hasContext ? 72 : 64);
    const { view } = out.area;
    writeU64(view, at, node ? node.ptr : 0);
    writeU64(view, at + 8, node ? node.cookie : 0);
    view.setUint32(at + 16, this.code, true);
    view.setUint32(at + 20, this.flags, true);
    view.setInt32(at + 24, this.from ? this.sender.pidSeenBy(receiver.client) : 0, true);
    view.setUint32(at + 28, this.sender.euidSeenBy(receiver.client, this.senderEuid), true);
    writeU64(view, at + 32, buffer.dataSize);
    writeU64(view, at + 40, buffer.offsetsSize);
    writeU64(view, at + 48, address);
    writeU64(view, at + 56, address + buffer.offsetsStart);
    if (hasContext) writeU64(view, at + 64, this.securityContext);
    return STOP;
  }

  override commit(thread: Thread): void {
    const buffer = this.buffer as Buffer;
    buffer.allowUserFree = true;
    if (buffer.targetNode) inheritPriority(thread, this, buffer.targetNode);
    if (buffer.targetNode && !this.isOneway) {
      this.toParent = thread.stack;
      this.toThread = thread;
      thread.stack = this;
    } else {
      this.free();
    }
  }

  override lost(): void {
    this.#drop(BR_FAILED_REPLY);
  }

  override cancel(): void {
    this.#drop(BR_DEAD_REPLY);
  }

  /** The thread or process that was to serve this call is gone. */
  detachReceiver(): void {
    this.#settle();
    this.toProcess = null;
    this.toThread = null;
    if (this.buffer) this.buffer.transaction = null;
    this.buffer = null;
  }

  /** Ends the record. The buffer lives on until its receiver frees it. */
  free(): void {
    this.#settle();
    this.#closeFiles();
    if (this.buffer) this.buffer.transaction = null;
    this.buffer = null;
    this.#stats.transaction.delete();
  }

  /** It was queued for the receiver, and counts there until it is dealt with. */
  queued(): void {
    this.isOutstanding = true;
    (this.toProcess as Process).outstanding++;
  }

  #closeFiles(): void {
    for (const { file } of this.files ?? []) file.close();
    this.files = null;
  }

  #settle(): void {
    if (!this.isOutstanding) return;
    this.isOutstanding = false;
    this.toProcess?.transactionSettled();
  }

  /** It will not be received: a waiting sender hears `error`. */
  #drop(error: number): void {
    if (this.buffer?.targetNode && !this.isOneway) sendFailedReply(this, error);
    else this.free();
  }
}

/**
 * Tells the sender of `call` that there will be no reply. When the sender is gone, the call that it was serving when it
 * made this one has failed as well, and so on outwards.
 */
export function sendFailedReply(call: Transaction, error: number): void {
  for (let failed: Transaction | null = call; failed; ) {
    const sender: Thread | null = failed.from;
    if (sender) {
      sender.stack = failed.fromParent;
      failed.from = null;
      // A second error can only come to a thread that made two calls without waiting: the first one is told.
      if (!sender.replyError.isPending) {
        sender.replyError.command = error;
        sender.enqueue(sender.replyError);
        sender.process.driver.wake(sender);
      }
      failed.free();
      return;
    }
    const outer: Transaction | null = failed.fromParent;
    failed.free();
    failed = outer;
  }
}
