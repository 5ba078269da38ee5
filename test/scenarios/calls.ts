import assert from 'node:assert/strict';
import { TF_ONE_WAY } from '../../src/abi/binder.ts';
import { Actor } from '../support/actor.ts';
import {
  bytes,
  call,
  enterLooper,
  freeBuffer,
  oneway,
  reply,
  unknownObject,
  weakBinder,
} from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, COOKIE, manager, NODE, pair, ring } from './setup.ts';

/** Which calls are refused, in the order in which the driver looks. */
const refusedCalls: Scenario[] = [
  {
    name: 'a call to a handle that does not exist',
    async run(world) {
      const { client } = await pair(world);
      for (const handle of [2, 0xffff_ffff]) {
        await client.write(call(handle));
        await client.read('NOOP FAILED_REPLY');
        await client.expectError('FAILED_REPLY -EINVAL');
      }
    },
  },
  {
    name: 'a call to a handle that is only weakly held',
    async run(world) {
      const holder = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [weakBinder(NODE, COOKIE)] }));
      const { objects } = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
      const handle = objects[0]?.handle ?? -1;
      await holder.write(oneway(handle));
      await holder.read('NOOP FAILED_REPLY');
      await holder.expectError('FAILED_REPLY -EINVAL');
    },
  },
  {
    name: 'a call to handle 0 where no context manager is',
    async run(world) {
      const client = await Actor.open(world, 'client');
      await client.write(call(0));
      await client.read('NOOP DEAD_REPLY');
      await client.expectError('DEAD_REPLY -EINVAL');
      await client.write(oneway(0));
      await client.read('NOOP DEAD_REPLY');
    },
  },
  {
    name: 'a call while a reply waits to be read',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await client.peer.closeDuplicate();
      await client.read('NOOP TC');
      await server.write(reply());
      await client.write(call(handle));
      await client.expectError('FAILED_REPLY -EPROTO');
      await client.read('NOOP REPLY');
      await client.read('NOOP FAILED_REPLY');
    },
  },
  {
    name: 'a oneway call while a reply waits to be read',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await client.write(oneway(handle));
      await client.read('NOOP TC TC');
      await server.write(reply());
      await client.write(oneway(handle));
      await client.read('NOOP REPLY');
      await client.read('NOOP TC');
    },
  },
  {
    name: 'a refused call leaves no trace at the receiver',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle, { parts: [bytes(64), unknownObject] }));
      await client.read('NOOP FAILED_REPLY');
      await server.readNothing();
      await client.write(oneway(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.equal(buffer, server.peer.mapping);
    },
  },
  {
    name: 'a call to a process without a mapping',
    async run(world) {
      const { client, handle } = await pair(world, { server: { map: false } });
      for (const command of [call(handle), oneway(handle)]) {
        await client.write(command);
        await client.read('NOOP DEAD_REPLY');
        await client.expectError('DEAD_REPLY -ESRCH');
      }
    },
  },
  {
    name: 'a call to a process that took its mapping away',
    needs: ['unmap'],
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.peer.unmap();
      await client.write(call(handle));
      await client.read('NOOP DEAD_REPLY');
      await client.expectError('DEAD_REPLY -ESRCH');
    },
  },
  {
    name: 'a call to a process that took a part of its mapping away',
    needs: ['unmap'],
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle));
      await server.peer.unmap(8192);
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer));
      await client.write(call(handle));
      await client.read('NOOP TC DEAD_REPLY');
      await client.expectError('DEAD_REPLY -ESRCH');
    },
  },
  {
    name: 'a caller without a mapping cannot get even an empty reply',
    async run(world) {
      const server = await manager(world);
      const client = await Actor.open(world, 'client', { map: false });
      await client.write(oneway(0));
      await client.read('NOOP TC');
      const first = await (await server.read('NOOP TRANSACTION(0,0)')).message();
      await server.write(freeBuffer(first.buffer));
      await client.write(call(0));
      await server.read('NOOP TRANSACTION(0,0)');
      await server.write(reply());
      await server.read('NOOP TC');
      await server.expectError('OK 0');
      await client.read('NOOP TC DEAD_REPLY');
      await client.expectError('DEAD_REPLY -ESRCH');
    },
  },
];

