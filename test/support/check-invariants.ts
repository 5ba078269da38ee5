import assert from 'node:assert/strict';
import {
  BINDER_TYPE_BINDER,
  BINDER_TYPE_HANDLE,
  BINDER_TYPE_WEAK_BINDER,
  BINDER_TYPE_WEAK_HANDLE,
} from '../../src/abi/binder.ts';
import type { HeldObject } from '../../src/driver/allocation.ts';
import { DeathRegistration } from '../../src/driver/death.ts';
import type { Driver } from '../../src/driver/driver.ts';
import { FreezeRegistration } from '../../src/driver/freeze.ts';
import { Node } from '../../src/driver/node.ts';
import type { Process } from '../../src/driver/process.ts';
import type { Ref } from '../../src/driver/ref.ts';
import { LOOPER_WAITING, type Thread } from '../../src/driver/thread.ts';
import { Transaction } from '../../src/driver/transaction.ts';
import { TransactionComplete } from '../../src/driver/transaction-complete.ts';
import type { WorkItem, WorkList } from '../../src/driver/work.ts';
import { DEFAULT_PAGE_SIZE as PAGE_SIZE } from '../../src/page/page-memory.ts';
import { SLOT } from '../../src/page/shrinkable-page-range.ts';

/**
 * Checks, between two ioctls, everything that must then be true of a driver's objects, whatever its clients did:
 * each work item is on one list, links agree in both directions, each count is what the things that imply it add up
 * to, nobody sleeps who has something to read, and nothing exists that nothing refers to.
 *
 * @throws AssertionError that names the object and the rule.
 */
export function checkInvariants(driver: Driver): void {
  const found = new Found();
  const gone = driver.releases.processes;
  for (const process of gone) assert.ok(process.isDead && !driver.processes.has(process), 'a gone process');
  const processes = [...driver.processes, ...gone];
  for (const process of processes) checkProcess(process, found);
  for (const node of found.nodes) checkNode(node);
  for (const transaction of found.transactions) {
    checkTransaction(transaction, found);
    const { toProcess } = transaction;
    if (!transaction.isOutstanding || !toProcess) continue;
    found.outstanding.set(toProcess, (found.outstanding.get(toProcess) ?? 0) + 1);
  }
  for (const process of processes) {
    const name = `process ${process.client.pid}`;
    assert.equal(
      process.outstanding,
      found.outstanding.get(process) ?? 0,
      `${name} outstanding transactions`,
    );
  }
  const { stats, shrinker } = driver;
  assert.equal(shrinker.usedBytes, found.usedBytes, 'bytes of pages in use');
  assert.equal(shrinker.availableBytes, found.availableBytes, 'bytes of unused pages');
  assert.equal(shrinker.availablePages() * PAGE_SIZE, found.availableBytes, 'pages on the LRU lists');
  assert.equal(stats.process.active, processes.length, 'process count');
  assert.equal(stats.thread.active, found.threads, 'thread count');
  assert.equal(stats.node.active, found.nodes.size, 'node count');
  assert.equal(stats.ref.active, found.refs, 'ref count');
  assert.equal(stats.death.active, found.deaths.size, 'death count');
  assert.equal(stats.freeze.active, found.freezes.size, 'freeze registration count');
  assert.equal(stats.transaction.active, found.transactions.size, 'transaction count');
  assert.equal(stats.buffer.active, found.buffers, 'buffer count');
}

/**
 * The part of {@link checkInvariants} that concerns one process, for where a look at everything takes too long: its
 * threads, its lists, its refs, its buffers, and its nodes unless they are everybody's.
 */
export function checkAround(process: Process): void {
  const found = new Found();
  checkProcess(process, found);
  for (const node of found.nodes) {
    const { size } = node.process?.nodes ?? node.refs;
    if (node.refs.size <= FEW && size <= FEW) checkNode(node);
  }
  for (const transaction of found.transactions) checkTransaction(transaction, found);
}

const FEW = 32;

/** Compares two objects by identity; unlike assert.equal it does not print what hangs on them. */
function same(actual: unknown, expected: unknown, message: string): void {
  assert.ok(actual === expected, message);
}

/** What was met on the way: the driver's own counts must agree with it. */
class Found {
  readonly items = new Set<WorkItem>();
  readonly nodes = new Set<Node>();
  readonly transactions = new Set<Transaction>();
  /** Those whose files are being installed in their reader. */
  readonly installing = new Set<Transaction>();
  readonly deaths = new Set<DeathRegistration>();
  readonly freezes = new Set<FreezeRegistration>();
  /** Transactions queued for each process and not yet dealt with. */
  readonly outstanding = new Map<Process, number>();
  usedBytes = 0;
  availableBytes = 0;
  threads = 0;
  refs = 0;
  buffers = 0;

