import { IOC_READ, IOC_WRITE, iocCode } from './ioctl-code.ts';

/**
 * Logical threads, an extension of ours that `features/logical_threads` advertises: one OS thread is as many Binder threads as
 * it likes. Each is a number. An ioctl names the one for which it writes and reads, and never sleeps; what a read that
 * found nothing gets later comes through a socket.
 *
 * ```
 *   UBINDER_LOGICAL_OPEN   registers the sockets, once for each open
 *   UBINDER_LOGICAL_IOCTL  header | struct binder_write_read | … wherever the caller likes: read buffer, commands, data
 *   events socket          thread | errno | bytes | files | BR commands …
 *   files socket           first number: SCM_RIGHTS
 * ```
 *
 * All that the argument of UBINDER_LOGICAL_IOCTL holds travels with the ioctl. So its size, in the ioctl's number, follows
 * the contents. The read buffer and the commands must lie in it; data that commands point to may lie anywhere.
 */
export const UBINDER_LOGICAL_OPEN: number = iocCode(IOC_WRITE, 'U', 1, 8);

/** UBINDER_LOGICAL_OPEN: two descriptors (i32), each an end of a pair of connected unix stream sockets. */
export const LOGICAL_OPEN = { events: 0, files: 4, size: 8 } as const;

/** The ioctl of a logical thread whose argument has so many bytes, at most {@link MAX_LOGICAL_ARGUMENT}. */
export function logicalIoctl(size: number): number {
  return iocCode(IOC_READ | IOC_WRITE, 'U', 2, size);
}

export const MAX_LOGICAL_ARGUMENT = 0x3fff;

/** Whether an ioctl is one of those above, whatever its size: type and number are. */
export const LOGICAL_TYPE: number = 'U'.charCodeAt(0) << 8;

/** The argument's header; a struct binder_write_read follows. */
export const LOGICAL_HEADER = {
  /** u32 in: which thread, not 0. */
  thread: 0,
  /** u32 in: BINDER_WRITE_READ or BINDER_THREAD_EXIT. */
  command: 4,
  /** u32 in: 1 when a reply that is taken needs no BR_TRANSACTION_COMPLETE. */
  quiet: 8,
  /** u32 out, in its place: 1 when there was nothing to read. The thread then sleeps until its event. */
  sleeps: 8,
  /** u32 out: how many files the transaction that was read brings along. */
  files: 12,
  size: 16,
} as const;

/** An event: the end of a read that slept. */
export const LOGICAL_EVENT = {
  thread: 0,
  /** 0 or a positive errno. */
  errno: 4,
  /** Bytes of BR commands that follow. */
  length: 8,
  /** Messages in the files socket that belong to it. */
  files: 12,
  size: 16,
} as const;

/** Bytes that a logical thread may read at once. */
export const MAX_LOGICAL_READ = 4096;
