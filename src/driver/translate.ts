import {
  BINDER_TYPE_BINDER,
  BINDER_TYPE_FD,
  BINDER_TYPE_FDA,
  BINDER_TYPE_HANDLE,
  BINDER_TYPE_PTR,
  BINDER_TYPE_WEAK_BINDER,
  BINDER_TYPE_WEAK_HANDLE,
} from '../abi/binder.ts';
import { EFAULT, EINVAL, ENOMEM, EPERM } from '../abi/errno.ts';
import { readU64, type U64, writeU64 } from '../abi/u64.ts';
import type { Buffer } from './allocation.ts';
import { MAX_TRANSACTION_FILES, userAddress } from './limits.ts';
import type { Area } from './ports.ts';
import type { Process } from './process.ts';
import { ScatterGather } from './scatter-gather.ts';
import type { Thread } from './thread.ts';
import type { Transaction } from './transaction.ts';
import { addU64 } from './write-read.ts';

/** Bytes of an object by its type. */
function objectSize(type: number): number {
  switch (type) {
    case BINDER_TYPE_BINDER:
    case BINDER_TYPE_WEAK_BINDER:
    case BINDER_TYPE_HANDLE:
    case BINDER_TYPE_WEAK_HANDLE:
    case BINDER_TYPE_FD:
      return 24;
    case BINDER_TYPE_FDA:
      return 32;
    case BINDER_TYPE_PTR:
      return 40;
    default:
      return 0;
  }
}

/** The kernel driver fetches as many bytes for any object, where the data has them: the largest object's. */
const OBJECT_FETCH = 40;

/** What the translation of one transaction's objects needs to know. */
export interface Translation {
  /** The sender. */
  readonly thread: Thread;
  readonly target: Process;
  readonly sent: Transaction;
  readonly buffer: Buffer;
  /** Whether the receiver takes descriptors in this transaction. */
  readonly acceptsFiles: boolean;
  /** The private copy of the data and the offsets. */
  readonly copy: Area;
  /** Bytes of the data that could be read; beyond them the sender's memory faulted. */
  readonly readable: number;
  /** Bytes at the end of the buffer that are something else's: the security context. */
  readonly reserved: number;
  /** The sender's buffers that go along; `null` until there is one. */
  scatterGather: ScatterGather | null;
}

/**
 * Rewrites the objects of a transaction from the sender's names to the receiver's, in the private copy of its data, and
 * notes in the buffer and the transaction what they hold for them, so that a failure midway gives back exactly that.
 *
 * @returns an errno, or 0
 */
export function translate(translation: Translation): number {
  const { thread, buffer, copy, readable } = translation;
  const { view } = copy;
  const { dataSize } = buffer;
  const first = buffer.offsetsStart;
  const end = first + buffer.offsetsSize;
  let done = 0; // bytes of data dealt with, raw or as objects
  for (let at = first; at < end; at += 8) {
    const offset = readU64(view, at);
    if (typeof offset !== 'number' || offset < done || offset > dataSize) return EFAULT;
    if (offset > done && offset > readable) return EFAULT;
    if (offset % 4 !== 0 || dataSize - offset < 4) return EINVAL;
    if (Math.min(offset + OBJECT_FETCH, dataSize) > readable) return EINVAL;
    const type = view.getUint32(offset, true);
    const size = objectSize(type);
    if (size === 0 || size > dataSize - offset) {
      thread.process.userError(thread, `got transaction with invalid object at offset ${offset}`);
      return EINVAL;
    }
    const errno = translateObject(translation, type, offset, (at - first) / 8);
    if (errno !== 0) return errno;
    done = offset + size;
  }
  return done < dataSize && readable < dataSize ? EFAULT : 0;
}

/** The object of `type` at byte `at` of the data, the `index`-th of all. */
function translateObject(translation: Translation, type: number, at: number, index: number): number {
  switch (type) {
    case BINDER_TYPE_BINDER:
      return translateBinder(translation, at, true);
    case BINDER_TYPE_WEAK_BINDER:
      return translateBinder(translation, at, false);
    case BINDER_TYPE_HANDLE:
      return translateHandle(translation, at, true);
    case BINDER_TYPE_WEAK_HANDLE:
      return translateHandle(translation, at, false);
    case BINDER_TYPE_FD:
      return translateFd(translation, at);
    case BINDER_TYPE_FDA:
      return translateFdArray(translation, at);
    default:
      return translatePtr(translation, at, index);
  }
}

/** A node of the sender becomes a handle of the receiver. */
function translateBinder(
  { thread, target, buffer, copy: { view } }: Translation,
  at: number,
  strong: boolean,
): number {
  const { process } = thread;
  const cookie = readU64(view, at + 16);
  const node = process.createNode(readU64(view, at + 8), cookie, view.getUint32(at + 4, true));
  if (!node) return ENOMEM;
  const isSame = node.cookie === cookie;
  if (!isSame) process.userError(thread, `sending node ${node.id} with another cookie than before`);
  const isAllowed = isSame && mayTransferBinder(process, target);
  const ref = isAllowed ? target.addRef(node, strong, thread) : isSame ? EPERM : EINVAL;
  node.letGo();
  if (typeof ref === 'number') return ref;
  putHandle(buffer, view, at, strong, ref.handle);
  return 0;
}

