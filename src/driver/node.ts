import {
  BR_ACQUIRE,
  BR_DECREFS,
  BR_INCREFS,
  BR_RELEASE,
  FLAT_BINDER_FLAG_ACCEPTS_FDS,
  FLAT_BINDER_FLAG_INHERIT_RT,
  FLAT_BINDER_FLAG_PRIORITY_MASK,
  FLAT_BINDER_FLAG_SCHED_POLICY_MASK,
  FLAT_BINDER_FLAG_SCHED_POLICY_SHIFT,
  FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
} from '../abi/binder.ts';
import type { U64 } from '../abi/u64.ts';
import type { Driver } from './driver.ts';
import { NodeRefs } from './node-refs.ts';
import { isRealtime, nicePriority, type Priority, realtimePriority } from './priority.ts';
import type { Process } from './process.ts';
import type { ReadBuffer } from './read-buffer.ts';
import type { Ref } from './ref.ts';
import type { Thread } from './thread.ts';
import { type AfterItem, CONTINUE, dequeue, WorkItem, WorkList } from './work.ts';

/**
 * What the owner of a node was told about one kind of count (strong or weak), and whether it has acknowledged.
 *
 * The owner hears of the first count (BR_ACQUIRE, BR_INCREFS) and of the last one going (BR_RELEASE, BR_DECREFS).
 * Until it acknowledges the first with the _DONE command, the driver holds one local count on its behalf, so the two
 * messages cannot overtake each other.
 */
class Told {
  /** The owner believes that somebody holds a count. */
  isTold = false;
  /** The owner has not yet sent the _DONE command. */
  isPending = false;

  shouldTell(wanted: boolean): boolean {
    return wanted && !this.isTold;
  }

  shouldWithdraw(wanted: boolean): boolean {
    return !wanted && this.isTold;
  }

  didTell(): void {
    this.isTold = true;
    this.isPending = true;
  }

  didWithdraw(): void {
    this.isTold = false;
  }
}

/**
 * A binder object as the driver sees it: owned by one process, named there by a pointer, referred to by others through
 * {@link Ref}s. As a work item it tells its owner that counts came or went.
 *
 * Counts: `internalStrong` is the number of refs that are strong; `localStrong` and `localWeak` are held by buffers in
 * the owner's mapping, by calls under way, and by announcements that the owner has not acknowledged; `holds` keeps the
 * node alive within one command.
 */
export class Node extends WorkItem {
  readonly id: number;
  /** The owner; `null` once it died. */
  process: Process | null;
  readonly ptr: U64;
  readonly cookie: U64;
  /** Nice value that a thread serving this node should have at least, as an unsigned byte. */
  readonly minPriority: number;
  /** The same where scheduling policies count: see {@link Host.androidScheduling}. */
  readonly androidPriority: Priority;
  /** Real-time callers are served in real time, where policies count. */
  readonly inheritsRealtime: boolean;
  readonly acceptsFds: boolean;
  /** Calls carry the sender's security label. */
  readonly wantsSecurityContext: boolean;

  internalStrong = 0;
  localStrong = 0;
  localWeak = 0;
  holds = 0;
  readonly strong: Told = new Told();
  readonly weak: Told = new Told();

  readonly refs = new NodeRefs();
  /** Neighbours among the {@link DeadNodes}. */
  newerDead: Node | null = null;
  olderDead: Node | null = null;
  /** A oneway call is queued or being served; further ones wait in {@link asyncTodo}. */
  hasAsyncTransaction = false;
  readonly asyncTodo = new WorkList();
  readonly #driver: Driver;

  constructor(id: number, process: Process, ptr: U64, cookie: U64, flags: number) {
    super();
    this.id = id;
    this.process = process;
    this.#driver = process.driver;
    this.#driver.stats.node.create();
    this.ptr = ptr;
    this.cookie = cookie;
    this.minPriority = flags & FLAT_BINDER_FLAG_PRIORITY_MASK;
    this.androidPriority = androidPriority(flags);
    this.inheritsRealtime = (flags & FLAT_BINDER_FLAG_INHERIT_RT) !== 0;
    this.acceptsFds = (flags & FLAT_BINDER_FLAG_ACCEPTS_FDS) !== 0;
    this.wantsSecurityContext = (flags & FLAT_BINDER_FLAG_TXN_SECURITY_CTX) !== 0;
  }

  get wantsStrong(): boolean {
    return this.internalStrong > 0 || this.localStrong > 0;
  }

  get wantsWeak(): boolean {
    return this.refs.size > 0 || this.localWeak > 0 || this.holds > 0 || this.wantsStrong;
  }

  /** Keeps the node alive until {@link letGo}. */
  hold(): void {
    this.holds++;
  }

  /**
   * Ends {@link hold}; the node is freed if that was all that kept it. Where no refs exist the owner looks whether there
   * is news of it, though there may be none: a client notices what that does to the order of its work.
   */
  letGo(): void {
    this.holds--;
    this.#afterDecrement(false);
  }

