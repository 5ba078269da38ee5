import type { U64 } from '../abi/u64.ts';

/** How many attempts each log remembers, as in the kernel driver. */
export const TRANSACTION_LOG_SIZE = 32;

/** What an attempt was. */
export const CALL = 0;
export const ASYNC = 1;
export const REPLY = 2;

/** One attempt to send a call or a reply. Entries are used again and again: who keeps one copies it. */
export class TransactionLogEntry {
  id = 0;
  /** {@link CALL}, {@link ASYNC} or {@link REPLY}. */
  kind: number = CALL;
  /** The name of the sender's device. */
  context = '';
  fromPid = 0;
  fromTid = 0;
  /** 0 while it is not known who receives it. */
  toPid = 0;
  /** 0 unless a certain thread is to receive it. */
  toTid = 0;
  /** The id of the node that was called, 0 in replies and while it is not known. */
  node = 0;
  handle = 0;
  code = 0;
  flags = 0;
  dataSize: U64 = 0;
  offsetsSize: U64 = 0;
  /** The BR code with which it failed, 0 otherwise. */
  error = 0;
  /** A negative errno, or 0. */
  errno = 0;

  /** Begins the record of another attempt. */
  reset(): void {
    this.toPid = 0;
    this.toTid = 0;
    this.node = 0;
    this.error = 0;
    this.errno = 0;
  }

  copyFrom(other: TransactionLogEntry): void {
    Object.assign(this, other);
  }
}

/** The latest attempts, in a ring that never grows: an attempt that is logged costs no memory. */
export class TransactionLog {
  readonly #entries: TransactionLogEntry[] = Array.from(
    { length: TRANSACTION_LOG_SIZE },
    () => new TransactionLogEntry(),
  );
  #count = 0;

  /** The entry for the next attempt, in place of the oldest one. */
  add(): TransactionLogEntry {
    const entry = this.#entries[this.#count % TRANSACTION_LOG_SIZE] as TransactionLogEntry;
    this.#count++;
    entry.reset();
    return entry;
  }

  /** The oldest first. */
  *[Symbol.iterator](): Generator<TransactionLogEntry> {
    for (let i = Math.max(0, this.#count - TRANSACTION_LOG_SIZE); i < this.#count; i++)
      yield this.#entries[i % TRANSACTION_LOG_SIZE] as TransactionLogEntry;
  }
}
