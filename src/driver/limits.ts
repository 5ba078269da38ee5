import type { U64 } from '../abi/u64.ts';

/** The limits of the driver, each with its reason. */

/** Limits that protect the driver's own process, and that whoever runs it may set. */
export interface Limits {
  /**
   * Objects that are dealt with at once when a process is gone; then others get their turn. 250 take less than a fifth of a
   * millisecond, and a call of others, which is some requests one after the other, waits for as many slices.
   */
  readonly releaseSlice: number;
  /**
   * Commands of one write buffer that are carried out at once; then others get their turn. A client may write gigabytes
   * of them in one ioctl, of which the smallest take a tenth of a microsecond and ordinary calls some microseconds.
   */
  readonly writeSlice: number;
  /**
   * Threads of a process. Libbinder's pool has 16 and other callers some hundreds; each that calls costs about a
   * kilobyte and a descriptor. The next one's ioctl ends with ENOMEM, as where the kernel has no memory for its record.
   */
  readonly threads: number;
  /**
   * Nodes of a process. Servers have some thousands; a quarter of a million take about 100 megabytes. A transaction that
   * needs another fails with ENOMEM.
   */
  readonly nodes: number;
  /** Refs of a process: as many as nodes, for the same reasons and with the same answer. */
  readonly refs: number;
  /**
   * Registrations for deaths and freezing of a process, each kind, unread ends of earlier ones included: a client could
   * register and withdraw for ever without reading. The next one's ioctl ends with ENOMEM, as the
   * kernel's does that has no memory for a freeze notification. (It queues a BR_ERROR as well, and for a death notification
   * nothing else: four bytes of code without the number that belongs to it, after which clients misread what follows.)
   */
  readonly registrations: number;
}

export const DEFAULT_LIMITS: Limits = {
  releaseSlice: 250,
  writeSlice: 4096,
  threads: 8192,
  nodes: 262_144,
  refs: 262_144,
  registrations: 262_144,
};

/** Bytes of a mapping that are used, however large it is: SZ_4M in the kernel driver. */
export const MAX_MAPPING_SIZE = 4 * 1024 * 1024;

/**
 * Bytes that must be left in a read buffer before another work item is taken: a code and the largest payload
 * (binder_transaction_data_secctx), whatever the item's own size, as in the kernel driver.
 */
export const READ_ITEM_RESERVE = 4 + 72;

/**
 * Bytes of a write buffer fetched at once. Clients write a few commands a time (libbinder at most 256 bytes); longer
 * buffers are streamed in pieces, so that no allocation follows a client's number.
 */
export const WRITE_CHUNK = 4096;

/**
 * Bytes of a read buffer collected before they are copied out, so that with the item that crosses the end they fit a
 * page. A read that has more to say continues with another piece.
 */
export const READ_CHUNK = 4096 - READ_ITEM_RESERVE;

/**
 * Open files that one transaction may carry: the usual limit of descriptors of a process, which could not receive more
 * at once. In the kernel driver only memory limits them, and the answer is the same as when that is short.
 */
export const MAX_TRANSACTION_FILES = 1024;

/** The highest user-space address of the 64-bit architectures we run on: above it every access faults. */
export const MAX_USER_ADDRESS = 0x00ff_ffff_ffff_f000;

/** A pointer as an address to try; those that cannot be user space's become one that faults. */
export function userAddress(pointer: U64): number {
  return typeof pointer === 'number' && pointer <= MAX_USER_ADDRESS ? pointer : 0;
}
