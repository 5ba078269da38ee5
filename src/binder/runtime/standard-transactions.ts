import { TF_ONE_WAY } from '../../abi/binder.ts';
import { BinderError } from '../parcel/errors.ts';
import type { FileDescriptor, Parcel } from '../parcel/parcel.ts';
import { writeOk } from '../parcel/status.ts';
import { type Call, type LocalBinder, type Ref, refState, release, type ServedCall } from './binder.ts';
import type { Awaitable } from './globals.ts';
import type { InterfaceTable } from './interface-table.ts';

/** Codes of methods go up to here. */
export const LAST_CALL = 0x00ff_ffff;
/** getInterfaceVersion and getInterfaceHash, which frozen AIDL interfaces have. */
export const GET_INTERFACE_VERSION = 0x00ff_ffff;
export const GET_INTERFACE_HASH = 0x00ff_fffe;

/** Transactions that every object answers: `_` and three letters. */
export const PING = 0x5f50_4e47;
export const INTERFACE = 0x5f4e_5446;
export const DUMP = 0x5f44_4d50;
export const SHELL_COMMAND = 0x5f43_4d44;
export const EXTENSION = 0x5f45_5854;
export const DEBUG_PID = 0x5f50_4944;
/** The system properties have changed. */
export const SYSPROPS = 0x5f53_5052;

/** `send` of IResultReceiver, to which a shell command's result goes. */
const RESULT_RECEIVER = 'com.android.internal.os.IResultReceiver';
const SEND_RESULT = 1;

/** What an object may do for the standard transactions. */
export interface StandardHandlers {
  /** Writes about itself to `file`, which is disposed of afterwards. */
  dump?(file: FileDescriptor, args: string[], call: Call): Awaitable<void>;
  /** Runs a command of `cmd`. The files are disposed of afterwards. @returns its exit code */
  shellCommand?(
    files: { in: FileDescriptor; out: FileDescriptor; err: FileDescriptor },
    args: string[],
    call: Call,
  ): Awaitable<number>;
  /** The object that extends this one, if there is one. */
  readonly extension?: object;
  /** Any other code. @returns false when it does not know it either. */
  unknownTransaction?(code: number, data: Parcel, reply: Parcel, call: Call): Awaitable<boolean>;
  /** What DEBUG_PID answers: this process's id. Default 0. */
  readonly debugPid?: number;
}

/** Answers what is no method of the object. @throws BinderError UNKNOWN_TRANSACTION */
export function answer(
  binder: LocalBinder,
  table: InterfaceTable,
  handlers: StandardHandlers,
  code: number,
  data: Parcel,
  reply: Parcel,
  call: ServedCall,
): Awaitable<void> {
  switch (code) {
    case PING:
      return;
    case INTERFACE:
      return reply.writeString(binder.descriptor);
    case EXTENSION:
      return reply.writeBinder(handlers.extension ?? null);
    case DEBUG_PID:
      return reply.writeInt32(handlers.debugPid ?? 0);
    case SYSPROPS:
      return;
    case DUMP:
      return dump(handlers, data, call);
    case SHELL_COMMAND:
      return shellCommand(handlers, data, call);
    case GET_INTERFACE_VERSION:
      if (table.version === undefined) break;
      data.enforceInterface(binder.descriptor);
      writeOk(reply);
      return reply.writeInt32(table.version);
    case GET_INTERFACE_HASH:
      if (table.version === undefined && table.hash === undefined) break;
      data.enforceInterface(binder.descriptor);
      writeOk(reply);
      return reply.writeString(table.hash ?? 'notfrozen');
  }
  return unknown(binder, handlers, code, data, reply, call);
}

async function unknown(
  { descriptor }: LocalBinder,
  handlers: StandardHandlers,
  code: number,
  data: Parcel,
  reply: Parcel,
  call: Call,
): Promise<void> {
  if (await handlers.unknownTransaction?.(code, data, reply, call)) return;
  throw new BinderError(
    'UNKNOWN_TRANSACTION',
    `Cannot serve the call: ${descriptor} has no method of code ${code}`,
  );
}

async function dump({ dump }: StandardHandlers, data: Parcel, call: Call): Promise<void> {
  using file = data.readFile();
  const args = readArguments(data);
  await dump?.(file, args, call);
}

async function shellCommand({ shellCommand }: StandardHandlers, data: Parcel, call: Call): Promise<void> {
  using input = data.readFile();
  using output = data.readFile();
  using errors = data.readFile();
  const args = readArguments(data);
  const callback = data.readNullableBinder() as Ref | null;
  if (callback) release(callback);
  using receiver = data.readNullableBinder() as Ref | null;
  let result = -38; // INVALID_OPERATION, as libbinder's default
  try {
    if (shellCommand) result = await shellCommand({ in: input, out: output, err: errors }, args, call);
  } finally {
    if (receiver) await sendResult(receiver, result);
  }
}

async function sendResult(receiver: Ref, result: number): Promise<void> {
  const target = refState(receiver).live();
  if (target.isLocal) return;
  const write = (data: Parcel): void => {
    data.writeInterfaceToken(RESULT_RECEIVER);
    data.writeInt32(result);
    data.writeInt32(0); // no bundle
  };
  await target.connection.transact(
    target,
    SEND_RESULT,
    TF_ONE_WAY,
    write,
    () => {},
    undefined,
    RESULT_RECEIVER,
  );
}

function readArguments(data: Parcel): string[] {
  const count = data.readCount(4);
  return Array.from({ length: Math.max(0, count) }, () => data.readString());
}