/** Which replies are refused, and whose failure that is. */
const refusedReplies: Scenario[] = [
  {
    name: 'a reply while the replier waits for a call of its own',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(call(0));
      await server.write(reply());
      await server.read('NOOP TC FAILED_REPLY');
      await server.expectError('FAILED_REPLY -EPROTO');
      // Its stack is as it was: both calls can still be answered.
      await client.read('NOOP TC TRANSACTION(0,0)');
      await client.write(reply());
      await server.read('NOOP REPLY');
      await server.write(reply());
      await client.read('NOOP TC REPLY');
    },
  },
  {
    name: 'a reply by a thread other than the one that was called',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await server.another('other');
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await other.write(reply());
      await other.read('NOOP FAILED_REPLY');
      await other.expectError('FAILED_REPLY -EPROTO');
      await server.write(reply());
      await client.read('NOOP TC REPLY');
    },
  },
  {
    name: 'a second reply to the same call',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply());
      await server.write(reply());
      await server.read('NOOP TC FAILED_REPLY');
      await client.read('NOOP TC REPLY');
    },
  },
  {
    name: 'a reply to a oneway call',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply());
      await server.read('NOOP FAILED_REPLY');
      await server.expectError('FAILED_REPLY -EPROTO');
    },
  },
  {
    name: 'a failed reply is spent: the replier cannot try again',
    async run(world) {
      const { server, client, handle } = await pair(world, { client: { map: 4096 } });
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply({ parts: [new Uint8Array(4097)] }));
      await server.read('NOOP TC');
      await client.read('NOOP TC FAILED_REPLY');
      await client.expectError('FAILED_REPLY -ENOSPC');
      await server.write(reply());
      await server.read('NOOP FAILED_REPLY');
      await server.expectError('FAILED_REPLY -EPROTO');
    },
  },
  {
    name: 'a failed reply stops the rest of the replier’s write until its answer is read',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      const outcome = await server.writeRead({ commands: [reply({ parts: [unknownObject] }), enterLooper] });
      assert.equal(outcome.writeConsumed, 68);
      await server.read('NOOP TC');
    },
  },
  {
    name: 'a failed reply does not hide what the caller has not read yet',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await client.write(call(55));
      await server.write(reply({ dataSize: 8, buffer: 0 }));
      await client.expectError('FAILED_REPLY -EINVAL');
      await client.read('NOOP TC FAILED_REPLY FAILED_REPLY');
    },
  },
];

/** Calls made without waiting for the end of the last one. */
const impatient: Scenario[] = [
  {
    name: 'a second failure that comes before the first was read is not told',
    async run(world) {
      const { server, client, handle } = await pair(world);
      for (let i = 0; i < 2; i++) {
        await client.write(call(handle));
        await server.read(`NOOP ${CALLED}`);
        await server.exit();
        await server.greet();
      }
      await client.read('NOOP TC DEAD_REPLY TC');
      await client.readNothing();
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply());
      await client.read('NOOP TC REPLY');
    },
  },
  {
    name: 'an own error and the failed end of a call are both told',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await client.write(call(handle));
      await server.close();
      await client.read('NOOP TC FAILED_REPLY DEAD_REPLY');
    },
  },
];

