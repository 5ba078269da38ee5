import { expect, test } from 'vitest';
import { BC_ACQUIRE, BC_FREE_BUFFER, BINDER_SET_CONTEXT_MGR } from '../../src/abi/binder.ts';
import { encodeCommands } from '../../src/abi/commands.ts';
import type { U64 } from '../../src/abi/u64.ts';
import { LocalHost, RawLocalDriver } from '../../src/binder/connections/local.ts';
import type { Timer } from '../../src/driver/ports.ts';
import { checkInvariants } from '../support/check-invariants.ts';
import { call, clearDeath, increfs, oneway, requestDeath, strongBinder } from '../support/commands.ts';

// A process that held much ends in slices, between which others are served.

const SLICE = 50;
const NODES = 400;

class Host extends LocalHost {
  readonly timers: (() => void)[] = [];
  override startTimer(_milliseconds: number, callback: () => void): Timer {
    this.timers.push(callback);
    return { cancel: () => {} };
  }
}

async function scene() {
  const host = new Host();
  const driver = new RawLocalDriver(host, { releaseSlice: SLICE });
  const open = (pid: number) => {
    const process = driver.connect({ pid });
    process.map(65536);
    return process;
  };
  const manager = open(1);
  await manager.thread(1).ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  const client = open(2);
  const place = (bytes: Uint8Array) => Promise.resolve(client.place(bytes));
  const parts = Array.from({ length: NODES }, (_, i) => strongBinder(8 * (i + 1), i));
  await client.thread(1).writeRead(await oneway(0, { parts })(place), 256);
  await manager.thread(1).writeRead(new Uint8Array(), 256);
  const left = () => {
    const { node, ref } = driver.stats;
    return { refs: ref.active, nodes: node.active, alive: node.active - driver.deadNodes.size };
  };
  return { host, driver, manager, client, place, left };
}

test.each(['refs', 'nodes'])('a process with many %s ends in slices of bounded work', async (kind) => {
  const { host, driver, manager, client, place, left } = await scene();
  expect(driver.stats.ref.active).toBe(NODES);
  const [dying, other] = kind === 'refs' ? [manager, client] : [client, manager];
  dying.close();
  let slices = 1;
  while (host.timers.length > 0) {
    expect(host.timers.length).toBe(1);
    expect(driver.releases.processes).toEqual([dying.process]);
    checkInvariants(driver);
    const before = left();
    host.timers.pop()?.();
    const after = left();
    // A step deals with one ref, and the last ref to a node takes the node with it; or it ends or frees one node.
    expect(before.refs - after.refs).toBeLessThanOrEqual(SLICE);
    expect(before.nodes - after.nodes).toBeLessThanOrEqual(SLICE);
    expect(before.alive - after.alive).toBeLessThanOrEqual(SLICE);
    slices++;
  }
  // At least one object for each node; the nodes are put in order first, which is as much again.
  expect(slices).toBeGreaterThanOrEqual(NODES / SLICE);
  expect(left()).toMatchObject(kind === 'refs' ? { refs: 0 } : { refs: NODES, alive: 1 });
  expect(driver.stats.process.active).toBe(1);
  checkInvariants(driver);
  if (kind === 'refs') {
    const { commands } = await other.thread(2).writeRead(await call(0)(place), 256);
    expect(commands.map(({ name }) => name)).toEqual(['BR_NOOP', 'BR_DEAD_REPLY']);
  }
  other.close();
  while (driver.continueRelease()) {}
  expect(driver.stats.process.active).toBe(0);
  expect(left()).toEqual({ refs: 0, nodes: 0, alive: 0 });
});

test('between two slices nothing can be sent to the process, and others are served', async () => {
  const { host, driver, manager, client, place } = await scene();
  manager.close();
  expect(host.timers.length).toBe(1);
  const { commands } = await client.thread(2).writeRead(await call(0)(place), 256);
  expect(commands.map(({ name }) => name)).toEqual(['BR_NOOP', 'BR_DEAD_REPLY']);
  client.close();
  while (driver.continueRelease()) {}
  expect(driver.stats.process.active).toBe(0);
});

