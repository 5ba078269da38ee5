import assert from 'node:assert/strict';
import { FLAT_BINDER_FLAG_TXN_SECURITY_CTX, TF_ACCEPT_FDS, TF_CLEAR_BUF } from '../../src/abi/binder.ts';
import { bufferObject } from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';
import type { Actor, Received } from '../support/actor.ts';
import {
  buffer,
  bytes,
  call,
  type DataObject,
  descriptor,
  descriptorArray,
  freeBuffer,
  type Message,
  oneway,
  reply,
  strongBinder,
  u32s,
} from '../support/commands.ts';
import { acceptingPair, expectFiles } from './descriptors.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, pair } from './setup.ts';

const TWO_64 = 1n << 64n;

/** The buffer objects of a message; `at` is where each begins in its extra memory. */
function buffersIn(message: Received) {
  // Other objects are shorter.
  const view = new DataView(Uint8Array.of(...message.data, ...new Uint8Array(40)).buffer);
  const extra = message.offsets + message.offsetsSize;
  return message.offsetList.map((offset) => {
    const object = bufferObject.decode(view, offset);
    return { ...object, at: Number(object.buffer) - extra };
  });
}

/** What the receiver finds at one of its addresses. */
function bytesAt(actor: Actor, address: U64, length: number): Promise<Uint8Array> {
  return actor.peer.received(Number(address), length);
}

/** Numbers of 32 bits there. */
async function wordsAt(actor: Actor, address: U64, count: number): Promise<number[]> {
  const found = (await bytesAt(actor, address, 4 * count)).slice();
  return [...new Uint32Array(found.buffer)];
}

async function pointerAt(actor: Actor, address: U64): Promise<U64> {
  const found = await bytesAt(actor, address, 8);
  return Number(new DataView(found.buffer, found.byteOffset).getBigUint64(0, true));
}

/** Sends a call that must be refused like this. */
async function refused(client: Actor, handle: number, message: Message, errno = 'EINVAL'): Promise<void> {
  await client.write(call(handle, { buffersSize: 0, ...message }));
  await client.read('NOOP FAILED_REPLY');
  await client.expectError(`FAILED_REPLY -${errno}`);
}

/** Sends a oneway call, frees what is received, and returns it as it was. */
async function accepted(
  { server, client, handle }: { server: Actor; client: Actor; handle: number },
  message: Message,
): Promise<Received> {
  await client.write(oneway(handle, message));
  await client.read('NOOP TC');
  const received = await (await server.read(`NOOP ${CALLED}`)).message();
  await server.write(freeBuffer(received.buffer));
  return received;
}

/** Four bytes before the objects: one at the very start of the data can be nobody's parent. */
const LEAD = bytes(4);

