import * as B from '../../abi/binder.ts';
import { iocSize } from '../../abi/ioctl-code.ts';
import { readU64, type U64 } from '../../abi/u64.ts';
import { BinderError, DeadObjectError, errorOfStatus } from '../parcel/errors.ts';
import { Parcel } from '../parcel/parcel.ts';
import type { ServedCall } from './binder.ts';
import type { Connection } from './connection.ts';
import { Incoming, type Outgoing } from './objects.ts';
import type { BinderThread, LoopThread, ThreadEvents } from './seam.ts';

/** A call of ours that is under way. */
export interface SentCall {
  readonly kind: 'call';
  readonly oneway: boolean;
  /** What its parcel mentions. */
  readonly outgoing: Outgoing;
  /** There is a reply, whatever it says. */
  answered(): void;
  /** The reply, to be decoded at once: its buffer is freed when this returns. */
  replied(reply: Parcel): void;
  /** It will not be answered; or, oneway and without an error, it is queued. */
  ended(error: BinderError | null): void;
}

/** A call to us that a handler serves. */
interface ServedFrame {
  readonly kind: 'serve';
  readonly buffer: U64;
  readonly call: ServedCall;
  answer: Answer | null;
}

/** What goes back: a reply, or a status in its place. */
export interface Answer {
  readonly parcel: Parcel;
  readonly outgoing: Outgoing;
  readonly flags: number;
}

/**
 * One Binder thread, as the protocol has it: a stack of calls, those it serves and those it waits for. Only the top one can
 * go on: the driver takes a reply for the call on top, and gives nested calls to the thread that waits.
 *
 * ```
 *   idle ── call ──► waiting ── BR_TRANSACTION (a nested call comes home) ──► serving ── reply ──► waiting ── BR_REPLY ──► idle
 * ```
 *
 * While the handler on top has not settled the thread is not parked, and free for calls that the handler makes.
 */
export class PoolThread implements ThreadEvents {
  readonly #connection: Connection;
  readonly #thread: BinderThread;
  readonly #isLooper: boolean;
  /** It sleeps on the event loop: whatever would wait for that is not for it. */
  readonly isLoopThread: boolean;
  readonly #stack: (SentCall | ServedFrame)[] = [];
  /** What was written last and is not acknowledged yet. */
  #sending: SentCall | Answer | null = null;
  #isParked = false;
  /** That the reply in {@link #sending} was taken will not be told: the thread sleeps, or reads something else. */
  #isQuiet = false;
  /** Where it read last: usually always the same. */
  #buffer: Uint8Array = new Uint8Array();
  #view: DataView = new DataView(this.#buffer.buffer);
  isDead = false;

  /**
   * @param looper - BC_ENTER_LOOPER or BC_REGISTER_LOOPER; `null` for a thread that only calls
   * @param loopThread - the carrier's `openLoopThread`, for the thread that sleeps on the event loop
   */
  constructor(
    connection: Connection,
    looper: number | null,
    loopThread: ((events: ThreadEvents) => LoopThread) | null = null,
  ) {
    this.#connection = connection;
    this.#isLooper = looper !== null;
    this.isLoopThread = loopThread !== null;
    this.#thread = loopThread ? loopThread(this) : connection.carrier.openThread(this);
    if (looper === null) return;
    connection.commands.plain(looper);
    this.#park();
  }

  /** Whether it is free for a call that the handler of `call` makes on a connection. */
  isFreeFor(connection: Connection, call: ServedCall): boolean {
    const top = this.#stack.at(-1);
    return (
      connection === this.#connection &&
      !this.#isParked &&
      !this.#sending &&
      !this.isDead &&
      top?.kind === 'serve' &&
      top.call === (call.cause ?? call) &&
      !top.answer
    );
  }

  /** Sends a call. Its thread is this one until it has ended. */
  send(call: SentCall, handle: number, code: number, flags: number, data: Parcel): void {
    this.#connection.commands.transaction(B.BC_TRANSACTION, handle, code, flags, data.bytes, data.offsets);
    this.#sending = call;
    if (!call.oneway) this.#stack.push(call);
    this.#park();
  }

