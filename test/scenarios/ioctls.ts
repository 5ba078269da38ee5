import assert from 'node:assert/strict';
import {
  BINDER_ENABLE_ONEWAY_SPAM_DETECTION,
  BINDER_GET_NODE_DEBUG_INFO,
  BINDER_GET_NODE_INFO_FOR_REF,
  BINDER_SET_CONTEXT_MGR_EXT,
  BINDER_SET_IDLE_PRIORITY,
  BINDER_SET_IDLE_TIMEOUT,
  BINDER_VERSION,
  FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
} from '../../src/abi/binder.ts';
import { flatBinderObject, nodeDebugInfo, nodeInfoForRef } from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';
import { Actor } from '../support/actor.ts';
import {
  bytes,
  call,
  freeBuffer,
  increfs,
  oneway,
  release,
  reply,
  strongBinder,
  strongHandle,
  weakBinder,
} from '../support/commands.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, COOKIE, NODE, pair, pass, share } from './setup.ts';

/** Questions about nodes, and ioctls that nobody implements. */
const questions: Scenario[] = [
  {
    name: 'the version is 8, whatever is in the argument',
    async run(world) {
      const client = await Actor.open(world, 'client');
      const answer = await client.ioctl(BINDER_VERSION, Uint8Array.of(1, 2, 3, 4));
      assert.equal(answer.getInt32(0, true), 8);
    },
  },
  {
    name: 'ioctls that do not exist, also by a wrong size or direction',
    async run(world) {
      const client = await Actor.open(world, 'client');
      for (const code of [
        BINDER_SET_IDLE_TIMEOUT,
        BINDER_SET_IDLE_PRIORITY,
        0x40046202,
        0x40046204,
        0x4004620a,
        0xc0046205,
        0xc0286201,
      ]) {
        await client.ioctl(code, (code >>> 16) & 0x3fff, 'EINVAL');
      }
    },
  },
  {
    name: 'a process’s nodes one after the other, by their pointers',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const high = 0xffff_0000_0000_0000n;
      await server.write(oneway(0, { parts: [weakBinder(high, 3), strongBinder(0x8, 4)] }));
      const found: unknown[] = [];
      let cursor: U64 = 0;
      do {
        const answer = await server.ioctl(
          BINDER_GET_NODE_DEBUG_INFO,
          nodeDebugInfo.bytes({ ptr: cursor, cookie: 9 }),
        );
        const { ptr, cookie, hasStrongRef, hasWeakRef } = nodeDebugInfo.decode(answer);
        found.push([ptr, cookie, hasStrongRef, hasWeakRef]);
        cursor = ptr;
      } while (cursor !== 0);
      // What user space was told is shown: nothing yet of the two new ones.
      assert.deepEqual(found, [
        [8, 4, 0, 0],
        [NODE, COOKIE, 1, 1],
        [high, 3, 0, 0],
        [0, 0, 0, 0],
      ]);
      // The manager's node has pointer 0, which no cursor is below.
      const none = await client.ioctl(BINDER_GET_NODE_DEBUG_INFO, nodeDebugInfo.bytes({}));
      assert.deepEqual(nodeDebugInfo.decode(none), { ptr: 0, cookie: 0, hasStrongRef: 0, hasWeakRef: 0 });
      await client.write(oneway(handle));
    },
  },
  {
    name: 'the counts of a node behind a handle: for the manager only, and only asked properly',
    async run(world) {
      const { server, client, handle } = await pair(world);
      const ask = (actor: Actor, members: object, errno: string) =>
        actor.ioctl(BINDER_GET_NODE_INFO_FOR_REF, nodeInfoForRef.bytes(members), errno);
      const idle = nodeInfoForRef.decode(await ask(client, { handle }, '0'));
      assert.deepEqual(idle, {
        handle,
        strongCount: 1,
        weakCount: 0,
        reserved1: 0,
        reserved2: 0,
        reserved3: 0,
      });
      await client.write(oneway(handle, { parts: [strongHandle(handle)] }));
      const called = nodeInfoForRef.decode(await ask(client, { handle }, '0'));
      assert.deepEqual([called.strongCount, called.weakCount], [3, 0]);
      for (const member of ['strongCount', 'weakCount', 'reserved1', 'reserved2', 'reserved3']) {
        await ask(client, { handle, [member]: 1 }, 'EINVAL');
        await ask(server, { handle, [member]: 1 }, 'EINVAL');
      }
      await ask(server, { handle: 0 }, 'EPERM');
      await ask(client, { handle: 9 }, 'EINVAL');
      await ask(client, { handle: 0 }, 'EINVAL');
      await client.write(increfs(handle), release(handle));
      await ask(client, { handle }, 'EINVAL');
    },
  },
  {
    name: 'the counts of a node where there is no manager',
    async run(world) {
      const client = await Actor.open(world, 'client');
      await client.ioctl(BINDER_GET_NODE_INFO_FOR_REF, nodeInfoForRef.bytes({ handle: 1 }), 'EPERM');
    },
  },
];

