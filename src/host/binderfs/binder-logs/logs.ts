import { randomBytes } from 'node:crypto';
import type { Driver } from '../../../driver/driver.ts';
import { createArea, type MappedArea } from '../../linux/area.ts';
import { Pointers } from './pointers.ts';
import { dumpProcess, dumpState, dumpTransactions } from './state.ts';
import { dumpStats } from './stats.ts';
import { dumpTransactionLog } from './transaction-log.ts';

/** The files of `binder_logs/`, besides the directory `proc`. */
export const LOG_NAMES = [
  'state',
  'state_hashed',
  'stats',
  'transactions',
  'transactions_hashed',
  'transaction_log',
  'failed_transaction_log',
] as const;

/** One of {@link LOG_NAMES}, or the process whose file in `proc/` is meant. */
export type Log = (typeof LOG_NAMES)[number] | number;

/** The text of the logs, as byte strings: devices have names of bytes. */
export class Logs {
  readonly #driver: Driver;
  readonly #plain: Pointers;
  readonly #hashed: Pointers;

  constructor(driver: Driver) {
    this.#driver = driver;
    const random = randomBytes(16);
    const key = [random.readBigUInt64LE(0), random.readBigUInt64LE(8)] as const;
    this.#plain = new Pointers(key, false);
    this.#hashed = new Pointers(key, true);
  }

  /** Process ids that have a file in `proc/`, in the order in which they opened a device. */
  get pids(): number[] {
    return [...new Set([...this.#driver.processes].map(({ client }) => client.pid))];
  }

  text(log: Log): string {
    const driver = this.#driver;
    switch (log) {
      case 'state':
        return dumpState(driver, this.#plain);
      case 'state_hashed':
        return dumpState(driver, this.#hashed);
      case 'stats':
        return dumpStats(driver);
      case 'transactions':
        return dumpTransactions(driver, this.#plain);
      case 'transactions_hashed':
        return dumpTransactions(driver, this.#hashed);
      case 'transaction_log':
        return dumpTransactionLog(driver.transactionLog);
      case 'failed_transaction_log':
        return dumpTransactionLog(driver.failedTransactionLog);
      default:
        return dumpProcess(driver, log, this.#plain);
    }
  }
}

/**
 * An open log. As the kernel's files do, it holds what was so when it was read from its start, however small the pieces
 * are in which the rest is read.
 */
export class OpenLog {
  readonly #logs: Logs;
  readonly #log: Log;
  #snapshot: MappedArea | null = null;
  #length = 0;

  constructor(logs: Logs, log: Log) {
    this.#logs = logs;
    this.#log = log;
  }

  /** @returns where the bytes are; fewer than `size` end the file. */
  read(
    offset: number,
    size: number,
  ): { readonly area: MappedArea; readonly at: number; readonly length: number } {
    if (offset === 0 || !this.#snapshot) this.#take();
    const at = Math.min(offset, this.#length);
    return { area: this.#snapshot as MappedArea, at, length: Math.min(size, this.#length - at) };
  }

  close(): void {
    this.#snapshot?.release();
  }

  #take(): void {
    this.#snapshot?.release();
    const text = Buffer.from(this.#logs.text(this.#log), 'latin1');
    this.#snapshot = createArea(Math.max(1, text.length));
    this.#snapshot.bytes.set(text);
    this.#length = text.length;
  }
}
