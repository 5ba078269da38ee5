import assert from 'node:assert/strict';
import {
  BC_ACQUIRE_RESULT,
  BC_ATTEMPT_ACQUIRE,
  BINDER_SET_CONTEXT_MGR_EXT,
  BINDER_TYPE_BINDER,
  BINDER_TYPE_HANDLE,
  BINDER_TYPE_WEAK_BINDER,
  BINDER_TYPE_WEAK_HANDLE,
} from '../../src/abi/binder.ts';
import { flatBinderObject } from '../../src/abi/structs.ts';
import { Actor } from '../support/actor.ts';
import {
  acquire,
  acquireDone,
  call,
  command,
  decrefs,
  freeBuffer,
  increfs,
  increfsDone,
  oneway,
  release,
  reply,
  strongBinder,
  strongHandle,
  unknownObject,
  weakBinder,
  weakHandle,
} from '../support/commands.ts';
import type { World } from '../support/world.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, COOKIE, manager, NODE, pair, pass, ring, share } from './setup.ts';

/** Handle 0 means the context manager, whether or not it was received. */
const handleZero: Scenario[] = [
  {
    name: 'handle 0 is acquired from nothing',
    async run(world) {
      const server = await manager(world);
      const client = await Actor.open(world, 'client');
      await client.write(acquire(0), increfs(0), release(0), acquire(0), decrefs(0), release(0));
      // The manager is told nothing of its own node.
      await server.readNothing();
      await client.write(increfs(0), decrefs(0));
      await server.readNothing();
    },
  },
  {
    name: 'the manager must not acquire itself: the ioctl fails at that command',
    async run(world) {
      const server = await manager(world);
      for (const bad of [acquire(0), increfs(0)]) {
        const outcome = await server.writeRead({ commands: [acquire(5), bad, acquire(5)], readSize: 256 });
        assert.deepEqual([outcome.errno, outcome.writeConsumed, outcome.readConsumed], ['EINVAL', 8, 0]);
      }
      await server.write(release(0), decrefs(0));
    },
  },
  {
    name: 'handle 0 without a manager is a handle like any other',
    async run(world) {
      const client = await Actor.open(world, 'client');
      await client.write(acquire(0), increfs(0), release(0), decrefs(0));
      await client.readNothing();
    },
  },
  {
    name: 'a handle 0 to a manager that died does not reach the next one by its counts',
    async run(world) {
      const first = await manager(world);
      const client = await Actor.open(world, 'client');
      await client.write(acquire(0));
      await first.close();
      const second = await Actor.open(world, 'second manager');
      await second.becomeManager();
      // Number 0 is taken, so the new manager's ref gets 1.
      await client.write(acquire(0));
      await client.write(call(1, { code: 1 }));
      assert.equal((await (await second.read('NOOP TRANSACTION(0,0)')).message()).code, 1);
      await second.write(reply());
      await client.read('NOOP TC REPLY');
      // Calls to 0 reach the present manager all the same.
      await client.write(call(0, { code: 2 }));
      await second.read('NOOP TC');
      assert.equal((await (await second.read('NOOP TRANSACTION(0,0)')).message()).code, 2);
      await second.write(reply());
      await client.read('NOOP TC REPLY');
      // Once the stale one is dropped, 0 is free for whoever has none yet.
      await client.write(release(0), release(1), acquire(0));
      await client.write(call(0, { code: 3 }));
      await second.read('NOOP TC');
      await second.read('NOOP TRANSACTION(0,0)');
    },
  },
  {
    name: 'a stale handle 0 still counts when no manager is there',
    async run(world) {
      const first = await manager(world);
      const client = await Actor.open(world, 'client');
      await client.write(acquire(0));
      await first.close();
      await client.write(acquire(0), increfs(0), release(0), decrefs(0), call(0));
      await client.read('NOOP DEAD_REPLY');
      await client.write(release(0));
    },
  },
  {
    name: 'the manager’s node may have a pointer, a cookie and flags',
    async run(world) {
      const server = await Actor.open(world, 'manager');
      const object = flatBinderObject.bytes({ type: 12345, binder: 0x70, cookie: 0x80 });
      await server.ioctl(BINDER_SET_CONTEXT_MGR_EXT, object);
      const client = await Actor.open(world, 'client');
      await client.write(oneway(0));
      await server.read('NOOP TRANSACTION(70,80)');
    },
  },
  {
    name: 'a node with pointer 0 becomes the manager’s node',
    async run(world) {
      const first = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [strongBinder(0, 0x33)] }));
      await owner.read('NOOP INCREFS(0,33) ACQUIRE(0,33) TC');
      await first.close();
      await owner.becomeManager();
      await owner.write(increfsDone(0, 0x33), acquireDone(0, 0x33));
      const client = await Actor.open(world, 'client');
      await client.write(oneway(0));
      await owner.read('NOOP TRANSACTION(0,33)');
    },
  },
];

