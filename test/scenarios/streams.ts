import assert from 'node:assert/strict';
import { Actor } from '../support/actor.ts';
import {
  acquireDone,
  bytes,
  type Command,
  call,
  clearDeath,
  deadBinderDone,
  decrefs,
  enterLooper,
  freeBuffer,
  increfs,
  increfsDone,
  oneway,
  rawBytes,
  release,
  reply,
  requestDeath,
  strongBinder,
  weakBinder,
} from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, COOKIE, manager, NODE, pair, share } from './setup.ts';

const HIGH = 0xffff_ffff_ffff_ffffn;

/** How far a write got, and what it means. */
const writing: Scenario[] = [
  {
    name: 'nothing to write and nothing to read is a success',
    async run(world) {
      const { client } = await pair(world);
      const outcome = await client.writeRead({ writeBuffer: HIGH, readBuffer: HIGH });
      assert.deepEqual([outcome.errno, outcome.writeConsumed, outcome.readConsumed], ['0', 0, 0]);
    },
  },
  {
    name: 'a pure write leaves what was said of the read as it was',
    async run(world) {
      const { client } = await pair(world);
      const outcome = await client.writeRead({ commands: [increfs(1), decrefs(1)], readConsumed: 77 });
      assert.deepEqual([outcome.errno, outcome.writeConsumed, outcome.readConsumed], ['0', 16, 77]);
    },
  },
  {
    name: 'a write begins where write_consumed says',
    async run(world) {
      const { server, client } = await pair(world);
      const commands = [increfs(1), increfs(1), release(1)];
      const outcome = await client.writeRead({ commands, writeConsumed: 8 });
      assert.deepEqual([outcome.errno, outcome.writeConsumed], ['0', 24]);
      await server.read('NOOP RELEASE(10,20)');
      await client.write(decrefs(1));
      await server.read('NOOP DECREFS(10,20)');
    },
  },
  {
    name: 'a write that is consumed already, or more than that, is none',
    async run(world) {
      const { client } = await pair(world);
      for (const writeConsumed of [8, 9, 100]) {
        const outcome = await client.writeRead({ commands: [release(1)], writeConsumed });
        assert.deepEqual([outcome.errno, outcome.writeConsumed], ['0', writeConsumed]);
      }
      await client.write(oneway(1));
      await client.read('NOOP TC');
    },
  },
  {
    name: 'a size that wraps around the address space is none, too',
    async run(world) {
      const { client } = await pair(world);
      const outcome = await client.writeRead({ commands: [release(1)], writeSize: HIGH });
      assert.deepEqual([outcome.errno, outcome.writeConsumed], ['0', 0]);
    },
  },
  {
    name: 'a command that fails the ioctl is not counted, and nothing is read',
    async run(world) {
      const { server, client } = await pair(world);
      const commands = [increfs(1), rawBytes(0xff, 0xff, 0xff, 0xff), release(1)];
      const outcome = await client.writeRead({ commands, readSize: 256, readConsumed: 12 });
      assert.deepEqual([outcome.errno, outcome.writeConsumed, outcome.readConsumed], ['EINVAL', 8, 0]);
      await server.readNothing();
      await client.write(release(1));
      await server.read('NOOP RELEASE(10,20)');
    },
  },
  {
    name: 'codes that only look like commands: wrong direction, wrong size, numbers beyond the last',
    async run(world) {
      const { client } = await pair(world);
      for (const code of [0x00006300, 0x40046303, 0x4008_6305, 0x40086399, 0x0000720c, 0x80406300, 0]) {
        const word = new Uint8Array(Uint32Array.of(code).buffer);
        const outcome = await client.writeRead({ commands: [rawBytes(...word), rawBytes(...bytes(68))] });
        assert.deepEqual([outcome.errno, outcome.writeConsumed], ['EINVAL', 0], code.toString(16));
      }
    },
  },
  {
    name: 'a write buffer that cannot be read, from the start or later',
    async run(world) {
      const { server, client } = await pair(world);
      for (const writeBuffer of [0, HIGH - 100n, 0xffff_8000_0000_0000n]) {
        const outcome = await client.writeRead({ writeSize: 8, writeBuffer, readSize: 256 });
        assert.deepEqual([outcome.errno, outcome.writeConsumed, outcome.readConsumed], ['EFAULT', 0, 0]);
      }
      const write = [0x04, 0x63, 0x04, 0x40, 1, 0, 0, 0];
      for (const visible of [8, 9, 12, 15]) {
        const writeBuffer = await client.peer.placeBeforeHole(
          Uint8Array.from([...write, ...write].slice(0, visible)),
        );
        const outcome = await client.writeRead({ writeSize: 16, writeBuffer });
        assert.deepEqual([outcome.errno, outcome.writeConsumed], ['EFAULT', 8]);
      }
      // What came before took effect, each time.
      await client.write(release(1));
      await server.read('NOOP RELEASE(10,20)');
      await client.write(decrefs(1), decrefs(1), decrefs(1));
      await server.readNothing();
      await client.write(decrefs(1));
      await server.read('NOOP DECREFS(10,20)');
    },
  },
  {
    name: 'a payload that the size cuts off',
    differs: 'the kernel driver reads on behind the end of the write buffer',
    async run(world) {
      const { client } = await pair(world);
      const outcome = await client.writeRead({ commands: [increfs(1), increfs(1)], writeSize: 15 });
      assert.deepEqual([outcome.errno, outcome.writeConsumed], ['EFAULT', 8]);
    },
  },
  {
    name: 'bytes too few for a command are passed over',
    differs: 'the kernel driver reads on behind the end of the write buffer',
    async run(world) {
      const { client } = await pair(world);
      for (const extra of [1, 2, 3]) {
        const commands = [increfs(1), decrefs(1), rawBytes(...bytes(extra))];
        const outcome = await client.writeRead({ commands });
        assert.deepEqual([outcome.errno, outcome.writeConsumed], ['0', 16]);
      }
    },
  },
  {
    name: 'a write of many thousand bytes, its commands in every position',
    async run(world) {
      const { server, client } = await pair(world);
      const round: Command[] = [enterLooper, increfs(1), freeBuffer(0), requestDeath(9, 1), increfs(1)];
      const commands = Array.from({ length: 500 }, () => round).flat();
      await client.write(...commands);
      await client.write(release(1));
      await server.read('NOOP RELEASE(10,20)');
      await client.write(...Array.from({ length: 999 }, () => decrefs(1)));
      await server.readNothing();
      await client.write(decrefs(1));
      await server.read('NOOP DECREFS(10,20)');
    },
  },
];

