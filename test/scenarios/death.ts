import assert from 'node:assert/strict';
import { Actor } from '../support/actor.ts';
import {
  call,
  clearDeath,
  deadBinderDone,
  decrefs,
  enterLooper,
  freeBuffer,
  increfs,
  oneway,
  release,
  reply,
  requestDeath,
} from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, manager, pair, pass, ring, share } from './setup.ts';

/** Who dies during a call, and who learns what. */
const duringCalls: Scenario[] = [
  {
    name: 'the callee dies before it read the call',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.close();
      await client.read('NOOP TC DEAD_REPLY');
    },
  },
  {
    name: 'the callee’s thread leaves while it serves the call',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.exit();
      await client.read('NOOP TC DEAD_REPLY');
      await server.write(reply());
      await server.read('NOOP FAILED_REPLY');
    },
  },
  {
    name: 'the callee’s thread leaves while it serves a call whose buffer it freed',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer));
      await server.exit();
      await client.read('NOOP TC DEAD_REPLY');
    },
  },
  {
    name: 'the callee’s thread leaves during a call of its own: its callee replies, and the first caller hears',
    async run(world) {
      const { a, b, c, next } = await ring(world);
      await a.write(call(next));
      await b.read('NOOP TRANSACTION(b,b)');
      await b.write(call(next));
      await c.read('NOOP TRANSACTION(c,c)');
      await b.exit();
      await a.readNothing();
      await c.write(reply());
      await c.read('NOOP TC');
      await c.expectError('OK 0');
      await a.read('NOOP TC DEAD_REPLY');
    },
  },
  {
    name: 'the callee’s thread leaves during a call of its own: its callee dies, and the first caller hears',
    async run(world) {
      const { a, b, c, next } = await ring(world);
      await a.write(call(next));
      await b.read('NOOP TRANSACTION(b,b)');
      await b.write(call(next));
      await c.read('NOOP TRANSACTION(c,c)');
      await b.exit();
      await c.exit();
      await a.read('NOOP TC DEAD_REPLY');
    },
  },
  {
    name: 'the callee’s thread leaves during a call of its own that was not read yet',
    async run(world) {
      const { a, b, c, next } = await ring(world);
      await a.write(call(next));
      await b.read('NOOP TRANSACTION(b,b)');
      await b.write(call(next));
      await b.close();
      await a.readNothing();
      await c.close();
      await a.read('NOOP TC DEAD_REPLY');
    },
  },
  {
    name: 'the caller dies: its callee is not told, and its reply goes nowhere',
    async run(world) {
      const server = await manager(world);
      const client = await Actor.open(world, 'client');
      await client.write(call(0));
      await server.read('NOOP TRANSACTION(0,0)');
      await client.close();
      await server.readNothing();
      await server.write(reply());
      await server.read('NOOP TC');
      await server.expectError('OK 0');
    },
  },
  {
    name: 'the caller dies before its call was read: it is served all the same, from nobody',
    async run(world) {
      const { a, b, next } = await ring(world);
      await a.write(call(next, { code: 4 }));
      await a.close();
      const { senderPid } = await (await b.read('NOOP TRANSACTION(b,b)')).message();
      assert.equal(senderPid, 0);
      await b.write(reply());
      await b.read('NOOP TC');
    },
  },
  {
    name: 'the caller’s thread leaves, its process stays: the reply goes nowhere',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await client.exit();
      await server.write(reply());
      await server.read('NOOP TC');
      await client.greet();
      await client.readNothing();
    },
  },
  {
    name: 'a caller in the middle dies: the outer caller hears when the inner call ends',
    async run(world) {
      const { a, b, c, next } = await ring(world);
      await a.write(call(next));
      await b.read('NOOP TRANSACTION(b,b)');
      await b.write(call(next));
      await c.read('NOOP TRANSACTION(c,c)');
      await b.close();
      await a.readNothing();
      await c.write(reply());
      await c.read('NOOP TC');
      await a.read('NOOP TC DEAD_REPLY');
    },
  },
  {
    name: 'the thread that waits leaves while a call back to it is unread',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(call(0));
      await client.exit();
      await server.read('NOOP TC DEAD_REPLY');
      await server.write(reply());
      await server.read('NOOP TC');
    },
  },
  {
    name: 'a thread that leaves takes its unread reply with it',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply());
      await client.exit();
      await client.greet();
      await client.readNothing();
    },
  },
  {
    name: 'a call that waits for any thread survives the thread that leaves',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await server.another('other');
      await client.write(call(handle));
      await server.exit();
      await other.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'the receiver of a oneway call dies, whether or not it read it',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle), oneway(handle), oneway(handle));
      await client.read('NOOP TC TC TC');
      await server.read(`NOOP ${CALLED}`);
      await server.close();
      await client.readNothing();
      await client.write(oneway(handle));
      await client.read('NOOP DEAD_REPLY');
      await client.expectError('DEAD_REPLY -EINVAL');
    },
  },
];

