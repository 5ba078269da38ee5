import { getPriority, setPriority } from 'node:os';
import type { ThreadId, ThreadScheduling } from '../../driver/ports.ts';
import {
  isRealtime,
  NORMAL,
  niceOf,
  nicePriority,
  type Priority,
  policyOf,
  realtimeOf,
  realtimePriority,
  SCHED_BATCH,
} from '../../driver/priority.ts';
import { createArea, type MappedArea } from './area.ts';
import type { Clock } from './clock.ts';
import { type Identity, INITIAL_USER_NAMESPACE } from './identity.ts';
import { libc } from './libc.ts';
import { once } from './once.ts';
import { readProc } from './proc-file.ts';

/**
 * How old the answer may be, in milliseconds, when the driver asks how a thread is scheduled: it asks with each call,
 * and a thread that changes its own niceness between two calls of a busy second is rare.
 */
export const SCHEDULING_MAX_AGE = 100;

/** The bit of CapEff. */
const CAP_SYS_NICE = 23n;
/** RLIMIT_NICE n allows nice values down to 20 - n. */
const RLIMIT_TO_NICE = 20;
const MAX_NICE = 19;
const MIN_NICE = -20;

/** struct sched_attr as of Linux 3.14. */
const ATTR_SIZE = 48;
const ATTR = { size: 0, policy: 4, flags: 8, nice: 16, priority: 20 } as const;
const SCHED_FLAG_RESET_ON_FORK = 1;
const [SYS_SCHED_SETATTR, SYS_SCHED_GETATTR] = process.arch === 'arm64' ? [274, 275] : [314, 315];

const c = once(() => ({
  getattr: libc<(number: number, tid: number, attr: number, size: number, flags: number) => number>(
    'int64_t syscall(int64_t, int64_t, uint64_t, int64_t, int64_t)',
  ),
  setattr: libc<(number: number, tid: number, attr: number, flags: number) => number>(
    'int64_t syscall(int64_t, int64_t, uint64_t, int64_t)',
  ),
}));

let attributes: MappedArea | undefined;

/** What a client may ask for itself. */
interface Limits {
  readonly isCapable: boolean;
  /** RLIMIT_NICE, soft. */
  readonly nice: number;
  /** RLIMIT_RTPRIO, soft. */
  readonly realtime: number;
}

/**
 * How the threads of one client are scheduled.
 *
 * Linux's driver knows nice values only: then a real-time thread counts by the nice value that it would have otherwise.
 * With `isAndroid` policies count, and real-time ones are given and taken.
 */
export class ProcessScheduling {
  /** Of the thread that opened the device, then. */
  readonly initial: Priority;
  readonly clock: Clock;
  readonly #isAndroid: boolean;
  readonly #identity: Identity;
  #limits: Limits = { isCapable: false, nice: 0, realtime: 0 };
  #limitsReadAt = Number.NEGATIVE_INFINITY;

  constructor(identity: Identity, isAndroid: boolean, clock: Clock) {
    this.clock = clock;
    this.#identity = identity;
    this.#isAndroid = isAndroid;
    this.initial = this.read(identity.tid) ?? NORMAL;
  }

  thread(tid: ThreadId): ThreadScheduling {
    return new LinuxThread(this, tid);
  }

  /** `null` when the thread is gone. */
  read(tid: ThreadId): Priority | null {
    return this.#isAndroid ? readAttributes(tid) : readNice(tid);
  }

  /** @returns whether the thread is scheduled so now. */
  write(tid: ThreadId, priority: Priority): boolean {
    return this.#isAndroid ? writeAttributes(tid, priority) : writeNice(tid, niceOf(priority));
  }

  /**
   * The most of `wanted` that the client may ask for itself; `null` where it may ask for nothing at all, as is usual
   * for ordinary users (RLIMIT_NICE 0).
   */
  limited(wanted: Priority): Priority | null {
    const { isCapable, nice, realtime } = this.#currentLimits();
    if (isCapable) return wanted;
    let priority = wanted;
    if (isRealtime(priority)) {
      if (realtime > 0) return realtimePriority(policyOf(priority), Math.min(realtimeOf(priority), realtime));
      priority = nicePriority(MIN_NICE);
    }
    const lowest = RLIMIT_TO_NICE - nice;
    if (lowest > MAX_NICE) return null;
    return niceOf(priority) < lowest ? nicePriority(lowest, policyOf(priority)) : priority;
  }

