import { closeSync } from 'node:fs';
import type { ThreadId } from '../../driver/ports.ts';
import { createArea, type MappedArea } from './area.ts';
import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';
import { errorCode, openProc, readProc } from './proc-file.ts';

/**
 * Threads watched at most; each holds one descriptor. A process of Android has 16 binder threads, so this is 1,000
 * clients, and leaves most of the usual 1,048,576 descriptors (RLIMIT_NOFILE, hard) to other things.
 */
export const MAX_WATCHED_THREADS = 16_384;

/**
 * Milliseconds between two rounds of looking at threads of which the kernel does not tell the end, and how many are
 * looked at in one round: at some 10 microseconds each about one hundredth of the daemon's time. The death of one of
 * N such threads is seen after at most N / PROBES_PER_ROUND rounds.
 */
export const PROBE_INTERVAL = 50;
export const PROBES_PER_ROUND = 32;

/** Ends taken from the kernel in one call. */
const EVENTS_AT_ONCE = 64;

/** The struct is packed on x86 only. */
const EPOLL_EVENT_SIZE = process.arch === 'x64' || process.arch === 'ia32' ? 12 : 16;
const EPOLL_DATA_OFFSET = EPOLL_EVENT_SIZE - 8;

const PIDFD_THREAD = 0o200;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPERM = 1;
const ESRCH = 3;
const EINTR = 4;
const ENFILE = 23;
const EMFILE = 24;
/** The same on all architectures. */
const SYS_PIDFD_OPEN = 434;

const c = once(() => ({
  // glibc has pidfd_open since 2.36 only
  pidfdOpen: libc<(number: number, tid: number, flags: number) => number>(
    'int64_t syscall(int64_t, int64_t, int64_t)',
  ),
  epollCreate: libc<(flags: number) => number>('int epoll_create1(int)'),
  epollControl: libc<(epoll: number, operation: number, fd: number, event: number) => number>(
    'int epoll_ctl(int, int, int, uint64_t)',
  ),
  epollWait: libc<(epoll: number, events: number, count: number, timeout: number) => number>(
    'int epoll_wait(int, uint64_t, int, int)',
  ),
  tgkill: libc<(tgid: number, tid: number, signal: number) => number>('int tgkill(int, int, int)'),
}));

/**
 * Opens a descriptor of one thread that becomes readable when the thread ends.
 *
 * @returns the descriptor, or minus the errno: EINVAL where the kernel is below 6.9, ESRCH when there is no such thread.
 */
export function openThread(tid: ThreadId): number {
  const fd = c().pidfdOpen(SYS_PIDFD_OPEN, tid, PIDFD_THREAD);
  return fd === -1 ? -errno() : fd;
}

interface Watched<Token = unknown> {
  readonly tid: ThreadId;
  /** A pidfd of the thread, or /proc/TID where the kernel has no pidfds for threads: neither is fooled by reuse. */
  readonly fd: number;
  /** The descriptor does not tell of every end: looked at in rounds, too. */
  readonly isProbed: boolean;
  /** Several opens may be used by one thread. */
  readonly tokens: Token[];
}

/**
 * Notices threads that end without saying so.
 *
 * From Linux 6.9 on the kernel tells: {@link fd} becomes readable. Two cases are found by looking at the thread's state
 * in rounds instead: any thread on older kernels, and a main thread that leaves by pthread_exit while others stay (its
 * pidfd waits for the last of them; seen on 6.18).
 *
 * @example
 * using watch = new ThreadWatch<Thread>();
 * watch.watch(tid, thread);
 * for (const thread of watch.poll()) thread.exit();
 */
export class ThreadWatch<Token> {
  /** Readable when {@link poll} has something to tell; may be polled together with others. */
  readonly fd: number;
  /** Whether the kernel tells of threads' ends; otherwise all are looked at in rounds. */
  readonly isTold: boolean;

  private readonly events: MappedArea = createArea(EVENTS_AT_ONCE * EPOLL_EVENT_SIZE);
  private readonly byTid = new Map<ThreadId, Watched<Token>>();
  private readonly byFd = new Map<number, Watched<Token>>();
  /** Those to be looked at, the next one first. */
  private readonly probed = new Set<Watched<Token>>();
  private lastRound = 0;
  /** Tokens of ended threads, not yet told. */
  private ended: Token[] = [];

  /** @param allowTold false to look at all threads in rounds, even where the kernel would tell. */
  constructor(allowTold = true) {
    this.fd = c().epollCreate(EPOLL_CLOEXEC);
    if (this.fd === -1) throw new SystemCallError('epoll_create1', errno());
    this.isTold = allowTold && hasThreadPidfds();
  }

  /** Threads watched now. */
  get size(): number {
    return this.byTid.size;
  }

  /**
   * Whether {@link poll} must be called from time to time (each {@link PROBE_INTERVAL}) although {@link fd} is not
   * readable.
   */
  get needsRounds(): boolean {
    return this.probed.size > 0 || this.ended.length > 0;
  }

  /**
   * Tells `token` when the thread ends. The thread must be there: blocked in a request to us.
   *
   * A thread may be watched for several tokens. When `tid` belonged to an earlier thread whose end was not yet seen,
   * the earlier one's tokens are told at the next {@link poll}.
   *
   * @returns false when the thread cannot be watched: it ended already, or there are {@link MAX_WATCHED_THREADS}, or
   *   no descriptors are left.
   */
  watch(tid: ThreadId, token: Token): boolean {
    // Before the id is looked up: it may lead to an earlier thread
    if (this.byTid.has(tid)) this.takeEvents();
    const known = this.byTid.get(tid);
    if (known && !(known.isProbed && hasEnded(known, this.isTold))) {
      known.tokens.push(token);
      return true;
    }
    if (known) this.end(known);
    if (this.byTid.size >= MAX_WATCHED_THREADS) return false;
    const watched = this.isTold ? this.openTold(tid, token) : openProbed(tid, token);
    if (!watched) return false;
    this.byTid.set(tid, watched);
    this.byFd.set(watched.fd, watched);
    if (watched.isProbed) this.probed.add(watched);
    return true;
  }