const pieces: readonly Scenario[] = [
  {
    name: 'buffers lie behind the offsets, in order, each rounded up to 8',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const [a, b] = [await client.peer.place(bytes(5, 10)), await client.peer.place(bytes(16, 50))];
      const parts = [LEAD, buffer(a, 5), buffer(b, 16), buffer(a, 0), buffer(b, 1)];
      await client.write(oneway(handle, { parts, buffersSize: 40 }));
      const message = await (await server.read(`NOOP ${CALLED}`)).message();
      const found = buffersIn(message);
      assert.deepEqual(
        found.map(({ at, length, flags, parent, parentOffset }) => [at, length, flags, parent, parentOffset]),
        [
          [0, 5, 0, 0, 0],
          [8, 16, 0, 0, 0],
          [24, 0, 0, 0, 0],
          [24, 1, 0, 0, 0],
        ],
      );
      assert.deepEqual(await bytesAt(server, found[0]?.buffer ?? 0, 5), bytes(5, 10));
      assert.deepEqual(await bytesAt(server, found[1]?.buffer ?? 0, 16), bytes(16, 50));
      assert.deepEqual(await bytesAt(server, found[3]?.buffer ?? 0, 1), bytes(1, 50));
    },
  },
  {
    name: 'a reply brings buffers as well',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      const address = await server.peer.place(bytes(9, 10));
      await server.write(reply({ parts: [buffer(address, 9)], buffersSize: 16 }));
      await server.read('NOOP TC');
      const [found] = buffersIn(await (await client.read('NOOP TC REPLY')).message());
      assert.deepEqual(await bytesAt(client, found?.buffer ?? 0, 9), bytes(9, 10));
    },
  },
  {
    name: 'a long buffer, the same memory twice, and a node in between',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const address = await client.peer.place(bytes(10_000));
      const parts = [buffer(address, 10_000), strongBinder(0x30, 0x40), buffer(address, 10_000)];
      await client.write(oneway(handle, { parts, buffersSize: 20_000 }));
      const message = await (await server.read(`NOOP ${CALLED}`)).message();
      const [first, , second] = buffersIn(message);
      assert.deepEqual(await bytesAt(server, first?.buffer ?? 0, 10_000), bytes(10_000));
      assert.deepEqual(await bytesAt(server, second?.buffer ?? 0, 10_000), bytes(10_000));
      assert.equal(message.objects[1]?.cookie, 0);
    },
  },
  {
    name: 'TF_CLEAR_BUF zeroes buffers, too',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const address = await client.peer.place(bytes(16));
      const message = { parts: [buffer(address, 16)], buffersSize: 16, flags: TF_CLEAR_BUF };
      const { buffer: at } = await accepted({ server, client, handle }, message);
      assert.deepEqual(await bytesAt(server, at, 64), new Uint8Array(64));
    },
  },
  {
    name: 'a buffer must fit what is left of the extra memory; without any only empty ones do',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const address = await client.peer.place(bytes(64));
      for (const lengths of [[17], [8, 9], [1, 16], [16, 1]]) {
        const parts = lengths.map((length) => buffer(address, length));
        await refused(client, handle, { parts, buffersSize: 16 });
      }
      await refused(client, handle, { parts: [buffer(address, TWO_64 - 1n)], buffersSize: 16 });
      await refused(client, handle, { parts: [buffer(address, 1)] });
      await client.write(call(handle, { parts: [buffer(address, 1)] }));
      await client.read('NOOP FAILED_REPLY');
      await accepted({ server, client, handle }, { parts: [buffer(0, 0)] });
    },
  },
  {
    name: 'a buffer that cannot be read is refused with EINVAL, after everything else',
    async run(world) {
      const { client, handle } = await pair(world);
      const address = await client.peer.placeBeforeHole(bytes(8));
      await refused(client, handle, { parts: [buffer(address, 16)], buffersSize: 16 });
      await refused(client, handle, { parts: [buffer(0, 8)], buffersSize: 16 });
      await refused(client, handle, { parts: [buffer(TWO_64 - 8n, 8)], buffersSize: 16 });
      const message = { parts: [buffer(0, 8)], buffersSize: 16, dataSize: 64 };
      await refused(client, handle, { ...message, buffer: address });
      const data = await client.peer.placeBeforeHole(buffer(0, 8).object);
      await refused(client, handle, { ...message, buffer: data }, 'EFAULT');
    },
  },
];

/** Sends a parent buffer of 32 bytes behind {@link LEAD}, and what else is said. */
async function withParent(client: Actor, ...objects: DataObject[]): Promise<Message> {
  const address = await client.peer.place(bytes(32, 100));
  return { parts: [LEAD, buffer(address, 32), ...objects], buffersSize: 256 };
}