  #currentLimits(): Limits {
    const { now } = this.clock;
    if (now - this.#limitsReadAt > SCHEDULING_MAX_AGE) {
      this.#limits = readLimits(this.#identity);
      this.#limitsReadAt = now;
    }
    return this.#limits;
  }
}

class LinuxThread implements ThreadScheduling {
  readonly #process: ProcessScheduling;
  readonly #tid: ThreadId;
  #priority: Priority = NORMAL;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(process: ProcessScheduling, tid: ThreadId) {
    this.#process = process;
    this.#tid = tid;
  }

  get priority(): Priority {
    const { now } = this.#process.clock;
    if (now - this.#readAt > SCHEDULING_MAX_AGE) {
      this.#readAt = now;
      this.#priority = this.#process.read(this.#tid) ?? this.#priority;
    }
    return this.#priority;
  }

  setPriority(priority: Priority, isLimited: boolean): void {
    const allowed = isLimited ? this.#process.limited(priority) : priority;
    if (allowed === null || allowed === this.#priority) return;
    if (this.#process.write(this.#tid, allowed)) this.#priority = allowed;
  }
}

function readNice(tid: ThreadId): Priority | null {
  try {
    return nicePriority(getPriority(tid));
  } catch {
    return null;
  }
}

function writeNice(tid: ThreadId, nice: number): boolean {
  try {
    setPriority(tid, nice);
    return true;
  } catch {
    // Gone, or another user's where the daemon has no privileges
    return false;
  }
}

/** `null` for threads that are gone, and for policies of which Binder knows nothing, such as SCHED_DEADLINE. */
function readAttributes(tid: ThreadId): Priority | null {
  attributes ??= createArea(ATTR_SIZE);
  if (c().getattr(SYS_SCHED_GETATTR, tid, attributes.address, ATTR_SIZE, 0) === -1) return null;
  const { view } = attributes;
  const policy = view.getUint32(ATTR.policy, true);
  if (policy > SCHED_BATCH) return null;
  if (isRealtime(policy * 256)) return realtimePriority(policy, view.getUint32(ATTR.priority, true));
  return nicePriority(view.getInt32(ATTR.nice, true), policy);
}

function writeAttributes(tid: ThreadId, priority: Priority): boolean {
  attributes ??= createArea(ATTR_SIZE);
  const { view, bytes } = attributes;
  bytes.fill(0);
  view.setUint32(ATTR.size, ATTR_SIZE, true);
  view.setUint32(ATTR.policy, policyOf(priority), true);
  if (isRealtime(priority)) {
    // As Android's kernels do: what such a thread starts is not real-time by accident.
    view.setUint32(ATTR.flags, SCHED_FLAG_RESET_ON_FORK, true);
    view.setUint32(ATTR.priority, realtimeOf(priority), true);
  } else {
    view.setInt32(ATTR.nice, niceOf(priority), true);
  }
  return c().setattr(SYS_SCHED_SETATTR, tid, attributes.address, 0) === 0;
}

/** Capabilities count in the initial user namespace only, as for the kernel's driver. */
function readLimits({ pid, userNamespace }: Identity): Limits {
  const status = readProc(`/proc/${pid}/status`) ?? '';
  const effective = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const limits = readProc(`/proc/${pid}/limits`) ?? '';
  return {
    isCapable: userNamespace === INITIAL_USER_NAMESPACE && ((effective >> CAP_SYS_NICE) & 1n) === 1n,
    nice: softLimit(limits, 'Max nice priority', RLIMIT_TO_NICE - MIN_NICE),
    realtime: softLimit(limits, 'Max realtime priority', 99),
  };
}

function softLimit(limits: string, name: string, unlimited: number): number {
  const value = new RegExp(`^${name} +(\\w+)`, 'm').exec(limits)?.[1];
  return value === 'unlimited' ? unlimited : Math.min(Number(value ?? 0), unlimited);
}
