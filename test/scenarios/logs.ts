import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { Actor } from '../support/actor.ts';
import {
  bytes,
  call,
  clearDeath,
  freeBuffer,
  oneway,
  reply,
  requestDeath,
  strongBinder,
  strongHandle,
  weakBinder,
} from '../support/commands.ts';
import type { World } from '../support/world.ts';
import { freeze, requestFreeze } from './freeze.ts';
import { LogText } from './log-text.ts';
import type { Scenario } from './scenario.ts';
import { CALLED, manager, pair, pass, share } from './setup.ts';

// What the driver writes of itself in the middle of things: as the kernel's own driver did (npm run kernel:record-logs),
// line by line, after what differs from one run to the next got names (log-text.ts).

/** Reads a log and adds it to the record. */
type Look = (...logs: string[]) => Promise<void>;

/** Conversations in which the logs are looked at. */
const stories: Record<string, (world: World, look: Look) => Promise<void>> = {
  'nothing but an open device': async (world, look) => {
    const actor = await Actor.open(world, 'lone', { map: false });
    await look('state', 'transactions', 'stats', `proc/${actor.pid}`);
  },

  'nodes and refs of three processes': async (world, look) => {
    const { server, client, handle } = await pair(world);
    const third = await Actor.open(world, 'third');
    await pass(client, third, handle);
    await look('state', 'state_hashed', 'stats', 'transactions', `proc/${server.pid}`, `proc/${third.pid}`);
  },

  'a call that is queued, read, and answered': async (world, look) => {
    const { server, client, handle } = await pair(world);
    await client.write(call(handle, { code: 0x1f, flags: 0x10, parts: [bytes(20)] }));
    await look('state', 'transactions');
    const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
    await look('state', 'transactions', 'transactions_hashed');
    await server.write(freeBuffer(buffer));
    await look('transactions');
    await server.write(reply({ parts: [bytes(4)] }));
    await look('state', 'transactions', 'transaction_log', 'failed_transaction_log');
    await server.read('NOOP TC');
    const answer = await (await client.read('NOOP TC REPLY')).message();
    await look('transactions');
    await client.write(freeBuffer(answer.buffer));
    await look('stats', 'transactions');
  },

  'sleeping and polling threads': async (world, look) => {
    const server = await Actor.open(world, 'sleepy', { nonBlocking: false });
    const helper = await server.another('log-helper');
    const sleeper = await helper.sleep();
    await server.setMaxThreads(3);
    await server.poll();
    await look('state', 'stats');
    await helper.thread.interrupt();
    await sleeper.fails('EINTR');
    await look('state');
  },

  'nested calls': async (world, look) => {
    const { server, client, handle } = await pair(world);
    await client.write(call(handle, { parts: [strongBinder(0x30, 0x40)] }));
    const first = await (await server.read(`NOOP ${CALLED}`)).message();
    await server.write(call(first.objects[0]?.handle ?? 0, { code: 7 }));
    await look('state', 'transactions');
    await client.read('NOOP INCREFS(30,40) ACQUIRE(30,40) TC TRANSACTION(30,40)');
    await look('state', 'transactions', 'transaction_log');
  },

  'oneway calls that wait for each other': async (world, look) => {
    const { server, client, handle } = await pair(world);
    for (let code = 1; code <= 3; code++) await client.exchange([oneway(handle, { code })], 'NOOP TC');
    await look('state', 'transactions', 'stats');
    const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
    await look('transactions', 'transaction_log');
    await server.write(freeBuffer(buffer));
    await look('state', 'transactions');
  },

  'death notifications in all states': async (world, look) => {
    const { server, client, handle } = await pair(world);
    const other = await share(server, client, 0x50, 0x60);
    const third = await share(server, client, 0x70, 0x80);
    await client.write(requestDeath(handle, 0xd1), requestDeath(other, 0xd2), requestDeath(third, 0xd3));
    await look('state');
    await client.write(clearDeath(third, 0xd3));
    await look('state');
    await client.read('NOOP CLEAR_DEATH_NOTIFICATION_DONE(d3)');
    await server.close();
    await look('state', 'stats');
    await client.write(clearDeath(other, 0xd2));
    await look('state');
    await client.writeRead({ readSize: 256 });
    await look('state', `proc/${client.pid}`);
  },

  'a frozen process': async (world, look) => {
    const { server, client, handle } = await pair(world);
    await client.write(requestFreeze(handle, 0xf1));
    await look('state');
    await client.writeRead({ readSize: 256 });
    await freeze(client, server.pid, 1);
    await client.exchange([oneway(handle, { code: 1 })], 'NOOP TRANSACTION_PENDING_FROZEN');
    await client.write(oneway(handle, { code: 2 }), oneway(handle, { code: 3 }));
    await look('state', 'transactions', 'stats');
    await client.exchange(
      [call(handle)],
      'NOOP TRANSACTION_PENDING_FROZEN TRANSACTION_PENDING_FROZEN FROZEN_REPLY',
    );
    await look('transaction_log', 'failed_transaction_log');
    await freeze(client, server.pid, 0);
    await look('state', 'transactions');
  },

  'what failed': async (world, look) => {
    const { server, client, handle } = await pair(world);
    const attempts = [
      call(77, { code: 5, parts: [bytes(3)] }),
      call(0),
      call(handle, { parts: [strongHandle(99)] }),
      call(handle, { parts: [bytes(8)], offsetList: [400] }),
      call(handle, { dataSize: 0xffff_ffff_ffff_fff0n }),
      call(handle, { parts: [bytes(8)], buffer: 8 }),
      oneway(handle, { parts: [weakBinder(0x90, 0x91)], dataSize: 1 << 20 }),
      reply(),
    ];
    for (const attempt of attempts) {
      await client.write(attempt);
      await look('transactions');
      await client.writeRead({ readSize: 256 });
    }
    await look('transaction_log', 'failed_transaction_log', 'stats');
    await client.write(call(handle));
    await server.read(`NOOP ${CALLED}`);
    await server.write(reply({ parts: [strongHandle(99)] }));
    await look('state', 'transaction_log', 'failed_transaction_log');
  },

  'a caller and a server that are gone': async (world, look) => {
    const { server, client, handle } = await pair(world);
    await client.write(call(handle));
    const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
    await client.close();
    await look('state', 'transactions');
    await server.write(freeBuffer(buffer), reply());
    await look('state', 'transaction_log', 'failed_transaction_log');
  },

  'more than the logs remember': async (world, look) => {
    const { server, client, handle } = await pair(world);
    for (let code = 0; code < 40; code++) {
      await client.exchange([oneway(handle, { parts: [bytes(code)] })], 'NOOP TC');
      const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
      await server.write(freeBuffer(buffer));
    }
    await look('transaction_log');
    for (let i = 1; i <= 40; i++) {
      await client.write(call(1000 + i));
      await client.read('NOOP FAILED_REPLY');
    }
    await look('transaction_log', 'failed_transaction_log', 'stats');
  },

  'two opens by one process': async (world, look) => {
    const first = await manager(world);
    const second = await Actor.open(world, 'manager');
    await look('state', `proc/${first.pid}`);
    await second.close();
    await look(`proc/${first.pid}`);
  },

  'buffers of many pages': async (world, look) => {
    const { server, client, handle } = await pair(world);
    const buffers: number[] = [];
    for (const size of [5000, 8192, 100]) {
      await client.exchange([oneway(handle, { parts: [bytes(size)] })], 'NOOP TC');
      if (buffers.length === 0) buffers.push((await (await server.read(`NOOP ${CALLED}`)).message()).buffer);
    }
    await look('state', 'stats');
    for (const buffer of buffers) await server.write(freeBuffer(buffer));
    await look('state', 'stats');
  },
};