/** How far a read got, and what it means. */
const reading: Scenario[] = [
  {
    name: 'a read that fails keeps what the write had reached',
    async run(world) {
      const { client } = await pair(world);
      const commands = [increfs(1), decrefs(1)];
      const outcome = await client.writeRead({ commands, readSize: 256, readConsumed: 33 });
      assert.deepEqual([outcome.errno, outcome.writeConsumed, outcome.readConsumed], ['EAGAIN', 16, 33]);
    },
  },
  {
    name: 'a read begins where read_consumed says, without BR_NOOP',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(oneway(handle));
      const outcome = await client.writeRead({ readSize: 256, readConsumed: 20 });
      assert.deepEqual([outcome.errno, outcome.readConsumed, outcome.text], ['0', 24, 'TC']);
    },
  },
  {
    name: 'with less than 80 bytes there is room for BR_NOOP only',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle));
      for (const size of [4, 76, 79]) {
        await client.read('NOOP', size);
        await server.read('NOOP', size);
      }
      await client.read('NOOP TC', 80);
      await server.read(`NOOP ${CALLED}`, 80);
    },
  },
  {
    name: 'with less than 80 bytes a read waits for work, and does not take it',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const sleeper = await server.start({ readSize: 79 });
      await sleeper.sleepsOn();
      await client.write(oneway(handle));
      await sleeper.wakes('NOOP');
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'with room for nothing a read fails instead of writing past its end',
    differs: 'the kernel driver writes past the end of the read buffer',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(oneway(handle));
      for (const size of [1, 2, 3]) {
        const outcome = await client.writeRead({ readSize: size });
        assert.deepEqual([outcome.errno, outcome.readConsumed], ['EFAULT', 0]);
      }
      await client.read('NOOP TC');
    },
  },
  {
    name: 'a read that is consumed already takes nothing',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(oneway(handle));
      for (const readConsumed of [256, 200, 181]) {
        const outcome = await client.writeRead({ readSize: 256, readConsumed });
        assert.deepEqual([outcome.errno, outcome.readConsumed, outcome.text], ['0', readConsumed, '']);
      }
      await client.read('NOOP TC');
    },
  },
  {
    name: 'a read takes what fits, 76 bytes being kept free for the next item',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(...Array.from({ length: 8 }, () => oneway(handle)));
      await client.read('NOOP TC', 83);
      await client.read('NOOP TC TC', 84);
      await client.read('NOOP TC TC TC', 91);
      await client.read('NOOP TC TC');
    },
  },
  {
    name: 'a read of thousands of items',
    async run(world) {
      const { client, handle } = await pair(world);
      for (let i = 0; i < 40; i++) await client.write(...Array.from({ length: 50 }, () => oneway(handle)));
      await client.read(`NOOP${' TC'.repeat(2000)}`, 16384);
      await client.readNothing();
    },
  },
  {
    name: 'a call is not complete until there is more to say',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await client.readNothing();
      assert.equal(await client.poll(), false);
      await server.read(`NOOP ${CALLED}`);
      await client.readNothing();
      await server.write(reply());
      assert.equal(await client.poll(), true);
      await client.read('NOOP TC REPLY');
    },
  },
  {
    name: 'a signal ends a sleeping read; what was written stays written',
    needs: ['interrupt'],
    async run(world) {
      const { server, client, handle } = await pair(world, { client: { nonBlocking: false } });
      const sleeper = await client.sleep([increfs(1), call(handle)]);
      await client.thread.interrupt();
      const outcome = await sleeper.fails('EINTR');
      assert.deepEqual([outcome.writeConsumed, outcome.readConsumed], [76, 0]);
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply());
      await client.read('NOOP TC REPLY');
    },
  },
  {
    name: 'a signal to a thread that does not sleep is none',
    needs: ['interrupt'],
    async run(world) {
      const { client } = await pair(world);
      await client.thread.interrupt();
      await client.readNothing();
    },
  },
];

