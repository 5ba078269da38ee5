import * as B from '../../abi/binder.ts';
import { EBADF } from '../../abi/errno.ts';
import { flatBinderObject, nodeInfoForRef } from '../../abi/structs.ts';
import type { U64 } from '../../abi/u64.ts';
import { BinderError, DeadObjectError } from '../parcel/errors.ts';
import { Parcel } from '../parcel/parcel.ts';
import { writeException } from '../parcel/status.ts';
import { DEFAULT_VARIANT, STABILITY_SYSTEM, type Variant } from '../parcel/variant.ts';
import {
  type CallOptions,
  LocalBinder,
  newRef,
  type Ref,
  type RemoteBinder,
  refState,
  type ServedCall,
} from './binder.ts';
import { currentCall, runInCall } from './call-context.ts';
import { Callers } from './callers.ts';
import { areServesTraced, tellClose, tellOpen, traceServe } from './diagnostics.ts';
import { abortController, type Signal, soon } from './globals.ts';
import { managerError } from './manager-error.ts';
import { type Incoming, Outgoing } from './objects.ts';
import { Remotes } from './remotes.ts';
import { type Carrier, Commands } from './seam.ts';
import { type Answer, PoolThread, type SentCall } from './thread.ts';

/** Microtasks after which commands that nobody took along are written: a caller's next call comes within that. */
const FLUSH_AFTER = 4;
/** Parcels kept to be used again, and the largest that is. */
const KEPT_PARCELS = 16;
const KEPT_SIZE = 64 * 1024;

/** How a connection behaves. */
export interface ConnectionOptions {
  /** Default: Android 16, `SYST`. */
  readonly variant?: Variant;
  /** Threads the driver may ask for besides the first; default: what the carrier recommends. */
  readonly maxThreads?: number;
  /** Calls that may wait for replies at once; further ones queue. Default: what the carrier recommends. */
  readonly maxCallers?: number;
  /** Told what handlers, death recipients and the like threw that was no BinderError. Default: ignored, callers hear of it. */
  readonly onError?: (error: unknown) => void;
}

/** An object of this process that the driver knows: kept as long as anybody counts on it. */
export interface Exported {
  readonly ptr: number;
  readonly binder: LocalBinder;
  /** Counts the driver holds, and sends under way. */
  counts: number;
}

/**
 * An open Binder device: the objects this process gave away, those it got, and the threads that serve and call. Made by
 * `connect`, `LocalDriver.connect` or `connectPort`.
 */
export class Connection implements Disposable, AsyncDisposable {
  /** @internal */
  readonly carrier: Carrier;
  readonly variant: Variant;
  /** @internal For the next write, by whichever thread. */
  readonly commands: Commands = new Commands();
  /** @internal The objects of others. */
  readonly remotes: Remotes = new Remotes(this);
  /** @internal The threads that call. */
  readonly callers: Callers;
  readonly #closed = abortController();
  readonly #onError: (error: unknown) => void;
  readonly #maxThreads: number;

  readonly #exported = new Map<U64, Exported>();
  readonly #ptrs = new Map<LocalBinder, Exported>();
  /** The context manager, if it is an object of this process. */
  #manager: LocalBinder | null = null;
  #lastPtr = 0;

  readonly #threads = new Set<PoolThread>();
  #loopThread: PoolThread | null = null;
  #isLoopAsleep = false;
  #hasLooper = false;
  #pending = 0;
  #keepsAlive = false;
  /** What `ref` or `unref` said. */
  #mayKeepAlive: boolean | null = null;
  #isClosed = false;
  #flushIn = 0;
  readonly #parcels: Parcel[] = [];

  constructor(carrier: Carrier, options: ConnectionOptions = {}) {
    this.carrier = carrier;
    this.variant = options.variant ?? DEFAULT_VARIANT;
    this.#onError = options.onError ?? (() => {});
    this.callers = new Callers(
      options.maxCallers ?? carrier.maxCallers,
      () => this.#newThread(null),
      carrier.budget,
    );
    this.#maxThreads = options.maxThreads ?? carrier.maxThreads;
    // When the constructors that are built on this one are done.
    soon(() => tellOpen(this));
  }

  /** Aborts when the connection is closed, by `close()` or because the driver is gone. */
  get closed(): Signal {
    return this.#closed.signal;
  }

