import assert from 'node:assert/strict';
import { BINDER_VERSION } from '../../src/abi/binder.ts';
import { Actor } from '../support/actor.ts';
import {
  call,
  enterLooper,
  exitLooper,
  freeBuffer,
  increfs,
  oneway,
  registerLooper,
  release,
  reply,
  weakBinder,
} from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, pair, share } from './setup.ts';

/** A thread's first ioctl, and those after closing a duplicate. */
const returning: Scenario[] = [
  {
    name: 'the first ioctl of a thread does not sleep, blocking or not',
    async run(world) {
      for (const nonBlocking of [true, false]) {
        const opener = await Actor.open(world, `opener ${nonBlocking}`, { nonBlocking });
        const fresh = await opener.another('fresh', { isNew: true });
        await fresh.read('NOOP');
        if (nonBlocking) await fresh.readNothing();
        else await (await fresh.sleep()).sleepsOn();
      }
    },
  },
  {
    name: 'any ioctl uses up the first return, even one that fails',
    async run(world) {
      const opener = await Actor.open(world, 'opener');
      const firsts: ((actor: Actor) => Promise<unknown>)[] = [
        (actor) => actor.ioctl(BINDER_VERSION, 4),
        (actor) => actor.ioctl(0x00006263, 0, 'EINVAL'),
        (actor) => actor.write(enterLooper),
        (actor) => actor.writeRead({}),
        (actor) => actor.writeRead({ readSize: 256, readBuffer: 0 }),
      ];
      for (const [i, first] of firsts.entries()) {
        const fresh = await opener.another(`fresh ${i}`, { isNew: true });
        await first(fresh);
        await fresh.readNothing();
      }
    },
  },
  {
    name: 'a thread that left begins anew',
    async run(world) {
      const { server } = await pair(world);
      await server.exit();
      await server.read('NOOP');
      await server.readNothing();
      await server.exit();
      await server.exit();
      await server.write(enterLooper);
      await server.readNothing();
    },
  },
  {
    name: 'a closed duplicate lets the next empty read of each thread return once',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await server.another('other');
      await server.peer.closeDuplicate();
      await server.read('NOOP');
      await server.readNothing();
      // An ioctl without a read uses it up as well.
      await other.ioctl(BINDER_VERSION, 4);
      await other.readNothing();
      await server.peer.closeDuplicate();
      await client.write(oneway(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.readNothing();
    },
  },
  {
    name: 'a closed duplicate brings out what waits for company',
    async run(world) {
      const { server, client, handle } = await pair(world, { client: { nonBlocking: false } });
      const sleeper = await client.sleep([call(handle)]);
      await client.peer.closeDuplicate();
      await sleeper.wakes('NOOP TC');
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply());
      await client.read('NOOP REPLY');
    },
  },
];

