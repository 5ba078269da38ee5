import { receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Injection, type Pause } from './injection.ts';
import type { Order, Report } from './injection-orders.ts';
import { type InjectorThreadData, ORDERS, REPORTS } from './injector-thread-data.ts';
import { libc } from './libc.ts';
import { type Architecture, architecture } from './registers.ts';

// The thread that traces, started by `Injector`: everything that may wait for a client happens here.

/** How often a stop is asked for, other threads having their turn in between, before this one sleeps. */
const LOOKS = 300;

/** Milliseconds of sleep between two looks then, at first and at most. */
const FIRST_SLEEP = 0.05;
const LAST_SLEEP = 5;

const { port, signals } = workerData as InjectorThreadData;
const yieldProcessor = libc<() => number>('int sched_yield()');

/** Those under way, each with its run and why it pauses. */
const injections = new Map<number, { injection: Injection; run: Generator<Pause>; pause: Pause }>();

let isRetired = false;

serve();
port.close();

function serve(): void {
  let looks = 0;
  let sleep = FIRST_SLEEP;
  while (!isRetired || injections.size > 0) {
    const seen = Atomics.load(signals, ORDERS);
    if (takeOrders()) looks = 0;
    const waiting = advance();
    if (looks === 0) sleep = FIRST_SLEEP;
    if (waiting === 'order') {
      Atomics.wait(signals, ORDERS, seen);
      looks = 0;
    } else if (waiting === 'stop' && ++looks < LOOKS) {
      yieldProcessor();
    } else {
      Atomics.wait(signals, ORDERS, seen, sleep);
      sleep = Math.min(sleep * 2, LAST_SLEEP);
    }
  }
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
  port.postMessage(what);
  Atomics.add(signals, REPORTS, 1);
  Atomics.notify(signals, REPORTS);
}