  /** The context manager, whether there is one or not. */
  contextManager(): Ref {
    if (this.#manager) return newRef(this.#manager);
    return newRef(this.remotes.get(0, STABILITY_SYSTEM));
  }

  /**
   * Makes `object` the context manager, whom everybody reaches as handle 0.
   *
   * @throws BinderError ALREADY_EXISTS where there is one; PERMISSION_DENIED; CLOSED; NO_MEMORY or INVALID_OPERATION where
   *   the driver says so.
   */
  async becomeContextManager(object: object): Promise<void> {
    const target = refState(object).live();
    if (!(target instanceof LocalBinder))
      throw new BinderError('BAD_VALUE', 'Cannot become manager with a remote object');
    if (this.#isClosed) throw managerError(EBADF);
    const exported = this.export(target);
    exported.counts++;
    let flags = target.wantsSid ? B.FLAT_BINDER_FLAG_TXN_SECURITY_CTX : 0;
    if (this.carrier.files) flags |= B.FLAT_BINDER_FLAG_ACCEPTS_FDS;
    const argument = flatBinderObject.bytes({
      type: B.BINDER_TYPE_BINDER,
      flags,
      binder: exported.ptr,
      cookie: exported.ptr,
    });
    const errno = await this.carrier.ioctl(B.BINDER_SET_CONTEXT_MGR_EXT, argument);
    if (errno === 0) {
      this.#manager = target;
      return;
    }
    this.counted(exported.ptr, -1);
    throw managerError(errno);
  }

  /**
   * How many count strongly on a remote object: processes, and calls to it that are under way. `null` where the driver does
   * not tell: it tells only the context manager.
   */
  async strongCount(ref: object): Promise<number | null> {
    const target = refState(ref).live();
    if (target instanceof LocalBinder) return null;
    const argument = nodeInfoForRef.bytes({ handle: target.handle });
    const errno = await this.carrier.ioctl(B.BINDER_GET_NODE_INFO_FOR_REF, argument);
    return errno === 0 ? nodeInfoForRef.decode(new DataView(argument.buffer)).strongCount : null;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends everything: calls under way fail, objects given away die. Closing again does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    const error = new BinderError('CLOSED', 'Cannot go on: the connection was closed');
    this.carrier.close();
    for (const thread of this.#threads) {
      thread.isDead = true;
      thread.end(error);
    }
    this.#threads.clear();
    this.callers.close(error);
    this.remotes.close();
    this.#exported.clear();
    this.#ptrs.clear();
    this.#closed.abort(error);
    tellClose(this);
  }

  /** The connection keeps the process alive, serving or not, until it is closed. */
  ref(): this {
    return this.#keepAlive(true);
  }

  /** The connection does not keep the process alive, even while it serves or has calls under way. */
  unref(): this {
    return this.#keepAlive(false);
  }

  #keepAlive(always: boolean): this {
    this.#mayKeepAlive = always;
    this.#updateKeepAlive();
    return this;
  }

  /** Closes it: the same as {@link close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Closes it: the same as {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /**
   * Calls `target`. One whose signal aborts before its turn comes is not sent; its caller is told elsewhere. The parcel is made by `write` and the reply read by `read`, each at once, when its turn comes.
   *
   * @returns what `read` returned; `undefined` for a oneway call, once it is queued.
   * @internal
   */
  transact(
    target: RemoteBinder,
    code: number,
    flags: number,
    write: (data: Parcel) => void,
    read: (reply: Parcel) => unknown,
    options: CallOptions | undefined,
    what: string,
  ): Promise<unknown> {
    const oneway = (flags & B.TF_ONE_WAY) !== 0;
    const sentFlags = this.carrier.files ? flags : flags & ~B.TF_ACCEPT_FDS;
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new BinderError('CLOSED', 'Cannot call: the connection is closed'));
      if (target.isDead) return reject(new DeadObjectError());
      const signal = options?.signal;
      const inside = (options?.inside ?? currentCall()) as ServedCall | null | undefined;
      const served = !oneway && inside?.thread?.isFreeFor(this, inside) ? inside.thread : null;
      const start = (thread: PoolThread): void => {
        const outgoing = new Outgoing(this, false);
        const data = this.takeParcel(outgoing);
        try {
          write(data);
        } catch (error) {
          outgoing.sent();
          this.recycle(data);
          if (!served) this.callers.idle(thread);
          return reject(error);
        }
        this.#setPending(1);
        const sent: SentCall = {
          kind: 'call',
          oneway,
          outgoing,
          answered: () => this.remotes.answered(target),
          replied: (reply) => {
            this.#setPending(-1);
            // What nobody reads is given back with the buffer.
            if (signal?.aborted) return;
            try {
              resolve(read(reply));
            } catch (error) {
              (reply.objects as Incoming).abandon();
              reject(error);
            }
          },
          ended: (error) => {
            this.#setPending(-1);
            if (error) reject(said(error, what, target));
            else resolve(undefined);
          },
        };
        thread.send(sent, target.handle, code, sentFlags, data);
        this.recycle(data);
      };
      if (served) {
        this.callers.startWaiting();
        start(served);
      } else this.callers.start({ start, refused: reject, signal });
    });
  }

  /**
   * Calls `target` and returns with the reply: the event loop sleeps until then, and whatever needs it waits. Descriptors
   * do not travel.
   *
   * @throws BinderError INVALID_OPERATION where the driver needs the event loop; ILLEGAL_STATE in a handler that serves such a
   *   call.
   * @internal
   */
  transactSync(
    target: RemoteBinder,
    code: number,
    flags: number,
    write: (data: Parcel) => void,
    read: (reply: Parcel) => unknown,
    what: string,
  ): unknown {
    if (this.#isClosed) throw new BinderError('CLOSED', 'Cannot call: the connection is closed');
    if (target.isDead) throw new DeadObjectError();
    if (this.#isLoopAsleep)
      throw new BinderError('ILLEGAL_STATE', `Cannot call ${what}: another call waits on the event loop`);
    const thread = this.#takeLoopThread();
    const outgoing = new Outgoing(this, false);
    const data = this.takeParcel(outgoing);
    let outcome: { readonly value: unknown } | { readonly error: unknown } | null = null;
    try {
      write(data);
    } catch (error) {
      outgoing.sent();
      this.recycle(data);
      throw error;
    }
    const sent: SentCall = {
      kind: 'call',
      oneway: (flags & B.TF_ONE_WAY) !== 0,
      outgoing,
      answered: () => this.remotes.answered(target),
      replied: (reply) => {
        try {
          outcome = { value: read(reply) };
        } catch (error) {
          (reply.objects as Incoming).abandon();
          outcome = { error };
        }
      },
      ended: (error) => {
        outcome = error ? { error: said(error, what, target) } : { value: undefined };
      },
    };
    thread.send(sent, target.handle, code, flags & ~B.TF_ACCEPT_FDS, data);
    this.recycle(data);
    this.#isLoopAsleep = true;
    while (!outcome) thread.step();
    this.#isLoopAsleep = false;
    const { value, error } = outcome as { value?: unknown; error?: unknown };
    if (error) throw error;
    return value;
  }

  #takeLoopThread(): PoolThread {
    const { carrier } = this;
    if (!carrier.openLoopThread)
      throw new BinderError('INVALID_OPERATION', 'Cannot wait for a reply: the driver needs the event loop');
    if (!this.#loopThread) {
      this.#loopThread = new PoolThread(this, null, (events) => carrier.openLoopThread!(events));
      this.#threads.add(this.#loopThread);
    }
    return this.#loopThread;
  }

  // ---- for the runtime's own parts

  /** @internal Runs what must not throw into the runtime. */
  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** @internal Serves one call that arrived. `done` is called exactly once. */
  serve(ptr: U64, code: number, data: Parcel, call: ServedCall, done: (answer: Answer) => void): void {
    this.#setPending(1);
    let outgoing = new Outgoing(this, true);
    let reply = this.takeParcel(outgoing);
    const exported = this.#exported.get(ptr);
    if (exported?.binder.isSensitive) reply.isSensitive = true;
    const settle = (error?: unknown, hasFailed = false): void => {
      call.isSettled = true;
      let flags = exported?.binder.isSensitive ? B.TF_CLEAR_BUF : 0;
      if (hasFailed) {
        flags |= this.#fail(reply, error, call);
      }
      if (call.oneway) this.servedOne();
      done({ parcel: reply, outgoing, flags });
    };
    if (!exported) return settle(new DeadObjectError('Cannot serve the call: the object is gone'), true);
    let result: unknown;
    try {
      const { binder } = exported;
      result = runInCall(
        call,
        areServesTraced()
          ? () => {
              const message = { method: binder.nameOf(code), call, connection: this };
              return traceServe(message, () => binder.transact(code, data, reply, call));
            }
          : () => binder.transact(code, data, reply, call),
      );
    } catch (error) {
      return settle(error, true);
    }
    if (result instanceof Promise && call.thread?.isLoopThread) {
      // What the handler goes on to write is nobody's.
      const written = outgoing;
      result.catch((error) => this.guard(() => this.#onError(error))).finally(() => written.sent());
      outgoing = new Outgoing(this, true);
      reply = this.takeParcel(outgoing);
      const why = 'Cannot serve the call: its caller is one that this process waits for on its event loop';
      settle(new BinderError('ILLEGAL_STATE', why), true);
    } else if (result instanceof Promise) {
      result.then(
        () => settle(),
        (error) => settle(error, true),
      );
    } else {
      settle();
    }
  }

  /** Writes what failed in place of a result. @returns the flags of the reply. */
  #fail(reply: Parcel, error: unknown, call: ServedCall): number {
    let known: BinderError;
    if (error instanceof BinderError) {
      known = error;
    } else {
      this.guard(() => this.#onError(error));
      known = new BinderError('ILLEGAL_STATE', error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    }
    reply.clear();
    if (call.oneway) return 0;
    if (known.exception !== 0) {
      writeException(reply, known);
      return 0;
    }
    reply.writeInt32(known.status === 0 ? -0x8000_0000 : known.status);
    return B.TF_STATUS_CODE;
  }

  /** @internal */
  servedOne(): void {
    this.#setPending(-1);
  }

  /** @internal */
  takeParcel(objects: Outgoing): Parcel {
    const parcel = this.#parcels.pop() ?? new Parcel(objects, this.variant);
    parcel.objects = objects;
    return parcel;
  }

  /** @internal */
  recycle(parcel: Parcel): void {
    const { size } = parcel;
    parcel.clear();
    if (size <= KEPT_SIZE && this.#parcels.length < KEPT_PARCELS) this.#parcels.push(parcel);
  }

  /** @internal The driver's name for an object of this process, which must serve from now on. */
  export(binder: LocalBinder): Exported {
    let exported = this.#ptrs.get(binder);
    if (!exported) {
      exported = { ptr: ++this.#lastPtr * 16, binder, counts: 0 };
      binder.identity ??= this.carrier.identity;
      this.#ptrs.set(binder, exported);
      this.#exported.set(exported.ptr, exported);
      this.#updateKeepAlive();
    }
    this.needLooper();
    return exported;
  }

  /** @internal Counts on an object of this process came or went. */
  counted(ptr: U64, change: 1 | -1): void {
    const exported = this.#exported.get(ptr);
    if (!exported) return;
    exported.counts += change;
    if (exported.counts > 0) return;
    this.#exported.delete(ptr);
    this.#ptrs.delete(exported.binder);
    this.#updateKeepAlive();
  }

  /** @internal */
  ownObject(ptr: U64): LocalBinder {
    const exported = this.#exported.get(ptr);
    if (!exported)
      throw new BinderError(
        'BAD_TYPE',
        `Cannot receive object ${ptr.toString(16)}: it is none of this process`,
      );
    return exported.binder;
  }

  /** @internal */
  freeBuffer(buffer: U64): void {
    this.commands.value(B.BC_FREE_BUFFER, buffer);
    this.flushSoon();
  }

  /** @internal The driver wants another thread. */
  spawnLooper(): void {
    // From within a read: the new thread parks when that is dealt with.
    soon(() => {
      if (!this.#isClosed) this.#newThread(B.BC_REGISTER_LOOPER);
    });
  }

  /** @internal */
  threadFailed(thread: PoolThread, errno: number): void {
    this.#threads.delete(thread);
    if (errno !== 0 && !this.#isClosed) this.close();
  }

  /** @internal A text that the driver wrote next to a call. */
  readText(address: number): string {
    let text = '';
    for (let i = 0; ; i++) {
      const byte = this.carrier.view(address + i, 1)[0];
      if (!byte) return text;
      text += String.fromCharCode(byte);
    }
  }

  /** @internal Writes the commands that wait. */
  flush(): void {
    if (this.#isClosed || this.commands.isEmpty) return;
    this.carrier.write(this.commands);
    this.commands.clear();
  }

  /** @internal Writes them soon, unless others take them along. */
  flushSoon(): void {
    if (this.#flushIn > 0) return;
    this.#flushIn = FLUSH_AFTER;
    soon(this.#countDown);
  }

  readonly #countDown = (): void => {
    if (this.commands.isEmpty) this.#flushIn = 0;
    else if (--this.#flushIn === 0) this.flush();
    else soon(this.#countDown);
  };

  #newThread(looper: number | null): PoolThread {
    const thread = new PoolThread(this, looper);
    this.#threads.add(thread);
    return thread;
  }

  /** @internal The first thread that serves comes when there is something to serve: an object, a death. */
  needLooper(): void {
    if (this.#hasLooper || this.#isClosed) return;
    this.#hasLooper = true;
    const argument = new Uint8Array(4);
    new DataView(argument.buffer).setUint32(0, this.#maxThreads, true);
    void this.carrier.ioctl(B.BINDER_SET_MAX_THREADS, argument);
    // Not from within the making of a parcel, whose commands are not complete.
    soon(() => {
      if (!this.#isClosed) this.#newThread(B.BC_ENTER_LOOPER);
    });
  }

  #setPending(change: 1 | -1): void {
    this.#pending += change;
    this.#updateKeepAlive();
  }

  #updateKeepAlive(): void {
    const isNeeded = this.#mayKeepAlive ?? (this.#pending > 0 || this.#exported.size > 0);
    if (isNeeded === this.#keepsAlive) return;
    this.#keepsAlive = isNeeded;
    this.carrier.keepAlive(isNeeded);
  }
}

/** Puts into the message of a failed call which call it was. */
function said(error: BinderError, what: string, { handle }: RemoteBinder): BinderError {
  error.message = `${error.message} (${what}, handle ${handle})`;
  return error;
}
