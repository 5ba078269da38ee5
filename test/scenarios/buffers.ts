import assert from 'node:assert/strict';
import { TF_CLEAR_BUF } from '../../src/abi/binder.ts';
import type { Actor } from '../support/actor.ts';
import { bytes, call, freeBuffer, oneway, reply, strongHandle, u64s } from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, pair, share } from './setup.ts';

/** Sends one oneway call to a node of its own per size, so that all are received at once. @returns offsets. */
async function fill(
  server: Actor,
  client: Actor,
  sizes: readonly number[],
  node = 0x1000,
): Promise<number[]> {
  const offsets: number[] = [];
  for (const [i, size] of sizes.entries()) {
    const ptr = node + i;
    const handle = await share(server, client, ptr, 1);
    await client.write(oneway(handle, { parts: [new Uint8Array(size)] }));
    await client.read('NOOP TC');
    const { buffer } = await (await server.read(`NOOP TRANSACTION(${ptr.toString(16)},1)`)).message();
    offsets.push(buffer - server.peer.mapping);
  }
  return offsets;
}

/** The offset in the mapping at which a oneway call of `size` bytes is received; it is freed again. */
async function placeOf(server: Actor, client: Actor, handle: number, size: number): Promise<number> {
  await client.write(oneway(handle, { parts: [new Uint8Array(size)] }));
  await client.read('NOOP TC');
  const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
  await server.write(freeBuffer(buffer));
  return buffer - server.peer.mapping;
}

/** Where buffers lie. */
const places: Scenario[] = [
  {
    name: 'buffers lie back to back from the start of the mapping, each a multiple of 8',
    async run(world) {
      const { server, client } = await pair(world);
      assert.deepEqual(await fill(server, client, [1, 8, 9, 0, 4096, 16]), [0, 8, 16, 32, 40, 4136]);
    },
  },
  {
    name: 'data, offsets and what else there is follow one another, rounded up to 8',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const parts = [bytes(12), strongHandle(handle), bytes(1)];
      await client.write(oneway(handle, { parts, buffersSize: 24 }));
      const message = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.equal(message.offsets, message.buffer + 40);
      assert.deepEqual([message.dataSize, message.offsetsSize, message.offsetList], [37, 8, [12]]);
      await client.write(call(handle));
      const next = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.equal(next.buffer - message.buffer, 40 + 8 + 24);
    },
  },
  {
    name: 'an empty message takes 8 bytes and has an address of its own',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle), call(handle));
      const [first, second] = [
        await (await server.read(`NOOP ${CALLED}`)).message(),
        await (await server.read(`NOOP ${CALLED}`)).message(),
      ];
      assert.deepEqual([first.buffer, second.buffer], [server.peer.mapping, server.peer.mapping + 8]);
      assert.equal(first.offsets, first.buffer);
    },
  },
  {
    name: 'the smallest hole that fits is taken, at its low end',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const [a = 0, , c = 0, , e = 0] = await fill(server, client, [64, 8, 24, 8, 40, 8]);
      for (const offset of [a, c, e]) await server.write(freeBuffer(server.peer.mapping + offset));
      assert.deepEqual([a, c, e], [0, 72, 104]);
      assert.equal(await placeOf(server, client, handle, 24), 72);
      assert.equal(await placeOf(server, client, handle, 16), 72);
      assert.equal(await placeOf(server, client, handle, 32), 104);
      assert.equal(await placeOf(server, client, handle, 64), 0);
      assert.equal(await placeOf(server, client, handle, 72), 152);
    },
  },
  {
    name: 'of holes of one size the tree’s topmost is taken, not the first',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const [a = 0, , c = 0, , e = 0] = await fill(server, client, [24, 8, 24, 8, 24, 8]);
      for (const offset of [a, c, e]) await server.write(freeBuffer(server.peer.mapping + offset));
      const taken: number[] = [];
      for (let i = 0; i < 3; i++) taken.push(await placeOf(server, client, handle, 24));
      assert.deepEqual(taken, [c, e, c]);
    },
  },
  {
    name: 'freed buffers become one with their free neighbours, in every order',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const orders = [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
      ];
      for (const [round, order] of orders.entries()) {
        const offsets = await fill(server, client, [8, 8, 8, 8, 8], 0x1000 * (round + 1));
        for (const i of order) await server.write(freeBuffer(server.peer.mapping + (offsets[i] ?? 0)));
        assert.equal(await placeOf(server, client, handle, 24), 8, `freed in the order ${order}`);
        for (const i of [0, 4]) await server.write(freeBuffer(server.peer.mapping + (offsets[i] ?? 0)));
        assert.equal(await placeOf(server, client, handle, 128), 0, 'all free again');
      }
    },
  },
  {
    name: 'enough space in pieces is not enough',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { map: 4096 } });
      const offsets = await fill(server, client, [1000, 8, 1000, 8]);
      for (const i of [0, 2]) await server.write(freeBuffer(server.peer.mapping + (offsets[i] ?? 0)));
      await client.write(call(handle, { parts: [new Uint8Array(2088)] }));
      await client.expectError('FAILED_REPLY -ENOSPC');
      await client.read('NOOP FAILED_REPLY');
      await client.write(call(handle, { parts: [new Uint8Array(2080)] }));
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'a call may fill the mapping to the last byte',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { map: 4096 } });
      await client.write(call(handle, { parts: [bytes(4096)] }));
      const { data } = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.deepEqual(data, bytes(4096));
    },
  },
];

