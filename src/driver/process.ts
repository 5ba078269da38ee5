import {
  BINDER_TYPE_BINDER,
  BINDER_TYPE_HANDLE,
  BINDER_TYPE_WEAK_BINDER,
  BINDER_WRITE_READ,
} from '../abi/binder.ts';
import { EBADF, EINTR, EINVAL, ENOMEM } from '../abi/errno.ts';
import type { U64 } from '../abi/u64.ts';
import type { PageCounts } from '../page/shrinkable-page-range.ts';
import { Allocation, type Buffer, type HeldObject } from './allocation.ts';
import type { Context } from './context.ts';
import { control } from './control.ts';
import type { Driver } from './driver.ts';
import type { FreezeRequest } from './freeze.ts';
import { Node } from './node.ts';
import { NodeTree } from './node-tree.ts';
import { type Caller, type Client, type Installed, PARKED, type ThreadId } from './ports.ts';
import { read, resumeInstalled } from './read.ts';
import { Ref, RefTable } from './ref.ts';
import { CommandCounts } from './stats.ts';
import { LOOPER_POLL, LOOPER_WAITING, Thread } from './thread.ts';
import { WorkList } from './work.ts';
import { write } from './write.ts';

const NO_PAGES: PageCounts = { active: 0, unused: 0, free: 0, highWatermark: 0 };

/** One open of a device: its threads, its nodes, its refs to other processes' nodes, and its space for data. */
export class Process {
  readonly driver: Driver;
  readonly context: Context;
  readonly client: Client;
  readonly threads = new Map<ThreadId, Thread>();
  readonly nodes = new NodeTree();
  readonly refs = new RefTable();
  /** What any available thread may read. */
  readonly todo = new WorkList();
  /** Deaths that were read and not yet acknowledged, in that order. */
  readonly deliveredDeaths = new WorkList();
  /** Freeze reports that were read and not yet acknowledged, in that order. */
  readonly deliveredFreezes = new WorkList();
  /** Registrations for deaths and for freezing that exist, unread ends of earlier ones included. */
  deathRegistrations = 0;
  freezeRegistrations = 0;
  /** The commands of this process alone. */
  readonly counts = new CommandCounts();
  isDead = false;

  /** BINDER_FREEZE: takes no calls; oneway ones wait. */
  isFrozen = false;
  /** Transactions queued here and not yet dealt with: read (oneway calls, replies) or answered (calls). */
  outstanding = 0;
  /** Those who wait for {@link outstanding} to become 0. */
  readonly freezeRequests = new Set<FreezeRequest>();
  /** A call, or a oneway call, came since it was frozen. */
  hasReceivedSync = false;
  hasReceivedAsync = false;

  /** How many threads the client lets the driver ask for. */
  maxThreads = 0;
  /** 1 while a thread was asked for that has not registered yet. */
  requestedThreads = 0;
  /** Threads that registered because they were asked for; never counted down. */
  startedThreads = 0;
  /** BINDER_ENABLE_ONEWAY_SPAM_DETECTION: this process wants to be told when it is the one who sends too much. */
  detectsOnewaySpam = false;

  /** Threads asleep that may take work of the process; the latest is last and is chosen first. */
  readonly #waiting: Thread[] = [];
  #polling = 0;
  #allocation: Allocation | null = null;

  constructor(driver: Driver, context: Context, client: Client) {
    this.driver = driver;
    this.context = context;
    this.client = client;
    driver.stats.process.create();
  }

  /** Buffers that were not freed yet. */
  get bufferCount(): number {
    return this.#allocation?.count ?? 0;
  }

  get hasWaitingThreads(): boolean {
    return this.#waiting.length > 0;
  }

  get waitingThreads(): number {
    return this.#waiting.length;
  }

  /** Pages of the mapping by their use; none before there is one, and after it was taken away. */
  pages(): PageCounts {
    const isMapped = this.allocation() !== null;
    const counts = this.#allocation?.pageCounts() ?? NO_PAGES;
    return isMapped ? counts : { ...NO_PAGES, highWatermark: counts.highWatermark };
  }

