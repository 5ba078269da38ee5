import { iocNumber } from '../abi/ioctl-code.ts';
import { type U64, writeU64 } from '../abi/u64.ts';
import type { Area } from '../page/area.ts';
import { Page } from '../page/page.ts';
import type { PageMemory } from '../page/page-memory.ts';
import type { CommandCounts, Stats } from './stats.ts';
import type { Thread } from './thread.ts';
import type { WorkItem, WorkList } from './work.ts';

/**
 * The one writer of what clients read: commands are collected here and copied to the reader at once.
 *
 * It remembers which item wrote up to where, because only after the copy is it known which items arrived.
 */
export class ReadBuffer {
  /** A page: room for a chunk and for the item that crosses its end. */
  readonly area: Area;
  /** Bytes collected so far. */
  length = 0;
  /** The reader's own counters. */
  counts: CommandCounts;
  readonly #stats: Stats;
  readonly #items: WorkItem[] = [];
  readonly #lists: WorkList[] = [];
  readonly #ends: number[] = [];
  #count = 0;
  /** Where the first item begins: behind a placeholder, if there is one. */
  #firstItem = 0;

  constructor(memory: PageMemory, stats: Stats) {
    this.area = Page.allocate(memory).contents;
    this.#stats = stats;
    this.counts = stats;
  }

  /** Nothing was collected, not even an item that has nothing to say. */
  get isEmpty(): boolean {
    return this.length === 0 && this.#count === 0;
  }

  clear(): void {
    this.length = 0;
    this.#count = 0;
    this.#firstItem = 0;
  }

  /** A command without payload. */
  command(code: number): void {
    this.count(code);
    this.area.view.setUint32(this.length, code, true);
    this.length += 4;
  }

  /** A command that no statistics count: the BR_NOOP at the start of a fresh buffer. */
  placeholder(code: number): void {
    this.area.view.setUint32(this.length, code, true);
    this.length += 4;
    this.#firstItem = this.length;
  }

  /** A command about a node of the reader. */
  nodeCommand(code: number, ptr: U64, cookie: U64): void {
    this.count(code);
    const { view } = this.area;
    view.setUint32(this.length, code, true);
    writeU64(view, this.length + 4, ptr);
    writeU64(view, this.length + 12, cookie);
    this.length += 20;
  }

  /** A command about a registration of the reader. */
  cookieCommand(code: number, cookie: U64): void {
    this.count(code);
    const { view } = this.area;
    view.setUint32(this.length, code, true);
    writeU64(view, this.length + 4, cookie);
    this.length += 12;
  }

  /** Begins a command whose `size` bytes of payload the caller fills in. @returns where the payload starts. */
  payload(code: number, size: number): number {
    this.count(code);
    const at = this.length + 4;
    this.area.view.setUint32(this.length, code, true);
    this.length = at + size;
    return at;
  }

  /** Notes that `item`, taken from `list`, wrote everything up to here, which may be nothing. */
  didPrepare(item: WorkItem, list: WorkList): void {
    this.#items[this.#count] = item;
    this.#lists[this.#count] = list;
    this.#ends[this.#count] = this.length;
    this.#count++;
  }

  /**
   * Ends the delivery of the collected items, of which the reader got the first `copied` bytes. Where that is not all,
   * the item in which the copy stopped is lost and the later ones go back to the head of their lists.
   */
  settle(thread: Thread, copied: number): void {
    const count = this.#count;
    let at = 0;
    while (at < count && (this.#ends[at] as number) <= copied) {
      (this.#items[at] as WorkItem).commit(thread);
      at++;
    }
    if (copied < this.length) {
      for (let i = count - 1; i > at; i--) (this.#lists[i] as WorkList).unshift(this.#items[i] as WorkItem);
      if (at < count) {
        const item = this.#items[at] as WorkItem;
        // When even the placeholder faulted, no item was reached.
        if (copied >= this.#firstItem) item.lost(thread);
        else (this.#lists[at] as WorkList).unshift(item);
      }
    }
    for (let i = 0; i < count; i++) {
      // Keep no item alive until the next read.
      (this.#items as (WorkItem | null)[])[i] = null;
      (this.#lists as (WorkList | null)[])[i] = null;
    }
    this.clear();
  }

  /** Counts a command that is written in place of another. */
  count(code: number): void {
    const number = iocNumber(code);
    const all = this.#stats.br;
    const own = this.counts.br;
    all[number] = (all[number] as number) + 1;
    own[number] = (own[number] as number) + 1;
  }
}
