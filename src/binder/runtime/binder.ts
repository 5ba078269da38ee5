import { BinderError, DeadObjectError } from '../parcel/errors.ts';
import type { Parcel } from '../parcel/parcel.ts';
import type { Connection } from './connection.ts';
import { type Awaitable, abortController, type Signal } from './globals.ts';
import type { PoolThread } from './thread.ts';

/** Who calls, and how: the last parameter of every handler. Good until the call has settled. */
export interface Call {
  /** Process id of the caller; 0 in oneway calls, which do not tell. */
  readonly pid: number;
  /** Effective user id of the caller. */
  readonly uid: number;
  /** Security label of the caller, for objects that ask for it; else `null`. */
  readonly sid: string | null;
  readonly oneway: boolean;
}

/** What the runtime keeps with a {@link Call}. */
export interface ServedCall extends Call {
  /** The Binder thread that serves it; `null` where none waits for it: a oneway call, or one within the process. */
  readonly thread: PoolThread | null;
  /** For a call within the process: the one of another process that caused it, if any. */
  readonly cause: ServedCall | null;
  isSettled: boolean;
}

/** Options of every call, always last. */
export interface CallOptions {
  /** Aborted before the call is sent: nothing is sent. Later: the promise rejects at once, the reply is dropped when it comes. */
  readonly signal?: Signal;
  /** The call that is being served: this one is made by its Binder thread, so that what it causes comes home to it. */
  readonly inside?: Call;
}

/**
 * A Binder object as such: one for each object and connection, whatever the number of references, so good as a key. It
 * is not to be released: {@link Ref}s are.
 */
export interface IBinder {
  /** An object of this process. */
  readonly isLocal: boolean;
}

/** The key under which a reference keeps its state. */
export const state: unique symbol = Symbol('ubinder.ref');

/**
 * A reference to an object: one count, which is given back by `release(ref)` or at the end of `using`. Releasing again
 * does nothing; calls on a released reference fail with RELEASED.
 */
export type Ref<T = IBinder> = (T extends IBinder ? unknown : T) &
  Disposable & { readonly [state]: RefState };

/** The count that one {@link Ref} owns. */
export class RefState {
  readonly target: LocalBinder | RemoteBinder;
  isReleased = false;

  constructor(target: LocalBinder | RemoteBinder) {
    this.target = target;
    target.hold();
  }

  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.target.letGo();
  }

  /** @throws BinderError RELEASED */
  live(): LocalBinder | RemoteBinder {
    if (this.isReleased) throw new BinderError('RELEASED', 'Cannot use the reference: it was released');
    return this.target;
  }
}

/** A safety net: what the program forgot is released some time after it was collected. */
const forgotten = new FinalizationRegistry<RefState>((ref) => ref.release());

/** Where Node.js looks for what `console.log` is to show. */
const inspect = Symbol.for('nodejs.util.inspect.custom');

/** What references are made of: typed ones have the methods of their interface besides. */
export class RefObject implements Disposable {
  readonly [state]: RefState;

  constructor(ref: RefState) {
    this[state] = ref;
    forgotten.register(this, ref, ref);
  }

  [Symbol.dispose](): void {
    const ref = this[state];
    forgotten.unregister(ref);
    ref.release();
  }

  /** What it refers to, where all that hangs on it would be pages. */
  [inspect](): string {
    const { target, isReleased } = this[state];
    const type = (this as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] ?? 'IBinder';
    const what = target instanceof LocalBinder ? 'of this process' : `handle ${target.handle}`;
    return `Ref<${type}> (${isReleased ? 'released' : what}${!target.isLocal && target.isDead ? ', dead' : ''})`;
  }
}

/** The same count, from now on to be forgotten with another object than before. */
export function takeOver(ref: object): RefState {
  const taken = refState(ref);
  forgotten.unregister(taken);
  return taken;
}

/** The object of this process behind transactions. */
export abstract class LocalBinder implements IBinder {
  readonly isLocal = true;
  /** Objects that ask for the caller's security label. */
  readonly wantsSid: boolean = false;

  /** Serves one call. What it throws becomes the reply. */
  abstract transact(code: number, data: Parcel, reply: Parcel, call: ServedCall): Awaitable<void>;
  abstract readonly descriptor: string;
  /** What a call of this code is called. */
  nameOf(code: number): string {
    return `${this.descriptor}.${code}`;
  }

  readonly isSensitive: boolean = false;
  abstract readonly stability: number;
  /** Who calls when this process itself does: what the first connection that it was sent over says. */
  identity: { readonly pid: number; readonly uid: number } | null = null;

  /** References within the process: an object of its own lives as long as anybody can reach it. */
  hold(): void {}

  letGo(): void {}
}

