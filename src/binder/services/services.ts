import { BinderError } from '../parcel/errors.ts';
import {
  asBinder,
  type CallOptions,
  deathOf,
  dup,
  type IBinder,
  type Ref,
  release,
} from '../runtime/binder.ts';
import type { Connection } from '../runtime/connection.ts';
import type { Signal } from '../runtime/globals.ts';
import type { InterfaceType } from '../runtime/interface.ts';
import { IServiceCallback, type IServiceManager, serviceManagerOf } from '../servicemanager/index.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare function setInterval(callback: () => void, milliseconds: number): unknown;
declare function clearInterval(timer: unknown): void;

/** What `dumpsys` shows when (`IServiceManager.DUMP_FLAG_PRIORITY_*`). */
export const DUMP_PRIORITY = { critical: 1, high: 2, normal: 4, default: 8, all: 15 } as const;

/** How long to wait, milliseconds, before the manager is looked for again: at first and at most. */
const FIRST_WAIT = 10;
const LAST_WAIT = 1000;

/**
 * How often the manager is asked again for a service that is waited for, milliseconds, as in libbinder: one that stops for
 * want of clients just as it is asked for is not started the first time.
 */
const ASK_AGAIN = 1000;

/** How a service is added. */
export interface AddOptions extends CallOptions {
  /** Isolated processes may find it. Default: no. */
  readonly allowIsolated?: boolean;
  /** {@link DUMP_PRIORITY}; default `default`. */
  readonly dumpPriority?: number;
}

/**
 * The services that the context manager of a device knows by name: a client of `android.os.IServiceManager`.
 *
 * @example
 * await binder.services.add('chat', chat);
 * using chat = await binder.services.get(IChat, 'chat', { signal: AbortSignal.timeout(5000) });
 */
export class Services {
  readonly #connection: Connection;
  readonly #type: InterfaceType<IServiceManager>;
  #found: Ref<IServiceManager> | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#type = serviceManagerOf(connection.variant.android);
  }

  /**
   * Makes an object known under a name; one that was known before under it is forgotten. Waits for the manager, as long as
   * there is none.
   *
   * @throws BinderError SECURITY, ILLEGAL_ARGUMENT and ILLEGAL_STATE as the manager says.
   */
  async add(name: string, object: object, options: AddOptions = {}): Promise<void> {
    const { allowIsolated = false, dumpPriority = DUMP_PRIORITY.default } = options;
    await this.#withManager(
      (manager) => manager.addService(name, object as Ref<IBinder>, allowIsolated, dumpPriority, options),
      options.signal,
    );
  }

  /** The service of this name if there is one now, else `null`. The reference is yours to release. */
  async check<I>(type: InterfaceType<I>, name: string, options?: CallOptions): Promise<Ref<I> | null> {
    const binder = await this.#manager().checkService(name, options);
    return binder && type.fromBinder(binder);
  }

  /** The service of this name: waits until there is one, and for the manager too. The reference is yours to release. */
  async get<I>(type: InterfaceType<I>, name: string, options: CallOptions = {}): Promise<Ref<I>> {
    return type.fromBinder(await this.#wait(name, options));
  }

  /** The names of all services, in alphabetical order. @param options - only those with one of these dump priorities */
  list(options: CallOptions & { readonly dumpPriority?: number } = {}): Promise<string[]> {
    return this.#manager().listServices(options.dumpPriority ?? DUMP_PRIORITY.all, options);
  }

  /** Whether the device's configuration says that there will be a service of this name. */
  isDeclared(name: string, options?: CallOptions): Promise<boolean> {
    return this.#manager().isDeclared(name, options);
  }

  /**
   * The service of this name, and again after each of its deaths, for ever: for clients that outlive services. Each
   * reference is yours to release, which `for await (using …)` does.
   *
   * @example
   * for await (using chat of binder.services.watch(IChat, 'chat')) {
   *   await chat.say('hello').catch((error) => { if (error.code !== 'DEAD_OBJECT') throw error; });
   * }
   */
  async *watch<I>(type: InterfaceType<I>, name: string, options: CallOptions = {}): AsyncGenerator<Ref<I>> {
    for (;;) {
      const binder = await this.#wait(name, options);
      // Of its own: with the last reference goes the news of the death.
      const held = dup(binder);
      try {
        yield type.fromBinder(binder);
        await aborted(deathOf(held), options.signal);
      } finally {
        release(held);
      }
    }
  }

  #manager(): Ref<IServiceManager> {
    const found = this.#found;
    if (found && !(asBinder(found) as { isDead?: boolean }).isDead) return found;
    if (found) release(found);
    this.#found = this.#type.fromBinder(this.#connection.contextManager());
    // So that the next one is noticed: it is another object.
    void deathOf(this.#found);
    return this.#found;
  }

  #wait(name: string, options: CallOptions): Promise<Ref<IBinder>> {
    return this.#withManager(async (manager) => {
      // Which starts it, if it is declared and not there.
      const found = await manager.getService(name, options);
      return found ?? (await this.#waitForRegistration(name, options));
    }, options.signal);
  }

  /** Calls the manager: again when it is gone, or not there yet. */
  async #withManager<T>(
    call: (manager: Ref<IServiceManager>) => Promise<T>,
    signal: Signal | undefined,
  ): Promise<T> {
    for (let pause = FIRST_WAIT; ; pause = Math.min(pause * 2, LAST_WAIT)) {
      try {
        return await call(this.#manager());
      } catch (error) {
        if (!(error instanceof BinderError) || error.code !== 'DEAD_OBJECT') throw error;
        await sleep(pause, signal);
      }
    }
  }

  async #waitForRegistration(name: string, options: CallOptions): Promise<Ref<IBinder>> {
    const manager = this.#manager();
    const { signal } = options;
    let arrive: (binder: Ref<IBinder>) => void = () => {};
    const arrived = new Promise<Ref<IBinder>>((resolve) => {
      arrive = resolve;
    });
    let isWanted = true;
    const take = (binder: Ref<IBinder>): void => {
      if (!isWanted) return release(binder);
      isWanted = false;
      arrive(binder);
    };
    using callback = IServiceCallback.implement({ onRegistration: (_name, binder) => take(binder) });
    // It tells of a service that is there already, too.
    await manager.registerForNotifications(name, callback, options);
    const death = deathOf(manager);
    let stop: () => void = () => {};
    const stopped = new Promise<never>((_resolve, reject) => {
      stop = () => reject(signal?.aborted ? signal.reason : death.reason);
      for (const each of [signal, death]) each?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted || death.aborted) stop();
    });
    const askAgain = async (): Promise<void> => {
      const found = await manager.getService(name, options);
      if (found) take(found);
    };
    // Of its failures `stopped` knows more.
    const timer = setInterval(() => void askAgain().catch(() => {}), ASK_AGAIN);
    try {
      return await Promise.race([arrived, stopped]);
    } finally {
      isWanted = false;
      clearInterval(timer);
      for (const each of [signal, death]) each?.removeEventListener('abort', stop);
      await manager.unregisterForNotifications(name, callback).catch(() => {});
    }
  }
}

/** Resolves after some time. Rejects when `signal` aborts. */
function sleep(milliseconds: number, signal: Signal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Resolves when `awaited` aborts. Rejects when `signal` does. */
function aborted(awaited: Signal, signal: Signal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason);
    const onAwaited = (): void => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    };
    if (awaited.aborted) return resolve();
    if (signal?.aborted) return reject(signal.reason);
    awaited.addEventListener('abort', onAwaited, { once: true });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
