import { BR_ONEWAY_SPAM_SUSPECT, BR_TRANSACTION_COMPLETE } from '../abi/binder.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { Thread } from './thread.ts';
import { type AfterItem, CONTINUE, WorkItem } from './work.ts';

/** Tells a sender that its call or reply was queued; one who wants to know, that it sends too much. */
export class TransactionComplete extends WorkItem {
  readonly #isSpamSuspect: boolean;

  constructor(isSpamSuspect = false) {
    super();
    this.#isSpamSuspect = isSpamSuspect;
  }

  override prepare(thread: Thread, out: ReadBuffer): AfterItem {
    const tell = this.#isSpamSuspect && thread.process.detectsOnewaySpam;
    out.command(tell ? BR_ONEWAY_SPAM_SUSPECT : BR_TRANSACTION_COMPLETE);
    return CONTINUE;
  }
  override commit(): void {}
}