/** Half of the mapping is for oneway calls. */
const asyncSpace: Scenario[] = [
  {
    name: 'what a oneway call took comes back when it is freed',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { map: 4096 } });
      for (let i = 0; i < 5; i++) {
        await client.write(oneway(handle, { parts: [new Uint8Array(2048)] }), oneway(handle));
        await client.read('NOOP TC FAILED_REPLY');
        await client.expectError('FAILED_REPLY -ENOSPC');
        const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
        await server.write(freeBuffer(buffer));
      }
    },
  },
  {
    name: 'empty oneway calls are charged, too',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { map: 4096 } });
      const most = Array.from({ length: 256 }, () => oneway(handle));
      await client.write(...most);
      await client.read(`NOOP${' TC'.repeat(256)}`, 2048);
      await client.write(oneway(handle));
      await client.read('NOOP FAILED_REPLY');
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer));
      await client.write(oneway(handle));
      await client.read('NOOP TC');
    },
  },
  {
    name: 'calls and replies are not charged to it',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { map: 4096 } });
      await client.write(call(handle, { parts: [new Uint8Array(2048)] }));
      await server.read(`NOOP ${CALLED}`);
      const other = await client.another('other');
      await other.write(oneway(handle, { parts: [new Uint8Array(2048)] }));
      await other.read('NOOP TC');
    },
  },
  {
    name: 'a oneway call that fails gives its charge back',
    async run(world) {
      const { client, handle } = await pair(world, { server: { map: 4096 } });
      for (let i = 0; i < 3; i++) {
        await client.write(oneway(handle, { dataSize: 2048, buffer: 0 }));
        await client.read('NOOP FAILED_REPLY');
        await client.expectError('FAILED_REPLY -EFAULT');
      }
      await client.write(oneway(handle, { parts: [new Uint8Array(2048)] }));
      await client.read('NOOP TC');
    },
  },
];

/** Who may free what, and what follows. */
const freeing: Scenario[] = [
  {
    name: 'only the exact start of a received buffer of the process itself',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle, { parts: [bytes(32)] }));
      // Not yet received.
      await server.write(freeBuffer(server.peer.mapping));
      const { buffer, data } = await (await server.read(`NOOP ${CALLED}`)).message();
      for (const near of [1, 4, 8, 16, -8]) await server.write(freeBuffer(buffer + near));
      await client.write(freeBuffer(buffer));
      assert.deepEqual(await server.peer.received(buffer, 32), data);
      await client.write(oneway(handle));
      await server.readNothing();
      await server.write(freeBuffer(buffer));
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'any thread of the process may free',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await server.another('other');
      await client.write(oneway(handle), oneway(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await other.write(freeBuffer(buffer));
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'a reply that was read may be freed, one that was not may not',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply({ parts: [bytes(16)] }));
      await client.write(freeBuffer(client.peer.mapping));
      const { buffer, data } = await (await client.read('NOOP TC REPLY')).message();
      assert.deepEqual(data, bytes(16));
      await client.write(freeBuffer(buffer));
    },
  },
  {
    name: 'a freed oneway call lets the next come to any thread, through the process',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await server.another('other');
      await client.write(oneway(handle), oneway(handle), oneway(handle));
      const first = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.exchange([freeBuffer(first.buffer)], `NOOP ${CALLED}`);
      await other.readNothing();
      await server.write(freeBuffer(first.buffer + 8));
      await other.read(`NOOP ${CALLED}`);
    },
  },
];

