import {
  BC_ACQUIRE,
  BC_ACQUIRE_DONE,
  BC_ACQUIRE_RESULT,
  BC_ATTEMPT_ACQUIRE,
  BC_CLEAR_DEATH_NOTIFICATION,
  BC_CLEAR_FREEZE_NOTIFICATION,
  BC_DEAD_BINDER_DONE,
  BC_DECREFS,
  BC_ENTER_LOOPER,
  BC_EXIT_LOOPER,
  BC_FREE_BUFFER,
  BC_FREEZE_NOTIFICATION_DONE,
  BC_INCREFS,
  BC_INCREFS_DONE,
  BC_REGISTER_LOOPER,
  BC_RELEASE,
  BC_REPLY,
  BC_REPLY_SG,
  BC_REQUEST_DEATH_NOTIFICATION,
  BC_REQUEST_FREEZE_NOTIFICATION,
  BC_TRANSACTION,
  BC_TRANSACTION_SG,
} from '../abi/binder.ts';
import { BC_COMMANDS } from '../abi/commands.ts';
import { EFAULT, EINVAL, ENOMEM } from '../abi/errno.ts';
import { iocNumber, iocSize } from '../abi/ioctl-code.ts';
import { readU64, type U64 } from '../abi/u64.ts';
import type { DeathRegistration } from './death.ts';
import type { FreezeRegistration } from './freeze.ts';
import { MAX_USER_ADDRESS, WRITE_CHUNK } from './limits.ts';
import { PARKED } from './ports.ts';
import type { Process } from './process.ts';
import { transact } from './send.ts';
import { LOOPER_ENTERED, LOOPER_EXITED, LOOPER_INVALID, LOOPER_REGISTERED, type Thread } from './thread.ts';
import { dequeue, type WorkItem } from './work.ts';
import { addU64 } from './write-read.ts';

/**
 * The write half of BINDER_WRITE_READ: carries out the commands of the thread's write buffer, one after the other.
 *
 * It stops before the end when a command fails the ioctl (its errno is returned, and `writeConsumed` does not count
 * it), when a command left an error for the thread to read, and after `limits.writeSlice` commands, to be called again.
 *
 * @returns 0, a positive errno, or {@link PARKED} when there is more to be done.
 */
export function write(thread: Thread): number {
  const { writeRead, process } = thread;
  const { driver } = process;
  const chunk = driver.writeChunk;
  const { view } = chunk.area;
  const start = addU64(writeRead.writeBuffer, writeRead.writeConsumed);
  const end = addU64(writeRead.writeBuffer, writeRead.writeSize);
  if (start >= end || thread.returnError.isPending) return 0;
  if (typeof start !== 'number' || start > MAX_USER_ADDRESS) return EFAULT;
  /** Bytes between the commands' start and end; rounding beyond 2^53 does no harm, as memory ends long before. */
  const size = Number(end) - start;
  const consumedBefore = writeRead.writeConsumed;

  let done = 0; // bytes of commands carried out
  let fetched = 0; // bytes of the buffer that the chunk ends at
  let from = 0; // byte of the buffer that the chunk begins with
  let left = driver.limits.writeSlice;
  while (size - done >= 4 && !thread.returnError.isPending) {
    if (left-- === 0) return PARKED;
    let need = 4;
    for (;;) {
      if (fetched - done < need) {
        if (size - done < need) return EFAULT;
        from = done;
        const wanted = Math.min(WRITE_CHUNK, size - done);
        fetched = done + chunk.fetch(thread, start + done, wanted);
        if (fetched - done < need) return EFAULT;
      }
      const whole = commandSize(view.getUint32(done - from, true));
      if (need === whole) break;
      need = whole;
    }
    const errno = execute(thread, view, done - from);
    if (errno !== 0) return errno;
    done += need;
    writeRead.writeConsumed = addU64(consumedBefore, done);
  }
  return 0;
}

/** The codes that are carried out, by number. The two of old that no driver implements are not among them. */
const CODES: (number | undefined)[] = [];
for (const code of BC_COMMANDS.keys()) {
  if (code !== BC_ATTEMPT_ACQUIRE && code !== BC_ACQUIRE_RESULT) CODES[iocNumber(code)] = code;
}

/** Bytes of a command with its code; an unknown one is refused for its code alone, so its payload is not looked at. */
function commandSize(code: number): number {
  return CODES[iocNumber(code)] === code ? 4 + iocSize(code) : 4;
}

