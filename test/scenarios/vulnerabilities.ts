import assert from 'node:assert/strict';
import {
  BC_FREEZE_NOTIFICATION_DONE,
  BINDER_THREAD_EXIT,
  FLAT_BINDER_FLAG_ACCEPTS_FDS,
  FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
} from '../../src/abi/binder.ts';
import { Actor } from '../support/actor.ts';
import {
  acquire,
  buffer,
  bytes,
  call,
  clearDeath,
  command,
  type DataObject,
  deadBinderDone,
  decrefs,
  descriptor,
  descriptorArray,
  freeBuffer,
  increfs,
  type Message,
  oneway,
  release,
  reply,
  requestDeath,
  strongBinder,
  strongHandle,
  unknownObject,
  weakBinder,
  weakHandle,
} from '../support/commands.ts';
import type { World } from '../support/world.ts';
import { freeze, requestFreeze } from './freeze.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, manager, pair, pass, share } from './setup.ts';

// What brought Binder drivers down, as far as a sequence of requests can show it: each is to be refused or survived, with
// nothing left behind, which every scenario checks at its end.
//
// Not here, because only a race, a fault of the machine, or another kind of client shows them:
//
//   V2b CVE-2019-2000: a file that is freed during the ioctl; files are held by number here, and by the kernel
//   V2c CVE-2019-1999: page reclaim while the client unmaps; pages are the host's
//   V7 CVE-2021-39686: identities that change between open and call; test/mount/identity.test.ts
//   V11 CVE-2023-52609: a process that exits while its pages are touched; test/native kills receivers
//   V18 CVE-2025-38175, CVE-2025-38176: devices that are removed while they are listed; test/mount/devices.test.ts
//   V29: a buffer that is lost when its delivery faults; test/scenarios/streams.ts
//   V32 CVE-2026-43433: offsets that change while they are read; they are read once, into memory of our own
//   V33 CVE-2026-64467: a stride of 32-bit systems; there is one stride here
//   V34: a lock order in the shrinker; there are no locks here
//   V35: a list that is taken while it is walked by another thread; there is one thread here
//   V39: statistics, no bug

/** Sends a call that must be refused like this, and leaves the connection as good as it was. */
async function refused(client: Actor, handle: number, message: Message, errno = 'EINVAL'): Promise<void> {
  await client.write(call(handle, message));
  await client.read('NOOP FAILED_REPLY');
  await client.expectError(`FAILED_REPLY -${errno}`);
}

/** The two understand each other still. */
async function works({
  server,
  client,
  handle,
}: {
  server: Actor;
  client: Actor;
  handle: number;
}): Promise<void> {
  await client.write(call(handle, { parts: [bytes(8)] }));
  const message = await (await server.read(`NOOP ${CALLED}`)).message();
  assert.deepEqual([...message.data], [...bytes(8)]);
  await server.write(freeBuffer(message.buffer), reply());
  await server.read('NOOP TC');
  const answer = await (await client.read('NOOP TC REPLY')).message();
  await client.write(freeBuffer(answer.buffer));
}

/** A freeze report that was read, whatever it says. */
async function readAll(actor: Actor): Promise<string> {
  return (await actor.writeRead({ readSize: 256 })).text;
}

const freezeDone = (cookie: number) => command(BC_FREEZE_NOTIFICATION_DONE, { cookie });
const LEAD = bytes(4);

