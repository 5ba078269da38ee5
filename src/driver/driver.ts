import { ECONNREFUSED } from '../abi/errno.ts';
import { BYTE } from '../page/layout.ts';
import { Shrinker } from '../page/shrinker.ts';
import { VVec } from '../page/vvec.ts';
import type { Context } from './context.ts';
import { DeadNodes } from './dead-nodes.ts';
import { DEFAULT_LIMITS, type Limits, MAX_MAPPING_SIZE } from './limits.ts';
import type { Area, Client, Host, TransactionReport } from './ports.ts';
import { Process } from './process.ts';
import { resume } from './read.ts';
import { ReadBuffer } from './read-buffer.ts';
import { Releases } from './releases.ts';
import { Stats } from './stats.ts';
import { LOOPER_POLL, type Thread } from './thread.ts';
import { TransactionLog } from './transaction-log.ts';
import { WriteChunk } from './write-chunk.ts';

/**
 * The Binder driver: the processes that opened a device, and what they share.
 *
 * Everything is synchronous and runs on one thread. An ioctl changes queues and marks sleeping threads as runnable;
 * when its writes are done, the wake list runs, each runnable thread reads, and its own ioctl is answered.
 */
export class Driver {
  readonly host: Host;
  readonly limits: Limits;
  readonly stats = new Stats();
  /** All opens of all devices, in order of opening. */
  readonly processes = new Set<Process>();
  readonly deadNodes = new DeadNodes();
  /** The latest attempts to send, and those of them that failed. */
  readonly transactionLog = new TransactionLog();
  readonly failedTransactionLog = new TransactionLog();
  /** Is told of transactions that fail, are put off or too many; `null` while nobody listens. */
  onReport: ((report: TransactionReport) => void) | null = null;
  /** The thread whose ioctl is being carried out. */
  current: Thread | null = null;

  readonly writeChunk: WriteChunk;
  /** Where what a thread reads is collected. */
  readonly readBuffer: ReadBuffer;
  /** What is still to be done about processes that are gone. */
  readonly releases: Releases = new Releases(this);
  /** The pages of all mappings. */
  readonly shrinker = new Shrinker();
  #translation: VVec<number> | null = null;

  #lastId = 0;
  readonly #runnable: Thread[] = [];
  #isRunning = false;

  /** @param limits - those that differ from {@link DEFAULT_LIMITS} */
  constructor(host: Host, limits: Partial<Limits> = {}) {
    this.host = host;
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.writeChunk = new WriteChunk(host.memory);
    this.readBuffer = new ReadBuffer(host.memory, this.stats);
  }

  /** A new process for one open of the device `context`. The caller releases it when the last descriptor is closed. */
  open(context: Context, client: Client): Process {
    const process = new Process(this, context, client);
    this.processes.add(process);
    return process;
  }

  /**
   * The private memory in which a transaction with objects is checked and rewritten, before a receiver can see it; `null`
   * when the host has none to give now.
   */
  translation(): Area | null {
    try {
      this.#translation ??= VVec.withCapacity(this.host.memory, BYTE, MAX_MAPPING_SIZE);
    } catch {
      return null;
    }
    return this.#translation.area;
  }

  /** Every open by a process, the latest first. */
  processesOf(pid: number): Process[] {
    return [...this.processes].filter((process) => process.client.pid === pid).reverse();
  }

  /** Numbers transactions, nodes, refs and buffers, in one sequence: they appear in logs and extended errors. */
  nextId(): number {
    this.#lastId = (this.#lastId + 1) >>> 0;
    return this.#lastId;
  }

  /** Something happened that `thread` may be waiting for, asleep in a read or in poll. */
  wake(thread: Thread): void {
    if (thread.process.isDead) return;
    if (thread.looper & LOOPER_POLL) thread.process.client.readable();
    if (thread.isParked && !thread.isRunnable) {
      thread.isRunnable = true;
      this.#runnable.push(thread);
    }
  }

  /**
   * Lets the threads that were woken read, in the order in which they were woken. What they cause is done before this
   * returns; called again from within, it does nothing.
   */
  runWakeList(): void {
    if (this.#isRunning || this.#runnable.length === 0) return;
    this.#isRunning = true;
    let next = 0;
    try {
      while (next < this.#runnable.length) {
        const thread = this.#runnable[next++] as Thread;
        thread.isRunnable = false;
        if (thread.isParked) resume(thread);
      }
    } finally {
      // A host that throws for one thread must not keep the others asleep: they run the next time.
      this.#runnable.splice(0, next);
      this.#isRunning = false;
    }
  }

  /**
   * Carries out a slice of what is to be done about processes that are gone; the host's timers see to it otherwise.
   *
   * @returns whether there is another slice
   */
  continueRelease(): boolean {
    return this.releases.continue();
  }

  /** The driver stops serving: every sleeping thread's ioctl ends with ECONNREFUSED. */
  shutDown(): void {
    for (const process of this.processes) {
      for (const thread of process.threads.values()) {
        process.leave(thread, ECONNREFUSED);
        thread.freezing?.interrupt();
      }
    }
  }
}
