import * as binder from '../../src/abi/binder.ts';
import { encodeCommands } from '../../src/abi/commands.ts';
import {
  bufferObject,
  fdArrayObject,
  fdObject,
  flatBinderObject,
  transactionData,
  transactionDataSg,
} from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';

/** Puts bytes into the memory of the process that will send them. */
export type Place = (bytes: Uint8Array) => Promise<number>;

/** One command of a write buffer. What it points to is placed in the sender's memory when it is encoded. */
export type Command = (place: Place) => Promise<Uint8Array>;

/** An object inside the data of a message; its offset goes into the offsets array. */
export interface DataObject {
  readonly object: Uint8Array;
}

/** What a transaction or reply carries. Members after `parts` replace what would follow from `parts`. */
export interface Message {
  readonly code?: number;
  readonly flags?: number;
  /** Raw bytes and objects, one behind the other. */
  readonly parts?: readonly (Uint8Array | DataObject)[];
  readonly dataSize?: U64;
  readonly offsetsSize?: U64;
  readonly buffer?: U64;
  readonly offsets?: U64;
  /** The offsets array, in place of the objects' own offsets. */
  readonly offsetList?: readonly U64[];
  /** Bytes for scatter-gather memory: sends the _SG form of the command. */
  readonly buffersSize?: U64;
  /** Members of binder_transaction_data that the driver must ignore. */
  readonly cookie?: U64;
  readonly senderPid?: number;
  readonly senderEuid?: number;
}

/** A command by its code, with the members of its payload. */
export function command(code: number, payload?: object): Command {
  return () => Promise.resolve(encodeCommands([payload ? [code, payload] : [code]]));
}

/** Bytes as they are. */
export function rawBytes(...bytes: number[]): Command {
  return () => Promise.resolve(Uint8Array.from(bytes));
}

/** BC_TRANSACTION (or its _SG form) to a handle. */
export function call(handle: number, message: Message = {}): Command {
  const sg = message.buffersSize !== undefined;
  return send(sg ? binder.BC_TRANSACTION_SG : binder.BC_TRANSACTION, handle, message);
}

/** BC_TRANSACTION with TF_ONE_WAY. */
export function oneway(handle: number, message: Message = {}): Command {
  return call(handle, { ...message, flags: (message.flags ?? 0) | binder.TF_ONE_WAY });
}

/** BC_REPLY (or its _SG form). */
export function reply(message: Message = {}): Command {
  const sg = message.buffersSize !== undefined;
  return send(sg ? binder.BC_REPLY_SG : binder.BC_REPLY, 0, message);
}

function send(code: number, handle: number, message: Message): Command {
  return async (place) => {
    const { data, offsets } = assemble(message);
    const payload = {
      targetHandle: handle,
      cookie: message.cookie ?? 0,
      code: message.code ?? 0,
      flags: message.flags ?? 0,
      senderPid: message.senderPid ?? 0,
      senderEuid: message.senderEuid ?? 0,
      dataSize: message.dataSize ?? data.length,
      offsetsSize: message.offsetsSize ?? offsets.length,
      buffer: message.buffer ?? (await place(data)),
      offsets: message.offsets ?? (await place(offsets)),
    };
    const bytes =
      message.buffersSize === undefined
        ? transactionData.bytes(payload)
        : transactionDataSg.bytes({ ...payload, buffersSize: message.buffersSize });
    const out = new Uint8Array(4 + bytes.length);
    new DataView(out.buffer).setUint32(0, code, true);
    out.set(bytes, 4);
    return out;
  };
}

function assemble({ parts = [], offsetList }: Message): { data: Uint8Array; offsets: Uint8Array } {
  const pieces: Uint8Array[] = [];
  const found: number[] = [];
  let size = 0;
  for (const part of parts) {
    const bytes = 'object' in part ? part.object : part;
    if ('object' in part) found.push(size);
    pieces.push(bytes);
    size += bytes.length;
  }
  const data = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    data.set(piece, at);
    at += piece.length;
  }
  return { data, offsets: u64s(...(offsetList ?? found)) };
}

