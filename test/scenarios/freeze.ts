import assert from 'node:assert/strict';
import {
  BC_CLEAR_FREEZE_NOTIFICATION,
  BC_FREEZE_NOTIFICATION_DONE,
  BC_REQUEST_FREEZE_NOTIFICATION,
  BINDER_FREEZE,
  BINDER_GET_FROZEN_INFO,
  TF_ACCEPT_FDS,
  TF_UPDATE_TXN,
} from '../../src/abi/binder.ts';
import { freezeInfo, frozenStatusInfo } from '../../src/abi/structs.ts';
import { Actor } from '../support/actor.ts';
import {
  bytes,
  call,
  command,
  decrefs,
  enterLooper,
  freeBuffer,
  increfs,
  oneway,
  release,
  reply,
} from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, pair, pass, share } from './setup.ts';

// Freezing processes, and hearing of it.

/** Freezes a process (`enable` 1) or thaws it (0). */
export async function freeze(
  by: Actor,
  pid: number,
  enable: number,
  timeoutMs = 0,
  expected = '0',
): Promise<void> {
  await by.ioctl(BINDER_FREEZE, freezeInfo.bytes({ pid, enable, timeoutMs }), expected);
}

/** What BINDER_GET_FROZEN_INFO says: `[sync_recv, async_recv]`. */
async function frozenInfo(by: Actor, pid: number): Promise<[number, number]> {
  const view = await by.ioctl(BINDER_GET_FROZEN_INFO, frozenStatusInfo.bytes({ pid }));
  const { syncRecv, asyncRecv } = frozenStatusInfo.decode(view);
  return [syncRecv, asyncRecv];
}

export const requestFreeze = (handle: number, cookie: number) =>
  command(BC_REQUEST_FREEZE_NOTIFICATION, { handle, cookie });
const clearFreeze = (handle: number, cookie: number) =>
  command(BC_CLEAR_FREEZE_NOTIFICATION, { handle, cookie });
const freezeDone = (cookie: number) => command(BC_FREEZE_NOTIFICATION_DONE, { cookie });

/** Reads one report. @returns the state it tells. */
async function report(by: Actor, cookie: number): Promise<number> {
  const { commands } = await by.read(`NOOP FROZEN_BINDER(${cookie.toString(16)})`);
  return (commands[1] as unknown as { isFrozen: number }).isFrozen;
}

const COOKIE = 0x77;