  /** For a loop thread: sleeps until there is something to read, and does it. */
  step(): void {
    (this.#thread as LoopThread).step();
  }

  returned(buffer: Uint8Array, length: number): void {
    this.#isParked = false;
    if (this.#buffer !== buffer) {
      this.#buffer = buffer;
      this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    }
    const view = this.#view;
    if (this.#isQuiet) this.#heardNothing(view, length);
    for (let at = 0; at + 4 <= length; ) {
      const command = view.getUint32(at, true);
      this.#execute(command, view, at + 4);
      at += 4 + iocSize(command);
    }
    this.#goOn();
  }

  failed(errno: number): void {
    this.#isParked = false;
    this.isDead = true;
    this.end(new BinderError('CLOSED', `Cannot go on: the device failed with errno ${errno}`));
    this.#connection.threadFailed(this, errno);
  }

  /** Everything under way here ends. */
  end(error: BinderError): void {
    const sending = this.#sending;
    this.#sending = null;
    if (sending) this.#settle(sending, error);
    for (const frame of this.#stack.splice(0).reverse())
      if (frame.kind === 'serve') this.#drop(frame.answer);
      else if (frame !== sending) frame.ended(error);
  }

  #execute(command: number, view: DataView, at: number): void {
    const connection = this.#connection;
    const { commands } = connection;
    switch (command) {
      case B.BR_TRANSACTION_COMPLETE:
      case B.BR_ONEWAY_SPAM_SUSPECT:
      case B.BR_TRANSACTION_PENDING_FROZEN:
        return this.#taken();
      case B.BR_REPLY:
        return this.#reply(view, at);
      case B.BR_DEAD_REPLY:
        return this.#refused(new DeadObjectError());
      case B.BR_FAILED_REPLY:
        return this.#refused(
          new BinderError('FAILED_TRANSACTION', 'Cannot call: the driver refused the transaction'),
        );
      case B.BR_FROZEN_REPLY:
        return this.#refused(new BinderError('FROZEN', 'Cannot call: the process of the object is frozen'));
      case B.BR_TRANSACTION:
        return this.#serve(view, at, 0);
      case B.BR_TRANSACTION_SEC_CTX:
        return this.#serve(view, at, readU64(view, at + 64));
      case B.BR_SPAWN_LOOPER:
        return connection.spawnLooper();
      case B.BR_INCREFS:
        connection.counted(readU64(view, at), 1);
        return commands.node(B.BC_INCREFS_DONE, readU64(view, at), readU64(view, at + 8));
      case B.BR_ACQUIRE:
        connection.counted(readU64(view, at), 1);
        return commands.node(B.BC_ACQUIRE_DONE, readU64(view, at), readU64(view, at + 8));
      case B.BR_RELEASE:
      case B.BR_DECREFS:
        return connection.counted(readU64(view, at), -1);
      case B.BR_DEAD_BINDER:
        return connection.remotes.died(readU64(view, at));
      case B.BR_FROZEN_BINDER:
        return connection.remotes.frozen(readU64(view, at), view.getUint32(at + 8, true) !== 0);
      case B.BR_CLEAR_DEATH_NOTIFICATION_DONE:
      case B.BR_CLEAR_FREEZE_NOTIFICATION_DONE:
        return connection.remotes.cleared(readU64(view, at));
    }
  }

  /** A reply that was refused is told of; one of which nothing is told was taken. */
  #heardNothing(view: DataView, length: number): void {
    if (length === 0) return; // interrupted
    this.#isQuiet = false;
    for (let at = 0; at + 4 <= length; ) {
      const command = view.getUint32(at, true);
      // No call waits below: these are of the reply.
      if (command === B.BR_FAILED_REPLY || command === B.BR_DEAD_REPLY) return;
      at += 4 + iocSize(command);
    }
    this.#taken();
  }

