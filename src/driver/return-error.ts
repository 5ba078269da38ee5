import { BR_OK } from '../abi/binder.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { Thread } from './thread.ts';
import { type AfterItem, CONTINUE, WorkItem } from './work.ts';

/**
 * An error that its thread has not read yet: BR_FAILED_REPLY, BR_DEAD_REPLY, or BR_TRANSACTION_COMPLETE for a reply
 * whose failure is the caller's to hear. Each thread has two: one for its own last command, which blocks further
 * commands until it is read, and one for the end of its outstanding call.
 */
export class ReturnError extends WorkItem {
  /** The BR code, BR_OK while there is no error. */
  command: number = BR_OK;

  get isPending(): boolean {
    return this.command !== BR_OK;
  }

  override prepare(_thread: Thread, out: ReadBuffer): AfterItem {
    out.command(this.command);
    return CONTINUE;
  }
  override commit(): void {
    this.command = BR_OK;
  }
  /** The code stays: as in the kernel driver the thread's writes stay blocked until it leaves by THREAD_EXIT. */
  override lost(): void {}
}