const parents: readonly Scenario[] = [
  {
    name: 'a buffer’s address is set where its parent says, whatever stood there',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const child = await client.peer.place(bytes(6, 200));
      const message = await withParent(client, buffer(child, 6, { parent: 0, parentOffset: 12 }));
      await client.write(oneway(handle, message));
      const received = await (await server.read(`NOOP ${CALLED}`)).message();
      const [parent, own] = buffersIn(received);
      assert.deepEqual([own?.flags, own?.parent, own?.parentOffset], [1, 0, 12]);
      assert.equal(await pointerAt(server, Number(parent?.buffer) + 12), own?.buffer);
      assert.deepEqual(await bytesAt(server, parent?.buffer ?? 0, 12), bytes(12, 100));
      assert.deepEqual(await bytesAt(server, Number(parent?.buffer) + 20, 12), bytes(12, 120));
      assert.deepEqual(await bytesAt(server, own?.buffer ?? 0, 6), bytes(6, 200));
    },
  },
  {
    name: 'children, grandchildren, and children again, as long as offsets grow',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const leaf = await client.peer.place(bytes(16, 200));
      const message = await withParent(
        client,
        buffer(leaf, 16, { parent: 0, parentOffset: 0 }), // 1
        buffer(leaf, 16, { parent: 1, parentOffset: 0 }), // 2
        buffer(leaf, 16, { parent: 2, parentOffset: 8 }), // 3
        buffer(leaf, 16, { parent: 1, parentOffset: 8 }), // 4
        buffer(leaf, 16, { parent: 0, parentOffset: 8 }), // 5
        buffer(leaf, 16, { parent: 0, parentOffset: 24 }), // 6
      );
      await client.write(oneway(handle, message));
      const received = await (await server.read(`NOOP ${CALLED}`)).message();
      const found = buffersIn(received).map((object) => Number(object.buffer));
      const [p0 = 0, p1 = 0, p2 = 0, p3 = 0, p4 = 0, p5 = 0, p6 = 0] = found;
      for (const [at, value] of [
        [p0, p1],
        [p1, p2],
        [p2 + 8, p3],
        [p1 + 8, p4],
        [p0 + 8, p5],
        [p0 + 24, p6],
      ] as const) {
        assert.equal(await pointerAt(server, at), value);
      }
      assert.deepEqual(await bytesAt(server, p2, 8), bytes(8, 200));
      assert.deepEqual(await bytesAt(server, p0 + 16, 8), bytes(8, 116));
    },
  },
  {
    name: 'bytes that are set are not read: they may be anywhere',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const leaf = await client.peer.place(bytes(8, 200));
      const beforeHole = await client.peer.placeBeforeHole(bytes(8));
      for (const [source, length, offset] of [
        [0, 8, 0],
        [beforeHole, 16, 8],
      ] as const) {
        const parts = [LEAD, buffer(source, length), buffer(leaf, 8, { parent: 0, parentOffset: offset })];
        const message = await accepted({ server, client, handle }, { parts, buffersSize: 64 });
        const [parent, child] = buffersIn(message);
        assert.equal(await pointerAt(server, Number(parent?.buffer) + offset), child?.buffer);
      }
    },
  },
  {
    name: 'the address must lie within the parent',
    async run(world) {
      const { client, handle } = await pair(world);
      for (const parentOffset of [25, 32, 2 ** 40, TWO_64 - 8n, TWO_64 - 1n]) {
        const child = buffer(0, 0, { parent: 0, parentOffset });
        await refused(client, handle, await withParent(client, child));
      }
      const short = await client.peer.place(bytes(7));
      const parts = [LEAD, buffer(short, 7), buffer(0, 0, { parent: 0, parentOffset: 0 })];
      await refused(client, handle, { parts, buffersSize: 64 });
    },
  },
  {
    name: 'a parent is a buffer that came before',
    async run(world) {
      const { client, handle } = await pair(world);
      for (const parent of [1, 2, 3, 2 ** 32, TWO_64 - 1n]) {
        const child = buffer(0, 0, { parent, parentOffset: 0 });
        await refused(client, handle, await withParent(client, child, buffer(0, 0)));
      }
      const parts = [LEAD, strongBinder(0x30, 0x40), buffer(0, 0, { parent: 0, parentOffset: 0 })];
      await refused(client, handle, { parts, buffersSize: 64 });
      const self = buffer(0, 0, { parent: 0, parentOffset: 0 });
      await refused(client, handle, { parts: [LEAD, self], buffersSize: 64 });
    },
  },
  {
    name: 'nothing is set twice or out of order',
    async run(world) {
      const { client, handle } = await pair(world);
      const leaf = await client.peer.place(bytes(32));
      const child = (parent: number, parentOffset: number) => buffer(leaf, 32, { parent, parentOffset });
      for (const objects of [
        [child(0, 8), child(0, 0)],
        [child(0, 8), child(0, 8)],
        [child(0, 8), child(0, 15)],
        [child(0, 8), child(1, 0), child(0, 15)],
        // A buffer that is neither the last nor one that leads to it.
        [child(0, 0), child(0, 8), child(1, 0)],
        [buffer(leaf, 32), child(0, 0)],
      ]) {
        await refused(client, handle, await withParent(client, ...objects));
      }
    },
  },
  {
    name: 'a buffer object at the very start of the data can be nobody’s parent',
    async run(world) {
      const { client, handle } = await pair(world);
      const address = await client.peer.place(bytes(32));
      const parts = [buffer(address, 32), buffer(0, 0, { parent: 0, parentOffset: 0 })];
      await refused(client, handle, { parts, buffersSize: 64 });
    },
  },
];

/** An array of these descriptors in the sender's memory, with its object and the buffer before it. */
async function arrayOf(client: Actor, ...fds: number[]): Promise<Message> {
  const address = await client.peer.place(u32s(...fds, 7, 7));
  const parts = [
    LEAD,
    buffer(address, 4 * fds.length + 8),
    descriptorArray(fds.length, { parent: 0, parentOffset: 0 }),
  ];
  return { parts, buffersSize: 256 };
}