/** Registrations in every state, and every order of dying, acknowledging and taking back. */
const notifications: Scenario[] = [
  {
    name: 'requests and their withdrawal where they do not fit are passed over',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(9, 1), clearDeath(9, 1), clearDeath(handle, 1), deadBinderDone(1));
      await client.write(requestDeath(handle, 1), requestDeath(handle, 2), clearDeath(handle, 2));
      await client.readNothing();
      await server.close();
      await client.read('NOOP DEAD_BINDER(1)');
      await client.write(deadBinderDone(2), deadBinderDone(1), deadBinderDone(1));
      await client.readNothing();
    },
  },
  {
    name: 'a weak handle is enough',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(increfs(handle), release(handle), requestDeath(handle, 1));
      await server.close();
      await client.read('NOOP DEAD_BINDER(1)');
    },
  },
  {
    name: 'a death that is queued comes first, though the wish was taken back',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1));
      await server.close();
      await client.write(clearDeath(handle, 1));
      await client.read('NOOP DEAD_BINDER(1)');
      await client.readNothing();
      await client.write(deadBinderDone(1));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
      await client.readNothing();
    },
  },
  {
    name: 'after a wish was taken back another is welcome at once',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1), clearDeath(handle, 1), requestDeath(handle, 2));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
      await server.close();
      await client.read('NOOP DEAD_BINDER(2)');
    },
  },
  {
    name: 'a wish stays after the death: another one has to wait until it is taken back',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1));
      await server.close();
      await client.read('NOOP DEAD_BINDER(1)');
      await client.write(deadBinderDone(1), requestDeath(handle, 2));
      await client.readNothing();
      await client.exchange([clearDeath(handle, 1)], 'NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
      await client.exchange([requestDeath(handle, 2)], 'NOOP DEAD_BINDER(2)');
    },
  },
  {
    name: 'a wish for a node that is dead already is fulfilled by the process, not by the thread that asks',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const third = await Actor.open(world, 'third');
      const idle = await client.another('idle');
      await server.close();
      await third.write(call(0));
      await client.read('NOOP TRANSACTION(0,0)');
      // The thread that asks serves a call: it takes no work of the process.
      await client.write(requestDeath(handle, 7));
      await client.readNothing();
      await idle.read('NOOP DEAD_BINDER(7)');
    },
  },
  {
    name: 'the answer to a withdrawal goes to the thread itself if it is in the looper',
    async run(world) {
      const { client, handle } = await pair(world);
      const other = await client.another('other');
      await client.write(requestDeath(handle, 1), clearDeath(handle, 1));
      await other.readNothing();
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
    },
  },
  {
    name: 'the answer to a withdrawal goes to any thread if it was not made in the looper',
    async run(world) {
      const { client, handle } = await pair(world);
      const outsider = await client.another('outsider');
      await outsider.write(requestDeath(handle, 1), clearDeath(handle, 1));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
      await outsider.readNothing();
    },
  },
  {
    name: 'the answer to a late withdrawal goes by the thread that acknowledges',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const outsider = await client.another('outsider');
      await client.write(requestDeath(handle, 1));
      await server.close();
      await client.read('NOOP DEAD_BINDER(1)');
      await client.write(clearDeath(handle, 1));
      await outsider.write(deadBinderDone(1));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
    },
  },
  {
    name: 'a death is told alone, the end of a wish is not',
    async run(world) {
      const { server, client } = await pair(world);
      const handles = [1, await share(server, client, 0x11, 0x21), await share(server, client, 0x12, 0x22)];
      for (const handle of handles) await client.write(requestDeath(handle, handle));
      await client.write(clearDeath(1, 1));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
      await server.close();
      await client.read('NOOP DEAD_BINDER(2)');
      await client.read('NOOP DEAD_BINDER(3)');
      await client.write(deadBinderDone(2), deadBinderDone(3), clearDeath(3, 3), clearDeath(2, 2));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(3) CLEAR_DEATH_NOTIFICATION_DONE(2)');
    },
  },
  {
    name: 'the nodes of a dead process are told in the order of their pointers',
    async run(world) {
      const { server, client } = await pair(world);
      const high = await share(server, client, 0x9000, 1);
      const low = await share(server, client, 0x5, 1);
      await client.write(requestDeath(high, 0x9000), requestDeath(low, 0x5), requestDeath(1, 0x10));
      await server.close();
      for (const cookie of ['5', '10', '9000']) await client.read(`NOOP DEAD_BINDER(${cookie})`);
    },
  },
  {
    name: 'a call that ends by a death is answered before the death is told',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1), call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.close();
      await client.read('NOOP TC DEAD_REPLY');
      await client.read('NOOP DEAD_BINDER(1)');
    },
  },
  {
    name: 'two wishes with one cookie are acknowledged in the order in which they were told',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await share(server, client, 0x11, 0x21);
      await client.write(requestDeath(handle, 5), requestDeath(other, 5));
      await server.close();
      await client.read('NOOP DEAD_BINDER(5)');
      await client.read('NOOP DEAD_BINDER(5)');
      await client.write(clearDeath(other, 5), deadBinderDone(5));
      await client.readNothing();
      await client.write(deadBinderDone(5));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(5)');
    },
  },
  {
    name: 'a wish goes silently with its handle',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1), release(handle));
      await server.close();
      await client.readNothing();
    },
  },
  {
    name: 'a queued death goes silently with its handle',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1));
      await server.close();
      await client.write(release(handle));
      await client.readNothing();
    },
  },
  {
    name: 'a delivered death whose handle goes needs no acknowledgement, but bears it',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1));
      await server.close();
      await client.read('NOOP DEAD_BINDER(1)');
      await client.write(release(handle), deadBinderDone(1));
      await client.readNothing();
    },
  },
  {
    name: 'a delivered death whose handle goes is forgotten: the acknowledgement is another’s',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await share(server, client, 0x11, 0x21);
      await client.write(requestDeath(handle, 5), requestDeath(other, 5));
      await server.close();
      await client.read('NOOP DEAD_BINDER(5)');
      await client.read('NOOP DEAD_BINDER(5)');
      await client.write(release(handle), clearDeath(other, 5), deadBinderDone(5));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(5)');
    },
  },
  {
    name: 'a withdrawal outlives its handle',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1), clearDeath(handle, 1), release(handle));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
    },
  },
  {
    name: 'the one who wished dies first, with wishes in every state',
    async run(world) {
      const { server, client } = await pair(world);
      const handles = [1];
      for (let i = 2; i <= 4; i++) handles.push(await share(server, client, 0x10 + i, i));
      for (const handle of handles) await client.write(requestDeath(handle, handle));
      await client.write(clearDeath(4, 4));
      await server.close();
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(4)');
      await client.read('NOOP DEAD_BINDER(1)');
      await client.read('NOOP DEAD_BINDER(2)');
      await client.write(clearDeath(2, 2), deadBinderDone(2), clearDeath(3, 3));
      await client.close();
    },
  },
  {
    name: 'a thread that leaves, a duplicate that is closed and counts that end are no death',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 1));
      await server.exit();
      await server.peer.closeDuplicate();
      await client.peer.closeDuplicate();
      await client.read('NOOP');
      await client.readNothing();
      await client.write(increfs(handle), release(handle));
      await client.readNothing();
    },
  },
  {
    name: 'the death of the context manager',
    async run(world) {
      const server = await manager(world);
      const client = await Actor.open(world, 'client');
      await client.write(increfs(0), requestDeath(0, 1));
      await server.close();
      await client.read('NOOP DEAD_BINDER(1)');
      await client.write(deadBinderDone(1), clearDeath(0, 1), decrefs(0));
      await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(1)');
    },
  },
  {
    name: 'what a process held is given back at its death, in the order of its handles',
    async run(world) {
      const holder = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(enterLooper);
      for (const node of [0x30, 0x10, 0x20]) await share(owner, holder, node, node);
      await holder.close();
      await owner.read(
        'NOOP RELEASE(30,30) DECREFS(30,30) RELEASE(10,10) DECREFS(10,10) RELEASE(20,20) DECREFS(20,20)',
      );
    },
  },
  {
    name: 'everybody who wished is told',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const third = await Actor.open(world, 'third');
      const own = await pass(client, third, handle);
      await client.write(requestDeath(handle, 1));
      await third.write(requestDeath(own, 2));
      await server.close();
      await client.read('NOOP DEAD_BINDER(1)');
      await third.read('NOOP DEAD_BINDER(2)');
    },
  },
];

export const death: Scenario[] = [...duringCalls, ...notifications];