  /** Bytes that oneway calls may still take of the mapping; 0 before there is one. */
  get freeAsyncSpace(): number {
    return this.allocation()?.freeAsyncSpace ?? 0;
  }

  /**
   * The space for received data as it is now. `null` before the client has mapped it and for good after it was
   * unmapped: what is in use then stays accounted, but nothing new can be received.
   */
  allocation(): Allocation | null {
    if (this.isDead) return null;
    const mapping = this.client.mapping();
    if (!mapping) return null;
    this.#allocation ??= new Allocation(mapping, this.driver.shrinker);
    return this.#allocation;
  }

  /** What was received into so far, also when the mapping is gone; `null` when nothing was. */
  get received(): Allocation | null {
    return this.#allocation;
  }

  addressOf(buffer: Buffer): number {
    return (this.#allocation as Allocation).addressOf(buffer);
  }

  patchBuffer(buffer: Buffer, offset: number, value: number): void {
    this.#allocation?.patch(buffer, offset, value);
  }

  findBuffer(address: U64): Buffer | undefined {
    return this.#allocation?.find(address);
  }

  buffers(): Buffer[] {
    return this.#allocation?.buffers() ?? [];
  }

  /**
   * One ioctl. `argument` holds the `_IOC_SIZE` bytes the caller passed, from byte `at`; what is to be copied back is
   * written in place, also where the result is an error.
   *
   * @returns 0, a positive errno, or {@link PARKED} when the caller's thread sleeps until {@link Client.answer}.
   */
  ioctl(caller: Caller, command: number, argument: DataView, at: number): number {
    const thread = this.threads.get(caller.thread) ?? this.#newThread(caller.thread);
    if (!thread) return ENOMEM;
    // A thread makes one ioctl at a time: if one is still open, its caller was killed and its id used again.
    this.leave(thread, EINTR);
    thread.freezing?.interrupt();
    thread.euid = caller.euid;
    thread.nonBlocking = caller.nonBlocking;
    thread.quietReplies = caller.quietReplies === true;
    thread.request = caller.request;
    thread.command = command;
    const { driver } = this;
    driver.current = thread;
    let result: number;
    if (command === BINDER_WRITE_READ) {
      result = this.#writeRead(thread, argument, at);
    } else {
      result = control(this, thread, command, argument, at);
      driver.runWakeList();
    }
    driver.current = null;
    if (result !== PARKED) thread.needReturn = false;
    return result;
  }

  /** A poll by thread `id`. @returns whether it can read without sleeping. */
  poll(id: ThreadId): boolean {
    const thread = this.threads.get(id) ?? this.#newThread(id);
    // The error that its next ioctl ends with is there to be had.
    if (!thread) return true;
    if (!(thread.looper & LOOPER_POLL)) {
      thread.looper |= LOOPER_POLL;
      this.#polling++;
    }
    return thread.hasWork(thread.isAvailable);
  }

  /** A signal came to a thread that sleeps in a read, or is in a long write: its ioctl ends with EINTR, with the counts reached so far. */
  interrupt(id: ThreadId): void {
    const thread = this.threads.get(id);
    if (thread?.isParked || thread?.pause) this.leave(thread, EINTR);
    else thread?.freezing?.interrupt();
    this.driver.runWakeList();
  }

  /**
   * What came of an installation that the host began when the driver asked for it in a read of `thread`. A thread that
   * the driver waits for no more is ignored.
   */
  installed(thread: Thread, outcome: Installed): void {
    if (!thread.installing) return;
    const result = resumeInstalled(thread, outcome);
    if (result !== PARKED) this.finish(thread, result);
    this.driver.runWakeList();
  }

  /** One of the client's descriptors was closed: threads that wait return, to notice if it was the last. */
  flush(): void {
    for (const thread of this.sortedThreads()) {
      thread.needReturn = true;
      if (thread.looper & LOOPER_WAITING) this.driver.wake(thread);
    }
    this.driver.runWakeList();
  }

  /** A thread of the client ended without BINDER_THREAD_EXIT. */
  threadDied(id: ThreadId): void {
    const thread = this.threads.get(id);
    if (!thread) return;
    this.releaseThread(thread);
    this.driver.runWakeList();
  }

  /** The last descriptor is closed: everything this process had part in ends. */
  release(): void {
    const { driver, context } = this;
    driver.processes.delete(this);
    if (context.manager?.process === this) context.manager = null;
    this.isDead = true;
    this.isFrozen = false;
    for (const thread of this.threads.values()) this.#endIoctl(thread);
    // Its memory goes with the client, which is going now; what its buffers hold is given back later.
    this.#allocation?.[Symbol.dispose]();
    driver.releases.begin({ process: this, steps: this.#dismantle() });
  }

  /**
   * Ends everything that is the process's, one small thing from one pause to the next: threads by their ids, with what
   * they have not read; nodes by their pointers; refs by their handles; what any thread may read; and the buffers, whose
   * counts went with the nodes and refs, and whose memory is the client's.
   */
  *#dismantle(): Generator<void> {
    const { stats } = this.driver;
    for (const thread of this.sortedThreads()) {
      if (thread.isDead) continue;
      thread.endCalls();
      yield* thread.todo.cancelEach();
      this.#forget(thread);
      yield;
    }
    for (let node = this.nodes.first; node; node = this.nodes.first) {
      yield* node.asyncTodo.cancelEach();
      // The last of those who referred to it may have gone meanwhile.
      if (!this.nodes.delete(node)) continue;
      yield* node.ownerDied();
      yield;
    }
    for (const ref of this.refs) {
      ref.delete();
      yield;
    }
    for (const list of [this.todo, this.deliveredDeaths, this.deliveredFreezes]) yield* list.cancelEach();
    stats.buffer.delete(this.bufferCount);
    this.#allocation = null;
    stats.process.delete();
  }

  /** The thread with this id, made if it is new: for those that are, their ioctl or poll was taken. */
  thread(id: ThreadId): Thread {
    let thread = this.threads.get(id);
    if (!thread) {
      thread = new Thread(id, this);
      this.threads.set(id, thread);
    }
    return thread;
  }

  /** Threads by their ids, as the kernel's tree has them. */
  sortedThreads(): Thread[] {
    return [...this.threads.values()].sort((a, b) => a.id - b.id);
  }

  /**
   * The node with this pointer, made if there is none; `null` when there may be no more. The caller holds it until it has
   * found a reason to stay.
   */
  createNode(ptr: U64, cookie: U64, flags: number): Node | null {
    let node = this.nodes.get(ptr);
    if (!node) {
      if (this.nodes.size >= this.driver.limits.nodes) return null;
      node = new Node(this.driver.nextId(), this, ptr, cookie, flags);
      this.nodes.add(node);
    }
    node.hold();
    return node;
  }

  /**
   * Adds a count to this process's ref to `node`, which is made if there is none.
   *
   * @param sender - the thread whose transaction carries the node, if one does
   * @returns the ref, or an errno: EINVAL when the count cannot be had, ENOMEM when there may be no more refs
   */
  addRef(node: Node, strong: boolean, sender: Thread | null): Ref | number {
    let ref = node.refs.get(this);
    const isNew = !ref;
    if (!ref) {
      if (this.refs.size >= this.driver.limits.refs) return ENOMEM;
      const handle = this.refs.lowestFree(node === this.context.manager);
      ref = new Ref(this.driver.nextId(), this, node, handle);
      this.refs.add(ref);
      node.refs.add(ref);
    }
    if (ref.increment(strong, sender)) return ref;
    if (isNew) ref.delete();
    return EINVAL;
  }

  /** The most recently parked thread that waits for work of the process; it is then taken for it. */
  selectThread(): Thread | null {
    const thread = this.#waiting.pop() ?? null;
    if (thread) thread.isWaiting = false;
    return thread;
  }

  /** Wakes `thread`, or, where none was selected, the polling threads that could take the work. */
  wakeThread(thread: Thread | null): void {
    if (thread) {
      this.driver.wake(thread);
    } else if (this.#polling > 0) {
      for (const polling of this.threads.values()) {
        if (polling.looper & LOOPER_POLL && polling.isAvailable) this.driver.wake(polling);
      }
    }
  }

  /** There is work on the process's list: a thread should come and take it. */
  wakeForWork(): void {
    this.wakeThread(this.selectThread());
  }

  /** Puts a thread to sleep. */
  park(thread: Thread, forProcess: boolean): void {
    thread.isParked = true;
    thread.looper |= LOOPER_WAITING;
    thread.waitsForProcess = forProcess;
    this.awaitWork(thread);
  }

  /** A sleeping thread was woken for nothing, or has just gone to sleep: it is the first to be chosen now. */
  awaitWork(thread: Thread): void {
    if (!thread.waitsForProcess) return;
    this.stopWaiting(thread);
    thread.isWaiting = true;
    this.#waiting.push(thread);
  }

  stopWaiting(thread: Thread): void {
    if (!thread.isWaiting) return;
    thread.isWaiting = false;
    this.#waiting.splice(this.#waiting.lastIndexOf(thread), 1);
  }

  /** A thread sleeps no more. Its ioctl goes on, or is about to end. */
  unpark(thread: Thread): void {
    this.stopWaiting(thread);
    thread.isParked = false;
    thread.looper &= ~LOOPER_WAITING;
  }

  /** Ends the ioctl of a thread for which {@link PARKED} was returned. */
  finish(thread: Thread, errno: number): void {
    this.unpark(thread);
    thread.needReturn = false;
    // Work that came for the process meanwhile must not wait for this thread to come back.
    if (!this.todo.isEmpty) this.wakeForWork();
    this.client.answer(thread, errno);
  }

  /** Ends the ioctl in which `thread` is in a long write, sleeps in a read or waits for descriptors, if it is in one. */
  leave(thread: Thread, errno: number): void {
    const { installing, pause } = thread;
    if (!thread.isParked && !installing && !pause) return;
    thread.installing = null;
    installing?.cancel();
    if (pause) {
      pause.cancel();
      thread.pause = null;
      thread.writeRead.readConsumed = 0;
    }
    this.finish(thread, errno);
  }

  /** BC_FREE_BUFFER of a received buffer. */
  freeBuffer(thread: Thread, buffer: Buffer): void {
    const node = buffer.targetNode;
    if (buffer.isAsync && node) {
      // One oneway call of a node at a time: the next may come now.
      const next = node.asyncTodo.shift();
      if (next) {
        this.todo.push(next);
        this.wakeForWork();
      } else {
        node.hasAsyncTransaction = false;
      }
    }
    this.releaseBuffer(buffer);
    if (!buffer.fdsToClose) return;
    this.client.files?.close(thread, buffer.fdsToClose);
    // The kernel driver closes them on the way out of the ioctl, and makes sure that it comes there.
    thread.needReturn = true;
  }

  /** Gives back the counts that a buffer holds, then its space. */
  releaseBuffer(buffer: Buffer): void {
    if (buffer.transaction) {
      buffer.transaction.buffer = null;
      buffer.transaction = null;
    }
    buffer.targetNode?.dropLocalStrong();
    if (buffer.objects) for (const held of buffer.objects) this.#releaseObject(held);
    this.#allocation?.release(buffer);
    this.driver.stats.buffer.delete();
  }

  /** A call arrives while it may be frozen, which is remembered. @returns whether it is. */
  noteArrival(isOneway: boolean): boolean {
    if (!this.isFrozen) return false;
    if (isOneway) this.hasReceivedAsync = true;
    else this.hasReceivedSync = true;
    return true;
  }

  transactionSettled(): void {
    this.outstanding--;
    if (this.outstanding === 0 && this.isFrozen)
      for (const request of [...this.freezeRequests]) request.drained();
  }

  /** Whether something is going on that a frozen process could not finish. */
  get hasPendingTransactions(): boolean {
    if (this.outstanding > 0) return true;
    for (const thread of this.threads.values()) if (thread.stack) return true;
    return false;
  }

  /** From now on no call is taken. */
  beginFreeze(): void {
    this.hasReceivedSync = false;
    this.hasReceivedAsync = false;
    this.isFrozen = true;
  }

  /** It did not work out: calls are taken again, and nobody was told. */
  abandonFreeze(): void {
    this.isFrozen = false;
  }

  thaw(): void {
    this.beginFreeze();
    this.isFrozen = false;
    this.tellFrozen(false);
  }

  /**
   * Tells those who asked about this process's nodes. Each is held meanwhile, as in the kernel driver.
   */
  tellFrozen(isFrozen: boolean): void {
    if (this.isDead) return;
    for (const node of [...this.nodes]) {
      node.hold();
      for (const ref of node.refs.newestFirst()) ref.ownerIs(isFrozen);
      node.letGo();
    }
  }

  userError(thread: Thread, message: string): void {
    this.driver.host.userError(`${this.client.pid}:${thread.id} ${message}`);
  }

  #writeRead(thread: Thread, argument: DataView, at: number): number {
    thread.writeRead.load(argument, at);
    const result = this.#writeThenRead(thread);
    if (result !== PARKED) thread.writeRead.store(argument, at);
    return result;
  }

  #writeThenRead(thread: Thread): number {
    const { driver } = this;
    const writeRead = thread.writeRead;
    let result = 0;
    if (writeRead.writeSize !== 0) {
      result = write(thread);
      driver.runWakeList();
      if (result === PARKED) {
        thread.pause = driver.host.startTimer(0, () => this.#writeOn(thread));
        return PARKED;
      }
      if (result !== 0) writeRead.readConsumed = 0;
    }
    if (result === 0 && writeRead.readSize !== 0) {
      result = read(thread);
      if (result === PARKED) return PARKED;
      if (!this.todo.isEmpty) this.wakeForWork();
      driver.runWakeList();
    }
    return result;
  }

  /** The next slice of a long write. */
  #writeOn(thread: Thread): void {
    const { driver } = this;
    thread.pause = null;
    driver.current = thread;
    const result = this.#writeThenRead(thread);
    driver.current = null;
    if (result !== PARKED) this.finish(thread, result);
    driver.runWakeList();
  }

  #newThread(id: ThreadId): Thread | null {
    return this.threads.size < this.driver.limits.threads ? this.thread(id) : null;
  }

  /** BINDER_THREAD_EXIT, or the end of a thread without it. */
  releaseThread(thread: Thread): void {
    this.#endIoctl(thread);
    thread.endCalls();
    thread.todo.cancelAll();
    this.#forget(thread);
  }

  #endIoctl(thread: Thread): void {
    this.leave(thread, EBADF);
    thread.freezing?.interrupt();
  }

  #forget(thread: Thread): void {
    if (thread.looper & LOOPER_POLL) this.#polling--;
    this.threads.delete(thread.id);
    this.driver.stats.thread.delete();
  }

  #releaseObject({ type, target }: HeldObject): void {
    const strong = type === BINDER_TYPE_BINDER || type === BINDER_TYPE_HANDLE;
    if (type === BINDER_TYPE_BINDER || type === BINDER_TYPE_WEAK_BINDER) {
      const node = this.nodes.get(target);
      if (!node) return;
      node.hold();
      if (strong) node.dropLocalStrong();
      else node.dropLocalWeak();
      node.letGo();
    } else {
      this.refs.get(target as number)?.decrement(strong);
    }
  }
}
