import {
  BC_ACQUIRE,
  BC_ACQUIRE_DONE,
  BC_ENTER_LOOPER,
  BC_FREE_BUFFER,
  BC_INCREFS_DONE,
  BC_REPLY,
  BC_TRANSACTION,
  BINDER_TYPE_BINDER,
  BINDER_TYPE_HANDLE,
  BINDER_VERSION,
} from '../abi/binder.ts';
import { EINTR } from '../abi/errno.ts';
import { flatBinderObject } from '../abi/structs.ts';
import {
  type BinderThread,
  type DecodedCommand,
  encodeCommands,
  READ_SIZE,
  type WriteReadResult,
} from '../binder/connections/binder-thread.ts';

/** What a call or reply carries in the demonstration: a text, and perhaps one object behind it. */
export interface Message {
  readonly text: string;
  /** As received: a handle of this process. As sent: a node of this process (`own`) or a handle that it holds. */
  readonly object?: { readonly own: number } | { readonly handle: number };
}

/** A call that arrived. */
export interface Incoming extends Message {
  readonly code: number;
  readonly senderPid: number;
  readonly senderEuid: number;
}

type Payload = Record<string, number>;
type Commands = [code: number, payload?: object][];

/** The first ioctl of a thread never sleeps; asking for the version, as all Binder libraries do, makes it harmless. */
export async function greet(thread: BinderThread): Promise<void> {
  const errno = await thread.ioctl(BINDER_VERSION, new Uint8Array(4));
  if (errno !== 0) throw new Error(`Cannot speak to the device: BINDER_VERSION failed with errno ${errno}`);
}

/**
 * Calls the object behind `handle` and waits for the reply.
 *
 * @throws Error when the driver says that there will be no reply.
 */
export async function call(
  thread: BinderThread,
  handle: number,
  code: number,
  message: Message,
): Promise<Message> {
  thread.reset();
  let commands: Commands = [[BC_TRANSACTION, { targetHandle: handle, code, ...place(thread, message) }]];
  for (;;) {
    const { errno, commands: answers } = await writeRead(thread, commands);
    if (errno !== 0) throw new Error(`Cannot call handle ${handle}: errno ${errno}`);
    const next: Commands = [];
    for (const answer of answers) {
      if (answer.name === 'BR_REPLY') {
        const reply = take(thread, answer);
        keepObject(reply, next);
        next.push([BC_FREE_BUFFER, { buffer: (answer as unknown as Payload).buffer }]);
        await thread.writeRead(encodeCommands(next), 0);
        return reply;
      }
      if (answer.name.endsWith('_REPLY')) throw new Error(`Cannot call handle ${handle}: ${answer.name}`);
      acknowledge(answer, next);
    }
    commands = next;
  }
}

/** Serves calls with `handle` until the device goes away. */
export async function serve(thread: BinderThread, handle: (call: Incoming) => Message): Promise<void> {
  let next: Commands = [[BC_ENTER_LOOPER]];
  for (;;) {
    const { errno, commands: events } = await writeRead(thread, next);
    if (errno !== 0) return;
    thread.reset();
    next = [];
    for (const event of events) {
      if (event.name !== 'BR_TRANSACTION') {
        acknowledge(event, next);
        continue;
      }
      const { code = 0, senderPid = 0, senderEuid = 0, buffer } = event as unknown as Payload;
      const message = take(thread, event);
      keepObject(message, next);
      const reply = handle({ ...message, code, senderPid, senderEuid });
      next.push([BC_FREE_BUFFER, { buffer }], [BC_REPLY, place(thread, reply)]);
    }
  }
}

/** Writes and reads; goes on after a signal (Ctrl-Z and `fg`), which ends a read. */
async function writeRead(thread: BinderThread, commands: Commands): Promise<WriteReadResult> {
  let bytes = encodeCommands(commands);
  for (;;) {
    const result = await thread.writeRead(bytes, READ_SIZE);
    if (result.errno !== EINTR) return result;
    bytes = bytes.subarray(result.writeConsumed);
  }
}

/** A handle lives as long as the buffer that brought it, unless it is acquired before that is freed. */
function keepObject({ object }: Message, next: Commands): void {
  if (object && 'handle' in object) next.push([BC_ACQUIRE, { handle: object.handle }]);
}

/** The owner of a node must confirm that it heard of the first count. */
function acknowledge(event: DecodedCommand, next: Commands): void {
  const { ptr, cookie } = event;
  if (event.name === 'BR_INCREFS') next.push([BC_INCREFS_DONE, { ptr, cookie }]);
  else if (event.name === 'BR_ACQUIRE') next.push([BC_ACQUIRE_DONE, { ptr, cookie }]);
}

function place(thread: BinderThread, { text, object }: Message): object {
  const bytes = new TextEncoder().encode(text);
  if (!object) return { dataSize: bytes.length, buffer: thread.place(bytes) };
  const at = Math.ceil(bytes.length / 8) * 8;
  const data = new Uint8Array(at + flatBinderObject.size).fill(0x20, bytes.length, at);
  data.set(bytes);
  const view = new DataView(data.buffer);
  if ('own' in object) flatBinderObject.encode(view, at, { type: BINDER_TYPE_BINDER, binder: object.own });
  else flatBinderObject.encode(view, at, { type: BINDER_TYPE_HANDLE, handle: object.handle });
  const offsets = new Uint8Array(8);
  new DataView(offsets.buffer).setUint32(0, at, true);
  return {
    dataSize: data.length,
    buffer: thread.place(data),
    offsetsSize: 8,
    offsets: thread.place(offsets),
  };
}

function take(thread: BinderThread, received: DecodedCommand): Message {
  const { buffer = 0, dataSize = 0, offsets = 0, offsetsSize = 0 } = received as unknown as Payload;
  const data = thread.received(buffer, dataSize);
  if (offsetsSize === 0) return { text: new TextDecoder().decode(data) };
  const at = new DataView(thread.received(offsets, 8).buffer).getUint32(0, true);
  const { handle } = flatBinderObject.decode(new DataView(data.buffer, data.byteOffset), at);
  return { text: new TextDecoder().decode(data.subarray(0, at)).trimEnd(), object: { handle } };
}
