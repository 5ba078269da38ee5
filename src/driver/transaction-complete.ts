import { BR_ONEWAY_SPAM_SUSPECT, BR_TRANSACTION_COMPLETE } from '../abi/binder.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { ObjectCount } from './stats.ts';
import type { Thread } from './thread.ts';
import { type AfterItem, CONTINUE, WorkItem } from './work.ts';

/** Tells a sender that its call or reply was queued, and, of oneway calls, what else there is to know. */
export class TransactionComplete extends WorkItem {
  /** BR_TRANSACTION_COMPLETE, BR_TRANSACTION_PENDING_FROZEN or BR_ONEWAY_SPAM_SUSPECT. */
  readonly command: number;
  readonly #count: ObjectCount;

  /** @param count - of those that exist; in their total it counts already */
  constructor(count: ObjectCount, command: number = BR_TRANSACTION_COMPLETE) {
    super();
    this.command = command;
    this.#count = count;
    count.active++;
  }

  override prepare({ process }: Thread, out: ReadBuffer): AfterItem {
    // Only who asked hears that it sends too much.
    const isUnasked = this.command === BR_ONEWAY_SPAM_SUSPECT && !process.detectsOnewaySpam;
    out.command(isUnasked ? BR_TRANSACTION_COMPLETE : this.command);
    return CONTINUE;
  }
  override commit(): void {
    this.#count.delete();
  }
  override cancel(): void {
    this.#count.delete();
  }
}
