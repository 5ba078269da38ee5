import { closeSync } from 'node:fs';
import { createArea } from '../../linux/area.ts';
import { probeMapQuery, probeThreadPidfds } from '../../linux/capabilities.ts';
import { errorName, loadKoffi } from '../../linux/libc.ts';
import { ProcessMemory } from '../../linux/process-memory.ts';
import { openProcess } from '../../linux/process-watch.ts';
import { errorCode } from '../failure.ts';
import { copyDescriptor, traceAttach, traceDetach, traceInterrupt, traceStopped } from '../syscalls.ts';
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
      using memory = new ProcessMemory();
      using area = createArea(MARK.length);
      const read = memory.read(pid, address, area, 0, MARK.length);
      if (memory.lastErrno !== 0) throw new Error(errorName(memory.lastErrno));
      if (read !== MARK.length || Buffer.from(area.bytes).toString() !== MARK)
        throw new Error('read other bytes than were written');
    }),
    descriptor: attempt(() => {
      const pidfd = openProcess(pid);
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
    threadPidfd: probeThreadPidfds().value ? 'ok' : 'missing',
    mapQuery: probeMapQuery().value ? 'ok' : 'missing',
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
