import type { Area } from '../../driver/ports.ts';
import { SystemCallError } from '../linux/libc.ts';
import { type FileAttributes, writeAttributes, writeTimeout } from './attributes.ts';
import type { OutMessage } from './out-message.ts';
import {
  ATTR_OUT,
  ENTRY_OUT,
  GETXATTR_OUT,
  IOCTL_OUT,
  LSEEK_OUT,
  OPEN_OUT,
  OUT_HEADER,
  POLL_OUT,
  STATFS_OUT,
  WRITE_OUT,
  writeNumber64,
} from './protocol.ts';

const BODY = OUT_HEADER.byteLength;
const ENOENT = 2;
const EBADF = 9;
const ENODEV = 19;
const ECONNABORTED = 103;

/** The kernel refuses headers with an error from here on: ERESTARTSYS and its like are for ioctl results alone. */
const FIRST_REFUSED_ERRNO = 512;

/** What statfs(2) tells. */
export interface FileSystemStatistics {
  readonly blocks?: number;
  readonly freeBlocks?: number;
  readonly availableBlocks?: number;
  readonly files?: number;
  readonly freeFiles?: number;
  /** Bytes of a block; default 4096. */
  readonly blockSize?: number;
  /** Bytes of the longest name; default 255. */
  readonly nameLength?: number;
}

/**
 * The answers to requests. Each names the request by `unique` and may be given at any time after it came, in any
 * order, once.
 *
 * All return whether the answer arrived: `false` when the kernel knows the request no more (its connection was
 * aborted, the session closed), which is no error. The data of `area` is copied before they return.
 *
 * @throws RangeError for an answer larger than the session's arena, {@link SystemCallError} when the kernel refuses
 * its form: a mistake of the caller.
 */
export class FuseReply {
  private readonly out: OutMessage;

  constructor(out: OutMessage) {
    this.out = out;
  }

  /** Success without data. */
  ok(unique: number): boolean {
    return this.send(unique, 0);
  }

  /** @param errno positive, below 512. */
  error(unique: number, errno: number): boolean {
    if (!(errno > 0 && errno < FIRST_REFUSED_ERRNO))
      throw new RangeError(`Cannot answer errno ${errno}: give a positive one below ${FIRST_REFUSED_ERRNO}`);
    const failure = this.out.send(unique, -errno, 0);
    return failure === 0 || this.isGone(failure, 0);
  }

  /**
   * @param nodeid 0 says that there is no such name, for as long as `entryTimeout`; otherwise it must never be used
   * again for another file.
   * @param entryTimeout seconds for which the kernel may use the name without asking; fractions and `Infinity` too.
   * @param attributeTimeout the same for the attributes.
   */
  entry(
    unique: number,
    nodeid: number,
    attributes: FileAttributes,
    entryTimeout: number,
    attributeTimeout: number,
  ): boolean {
    this.putEntry(nodeid, attributes, entryTimeout, attributeTimeout);
    return this.send(unique, ENTRY_OUT.byteLength);
  }

  /** There is no such name; the kernel may remember that for `timeout` seconds. */
  noEntry(unique: number, timeout: number): boolean {
    this.out.clear(ENTRY_OUT.byteLength);
    writeTimeout(this.out.view, BODY + ENTRY_OUT.entry_valid, BODY + ENTRY_OUT.entry_valid_nsec, timeout);
    return this.send(unique, ENTRY_OUT.byteLength);
  }

  /** @param timeout seconds for which the kernel may use them without asking. */
  attributes(unique: number, attributes: FileAttributes, timeout: number): boolean {
    const { view } = this.out;
    this.out.clear(ATTR_OUT.byteLength);
    writeTimeout(view, BODY + ATTR_OUT.attr_valid, BODY + ATTR_OUT.attr_valid_nsec, timeout);
    writeAttributes(view, BODY + ATTR_OUT.attr, attributes);
    return this.send(unique, ATTR_OUT.byteLength);
  }

  /**
   * @param fh comes back with every request through this open.
   * @param flags of `OPEN_REPLY_FLAG`.
   * @param backingId for PASSTHROUGH, from `openBacking`; close it only when a later request of this open has come, because the
   *   caller looks it up on its own time, after this answer.
   */
  open(unique: number, fh: number, flags: number, backingId = 0): boolean {
    this.putOpen(BODY, fh, flags, backingId);
    return this.send(unique, OPEN_OUT.byteLength);
  }

  /** The answer to CREATE: {@link entry} and {@link open} in one. */
  created(
    unique: number,
    nodeid: number,
    attributes: FileAttributes,
    entryTimeout: number,
    attributeTimeout: number,
    fh: number,
    flags: number,
  ): boolean {
    this.putEntry(nodeid, attributes, entryTimeout, attributeTimeout);
    this.putOpen(BODY + ENTRY_OUT.byteLength, fh, flags, 0);
    return this.send(unique, ENTRY_OUT.byteLength + OPEN_OUT.byteLength);
  }

  /** `length` bytes of `area` from byte `at`: what was read, a link's target, directory entries, an attribute. */
  bytes(unique: number, area: Area, at: number, length: number): boolean {
    this.out.reserve(length);
    this.out.copy(0, area, at, length);
    return this.send(unique, length);
  }

