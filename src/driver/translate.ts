import {
  BINDER_TYPE_BINDER,
  BINDER_TYPE_FD,
  BINDER_TYPE_FDA,
  BINDER_TYPE_HANDLE,
  BINDER_TYPE_PTR,
  BINDER_TYPE_WEAK_BINDER,
  BINDER_TYPE_WEAK_HANDLE,
} from '../abi/binder.ts';
import { EFAULT, EINVAL, EPERM } from '../abi/errno.ts';
import { readU64, writeU64 } from '../abi/u64.ts';
import type { Buffer } from './allocation.ts';
import type { Area } from './ports.ts';
import type { Process } from './process.ts';
import type { Thread } from './thread.ts';

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

/**
 * Rewrites the objects of a transaction from the sender's names to the receiver's, in the private copy `data`, and
 * notes in `buffer` what it holds for them, so that a failure midway gives back exactly that.
 *
 * @param readable - bytes of the data that could be read; beyond them the sender's memory faulted
 * @returns an errno, or 0
 */
export function translate(
  thread: Thread,
  target: Process,
  buffer: Buffer,
  { view }: Area,
  readable: number,
): number {
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
    const errno = translateObject(thread, target, buffer, view, offset, type);
    if (errno !== 0) return errno;
    done = offset + size;
  }
  return done < dataSize && readable < dataSize ? EFAULT : 0;
}

function translateObject(
  thread: Thread,
  target: Process,
  buffer: Buffer,
  view: DataView,
  at: number,
  type: number,
): number {
  switch (type) {
    case BINDER_TYPE_BINDER:
      return translateBinder(thread, target, buffer, view, at, true);
    case BINDER_TYPE_WEAK_BINDER:
      return translateBinder(thread, target, buffer, view, at, false);
    case BINDER_TYPE_HANDLE:
      return translateHandle(thread, target, buffer, view, at, true);
    case BINDER_TYPE_WEAK_HANDLE:
      return translateHandle(thread, target, buffer, view, at, false);
    case BINDER_TYPE_FD:
      // As for a receiver that does not accept descriptors: none can be passed yet.
      return EPERM;
    default:
      // As for a transaction without scatter-gather space.
      return EINVAL;
  }
}

/** A node of the sender becomes a handle of the receiver. */
function translateBinder(
  thread: Thread,
  target: Process,
  buffer: Buffer,
  view: DataView,
  at: number,
  strong: boolean,
): number {
  const { process } = thread;
  const cookie = readU64(view, at + 16);
  const node = process.createNode(readU64(view, at + 8), cookie, view.getUint32(at + 4, true));
  const isSame = node.cookie === cookie;
  if (!isSame) process.userError(thread, `sending node ${node.id} with another cookie than before`);
  const ref = isSame ? target.addRef(node, strong, thread) : null;
  node.letGo();
  if (!ref) return EINVAL;
  putHandle(buffer, view, at, strong, ref.handle);
  return 0;
}

/** A handle of the sender becomes the receiver's own node, or a handle of the receiver. */
function translateHandle(
  thread: Thread,
  target: Process,
  buffer: Buffer,
  view: DataView,
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
  const { node } = source;
  if (node.process !== target) {
    const ref = target.addRef(node, strong, null);
    if (!ref) return EINVAL;
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