/** BR_SPAWN_LOOPER: when the driver asks for another thread. */
const spawning: Scenario[] = [
  {
    name: 'not before a maximum is set, not to threads outside the looper',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const outsider = await server.another('outsider');
      await client.write(oneway(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.setMaxThreads(5);
      await server.write(freeBuffer(buffer));
      await client.write(oneway(handle));
      await outsider.read(`NOOP ${CALLED}`);
      await server.peer.closeDuplicate();
      await server.read('SPAWN_LOOPER');
    },
  },
  {
    name: 'not while a thread waits',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const second = await server.another('second');
      await server.setMaxThreads(5);
      const [first, last] = [await server.sleep(), await second.sleep([enterLooper])];
      await client.write(call(handle));
      await last.wakes(`NOOP ${CALLED}`);
      await client.expectError('OK 0');
      const other = await client.another('other');
      await other.write(call(handle));
      await first.wakes(`SPAWN_LOOPER ${CALLED}`);
    },
  },
  {
    name: 'one at a time, until as many have come as the maximum says',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.setMaxThreads(2);
      const next = async (reader: Actor, code: string) => {
        await client.write(oneway(handle));
        const { buffer } = await (await reader.read(`${code} ${CALLED}`)).message();
        await reader.write(freeBuffer(buffer));
      };
      await next(server, 'SPAWN_LOOPER');
      // Asked for and not come yet: no further request.
      await next(server, 'NOOP');
      const first = await server.another('first');
      await first.write(registerLooper);
      await next(server, 'SPAWN_LOOPER');
      const second = await server.another('second');
      await second.write(registerLooper);
      for (const reader of [server, first, second]) await next(reader, 'NOOP');
      // Leaving does not make room for another.
      await second.exit();
      await next(server, 'NOOP');
      await server.setMaxThreads(3);
      await next(server, 'SPAWN_LOOPER');
      await server.setMaxThreads(0);
      await next(server, 'NOOP');
    },
  },
  {
    name: 'a thread that registers unasked counts for nothing, and one that entered does not register',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.setMaxThreads(1);
      const unasked = await server.another('unasked');
      await unasked.write(registerLooper);
      await client.write(oneway(handle));
      const { buffer } = await (await server.read(`SPAWN_LOOPER ${CALLED}`)).message();
      const wrong = await server.another('wrong');
      await wrong.write(enterLooper, registerLooper);
      // The request still stands, so it is not repeated; a proper answer then uses up the maximum.
      await server.write(freeBuffer(buffer));
      await client.write(oneway(handle));
      await server.read(`NOOP ${CALLED}`);
      const right = await server.another('right');
      await right.write(registerLooper, enterLooper);
      await server.peer.closeDuplicate();
      await server.read('NOOP');
    },
  },
  {
    name: 'BC_EXIT_LOOPER changes nothing',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.write(exitLooper);
      await server.setMaxThreads(1);
      await client.write(oneway(handle));
      await server.read(`SPAWN_LOOPER ${CALLED}`);
    },
  },
  {
    name: 'the request is put where the buffer starts, over whatever was there',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.setMaxThreads(1);
      await client.write(oneway(handle));
      const outcome = await server.writeRead({ readSize: 256, readConsumed: 8 });
      assert.deepEqual([outcome.errno, outcome.text], ['0', CALLED]);
      const start = await server.peer.received(Number(outcome.readBuffer), 8);
      assert.deepEqual([...start], [0x0d, 0x72, 0, 0, 0xee, 0xee, 0xee, 0xee]);
    },
  },
  {
    name: 'a read with room for BR_NOOP only asks all the same',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.setMaxThreads(1);
      await client.write(oneway(handle));
      await server.read('SPAWN_LOOPER', 4);
      await server.read(`NOOP ${CALLED}`);
    },
  },
];

/** Which thread gets what. */
const choosing: Scenario[] = [
  {
    name: 'the thread that fell asleep last is woken first',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const threads = [server, await server.another('b'), await server.another('c')];
      const sleepers = [];
      for (const thread of threads) sleepers.push(await thread.sleep([enterLooper]));
      for (const [i, sleeper] of sleepers.reverse().entries()) {
        const caller = await client.another(`caller ${i}`);
        await caller.write(call(handle, { code: i }));
        assert.equal((await (await sleeper.wakes(`NOOP ${CALLED}`)).message()).code, i);
      }
    },
  },
  {
    name: 'a thread outside the looper is served all the same',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const outsider = await server.another('outsider');
      const sleeper = await outsider.sleep();
      await client.write(oneway(handle));
      await sleeper.wakes(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'several calls in one write go to several threads, in order',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const other = await share(server, client, 0x11, 0x21);
      const third = await share(server, client, 0x12, 0x22);
      const second = await server.another('second');
      const [first, last] = [await server.sleep(), await second.sleep([enterLooper])];
      await client.write(oneway(third), oneway(other), oneway(handle));
      await last.wakes('NOOP TRANSACTION(12,22)');
      await first.wakes('NOOP TRANSACTION(11,21)');
      await second.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'a thread that waits for a reply takes no other work; an idle one is woken for it',
    async run(world) {
      const { server, client, handle } = await pair(world, { client: { nonBlocking: false } });
      const idle = await client.another('idle');
      const waiting = await client.sleep([call(handle)]);
      const sleeper = await idle.sleep([enterLooper]);
      const caller = await server.another('caller');
      await caller.write(call(0, { code: 6 }));
      await sleeper.wakes('NOOP TRANSACTION(0,0)');
      await waiting.sleepsOn();
    },
  },
  {
    name: 'work that nobody could take is taken when a thread is free',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      const other = await client.another('other');
      await other.write(call(handle, { code: 2 }));
      await server.exchange([reply()], 'NOOP TC');
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'what is left over wakes another thread',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const other = await share(server, client, 0x11, 0x21);
      const second = await server.another('second');
      const sleepers = [await server.sleep(), await second.sleep([enterLooper])] as const;
      await client.write(oneway(other), increfs(handle), release(handle));
      // The call was put on the list of the thread that was woken for it, the other work on the process's.
      await sleepers[1].wakes('NOOP TRANSACTION(11,21)');
      await sleepers[0].wakes('NOOP RELEASE(10,20)');
    },
  },
  {
    name: 'the next oneway call of a node is the process’s work, not the thread’s that freed the last',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const second = await server.another('second');
      await client.write(oneway(handle, { code: 1 }), oneway(handle, { code: 2 }));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      const sleeper = await second.sleep([enterLooper]);
      await server.write(freeBuffer(buffer));
      const { code } = await (await sleeper.wakes(`NOOP ${CALLED}`)).message();
      assert.equal(code, 2);
    },
  },
  {
    name: 'a sleeping caller is woken by its reply, by an error, and by a call back',
    async run(world) {
      const { server, client, handle } = await pair(world, { client: { nonBlocking: false } });
      const first = await client.sleep([call(handle)]);
      await server.read(`NOOP ${CALLED}`);
      await server.write(call(0));
      await first.wakes('NOOP TC TRANSACTION(0,0)');
      const answered = await client.start({ commands: [reply()], readSize: 256 });
      await answered.wakes('NOOP TC');
      const second = await client.sleep();
      await server.read('NOOP TC REPLY');
      await server.write(reply());
      await second.wakes('NOOP REPLY');
      const third = await client.sleep([call(handle)]);
      await server.close();
      await third.wakes('NOOP TC DEAD_REPLY');
    },
  },
  {
    name: 'closing the last descriptor lets all sleepers return',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const second = await server.another('second');
      const sleepers = [await server.sleep(), await second.sleep([call(0)])];
      await server.close();
      for (const sleeper of sleepers) assert.ok(!sleeper.isAsleep);
      await client.write(call(handle));
      await client.expectError('DEAD_REPLY -EINVAL');
    },
  },
];