/** BC_INCREFS, BC_ACQUIRE, BC_RELEASE, BC_DECREFS where they do not fit. Nothing but handle 0 fails the ioctl. */
const misuse: Scenario[] = [
  {
    name: 'counts of a handle that does not exist',
    async run(world) {
      const { client } = await pair(world);
      for (const handle of [9, 0xffff_ffff]) {
        await client.write(increfs(handle), acquire(handle), release(handle), decrefs(handle));
      }
      await client.readNothing();
    },
  },
  {
    name: 'a weakly held handle cannot be made strong',
    async run(world) {
      const { holder, owner, handle } = await weakly(world);
      await holder.write(acquire(handle), call(handle));
      await holder.read('NOOP FAILED_REPLY');
      await holder.write(release(handle));
      await owner.readNothing();
      await holder.write(decrefs(handle));
      await owner.read('NOOP DECREFS(10,20)');
    },
  },
  {
    name: 'a weakly held handle cannot be made strong, though others hold its node strongly',
    async run(world) {
      const { client, handle } = await pair(world);
      const third = await Actor.open(world, 'third');
      await third.write(call(0));
      await client.read('NOOP TRANSACTION(0,0)');
      await client.write(reply({ parts: [weakHandle(handle)] }));
      await third.read('NOOP TC REPLY');
      await third.write(acquire(1), oneway(1));
      await third.read('NOOP FAILED_REPLY');
      await third.write(increfs(1), decrefs(1), oneway(1));
      await third.read('NOOP FAILED_REPLY');
    },
  },
  {
    name: 'weak counts are not taken below nothing',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(decrefs(handle), decrefs(handle), oneway(handle));
      await client.read('NOOP TC');
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'counts add up',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(acquire(handle), increfs(handle), increfs(handle), release(handle));
      await server.readNothing();
      await client.write(release(handle));
      await server.read('NOOP RELEASE(10,20)');
      await client.write(decrefs(handle));
      await server.readNothing();
      await client.write(decrefs(handle));
      await server.read('NOOP DECREFS(10,20)');
      await client.write(decrefs(handle));
    },
  },
  {
    name: 'the two commands that no driver carries out',
    async run(world) {
      const { client } = await pair(world);
      for (const bad of [command(BC_ATTEMPT_ACQUIRE, {}), command(BC_ACQUIRE_RESULT, {})]) {
        const outcome = await client.writeRead({ commands: [increfs(1), decrefs(1), bad, increfs(1)] });
        assert.deepEqual([outcome.errno, outcome.writeConsumed], ['EINVAL', 16]);
      }
    },
  },
];

