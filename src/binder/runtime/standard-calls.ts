import { TF_ACCEPT_FDS } from '../../abi/binder.ts';
import type { FileDescriptor, Parcel } from '../parcel/parcel.ts';
import { readStatus } from '../parcel/status.ts';
import { type CallOptions, type IBinder, type Ref, refState } from './binder.ts';
import { transactWith } from './interface.ts';
import * as standard from './standard-transactions.ts';

function ask(
  ref: object,
  code: number,
  write: (data: Parcel) => void,
  read: (reply: Parcel) => unknown,
  what: string,
  options: CallOptions | undefined,
): Promise<unknown> {
  return transactWith(refState(ref).live(), code, TF_ACCEPT_FDS, write, read, options, what);
}

const nothing = (): void => {};

/** Resolves when the object's process answers. */
export async function ping(ref: object, options?: CallOptions): Promise<void> {
  await ask(ref, standard.PING, nothing, nothing, 'ping', options);
}

/** The descriptor of the object's interface. */
export async function descriptorOf(ref: object, options?: CallOptions): Promise<string> {
  return (await ask(
    ref,
    standard.INTERFACE,
    nothing,
    (reply) => reply.readString(),
    'descriptorOf',
    options,
  )) as string;
}

/** The object that extends this one, yours to release; `null` when there is none. */
export async function extensionOf(ref: object, options?: CallOptions): Promise<Ref<IBinder> | null> {
  const read = (reply: Parcel) => reply.readNullableBinder();
  return (await ask(ref, standard.EXTENSION, nothing, read, 'extensionOf', options)) as Ref<IBinder> | null;
}

/** The id of the object's process, as it says itself. */
export async function debugPid(ref: object, options?: CallOptions): Promise<number> {
  return (await ask(
    ref,
    standard.DEBUG_PID,
    nothing,
    (reply) => reply.readInt32(),
    'debugPid',
    options,
  )) as number;
}

/** Lets the object write about itself to `file`; resolves when it has. */
export async function dump(
  ref: object,
  file: FileDescriptor,
  args: readonly string[] = [],
  options?: CallOptions,
): Promise<void> {
  const write = (data: Parcel): void => {
    data.writeFile(file);
    data.writeInt32(args.length);
    for (const arg of args) data.writeString(arg);
  };
  await ask(ref, standard.DUMP, write, nothing, 'dump', options);
}

/** The version of the object's interface; UNKNOWN_TRANSACTION when it has none. */
export async function interfaceVersion(
  ref: object,
  descriptor: string,
  options?: CallOptions,
): Promise<number> {
  return (await frozen(
    ref,
    descriptor,
    standard.GET_INTERFACE_VERSION,
    (reply) => reply.readInt32(),
    options,
  )) as number;
}

/** The hash of the object's interface; UNKNOWN_TRANSACTION when it has none. */
export async function interfaceHash(ref: object, descriptor: string, options?: CallOptions): Promise<string> {
  return (await frozen(
    ref,
    descriptor,
    standard.GET_INTERFACE_HASH,
    (reply) => reply.readString(),
    options,
  )) as string;
}

function frozen(
  ref: object,
  descriptor: string,
  code: number,
  read: (reply: Parcel) => unknown,
  options: CallOptions | undefined,
): Promise<unknown> {
  const readReply = (reply: Parcel): unknown => {
    const exception = readStatus(reply);
    if (exception) throw exception;
    return read(reply);
  };
  return ask(ref, code, (data) => data.writeInterfaceToken(descriptor), readReply, descriptor, options);
}