  /** A ref became strong. `sender` is the thread whose transaction caused it, if one did: it gets the announcement. */
  addStrongRef(sender: Thread | null): boolean {
    if (!sender && this.internalStrong === 0 && !this.#isToldManager) return false;
    this.internalStrong++;
    this.#announceStrong(sender);
    return true;
  }

  /** A ref became weakly held. */
  addWeakRef(sender: Thread | null): void {
    // Deferred: a transaction always follows, so the item alone need not end the sender's wait.
    if (sender && !this.weak.isTold && !this.list) sender.todo.push(this);
  }

  /** A ref ceased to be strong. */
  dropStrongRef(): void {
    this.internalStrong--;
    this.#afterDecrement(true);
  }

  /** A ref to this node was deleted. */
  removeRef(ref: Ref): void {
    this.refs.delete(ref);
    this.#afterDecrement(false);
  }

  /** A buffer or a call begins to hold the node. */
  addLocalStrong(): void {
    this.localStrong++;
  }

  addLocalWeak(): void {
    this.localWeak++;
  }

  dropLocalStrong(): void {
    this.localStrong--;
    this.#afterDecrement(true);
  }

  dropLocalWeak(): void {
    this.localWeak--;
    this.#afterDecrement(false);
  }

  /** The owner acknowledged BR_ACQUIRE (`strong`) or BR_INCREFS; false when there was nothing to acknowledge. */
  acknowledge(strong: boolean): boolean {
    const told = strong ? this.strong : this.weak;
    if (!told.isPending) return false;
    told.isPending = false;
    if (strong) this.dropLocalStrong();
    else this.dropLocalWeak();
    return true;
  }

  /**
   * The owner died, and the oneway calls that waited here are cancelled. A node to which refs exist goes on as a dead
   * node until the last of them is gone; the refs that asked are told, the newest first, one from one pause to the next.
   * Who asks meanwhile is told at once, as of any dead node.
   */
  *ownerDied(): Generator<void> {
    dequeue(this);
    this.localStrong = 0;
    this.localWeak = 0;
    this.process = null;
    this.#driver.deadNodes.add(this);
    if (this.refs.size === 0) return this.#free();
    const wishes = this.refs.newestFirst().map((ref) => ({ ref, death: ref.death }));
    for (const { ref, death } of wishes) {
      if (!death || ref.death !== death) continue;
      ref.nodeDied();
      yield;
    }
  }

  override prepare(_thread: Thread, out: ReadBuffer): AfterItem {
    const strong = this.wantsStrong;
    const weak = this.wantsWeak;
    if (this.weak.shouldTell(weak)) out.nodeCommand(BR_INCREFS, this.ptr, this.cookie);
    if (this.strong.shouldTell(strong)) out.nodeCommand(BR_ACQUIRE, this.ptr, this.cookie);
    if (this.strong.shouldWithdraw(strong)) out.nodeCommand(BR_RELEASE, this.ptr, this.cookie);
    if (this.weak.shouldWithdraw(weak)) out.nodeCommand(BR_DECREFS, this.ptr, this.cookie);
    return CONTINUE;
  }

  override commit(): void {
    const strong = this.wantsStrong;
    const weak = this.wantsWeak;
    if (this.weak.shouldTell(weak)) {
      this.weak.didTell();
      this.localWeak++;
    }
    if (this.strong.shouldTell(strong)) {
      this.strong.didTell();
      this.localStrong++;
    }
    if (this.strong.shouldWithdraw(strong)) this.strong.didWithdraw();
    if (this.weak.shouldWithdraw(weak)) this.weak.didWithdraw();
    if (!weak && !strong) this.#free();
  }

  /** The manager's node is told of nothing: user space knows that it is held. */
  get #isToldManager(): boolean {
    return this.process?.context.manager === this && this.strong.isTold;
  }

  #announceStrong(sender: Thread | null): void {
    if (this.strong.isTold || !sender) return;
    dequeue(this);
    // Deferred, as in addWeakRef.
    sender.todo.push(this);
  }

  /** After a count went down: tells the owner, or frees the node, when it was the last of its kind. */
  #afterDecrement(strong: boolean): void {
    if (strong) {
      if (this.localStrong > 0 || this.internalStrong > 0) return;
    } else if (this.localWeak > 0 || this.holds > 0 || this.refs.size > 0) return;
    const owner = this.process;
    if (owner && (this.strong.isTold || this.weak.isTold)) {
      if (!this.list) {
        owner.todo.push(this);
        owner.wakeForWork();
      }
      return;
    }
    if (this.refs.size > 0 || this.localStrong > 0 || this.localWeak > 0 || this.holds > 0) return;
    dequeue(this);
    this.#free();
  }

  #free(): void {
    if (this.process) this.process.nodes.delete(this);
    else this.#driver.deadNodes.delete(this);
    this.#driver.stats.node.delete();
  }
}

/** The lower byte is a nice value, or a level under a real-time policy. */
function androidPriority(flags: number): Priority {
  const policy = (flags & FLAT_BINDER_FLAG_SCHED_POLICY_MASK) >> FLAT_BINDER_FLAG_SCHED_POLICY_SHIFT;
  const value = flags & FLAT_BINDER_FLAG_PRIORITY_MASK;
  if (isRealtime(policy << 8)) return realtimePriority(policy, Math.min(value, 99));
  return nicePriority(Math.max((value << 24) >> 24, -20), policy);
}
