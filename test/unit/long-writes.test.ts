import { expect, test } from 'vitest';
import { BC_ENTER_LOOPER, BINDER_SET_CONTEXT_MGR, BINDER_VERSION } from '../../src/abi/binder.ts';
import { EINTR } from '../../src/abi/errno.ts';
import { LocalHost, RawLocalDriver } from '../../src/binder/connections/local.ts';
import type { Timer } from '../../src/driver/ports.ts';
import { checkInvariants } from '../support/check-invariants.ts';

// A write buffer of very many commands is carried out in slices, between which others are served.

const SLICE = 10;
const COMMANDS = 45;

class Host extends LocalHost {
  readonly timers = new Set<() => void>();
  override startTimer(_milliseconds: number, callback: () => void): Timer {
    this.timers.add(callback);
    return { cancel: () => this.timers.delete(callback) };
  }
  /** @returns whether there was one. */
  runTimer(): boolean {
    const [first] = this.timers;
    if (!first) return false;
    this.timers.delete(first);
    first();
    return true;
  }
}

function scene() {
  const host = new Host();
  const driver = new RawLocalDriver(host, { writeSlice: SLICE });
  const process = driver.connect({ pid: 1 });
  process.map(65536);
  const commands = new Uint8Array(4 * COMMANDS);
  const view = new DataView(commands.buffer);
  for (let i = 0; i < COMMANDS; i++) view.setUint32(4 * i, BC_ENTER_LOOPER, true);
  return { host, driver, process, commands };
}

test('a long write is carried out in slices of bounded work', async () => {
  const { host, driver, process, commands } = scene();
  let result: Awaited<ReturnType<ReturnType<typeof process.thread>['writeRead']>> | undefined;
  const written = process
    .thread(1)
    .writeRead(commands, 0)
    .then((value) => {
      result = value;
    });
  let slices = 1;
  for (;;) {
    checkInvariants(driver);
    await process.thread(2).ioctl(BINDER_VERSION, new Uint8Array(4));
    if (!host.runTimer()) break;
    slices++;
  }
  expect(slices).toBe(Math.ceil(COMMANDS / SLICE));
  await written;
  expect(result).toMatchObject({ writeConsumed: 4 * COMMANDS });
  expect(driver.stats.bc.reduce((sum, count) => sum + count)).toBe(COMMANDS);
});

test('a signal ends it with what was written', async () => {
  const { host, driver, process, commands } = scene();
  const thread = process.thread(1);
  const written = thread.writeRead(commands, 256).catch((error: unknown) => error);
  host.runTimer();
  process.process.interrupt(1);
  checkInvariants(driver);
  expect(host.timers.size).toBe(0);
  expect(await written).toMatchObject({ errno: EINTR });
  expect(process.process.thread(1).writeRead).toMatchObject({
    writeConsumed: 4 * 2 * SLICE,
    readConsumed: 0,
  });
});

test('nothing goes on for a process that is gone', async () => {
  const { host, driver, process, commands } = scene();
  await process.thread(9).ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  const written = process
    .thread(1)
    .writeRead(commands, 0)
    .catch((error: unknown) => error);
  process.close();
  await written;
  expect(host.timers.size).toBe(0);
  expect(driver.stats.thread.active).toBe(0);
});