  /** A transaction, and those that its failure would climb to. */
  transaction(transaction: Transaction | null): void {
    for (let at = transaction; at && !this.transactions.has(at); at = at.fromParent) {
      this.transactions.add(at);
    }
  }
}

function checkProcess(process: Process, found: Found): void {
  const name = `process ${process.client.pid}`;
  if (process.isDead) assert.ok(!process.hasWaitingThreads, `${name} is gone, so nobody sleeps in it`);
  let waiting = 0;
  for (const [id, thread] of process.threads) {
    assert.equal(thread.id, id, `${name} thread ${id} by its id`);
    same(thread.process, process, `${name} thread ${id} of its process`);
    found.threads++;
    if (thread.isWaiting) waiting++;
    checkThread(thread, found);
  }
  assert.equal(process.hasWaitingThreads, waiting > 0, `${name} list of waiting threads`);
  for (const item of checkList(process.todo, `${name} todo`, found)) {
    assert.ok(
      item instanceof Transaction ||
        item instanceof Node ||
        item instanceof DeathRegistration ||
        item instanceof FreezeRegistration,
      `${name} todo holds only work for any thread`,
    );
    checkOwner(item, process, name);
  }
  for (const item of checkList(process.deliveredDeaths, `${name} delivered deaths`, found)) {
    assert.ok(item instanceof DeathRegistration, `${name} delivered deaths are deaths`);
  }
  for (const item of checkList(process.deliveredFreezes, `${name} delivered freezes`, found)) {
    assert.ok(item instanceof FreezeRegistration, `${name} delivered freezes are freezes`);
  }
  for (const node of process.nodes) {
    same(process.nodes.get(node.ptr), node, `${name} node by its pointer`);
    same(node.process, process, `${name} node of its owner`);
    found.nodes.add(node);
    const asyncItems = checkList(node.asyncTodo, `node ${node.id} async todo`, found);
    if (asyncItems.length > 0) assert.ok(node.hasAsyncTransaction, `node ${node.id} has an async call`);
    for (const item of asyncItems) assert.ok((item as Transaction).isOneway, 'async todo holds oneways');
  }
  checkRefs(process, found);
  checkBuffers(process, found);
  checkPages(process, found);
}

/** Pages are in use exactly where buffers lie. */
function checkPages(process: Process, found: Found): void {
  const { received } = process;
  // The memory of one that is gone went at once
  if (!received || process.isDead) return;
  const name = `process ${process.client.pid} page`;
  const { pages } = received;
  const used = new Set<number>();
  for (const { range } of process.buffers()) {
    const end = range.offset + range.size;
    for (let at = Math.floor(range.offset / pages.pageSize); at * pages.pageSize < end; at++) used.add(at);
  }
  let available = 0;
  for (let page = 0; page < pages.pageCount; page++) {
    const slot = pages.slot(page);
    assert.equal(slot === SLOT.USED, used.has(page), `${name} ${page} in use`);
    if (slot === SLOT.AVAILABLE) available++;
  }
  const { active, unused, free, highWatermark } = pages.counts();
  assert.deepEqual([active, unused, active + unused + free], [used.size, available, pages.pageCount], name);
  assert.ok(highWatermark >= active + unused || highWatermark === pages.pageCount, `${name} high watermark`);
  found.usedBytes += active * pages.pageSize;
  if (pages.isShrinkable) found.availableBytes += unused * pages.pageSize;
}

function checkThread(thread: Thread, found: Found): void {
  const name = `thread ${thread.process.client.pid}:${thread.id}`;
  const isGone = thread.process.isDead;
  if (!isGone) assert.equal(thread.isDead, false, `${name} is in its process's table, so alive`);
  const items = checkList(thread.todo, `${name} todo`, found);
  for (const item of items) {
    if (item instanceof TransactionComplete) continue;
    if (item === thread.returnError || item === thread.replyError) continue;
    checkOwner(item, thread.process, name);
  }
  if (thread.processTodo && !isGone) assert.notEqual(items.length, 0, `${name} has something to process`);
  for (const error of [thread.returnError, thread.replyError]) {
    if (error.list) assert.ok(error.isPending, `${name} error on a list is pending`);
  }
  if (thread.isParked) {
    assert.ok(!thread.hasWork(thread.waitsForProcess), `${name} sleeps although there is work for it`);
    assert.equal(thread.isWaiting, thread.waitsForProcess, `${name} waits for its process`);
  } else {
    assert.equal(thread.isWaiting, false, `${name} is not asleep, so does not wait`);
  }
  const { installing, pause } = thread;
  if (pause) assert.ok(!thread.isParked && !installing, `${name} is in a long write, and nothing else`);
  if (installing) {
    assert.ok(!thread.isParked, `${name} cannot sleep while it gets descriptors`);
    assert.ok(installing.files, `${name} gets descriptors for no files`);
    same(installing.list, null, `${name} has taken transaction ${installing.id} off its list`);
    same(installing.toProcess, thread.process, `${name} gets descriptors that are meant for its process`);
    assert.ok(!found.installing.has(installing), `${name} shares a transaction with another reader`);
    found.installing.add(installing);
    found.transaction(installing);
  }
  assert.equal((thread.looper & LOOPER_WAITING) !== 0, thread.isParked, `${name} looper flag WAITING`);
  assert.equal(thread.isRunnable, false, `${name} is on the wake list between ioctls`);

  const seen = new Set<Transaction>();
  for (let call = thread.stack; call; ) {
    assert.ok(!seen.has(call), `${name} stack has a cycle`);
    seen.add(call);
    found.transaction(call);
    if (call.toThread === thread) {
      same(call.toProcess, thread.process, `${name} stack: transaction ${call.id} goes to this process`);
      same(call.list, null, `${name} stack: transaction ${call.id} was received, so is not queued`);
      call = call.toParent;
    } else {
      same(call.from, thread, `${name} stack: transaction ${call.id} is neither from nor to it`);
      call = call.fromParent;
    }
  }
}