/** Carries out the command at byte `at`. @returns an errno that ends the ioctl, or 0. */
function execute(thread: Thread, view: DataView, at: number): number {
  const code = view.getUint32(at, true);
  const { process } = thread;
  const all = process.driver.stats.bc;
  const own = process.counts.bc;
  const number = iocNumber(code);
  if (number < all.length) {
    all[number] = (all[number] as number) + 1;
    own[number] = (own[number] as number) + 1;
  }
  const payload = at + 4;
  switch (code) {
    case BC_TRANSACTION:
      transact(thread, view, payload, false, 0);
      return 0;
    case BC_REPLY:
      transact(thread, view, payload, true, 0);
      return 0;
    case BC_TRANSACTION_SG:
      transact(thread, view, payload, false, readU64(view, payload + 64));
      return 0;
    case BC_REPLY_SG:
      transact(thread, view, payload, true, readU64(view, payload + 64));
      return 0;
    case BC_FREE_BUFFER:
      freeBuffer(thread, readU64(view, payload));
      return 0;
    case BC_INCREFS:
      return changeRef(thread, view.getUint32(payload, true), true, false);
    case BC_ACQUIRE:
      return changeRef(thread, view.getUint32(payload, true), true, true);
    case BC_RELEASE:
      return changeRef(thread, view.getUint32(payload, true), false, true);
    case BC_DECREFS:
      return changeRef(thread, view.getUint32(payload, true), false, false);
    case BC_INCREFS_DONE:
      acknowledge(thread, readU64(view, payload), readU64(view, payload + 8), false);
      return 0;
    case BC_ACQUIRE_DONE:
      acknowledge(thread, readU64(view, payload), readU64(view, payload + 8), true);
      return 0;
    case BC_REGISTER_LOOPER:
      registerLooper(thread);
      return 0;
    case BC_ENTER_LOOPER:
      if (thread.looper & LOOPER_REGISTERED) {
        thread.looper |= LOOPER_INVALID;
        process.userError(thread, 'BC_ENTER_LOOPER called after BC_REGISTER_LOOPER');
      }
      thread.looper |= LOOPER_ENTERED;
      return 0;
    case BC_EXIT_LOOPER:
      thread.looper |= LOOPER_EXITED;
      return 0;
    case BC_REQUEST_DEATH_NOTIFICATION:
      return requestDeath(thread, view.getUint32(payload, true), readU64(view, payload + 4));
    case BC_CLEAR_DEATH_NOTIFICATION:
      clearDeath(thread, view.getUint32(payload, true), readU64(view, payload + 4));
      return 0;
    case BC_DEAD_BINDER_DONE:
      deadBinderDone(thread, readU64(view, payload));
      return 0;
    case BC_REQUEST_FREEZE_NOTIFICATION:
      return requestFreeze(thread, view.getUint32(payload, true), readU64(view, payload + 4));
    case BC_CLEAR_FREEZE_NOTIFICATION:
      return clearFreeze(thread, view.getUint32(payload, true), readU64(view, payload + 4));
    case BC_FREEZE_NOTIFICATION_DONE:
      return freezeDone(thread, readU64(view, payload));
    default:
      process.userError(thread, `unknown command 0x${code.toString(16)}`);
      return EINVAL;
  }
}

function registerLooper(thread: Thread): void {
  const { process } = thread;
  if (thread.looper & LOOPER_ENTERED) {
    thread.looper |= LOOPER_INVALID;
    process.userError(thread, 'BC_REGISTER_LOOPER called after BC_ENTER_LOOPER');
  } else if (process.requestedThreads === 0) {
    thread.looper |= LOOPER_INVALID;
    process.userError(thread, 'BC_REGISTER_LOOPER called without request');
  } else {
    process.requestedThreads--;
    process.startedThreads++;
  }
  thread.looper |= LOOPER_REGISTERED;
}

function freeBuffer(thread: Thread, address: U64): void {
  const { process } = thread;
  const buffer = process.findBuffer(address);
  if (!buffer?.allowUserFree) {
    process.userError(
      thread,
      `BC_FREE_BUFFER ${hex(address)} ${buffer ? 'was not received yet' : 'no match'}`,
    );
    return;
  }
  if (buffer.clearOnFree) process.driver.writeChunk.forgetAhead();
  process.freeBuffer(thread, buffer);
}

/** BC_INCREFS, BC_ACQUIRE, BC_RELEASE, BC_DECREFS. Handle 0 means the context manager, whether or not it was received. */
function changeRef(thread: Thread, handle: number, increment: boolean, strong: boolean): number {
  const { process } = thread;
  if (increment && handle === 0) {
    const { manager } = process.context;
    if (manager?.process === process) {
      process.userError(thread, 'context manager tried to acquire desc 0');
      return EINVAL;
    }
    if (manager) {
      const ref = process.addRef(manager, strong, null);
      if (typeof ref !== 'number') {
        if (ref.handle !== 0) {
          process.userError(thread, `tried to acquire reference to desc 0, got ${ref.handle} instead`);
        }
        return 0;
      }
    }
  }
  const ref = process.refs.get(handle);
  if (!ref) process.userError(thread, `refcount change on invalid ref ${handle}`);
  else if (strong && ref.strong === 0)
    process.userError(thread, `tried to use weak ref ${handle} as strong ref`);
  else if (!(increment ? ref.increment(strong, null) : ref.decrement(strong))) {
    process.userError(thread, `refcount change on ref ${handle} failed`);
  }
  return 0;
}