/** TF_CLEAR_BUF: nothing is left behind. */
const clearing: Scenario[] = [
  {
    name: 'TF_CLEAR_BUF zeroes all of the buffer when it is freed, and nothing else',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const neighbour = await share(server, client, 0x11, 0x21);
      await client.write(
        oneway(handle, { flags: TF_CLEAR_BUF, parts: [bytes(16), strongHandle(handle)], buffersSize: 16 }),
        oneway(neighbour, { parts: [bytes(8, 200)] }),
      );
      const first = await (await server.read(`NOOP ${CALLED}`)).message();
      const second = await (await server.read('NOOP TRANSACTION(11,21)')).message();
      assert.equal(second.buffer - first.buffer, 40 + 8 + 16);
      await server.write(freeBuffer(first.buffer));
      assert.deepEqual(await server.peer.received(first.buffer, 64), new Uint8Array(64));
      assert.deepEqual(await server.peer.received(second.buffer, 8), bytes(8, 200));
      await server.write(freeBuffer(second.buffer));
      assert.deepEqual(await server.peer.received(second.buffer, 8), bytes(8, 200));
    },
  },
  {
    name: 'TF_CLEAR_BUF in a reply clears at the caller',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply({ flags: TF_CLEAR_BUF, parts: [bytes(40)] }));
      const { buffer } = await (await client.read('NOOP TC REPLY')).message();
      await client.write(freeBuffer(buffer));
      assert.deepEqual(await client.peer.received(buffer, 40), new Uint8Array(40));
    },
  },
  {
    name: 'TF_CLEAR_BUF clears what a message that failed had brought over',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const buffer = await client.peer.placeBeforeHole(bytes(64));
      await client.write(oneway(handle, { flags: TF_CLEAR_BUF, dataSize: 72, buffer }));
      await client.expectError('FAILED_REPLY -EFAULT');
      assert.deepEqual(await server.peer.received(server.peer.mapping, 72), new Uint8Array(72));
    },
  },
];

const HIGH = 0xffff_ffff_ffff_ffffn;

/** Sizes that overflow sums: nothing may wrap around into something small. */
const overflows: Scenario[] = [
  {
    name: 'sizes whose sum does not fit 64 bits are invalid, those that do are too large',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const cases = [
        [{ dataSize: HIGH }, 'EINVAL'],
        [{ dataSize: HIGH - 7n, offsetsSize: 8 }, 'EINVAL'],
        [{ dataSize: 8, offsetsSize: HIGH - 7n }, 'EINVAL'],
        [{ dataSize: HIGH - 6n, offsetsSize: HIGH - 6n }, 'EINVAL'],
        [{ buffersSize: HIGH - 7n, dataSize: 8 }, 'EINVAL'],
        [{ buffersSize: HIGH }, 'EINVAL'],
        [{ dataSize: HIGH - 7n }, 'ENOSPC'],
        [{ dataSize: 0x1_0000_0000 }, 'ENOSPC'],
        [{ dataSize: 2 ** 53 - 1, offsetsSize: 2 ** 53 - 1 }, 'ENOSPC'],
        [{ dataSize: 2 ** 53 }, 'ENOSPC'],
        [{ offsetsSize: 0x8000_0000 }, 'ENOSPC'],
        [{ buffersSize: 0x7fff_ffff_ffff_fff8n }, 'ENOSPC'],
      ] as const;
      for (const [sizes, errno] of cases) {
        for (const send of [call, oneway]) {
          await client.write(send(handle, { buffer: 0, offsets: 0, ...sizes }));
          await client.expectError(`FAILED_REPLY -${errno}`);
          await client.read('NOOP FAILED_REPLY');
        }
      }
      await server.readNothing();
    },
  },
  {
    name: 'a message whose memory cannot be read, wherever it begins to fail',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const edge = await client.peer.placeBeforeHole(bytes(100));
      const cases = [
        { dataSize: 101, buffer: edge },
        { dataSize: 1, buffer: edge + 100 },
        { dataSize: 8, buffer: 0 },
        { dataSize: 8, buffer: HIGH },
        { dataSize: 8, buffer: 0x00ff_ffff_ffff_f000 },
        { dataSize: 24, buffer: edge, offsetsSize: 8, offsets: edge + 96 },
        { dataSize: 24, buffer: edge, offsetsSize: 8, offsets: 0xffff_8000_0000_0000n },
      ];
      for (const message of cases) {
        await client.write(oneway(handle, message));
        await client.expectError('FAILED_REPLY -EFAULT');
        await client.read('NOOP FAILED_REPLY');
      }
      await client.write(oneway(handle, { dataSize: 0, offsetsSize: 0, buffer: HIGH, offsets: HIGH }));
      await client.read('NOOP TC');
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'a reply whose memory cannot be read is the caller’s failure',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply({ dataSize: 8, buffer: 0 }));
      await server.read('NOOP TC');
      await client.read('NOOP TC FAILED_REPLY');
      await client.expectError('FAILED_REPLY -EFAULT');
    },
  },
];