/** What the owner of a node is told, and what it answers. */
const handshakes: Scenario[] = [
  {
    name: 'acknowledgements that fit nothing are passed over',
    async run(world) {
      const holder = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      // Before they were asked for, with another cookie, for another node, and twice.
      await owner.write(increfsDone(NODE, COOKIE), acquireDone(NODE, COOKIE));
      await owner.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC');
      await owner.write(increfsDone(NODE, 0x21), acquireDone(NODE, 0x21));
      await owner.write(increfsDone(0x11, COOKIE), acquireDone(0x11, COOKIE));
      const { buffer } = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
      await holder.write(freeBuffer(buffer));
      await owner.readNothing();
      await owner.write(increfsDone(NODE, COOKIE), acquireDone(NODE, COOKIE));
      await owner.write(increfsDone(NODE, COOKIE), acquireDone(NODE, COOKIE));
      await owner.read('NOOP RELEASE(10,20) DECREFS(10,20)');
      await owner.write(increfsDone(NODE, COOKIE), acquireDone(NODE, COOKIE));
      await owner.readNothing();
    },
  },
  {
    name: 'the end of the strong counts alone is told alone',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(increfs(handle), release(handle));
      await server.read('NOOP RELEASE(10,20)');
      await client.write(decrefs(handle));
      await server.read('NOOP DECREFS(10,20)');
    },
  },
  {
    name: 'a count that comes back before its end was read is not mentioned',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(release(handle));
      await server.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await server.read('NOOP TC');
      await server.readNothing();
      const { objects } = await (await client.read('NOOP TRANSACTION(0,0)')).message();
      assert.equal(objects[0]?.handle, handle);
    },
  },
  {
    name: 'a sleeping reader is not disturbed by a node whose state came back',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const busy = await server.another('busy');
      await client.write(increfs(handle));
      const sleeper = await server.sleep();
      await busy.write(oneway(0, { parts: [weakHandle(0)] }));
      await busy.read('NOOP FAILED_REPLY');
      await sleeper.sleepsOn();
      await client.write(release(handle));
      await sleeper.wakes('NOOP RELEASE(10,20)');
    },
  },
  {
    name: 'a node that was weak becomes strong: only that is told',
    async run(world) {
      const { holder, owner } = await weakly(world);
      await owner.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await owner.read('NOOP ACQUIRE(10,20) TC');
      await holder.read('NOOP TRANSACTION(0,0)');
    },
  },
  {
    name: 'a node sent by two threads is told once, to the one that needs it to be strong',
    async run(world) {
      await manager(world);
      const owner = await Actor.open(world, 'owner');
      const other = await owner.another('other');
      await owner.write(oneway(0, { parts: [weakBinder(NODE, COOKIE)] }));
      await other.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await other.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC');
      await owner.read('NOOP TC');
    },
  },
  {
    name: 'a node sent again to the same receiver is announced where it was first sent',
    async run(world) {
      await manager(world);
      const owner = await Actor.open(world, 'owner');
      const other = await owner.another('other');
      for (const thread of [owner, other]) {
        await thread.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      }
      await other.read('NOOP TC');
      await owner.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC');
    },
  },
  {
    name: 'a node sent by another thread to another receiver is announced there',
    async run(world) {
      const { a, next } = await ring(world);
      const other = await a.another('other');
      await a.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await other.write(oneway(next, { parts: [strongBinder(NODE, COOKIE)] }));
      await a.read('NOOP TC');
      await other.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC');
    },
  },
  {
    name: 'several nodes in one message are announced in its order',
    async run(world) {
      await manager(world);
      const owner = await Actor.open(world, 'owner');
      const parts = [
        strongBinder(0x30, 3),
        weakBinder(0x10, 1),
        strongBinder(0x20, 2),
        strongBinder(0x30, 3),
      ];
      await owner.write(oneway(0, { parts }));
      await owner.read('NOOP INCREFS(30,3) ACQUIRE(30,3) INCREFS(10,1) INCREFS(20,2) ACQUIRE(20,2) TC');
    },
  },
  {
    name: 'in a call the announcement waits for the reply',
    async run(world) {
      const server = await manager(world);
      const client = await Actor.open(world, 'client');
      await client.write(call(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await client.readNothing();
      await server.read('NOOP TRANSACTION(0,0)');
      await server.write(reply());
      await client.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC REPLY');
    },
  },
  {
    name: 'the flags of the first sending hold; another cookie is refused',
    async run(world) {
      const { server } = await pair(world);
      await server.write(oneway(0, { parts: [strongBinder(NODE, 0x21)] }));
      await server.read('NOOP FAILED_REPLY');
      await server.expectError('FAILED_REPLY -EINVAL');
    },
  },
  {
    name: 'after its end was read the same pointer is a new node',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(release(handle));
      await server.write(oneway(0, { parts: [strongBinder(NODE, 0x21)] }));
      await server.read('NOOP FAILED_REPLY');
      await server.read('NOOP RELEASE(10,20) DECREFS(10,20)');
      await share(server, client, NODE, 0x21);
    },
  },
  {
    name: 'what a failed message would have announced is not announced',
    async run(world) {
      await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [strongBinder(NODE, COOKIE), unknownObject] }));
      await owner.read('NOOP FAILED_REPLY');
      await owner.expectError('FAILED_REPLY -EINVAL');
      await owner.readNothing();
      // The node went with it: another cookie is welcome.
      await owner.write(oneway(0, { parts: [weakBinder(NODE, 0x21)] }));
      await owner.read('NOOP INCREFS(10,21) TC');
    },
  },
];

