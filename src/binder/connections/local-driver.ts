import { Context } from '../../driver/context.ts';
import { Driver } from '../../driver/driver.ts';
import type { SecurityPolicy } from '../../driver/ports.ts';
import { Connection, type ConnectionOptions } from '../runtime/connection.ts';
import { LocalHost } from './local.ts';
import { LocalCarrier } from './local-carrier.ts';
import { PortHost } from './port-host.ts';
import type { Port } from './port-messages.ts';
import { Turns } from './turns.ts';

/** What a {@link LocalDriver} does as a kernel would. */
export interface LocalDriverOptions {
  /** The security label that all have; `null` for none, as on a kernel without a security module. Default: a label of its own. */
  readonly label?: string | null;
  /** Who may do what; default: everybody everything. */
  readonly policy?: SecurityPolicy | null;
  /** Hears of breaches of the protocol. */
  readonly onUserError?: (message: string) => void;
}

/** Who a process of a {@link LocalDriver} is. */
export interface ProcessOptions {
  /** Its effective user id; default 0. */
  readonly uid?: number;
  /** Its process id; default: the next that is free. */
  readonly pid?: number;
  /** The device that it opens; default `binder`. */
  readonly device?: string;
}

/** Who a process of a {@link LocalDriver} is, and how its connection behaves. */
export interface LocalOptions extends ProcessOptions, ConnectionOptions {}

/**
 * A Binder driver in this process, for Binder processes in this process: no kernel, no file system, any operating system,
 * browsers. Each connection is a process of its own, as far as Binder can tell.
 *
 * @example
 * using driver = new LocalDriver();
 * const server = driver.connect({ uid: 1000 });
 * const client = driver.connect({ uid: 2000 });
 */
export class LocalDriver implements Disposable {
  readonly #driver: Driver;
  readonly #devices = new Map<string, Context>();
  readonly #turns = new Turns();
  readonly #clients = new Set<Connection | PortHost>();
  #lastPid = 0;

  constructor(options: LocalDriverOptions = {}) {
    const host = new LocalHost(options.label);
    if (options.onUserError) host.onUserError = options.onUserError;
    host.policy = options.policy ?? null;
    this.#driver = new Driver(host);
  }

  /** A new Binder process that has the device open. */
  connect(options: LocalOptions = {}): Connection {
    const connection = new Connection(this.#open(options), options);
    this.#clients.add(connection);
    connection.closed.addEventListener('abort', () => this.#clients.delete(connection), { once: true });
    return connection;
  }

  /**
   * Serves a Binder process in another realm (a Worker, an iframe), which takes the other end of the channel with
   * `connectPort`. What it sends is checked; a client that breaks the protocol is cut off, others do not notice.
   *
   * @returns what ends that process, as far as Binder goes
   */
  serve(port: Port, options: ProcessOptions = {}): Disposable {
    const host = new PortHost(this.#open(options), port, () => this.#clients.delete(host));
    this.#clients.add(host);
    return host;
  }

  #open({ device = 'binder', uid = 0, pid = this.#lastPid + 1 }: ProcessOptions): LocalCarrier {
    this.#lastPid = Math.max(this.#lastPid, pid);
    let context = this.#devices.get(device);
    if (!context) {
      context = new Context(device);
      this.#devices.set(device, context);
    }
    return new LocalCarrier(this.#driver, context, { pid, uid }, this.#turns);
  }

  /** What the driver counts, for tests that look for leaks: of each kind, how many there are. */
  get alive(): Readonly<Record<'processes' | 'threads' | 'nodes' | 'refs' | 'buffers' | 'deaths', number>> {
    const { process, thread, node, ref, buffer, death } = this.#driver.stats;
    return {
      processes: process.active,
      threads: thread.active,
      nodes: node.active,
      refs: ref.active,
      buffers: buffer.active,
      deaths: death.active,
    };
  }

  /** Closes all connections. */
  close(): void {
    for (const client of [...this.#clients]) client.close();
  }

  /** Closes it: the same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}
