import * as binder from './binder.ts';
import type { Struct } from './struct.ts';
import { s32, struct, u32, u64 } from './struct.ts';
import {
  frozenStateInfo,
  handleCookie,
  priDesc,
  priPtrCookie,
  ptrCookie,
  transactionData,
  transactionDataSecctx,
  transactionDataSg,
} from './structs.ts';

/** One command of a write (BC) or read (BR) buffer: a 4-byte code followed directly by its payload. */
export interface Command {
  /** The C name, for example `BC_TRANSACTION`. */
  readonly name: string;
  readonly code: number;
  /** What follows the code, or `null` where nothing does. */
  readonly payload: Struct | null;
}

const handle = struct('handle', 4, { handle: u32('', 0) });
const bufferAddress = struct('binder_uintptr_t', 8, { buffer: u64('', 0) });
const cookie = struct('binder_uintptr_t', 8, { cookie: u64('', 0) });
const result = struct('__s32', 4, { result: s32('', 0) });

const payloads: Record<string, Struct | null> = {
  BC_TRANSACTION: transactionData,
  BC_REPLY: transactionData,
  BC_ACQUIRE_RESULT: result,
  BC_FREE_BUFFER: bufferAddress,
  BC_INCREFS: handle,
  BC_ACQUIRE: handle,
  BC_RELEASE: handle,
  BC_DECREFS: handle,
  BC_INCREFS_DONE: ptrCookie,
  BC_ACQUIRE_DONE: ptrCookie,
  BC_ATTEMPT_ACQUIRE: priDesc,
  BC_REGISTER_LOOPER: null,
  BC_ENTER_LOOPER: null,
  BC_EXIT_LOOPER: null,
  BC_REQUEST_DEATH_NOTIFICATION: handleCookie,
  BC_CLEAR_DEATH_NOTIFICATION: handleCookie,
  BC_DEAD_BINDER_DONE: cookie,
  BC_TRANSACTION_SG: transactionDataSg,
  BC_REPLY_SG: transactionDataSg,
  BC_REQUEST_FREEZE_NOTIFICATION: handleCookie,
  BC_CLEAR_FREEZE_NOTIFICATION: handleCookie,
  BC_FREEZE_NOTIFICATION_DONE: cookie,
  BR_ERROR: result,
  BR_OK: null,
  BR_TRANSACTION: transactionData,
  BR_TRANSACTION_SEC_CTX: transactionDataSecctx,
  BR_REPLY: transactionData,
  BR_ACQUIRE_RESULT: result,
  BR_DEAD_REPLY: null,
  BR_TRANSACTION_COMPLETE: null,
  BR_INCREFS: ptrCookie,
  BR_ACQUIRE: ptrCookie,
  BR_RELEASE: ptrCookie,
  BR_DECREFS: ptrCookie,
  BR_ATTEMPT_ACQUIRE: priPtrCookie,
  BR_NOOP: null,
  BR_SPAWN_LOOPER: null,
  BR_FINISHED: null,
  BR_DEAD_BINDER: cookie,
  BR_CLEAR_DEATH_NOTIFICATION_DONE: cookie,
  BR_FAILED_REPLY: null,
  BR_FROZEN_REPLY: null,
  BR_ONEWAY_SPAM_SUSPECT: null,
  BR_TRANSACTION_PENDING_FROZEN: null,
  BR_FROZEN_BINDER: frozenStateInfo,
  BR_CLEAR_FREEZE_NOTIFICATION_DONE: cookie,
};

const numbers = binder as unknown as Record<string, number>;

function table(prefix: string): ReadonlyMap<number, Command> {
  const commands = new Map<number, Command>();
  for (const [name, payload] of Object.entries(payloads)) {
    const code = numbers[name];
    if (name.startsWith(prefix) && code !== undefined) commands.set(code, { name, code, payload });
  }
  return commands;
}

/** The commands a client writes, by code. */
export const BC_COMMANDS: ReadonlyMap<number, Command> = table('BC_');
/** The commands a client reads, by code. */
export const BR_COMMANDS: ReadonlyMap<number, Command> = table('BR_');

/** One decoded command: its name and the members of its payload. */
export interface DecodedCommand {
  readonly name: string;
  readonly [member: string]: unknown;
}

/** Encodes commands one behind the other, as a write buffer wants them. */
export function encodeCommands(
  commands: readonly (readonly [code: number, payload?: object])[],
): Uint8Array<ArrayBuffer> {
  const sizes = commands.map(([code]) => 4 + (lookup(code).payload?.size ?? 0));
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  commands.forEach(([code, payload], i) => {
    view.setUint32(at, code, true);
    lookup(code).payload?.encode(view, at + 4, payload ?? {});
    at += sizes[i] ?? 0;
  });
  return bytes;
}

/**
 * Decodes a stream of BC or BR commands.
 *
 * @throws RangeError at an unknown code or a payload that the bytes cut off; the message says at which byte.
 */
export function decodeCommands(bytes: Uint8Array): DecodedCommand[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoded: DecodedCommand[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < 4)
      throw new RangeError(`Cannot decode the command at byte ${at}: ${bytes.length - at} of 4 bytes`);
    const { name, payload } = lookup(view.getUint32(at, true), at);
    at += 4;
    if (payload && bytes.length - at < payload.size) {
      throw new RangeError(`Cannot decode ${name} at byte ${at - 4}: its payload is cut off`);
    }
    decoded.push({ name, ...payload?.decode(view, at) });
    at += payload?.size ?? 0;
  }
  return decoded;
}

function lookup(code: number, at = 0): Command {
  const command = BC_COMMANDS.get(code) ?? BR_COMMANDS.get(code);
  if (!command)
    throw new RangeError(`Cannot find command 0x${code.toString(16)} at byte ${at}: not in binder.h`);
  return command;
}
