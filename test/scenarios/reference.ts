import assert from 'node:assert/strict';
import { TF_STATUS_CODE } from '../../src/abi/binder.ts';
import { Actor } from '../support/actor.ts';
import {
  acquire,
  acquireDone,
  bytes,
  call,
  clearDeath,
  deadBinderDone,
  decrefs,
  enterLooper,
  freeBuffer,
  increfs,
  increfsDone,
  oneway,
  registerLooper,
  release,
  reply,
  requestDeath,
  strongBinder,
  strongHandle,
  unknownObject,
  weakBinder,
} from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, COOKIE, manager, NODE, pair, share } from './setup.ts';

// The reference scenarios, X1 and on: P is the server, Q the client, as in `pair`.

export const reference: Scenario[] = [
  {
    name: 'X1 a simple call',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle, { code: 7, flags: TF_STATUS_CODE, parts: [bytes(5)] }));
      const request = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.deepEqual(
        [request.code, request.flags, request.dataSize, request.offsetsSize, request.data],
        [7, TF_STATUS_CODE, 5, 0, bytes(5)],
      );
      assert.deepEqual([request.senderPid, request.senderEuid], [client.pid, 0]);
      assert.equal(request.offsets, request.buffer + 8);
      await server.write(freeBuffer(request.buffer), reply({ code: 9, parts: [bytes(3, 100)] }));
      await server.read('NOOP TC');
      const answer = await (await client.read('NOOP TC REPLY')).message();
      assert.deepEqual(
        [answer.code, answer.flags, answer.targetPtr, answer.cookie, answer.senderPid, answer.data],
        [9, 0, 0, 0, 0, bytes(3, 100)],
      );
      await client.write(freeBuffer(answer.buffer));
      await client.expectError('OK 0');
      await server.expectError('OK 0');
    },
  },
  {
    name: 'X2 freeing, replying and reading at once reads only what was the thread’s own',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await client.another('other');
      await client.write(call(handle));
      const request = await (await server.read(`NOOP ${CALLED}`)).message();
      await other.write(oneway(handle));
      await server.exchange([freeBuffer(request.buffer), reply()], 'NOOP TC');
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'X3 a oneway call',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle, { code: 3 }));
      await client.read('NOOP TC');
      const { code, senderPid } = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.deepEqual([code, senderPid], [3, 0]);
      await server.readNothing();
      await client.readNothing();
    },
  },
  {
    name: 'X4 two oneway calls to one node come one at a time',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle, { code: 1 }), oneway(handle, { code: 2 }));
      await client.read('NOOP TC TC');
      const first = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.readNothing();
      await server.write(freeBuffer(first.buffer));
      const second = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.deepEqual([first.code, second.code], [1, 2]);
    },
  },
  {
    name: 'X5 oneway calls to two nodes come at once, each to a thread of its own',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const other = await share(server, client, 0x11, 0x21);
      const second = await server.another('second');
      const sleeping = [await server.sleep(), await second.sleep([enterLooper])] as const;
      await client.write(oneway(handle), oneway(other));
      // The thread that fell asleep last is chosen first.
      await sleeping[1].wakes(`NOOP ${CALLED}`);
      await sleeping[0].wakes('NOOP TRANSACTION(11,21)');
    },
  },
  {
    name: 'X6 the first export of a node, by a oneway call',
    async run(world) {
      const receiver = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await owner.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC');
      await owner.write(increfsDone(NODE, COOKIE), acquireDone(NODE, COOKIE));
      await receiver.read('NOOP TRANSACTION(0,0)');
      await owner.readNothing();
    },
  },
  {
    name: 'X7 a weak export',
    async run(world) {
      const receiver = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [weakBinder(NODE, COOKIE)] }));
      await owner.read('NOOP INCREFS(10,20) TC');
      await owner.write(increfsDone(NODE, COOKIE));
      await receiver.read('NOOP TRANSACTION(0,0)');
      await owner.readNothing();
    },
  },
  {
    name: 'X8 the receiver drops what it received',
    async run(world) {
      const receiver = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await owner.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC');
      await owner.write(increfsDone(NODE, COOKIE), acquireDone(NODE, COOKIE));
      const { buffer } = await (await receiver.read('NOOP TRANSACTION(0,0)')).message();
      await receiver.write(freeBuffer(buffer));
      await owner.read('NOOP RELEASE(10,20) DECREFS(10,20)');
      await owner.readNothing();
    },
  },
  {
    name: 'X9 the receiver keeps what it received, for a while',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.readNothing();
      await client.write(release(handle));
      await server.read('NOOP RELEASE(10,20) DECREFS(10,20)');
    },
  },
  {
    name: 'X10 without the acknowledgements the owner hears of no end',
    async run(world) {
      const receiver = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await owner.read('NOOP INCREFS(10,20) ACQUIRE(10,20) TC');
      const { buffer } = await (await receiver.read('NOOP TRANSACTION(0,0)')).message();
      await receiver.write(freeBuffer(buffer));
      await owner.readNothing();
      await owner.write(acquireDone(NODE, COOKIE));
      await owner.read('NOOP RELEASE(10,20)');
      await owner.write(increfsDone(NODE, COOKIE));
      await owner.read('NOOP DECREFS(10,20)');
    },
  },
  {
    name: 'X11 a handle sent back to the owner is its node again',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle, { parts: [strongHandle(handle, 0x37)] }));
      const { objects } = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.deepEqual(objects, [
        { type: 0x73622a85, flags: 0x37, binder: NODE, handle: NODE, cookie: COOKIE },
      ]);
    },
  },
  {
    name: 'X12 a call to a dead node',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.close();
      await client.write(call(handle));
      await client.read('NOOP DEAD_REPLY');
      await client.expectError('DEAD_REPLY -EINVAL');
    },
  },
  {
    name: 'X13 the server dies during the call',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.close();
      await client.read('NOOP TC DEAD_REPLY');
      await client.expectError('OK 0');
    },
  },
  {
    name: 'X14 a reply with a broken object fails at the caller',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply({ parts: [unknownObject] }));
      await server.read('NOOP TC');
      await server.expectError('OK 0');
      await client.read('NOOP TC FAILED_REPLY');
      const callersError = await client.extendedError();
      assert.equal(callersError.text, 'FAILED_REPLY -EINVAL');
      // The id is that of the reply: the next transaction of anybody is the next number but for the new node's.
      await client.write(call(77));
      await client.read('NOOP FAILED_REPLY');
      const { id } = await client.extendedError();
      assert.ok(id > callersError.id && callersError.id > 0);
    },
  },
  {
    name: 'X15 a reply without a call',
    async run(world) {
      const { server } = await pair(world);
      await server.write(reply());
      await server.read('NOOP FAILED_REPLY');
      await server.expectError('FAILED_REPLY -EPROTO');
    },
  },
  {
    name: 'X16 two calls in one write: the second is refused',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle, { code: 1 }), call(handle, { code: 2 }));
      await client.read('NOOP TC FAILED_REPLY');
      await client.expectError('FAILED_REPLY -EPROTO');
      const { code } = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.equal(code, 1);
      await server.write(reply());
      await client.read('NOOP REPLY');
    },
  },
  {
    name: 'X17 an error stops the write until it is read',
    async run(world) {
      const { client } = await pair(world);
      const outcome = await client.writeRead({ commands: [call(77), enterLooper] });
      assert.deepEqual([outcome.errno, outcome.writeConsumed], ['0', 68]);
      const blocked = await client.writeRead({ commands: [oneway(77)] });
      assert.deepEqual([blocked.errno, blocked.writeConsumed], ['0', 0]);
      const nowhere = await client.writeRead({ writeSize: 8, writeBuffer: 0xffff_8000_0000_0000n });
      assert.deepEqual([nowhere.errno, nowhere.writeConsumed], ['0', 0]);
      await client.read('NOOP FAILED_REPLY');
      await client.write(enterLooper);
    },
  },
  {
    name: 'X18 a death notification asked for and taken back at once',
    async run(world) {
      const { server } = await pair(world);
      await server.exchange(
        [increfs(0), requestDeath(0, 0x99), clearDeath(0, 0x99), decrefs(0)],
        'NOOP CLEAR_DEATH_NOTIFICATION_DONE(99)',
      );
    },
  },
  {
    name: 'X19 a death notification taken back before it is acknowledged',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 0x99));
      await server.close();
      await client.read('NOOP DEAD_BINDER(99)');
      await client.write(clearDeath(handle, 0x99));
      await client.readNothing();
      await client.write(deadBinderDone(0x99));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(99)');
    },
  },
  {
    name: 'X20 a death notification acknowledged, then taken back',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 0x99));
      await server.close();
      await client.read('NOOP DEAD_BINDER(99)');
      await client.write(deadBinderDone(0x99));
      await client.readNothing();
      await client.write(clearDeath(handle, 0x99));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(99)');
    },
  },
  {
    name: 'X23 a call back to the caller while it waits',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle, { code: 1 }));
      await server.read(`NOOP ${CALLED}`);
      await server.write(call(0, { code: 2 }));
      const nested = await (await client.read('NOOP TC TRANSACTION(0,0)')).message();
      assert.deepEqual([nested.code, nested.senderPid], [2, server.pid]);
      await client.exchange([freeBuffer(nested.buffer), reply()], 'NOOP TC');
      await server.read('NOOP TC REPLY');
      await server.write(reply());
      await server.read('NOOP TC');
      await client.read('NOOP REPLY');
    },
  },
  {
    name: 'X24 the driver asks for another thread when the last one is taken',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.setMaxThreads(1);
      await client.write(oneway(handle, { code: 1 }));
      const first = await (await server.read(`SPAWN_LOOPER ${CALLED}`)).message();
      const spawned = await server.another('spawned');
      await spawned.write(registerLooper);
      await client.write(oneway(handle, { code: 2 }));
      await server.write(freeBuffer(first.buffer));
      await spawned.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'X25 closing a duplicate lets sleeping readers return empty',
    async run(world) {
      const { server } = await pair(world, { server: { nonBlocking: false } });
      const second = await server.another('second');
      const sleeping = [await server.sleep(), await second.sleep()];
      await server.peer.closeDuplicate();
      for (const sleeper of sleeping) await sleeper.wakes('NOOP');
      await (await server.sleep()).sleepsOn();
    },
  },
  {
    name: 'X29 a call larger than the receiver’s mapping',
    async run(world) {
      const { client, handle } = await pair(world, { server: { map: 8192 } });
      await client.write(call(handle, { parts: [new Uint8Array(8200)] }));
      await client.read('NOOP FAILED_REPLY');
      await client.expectError('FAILED_REPLY -ENOSPC');
    },
  },
  {
    name: 'X30 a oneway call may take half of the mapping at most',
    async run(world) {
      const { client, handle } = await pair(world, { server: { map: 8192 } });
      await client.write(oneway(handle, { parts: [new Uint8Array(4104)] }));
      await client.read('NOOP FAILED_REPLY');
      await client.expectError('FAILED_REPLY -ENOSPC');
      await client.write(oneway(handle, { parts: [new Uint8Array(4096)] }));
      await client.read('NOOP TC');
    },
  },
  {
    name: 'X30 a call of the size that was refused to a oneway call',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { map: 8192 } });
      await client.write(call(handle, { parts: [new Uint8Array(4104)] }));
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'X31 freeing what is no buffer',
    async run(world) {
      const { server } = await pair(world);
      for (const address of [0, server.peer.mapping, server.peer.mapping + 8, 0xffff_ffff_ffff_fff8n]) {
        const outcome = await server.writeRead({ commands: [freeBuffer(address)] });
        assert.deepEqual([outcome.errno, outcome.writeConsumed], ['0', 12]);
      }
      await server.readNothing();
    },
  },
  {
    name: 'X32 freeing a buffer twice',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer), freeBuffer(buffer));
      await server.readNothing();
    },
  },
  {
    name: 'X33 a dropped handle is the next one given',
    async run(world) {
      const { server, client } = await pair(world);
      const handles = [await share(server, client, 0x11, 0x21), await share(server, client, 0x12, 0x22)];
      assert.deepEqual(handles, [2, 3]);
      await client.write(release(2));
      await server.read('NOOP RELEASE(11,21) DECREFS(11,21)');
      assert.equal(await share(server, client, 0x13, 0x23), 2);
      assert.equal(await share(server, client, 0x14, 0x24), 4);
    },
  },
  {
    name: 'X34 after the context manager died another takes its place',
    async run(world) {
      const first = await manager(world);
      const client = await Actor.open(world, 'client');
      await first.close();
      await client.write(call(0));
      await client.read('NOOP DEAD_REPLY');
      await client.expectError('DEAD_REPLY -EINVAL');
      const second = await Actor.open(world, 'second manager');
      await second.becomeManager();
      await client.write(call(0, { code: 5 }));
      const { code } = await (await second.read('NOOP TRANSACTION(0,0)')).message();
      assert.equal(code, 5);
    },
  },
  {
    name: 'X35 only the first manager’s user may manage again',
    needs: ['users'],
    async run(world) {
      const first = await manager(world, { euid: 1000 });
      const stranger = await Actor.open(world, 'stranger', { euid: 1001 });
      await stranger.becomeManager('EBUSY');
      await first.becomeManager('EBUSY');
      await first.close();
      await stranger.becomeManager('EPERM');
      const friend = await Actor.open(world, 'friend', { euid: 1000 });
      await friend.becomeManager();
    },
  },
  {
    name: 'X36 the context manager cannot call itself',
    async run(world) {
      const server = await manager(world);
      await server.write(call(0));
      await server.read('NOOP FAILED_REPLY');
      await server.expectError('FAILED_REPLY -EINVAL');
      const secondOpen = await Actor.open(world, 'manager');
      await secondOpen.write(acquire(0), oneway(0));
      await secondOpen.read('NOOP FAILED_REPLY');
      await secondOpen.expectError('FAILED_REPLY -EINVAL');
    },
  },
];