/** Reads `visible` bytes of a buffer that claims to be larger, so that the copy faults there. */
async function readIntoHole(actor: Actor, visible: number, readConsumed = 0): Promise<void> {
  const readBuffer = await actor.peer.placeBeforeHole(new Uint8Array(visible));
  const outcome = await actor.writeRead({ readSize: 256, readBuffer, readConsumed });
  assert.deepEqual([outcome.errno, outcome.readConsumed], ['EFAULT', readConsumed]);
}

/** Three answers, 12 bytes each, for the withdrawal of death notifications with these cookies. */
async function threeAnswers(actor: Actor): Promise<void> {
  for (const cookie of [1, 2, 3]) await actor.write(requestDeath(1, cookie), clearDeath(1, cookie));
}

const DONE = 'CLEAR_DEATH_NOTIFICATION_DONE';

/** The read buffer faults: what was taken off a list is lost, what was not is still there. */
const faults: Scenario[] = [
  {
    name: 'a buffer that cannot even take BR_NOOP loses nothing',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle));
      for (const visible of [0, 1, 3]) {
        await readIntoHole(client, visible);
        await readIntoHole(server, visible);
      }
      await client.read('NOOP TC');
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'a bad buffer fails at once instead of sleeping',
    async run(world) {
      const { client } = await pair(world, { client: { nonBlocking: false } });
      const fresh = await client.another('fresh');
      const nowhere = await fresh.writeRead({ readSize: 256, readBuffer: 0 });
      assert.equal(nowhere.errno, 'EFAULT');
      for (const readBuffer of [
        0,
        HIGH,
        0xffff_8000_0000_0000n,
        await client.peer.placeBeforeHole(bytes(0)),
      ]) {
        const outcome = await client.writeRead({ readSize: 256, readBuffer });
        assert.deepEqual([outcome.errno, outcome.readConsumed], ['EFAULT', 0]);
      }
    },
  },
  {
    name: 'a bad buffer fails with EFAULT before it fails with EAGAIN',
    async run(world) {
      const { client } = await pair(world);
      await readIntoHole(client, 0);
    },
  },
  {
    name: 'BR_TRANSACTION_COMPLETE is lost',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(oneway(handle));
      await readIntoHole(client, 4);
      await client.readNothing();
    },
  },
  {
    name: 'an error is lost and yet stands: the thread cannot write until it leaves',
    async run(world) {
      const { client } = await pair(world);
      await client.write(call(77));
      await readIntoHole(client, 6);
      await client.readNothing();
      const outcome = await client.writeRead({ commands: [enterLooper], readSize: 256 });
      assert.deepEqual([outcome.errno, outcome.writeConsumed], ['EAGAIN', 0]);
      await client.exit();
      await client.write(enterLooper);
    },
  },
  {
    name: 'what a node announces is lost and yet true; what follows is still there',
    async run(world) {
      const holder = await manager(world);
      const owner = await Actor.open(world, 'owner');
      await owner.write(oneway(0, { parts: [strongBinder(NODE, COOKIE)] }));
      await readIntoHole(owner, 4 + 20 + 10);
      await owner.read('NOOP TC');
      await owner.write(increfsDone(NODE, COOKIE), acquireDone(NODE, COOKIE));
      const { buffer } = await (await holder.read('NOOP TRANSACTION(0,0)')).message();
      await holder.write(freeBuffer(buffer));
      await owner.read('NOOP RELEASE(10,20) DECREFS(10,20)');
    },
  },
  {
    name: 'the end of a node’s counts is lost, and the node with it',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(release(handle));
      await readIntoHole(server, 10);
      await server.readNothing();
      await share(server, client, NODE, 0x99);
    },
  },
  {
    name: 'a death is lost and yet delivered: it can be acknowledged',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(requestDeath(handle, 5));
      await server.close();
      await readIntoHole(client, 8);
      await client.readNothing();
      await client.write(clearDeath(handle, 5), deadBinderDone(5));
      await client.read(`NOOP ${DONE}(5)`);
    },
  },
  {
    name: 'the end of a wish is lost',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.write(requestDeath(handle, 5), clearDeath(handle, 5));
      await readIntoHole(client, 4);
      await client.readNothing();
    },
  },
  {
    name: 'a call is lost: its caller hears that it failed, its buffer stays until the process goes',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await readIntoHole(server, 40);
      await client.read('NOOP TC FAILED_REPLY');
      await client.expectError('OK 0');
      await server.write(freeBuffer(server.peer.mapping));
      await server.readNothing();
      await client.write(call(handle));
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      assert.equal(buffer, server.peer.mapping + 8);
    },
  },
  {
    name: 'a sleeping reader whose buffer went bad loses the call that wakes it',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { nonBlocking: false } });
      const readBuffer = await server.peer.placeBeforeHole(new Uint8Array(4));
      const sleeper = await server.start({ readSize: 256, readBuffer });
      await sleeper.sleepsOn();
      await client.write(call(handle));
      await sleeper.fails('EFAULT');
      await client.read('NOOP TC FAILED_REPLY');
    },
  },
  {
    name: 'a oneway call is lost silently, and later ones to its node wait forever',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(oneway(handle), oneway(handle));
      await readIntoHole(server, 4);
      await client.read('NOOP TC TC');
      await server.readNothing();
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'a reply is lost silently; the caller may call again',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle));
      await server.read(`NOOP ${CALLED}`);
      await server.write(reply());
      await readIntoHole(client, 8);
      await client.readNothing();
      await client.write(call(handle));
      await server.read('NOOP TC');
      await server.read(`NOOP ${CALLED}`);
    },
  },
  {
    name: 'a copy that faults in the first of several items',
    async run(world) {
      const { client } = await pair(world);
      for (const visible of [4, 6, 15]) {
        await threeAnswers(client);
        await readIntoHole(client, visible);
        await client.read(`NOOP ${DONE}(2) ${DONE}(3)`);
      }
    },
  },
  {
    name: 'a copy that faults in the middle of several items',
    async run(world) {
      const { client } = await pair(world);
      for (const visible of [16, 20, 27]) {
        await threeAnswers(client);
        await readIntoHole(client, visible);
        await client.read(`NOOP ${DONE}(3)`);
      }
    },
  },
  {
    name: 'a copy that faults in the last of several items',
    async run(world) {
      const { client } = await pair(world);
      for (const visible of [28, 39]) {
        await threeAnswers(client);
        await readIntoHole(client, visible);
        await client.readNothing();
      }
    },
  },
  {
    name: 'without BR_NOOP the first item itself faults, and is lost',
    async run(world) {
      const { client } = await pair(world);
      await threeAnswers(client);
      await readIntoHole(client, 8, 8);
      await client.read(`NOOP ${DONE}(2) ${DONE}(3)`);
    },
  },
  {
    name: 'what has nothing to say is not taken where not even BR_NOOP can be written',
    async run(world) {
      const { server, client, handle } = await pair(world);
      await client.write(call(handle), release(handle));
      await server.read(`NOOP ${CALLED}`);
      const idle = await server.another('idle');
      const nowhere = await idle.writeRead({ readSize: 256, readBuffer: 8 });
      assert.equal(nowhere.errno, 'EFAULT');
      await idle.read('NOOP', 4);
      await idle.readNothing();
      await idle.readNothing();
    },
  },
  {
    name: 'what goes back goes back to the process’s list if it came from there',
    async run(world) {
      const { client, handle } = await pair(world);
      const outsider = await client.another('outsider');
      // Not in the looper, so the answers are for any thread.
      for (const cookie of [1, 2]) {
        await outsider.write(requestDeath(handle, cookie), clearDeath(handle, cookie));
      }
      await readIntoHole(client, 10);
      await outsider.read(`NOOP ${DONE}(2)`);
    },
  },
  {
    name: 'a copy that faults far into a long read',
    async run(world) {
      const { client, handle } = await pair(world);
      const total = 2000;
      for (let i = 0; i < total / 50; i++) {
        await client.write(...Array.from({ length: 50 }, () => oneway(handle)));
      }
      const readBuffer = await client.peer.placeBeforeHole(new Uint8Array(5000));
      const outcome = await client.writeRead({ readSize: 65536, readBuffer });
      assert.deepEqual([outcome.errno, outcome.readConsumed], ['EFAULT', 0]);
      // BR_NOOP and 1249 items came over, one was lost.
      await client.read(`NOOP${' TC'.repeat(total - 1250)}`, 16384);
    },
  },
  {
    name: 'items that wait for company still wait after a fault',
    async run(world) {
      await manager(world);
      const owner = await Actor.open(world, 'owner');
      // The call's announcements and completion do not end a read by themselves.
      await owner.write(call(0, { parts: [weakBinder(NODE, COOKIE), weakBinder(0x11, 0x21)] }));
      await owner.peer.closeDuplicate();
      await readIntoHole(owner, 4);
      await owner.readNothing();
      await owner.peer.closeDuplicate();
      await owner.read('NOOP INCREFS(11,21) TC');
    },
  },
];

export const streams: Scenario[] = [...writing, ...reading, ...faults];
