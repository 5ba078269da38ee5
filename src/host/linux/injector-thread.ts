import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Injection, type Pause } from './injection.ts';
import type { Order, Report } from './injection-orders.ts';
import { ABANDON, ABANDONED, FAILED, type InjectorThreadData, WORD } from './injector-thread-data.ts';
import { type Architecture, architecture } from './registers.ts';
import { awaitStop, ownThreadId } from './stop-wait.ts';

// The thread that traces, started by `Injector`: everything that may wait for a client happens here.

/** How often the wait for a stop may end without one of those that are waited for, before this thread sleeps instead. */
const VAIN_WAITS = 10;

/** Milliseconds after which news for which nobody waits are told. */
const LATE = 10;

/** Milliseconds of sleep between two looks then, at first and at most. */
const FIRST_SLEEP = 0.05;
const LAST_SLEEP = 5;

const { port, words } = workerData as InjectorThreadData;

/** Those under way, each with its run and why it pauses. */
const injections = new Map<number, { injection: Injection; run: Generator<Pause>; pause: Pause }>();

let isRetired = false;

/** Injections that have finished: told with the next news, which saves the main thread a waking. */
const finished: Report[] = [];

let thread = FAILED;
try {
  thread = ownThreadId();
} finally {
  Atomics.store(words, WORD.thread, thread);
  Atomics.notify(words, WORD.thread);
}
serve();
tellFinished();
Atomics.store(words, WORD.abandon, ABANDONED);
Atomics.notify(words, WORD.abandon);
port.close();

function serve(): void {
  let stops = 0;
  let inVain = 0;
  let sleep = FIRST_SLEEP;
  while (Atomics.load(words, WORD.abandon) !== ABANDON && (!isRetired || injections.size > 0)) {
    const seen = Atomics.load(words, WORD.orders);
    const isNew = takeOrders();
    const waiting = advance();
    if (isNew || stopCount() !== stops) inVain = 0;
    stops = stopCount();
    if (waiting === 'order') {
      const isLate =
        Atomics.wait(words, WORD.orders, seen, finished.length > 0 ? LATE : undefined) === 'timed-out';
      if (isLate) tellFinished();
    } else if (waiting === 'stop' && ++inVain < VAIN_WAITS) {
      sleep = FIRST_SLEEP;
      waitForStop(seen);
    } else {
      Atomics.wait(words, WORD.orders, seen, sleep);
      sleep = Math.min(sleep * 2, LAST_SLEEP);
    }
  }
}

/** Until a thread stops or an order comes; that one may be overlooked at the beginning, so who gives it wakes us again. */
function waitForStop(seen: number): void {
  Atomics.store(words, WORD.waits, 1);
  if (Atomics.load(words, WORD.orders) === seen) awaitStop();
  Atomics.store(words, WORD.waits, 0);
}

function stopCount(): number {
  let count = 0;
  for (const { injection } of injections.values()) count += injection.stops;
  return count;
}

/** @returns whether there was any. */
function takeOrders(): boolean {
  let some = false;
  for (let message = receiveMessageOnPort(port); message; message = receiveMessageOnPort(port)) {
    some = true;
    take(message.message as Order);
  }
  return some;
}

function take(order: Order): void {
  if (order.type === 'retire') {
    isRetired = true;
  } else if (order.type === 'begin') {
    const injection = new Injection(order.id, order.beginning, architecture as Architecture, report);
    injection.orders.push(...order.orders);
    injections.set(order.id, { injection, run: injection.run(), pause: 'stop' });
  } else {
    // One that has come to an end meanwhile has told so
    injections.get(order.id)?.injection.orders.push(order);
  }
}

/** Goes on with all. @returns what the most impatient waits for; 'order' when nothing is to be done. */
function advance(): Pause {
  let most: Pause = 'order';
  for (const [id, one] of injections) {
    if (one.pause === 'order' && one.injection.orders.length === 0) continue;
    const { done, value } = one.run.next();
    if (done) {
      injections.delete(id);
      continue;
    }
    one.pause = value;
    if (value === 'stop' || (value === 'end' && most === 'order')) most = value;
  }
  return most;
}

function report(what: Report): void {
  if (what.type === 'finished') {
    finished.push(what);
    return;
  }
  tellFinished();
  port.postMessage(what);
}

function tellFinished(): void {
  for (const one of finished.splice(0)) port.postMessage(one);
}
