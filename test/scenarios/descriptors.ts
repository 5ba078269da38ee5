import assert from 'node:assert/strict';
import { FLAT_BINDER_FLAG_ACCEPTS_FDS, TF_ACCEPT_FDS, TF_CLEAR_BUF } from '../../src/abi/binder.ts';
import { fdObject } from '../../src/abi/structs.ts';
import type { Actor, Received } from '../support/actor.ts';
import {
  bytes,
  call,
  descriptor,
  freeBuffer,
  oneway,
  release,
  reply,
  unknownObject,
} from '../support/commands.ts';
import type { World } from '../support/world.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, type Pair, pair } from './setup.ts';

/** A {@link Pair} whose server takes descriptors. */
export function acceptingPair(world: World): Promise<Pair> {
  return pair(world, { flags: FLAT_BINDER_FLAG_ACCEPTS_FDS });
}

/** The descriptor objects of a message, as they are in its data. */
function descriptorsIn({ data, offsetList }: Received) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return offsetList.map((offset) => fdObject.decode(view, offset));
}

/** Expects that `actor` has nothing open but these files, in any order. */
export async function expectFiles({ peer }: Actor, ...contents: string[]): Promise<void> {
  const found = [];
  for (const fd of await peer.files()) found.push(await peer.fileContent(fd));
  assert.deepEqual(found.sort(), contents.sort(), 'open files');
}