/** Work for a process must concern that process. */
function checkOwner(item: WorkItem, process: Process, name: string): void {
  if (item instanceof Transaction) same(item.toProcess, process, `${name}: transaction ${item.id}`);
  else if (item instanceof Node) same(item.process, process, `${name}: node ${item.id}`);
  else {
    const isRegistration = item instanceof DeathRegistration || item instanceof FreezeRegistration;
    assert.ok(isRegistration, `${name}: unexpected work`);
  }
}

function checkList(list: WorkList, name: string, found: Found): WorkItem[] {
  const items: WorkItem[] = [];
  let previous: WorkItem | null = null;
  for (let item = list.first; item; item = item.next) {
    assert.ok(!found.items.has(item), `${name} holds an item that is on another list or twice`);
    found.items.add(item);
    same(item.list, list, `${name} is known to its items`);
    same(item.previous, previous, `${name} is linked backwards`);
    if (item instanceof Transaction) found.transaction(item);
    if (item instanceof DeathRegistration) found.deaths.add(item);
    if (item instanceof FreezeRegistration) found.freezes.add(item);
    items.push(item);
    previous = item;
  }
  same(list.last, previous, `${name} knows its last item`);
  return items;
}

function checkRefs(process: Process, found: Found): void {
  let count = 0;
  let lastHandle = -1;
  for (const ref of process.refs) {
    const name = `process ${process.client.pid} handle ${ref.handle}`;
    count++;
    found.refs++;
    found.nodes.add(ref.node);
    assert.ok(ref.handle > lastHandle, `${name} in order`);
    lastHandle = ref.handle;
    same(ref.process, process, `${name} of its process`);
    same(process.refs.get(ref.handle), ref, `${name} by handle`);
    same(ref.node.refs.get(process), ref, `${name} is known to its node`);
    assert.ok(ref.strong >= 0 && ref.weak >= 0, `${name} counts are not negative`);
    assert.ok(ref.strong + ref.weak > 0, `${name} has a count`);
    assert.ok(ref.node.process !== process, `${name} is not for a node of its own process`);
    if (ref.death) found.deaths.add(ref.death);
    if (ref.freeze) found.freezes.add(ref.freeze);
  }
  assert.equal(process.refs.size, count, `process ${process.client.pid} counts its refs`);
  for (let handle = 1; handle <= count; handle++) {
    if (process.refs.get(handle)) continue;
    assert.equal(process.refs.lowestFree(false), handle, `process ${process.client.pid} lowest free handle`);
    break;
  }
}

function checkBuffers(process: Process, found: Found): void {
  const buffers = process.buffers();
  const name = `process ${process.client.pid}`;
  let end = 0;
  let asyncBytes = 0;
  for (const buffer of buffers) {
    found.buffers++;
    assert.ok(buffer.range.offset >= end, `${name} buffer ${buffer.id} overlaps the one before it`);
    end = buffer.range.offset + buffer.range.size;
    assert.ok(!buffer.range.free, `${name} buffer ${buffer.id} lies in a free range`);
    if (buffer.isAsync) asyncBytes += buffer.range.size;
    const { transaction } = buffer;
    if (!transaction) continue;
    found.transaction(transaction);
    same(transaction.buffer, buffer, `${name} buffer ${buffer.id} and its transaction agree`);
  }
  const allocation = process.allocation();
  if (!allocation) return;
  const { size } = allocation.mapping;
  assert.ok(end <= size, `${name} buffers lie within the mapping`);
  assert.equal(allocation.freeAsyncSpace, Math.floor(size / 2) - asyncBytes, `${name} async space`);
}

