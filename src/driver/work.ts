import type { ReadBuffer } from './read-buffer.ts';
import type { Thread } from './thread.ts';

/** Whether a read goes on after an item: some items tell user space to act first. */
export const CONTINUE = 0;
export const STOP = 1;
export type AfterItem = typeof CONTINUE | typeof STOP;

/**
 * Something a thread will be told when it reads. An item is on at most one list, and it ends in exactly one way:
 * delivered ({@link prepare}, then {@link commit} or {@link lost}) or cancelled ({@link cancel}).
 *
 * Delivery has two steps because the bytes of several items reach the reader in one copy, and that copy may fault.
 * `prepare` only writes to `out`; what it announces becomes true in `commit`. When the copy stopped short, the items
 * before the fault commit, the one that faulted is `lost` (the kernel driver has dequeued it by then, too), and those
 * after it go back to the list they came from as if nothing had happened.
 */
export abstract class WorkItem {
  list: WorkList | null = null;
  previous: WorkItem | null = null;
  next: WorkItem | null = null;

  /** Writes what `thread` is told to `out`, changing nothing else. An item that has nothing to say writes nothing. */
  abstract prepare(thread: Thread, out: ReadBuffer): AfterItem;
  /** The reader has the bytes. */
  abstract commit(thread: Thread): void;
  /** Copying the bytes to the reader faulted. Most items do not care. */
  lost(thread: Thread): void {
    this.commit(thread);
  }
  /** Nobody will read this: its thread or process is gone. Releases what it holds and tells who must know. */
  cancel(): void {}
  /** Whether this is a transaction that waits to be received. */
  get isTransaction(): boolean {
    return false;
  }
}

/** A FIFO of work items, linked through the items, so that any item leaves its list without a search. */
export class WorkList {
  first: WorkItem | null = null;
  last: WorkItem | null = null;

  get isEmpty(): boolean {
    return this.first === null;
  }

  push(item: WorkItem): void {
    item.list = this;
    item.previous = this.last;
    item.next = null;
    if (this.last) this.last.next = item;
    else this.first = item;
    this.last = item;
  }

  /** Puts `item` at the head: only for items that were taken and could not be delivered. */
  unshift(item: WorkItem): void {
    item.list = this;
    item.next = this.first;
    item.previous = null;
    if (this.first) this.first.previous = item;
    else this.last = item;
    this.first = item;
  }

  shift(): WorkItem | null {
    const item = this.first;
    if (item) dequeue(item);
    return item;
  }

  /** Empties the list by cancelling everything on it, also what is queued meanwhile. */
  cancelAll(): void {
    for (const _ of this.cancelEach()) {
      // Each is cancelled by asking for it.
    }
  }

  /** As {@link cancelAll}, with a pause after each item. */
  *cancelEach(): Generator<void> {
    for (let item = this.shift(); item; item = this.shift()) {
      item.cancel();
      yield;
    }
  }

  *[Symbol.iterator](): Generator<WorkItem> {
    for (let item = this.first; item; item = item.next) yield item;
  }
}

/** Takes `item` off the list it is on, if any. */
export function dequeue(item: WorkItem): void {
  const list = item.list;
  if (!list) return;
  if (item.previous) item.previous.next = item.next;
  else list.first = item.next;
  if (item.next) item.next.previous = item.previous;
  else list.last = item.previous;
  item.list = null;
  item.previous = null;
  item.next = null;
}