/** An object of another process, under a handle. */
export class RemoteBinder implements IBinder {
  readonly isLocal = false;
  readonly connection: Connection;
  readonly handle: number;
  readonly stability: number;
  isDead = false;
  /** Whether this process counts on the handle: always, but for a manager that has not answered yet. */
  isAcquired = false;
  #count = 0;
  readonly #deaths = new Set<() => void>();
  readonly #frozen = new Set<(isFrozen: boolean) => void>();
  #death: Signal | null = null;
  /** Names the registrations of this object with the driver; 0 while there is none. */
  cookie = 0;
  freezeCookie = 0;

  constructor(connection: Connection, handle: number, stability: number) {
    this.connection = connection;
    this.handle = handle;
    this.stability = stability;
  }

  hold(): void {
    this.#count++;
  }

  letGo(): void {
    if (--this.#count === 0) this.connection.remotes.release(this);
  }

  /** Asks the driver for what the links want to hear. */
  watch(): void {
    if (this.#deaths.size > 0) this.connection.remotes.watchDeath(this);
    if (this.#frozen.size > 0) this.connection.remotes.watchFrozen(this);
  }

  died(): void {
    if (this.isDead) return;
    this.isDead = true;
    const deaths = [...this.#deaths];
    this.#deaths.clear();
    for (const told of deaths) this.connection.guard(told);
  }

  frozen(isFrozen: boolean): void {
    for (const told of [...this.#frozen]) this.connection.guard(() => told(isFrozen));
  }

  linkToDeath(told: () => void): Disposable {
    if (this.isDead) {
      queueMicrotask(() => this.connection.guard(told));
      return { [Symbol.dispose]() {} };
    }
    const link = () => told();
    this.#deaths.add(link);
    this.connection.remotes.watchDeath(this);
    return {
      [Symbol.dispose]: () => {
        if (this.#deaths.delete(link) && this.#deaths.size === 0) this.connection.remotes.unwatchDeath(this);
      },
    };
  }

  linkToFrozen(told: (isFrozen: boolean) => void): Disposable {
    const link = (isFrozen: boolean) => told(isFrozen);
    this.#frozen.add(link);
    this.connection.remotes.watchFrozen(this);
    return {
      [Symbol.dispose]: () => {
        if (this.#frozen.delete(link) && this.#frozen.size === 0) this.connection.remotes.unwatchFrozen(this);
      },
    };
  }

  get death(): Signal {
    if (this.#death) return this.#death;
    const controller = abortController();
    this.#death = controller.signal;
    this.linkToDeath(() => controller.abort(new DeadObjectError()));
    return this.#death;
  }
}

declare function queueMicrotask(callback: () => void): void;

/** A new reference to `target`, with a count of its own. */
export function newRef(target: LocalBinder | RemoteBinder): Ref {
  return new RefObject(new RefState(target)) as unknown as Ref;
}

/** The state of a reference, typed or not. @throws BinderError BAD_VALUE for what is none. */
export function refState(ref: unknown): RefState {
  const found = (ref as Partial<RefObject> | null)?.[state];
  if (!found) throw new BinderError('BAD_VALUE', 'Cannot use it as a Binder object: it is no reference');
  return found;
}

/** The canonical object behind a reference: the same for all references to it, so good as a key of a Map. */
export function asBinder(ref: object): IBinder {
  return refState(ref).target;
}

/** Gives back the count that a reference owns: what the end of `using` does. Again: nothing. */
export function release(ref: object): void {
  (ref as Disposable)[Symbol.dispose]();
}

/** Another reference to the same object, with a count of its own. */
export function dup<T extends object>(ref: T): T {
  const type = (ref as RefObject).constructor as typeof RefObject;
  return new type(new RefState(refState(ref).live())) as unknown as T;
}

/**
 * Aborts once when the object's process is gone, with a DeadObjectError as the reason. Never for an object of this
 * process.
 */
export function deathOf(ref: object): Signal {
  const target = refState(ref).live();
  return target instanceof RemoteBinder ? target.death : abortController().signal;
}

/**
 * Calls `told` once when the object's process is gone, unless the link is disposed of before, or the last reference
 * released. A context manager is watched from its first answer on.
 */
export function linkToDeath(ref: object, told: () => void): Disposable {
  const target = refState(ref).live();
  return target instanceof RemoteBinder ? target.linkToDeath(told) : { [Symbol.dispose]() {} };
}

/** Calls `told` with whether the object's process is frozen: at once, and whenever that changes. */
export function linkToFrozenState(ref: object, told: (isFrozen: boolean) => void): Disposable {
  const target = refState(ref).live();
  return target instanceof RemoteBinder ? target.linkToFrozen(told) : { [Symbol.dispose]() {} };
}
