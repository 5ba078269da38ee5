import { BR_TRANSACTION_COMPLETE } from '../abi/binder.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { Thread } from './thread.ts';
import { type AfterItem, CONTINUE, WorkItem } from './work.ts';

/** Tells a sender that its call or reply was queued. */
export class TransactionComplete extends WorkItem {
  override prepare(_thread: Thread, out: ReadBuffer): AfterItem {
    out.command(BR_TRANSACTION_COMPLETE);
    return CONTINUE;
  }
  override commit(): void {}
}