const GOLDEN = new URL('../kernel/golden/7.2/logs.txt', import.meta.url);
const HEADING = '==== ';

/** What the logs say in a story. */
export async function tell(name: string, world: World): Promise<string> {
  const text = new LogText();
  const growing = ['stats', 'transaction_log', 'failed_transaction_log'];
  const before = new Map<string, string>();
  for (const log of growing) before.set(log, await world.log(log));
  let record = '';
  const look: Look = async (...logs) => {
    await world.settle();
    for (const log of logs) {
      const normal = text.normal(log, await world.log(log), before.get(log) ?? '');
      const title = log.startsWith('proc/') ? 'proc/PID' : log;
      record += `-- ${title}\n${log.endsWith('_hashed') ? text.hashed(normal) : normal}`;
    }
  };
  await stories[name]?.(world, look);
  return record;
}

export const storyNames: readonly string[] = Object.keys(stories);

/** One story as goldens have it. */
export function formatStory(name: string, record: string): string {
  return `${HEADING}${name}\n${record}`;
}

function readGolden(): Map<string, string> {
  if (!existsSync(GOLDEN)) return new Map();
  const parts = readFileSync(GOLDEN, 'utf8')
    .split(new RegExp(`^${HEADING}`, 'm'))
    .slice(1);
  return new Map(
    parts.map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n') + 1)]),
  );
}

const golden = readGolden();

export const logs: readonly Scenario[] = storyNames.map((name) => ({
  name: `the logs in ${name}, as Linux 7.2 wrote them`,
  needs: ['logs'],
  run: async (world) => assert.equal(await tell(name, world), golden.get(name)),
}));
