import {
  BINDER_CURRENT_PROTOCOL_VERSION,
  BINDER_ENABLE_ONEWAY_SPAM_DETECTION,
  BINDER_FREEZE,
  BINDER_GET_EXTENDED_ERROR,
  BINDER_GET_FROZEN_INFO,
  BINDER_GET_NODE_DEBUG_INFO,
  BINDER_GET_NODE_INFO_FOR_REF,
  BINDER_SET_CONTEXT_MGR,
  BINDER_SET_CONTEXT_MGR_EXT,
  BINDER_SET_MAX_THREADS,
  BINDER_THREAD_EXIT,
  BINDER_VERSION,
  BR_OK,
} from '../abi/binder.ts';
import { EBUSY, EINVAL, ENOMEM, EPERM } from '../abi/errno.ts';
import {
  extendedError,
  flatBinderObject,
  freezeInfo,
  frozenStatusInfo,
  nodeDebugInfo as nodeDebugInfoStruct,
  nodeInfoForRef as nodeInfoForRefStruct,
} from '../abi/structs.ts';
import type { U64 } from '../abi/u64.ts';
import { FreezeRequest } from './freeze.ts';
import { PARKED } from './ports.ts';
import type { Process } from './process.ts';
import type { Thread } from './thread.ts';

/**
 * Every ioctl but BINDER_WRITE_READ. What is to be copied back is written to `argument` in place.
 *
 * @returns 0, a positive errno, or {@link PARKED}.
 */
export function control(
  process: Process,
  thread: Thread,
  command: number,
  argument: DataView,
  at: number,
): number {
  switch (command) {
    case BINDER_SET_MAX_THREADS:
      process.maxThreads = argument.getUint32(at, true);
      return 0;
    case BINDER_ENABLE_ONEWAY_SPAM_DETECTION:
      process.detectsOnewaySpam = argument.getUint32(at, true) !== 0;
      return 0;
    case BINDER_FREEZE:
      return freeze(process, thread, argument, at);
    case BINDER_GET_FROZEN_INFO:
      return frozenInfo(process, argument, at);
    case BINDER_VERSION:
      argument.setInt32(at, BINDER_CURRENT_PROTOCOL_VERSION, true);
      return 0;
    case BINDER_THREAD_EXIT:
      process.releaseThread(thread);
      return 0;
    case BINDER_SET_CONTEXT_MGR:
      return becomeManager(process, thread, 0, 0, 0);
    case BINDER_SET_CONTEXT_MGR_EXT: {
      const object = flatBinderObject.decode(argument, at);
      return becomeManager(process, thread, object.binder, object.cookie, object.flags);
    }
    case BINDER_GET_NODE_DEBUG_INFO:
      return nodeDebugInfo(process, argument, at);
    case BINDER_GET_NODE_INFO_FOR_REF:
      return nodeInfoForRef(process, argument, at);
    case BINDER_GET_EXTENDED_ERROR:
      extendedError.encode(argument, at, thread.extendedError);
      thread.extendedError.set(0, BR_OK, 0);
      return 0;
    default:
      return EINVAL;
  }
}

function becomeManager(process: Process, thread: Thread, ptr: U64, cookie: U64, flags: number): number {
  const { context } = process;
  if (context.manager) return EBUSY;
  if (process.driver.host.policy?.mayManage(process.client) === false) return EPERM;
  if (context.managerUid !== null && context.managerUid !== thread.euid) return EPERM;
  context.managerUid = thread.euid;
  const node = process.createNode(ptr, cookie, flags);
  if (!node) return ENOMEM;
  // The manager knows that its node is held: it is never told.
  node.localStrong++;
  node.localWeak++;
  node.strong.isTold = true;
  node.weak.isTold = true;
  context.manager = node;
  node.letGo();
  return 0;
}

/** BINDER_FREEZE: freezes or thaws every open of a process, on whatever device. */
function freeze(process: Process, thread: Thread, argument: DataView, at: number): number {
  const { pid, enable, timeoutMs } = freezeInfo.decode(argument, at);
  const targets = process.driver.processesOf(pid);
  if (targets.length === 0) return EINVAL;
  if (enable === 0) {
    for (const target of targets) target.thaw();
    return 0;
  }
  const request = new FreezeRequest(thread, targets, timeoutMs);
  const result = request.proceed();
  if (result !== null) return result;
  thread.freezing = request;
  return PARKED;
}

function frozenInfo(process: Process, argument: DataView, at: number): number {
  const { pid } = frozenStatusInfo.decode(argument, at);
  const targets = process.driver.processesOf(pid);
  if (targets.length === 0) return EINVAL;
  let syncRecv = 0;
  let asyncRecv = 0;
  for (const target of targets) {
    syncRecv |= Number(target.hasReceivedSync) | (target.hasPendingTransactions ? 2 : 0);
    asyncRecv |= Number(target.hasReceivedAsync);
  }
  frozenStatusInfo.encode(argument, at, { pid, syncRecv, asyncRecv });
  return 0;
}

/** The node with the smallest pointer above the cursor; all zero when there is none. */
function nodeDebugInfo(process: Process, argument: DataView, at: number): number {
  const cursor = nodeDebugInfoStruct.fields.ptr.read(argument, at);
  const found = process.nodes.after(cursor);
  nodeDebugInfoStruct.encode(
    argument,
    at,
    found
      ? {
          ptr: found.ptr,
          cookie: found.cookie,
          hasStrongRef: Number(found.strong.isTold),
          hasWeakRef: Number(found.weak.isTold),
        }
      : {},
  );
  return 0;
}

function nodeInfoForRef(process: Process, argument: DataView, at: number): number {
  const info = nodeInfoForRefStruct.decode(argument, at);
  if (info.strongCount || info.weakCount || info.reserved1 || info.reserved2 || info.reserved3) return EINVAL;
  if (process.context.manager?.process !== process) return EPERM;
  const ref = process.refs.get(info.handle);
  if (!ref || ref.strong === 0) return EINVAL;
  nodeInfoForRefStruct.encode(argument, at, {
    handle: info.handle,
    strongCount: ref.node.localStrong + ref.node.internalStrong,
    weakCount: ref.node.localWeak,
  });
  return 0;
}
