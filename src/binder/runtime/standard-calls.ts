import { TF_ACCEPT_FDS } from '../../abi/binder.ts';
import type { FileDescriptor, Parcel } from '../parcel/parcel.ts';
import { readStatus } from '../parcel/status.ts';
import { type CallOptions, deathOf, type IBinder, type Ref, refState, release } from './binder.ts';
import { defineInterface, type InterfaceType, transactWith } from './interface.ts';
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

interface IResultReceiver {
  send(resultCode: number, options?: CallOptions): Promise<void>;
}
/** To which the result of a shell command goes. The bundle that follows the code is not read. */
const IResultReceiver: InterfaceType<IResultReceiver> = defineInterface(
  'com.android.internal.os.IResultReceiver',
  { format: 1, methods: { send: { code: 1, oneway: true, args: [['resultCode', 'int']] } } },
);

/**
 * Runs a command of the object, as `cmd` does.
 *
 * @returns its exit code
 */
export async function shellCommand(
  ref: object,
  files: { readonly in: FileDescriptor; readonly out: FileDescriptor; readonly err: FileDescriptor },
  args: readonly string[] = [],
  options?: CallOptions,
): Promise<number> {
  let told: (code: number) => void = () => {};
  const death = deathOf(ref);
  const signals = options?.signal ? [death, options.signal] : [death];
  let stop: () => void = () => {};
  const result = new Promise<number>((resolve, reject) => {
    told = resolve;
    stop = () => reject(signals.find(({ aborted }) => aborted)?.reason);
  });
  result.catch(nothing);
  for (const signal of signals) signal.addEventListener('abort', stop, { once: true });
  const receiver = IResultReceiver.implement({ send: (code) => told(code) });
  try {
    const write = (data: Parcel): void => {
      for (const file of [files.in, files.out, files.err]) data.writeFile(file);
      data.writeInt32(args.length);
      for (const arg of args) data.writeString(arg);
      data.writeBinder(null); // no callback that opens files
      data.writeBinder(receiver);
    };
    await ask(ref, standard.SHELL_COMMAND, write, nothing, 'shellCommand', options);
    return await result;
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', stop);
    release(receiver);
  }
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
