import * as binder from '../../src/abi/binder.ts';
import { type DecodedCommand, encodeCommands } from '../../src/abi/commands.ts';
import { bufferObject, fdArrayObject, fdObject, flatBinderObject } from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';
import type { Random } from '../support/random.ts';
import {
  DATA_ADDRESS,
  OUT_ADDRESS,
  OUT_SIZE,
  SG_ADDRESS,
  type SimulatedProcess,
} from './simulated-process.ts';

export function cookieOf(ptr: number): U64 {
  return ptr === 5 ? 0xffff_ffff_ffff_fff5n : ptr * 2;
}

export function anyObject(process: SimulatedProcess, random: Random, lie: boolean): Uint8Array {
  const handle = random.maybe([...process.process.refs].map((ref) => ref.handle));
  if (lie && random.one(4)) return random.bytes(24);
  if (random.one(8)) {
    const fd = random.maybe(process.descriptors()) ?? 0;
    return fdObject.bytes({ type: binder.BINDER_TYPE_FD, padBinder: BigInt(fd), fd, cookie: 7 });
  }
  if (handle !== undefined && random.one(2)) {
    const type = random.pick([binder.BINDER_TYPE_HANDLE, binder.BINDER_TYPE_WEAK_HANDLE]);
    return flatBinderObject.bytes({ type, handle: lie ? random.below(9) : handle, cookie: 3 });
  }
  const type = random.pick([binder.BINDER_TYPE_BINDER, binder.BINDER_TYPE_WEAK_BINDER]);
  const ptr = random.below(8);
  return flatBinderObject.bytes({
    type,
    binder: ptr,
    cookie: lie ? 99 : cookieOf(ptr),
    flags: random.below(2) << 12,
  });
}

export function acknowledgement(
  process: SimulatedProcess,
  known: DecodedCommand | undefined,
  random: Random,
  lie: boolean,
): Uint8Array {
  if (lie || !known) {
    const ptr = random.below(8);
    const code = random.pick([binder.BC_INCREFS_DONE, binder.BC_ACQUIRE_DONE]);
    return encodeCommands([[code, { ptr, cookie: random.one(2) ? cookieOf(ptr) : 1 }]]);
  }
  process.announced.splice(process.announced.indexOf(known), 1);
  const { ptr, cookie } = known;
  return encodeCommands([
    [known.name === 'BR_INCREFS' ? binder.BC_INCREFS_DONE : binder.BC_ACQUIRE_DONE, { ptr, cookie }],
  ]);
}

export function freezeCommand(handle: number, cookie: number, random: Random): Uint8Array {
  const named = { handle, cookie: handle % 4 };
  return encodeCommands([
    random.pick<[number, object]>([
      [binder.BC_REQUEST_FREEZE_NOTIFICATION, named],
      [binder.BC_REQUEST_FREEZE_NOTIFICATION, named],
      [binder.BC_CLEAR_FREEZE_NOTIFICATION, named],
      [binder.BC_FREEZE_NOTIFICATION_DONE, { cookie }],
    ]),
  ]);
}

export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** An address that is probably not one. */
export function anyAddress(random: Random): U64 {
  return random.pick<U64>([
    0,
    8,
    OUT_ADDRESS,
    DATA_ADDRESS,
    OUT_ADDRESS + OUT_SIZE - 10,
    0x7000_0000_0000,
    0x7000_0000_0008,
    0x00ff_ffff_ffff_f000,
    2 ** 53,
    0xffff_ffff_ffff_fff8n,
  ]);
}

/** A buffer with pieces that go along, some of them pointed to from others, and at times an array of descriptors. */
export interface Gathered {
  readonly objects: Uint8Array[];
  readonly size: number;
}

/** Objects that describe buffers of the sender; what the buffers hold does not matter. `first` is the index of the first. */
export function scatterGather(
  process: SimulatedProcess,
  random: Random,
  first: number,
  lie: boolean,
): Gathered {
  const objects: Uint8Array[] = [];
  let size = 0;
  let root = -1;
  let lowest = 0;
  let rootLength = 0;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const index = first + objects.length;
    const length = random.pick([0, 8, 16, 64, 100]);
    const hasParent = root >= 0 && lowest + 8 <= rootLength && random.one(2);
    objects.push(
      bufferObject.bytes({
        type: binder.BINDER_TYPE_PTR,
        flags: hasParent ? binder.BINDER_BUFFER_FLAG_HAS_PARENT : 0,
        buffer: lie && random.one(3) ? anyAddress(random) : SG_ADDRESS,
        length: lie && random.one(6) ? random.pick<U64>([2 ** 40, 0xffff_ffff_ffff_fff9n]) : length,
        parent: hasParent ? (lie && random.one(3) ? random.below(9) : root) : 0,
        parentOffset: hasParent ? (lie && random.one(3) ? random.below(99) : lowest) : 0,
      }),
    );
    size += Math.ceil(length / 8) * 8;
    if (hasParent) lowest += 8;
    else {
      root = index;
      lowest = 0;
      rootLength = length;
    }
  }
  if (random.one(2) && rootLength - lowest >= 8) {
    process.writeDescriptors(random, lowest);
    objects.push(
      fdArrayObject.bytes({
        type: binder.BINDER_TYPE_FDA,
        numFds: lie && random.one(3) ? random.pick<U64>([99, 2 ** 62]) : random.below(3),
        parent: root,
        parentOffset: lowest,
      }),
    );
  }
  return { objects, size };
}