export const vulnerabilities: readonly Scenario[] = [
  {
    name: 'V1 CVE-2019-2215: a thread that polls and exits, and comes back',
    async run(world) {
      const { server, client, handle } = await pair(world);
      assert.equal(await server.poll(), false);
      await server.ioctl(BINDER_THREAD_EXIT, 4);
      await client.exchange([oneway(handle)], 'NOOP TC');
      await server.greet();
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'V2a CVE-2019-2025: a buffer that is freed by guessing its address before it was received',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle, { parts: [bytes(16)] }));
      for (const guess of [0, 8, 16]) await server.write(freeBuffer(server.peer.mapping + guess));
      const message = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.deepEqual([...message.data], [...bytes(16)]);
      await server.write(freeBuffer(message.buffer), freeBuffer(message.buffer), reply());
    },
  },
  {
    name: 'V3 CVE-2019-2181: sizes whose sum wraps',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const huge = 0xffff_ffff_ffff_fff8n;
      await refused(client, handle, { dataSize: huge, offsetsSize: 16 });
      await refused(client, handle, { dataSize: 16, offsetsSize: huge });
      await refused(client, handle, { dataSize: 16, buffersSize: huge });
      await works({ server, client, handle });
    },
  },
  {
    name: 'V4a CVE-2019-2213: free, reply and exit in every order',
    async run(world) {
      const { server, client, handle } = await pair(world);
      for (const order of [
        'free reply exit',
        'reply free exit',
        'exit free reply',
        'free exit reply',
        'reply exit free',
      ]) {
        await client.write(call(handle));
        const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
        for (const step of order.split(' ')) {
          if (step === 'exit') await client.exit();
          else await server.write(step === 'free' ? freeBuffer(buffer) : reply());
        }
        await readAll(server);
        await client.greet();
      }
      await works({ server, client, handle });
    },
  },
  {
    name: 'V4b CVE-2019-2214: scatter-gather memory of odd size, and buffers that do not fit it',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const at = await client.peer.place(bytes(32));
      await refused(client, handle, { parts: [LEAD, buffer(at, 8)], buffersSize: 12 });
      await refused(client, handle, { parts: [LEAD, buffer(at, 9)], buffersSize: 8 });
      await refused(client, handle, { parts: [LEAD, buffer(at, 5), buffer(at, 9)], buffersSize: 16 });
      await works({ server, client, handle });
    },
  },
  {
    name: 'V5 CVE-2020-0041: a parent that comes later, or is the object itself',
    async run(world) {
      const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_ACCEPTS_FDS });
      const at = await client.peer.place(bytes(32));
      for (const parent of [1, 2, 3, 0x1000_0000n, 0xffff_ffff_ffff_ffffn]) {
        const child = buffer(at, 8, { parent, parentOffset: 0 });
        await refused(client, handle, {
          parts: [LEAD, buffer(at, 16), child, buffer(at, 16)],
          buffersSize: 64,
        });
        const array = descriptorArray(1, { parent, parentOffset: 0 });
        await refused(client, handle, {
          parts: [LEAD, buffer(at, 16), array, buffer(at, 16)],
          buffersSize: 64,
        });
      }
      await works({ server, client, handle });
    },
  },
  {
    name: 'V6 CVE-2020-0423: death notifications cleared and acknowledged while their process goes',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await share(server, client, 0x50, 0x60);
      await client.write(requestDeath(handle, 1), requestDeath(other, 2));
      await server.close();
      await client.writeRead({ readSize: 256 });
      await client.write(clearDeath(handle, 1), clearDeath(other, 2), deadBinderDone(1), deadBinderDone(2));
      await client.close();
    },
  },
  {
    name: 'V8 CVE-2022-20421, CVE-2022-49939: handles sent to a process that is gone',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const third = await Actor.open(world, 'third');
      const toThird = await share(third, client, 0x50, 0x60);
      await third.close();
      for (const object of [strongHandle(handle), weakHandle(handle)]) {
        await client.write(call(toThird, { parts: [object] }));
        await client.read('NOOP DEAD_REPLY');
        await client.expectError('DEAD_REPLY -EINVAL');
      }
      await works({ server, client, handle });
    },
  },
  {
    name: 'V9 CVE-2023-20938: an offsets array of odd size releases nothing that it did not take',
    async run(world) {
      const { server, client, handle } = await pair(world);
      for (const offsetsSize of [12, 20, 1])
        await refused(client, handle, {
          parts: [strongHandle(handle), strongHandle(handle), bytes(8)],
          offsetsSize,
        });
      await works({ server, client, handle });
    },
  },
  {
    name: 'V10 CVE-2023-21255: a failure before the first object releases nothing',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await refused(client, handle, { parts: [strongBinder(0x90, 0x91)], offsets: 8 }, 'EFAULT');
      await refused(client, handle, { parts: [strongBinder(0x90, 0x91)], offsetList: [1 << 16] }, 'EFAULT');
      await refused(client, handle, { parts: [strongHandle(handle)], buffer: 8 }, 'EINVAL');
      await works({ server, client, handle });
    },
  },
  {
    name: 'V12 CVE-2024-26606: work that a thread makes for itself can be polled for',
    async run(world) {
      const { client } = await pair(world);
      assert.equal(await client.poll(), false);
      await client.write(call(999));
      assert.equal(await client.poll(), true);
      await client.read('NOOP FAILED_REPLY');
      assert.equal(await client.poll(), false);
    },
  },
  {
    name: 'V13 CVE-2024-26926, V38: an object that is not aligned',
    async run(world) {
      const { server, client, handle } = await pair(world);
      for (const offset of [1, 2, 3])
        await refused(client, handle, {
          parts: [bytes(offset), strongBinder(0x90, 0x91), bytes(8)],
          offsetList: [offset],
        });
      await works({ server, client, handle });
    },
  },
  {
    name: 'V14 CVE-2024-46740: offsets beyond the data, after an object that was taken',
    async run(world) {
      const { server, client, handle } = await pair(world);
      for (const far of [48, 1 << 20, 0xffff_fff8, 0x7fff_ffff_ffff_fff8n]) {
        await client.write(call(handle, { parts: [strongBinder(0x90, 0x91)], offsetList: [0, far] }));
        await client.writeRead({ readSize: 256 });
        assert.match((await client.extendedError()).text, /^FAILED_REPLY -E(FAULT|INVAL)$/);
      }
      await works({ server, client, handle });
    },
  },
  {
    name: 'V15 CVE-2024-56554: a freeze report that is queued when its handle goes',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const other = await share(server, client, 0x50, 0x60);
      await client.write(requestFreeze(other, 0xf1));
      await readAll(client);
      await client.write(freezeDone(0xf1));
      await freeze(client, server.pid, 1);
      await client.write(release(other));
      await readAll(client);
      await freeze(client, server.pid, 0);
      await readAll(server);
      await works({ server, client, handle });
    },
  },
  {
    name: 'V16 CVE-2024-56555: nodes that come and go between freezing and thawing',
    async run(world) {
      const { server, client, handle } = await pair(world);
      for (let i = 1; i <= 8; i++) {
        const other = await share(server, client, 0x100 * i, i);
        await client.write(requestFreeze(other, i));
        await freeze(client, server.pid, 1);
        await client.write(release(other));
        await freeze(client, server.pid, 0);
        await readAll(client);
        await readAll(server);
      }
      await works({ server, client, handle });
    },
  },
  {
    name: 'V17 CVE-2024-56556, V36: who listens for freezing is gone when it happens',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const third = await Actor.open(world, 'third');
      const own = await pass(client, third, handle);
      await third.write(requestFreeze(own, 0xf1));
      await freeze(client, server.pid, 1);
      await third.close();
      await freeze(client, server.pid, 0);
      await freeze(client, server.pid, 1);
      await freeze(client, server.pid, 0);
      await readAll(server);
      await works({ server, client, handle });
    },
  },
  {
    name: 'V19 CVE-2025-40028: more handles than the first tables hold',
    async run(world) {
      const { server, client } = await pair(world);
      const handles: number[] = [];
      for (let i = 1; i <= 140; i++) handles.push(await share(server, client, 0x1000 + i, i));
      assert.deepEqual(
        handles,
        Array.from({ length: 140 }, (_, i) => i + 2),
      );
      await client.write(release(66), release(3), release(129));
      await readAll(server);
      assert.equal(await share(server, client, 0x9000, 1), 3);
      assert.equal(await share(server, client, 0x9001, 1), 66);
    },
  },
  {
    name: 'V20 CVE-2026-64469: threads that exit while replies come to them',
    async run(world) {
      const { server, client, handle } = await pair(world);
      for (let i = 0; i < 5; i++) {
        await client.write(call(handle));
        const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
        await server.write(freeBuffer(buffer), reply());
        await client.exit();
        await server.read('NOOP TC');
        await client.greet();
      }
      await works({ server, client, handle });
    },
  },
  {
    name: 'V21 CVE-2026-64468: oneway calls that wait for one whose receiver exits',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle), oneway(handle), oneway(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer));
      await server.close();
    },
  },
  {
    name: 'V22 CVE-2026-68458: buffers that would lie over the sender’s label',
    needs: ['labels'],
    async run(world) {
      const setup = await pair(world, { flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX });
      const { server, client, handle } = setup;
      const at = await client.peer.place(bytes(64));
      await refused(client, handle, { parts: [LEAD, buffer(at, 24)], buffersSize: 16 });
      await refused(client, handle, { parts: [LEAD, buffer(at, 16), buffer(at, 8)], buffersSize: 16 });
      await client.write(call(handle, { parts: [LEAD, buffer(at, 16)], buffersSize: 16 }));
      await server.read('NOOP TRANSACTION_SEC_CTX(10,20)');
    },
  },
  {
    name: 'V23: a oneway call to a frozen process that is thawed and reads at once',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await freeze(client, server.pid, 1);
      await client.write(oneway(handle), oneway(handle));
      await freeze(client, server.pid, 0);
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer));
      await server.read(`NOOP ${CALLED}`);
      await client.read('NOOP TRANSACTION_PENDING_FROZEN TRANSACTION_PENDING_FROZEN');
    },
  },
  {
    name: 'V24: empty oneway calls are charged eight bytes each',
    async run(world) {
      const { client, handle } = await pair(world, { server: { map: 4096 } });
      for (let i = 0; i < 4096 / 2 / 8; i++) await client.exchange([oneway(handle)], 'NOOP TC');
      await client.write(oneway(handle));
      await client.read('NOOP FAILED_REPLY');
      await client.expectError('FAILED_REPLY -ENOSPC');
    },
  },
  {
    name: 'V25: handle 0 of a manager that died, and its successor',
    async run(world) {
      const client = await Actor.open(world, 'client');
      const first = await Actor.open(world, 'first');
      await first.becomeManager();
      await client.write(acquire(0));
      await first.close();
      await client.write(call(0));
      await client.read('NOOP DEAD_REPLY');
      const second = await Actor.open(world, 'second');
      await second.becomeManager();
      await client.write(oneway(0));
      await client.read('NOOP TC');
      await second.read('NOOP TRANSACTION(0,0)');
      await client.write(release(0));
    },
  },
  {
    name: 'V26: a thread that never entered the looper gets the process’s work',
    async run(world) {
      const holder = await manager(world);
      const owner = await Actor.open(world, 'plain');
      const handle = await share(owner, holder, 0x50, 0x60);
      const another = await owner.another('other');
      await holder.exchange([oneway(handle)], 'NOOP TC');
      await another.read('NOOP TRANSACTION(50,60)');
    },
  },
  {
    name: 'V27: the next oneway call wakes a sleeper or a poller when the one before is freed',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      await client.write(oneway(handle), oneway(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      const another = await server.another('sleeper');
      const sleeper = await another.sleep();
      await server.write(freeBuffer(buffer));
      await sleeper.wakes(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'V28: a failed reply lets go of the descriptors it had taken',
    needs: ['descriptors'],
    async run(world) {
      const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_ACCEPTS_FDS });
      const fd = await client.peer.openFile('letter');
      await refused(client, handle, { parts: [descriptor(fd), descriptor(fd), strongHandle(999)] });
      assert.deepEqual(await server.peer.files(), []);
      assert.deepEqual(await client.peer.files(), [fd]);
    },
  },
  {
    name: 'V30 CVE-2025-68260: many who wait for one death, and take it back when it comes',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const holders: { actor: Actor; own: number }[] = [];
      for (const name of ['one', 'two', 'three', 'four']) {
        const actor = await Actor.open(world, name);
        const own = await pass(client, actor, handle);
        await actor.write(requestDeath(own, own));
        holders.push({ actor, own });
      }
      await server.close();
      const [one, two, three, four] = holders as [Holder, Holder, Holder, Holder];
      await one.actor.write(clearDeath(one.own, one.own));
      await two.actor.write(release(two.own));
      await three.actor.close();
      await four.actor.read(`NOOP DEAD_BINDER(${four.own.toString(16)})`);
      await readAll(one.actor);
      await readAll(two.actor);
    },
  },
  {
    name: 'V31 CVE-2026-43434: a mapping that was taken away receives nothing',
    needs: ['unmap'],
    async run(world) {
      const { server, client, handle } = await pair(world);
      await server.peer.unmap();
      await client.write(call(handle, { parts: [bytes(8)] }));
      await client.read('NOOP DEAD_REPLY');
      await client.expectError('DEAD_REPLY -ESRCH');
    },
  },
  {
    name: 'V37: acknowledgements that nobody waits for',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(
        requestDeath(handle, 1),
        deadBinderDone(1),
        deadBinderDone(2),
        requestFreeze(handle, 3),
      );
      for (const cookie of [3, 4]) {
        const { errno } = await client.writeRead({ commands: [freezeDone(cookie)] });
        assert.equal(errno, 'EINVAL');
      }
      await readAll(client);
      await client.write(freezeDone(3));
      await works({ server, client, handle });
    },
  },
  ...matrix(),
];