  #taken(): void {
    const sent = this.#sending;
    this.#sending = null;
    if (sent) this.#settle(sent, null);
  }

  #settle(sent: SentCall | Answer, error: BinderError | null): void {
    sent.outgoing.sent();
    if (!('kind' in sent)) return this.#connection.recycle(sent.parcel);
    if (sent.oneway || error) {
      if (!sent.oneway) this.#stack.splice(this.#stack.lastIndexOf(sent), 1);
      sent.ended(error);
    }
  }

  /** The last command failed; or, if it was acknowledged, the call that waits. */
  #refused(error: BinderError): void {
    const sent = this.#sending;
    this.#sending = null;
    if (sent) return this.#settle(sent, error);
    const top = this.#stack.at(-1);
    if (top?.kind !== 'call') return;
    this.#stack.pop();
    top.ended(error);
  }

  #reply(view: DataView, at: number): void {
    const buffer = readU64(view, at + 48);
    const top = this.#stack.at(-1);
    const objects = new Incoming(this.#connection);
    const parcel = this.#parcel(view, at, objects);
    if (top?.kind === 'call') {
      this.#stack.pop();
      top.answered();
      if (view.getUint32(at + 20, true) & B.TF_STATUS_CODE) {
        const status = parcel.left >= 4 ? parcel.readInt32() : -1;
        if (status !== 0)
          top.ended(errorOfStatus(status, `Cannot call: the object answered with status ${status}`));
        else top.replied(parcel);
      } else {
        top.replied(parcel);
      }
    }
    objects.closeUnread(parcel);
    this.#connection.freeBuffer(buffer);
  }

  #parcel(view: DataView, at: number, objects: Incoming): Parcel {
    const connection = this.#connection;
    const { carrier } = connection;
    const size = Number(readU64(view, at + 32));
    const data = carrier.view(Number(readU64(view, at + 48)), size);
    const count = Number(readU64(view, at + 40)) >> 3;
    const offsets: number[] = [];
    if (count > 0) {
      const bytes = carrier.view(Number(readU64(view, at + 56)), count * 8);
      const places = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let i = 0; i < count; i++) offsets.push(places.getUint32(i * 8, true));
    }
    return new Parcel(objects, connection.variant, data, offsets);
  }

  #serve(view: DataView, at: number, label: U64): void {
    const connection = this.#connection;
    const flags = view.getUint32(at + 20, true);
    const oneway = (flags & B.TF_ONE_WAY) !== 0;
    const objects = new Incoming(connection);
    const data = this.#parcel(view, at, objects);
    const buffer = readU64(view, at + 48);
    const call: ServedCall = {
      pid: view.getInt32(at + 24, true),
      uid: view.getUint32(at + 28, true),
      sid: label === 0 ? null : connection.readText(Number(label)),
      oneway,
      thread: oneway ? null : this,
      cause: null,
      isSettled: false,
    };
    const frame: ServedFrame = { kind: 'serve', buffer, call, answer: null };
    if (!oneway) this.#stack.push(frame);
    connection.serve(readU64(view, at), view.getUint32(at + 16, true), data, call, (answer) => {
      objects.closeUnread(data);
      if (oneway) {
        answer.outgoing.sent();
        connection.recycle(answer.parcel);
        connection.freeBuffer(buffer);
        return;
      }
      if (this.isDead) return this.#drop(answer);
      frame.answer = answer;
      // Many handlers may settle at once.
      const { budget } = connection.carrier;
      if (!this.isLoopThread && budget.isSpent()) budget.renewed(() => this.#goOn());
      else this.#goOn();
    });
  }

  /** What nobody waits for any more. */
  #drop(answer: Answer | null): void {
    answer?.outgoing.sent();
    if (answer) this.#connection.recycle(answer.parcel);
  }

  /** Does what comes next: replies, parks, or lets others have the thread. */
  #goOn(): void {
    if (this.#isParked || this.isDead) return;
    const top = this.#stack.at(-1);
    if (!this.#sending && top?.kind === 'serve') {
      const { answer } = top;
      if (!answer) return;
      this.#stack.pop();
      const { commands } = this.#connection;
      commands.value(B.BC_FREE_BUFFER, top.buffer);
      commands.transaction(B.BC_REPLY, 0, 0, answer.flags, answer.parcel.bytes, answer.parcel.offsets);
      this.#sending = answer;
      this.#connection.servedOne();
      // Objects must stay until the driver says that it counts on them. Where a call waits below, its failure would look like
      // the reply's.
      return this.#park(this.#stack.length === 0 && answer.parcel.offsets.length === 0);
    }
    if (this.#sending || top || this.#isLooper) return this.#park();
    if (!this.isLoopThread) this.#connection.callers.idle(this);
  }

  #park(isQuiet = this.#isQuiet): void {
    this.#isParked = true;
    this.#isQuiet = isQuiet;
    this.#thread.write(this.#connection.commands);
    const sleeps = this.#thread.park(isQuiet);
    this.#connection.commands.clear();
    if (!sleeps || !isQuiet) return;
    this.#isQuiet = false;
    this.#taken();
  }
}