/** 64-bit words, as the offsets array has them. */
export function u64s(...values: U64[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
}

/** `length` bytes that count up from `start`. */
export function bytes(length: number, start = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => start + i);
}

function object(type: number, members: object): DataObject {
  return { object: flatBinderObject.bytes({ type, ...members }) };
}

/** A node of the sender. */
export const strongBinder = (ptr: U64, cookie: U64, flags = 0): DataObject =>
  object(binder.BINDER_TYPE_BINDER, { flags, binder: ptr, cookie });
export const weakBinder = (ptr: U64, cookie: U64, flags = 0): DataObject =>
  object(binder.BINDER_TYPE_WEAK_BINDER, { flags, binder: ptr, cookie });
/** A handle of the sender. The upper half of its union and its cookie are noise that must not get through. */
export const strongHandle = (handle: number, flags = 0): DataObject =>
  object(binder.BINDER_TYPE_HANDLE, { flags, binder: 0x5a5a_0000_0000 + handle, cookie: 0x77 });
export const weakHandle = (handle: number, flags = 0): DataObject =>
  object(binder.BINDER_TYPE_WEAK_HANDLE, { flags, binder: 0x5a5a_0000_0000 + handle, cookie: 0x77 });
/** A descriptor of the sender; the half of its word that says nothing, and its cookie, are noise. */
export const descriptor = (fd: number, cookie: U64 = 0x77): DataObject => {
  const padBinder = BigInt(fd) | 0x5a5a_0000_0000n;
  return { object: fdObject.bytes({ type: binder.BINDER_TYPE_FD, padBinder, fd, cookie }) };
};

/** Where a buffer or an array of descriptors is pointed to from, or lies. */
export interface Parent {
  /** Which of the message's objects. */
  readonly parent: U64;
  readonly parentOffset: U64;
}

/** A buffer of the sender that goes along with the message. */
export const buffer = (address: U64, length: U64, parent?: Parent): DataObject => {
  const flags = parent ? binder.BINDER_BUFFER_FLAG_HAS_PARENT : 0;
  return {
    object: bufferObject.bytes({ type: binder.BINDER_TYPE_PTR, flags, buffer: address, length, ...parent }),
  };
};

/** An array of the sender's descriptors in a buffer that goes along. */
export const descriptorArray = (numFds: U64, parent: Parent): DataObject => ({
  object: fdArrayObject.bytes({ type: binder.BINDER_TYPE_FDA, numFds, ...parent }),
});

/** Numbers of 32 bits, as arrays of descriptors have them. */
export function u32s(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** 24 bytes with an object's type that nobody knows. */
export const unknownObject: DataObject = object(0x2a2a2a85, {});

export const increfs = (handle: number): Command => command(binder.BC_INCREFS, { handle });
export const acquire = (handle: number): Command => command(binder.BC_ACQUIRE, { handle });
export const release = (handle: number): Command => command(binder.BC_RELEASE, { handle });
export const decrefs = (handle: number): Command => command(binder.BC_DECREFS, { handle });
export const increfsDone = (ptr: U64, cookie: U64): Command =>
  command(binder.BC_INCREFS_DONE, { ptr, cookie });
export const acquireDone = (ptr: U64, cookie: U64): Command =>
  command(binder.BC_ACQUIRE_DONE, { ptr, cookie });
export const freeBuffer = (buffer: U64): Command => command(binder.BC_FREE_BUFFER, { buffer });
export const requestDeath = (handle: number, cookie: U64): Command =>
  command(binder.BC_REQUEST_DEATH_NOTIFICATION, { handle, cookie });
export const clearDeath = (handle: number, cookie: U64): Command =>
  command(binder.BC_CLEAR_DEATH_NOTIFICATION, { handle, cookie });
export const deadBinderDone = (cookie: U64): Command => command(binder.BC_DEAD_BINDER_DONE, { cookie });
export const enterLooper = command(binder.BC_ENTER_LOOPER);
export const registerLooper = command(binder.BC_REGISTER_LOOPER);
export const exitLooper = command(binder.BC_EXIT_LOOPER);