interface Holder {
  readonly actor: Actor;
  readonly own: number;
}

/** V40: every kind of message with every object, good and bad, in every place, to a receiver in every state. */
function matrix(): Scenario[] {
  const states: Record<string, (server: Actor, by: Actor) => Promise<void>> = {
    'that lives': async () => {},
    'that is frozen': (server, by) => freeze(by, server.pid, 1),
    'that is dead': (server) => server.close(),
    'without a mapping': (server) => server.peer.unmap(),
  };
  return Object.entries(states).map(([state, bring]) => ({
    name: `V40: calls and oneway calls with good and bad objects to a process ${state}`,
    ...(state === 'without a mapping' ? { needs: ['unmap'] as const } : {}),
    run: (world: World) => sendAll(world, bring, state === 'that is dead'),
  }));
}

async function sendAll(
  world: World,
  bring: (server: Actor, by: Actor) => Promise<void>,
  isDead: boolean,
): Promise<void> {
  const { server, client, handle } = await pair(world);
  const own = await share(server, client, 0x50, 0x60);
  await client.write(increfs(own));
  await bring(server, client);
  const good: DataObject[] = [
    strongBinder(0x90, 0x91),
    weakBinder(0x92, 0x93),
    strongHandle(own),
    weakHandle(own),
  ];
  const bad: DataObject[] = [strongHandle(999), unknownObject, descriptor(0), strongBinder(0x90, 0x99)];
  for (const object of [...good, ...bad]) {
    for (const place of [0, 1, 2]) {
      const parts: DataObject[] = [strongBinder(0x90, 0x91), strongHandle(own)];
      parts.splice(place, 0, object);
      for (const isOneway of [true, false]) {
        await client.write((isOneway ? oneway : call)(handle, { parts }));
        const told = await readAll(client);
        const received = isDead ? null : /TRANSACTION/.exec(await serve(server, isOneway));
        // One end for each: it was sent, or why not.
        if (isOneway) assert.match(told, /(TC|PENDING_FROZEN|FAILED_REPLY|DEAD_REPLY)$/);
        else if (received) assert.match(await readAll(client), /REPLY$/);
        else assert.match(told, /(FAILED_REPLY|DEAD_REPLY|FROZEN_REPLY)$/);
        const isBad = bad.includes(object);
        if (isBad) assert.equal(received, null);
      }
    }
  }
  await client.write(decrefs(own));
}

/** Reads, frees and answers what came. @returns what was read. */
async function serve(server: Actor, isOneway: boolean): Promise<string> {
  const outcome = await server.writeRead({ readSize: 512 });
  const found = outcome.commands.find(({ name }) => name === 'BR_TRANSACTION');
  if (!found) return '';
  const { buffer: at } = found as unknown as { buffer: number };
  await server.write(freeBuffer(at), ...(isOneway ? [] : [reply()]));
  if (!isOneway) await readAll(server);
  return outcome.text;
}
