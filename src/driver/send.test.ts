import { expect, test } from 'vitest';
import {
  BC_TRANSACTION,
  BINDER_SET_CONTEXT_MGR,
  BINDER_TYPE_WEAK_BINDER,
  TF_ONE_WAY,
} from '../abi/binder.ts';
import { encodeCommands } from '../abi/commands.ts';
import { flatBinderObject } from '../abi/structs.ts';
import { LocalProcess, type LocalThread, RawLocalDriver } from '../binder/connections/local.ts';
import { Context } from './context.ts';

// What no client could tell from the protocol: that nothing of others reaches it beside the data.

const node = flatBinderObject.bytes({ type: BINDER_TYPE_WEAK_BINDER, binder: 1 });

/** Sends data with an object at its start to the context manager. @returns what lies there up to the offsets. */
async function send(server: LocalThread, client: LocalThread, data: Uint8Array): Promise<Uint8Array> {
  const payload = {
    flags: TF_ONE_WAY,
    dataSize: data.length,
    buffer: client.place(data),
    offsetsSize: 8,
    offsets: client.place(new Uint8Array(8)),
  };
  await client.writeRead(encodeCommands([[BC_TRANSACTION, payload]]), 0);
  const { commands } = await server.writeRead(new Uint8Array(), 256);
  const { buffer, offsets } = commands.at(-1) as unknown as { buffer: number; offsets: number };
  return server.received(buffer, offsets - buffer);
}

test('the bytes between data and offsets are not what other clients sent before', async () => {
  const driver = new RawLocalDriver();
  const threads: LocalThread[] = [];
  for (const [pid, name] of ['one', 'two'].entries()) {
    const context = new Context(name);
    for (const role of [10, 20]) {
      const process = new LocalProcess(driver, context, { pid: role + pid, heapSize: 4096 });
      process.map(4096);
      threads.push(process.thread(role));
    }
    await threads[2 * pid]?.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  }
  const [server, client, otherServer, otherClient] = threads as [
    LocalThread,
    LocalThread,
    LocalThread,
    LocalThread,
  ];
  const secret = new Uint8Array(64).fill(0x5a);
  secret.set(node);
  await send(server, client, secret);
  const received = await send(otherServer, otherClient, Uint8Array.from([...node, 1]));
  expect([...received.subarray(24)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
});