test('those who wished to hear of a death are told in slices, each once', async () => {
  const { host, driver, manager, client } = await scene();
  const place = () => Promise.reject(new Error('nothing is sent'));
  const holders = Array.from({ length: 8 * SLICE }, (_, i) => driver.connect({ pid: 100 + i }));
  for (const holder of holders) {
    for (const command of [increfs(0), requestDeath(0, 1)])
      await holder.thread(1).writeRead(await command(place), 0);
  }
  const told = () => holders.filter(({ process }) => !process.todo.isEmpty).length;
  manager.close();
  const last = holders[0] as (typeof holders)[0];
  for (let before = 0, slices = 0; ; slices++) {
    expect(told() - before).toBeLessThanOrEqual(SLICE);
    checkInvariants(driver);
    if (slices === 0) {
      // The one whose turn comes last takes its wish back, makes another, and is told of that one at once
      expect(last.process.todo.isEmpty).toBe(true);
      await last.thread(1).writeRead(await clearDeath(0, 1)(place), 0);
      await last.thread(1).writeRead(await requestDeath(0, 2)(place), 0);
    }
    if (host.timers.length === 0) break;
    before = told();
    host.timers.pop()?.();
  }
  expect(told()).toBe(holders.length);
  const hear = async (holder: typeof last) => {
    const { commands } = await holder.thread(1).writeRead(new Uint8Array(), 256);
    return commands.map(({ name, cookie }) => `${name} ${cookie ?? ''}`.trim());
  };
  expect(await hear(holders[1] as typeof last)).toEqual(['BR_NOOP', 'BR_DEAD_BINDER 1']);
  expect(await hear(last)).toEqual(['BR_NOOP', 'BR_CLEAR_DEATH_NOTIFICATION_DONE 1', 'BR_DEAD_BINDER 2']);
  for (const process of [client, ...holders]) process.close();
  while (driver.continueRelease()) {}
  expect(driver.stats.process.active).toBe(0);
});

test('however much a process held, a slice is as long as ever', async () => {
  const REFS = 100_000;
  const AT_ONCE = 500;
  const host = new Host();
  const driver = new RawLocalDriver(host);
  const manager = driver.connect({ pid: 1 });
  const client = driver.connect({ pid: 2 });
  for (const process of [manager, client]) process.map(65536);
  await manager.thread(1).ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  const place = (bytes: Uint8Array) => Promise.resolve(client.place(bytes));
  for (let made = 0; made < REFS; made += AT_ONCE) {
    const parts = Array.from({ length: AT_ONCE }, (_, i) => strongBinder(8 * (made + i + 1), i));
    await client.thread(1).writeRead(await oneway(0, { parts })(place), 0);
    const { commands } = await manager.thread(1).writeRead(new Uint8Array(), 256);
    const { buffer } = commands.find(({ name }) => name === 'BR_TRANSACTION') as { buffer?: U64 };
    const acquires = Array.from(
      { length: AT_ONCE },
      (_, i) => [BC_ACQUIRE, { handle: made + i + 1 }] as const,
    );
    const keep = encodeCommands([...acquires, [BC_FREE_BUFFER, { buffer }]]);
    expect((await manager.thread(1).writeRead(keep, 0)).errno).toBe(0);
  }
  expect(driver.stats.ref.active).toBe(REFS);
  manager.close();
  const { releaseSlice } = driver.limits;
  let slices = 1;
  for (; host.timers.length > 0; slices++) {
    const before = driver.stats.ref.active;
    host.timers.pop()?.();
    expect(before - driver.stats.ref.active).toBeLessThanOrEqual(releaseSlice);
  }
  expect(slices).toBeGreaterThanOrEqual(REFS / releaseSlice);
  expect(driver.stats.ref.active).toBe(0);
});