/** Objects of a message become the receiver's names; the buffer holds a count for each. */
const transfers: Scenario[] = [
  {
    name: 'a node becomes a handle: flags stay, cookie and upper half go',
    async run(world) {
      const receiver = await manager(world);
      const owner = await Actor.open(world, 'owner');
      const parts = [strongBinder(NODE, COOKIE, 0x1234_5678), weakBinder(0x11, 0x21, 0xff)];
      await owner.write(oneway(0, { parts }));
      const { objects } = await (await receiver.read('NOOP TRANSACTION(0,0)')).message();
      assert.deepEqual(objects, [
        { type: BINDER_TYPE_HANDLE, flags: 0x1234_5678, binder: 1, handle: 1, cookie: 0 },
        { type: BINDER_TYPE_WEAK_HANDLE, flags: 0xff, binder: 2, handle: 2, cookie: 0 },
      ]);
    },
  },
  {
    name: 'a handle becomes the receiver’s handle or, at home, the node',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await share(server, client, 0x11, 0x21);
      const third = await Actor.open(world, 'third');
      assert.equal(await pass(client, third, other), 1);
      await client.write(oneway(handle, { parts: [weakHandle(other, 5), strongHandle(handle)] }));
      const { objects } = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.deepEqual(objects, [
        { type: BINDER_TYPE_WEAK_BINDER, flags: 5, binder: 0x11, handle: 0x11, cookie: 0x21 },
        { type: BINDER_TYPE_BINDER, flags: 0, binder: NODE, handle: NODE, cookie: COOKIE },
      ]);
    },
  },
  {
    name: 'what one does not hold cannot be sent; what is held weakly not strongly',
    async run(world) {
      const { holder, owner, handle } = await weakly(world);
      const other = await share(owner, holder, 0x11, 0x21);
      const bad = [strongHandle(7), weakHandle(7), strongHandle(handle), strongHandle(0), weakHandle(0)];
      for (const part of bad) {
        await holder.write(call(other, { parts: [part] }));
        await holder.read('NOOP FAILED_REPLY');
        await holder.expectError('FAILED_REPLY -EINVAL');
      }
      await holder.write(oneway(other, { parts: [weakHandle(handle)] }));
      await holder.read('NOOP TC');
      await owner.read('NOOP TRANSACTION(11,21)');
    },
  },
  {
    name: 'handle 0 can be sent once it was acquired',
    async run(world) {
      const { server } = await pair(world);
      await server.write(acquire(0), oneway(0, { parts: [strongHandle(0)] }));
      await server.read('NOOP TC');
    },
  },
  {
    name: 'a received handle goes with the buffer unless it was acquired',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const third = await Actor.open(world, 'third');
      await third.write(call(0));
      await client.read('NOOP TRANSACTION(0,0)');
      await client.write(reply({ parts: [strongHandle(handle)] }));
      await client.read('NOOP TC');
      const { buffer } = await (await third.read('NOOP TC REPLY')).message();
      await third.write(oneway(1), freeBuffer(buffer), oneway(1));
      await third.read('NOOP TC FAILED_REPLY');
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'a buffer under way holds what it names, so its sender may let go at once',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const third = await Actor.open(world, 'third');
      await third.write(call(0));
      await client.read('NOOP TRANSACTION(0,0)');
      await client.write(reply({ parts: [strongHandle(handle)] }), release(handle));
      await server.readNothing();
      const { buffer } = await (await third.read('NOOP TC REPLY')).message();
      await third.write(oneway(1));
      await third.write(freeBuffer(buffer));
      const received = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(received.buffer));
      await server.read('NOOP RELEASE(10,20) DECREFS(10,20)');
    },
  },
  {
    name: 'a buffer at home holds the node it names',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle, { parts: [strongHandle(handle), weakHandle(handle)] }));
      await client.write(release(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.readNothing();
      await server.write(freeBuffer(buffer));
      await server.read('NOOP RELEASE(10,20) DECREFS(10,20)');
    },
  },
  {
    name: 'a call holds the node it goes to, though the caller lets go',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle), release(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.exchange([freeBuffer(buffer), reply()], 'NOOP TC');
      await server.read('NOOP RELEASE(10,20) DECREFS(10,20)');
    },
  },
  {
    name: 'an acknowledgement that fits nothing makes the owner of a node without refs look for news, of which there are none',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle), release(handle));
      await server.read(`NOOP ${CALLED}`);
      const idle = await server.another('idle');
      await idle.readNothing();
      await server.write(acquireDone(NODE, COOKIE));
      await idle.read('NOOP', 4);
      await idle.readNothing();
    },
  },
  {
    name: 'a failed message gives back exactly what it took',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const parts = [strongHandle(handle), weakHandle(handle), strongHandle(99)];
      await client.write(oneway(handle, { parts }));
      await client.read('NOOP FAILED_REPLY');
      await client.write(release(handle));
      await server.read('NOOP RELEASE(10,20) DECREFS(10,20)');
    },
  },
  {
    name: 'a handle to a dead node can be passed on',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.close();
      const third = await Actor.open(world, 'third');
      const own = await pass(client, third, handle);
      await third.write(call(own));
      await third.read('NOOP DEAD_REPLY');
    },
  },
  {
    name: 'a user who releases too much loses the handle; freeing the buffer then takes nobody else’s count',
    async run(world) {
      const holder = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await owner.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC');
      const { buffer } = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
      await holder.write(release(1), release(1), freeBuffer(buffer));
      await owner.write(increfsDone(NODE, COOKIE), acquireDone(NODE, COOKIE));
      await owner.read('NOOP RELEASE(10,20) DECREFS(10,20)');
    },
  },
];

