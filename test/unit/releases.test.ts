import { expect, test } from 'vitest';
import { BINDER_SET_CONTEXT_MGR } from '../../src/abi/binder.ts';
import { LocalDriver, LocalHost } from '../../src/binder/connections/local.ts';
import type { Timer } from '../../src/driver/ports.ts';
import { checkInvariants } from '../support/check-invariants.ts';
import { call, oneway, strongBinder } from '../support/commands.ts';

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
  const driver = new LocalDriver(host, { releaseSlice: SLICE });
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
