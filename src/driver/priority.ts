import { TF_ONE_WAY } from '../abi/binder.ts';
import type { Node } from './node.ts';
import type { Thread } from './thread.ts';
import type { Transaction } from './transaction.ts';

/**
 * How a thread is scheduled, in one number: the policy in bits 8 and above, below it the priority as the kernel counts
 * it: 0 (most favourable) to 99 for real-time policies, 100 to 139 for nice values -20 to 19.
 */
export type Priority = number;

export const SCHED_NORMAL = 0;
export const SCHED_FIFO = 1;
export const SCHED_RR = 2;
export const SCHED_BATCH = 3;

/** The kernel's priority of nice 0. */
const NICE_0 = 120;
/** The most favourable real-time priority is 99 for sched_setscheduler(2), and 0 for the kernel. */
const MAX_REALTIME = 99;

/** Nice 0 under the usual policy: what is assumed of a client that is not scheduled by anybody. */
export const NORMAL: Priority = NICE_0;

export function nicePriority(nice: number, policy: number = SCHED_NORMAL): Priority {
  return policy * 256 + NICE_0 + nice;
}

/** @param level - 1 (least favourable) to 99, as for sched_setscheduler(2) */
export function realtimePriority(policy: number, level: number): Priority {
  return policy * 256 + MAX_REALTIME - level;
}

export function policyOf(priority: Priority): number {
  return priority >> 8;
}

/** -20 to 19; meaningless for real-time policies. */
export function niceOf(priority: Priority): number {
  return (priority & 255) - NICE_0;
}

/** 1 to 99; meaningless for policies that are not real-time. */
export function realtimeOf(priority: Priority): number {
  return MAX_REALTIME - (priority & 255);
}

export function isRealtime(priority: Priority): boolean {
  const policy = policyOf(priority);
  return policy === SCHED_FIFO || policy === SCHED_RR;
}

/** A thread has received `call` for `node`: it takes on what the caller or the node wants, until it has replied. */
export function inheritPriority(thread: Thread, call: Transaction, node: Node): void {
  const { scheduling } = thread;
  if (!scheduling) return;
  const now = scheduling.priority;
  call.savedPriority = now;
  const wanted = thread.process.driver.host.androidScheduling
    ? androidPriority(thread, call, node)
    : mainlinePriority(now, call, node);
  if (wanted !== now) scheduling.setPriority(wanted, true);
}

/** The replier of `call` is what it was before it received it. */
export function restorePriority(thread: Thread, call: Transaction): void {
  const { scheduling } = thread;
  if (!scheduling || call.savedPriority === null || call.savedPriority === scheduling.priority) return;
  scheduling.setPriority(call.savedPriority, !thread.process.driver.host.androidScheduling);
}

/** A thread that waits for any work of its process is scheduled as the process was when it opened the device. */
export function settlePriority(thread: Thread): void {
  const { scheduling } = thread;
  const initial = thread.process.client.initialPriority;
  if (!scheduling || initial === scheduling.priority) return;
  scheduling.setPriority(initial, !thread.process.driver.host.androidScheduling);
}

/**
 * Linux's rule, which knows nice values only: a synchronous call is served with its caller's or the node's, whichever
 * is more favourable; a oneway call with the node's if that is more favourable than what the thread has.
 */
function mainlinePriority(now: Priority, call: Transaction, node: Node): Priority {
  const isOneway = (call.flags & TF_ONE_WAY) !== 0;
  const lowest = node.minPriority;
  if (!isOneway && niceOf(call.priority) < lowest) return call.priority;
  // More than 19 cannot come here: the first condition holds for any caller, the last for no receiver.
  return !isOneway || niceOf(now) > lowest ? nicePriority(lowest) : now;
}

/**
 * Android's rule: policies count as well. A real-time caller is served in real time only by a node that says so
 * (FLAT_BINDER_FLAG_INHERIT_RT); a oneway call as the receiving process was when it opened the device.
 */
function androidPriority(thread: Thread, call: Transaction, node: Node): Priority {
  const isOneway = (call.flags & TF_ONE_WAY) !== 0;
  const asked = isOneway ? thread.process.client.initialPriority : call.priority;
  const desired = isRealtime(asked) && !node.inheritsRealtime ? NORMAL : asked;
  const lowest = node.androidPriority;
  const difference = (lowest & 255) - (desired & 255);
  return difference < 0 || (difference === 0 && policyOf(lowest) === SCHED_FIFO) ? lowest : desired;
}