  /** @param size bytes that were written. */
  written(unique: number, size: number): boolean {
    this.out.clear(WRITE_OUT.byteLength);
    this.out.view.setUint32(BODY + WRITE_OUT.size, size, true);
    return this.send(unique, WRITE_OUT.byteLength);
  }

  /**
   * @param result what ioctl(2) returns: 0 or more, or -errno. Unlike `error`, `-errno` here comes *with* the data,
   * and may be -512 (ERESTARTSYS), but only for a request that was interrupted.
   * @param length bytes of `area` from byte `at` to copy to the caller's argument, at most `request.outSize`.
   */
  ioctl(unique: number, result: number, area: Area, at: number, length: number): boolean {
    this.out.reserve(IOCTL_OUT.byteLength + length);
    this.putIoctl(result);
    this.out.copy(IOCTL_OUT.byteLength, area, at, length);
    return this.send(unique, IOCTL_OUT.byteLength + length);
  }

  /** The bytes of an {@link ioctl} answer, for somebody else to write to /dev/fuse. */
  ioctlBytes(unique: number, result: number, argument: Uint8Array): Uint8Array {
    const length = BODY + IOCTL_OUT.byteLength + argument.length;
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    view.setUint32(OUT_HEADER.len, length, true);
    writeNumber64(view, OUT_HEADER.unique, unique);
    view.setInt32(BODY + IOCTL_OUT.result, result, true);
    bytes.set(argument, BODY + IOCTL_OUT.byteLength);
    return bytes;
  }

  /** {@link ioctl} without data: the caller's argument stays as it is. */
  ioctlResult(unique: number, result: number): boolean {
    this.putIoctl(result);
    return this.send(unique, IOCTL_OUT.byteLength);
  }

  /** @param revents what is ready now; never answer POLL by an error when it was interrupted. */
  poll(unique: number, revents: number): boolean {
    writeNumber64(this.out.view, BODY + POLL_OUT.revents, revents);
    return this.send(unique, POLL_OUT.byteLength);
  }

  /** @param offset bytes. */
  offset(unique: number, offset: number): boolean {
    writeNumber64(this.out.view, BODY + LSEEK_OUT.offset, offset);
    return this.send(unique, LSEEK_OUT.byteLength);
  }

  /** @param size bytes that the attribute, or the list of names, needs. */
  xattrSize(unique: number, size: number): boolean {
    writeNumber64(this.out.view, BODY + GETXATTR_OUT.size, size);
    return this.send(unique, GETXATTR_OUT.byteLength);
  }

  statfs(unique: number, statistics: FileSystemStatistics): boolean {
    const { view } = this.out;
    const blockSize = statistics.blockSize ?? 4096;
    this.out.clear(STATFS_OUT.byteLength);
    writeNumber64(view, BODY + STATFS_OUT.blocks, statistics.blocks ?? 0);
    writeNumber64(view, BODY + STATFS_OUT.bfree, statistics.freeBlocks ?? 0);
    writeNumber64(view, BODY + STATFS_OUT.bavail, statistics.availableBlocks ?? 0);
    writeNumber64(view, BODY + STATFS_OUT.files, statistics.files ?? 0);
    writeNumber64(view, BODY + STATFS_OUT.ffree, statistics.freeFiles ?? 0);
    view.setUint32(BODY + STATFS_OUT.bsize, blockSize, true);
    view.setUint32(BODY + STATFS_OUT.frsize, blockSize, true);
    view.setUint32(BODY + STATFS_OUT.namelen, statistics.nameLength ?? 255, true);
    return this.send(unique, STATFS_OUT.byteLength);
  }

  private putEntry(nodeid: number, attributes: FileAttributes, entry: number, attribute: number): void {
    const { view } = this.out;
    this.out.clear(ENTRY_OUT.byteLength);
    writeNumber64(view, BODY + ENTRY_OUT.nodeid, nodeid);
    writeTimeout(view, BODY + ENTRY_OUT.entry_valid, BODY + ENTRY_OUT.entry_valid_nsec, entry);
    writeTimeout(view, BODY + ENTRY_OUT.attr_valid, BODY + ENTRY_OUT.attr_valid_nsec, attribute);
    writeAttributes(view, BODY + ENTRY_OUT.attr, attributes);
  }

  private putOpen(at: number, fh: number, flags: number, backingId: number): void {
    const { view } = this.out;
    writeNumber64(view, at + OPEN_OUT.fh, fh);
    view.setUint32(at + OPEN_OUT.open_flags, flags, true);
    view.setInt32(at + OPEN_OUT.backing_id, backingId, true);
  }

  private putIoctl(result: number): void {
    const { view } = this.out;
    view.setInt32(BODY + IOCTL_OUT.result, result, true);
    view.setUint32(BODY + IOCTL_OUT.flags, 0, true);
    writeNumber64(view, BODY + IOCTL_OUT.in_iovs, 0);
  }

  private send(unique: number, bodyLength: number): boolean {
    const failure = this.out.send(unique, 0, bodyLength);
    return failure === 0 || this.isGone(failure, bodyLength);
  }

  /** Always false, or throws: the way back from a write that failed. */
  private isGone(failure: number, bodyLength: number): false {
    if (failure === ENOENT || failure === ENODEV || failure === ECONNABORTED || failure === EBADF)
      return false;
    throw new SystemCallError('write', failure, `of a FUSE reply of ${bodyLength} bytes`);
  }
}