/** A handle of the sender becomes the receiver's own node, or a handle of the receiver. */
function translateHandle(
  { thread, target, buffer, copy: { view } }: Translation,
  at: number,
  strong: boolean,
): number {
  const { process } = thread;
  const handle = view.getUint32(at + 8, true);
  const source = process.refs.get(handle);
  if (!source || (strong && source.strong === 0)) {
    process.userError(thread, `got transaction with invalid handle, ${handle}`);
    return EINVAL;
  }
  if (!mayTransferBinder(process, target)) return EPERM;
  const { node } = source;
  if (node.process !== target) {
    const ref = target.addRef(node, strong, null);
    if (typeof ref === 'number') return ref;
    putHandle(buffer, view, at, strong, ref.handle);
    return 0;
  }
  if (strong) node.addLocalStrong();
  else node.addLocalWeak();
  const type = strong ? BINDER_TYPE_BINDER : BINDER_TYPE_WEAK_BINDER;
  view.setUint32(at, type, true);
  writeU64(view, at + 8, node.ptr);
  writeU64(view, at + 16, node.cookie);
  hold(buffer, type, node.ptr);
  return 0;
}

/** A descriptor of the sender: its open file goes along, and the number follows when the receiver has one. */
function translateFd(translation: Translation, at: number): number {
  const { view } = translation.copy;
  const fd = view.getUint32(at + 8, true);
  writeU64(view, at + 8, 0);
  return carryFile(translation, fd, at + 8, false);
}

/** A buffer of the sender that goes along. */
function translatePtr(translation: Translation, at: number, index: number): number {
  const { thread, target, buffer, copy, reserved } = translation;
  translation.scatterGather ??= new ScatterGather(buffer, target.addressOf(buffer), reserved);
  const errno = translation.scatterGather.addPiece(copy.view, at, index);
  if (errno !== 0) thread.process.userError(thread, `got transaction with invalid buffer object at ${at}`);
  return errno;
}

/** An array of descriptors in a buffer that goes along. */
function translateFdArray(translation: Translation, at: number): number {
  const { thread, scatterGather } = translation;
  const { view } = translation.copy;
  const count = readU64(view, at + 8);
  const parent = scatterGather?.piece(readU64(view, at + 16));
  const offset = readU64(view, at + 24);
  if (!scatterGather || !parent || !scatterGather.mayFix(parent, offset)) {
    thread.process.userError(thread, `got transaction with invalid parent of the descriptor array at ${at}`);
    return EINVAL;
  }
  if (count === 0) {
    scatterGather.didFix(parent, offset);
    return 0;
  }
  const end = parent.length - 4 * Number(count);
  if (end < 0 || offset > end) {
    thread.process.userError(thread, `not enough space to store ${count} descriptors in buffer`);
    return EINVAL;
  }
  const start = Number(offset);
  const source = addU64(parent.source, start);
  if ((parent.offset + start) % 4 !== 0 || BigInt(source) % 4n !== 0n) {
    thread.process.userError(thread, 'parent offset of a descriptor array not aligned');
    return EINVAL;
  }
  scatterGather.leaveDescriptors(parent, start, Number(count));
  scatterGather.didFix(parent, start + 4 * Number(count));
  return carryFiles(translation, source, Number(count), parent.offset + start);
}

/** Takes the files of `count` descriptors at the sender's address `source`, for a place `offset` in the buffer. */
function carryFiles(translation: Translation, source: U64, count: number, offset: number): number {
  const { thread, copy } = translation;
  const { memory } = thread.process.client;
  // The numbers are looked at here and go nowhere: their place in the private copy is as good as any.
  const size = 4 * Math.min(count, MAX_TRANSACTION_FILES);
  const readable = memory.read(thread.id, userAddress(source), copy, offset, size);
  for (let done = 0; done < 4 * count; done += 4) {
    // As the kernel driver says it, and not EFAULT.
    if (done < size && done + 4 > readable) return EINVAL;
    const fd = done < size ? copy.view.getUint32(offset + done, true) : 0;
    const errno = carryFile(translation, fd, offset + done, true);
    if (errno !== 0) return errno;
  }
  return 0;
}

/**
 * Takes the open file behind `fd` from the sender, whose number in the receiver will be written `offset` bytes into the
 * buffer.
 */
function carryFile(
  { thread, target, sent, acceptsFiles }: Translation,
  fd: number,
  offset: number,
  isClosedWithBuffer: boolean,
): number {
  const { process } = thread;
  if (!acceptsFiles || !process.client.files || !target.client.files) {
    process.userError(
      thread,
      `got transaction with descriptor ${fd}, but the target does not allow descriptors`,
    );
    return EPERM;
  }
  if (sent.files && sent.files.length >= MAX_TRANSACTION_FILES) return ENOMEM;
  const file = process.client.files.take(thread.id, fd);
  if (typeof file === 'number') {
    process.userError(thread, `got transaction with invalid descriptor ${fd}`);
    return file;
  }
  if (process.driver.host.policy?.mayTransferFile(process.client, target.client) === false) {
    file.close();
    return EPERM;
  }
  sent.carry({ file, offset, isClosedWithBuffer });
  return 0;
}

function mayTransferBinder(from: Process, to: Process): boolean {
  return from.driver.host.policy?.mayTransferBinder(from.client, to.client) ?? true;
}

function putHandle(buffer: Buffer, view: DataView, at: number, strong: boolean, handle: number): void {
  const type = strong ? BINDER_TYPE_HANDLE : BINDER_TYPE_WEAK_HANDLE;
  view.setUint32(at, type, true);
  writeU64(view, at + 8, handle);
  writeU64(view, at + 16, 0);
  hold(buffer, type, handle);
}

function hold(buffer: Buffer, type: number, target: number | bigint): void {
  buffer.objects ??= [];
  buffer.objects.push({ type, target });
}