/** poll(2): whether a read would not sleep, for the polling thread. */
const polling: Scenario[] = [
  {
    name: 'a thread that was never seen is readable, because its first read returns',
    async run(world) {
      const opener = await Actor.open(world, 'opener');
      const fresh = await opener.another('fresh', { isNew: true });
      assert.equal(await fresh.poll(), true);
      assert.equal(await fresh.poll(), true);
      await fresh.read('NOOP');
      assert.equal(await fresh.poll(), false);
    },
  },
  {
    name: 'work of the process is readable to every idle thread, in the looper or not',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const outsider = await server.another('outsider');
      assert.deepEqual([await server.poll(), await outsider.poll()], [false, false]);
      await client.write(oneway(handle));
      assert.deepEqual([await server.poll(), await outsider.poll()], [true, true]);
      await server.read(`NOOP ${CALLED}`);
      assert.deepEqual([await server.poll(), await outsider.poll()], [false, false]);
    },
  },
  {
    name: 'work of the process is not readable to a thread that serves a call or has something of its own',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const busy = await server.another('busy');
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await busy.write(call(0, { parts: [weakBinder(0x50, 1)] }));
      const other = await client.another('other');
      await other.write(oneway(handle));
      assert.deepEqual([await server.poll(), await busy.poll()], [false, false]);
      assert.equal(await (await server.another('idle')).poll(), true);
    },
  },
  {
    name: 'an error and a completed oneway call are readable to the thread that made them',
    async run(world) {
      const { client, handle } = await pair(world);
      const other = await client.another('other');
      await client.write(call(99));
      assert.deepEqual([await client.poll(), await other.poll()], [true, false]);
      await client.read('NOOP FAILED_REPLY');
      assert.equal(await client.poll(), false);
      await client.write(oneway(handle));
      assert.deepEqual([await client.poll(), await other.poll()], [true, false]);
    },
  },
  {
    name: 'a call under way is readable when the reply is there, not before',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      assert.equal(await client.poll(), false);
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply());
      assert.equal(await client.poll(), true);
      await client.read('NOOP TC REPLY');
      assert.equal(await client.poll(), false);
    },
  },
  {
    name: 'polling does not take a thread’s next read away',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      await server.poll();
      const sleeper = await server.sleep();
      await client.write(oneway(handle));
      await sleeper.wakes(`NOOP ${CALLED}`);
    },
  },
];

export const threads: Scenario[] = [...returning, ...spawning, ...choosing, ...polling];
