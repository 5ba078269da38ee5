import { closeSync, openSync } from 'node:fs';
import { loadKoffi } from '../../linux/libc.ts';
import { errorCode } from '../failure.ts';
import {
  copyDescriptor,
  ioctl,
  pidfdOpen,
  readProcessMemory,
  traceAttach,
  traceDetach,
  traceInterrupt,
  traceStopped,
} from '../syscalls.ts';
import type { Attempt } from './fuse-probe.ts';

/** Another process to try things on. */
export interface Target {
  readonly pid: number;
  /** Where {@link MARK} lies in its memory. */
  readonly address: number;
}

/** What may be done to another process of the same user. */
export interface ProcessReport {
  /** Reading its memory. */
  readonly memory: Attempt;
  /** Stopping it as a debugger does. */
  readonly trace: Attempt;
  /** Copying one of its descriptors. */
  readonly descriptor: Attempt;
  /** Being told of the end of one thread (Linux 6.9). */
  readonly threadPidfd: Attempt;
  /** Asking for one mapping by address (Linux 6.11). */
  readonly mapQuery: Attempt;
}

/** What a target has in its memory. */
const MARK = 'ubinder doctor was here';

/** Milliseconds until a traced process must have stopped. */
const STOP_DEADLINE = 2000;

let kept: Buffer | undefined;

/** Makes this process a {@link Target}, for as long as it lives. */
export function becomeTarget(): Target {
  kept = Buffer.from(MARK);
  return { pid: process.pid, address: Number(loadKoffi().address(kept)) };
}

/** Tries everything on the target, which must stay alive meanwhile. Call in a child process: a bad kernel may hang. */
export function probeProcess({ pid, address }: Target): ProcessReport {
  return {
    memory: attempt(() => {
      const bytes = readProcessMemory(pid, address, MARK.length);
      if (bytes.toString() !== MARK) throw new Error('read other bytes than were written');
    }),
    descriptor: attempt(() => {
      const pidfd = pidfdOpen(pid);
      try {
        closeSync(copyDescriptor(pidfd, 0));
      } finally {
        closeSync(pidfd);
      }
    }),
    trace: attempt(() => {
      traceAttach(pid);
      traceInterrupt(pid);
      const deadline = Date.now() + STOP_DEADLINE;
      while (!traceStopped(pid)) if (Date.now() > deadline) throw new Error('it did not stop');
      traceDetach(pid);
    }),
    threadPidfd: attempt(() => {
      const PIDFD_THREAD = 0o200;
      closeSync(pidfdOpen(process.pid, PIDFD_THREAD));
    }),
    mapQuery: attempt(() => {
      // struct procmap_query: u64 size @0, u64 query_flags @8, u64 query_addr @16, ...
      const PROCMAP_QUERY = 0xc0686611;
      const COVERING_OR_NEXT = 0x10;
      const query = Buffer.alloc(104);
      query.writeUInt32LE(query.length, 0);
      query.writeUInt32LE(COVERING_OR_NEXT, 8);
      const maps = openSync('/proc/self/maps', 'r');
      try {
        ioctl(maps, PROCMAP_QUERY, query);
      } finally {
        closeSync(maps);
      }
    }),
  };
}

function attempt(action: () => void): Attempt {
  try {
    action();
    return 'ok';
  } catch (error) {
    return errorCode(error) ?? (error as Error).message;
  }
}
