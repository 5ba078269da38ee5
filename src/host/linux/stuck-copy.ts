import { readdirSync } from 'node:fs';
import { libc, loadKoffi } from './libc.ts';
import { once } from './once.ts';
import { isBoundCopy, isCopy, type SystemCall } from './own-thread.ts';
import { readProc, readProcLink } from './proc-file.ts';
import { openProcess } from './process-watch.ts';

/**
 * What another thread of the daemon can do for one that is stuck while it copies from or to a client: what it waits for
 * is then a page that somebody else was to bring and does not.
 *
 * Only for a client thread that is blocked in a request to us, as each is that we copy from or to: see proc-file.ts.
 */

/** Numbers that are the same on all architectures. */
const SYS_PIDFD_GETFD = 438;

/** _IOR(0xAA, 1, struct uffdio_range) */
const UFFDIO_UNREGISTER = 0x8010aa01;

/** Pages that are given back one by one: 4 MiB, the longest copy there is. */
const MAX_PAGES = 1024;
const PAGE = 4096;

/** Bytes of struct iovec. */
const IOVEC = 16;

const c = once(() => ({
  getfd: libc<(number: number, pidfd: number, fd: number, flags: number) => number>(
    'int64_t syscall(int64_t, int64_t, int64_t, int64_t)',
  ),
  ioctl: libc<(fd: number, request: number, argument: Uint8Array) => number>(
    'int ioctl(int, uint64_t, void *)',
  ),
  close: libc<(fd: number) => number>('int close(int)'),
}));

/** A piece of a copy that is under way. */
export interface StuckCopy {
  /** The client's thread. */
  readonly thread: number;
  /** Of the client. */
  readonly address: number;
  /** Bytes. */
  readonly length: number;
}

/**
 * What a thread of ours copies from or to a client, if it does: from the arguments of its system call. Any of the pieces
 * may be the one that it waits for.
 */
export function stuckCopies(call: SystemCall): StuckCopy[] {
  const [first = 0, , length = 0, remote = 0, count = 0] = call.arguments;
  if (isBoundCopy(call)) {
    const [, thread] = /^\/proc\/(\d+)\/mem$/.exec(readProcLink(`/proc/self/fd/${first}`) ?? '') ?? [];
    return thread === undefined ? [] : [{ thread: Number(thread), address: remote, length }];
  }
  if (!isCopy(call)) return [];
  // struct iovec { base u64, length u64 }
  const words = new BigUint64Array(
    loadKoffi()
      .view(remote, IOVEC * count)
      .slice(0),
  );
  return Array.from({ length: count }, (_, i) => ({
    thread: first,
    address: Number(words[2 * i]),
    length: Number(words[2 * i + 1]),
  }));
}

/**
 * Ends the waiting for userfaultfd: takes the pages out of its care, as whoever holds the descriptor could, so that they
 * are zero. The descriptor may be in any process.
 *
 * @returns whether anything was taken out.
 */
export function endUserfault(copy: StuckCopy): boolean {
  const own = field(copy.thread, 'Tgid');
  if (own === null) return false;
  const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== own);
  for (const pid of [own, ...others.map(Number)]) {
    for (const fd of userfaultfds(pid)) if (takeOut(pid, fd, copy)) return true;
  }
  return false;
}

function userfaultfds(pid: number): number[] {
  // fdinfo can be listed at any time, whatever the process does, and links are read, not followed
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .map(Number)
      .filter((fd) => readProcLink(`/proc/${pid}/fd/${fd}`) === 'anon_inode:[userfaultfd]');
  } catch {
    return [];
  }
}

function takeOut(pid: number, fd: number, { address, length }: StuckCopy): boolean {
  let pidfd: number;
  try {
    pidfd = openProcess(pid);
  } catch {
    return false;
  }
  const copy = c().getfd(SYS_PIDFD_GETFD, pidfd, fd, 0);
  c().close(pidfd);
  if (copy < 0) return false;
  // struct uffdio_range { start u64, len u64 }
  const range = new BigUint64Array(2);
  const bytes = new Uint8Array(range.buffer);
  const first = address - (address % PAGE);
  const end = Math.min(address + length, first + MAX_PAGES * PAGE);
  let done = false;
  for (let page = first; page < end; page += PAGE) {
    range[0] = BigInt(page);
    range[1] = BigInt(PAGE);
    if (c().ioctl(copy, UFFDIO_UNREGISTER, bytes) === 0) done = true;
  }
  c().close(copy);
  return done;
}

/** The device number of the file that the client has mapped where the copy is; `null` where there is none. */
export function deviceUnder({ thread, address }: StuckCopy): number | null {
  const maps = readProc(`/proc/${thread}/maps`, 1024 * 1024) ?? '';
  for (const [, start, end, major, minor] of maps.matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ ([0-9a-f]+):([0-9a-f]+) /gm,
  )) {
    if (address < Number(`0x${start}`) || address >= Number(`0x${end}`)) continue;
    return Number(`0x${major}`) * 2 ** 20 + Number(`0x${minor}`);
  }
  return null;
}

/** The user whose thread it is. */
export function userOf(thread: number): number | null {
  return field(thread, 'Uid');
}

function field(thread: number, name: string): number | null {
  const [, value] =
    new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readProc(`/proc/${thread}/status`) ?? '') ?? [];
  return value === undefined ? null : Number(value);
}