/** A receiver that asks for it is told the sender's security label. */
const labels: Scenario[] = [
  {
    name: 'the label lies behind everything else, its NUL included, and its address is told',
    needs: ['labels'],
    label: 'a label of twenty-nine letters',
    async run(world) {
      const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX });
      const parts = [strongHandle(handle), strongHandle(handle), bytes(12)];
      await client.write(call(handle, { parts, buffersSize: 40 }));
      const message = await (await server.read('NOOP TRANSACTION_SEC_CTX(10,20)')).message();
      assert.deepEqual([message.dataSize, message.offsets - message.buffer], [60, 64]);
      assert.equal((message.secctx ?? 0) - message.buffer, 120);
      const label = await server.peer.received(message.secctx ?? 0, 32);
      assert.equal(new TextDecoder().decode(label), 'a label of twenty-nine letters\0\0');
      // 152 bytes in all, so the next message is there; a reply brings no label.
      await server.write(call(0));
      await client.read('NOOP TC TRANSACTION(0,0)');
      await client.write(reply());
      const answer = await (await server.read('NOOP TC REPLY')).message();
      assert.equal(answer.buffer - message.buffer, 152);
      assert.equal(answer.secctx, undefined);
    },
  },
  {
    name: 'a oneway call brings it, too; the context manager may ask for it',
    needs: ['labels'],
    async run(world) {
      const server = await Actor.open(world, 'manager');
      const flags = FLAT_BINDER_FLAG_TXN_SECURITY_CTX;
      await server.ioctl(BINDER_SET_CONTEXT_MGR_EXT, flatBinderObject.bytes({ flags }));
      const client = await Actor.open(world, 'client');
      await client.write(oneway(0));
      const { secctx = 0, buffer } = await (await server.read('NOOP TRANSACTION_SEC_CTX(0,0)')).message();
      assert.equal(secctx, buffer);
      assert.notEqual((await server.peer.received(secctx, 1))[0], 0);
    },
  },
  {
    name: 'a label ends with a NUL, whatever lay there before',
    needs: ['labels'],
    async run(world) {
      const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX });
      const plain = await share(server, client, 0x11, 0x21);
      await client.write(oneway(plain, { parts: [new Uint8Array(512).fill(0xff)] }));
      const before = await (await server.read('NOOP TRANSACTION(11,21)')).message();
      await server.write(freeBuffer(before.buffer));
      await client.write(oneway(handle));
      const { secctx = 0 } = await (await server.read('NOOP TRANSACTION_SEC_CTX(10,20)')).message();
      const label = await server.peer.received(secctx, 256);
      const end = label.indexOf(0);
      assert.ok(end > 0 && end < label.indexOf(0xff));
    },
  },
  {
    name: 'the NUL of a label that fills its place takes another',
    needs: ['labels'],
    label: 'sixteen letters!',
    async run(world) {
      const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX });
      const plain = await share(server, client, 0x11, 0x21);
      await client.write(oneway(handle));
      const { secctx = 0, buffer } = await (await server.read('NOOP TRANSACTION_SEC_CTX(10,20)')).message();
      const label = await server.peer.received(secctx, 24);
      assert.equal(new TextDecoder().decode(label), `sixteen letters!${'\0'.repeat(8)}`);
      await client.write(oneway(plain));
      const next = await (await server.read('NOOP TRANSACTION(11,21)')).message();
      assert.equal(next.buffer - buffer, 24);
    },
  },
  {
    name: 'an empty label is a label',
    needs: ['labels'],
    label: '',
    async run(world) {
      const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX });
      await client.write(call(handle));
      const { secctx = 0, buffer } = await (await server.read('NOOP TRANSACTION_SEC_CTX(10,20)')).message();
      assert.equal(secctx, buffer);
      assert.deepEqual(await server.peer.received(secctx, 8), new Uint8Array(8));
    },
  },
  {
    name: 'without a security module such calls fail, and others do not',
    needs: ['labels'],
    label: null,
    async run(world) {
      const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX });
      for (const send of [call, oneway]) {
        await client.write(send(handle));
        await client.read('NOOP FAILED_REPLY');
        await client.expectError('FAILED_REPLY -EOPNOTSUPP');
      }
      const plain = await share(server, client, 0x11, 0x21);
      await client.write(oneway(plain));
      await server.read('NOOP TRANSACTION(11,21)');
    },
  },
  {
    name: 'a size that overflows with the label is invalid, even where nothing is mapped',
    needs: ['labels'],
    async run(world) {
      const { client, handle } = await pair(world, {
        server: { map: false },
        flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
      });
      await client.write(call(handle, { buffersSize: 0xffff_ffff_ffff_fff8n }));
      await client.expectError('FAILED_REPLY -EINVAL');
    },
  },
  {
    name: 'a label that has no room',
    needs: ['labels'],
    async run(world) {
      const { client, handle } = await pair(world, {
        server: { map: 4096 },
        flags: FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
      });
      await client.write(call(handle, { parts: [bytes(4096)] }));
      await client.expectError('FAILED_REPLY -ENOSPC');
    },
  },
];