function checkTransaction(transaction: Transaction, found: Found): void {
  const name = `transaction ${transaction.id}`;
  const isInstalling = found.installing.has(transaction);
  const { buffer, from, list, toThread } = transaction;
  if (buffer) same(buffer.transaction, transaction, `${name} and its buffer agree`);
  if (list) assert.ok(buffer, `${name} is queued, so it has its data`);
  if (transaction.files) assert.ok(list || isInstalling, `${name} has files, so it was not received yet`);
  if (list) assert.ok(transaction.toProcess !== null, `${name} is queued, so it has a receiver`);
  if (from) {
    assert.equal(from.isDead, false, `${name} is from a thread that is gone`);
    assert.ok(stackHolds(from, transaction), `${name} is on the stack of its sender`);
  }
  if (toThread) {
    const isGone = toThread.isDead && !toThread.process.isDead;
    assert.equal(isGone, false, `${name} is for a thread that is gone`);
    if (!list && !isInstalling && !transaction.isOneway) {
      assert.ok(stackHolds(toThread, transaction), `${name} is on the stack of its receiver`);
    }
  }
}

function stackHolds(thread: Thread, wanted: Transaction): boolean {
  for (let call = thread.stack; call; call = call.toThread === thread ? call.toParent : call.fromParent) {
    if (call === wanted) return true;
  }
  return false;
}

function checkNode(node: Node): void {
  const name = `node ${node.id}`;
  const owner = node.process;
  let strongRefs = 0;
  for (const ref of node.refs.newestFirst()) {
    same(ref.node, node, `${name} and its refs agree`);
    same(ref.process.refs.get(ref.handle), ref, `${name} is referred to by a ref that exists`);
    if (ref.strong > 0) strongRefs++;
  }
  assert.equal(node.internalStrong, strongRefs, `${name} internal strong count`);
  assert.equal(node.holds, 0, `${name} is held beyond a command`);
  if (!owner) {
    assert.ok(node.refs.size > 0, `${name} is dead and nothing refers to it`);
    same(node.list, null, `${name} is dead and has work`);
    assert.deepEqual([node.localStrong, node.localWeak], [0, 0], `${name} is dead and has local counts`);
    return;
  }
  same(owner.nodes.get(node.ptr), node, `${name} is known to its owner`);
  // What a gone owner held goes with it: its part as manager is over at once, the counts with the node.
  if (owner.isDead) return;
  const isManager = owner.context.manager === node ? 1 : 0;
  let strong = isManager + Number(node.strong.isPending);
  let weak = isManager + Number(node.weak.isPending);
  for (const buffer of owner.buffers()) {
    if (buffer.targetNode === node) strong++;
    for (const object of buffer.objects ?? []) {
      if (object.type === BINDER_TYPE_BINDER && object.target === node.ptr) strong++;
      if (object.type === BINDER_TYPE_WEAK_BINDER && object.target === node.ptr) weak++;
    }
  }
  assert.equal(node.localStrong, strong, `${name} local strong count`);
  assert.equal(node.localWeak, weak, `${name} local weak count`);
  if (node.strong.isPending) assert.ok(node.strong.isTold, `${name} BR_ACQUIRE is pending, so it was sent`);
  if (node.weak.isPending) assert.ok(node.weak.isTold, `${name} BR_INCREFS is pending, so it was sent`);
  assert.ok(
    node.wantsWeak || node.strong.isTold || node.weak.isTold || node.list,
    `${name} exists for no reason`,
  );
}

/**
 * Checks that counts which buffers hold were not taken back behind their back: true while clients only release what
 * they acquired themselves.
 */
export function checkHonestRefs(driver: Driver): void {
  for (const process of driver.processes) {
    const held = new Map<Ref, { strong: number; weak: number }>();
    for (const buffer of process.buffers()) {
      for (const object of buffer.objects ?? []) countHeld(process, object, held);
    }
    for (const [ref, { strong, weak }] of held) {
      assert.ok(
        ref.strong >= strong && ref.weak >= weak,
        `handle ${ref.handle} has the counts of its buffers`,
      );
    }
  }
}

function countHeld(
  process: Process,
  { type, target }: HeldObject,
  held: Map<Ref, { strong: number; weak: number }>,
): void {
  if (type !== BINDER_TYPE_HANDLE && type !== BINDER_TYPE_WEAK_HANDLE) return;
  const ref = process.refs.get(target as number);
  assert.ok(ref, `handle ${target} is held by a buffer`);
  const counts = held.get(ref) ?? { strong: 0, weak: 0 };
  if (type === BINDER_TYPE_HANDLE) counts.strong++;
  else counts.weak++;
  held.set(ref, counts);
}
