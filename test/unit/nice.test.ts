import { expect, test } from 'vitest';
import type { ThreadScheduling } from '../../src/driver/ports.ts';
import { nicePriority, type Priority } from '../../src/driver/priority.ts';
import type { Thread } from '../../src/driver/thread.ts';
import { CALLED, pair } from '../scenarios/setup.ts';
import { call, freeBuffer, oneway, reply } from '../support/commands.ts';
import { LocalWorld } from '../support/local-world.ts';

// Nice values travel with calls, by Linux's rules. test/native/priority.c has the kernel's own driver for a judge.

class Scheduled implements ThreadScheduling {
  readonly changes: [priority: Priority, isLimited: boolean][] = [];
  priority: Priority;

  constructor(nice: number) {
    this.priority = nicePriority(nice);
  }

  setPriority(priority: Priority, isLimited: boolean): void {
    this.priority = priority;
    this.changes.push([priority, isLimited]);
  }
}

/** One call from a thread with one nice value to a thread with another, by way of a node that wants a third. */
async function serve(what: { caller: number; server: number; node: number; isOneway?: boolean }) {
  const world = new LocalWorld();
  const { server, client, handle } = await pair(world, { flags: what.node & 0xff });
  const [ofServer, ofCaller] = [new Scheduled(what.server), new Scheduled(what.caller)];
  for (const process of world.driver.processes) {
    const scheduling = process.client.pid === server.peer.pid ? ofServer : ofCaller;
    Object.assign(process.client, { initialPriority: scheduling.priority });
    for (const thread of process.threads.values()) Object.assign(thread as Thread, { scheduling });
  }
  await client.write(what.isOneway ? oneway(handle) : call(handle));
  const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
  const serving = ofServer.priority;
  await server.write(freeBuffer(buffer), ...(what.isOneway ? [] : [reply()]));
  const replied = ofServer.priority;
  if (what.isOneway) await server.readNothing();
  else await server.read('NOOP TC');
  await world.close();
  return { serving, replied, changes: ofServer.changes, settled: ofServer.priority };
}

test.each([
  {
    name: 'a caller that is more favoured than the node wants',
    caller: -5,
    server: 0,
    node: 10,
    serving: -5,
  },
  { name: 'a node that wants more than its caller has', caller: 8, server: 0, node: 3, serving: 3 },
  { name: 'a caller and a node of the same value', caller: 4, server: 0, node: 4, serving: 4 },
  { name: 'a node of nice 0 holds an ordinary caller at 0', caller: 5, server: 10, node: 0, serving: 0 },
])('$name', async ({ caller, server, node, serving }) => {
  const { changes, ...outcome } = await serve({ caller, server, node });
  expect(outcome.serving).toBe(nicePriority(serving));
  expect(outcome.replied).toBe(nicePriority(server));
  // Up to what the client itself may ask for, on the way there and back.
  expect(changes).toEqual([
    [nicePriority(serving), true],
    [nicePriority(server), true],
  ]);
});

test('who has the wanted value already is left alone', async () => {
  const { serving, changes } = await serve({ caller: 3, server: 3, node: 10 });
  expect(serving).toBe(nicePriority(3));
  expect(changes).toEqual([]);
});

test.each([
  {
    name: 'a oneway call raises its receiver to what the node wants',
    caller: -9,
    server: 10,
    node: 5,
    serving: 5,
  },
  { name: 'a oneway call lowers nobody', caller: 12, server: 2, node: 5, serving: 2 },
  { name: 'a oneway call to a receiver that has just that', caller: 12, server: 5, node: 5, serving: 5 },
])('$name', async ({ caller, server, node, serving }) => {
  const outcome = await serve({ caller, server, node, isOneway: true });
  expect(outcome.serving).toBe(nicePriority(serving));
  expect(outcome.changes).toEqual(
    serving === server
      ? []
      : [
          [nicePriority(serving), true],
          [nicePriority(server), true],
        ],
  );
  expect(outcome.settled).toBe(nicePriority(server));
});