/** Who fills a receiver with oneway calls may hear of it. */
const spam: Scenario[] = [
  {
    name: 'a large oneway call that leaves little room is suspect, where its sender’s last one lay',
    async run(world) {
      const { server, client, handle } = await pair(world, { server: { map: 65536 } });
      const listen = (yes: number) =>
        client.ioctl(BINDER_ENABLE_ONEWAY_SPAM_DETECTION, Uint8Array.of(yes, 0, 0, 0));
      const next = async (size: number, expected: string) => {
        await client.write(oneway(handle, { parts: [new Uint8Array(size)] }));
        await client.read(`NOOP ${expected}`);
      };
      const free = async () => {
        const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
        await server.write(freeBuffer(buffer));
      };
      await listen(1);
      // The new buffer is not counted yet: its piece of the mapping was nobody's before.
      await next(30000, 'TC');
      await free();
      // The piece was the sender's before, and so is what is rounded up to it.
      await next(30000, 'ONEWAY_SPAM_SUSPECT');
      // No other is named until there is room again.
      await next(800, 'TC');
      await free();
      await free();
      await next(8, 'TC');
      await free();
      await listen(0);
      await next(30000, 'TC');
      await free();
      await next(8, 'TC');
      await free();
      await listen(2);
      await next(30000, 'ONEWAY_SPAM_SUSPECT');
    },
  },
  {
    name: 'more than fifty calls are suspect when little room is left',
    async run(world) {
      const { client, handle } = await pair(world, { server: { map: 65536 } });
      await client.ioctl(BINDER_ENABLE_ONEWAY_SPAM_DETECTION, Uint8Array.of(0, 0, 1, 0));
      const filler = await Actor.open(world, 'filler');
      // Another process takes most of the room: it is the client's calls that are counted.
      const other = await pass(client, filler, handle);
      await filler.write(oneway(other, { parts: [new Uint8Array(16000)] }));
      await filler.write(oneway(other, { parts: [new Uint8Array(10000)] }));
      for (let i = 1; i <= 51; i++) {
        await client.write(oneway(handle));
        await client.read('NOOP TC');
      }
      await client.write(oneway(handle));
      await client.read('NOOP ONEWAY_SPAM_SUSPECT');
      await client.write(oneway(handle));
      await client.read('NOOP TC');
    },
  },
  {
    name: 'many calls are not suspect while there is room',
    async run(world) {
      const { client, handle } = await pair(world);
      await client.ioctl(BINDER_ENABLE_ONEWAY_SPAM_DETECTION, Uint8Array.of(1, 0, 0, 0));
      await client.write(...Array.from({ length: 100 }, () => oneway(handle)));
      await client.read(`NOOP${' TC'.repeat(100)}`, 1024);
    },
  },
];

export const ioctls: Scenario[] = [...questions, ...labels, ...spam];