export const descriptors: readonly Scenario[] = [
  {
    name: 'X26: a descriptor becomes another of the same file, closed by execve',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('letter');
      await client.write(call(handle, { parts: [bytes(4), descriptor(fd, 0x1234)] }));
      const message = await (await server.read(`NOOP ${CALLED}`)).message();
      const [object] = descriptorsIn(message);
      assert.equal(object?.cookie, 0x1234);
      assert.equal(object?.padBinder, object?.fd, 'the upper half of the word');
      assert.equal(await server.peer.fileContent(object?.fd ?? -1), 'letter');
      assert.equal(await server.peer.closesOnExec(object?.fd ?? -1), true);
      await server.write(freeBuffer(message.buffer));
      await expectFiles(server, 'letter');
      await expectFiles(client, 'letter');
    },
  },
  {
    name: 'X27: a node that does not accept descriptors gets none',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const fd = await client.peer.openFile('letter');
      await client.write(call(handle, { flags: TF_ACCEPT_FDS, parts: [descriptor(fd)] }));
      await client.read('NOOP FAILED_REPLY');
      await client.expectError('FAILED_REPLY -EPERM');
      await server.readNothing();
    },
  },
  {
    name: 'X28: a reply with a descriptor needs a call that accepts them, whatever the node does',
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      await client.write(call(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      const fd = await server.peer.openFile('letter');
      await server.write(freeBuffer(buffer), reply({ parts: [descriptor(fd)] }));
      await server.read('NOOP TC');
      await client.read('NOOP TC FAILED_REPLY');
      await client.expectError('FAILED_REPLY -EPERM');
      await server.expectError('OK 0');
    },
  },
  {
    name: 'a reply to a call that accepts them brings descriptors, in order',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle, { flags: TF_ACCEPT_FDS }));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      const parts = [];
      for (const content of ['a', 'b', 'c']) parts.push(descriptor(await server.peer.openFile(content)));
      await server.write(freeBuffer(buffer), reply({ parts }));
      await server.read('NOOP TC');
      const answer = await (await client.read('NOOP TC REPLY')).message();
      const contents = [];
      for (const { fd } of descriptorsIn(answer)) contents.push(await client.peer.fileContent(fd));
      assert.deepEqual(contents, ['a', 'b', 'c']);
    },
  },
  {
    name: 'oneway calls carry descriptors too; the same one twice is two',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('letter');
      await client.write(oneway(handle, { parts: [descriptor(fd), bytes(4), descriptor(fd)] }));
      await client.read('NOOP TC');
      const message = await (await server.read(`NOOP ${CALLED}`)).message();
      const [first, second] = descriptorsIn(message);
      assert.notEqual(first?.fd, second?.fd);
      await expectFiles(server, 'letter', 'letter');
    },
  },
  {
    name: 'a descriptor wakes a sleeping reader as anything else does',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await pair(world, {
        flags: FLAT_BINDER_FLAG_ACCEPTS_FDS,
        server: { nonBlocking: false },
      });
      const sleeper = await server.sleep();
      const fd = await client.peer.openFile('letter');
      await client.write(call(handle, { parts: [descriptor(fd)] }));
      const message = await (await sleeper.wakes(`NOOP ${CALLED}`)).message();
      assert.equal(await server.peer.fileContent(descriptorsIn(message)[0]?.fd ?? -1), 'letter');
    },
  },
  {
    name: 'a descriptor that is not open: EBADF',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      for (const fd of [1_000_000, 0xffff_ffff]) {
        await client.write(call(handle, { parts: [descriptor(fd)] }));
        await client.read('NOOP FAILED_REPLY');
        await client.expectError('FAILED_REPLY -EBADF');
      }
      await server.readNothing();
    },
  },
  {
    name: 'V28: descriptors that were taken before a call failed are let go, and no number was used',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('letter');
      const parts = [descriptor(fd), descriptor(fd), unknownObject];
      await client.write(call(handle, { parts }));
      await client.read('NOOP FAILED_REPLY');
      await client.expectError('FAILED_REPLY -EINVAL');
      await client.write(call(handle, { parts: [descriptor(fd), descriptor(1_000_000)] }));
      await client.read('NOOP FAILED_REPLY');
      await client.expectError('FAILED_REPLY -EBADF');
      await expectFiles(server);
      await expectFiles(client, 'letter');
    },
  },
  {
    name: 'V28: a reply that fails after a descriptor lets it go',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle, { flags: TF_ACCEPT_FDS }));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      const fd = await server.peer.openFile('letter');
      await server.write(freeBuffer(buffer), reply({ parts: [descriptor(fd), unknownObject] }));
      await server.read('NOOP TC');
      await client.read('NOOP TC FAILED_REPLY');
      await client.expectError('FAILED_REPLY -EINVAL');
      await expectFiles(client);
    },
  },
  {
    name: 'a call whose receiver has no descriptors left fails for its sender, and the receiver sees the next one',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const other = await client.another('other');
      const fd = await client.peer.openFile('letter');
      await client.write(call(handle, { parts: [descriptor(fd), descriptor(fd)] }));
      await other.write(call(handle, { code: 2 }));
      await server.peer.limitFiles(1);
      const next = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.peer.limitFiles(null);
      assert.equal(next.code, 2);
      await expectFiles(server);
      await client.read('NOOP TC FAILED_REPLY');
      await client.expectError('OK 0');
    },
  },
  {
    name: 'what there is to tell of nodes is told behind a call whose receiver has no descriptors left',
    needs: ['descriptors'],
    differs: 'the kernel driver fails the read with ENOMEM, and what it had to tell is lost',
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('letter');
      await client.write(call(handle, { parts: [descriptor(fd)] }), release(handle));
      await server.peer.limitFiles(0);
      await server.read('NOOP RELEASE(10,20) DECREFS(10,20)');
      await server.peer.limitFiles(null);
    },
  },
  {
    name: 'a call whose receiver has no descriptors left leaves nothing in its buffer, and nothing to read',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('letter');
      await server.peer.limitFiles(0);
      for (let i = 0; i < 3; i++) {
        // More than half of the space each time.
        const parts = [descriptor(fd), new Uint8Array(40_000)];
        await client.write(call(handle, { parts, flags: TF_CLEAR_BUF }));
        await server.readNothing();
        await client.read('NOOP TC FAILED_REPLY');
      }
      await server.peer.limitFiles(null);
      await expectFiles(server);
    },
  },
  {
    name: 'a sleeping reader without descriptors sleeps on',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await pair(world, {
        flags: FLAT_BINDER_FLAG_ACCEPTS_FDS,
        server: { nonBlocking: false },
      });
      const fd = await client.peer.openFile('letter');
      await server.peer.limitFiles(0);
      const sleeper = await server.sleep();
      await client.write(call(handle, { parts: [descriptor(fd)] }));
      await sleeper.sleepsOn();
      await client.read('NOOP TC FAILED_REPLY');
      await server.peer.limitFiles(null);
      await client.write(call(handle, { parts: [descriptor(fd)] }));
      await sleeper.wakes(`NOOP ${CALLED}`);
      await expectFiles(server, 'letter');
    },
  },
  {
    name: 'a reply whose reader has no descriptors left is a failed reply',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle, { flags: TF_ACCEPT_FDS }));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      const fd = await server.peer.openFile('letter');
      await server.write(freeBuffer(buffer), reply({ parts: [descriptor(fd)] }));
      await server.read('NOOP TC');
      await client.peer.limitFiles(0);
      await client.read('NOOP TC FAILED_REPLY');
      await client.peer.limitFiles(null);
      await client.expectError('OK 0');
      await client.readNothing();
      await expectFiles(client);
    },
  },
  {
    name: 'a oneway call whose receiver has no descriptors left is dropped, and the next of its node comes',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('letter');
      await client.write(oneway(handle, { parts: [descriptor(fd)] }), oneway(handle, { code: 2 }));
      await client.read('NOOP TC TC');
      await server.peer.limitFiles(0);
      const next = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.peer.limitFiles(null);
      assert.equal(next.code, 2);
      await client.readNothing();
    },
  },
  {
    name: 'a file arrives though its sender has closed it, and is gone',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('letter');
      await client.write(oneway(handle, { parts: [descriptor(fd)] }));
      await client.peer.closeFile(fd);
      await client.close();
      const message = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.equal(await server.peer.fileContent(descriptorsIn(message)[0]?.fd ?? -1), 'letter');
    },
  },
  {
    name: 'files on their way to a process that goes away are closed',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await acceptingPair(world);
      const fd = await client.peer.openFile('letter');
      const message = { parts: [descriptor(fd)] };
      await client.write(oneway(handle, message), oneway(handle, message), call(handle, message));
      await server.close();
      await client.read('NOOP TC TC TC DEAD_REPLY');
      await expectFiles(client, 'letter');
    },
  },
];