/** Sizes and offsets of objects that do not fit. */
const badObjects: Scenario[] = [
  {
    name: 'sizes of the offsets array and of scatter-gather memory must be multiples of 8',
    async run(world) {
      const { client, handle } = await pair(world);
      const node = strongHandle(handle);
      const cases = [
        { parts: [node], offsetsSize: 12, offsets: await client.peer.place(u64s(0, 0)) },
        { parts: [node], offsetsSize: 4 },
        { parts: [node], buffersSize: 4 },
        { parts: [bytes(8)], buffersSize: 1 },
      ];
      for (const message of cases) {
        await client.write(oneway(handle, message));
        await client.expectError('FAILED_REPLY -EINVAL');
        await client.read('NOOP FAILED_REPLY');
      }
    },
  },
  {
    name: 'an unreadable offsets array is found before its odd size',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(oneway(handle, { parts: [bytes(8)], offsetsSize: 12, offsets: 0 }));
      await client.expectError('FAILED_REPLY -EFAULT');
    },
  },
  {
    name: 'offsets that are not aligned, not in order, beyond the data, or of no object',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const node = strongHandle(handle);
      const cases = [
        [[bytes(2), node, bytes(2)], [2], 'EINVAL'],
        [[node, node], [0, 0], 'EFAULT'],
        [[node, node], [24, 0], 'EFAULT'],
        [[node, node], [0, 20], 'EFAULT'],
        [[node], [0, 24], 'EINVAL'],
        [[node], [24], 'EINVAL'],
        [[node], [28], 'EFAULT'],
        [[node], [4], 'EINVAL'],
        [[node], [0, HIGH], 'EFAULT'],
        [[node], [0, 1n << 63n], 'EFAULT'],
        [[node, node], [0, 0xffff_ffff_ffff_fff0n, 24], 'EFAULT'],
        [[bytes(24)], [0], 'EINVAL'],
        [[bytes(4)], [0], 'EINVAL'],
        [[new Uint8Array(0)], [0], 'EINVAL'],
      ] as const;
      for (const [parts, offsetList, errno] of cases) {
        await client.write(oneway(handle, { parts, offsetList }));
        await client.expectError(`FAILED_REPLY -${errno}`);
        await client.read('NOOP FAILED_REPLY');
      }
      await server.readNothing();
      assert.equal(await placeOf(server, client, handle, 8), 0);
    },
  },
  {
    name: 'an object that is cut off by the end of the data, or of the memory',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(oneway(handle, { parts: [strongHandle(handle)], dataSize: 20 }));
      await client.expectError('FAILED_REPLY -EINVAL');
      await client.read('NOOP FAILED_REPLY');
      const edge = await client.peer.placeBeforeHole(strongHandle(handle).object.subarray(0, 20));
      await client.write(oneway(handle, { dataSize: 24, buffer: edge, offsetList: [0] }));
      await client.expectError('FAILED_REPLY -EINVAL');
      await client.read('NOOP FAILED_REPLY');
      // The driver fetches as much as the largest object has, where the data has that much.
      const whole = await client.peer.placeBeforeHole(strongHandle(handle).object);
      await client.write(oneway(handle, { dataSize: 32, buffer: whole, offsetList: [0] }));
      await client.expectError('FAILED_REPLY -EINVAL');
      await client.read('NOOP FAILED_REPLY');
      await client.write(oneway(handle, { dataSize: 72, buffer: whole - 40, offsetList: [] }));
      await client.expectError('FAILED_REPLY -EFAULT');
    },
  },
  {
    name: 'raw bytes before an object that cannot be read, and an object behind bytes that can',
    async run(world) {
      const { client, handle } = await pair(world);
      for (const [visible, errno] of [
        [20, 'EFAULT'],
        [40, 'EINVAL'],
      ] as const) {
        const buffer = await client.peer.placeBeforeHole(bytes(visible));
        await client.write(oneway(handle, { dataSize: 64, buffer, offsetList: [40] }));
        await client.expectError(`FAILED_REPLY -${errno}`);
        await client.read('NOOP FAILED_REPLY');
      }
    },
  },
  {
    name: 'raw bytes after the last object that cannot be read',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const object = Uint8Array.from([...strongHandle(handle).object, ...bytes(24)]);
      const edge = await client.peer.placeBeforeHole(object);
      await client.write(oneway(handle, { dataSize: 56, buffer: edge, offsetList: [0] }));
      await client.expectError('FAILED_REPLY -EFAULT');
      await client.read('NOOP FAILED_REPLY');
      await client.write(oneway(handle, { dataSize: 48, buffer: edge, offsetList: [0] }));
      await server.read(`NOOP ${CALLED}`);
    },
  },
];

export const buffers: Scenario[] = [
  ...places,
  ...asyncSpace,
  ...freeing,
  ...clearing,
  ...overflows,
  ...badObjects,
];