  /** A pidfd of a watched thread, which stays ours: -1 where there is none. Its id may be another thread's by now. */
  pidfd(tid: ThreadId): number {
    return this.isTold ? (this.byTid.get(tid)?.fd ?? -1) : -1;
  }

  /** Takes back {@link watch}; a token that is not watched is none. */
  unwatch(tid: ThreadId, token: Token): void {
    const watched = this.byTid.get(tid);
    const at = watched ? watched.tokens.indexOf(token) : -1;
    if (watched && at !== -1) {
      watched.tokens.splice(at, 1);
      if (watched.tokens.length === 0) this.forget(watched);
      return;
    }
    this.ended = this.ended.filter((other) => other !== token);
  }

  /** The tokens of threads that ended since the last time; each is told once and unwatched. Never waits. */
  poll(): readonly Token[] {
    this.takeEvents();
    this.lookAround();
    if (this.ended.length === 0) return this.ended;
    const told = this.ended;
    this.ended = [];
    return told;
  }

  [Symbol.dispose](): void {
    for (const watched of [...this.byTid.values()]) this.forget(watched);
    this.ended = [];
    if (!this.events.isReleased) closeSync(this.fd);
    this.events.release();
  }

  private openTold(tid: ThreadId, token: Token): Watched<Token> | null {
    const fd = openThread(tid);
    if (fd < 0) {
      if (fd === -ESRCH || fd === -EMFILE || fd === -ENFILE) return null;
      throw new SystemCallError('pidfd_open', -fd, `thread ${tid}`);
    }
    const { address, view } = this.events;
    view.setUint32(0, EPOLLIN, true);
    view.setUint32(EPOLL_DATA_OFFSET, fd, true);
    view.setUint32(EPOLL_DATA_OFFSET + 4, 0, true);
    if (c().epollControl(this.fd, EPOLL_CTL_ADD, fd, address) !== 0) {
      const error = errno();
      closeSync(fd);
      throw new SystemCallError('epoll_ctl', error, `thread ${tid}`);
    }
    return { tid, fd, isProbed: isMainThread(tid), tokens: [token] };
  }

  private takeEvents(): void {
    const { events } = this;
    for (;;) {
      const count = c().epollWait(this.fd, events.address, EVENTS_AT_ONCE, 0);
      if (count === -1) {
        const error = errno();
        if (error === EINTR) continue;
        throw new SystemCallError('epoll_wait', error);
      }
      let known = 0;
      for (let i = 0; i < count; i++) {
        const watched = this.byFd.get(events.view.getUint32(i * EPOLL_EVENT_SIZE + EPOLL_DATA_OFFSET, true));
        if (!watched) continue;
        this.end(watched);
        known++;
      }
      // A closed pidfd goes on telling while a child of ours that has not yet come to execve holds it, too
      if (count < EVENTS_AT_ONCE || known === 0) return;
    }
  }

  private lookAround(): void {
    if (this.probed.size === 0) return;
    const now = performance.now();
    if (now - this.lastRound < PROBE_INTERVAL) return;
    this.lastRound = now;
    let left = Math.min(PROBES_PER_ROUND, this.probed.size);
    for (const watched of this.probed) {
      if (left-- === 0) return;
      // To the end of the line
      this.probed.delete(watched);
      if (hasEnded(watched, this.isTold)) this.end(watched);
      else this.probed.add(watched);
    }
  }

  private end(watched: Watched<Token>): void {
    this.ended.push(...watched.tokens);
    this.forget(watched);
  }

  private forget(watched: Watched<Token>): void {
    this.byTid.delete(watched.tid);
    this.byFd.delete(watched.fd);
    this.probed.delete(watched);
    // Takes it out of the epoll set as well
    closeSync(watched.fd);
  }
}

/** Tried on ourselves. */
function hasThreadPidfds(): boolean {
  const fd = openThread(process.pid);
  if (fd < 0) return false;
  closeSync(fd);
  return true;
}

/** The main thread's id is its process's. */
function isMainThread(tid: ThreadId): boolean {
  return c().tgkill(tid, tid, 0) === 0 || errno() === EPERM;
}

/**
 * The directory /proc/TID, which shows nothing once its thread is gone, also when the id was given to another. Reading
 * the start time from /proc/TID/stat would do without a descriptor, but can wedge the daemon; see proc-file.ts.
 */
function openProbed<Token>(tid: ThreadId, token: Token): Watched<Token> | null {
  try {
    const fd = openProc(`/proc/${tid}`);
    return fd === null ? null : { tid, fd, isProbed: true, tokens: [token] };
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EMFILE' || code === 'ENFILE') return null;
    throw error;
  }
}

/** Whether a probed thread is a zombie or gone. */
function hasEnded(watched: Watched, isPidfd: boolean): boolean {
  // A pidfd cannot be asked for the state, but keeps the id from being reused until it has told of the end
  const directory = isPidfd ? `/proc/${watched.tid}` : `/proc/self/fd/${watched.fd}`;
  const status = readProc(`${directory}/status`, 512);
  return !status || /^State:\s+[ZX]/m.test(status);
}