export const freezing: Scenario[] = [
  {
    name: 'X21 a call to a frozen process is refused, and remembered',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await freeze(client, server.pid, 1);
      assert.deepEqual(await frozenInfo(client, server.pid), [0, 0]);
      await client.write(call(handle));
      await client.read('NOOP FROZEN_REPLY');
      await client.expectError('FROZEN_REPLY 0');
      assert.deepEqual(await frozenInfo(client, server.pid), [1, 0]);
      await freeze(client, server.pid, 0);
      assert.deepEqual(await frozenInfo(client, server.pid), [0, 0]);
      await client.write(call(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer), reply());
      await server.read('NOOP TC');
      await client.read('NOOP TC REPLY');
    },
  },
  {
    name: 'X22 a oneway call to a frozen process waits for it',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await freeze(client, server.pid, 1);
      await client.write(oneway(handle, { code: 5 }));
      await client.read('NOOP TRANSACTION_PENDING_FROZEN');
      assert.deepEqual(await frozenInfo(client, server.pid), [2, 1]);
      await freeze(client, server.pid, 0);
      assert.equal((await (await server.read(`NOOP ${CALLED}`)).message()).code, 5);
    },
  },
  {
    name: 'a process with something to do is not frozen, and takes calls again',
    async run(world) {
      const { server, client, handle } = await pair(world);
      // A oneway call counts until it is read,
      await client.write(oneway(handle));
      await freeze(client, server.pid, 1, 0, 'EAGAIN');
      await freeze(client, server.pid, 1, 20, 'EAGAIN');
      await client.read('NOOP TC');
      const first = await (await server.read(`NOOP ${CALLED}`)).message();
      await freeze(client, server.pid, 1);
      await freeze(client, server.pid, 0);
      await server.write(freeBuffer(first.buffer));
      // a call until it is answered,
      await client.write(call(handle));
      const second = await (await server.read(`NOOP ${CALLED}`)).message();
      await freeze(client, server.pid, 1, 0, 'EAGAIN');
      assert.deepEqual(await frozenInfo(client, server.pid), [2, 0]);
      await server.write(freeBuffer(second.buffer), reply());
      await freeze(client, server.pid, 1);
      await freeze(client, server.pid, 0);
      // and a reply until it is read.
      await freeze(server, client.pid, 1, 0, 'EAGAIN');
      await client.read('NOOP TC REPLY');
      await freeze(server, client.pid, 1);
    },
  },
  {
    name: 'freezing waits until all is done, and refuses calls meanwhile',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await client.another('other');
      await client.write(call(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      const argument = freezeInfo.bytes({ pid: server.pid, enable: 1, timeoutMs: 60_000 });
      const frozen = other.thread.ioctl(BINDER_FREEZE, argument);
      await world.settle();
      const third = await client.another('third');
      await third.write(call(handle));
      await third.read('NOOP FROZEN_REPLY');
      await server.write(freeBuffer(buffer), reply());
      assert.equal(await frozen, 0);
      assert.deepEqual(await frozenInfo(client, server.pid), [1, 0]);
      await client.read('NOOP TC REPLY');
    },
  },
  {
    name: 'a frozen process calls others, and hears their replies; one that calls is not frozen',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await freeze(server, client.pid, 1);
      await client.write(call(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer), reply());
      await server.read('NOOP TC');
      await client.read('NOOP TC REPLY');
      await freeze(server, client.pid, 0);
      // Its own call is something that it has to do, though nothing is for it to read yet.
      await client.write(call(handle));
      await freeze(server, client.pid, 1, 0, 'EAGAIN');
      assert.deepEqual(await frozenInfo(server, client.pid), [2, 0]);
    },
  },
  {
    name: 'the opens of a process freeze one after the other, the latest first, up to one that is busy',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const latest = await Actor.open(world, 'server');
      await latest.write(enterLooper);
      const other = await share(latest, client, 0x30, 0x40);
      await client.write(oneway(handle));
      await client.read('NOOP TC');
      await freeze(client, server.pid, 1, 0, 'EAGAIN');
      await client.write(call(other));
      await client.read('NOOP FROZEN_REPLY');
      await client.write(oneway(handle));
      await client.read('NOOP TC');
      // What is told is true of some open.
      assert.deepEqual(await frozenInfo(client, server.pid), [3, 0]);
      await freeze(client, server.pid, 0);
      await client.write(oneway(other));
      await client.read('NOOP TC');
      for (let i = 0; i < 2; i++) {
        const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
        await server.write(freeBuffer(buffer));
      }
      await freeze(client, server.pid, 1, 0, 'EAGAIN');
      await client.write(oneway(handle));
      await client.read('NOOP TC');
    },
  },
  {
    name: 'a signal ends the wait, and the process is not frozen',
    needs: ['interrupt'],
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await client.another('other');
      await client.write(oneway(handle));
      const argument = freezeInfo.bytes({ pid: server.pid, enable: 1, timeoutMs: 60_000 });
      const frozen = other.thread.ioctl(BINDER_FREEZE, argument);
      await world.settle();
      await other.thread.interrupt();
      assert.equal(await frozen, 4);
      await client.write(oneway(handle));
      await client.read('NOOP TC TC');
    },
  },
  {
    name: 'nobody is frozen who is not there',
    async run(world) {
      const { client } = await pair(world);
      await freeze(client, 0x7fff_fff0, 1, 0, 'EINVAL');
      await client.ioctl(BINDER_GET_FROZEN_INFO, frozenStatusInfo.bytes({ pid: 0x7fff_fff0 }), 'EINVAL');
    },
  },
  {
    name: 'TF_UPDATE_TXN replaces a waiting call of its kind',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const update = (code: number, size: number) =>
        oneway(handle, { code, flags: TF_UPDATE_TXN, parts: [bytes(size)] });
      await freeze(client, server.pid, 1);
      // The first is in flight; of those behind it only equal ones are replaced, and the newer goes to the end.
      await client.write(update(1, 1), update(2, 2), update(3, 3), update(2, 4), oneway(handle, { code: 2 }));
      await client.read(`NOOP${' TRANSACTION_PENDING_FROZEN'.repeat(5)}`);
      await freeze(client, server.pid, 0);
      const seen: string[] = [];
      for (let i = 0; i < 4; i++) {
        const message = await (await server.read(`NOOP ${CALLED}`)).message();
        seen.push(`${message.code}:${message.dataSize}`);
        await server.write(freeBuffer(message.buffer));
      }
      assert.deepEqual(seen, ['1:1', '3:3', '2:4', '2:0']);
      await server.readNothing();
    },
  },
  {
    name: 'TF_UPDATE_TXN replaces no call with other flags, of another process, or to somebody who is not frozen',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await Actor.open(world, 'other');
      const own = await pass(client, other, handle);
      const update = (to: number, size: number, flags = 0) =>
        oneway(to, { flags: TF_UPDATE_TXN | flags, parts: [bytes(size)] });
      const sizes = async (count: number) => {
        const seen: number[] = [];
        for (let i = 0; i < count; i++) {
          const message = await (await server.read(`NOOP ${CALLED}`)).message();
          seen.push(message.dataSize);
          await server.write(freeBuffer(message.buffer));
        }
        await server.readNothing();
        return seen;
      };
      await client.write(update(handle, 1), update(handle, 2), update(handle, 3));
      assert.deepEqual(await sizes(3), [1, 2, 3]);
      await freeze(client, server.pid, 1);
      await client.write(update(handle, 4), update(handle, 5), update(handle, 6, TF_ACCEPT_FDS));
      await other.write(update(own, 7));
      await freeze(client, server.pid, 0);
      assert.deepEqual(await sizes(4), [4, 5, 6, 7]);
    },
  },
  {
    name: 'who freezes what is frozen reports nothing new',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await freeze(client, server.pid, 1);
      await client.write(requestFreeze(handle, COOKIE));
      assert.equal(await report(client, COOKIE), 1);
      await freeze(client, server.pid, 1);
      await client.write(freezeDone(COOKIE));
      await client.readNothing();
    },
  },
  {
    name: 'a registration reports the state at once, then each change',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestFreeze(handle, COOKIE));
      assert.equal(await report(client, COOKIE), 0);
      await client.write(freezeDone(COOKIE));
      await client.readNothing();
      await freeze(client, server.pid, 1);
      assert.equal(await report(client, COOKIE), 1);
      // Until it is acknowledged nothing more is told.
      await freeze(client, server.pid, 0);
      await client.readNothing();
      await client.write(freezeDone(COOKIE));
      assert.equal(await report(client, COOKIE), 0);
      await client.write(freezeDone(COOKIE), clearFreeze(handle, COOKIE));
      await client.read('NOOP CLEAR_FREEZE_NOTIFICATION_DONE(77)');
      await freeze(client, server.pid, 1);
      await client.readNothing();
      // A new one begins with the state as it is.
      await client.write(requestFreeze(handle, 0x78));
      assert.equal(await report(client, 0x78), 1);
    },
  },
  {
    name: 'many changes while a report is unread come as one',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestFreeze(handle, COOKIE));
      for (let i = 0; i < 1000; i++) await freeze(server, server.pid, (i + 1) % 2);
      await freeze(server, server.pid, 1);
      assert.equal(await report(client, COOKIE), 1);
      await client.write(freezeDone(COOKIE));
      await client.readNothing();
    },
  },
  {
    name: 'two changes while a report is unacknowledged come as one, though it tells what was told',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestFreeze(handle, COOKIE));
      assert.equal(await report(client, COOKIE), 0);
      await freeze(client, server.pid, 1);
      await freeze(client, server.pid, 0);
      await client.readNothing();
      await client.write(freezeDone(COOKIE));
      assert.equal(await report(client, COOKIE), 0);
      await client.write(freezeDone(COOKIE));
      await client.readNothing();
    },
  },
  {
    name: 'a failed freeze is not reported',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestFreeze(handle, COOKIE));
      await report(client, COOKIE);
      await client.write(freezeDone(COOKIE), oneway(handle));
      await freeze(client, server.pid, 1, 0, 'EAGAIN');
      await client.read('NOOP TC');
      await client.readNothing();
    },
  },
  {
    name: 'cleared while unread, the report turns into the confirmation',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(requestFreeze(handle, COOKIE), clearFreeze(handle, COOKIE));
      await client.read('NOOP CLEAR_FREEZE_NOTIFICATION_DONE(77)');
      await client.readNothing();
    },
  },
  {
    name: 'cleared while unacknowledged, the confirmation follows the client’s',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(requestFreeze(handle, COOKIE));
      await report(client, COOKIE);
      await client.write(clearFreeze(handle, COOKIE));
      await client.readNothing();
      await client.write(freezeDone(COOKIE));
      await client.read('NOOP CLEAR_FREEZE_NOTIFICATION_DONE(77)');
    },
  },
  {
    name: 'wrong commands fail the ioctl',
    async run(world) {
      const { client, handle } = await pair(world);
      const refuse = async (...commands: ReturnType<typeof command>[]) => {
        const { errno } = await client.writeRead({ commands });
        assert.equal(errno, 'EINVAL');
      };
      await refuse(requestFreeze(99, COOKIE));
      await refuse(clearFreeze(handle, COOKIE));
      await refuse(freezeDone(COOKIE));
      await client.write(requestFreeze(handle, COOKIE));
      await refuse(requestFreeze(handle, COOKIE));
      await refuse(clearFreeze(handle, COOKIE + 1));
      await refuse(clearFreeze(99, COOKIE));
      await report(client, COOKIE);
      await refuse(freezeDone(COOKIE + 1));
    },
  },
  {
    name: 'a registration goes silently with its handle, queued or not',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestFreeze(handle, COOKIE), release(handle));
      await client.readNothing();
      await freeze(server, server.pid, 1);
      await client.readNothing();
    },
  },
  {
    name: 'of a dead node there is nothing to tell',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.close();
      await client.write(increfs(handle), requestFreeze(handle, COOKIE));
      await client.readNothing();
      await client.write(clearFreeze(handle, COOKIE));
      await client.read('NOOP CLEAR_FREEZE_NOTIFICATION_DONE(77)');
      await client.write(decrefs(handle));
    },
  },
];