const arrays: readonly Scenario[] = [
  {
    name: 'an array of descriptors becomes one of the receiver’s, closed when the buffer is freed',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fds = [];
      for (const content of ['a', 'b', 'c']) fds.push(await client.peer.openFile(content));
      const extra = await client.peer.openFile('d');
      const message = await arrayOf(client, ...fds);
      const parts = [...(message.parts ?? []), descriptor(extra)];
      await client.write(call(handle, { ...message, parts }));
      const received = await (await server.read(`NOOP ${CALLED}`)).message();
      const [parent] = buffersIn(received);
      const own = await wordsAt(server, parent?.buffer ?? 0, 5);
      const contents = [];
      for (const fd of own.slice(0, 3)) contents.push(await server.peer.fileContent(fd));
      assert.deepEqual(contents, ['a', 'b', 'c']);
      assert.deepEqual(own.slice(3), [7, 7]);
      await expectFiles(server, 'a', 'b', 'c', 'd');
      // They are closed on the way out, so the thread is sent on its way: it does not wait, and reads nothing.
      await server.exchange([freeBuffer(received.buffer)], 'NOOP');
      await expectFiles(server, 'd');
      await expectFiles(client, 'a', 'b', 'c', 'd');
    },
  },
  {
    name: 'a reply brings arrays; a thread that frees one and wants to sleep returns at once',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await pair(world, { client: { nonBlocking: false } });
      const fd = await server.peer.openFile('a');
      await client.write(call(handle, { flags: TF_ACCEPT_FDS }));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply(await arrayOf(server, fd)));
      await server.read('NOOP TC');
      const received = await (await client.read('NOOP TC REPLY')).message();
      await expectFiles(client, 'a');
      await client.exchange([freeBuffer(received.buffer)], 'NOOP');
      await expectFiles(client);
      // Freeing a buffer without descriptors is no reason to return.
      const sleeper = await client.sleep([freeBuffer(received.buffer)]);
      await client.peer.closeDuplicate();
      await sleeper.wakes('NOOP');
    },
  },
  {
    name: 'an array that the receiver has partly closed',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fds = [await client.peer.openFile('a'), await client.peer.openFile('b')];
      await client.write(oneway(handle, await arrayOf(client, ...fds)));
      const received = await (await server.read(`NOOP ${CALLED}`)).message();
      const [first = -1] = await server.peer.files();
      await server.peer.closeFile(first);
      await server.write(freeBuffer(received.buffer));
      await expectFiles(server);
    },
  },
  {
    name: 'an empty array is nothing, in an accepting node or not, but it has its place in the order',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const empty = descriptorArray(0, { parent: 0, parentOffset: 8 });
      const leaf = (parentOffset: number) => buffer(0, 0, { parent: 0, parentOffset });
      await accepted({ server, client, handle }, await withParent(client, empty));
      await accepted({ server, client, handle }, await withParent(client, empty, leaf(8)));
      await refused(client, handle, await withParent(client, empty, leaf(7)));
      // Its place is not looked at, but nothing can follow it.
      const far = descriptorArray(0, { parent: 0, parentOffset: TWO_64 - 1n });
      await accepted({ server, client, handle }, await withParent(client, far));
      await refused(client, handle, await withParent(client, far, leaf(24)));
    },
  },
  {
    name: 'an array of descriptors to a node that does not accept them: EPERM',
    async run(world) {
      const { client, handle } = await pair(world);
      const fd = await client.peer.openFile('a');
      await refused(client, handle, await arrayOf(client, fd), 'EPERM');
    },
  },
  {
    name: 'an array with a descriptor that is not open lets the others go',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('a');
      await refused(client, handle, await arrayOf(client, fd, fd, 1_000_000), 'EBADF');
      await server.readNothing();
      await expectFiles(server);
    },
  },
  {
    name: 'an array’s parent is a buffer that came before and may be set',
    async run(world) {
      const { client, handle } = await acceptingPair(world);
      for (const parent of [1, 2, 2 ** 32, TWO_64 - 1n]) {
        const array = descriptorArray(1, { parent, parentOffset: 0 });
        await refused(client, handle, await withParent(client, array, buffer(0, 0)));
      }
      const first = { parent: 0, parentOffset: 0 };
      await refused(client, handle, { parts: [LEAD, descriptorArray(0, first)], buffersSize: 64 });
      await refused(client, handle, {
        parts: [LEAD, strongBinder(0x30, 0x40), descriptorArray(0, first)],
        buffersSize: 64,
      });
      const sibling = buffer(0, 0);
      await refused(client, handle, await withParent(client, sibling, descriptorArray(1, first)));
      const address = await client.peer.place(u32s(0, 0));
      await refused(client, handle, {
        parts: [buffer(address, 8), descriptorArray(1, first)],
        buffersSize: 64,
      });
    },
  },
  {
    name: 'an array must lie within its parent, aligned on both sides',
    async run(world) {
      const { client, handle } = await acceptingPair(world);
      for (const [count, parentOffset] of [
        [9, 0],
        [1, 29],
        [1, 32],
        [1, TWO_64 - 4n],
        [2 ** 30, 0],
        [1n << 62n, 0],
        [(1n << 62n) - 1n, 0],
        [TWO_64 - 1n, 0],
        [TWO_64 - 1n, TWO_64 - 1n],
        [1, 2],
        [1, 5],
      ] as const) {
        await refused(
          client,
          handle,
          await withParent(client, descriptorArray(count, { parent: 0, parentOffset })),
        );
      }
      const address = await client.peer.place(bytes(64));
      for (const parentOffset of [0, 2]) {
        const array = descriptorArray(1, { parent: 0, parentOffset });
        await refused(client, handle, { parts: [LEAD, buffer(address + 2, 32), array], buffersSize: 64 });
      }
    },
  },
  {
    name: 'arrays and buffers take turns in one parent, in order',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const [a, b] = [await client.peer.openFile('a'), await client.peer.openFile('b')];
      const address = await client.peer.place(u32s(a, 1, 2, 3, b, 4));
      const leaf = await client.peer.place(bytes(8, 200));
      const array = (parentOffset: number) => descriptorArray(1, { parent: 0, parentOffset });
      const middle = buffer(leaf, 8, { parent: 0, parentOffset: 4 });
      const parts = [LEAD, buffer(address, 24), array(0), middle, array(16)];
      await client.write(oneway(handle, { parts, buffersSize: 64 }));
      const received = await (await server.read(`NOOP ${CALLED}`)).message();
      const [parent, , child] = buffersIn(received);
      assert.equal(await pointerAt(server, Number(parent?.buffer) + 4), child?.buffer);
      const [first = -1, , , third, last = -1, four] = await wordsAt(server, parent?.buffer ?? 0, 6);
      assert.deepEqual([third, four], [3, 4]);
      assert.equal(await server.peer.fileContent(first), 'a');
      assert.equal(await server.peer.fileContent(last), 'b');
      await client.write(
        oneway(handle, { parts: [LEAD, buffer(address, 24), array(16), array(0)], buffersSize: 64 }),
      );
      await client.read('NOOP TC FAILED_REPLY');
      await client.expectError('FAILED_REPLY -EINVAL');
      await server.write(freeBuffer(received.buffer));
      await expectFiles(server);
    },
  },
  {
    name: 'an array that cannot be read is refused with EINVAL',
    needs: ['descriptors'],
    async run(world) {
      const { client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('a');
      const address = await client.peer.placeBeforeHole(u32s(0, fd));
      const array = descriptorArray(2, { parent: 0, parentOffset: 0 });
      await refused(client, handle, { parts: [LEAD, buffer(address + 4, 8), array], buffersSize: 64 });
    },
  },
  {
    name: 'an array is not closed where its call was never received',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const own = await server.peer.openFile('own');
      const fd = await client.peer.openFile('a');
      await client.write(call(handle, await arrayOf(client, fd, fd)));
      await server.peer.limitFiles(1);
      await server.readNothing();
      await server.peer.limitFiles(null);
      await client.read('NOOP TC FAILED_REPLY');
      await client.write(oneway(handle, await arrayOf(client, fd)));
      await client.read('NOOP TC');
      await server.peer.closeFile(own);
      await server.close();
      await expectFiles(client, 'a');
    },
  },
];

const labels: readonly Scenario[] = [
  {
    name: 'CVE-2026-68458: buffers end before the security context',
    needs: ['labels'],
    async run(world) {
      const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX });
      const address = await client.peer.place(bytes(64, 200));
      for (const lengths of [[24], [16, 1], [17], [16, 8]]) {
        const parts = lengths.map((length) => buffer(address, length));
        await refused(client, handle, { parts, buffersSize: 16 });
      }
      const parts = [buffer(address, 9), buffer(address, 0)];
      await client.write(call(handle, { parts, buffersSize: 16 }));
      const stream = await server.read(`NOOP ${CALLED.replace('TRANSACTION', 'TRANSACTION_SEC_CTX')}`);
      const message = await stream.message();
      const [first] = buffersIn(message);
      const end = message.offsets + message.offsetsSize + 16;
      assert.equal(message.secctx, end);
      assert.deepEqual(await bytesAt(server, first?.buffer ?? 0, 9), bytes(9, 200));
      const label = await bytesAt(server, end, 8);
      assert.match(String.fromCharCode(...label.subarray(0, 3)), /^[a-z]/);
    },
  },
];

export const scatterGather: readonly Scenario[] = [...pieces, ...parents, ...arrays, ...labels];