/** What gets through to the receiver, and what does not. */
const contents: Scenario[] = [
  {
    name: 'a sender cannot forge who it is; flags nobody knows are passed on',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(
        call(handle, { code: 0xffff_ffff, flags: 0xffff_ff80, cookie: 99, senderPid: 1, senderEuid: 77 }),
      );
      const got = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.deepEqual(
        [got.code, got.flags, got.senderPid, got.senderEuid],
        [0xffff_ffff, 0xffff_ff80, client.pid, 0],
      );
    },
  },
  {
    name: 'the receiver learns the effective user of the sender, also of a reply',
    needs: ['users'],
    async run(world) {
      const { server, client, handle } = await pair(world, { client: { euid: 1234 }, server: { euid: 77 } });
      await client.write(call(handle));
      const asked = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.equal(asked.senderEuid, 1234);
      await server.write(reply());
      const answer = await (await client.read('NOOP TC REPLY')).message();
      assert.deepEqual([answer.senderPid, answer.senderEuid], [0, 77]);
    },
  },
  {
    name: 'TF_ONE_WAY in a reply is passed on and changes nothing',
    async run(world) {
      const { server, client, handle } = await pair(world, { client: { map: 8192 } });
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      // More than a oneway call could send.
      await server.write(reply({ flags: TF_ONE_WAY, parts: [new Uint8Array(8000)] }));
      await server.read('NOOP TC');
      const { flags, dataSize } = await (await client.read('NOOP TC REPLY')).message();
      assert.deepEqual([flags, dataSize], [TF_ONE_WAY, 8000]);
    },
  },
  {
    name: 'pointers and cookies of 64 bits come back bit for bit',
    async run(world) {
      const holder = await manager(world);
      const owner = await Actor.open(world, 'owner');
      const ptr = 0xffff_ffff_ffff_fff1n;
      const cookie = 0x0020_0000_0000_0001n;
      await owner.write(oneway(0, { parts: [weakBinder(ptr, cookie)] }));
      await owner.read('NOOP INCREFS(fffffffffffffff1,20000000000001) TC');
      const { objects } = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
      await holder.write(call(0));
      assert.equal(objects[0]?.handle, 1);
    },
  },
  {
    name: 'the extended error is told once',
    async run(world) {
      const { client } = await pair(world);
      const untouched = await client.another('untouched');
      await untouched.expectError('OK 0');
      await client.write(call(88));
      assert.notEqual((await client.extendedError()).id, 0);
      assert.deepEqual(await client.extendedError(), { id: 0, text: 'OK 0' });
    },
  },
  {
    name: 'the extended error is that of the last attempt, not of the last failure',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(call(88));
      await client.read('NOOP FAILED_REPLY');
      await client.write(oneway(handle));
      const { id, text } = await client.extendedError();
      assert.equal(text, 'OK 0');
      assert.notEqual(id, 0);
    },
  },
];

/** Calls within calls. */
const nested: Scenario[] = [
  {
    name: 'A calls B, B calls C, C calls A: A’s waiting thread is called, not an idle one',
    async run(world) {
      const { a, b, c, next } = await ring(world);
      const idle = await a.another('idle');
      await idle.write(enterLooper);
      await a.write(call(next, { code: 1 }));
      await b.read('NOOP TRANSACTION(b,b)');
      await b.write(call(next, { code: 2 }));
      await c.read('NOOP TRANSACTION(c,c)');
      await c.write(call(next, { code: 3 }));
      await idle.readNothing();
      const back = await (await a.read('NOOP TC TRANSACTION(a,a)')).message();
      assert.equal(back.code, 3);
      await a.write(reply());
      await c.read('NOOP TC REPLY');
      await c.write(reply());
      await b.read('NOOP TC REPLY');
      await b.write(reply());
      await a.read('NOOP TC REPLY');
    },
  },
  {
    name: 'a oneway call back does not interrupt the waiting thread',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const idle = await client.another('idle');
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(oneway(0));
      await client.readNothing();
      await idle.read('NOOP TRANSACTION(0,0)');
    },
  },
  {
    name: 'a thread that serves a call gets no other work of the process',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await client.another('other');
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await other.write(call(handle));
      await server.readNothing();
      await server.exchange([reply()], 'NOOP TC');
      await server.read(`NOOP ${CALLED}`);
    },
  },
];

export const calls: Scenario[] = [...refusedCalls, ...refusedReplies, ...impatient, ...contents, ...nested];
