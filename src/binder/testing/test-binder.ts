import { BINDER_FREEZE } from '../../abi/binder.ts';
import { freezeInfo } from '../../abi/structs.ts';
import type { Client, SecurityPolicy } from '../../driver/ports.ts';
import type { LocalCarrier } from '../connections/local-carrier.ts';
import { LocalDriver, type LocalOptions } from '../connections/local-driver.ts';
import { BinderError } from '../parcel/errors.ts';
import type { Connection } from '../runtime/connection.ts';
import type { Awaitable } from '../runtime/globals.ts';

declare function setTimeout(callback: () => void, milliseconds: number): unknown;

/** What can be denied, as a kernel's security module denies it. */
export type Act = 'become-manager' | 'call' | 'transfer-binder' | 'transfer-file';

/** Whether the act is denied. `to` is who would be called or receive; with `become-manager` the same as `from`. */
export type DenyRule = (from: Connection, to: Connection) => boolean;

/** How a {@link TestBinder} differs from the usual. */
export interface TestBinderOptions {
  /** The security label that every process has; `null` as on a kernel without a security module. */
  readonly label?: string | null;
}

/** Milliseconds for what is under way to end when a test is over. */
const TO_END = 1000;

/**
 * A Binder driver for one test, with processes that can be anybody, and be killed, frozen or denied things. Each of them is
 * a real open of the real driver: what a test sees is what it would see on a device.
 */
export class TestBinder {
  readonly driver: LocalDriver;
  /** What handlers threw that was no BinderError. {@link withBinder} fails if there is any. */
  readonly errors: unknown[] = [];
  readonly #connections = new Map<number, Connection>();
  readonly #rules: { readonly act: Act; readonly rule: DenyRule }[] = [];

  constructor(options: TestBinderOptions = {}) {
    const asked =
      (act: Act) =>
      (from: Client, to: Client = from): boolean =>
        this.#isAllowed(act, from, to);
    const policy: SecurityPolicy = {
      mayManage: asked('become-manager'),
      mayCall: asked('call'),
      mayTransferBinder: asked('transfer-binder'),
      mayTransferFile: asked('transfer-file'),
    };
    this.driver = new LocalDriver({
      ...options,
      policy,
    });
  }

  /** A process. @param options - who it is: `uid`, `pid`, `device`; by default root, with the next process id */
  connect(options: LocalOptions = {}): Connection {
    const connection = this.driver.connect({
      onError: (error) => void this.errors.push(error),
      ...options,
    });
    const { pid } = connection.carrier.identity;
    this.#connections.set(pid, connection);
    return connection;
  }

  /** The process dies: its objects with it, and calls to them fail with DEAD_OBJECT. */
  kill(connection: Connection): void {
    connection.close();
  }

  /**
   * Freezes a process, as Android does with those in the background: synchronous calls to it fail with FROZEN, oneway ones
   * wait.
   *
   * @throws BinderError INVALID_OPERATION when it has calls under way and they do not end within `timeout` milliseconds.
   */
  async freeze(connection: Connection, timeout = 0): Promise<void> {
    const errno = await this.#setFrozen(connection, true, timeout);
    if (errno !== 0) {
      const why = `Cannot freeze process ${pidOf(connection)}: errno ${errno}`;
      throw new BinderError('INVALID_OPERATION', why);
    }
    carrierOf(connection).suspend();
  }

  /** Thaws a process that was frozen. */
  async thaw(connection: Connection): Promise<void> {
    carrierOf(connection).resume();
    await this.#setFrozen(connection, false, 0);
  }

  /** Denies what `rule` says, until it is disposed of: the act fails as one that a security module denies. */
  deny(act: Act, rule: DenyRule = () => true): Disposable {
    const denial = { act, rule };
    this.#rules.push(denial);
    return {
      [Symbol.dispose]: () => {
        const at = this.#rules.indexOf(denial);
        if (at >= 0) this.#rules.splice(at, 1);
      },
    };
  }

  /**
   * Ends everything, and looks whether anything is left.
   *
   * @throws Error when the driver still has something of a process that is gone.
   */
  async close(): Promise<void> {
    this.driver.close();
    // Processes that held much end in slices.
    for (let waited = 0; ; waited += 5) {
      const left = Object.entries(this.driver.alive).filter(([, count]) => count > 0);
      if (left.length === 0) return;
      if (waited >= TO_END) {
        throw new Error(`Left behind: ${left.map(([what, n]) => `${n} ${what}`).join(', ')}`);
      }
      await new Promise<void>((resolve) => void setTimeout(resolve, 5));
    }
  }

  #setFrozen(connection: Connection, enable: boolean, timeout: number): number | Promise<number> {
    const argument = freezeInfo.bytes({
      pid: pidOf(connection),
      enable: enable ? 1 : 0,
      timeoutMs: timeout,
    });
    return connection.carrier.ioctl(BINDER_FREEZE, argument);
  }

  #isAllowed(act: Act, from: Client, to: Client): boolean {
    if (this.#rules.length === 0) return true;
    const [sender, receiver] = [this.#connections.get(from.pid), this.#connections.get(to.pid)];
    // A process of another realm (driver.serve) is nobody that a rule could name.
    if (!sender || !receiver) return true;
    return !this.#rules.some((denial) => denial.act === act && denial.rule(sender, receiver));
  }
}

function carrierOf(connection: Connection): LocalCarrier {
  return connection.carrier as LocalCarrier;
}

function pidOf(connection: Connection): number {
  return connection.carrier.identity.pid;
}

/**
 * Runs a test with a Binder driver of its own, and ends everything afterwards.
 *
 * @returns what `body` returned
 * @throws what `body` threw; otherwise, what handlers threw that their callers were not meant to hear of (as AggregateError
 * if there are several), or that something was left behind.
 * @example
 * test('the owner may speak', () =>
 *   withBinder(async (binder) => {
 *     const [server, owner, stranger] = [1000, 1000, 2000].map((uid) => binder.connect({ uid }));
 *     await server.becomeContextManager(makeChat());
 *     await IChat.fromBinder(owner.contextManager()).say('hello');
 *     binder.kill(server);
 *   }));
 */
export async function withBinder<T>(
  body: (binder: TestBinder) => Awaitable<T>,
  options: TestBinderOptions = {},
): Promise<T> {
  const binder = new TestBinder(options);
  let result: T;
  try {
    result = await body(binder);
  } catch (error) {
    await binder.close().catch(() => {}); // what went wrong first is what matters
    throw error;
  }
  await binder.close();
  if (binder.errors.length === 1) throw binder.errors[0];
  if (binder.errors.length > 1) throw new AggregateError(binder.errors, 'Handlers failed');
  return result;
}
