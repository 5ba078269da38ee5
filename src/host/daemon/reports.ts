import {
  BR_DEAD_REPLY,
  BR_FAILED_REPLY,
  BR_FROZEN_REPLY,
  BR_ONEWAY_SPAM_SUSPECT,
  BR_TRANSACTION_PENDING_FROZEN,
} from '../../abi/binder.ts';
import type { Driver } from '../../driver/driver.ts';
import type { TransactionReport } from '../../driver/ports.ts';
import { textOf } from '../binderfs/byte-string.ts';

/** What a report is about: a transaction that failed, one that a frozen process delays, one of too many. */
export const REPORT_KINDS = ['failed', 'delayed', 'spam'] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

/** Which reports somebody wants; what is absent does not matter. */
export interface ReportFilter {
  /** The device's name. */
  readonly context?: string;
  /** Who sent the transaction. */
  readonly pid?: number;
  readonly kinds?: readonly ReportKind[];
}

const ERRORS = new Map<number, { readonly name: string; readonly kind: ReportKind }>([
  [BR_FAILED_REPLY, { name: 'BR_FAILED_REPLY', kind: 'failed' }],
  [BR_DEAD_REPLY, { name: 'BR_DEAD_REPLY', kind: 'failed' }],
  [BR_FROZEN_REPLY, { name: 'BR_FROZEN_REPLY', kind: 'failed' }],
  [BR_TRANSACTION_PENDING_FROZEN, { name: 'BR_TRANSACTION_PENDING_FROZEN', kind: 'delayed' }],
  [BR_ONEWAY_SPAM_SUSPECT, { name: 'BR_ONEWAY_SPAM_SUSPECT', kind: 'spam' }],
]);

/** Gives the driver's reports to whoever listens. While nobody does, the driver makes none. */
export class Reports {
  readonly #driver: Driver;
  readonly #listeners = new Set<(report: TransactionReport) => void>();

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * @param hear - gets each report that passes the filter, as an object for JSON; must return at once
   * @returns ends it
   */
  listen(filter: ReportFilter, hear: (report: object) => void): () => void {
    const listener = (report: TransactionReport): void => {
      if (passes(filter, report)) hear(format(report));
    };
    this.#listeners.add(listener);
    this.#driver.onReport = (report) => {
      for (const one of this.#listeners) one(report);
    };
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#driver.onReport = null;
    };
  }
}

/** @throws Error that says what is wrong with a filter that somebody sent. */
export function checkFilter(filter: unknown): ReportFilter {
  if (typeof filter !== 'object' || filter === null)
    throw new Error('Cannot read filter: expected {"context":"...","pid":1,"kinds":[...]}');
  const { context, pid, kinds } = filter as Record<string, unknown>;
  if (context !== undefined && typeof context !== 'string')
    throw new Error('Cannot read filter: context is a name');
  if (pid !== undefined && !Number.isInteger(pid)) throw new Error('Cannot read filter: pid is a number');
  const isKind = (kind: unknown): boolean => (REPORT_KINDS as readonly unknown[]).includes(kind);
  if (kinds !== undefined && !(Array.isArray(kinds) && kinds.every(isKind)))
    throw new Error(`Cannot read filter: kinds are among ${REPORT_KINDS.join(', ')}`);
  return filter as ReportFilter;
}

function passes({ context, pid, kinds }: ReportFilter, report: TransactionReport): boolean {
  if (context !== undefined && context !== textOf(report.context)) return false;
  if (pid !== undefined && pid !== report.fromPid) return false;
  const kind = ERRORS.get(report.error)?.kind;
  return kinds === undefined || kind === undefined || kinds.includes(kind);
}

/** The attributes of the kernel's netlink report by their names there, absent where they are absent there. */
function format(report: TransactionReport): object {
  const { error, context, fromPid, fromTid, toPid, toTid, isReply, flags, code, dataSize } = report;
  return {
    error,
    'error-name': ERRORS.get(error)?.name,
    context: textOf(context),
    'from-pid': fromPid,
    'from-tid': fromTid,
    ...(toPid === 0 ? {} : { 'to-pid': toPid }),
    ...(toTid === 0 ? {} : { 'to-tid': toTid }),
    ...(isReply ? { 'is-reply': true } : {}),
    flags,
    code,
    'data-size': dataSize,
  };
}