/** Handles are the lowest free numbers. */
const numbers: Scenario[] = [
  {
    name: 'a hundred handles, every second one dropped and given again',
    async run(world) {
      const holder = await manager(world);
      const owner = await Actor.open(world, 'owner');
      const parts = Array.from({ length: 100 }, (_, i) => weakBinder(0x1000 + i, i));
      await owner.write(oneway(0, { parts }));
      const first = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
      assert.deepEqual(
        first.objects.map(({ handle }) => handle),
        Array.from({ length: 100 }, (_, i) => i + 1),
      );
      for (let handle = 1; handle <= 100; handle++) {
        if (handle % 2 === 0) await holder.write(increfs(handle));
      }
      await holder.write(freeBuffer(first.buffer));
      const again = Array.from({ length: 60 }, (_, i) => weakBinder(0x2000 + i, i));
      await owner.write(oneway(0, { parts: again }));
      const second = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
      const expected = Array.from({ length: 60 }, (_, i) => (i < 50 ? 2 * i + 1 : 101 + i - 50));
      assert.deepEqual(
        second.objects.map(({ handle }) => handle),
        expected,
      );
    },
  },
  {
    name: 'a node has one handle in a process, however often it is received',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.write(oneway(0, { parts: [strongBinder(NODE, COOKIE), weakBinder(NODE, COOKIE)] }));
      const { objects } = await (await client.read('NOOP TRANSACTION(0,0)')).message();
      assert.deepEqual(
        objects.map((object) => object.handle),
        [handle, handle],
      );
    },
  },
];

/** The context manager holds a weak handle only; the owner has acknowledged it. */
async function weakly(world: World): Promise<{ holder: Actor; owner: Actor; handle: number }> {
  const holder = await manager(world);
  const owner = await Actor.open(world, 'owner');
  await owner.write(oneway(0, { parts: [weakBinder(NODE, COOKIE)] }));
  await owner.read('NOOP INCREFS(10,20) TC');
  await owner.write(increfsDone(NODE, COOKIE));
  const { buffer, objects } = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
  const handle = objects[0]?.handle ?? -1;
  await holder.write(increfs(handle), freeBuffer(buffer));
  return { holder, owner, handle };
}

export const references: Scenario[] = [...handleZero, ...misuse, ...handshakes, ...transfers, ...numbers];
