import assert from 'node:assert/strict';
import { FLAT_BINDER_FLAG_ACCEPTS_FDS, TF_ACCEPT_FDS } from '../../src/abi/binder.ts';
import type { Actor } from '../support/actor.ts';
import {
  buffer,
  bytes,
  call,
  descriptor,
  descriptorArray,
  freeBuffer,
  type Message,
  oneway,
  reply,
  strongBinder,
  strongHandle,
  unknownObject,
} from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, pair } from './setup.ts';

/** An address at which nobody has memory. */
const NOWHERE = 0x10;

/** No descriptor of anybody. */
const NOT_OPEN = 999;

/** What can be wrong with what a transaction or reply carries, and the errno that its extended error then has. */
const rows: Readonly<Record<string, { errno: string; message: Message; refusesFiles?: true }>> = {
  'data that cannot be read': { errno: 'EFAULT', message: { dataSize: 8, buffer: NOWHERE } },
  'offsets that cannot be read': {
    errno: 'EFAULT',
    message: { parts: [bytes(8)], offsetsSize: 8, offsets: NOWHERE },
  },
  'an odd size of offsets': { errno: 'EINVAL', message: { parts: [strongHandle(0)], offsetsSize: 12 } },
  'an odd size of buffers': { errno: 'EINVAL', message: { buffersSize: 12 } },
  'sizes whose sum is too large for 64 bits': {
    errno: 'EINVAL',
    message: { dataSize: 2n ** 64n - 8n, offsetsSize: 16, offsetList: [0, 8] },
  },
  'more than there is room for': { errno: 'ENOSPC', message: { parts: [new Uint8Array(100_000)] } },
  'an offset that is not aligned': { errno: 'EINVAL', message: { parts: [bytes(64)], offsetList: [2] } },
  'an offset beyond the data': { errno: 'EINVAL', message: { parts: [bytes(64)], offsetList: [64] } },
  'objects that overlap': { errno: 'EINVAL', message: { parts: [strongHandle(0)], offsetList: [0, 8] } },
  'an object that is cut off': { errno: 'EINVAL', message: { parts: [strongBinder(1, 2)], dataSize: 20 } },
  'an object of no type': { errno: 'EINVAL', message: { parts: [unknownObject] } },
  'a node with another cookie than before': {
    errno: 'EINVAL',
    message: { parts: [strongBinder(0x99, 1), strongBinder(0x99, 2)] },
  },
  'a handle that is none': { errno: 'EINVAL', message: { parts: [strongHandle(99)] } },
  'a descriptor that is not wanted': {
    errno: 'EPERM',
    message: { parts: [descriptor(NOT_OPEN)] },
    refusesFiles: true,
  },
  'a descriptor that is not open': { errno: 'EBADF', message: { parts: [descriptor(NOT_OPEN)] } },
  'an array of descriptors without a parent': {
    errno: 'EINVAL',
    message: { parts: [bytes(4), descriptorArray(1, { parent: 5, parentOffset: 0 })], buffersSize: 8 },
  },
  'a buffer for which no memory was asked': {
    errno: 'EINVAL',
    message: { parts: [bytes(4), buffer(NOWHERE, 16)], buffersSize: 8 },
  },
  'a buffer within none': {
    errno: 'EINVAL',
    message: { parts: [bytes(4), buffer(NOWHERE, 0, { parent: 3, parentOffset: 0 })], buffersSize: 8 },
  },
};

/** The record names the attempt, and is there once. */
async function expectOnce(actor: Actor, expected: string): Promise<void> {
  const { id, text } = await actor.extendedError();
  assert.equal(text, expected);
  assert.ok(id > 0, 'the id of the attempt');
  assert.deepEqual(await actor.extendedError(), { id: 0, text: 'OK 0' });
}

export const extendedErrors: readonly Scenario[] = Object.entries(rows).map(
  ([what, { errno, message, refusesFiles }]): Scenario => ({
    name: `${what}: ${errno}, told once, to whoever waits`,
    async run(world) {
      const { server, client, handle } = await pair(world, {
        flags: refusesFiles ? 0 : FLAT_BINDER_FLAG_ACCEPTS_FDS,
      });
      for (const send of [call, oneway]) {
        await client.write(send(handle, message));
        await client.read('NOOP FAILED_REPLY');
        await expectOnce(client, `FAILED_REPLY -${errno}`);
        await server.readNothing();
      }
      // A reply has failed for whoever waits for it; the record of who sent it says nothing.
      await client.write(call(handle, { flags: refusesFiles ? 0 : TF_ACCEPT_FDS }));
      const { buffer: request } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(request), reply(message));
      await server.read('NOOP TC');
      await expectOnce(server, 'OK 0');
      await client.read('NOOP TC FAILED_REPLY');
      await expectOnce(client, `FAILED_REPLY -${errno}`);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await expectOnce(client, 'OK 0');
    },
  }),
);
