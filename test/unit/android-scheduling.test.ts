import { expect, test } from 'vitest';
import { FLAT_BINDER_FLAG_INHERIT_RT } from '../../src/abi/binder.ts';
import type { LocalHost, RawLocalDriver } from '../../src/binder/connections/local.ts';
import type { ThreadScheduling } from '../../src/driver/ports.ts';
import {
  NORMAL,
  nicePriority,
  type Priority,
  realtimePriority,
  SCHED_FIFO,
  SCHED_RR,
} from '../../src/driver/priority.ts';
import type { Thread } from '../../src/driver/thread.ts';
import { CALLED, pair } from '../scenarios/setup.ts';
import { call, freeBuffer, oneway, reply } from '../support/commands.ts';
import { LocalWorld } from '../support/local-world.ts';

// What --android-scheduling adds: policies travel with calls. Linux's own kernels cannot judge it.

/** What a thread of a test is scheduled as, and what the driver did about it. */
class Scheduled implements ThreadScheduling {
  priority: Priority;

  constructor(priority: Priority) {
    this.priority = priority;
  }

  setPriority(priority: Priority): void {
    this.priority = priority;
  }
}

const FIFO_10 = realtimePriority(SCHED_FIFO, 10);
const POLICY_FIFO = SCHED_FIFO << 9;
const POLICY_RR = SCHED_RR << 9;

async function serve(flags: number, caller: Priority, server: Priority, isOneway = false) {
  const world = new LocalWorld();
  Object.assign(world.driver.host as LocalHost, { androidScheduling: true });
  const { server: owner, client, handle } = await pair(world, { flags });
  const [ofServer, ofCaller] = [new Scheduled(server), new Scheduled(caller)];
  for (const process of (world.driver as RawLocalDriver).processes) {
    const scheduled = process.client.pid === owner.peer.pid ? ofServer : ofCaller;
    for (const thread of process.threads.values()) Object.assign(thread as Thread, { scheduling: scheduled });
  }
  await client.write(isOneway ? oneway(handle) : call(handle));
  const { buffer } = await (await owner.read(`NOOP ${CALLED}`)).message();
  const serving = ofServer.priority;
  await owner.write(freeBuffer(buffer), ...(isOneway ? [] : [reply()]));
  const replied = ofServer.priority;
  await owner.read('NOOP TC').catch(() => {});
  await world.close().catch(() => {});
  return { serving, replied };
}

test.each<[what: string, flags: number, caller: Priority, server: Priority, serving: Priority]>([
  ['a real-time caller, a node that inherits', 127 | FLAT_BINDER_FLAG_INHERIT_RT, FIFO_10, NORMAL, FIFO_10],
  ['a real-time caller, a node that does not', 127, FIFO_10, NORMAL, NORMAL],
  [
    'a node that wants more than its caller',
    5 | POLICY_RR,
    nicePriority(3),
    NORMAL,
    realtimePriority(SCHED_RR, 5),
  ],
  ['a node with a nice value below zero', 0xf6, nicePriority(0), NORMAL, nicePriority(-10)],
  [
    'equal levels: FIFO wins',
    10 | POLICY_FIFO | FLAT_BINDER_FLAG_INHERIT_RT,
    realtimePriority(SCHED_RR, 10),
    NORMAL,
    FIFO_10,
  ],
  ['a caller that is less favoured', 127, nicePriority(12), NORMAL, nicePriority(12)],
])('%s', async (_what, flags, caller, server, serving) => {
  expect(await serve(flags, caller, server)).toEqual({ serving, replied: server });
});

test('a oneway call is served as the process was when it opened the device', async () => {
  expect((await serve(127, FIFO_10, NORMAL, true)).serving).toBe(NORMAL);
});