/** BC_INCREFS_DONE and BC_ACQUIRE_DONE. */
function acknowledge(thread: Thread, ptr: U64, cookie: U64, strong: boolean): void {
  const { process } = thread;
  const node = process.nodes.get(ptr);
  const name = strong ? 'BC_ACQUIRE_DONE' : 'BC_INCREFS_DONE';
  if (!node) return process.userError(thread, `${name} u${hex(ptr)} no match`);
  node.hold();
  if (node.cookie !== cookie)
    process.userError(thread, `${name} u${hex(ptr)} node ${node.id} cookie mismatch`);
  else if (!node.acknowledge(strong))
    process.userError(thread, `${name} node ${node.id} has no pending request`);
  node.letGo();
}

function requestDeath(thread: Thread, handle: number, cookie: U64): number {
  const { process } = thread;
  const ref = process.refs.get(handle);
  if (!ref) process.userError(thread, `BC_REQUEST_DEATH_NOTIFICATION invalid ref ${handle}`);
  else if (ref.death)
    process.userError(thread, 'BC_REQUEST_DEATH_NOTIFICATION death notification already set');
  else if (process.deathRegistrations >= process.driver.limits.registrations) return ENOMEM;
  else ref.requestDeath(cookie);
  return 0;
}

function clearDeath(thread: Thread, handle: number, cookie: U64): void {
  const { process } = thread;
  const ref = process.refs.get(handle);
  const death = ref?.death;
  if (!ref) process.userError(thread, `BC_CLEAR_DEATH_NOTIFICATION invalid ref ${handle}`);
  else if (!death) process.userError(thread, 'BC_CLEAR_DEATH_NOTIFICATION death notification not active');
  else if (death.cookie !== cookie) {
    process.userError(thread, 'BC_CLEAR_DEATH_NOTIFICATION death notification cookie mismatch');
  } else {
    ref.death = null;
    if (death.clear()) tellCleared(thread, death);
  }
}

function deadBinderDone(thread: Thread, cookie: U64): void {
  const { process } = thread;
  for (const item of process.deliveredDeaths) {
    const death = item as DeathRegistration;
    if (death.cookie !== cookie) continue;
    dequeue(death);
    if (death.acknowledge()) tellCleared(thread, death);
    return;
  }
  process.userError(thread, `BC_DEAD_BINDER_DONE ${hex(cookie)} not found`);
}

// Unlike the commands for deaths, those for freezing fail the ioctl when they are wrong.

function requestFreeze(thread: Thread, handle: number, cookie: U64): number {
  const ref = thread.process.refs.get(handle);
  if (!ref || ref.freeze) {
    const why = ref ? 'notification already set' : `invalid ref ${handle}`;
    thread.process.userError(thread, `BC_REQUEST_FREEZE_NOTIFICATION ${why}`);
    return EINVAL;
  }
  const { process } = thread;
  if (process.freezeRegistrations >= process.driver.limits.registrations) return ENOMEM;
  ref.requestFreeze(cookie);
  return 0;
}

function clearFreeze(thread: Thread, handle: number, cookie: U64): number {
  const { process } = thread;
  const ref = process.refs.get(handle);
  const freeze = ref?.freeze;
  if (!ref || freeze?.cookie !== cookie) {
    const why = ref ? 'notification not active, or with another cookie' : `invalid ref ${handle}`;
    process.userError(thread, `BC_CLEAR_FREEZE_NOTIFICATION ${why}`);
    return EINVAL;
  }
  ref.freeze = null;
  if (freeze.clear()) tellProcess(process, freeze);
  return 0;
}

function freezeDone(thread: Thread, cookie: U64): number {
  const { process } = thread;
  for (const item of process.deliveredFreezes) {
    const freeze = item as FreezeRegistration;
    if (freeze.cookie !== cookie) continue;
    dequeue(freeze);
    if (freeze.acknowledge()) tellProcess(process, freeze);
    return 0;
  }
  process.userError(thread, `BC_FREEZE_NOTIFICATION_DONE ${hex(cookie)} not found`);
  return EINVAL;
}

function tellProcess(process: Process, item: WorkItem): void {
  process.todo.push(item);
  process.wakeForWork();
}

/** Queues the end of a registration: to the acting thread when it will read, else to whichever thread does. */
function tellCleared(thread: Thread, death: DeathRegistration): void {
  if (thread.isLooper) {
    thread.enqueue(death);
  } else {
    tellProcess(thread.process, death);
  }
}

function hex(value: U64): string {
  return value.toString(16);
}
