import { expect, test } from 'vitest';
import {
  BC_CLEAR_FREEZE_NOTIFICATION,
  BC_REQUEST_FREEZE_NOTIFICATION,
  BINDER_GET_EXTENDED_ERROR,
  BINDER_SET_CONTEXT_MGR,
  BINDER_SET_CONTEXT_MGR_EXT,
  BINDER_VERSION,
  BR_FAILED_REPLY,
  FLAT_BINDER_FLAG_ACCEPTS_FDS,
} from '../../src/abi/binder.ts';
import { ENOMEM } from '../../src/abi/errno.ts';
import { extendedError, flatBinderObject } from '../../src/abi/structs.ts';
import {
  LocalFiles,
  LocalHost,
  type LocalThread,
  RawLocalDriver,
} from '../../src/binder/connections/local.ts';
import type { Limits } from '../../src/driver/limits.ts';
import {
  acquire,
  buffer,
  bytes,
  type Command,
  clearDeath,
  command,
  descriptorArray,
  oneway,
  requestDeath,
  strongBinder,
  u32s,
} from '../support/commands.ts';

// Beyond a limit clients get what the kernel driver gives where it has no memory, and nothing is left half done.

async function scene(limits: Partial<Limits>) {
  const driver = new RawLocalDriver(new LocalHost(), limits);
  const [manager, client] = [1, 2].map((pid) => {
    const process = driver.connect({ pid });
    process.map(65536);
    return process;
  }) as [ReturnType<RawLocalDriver['connect']>, ReturnType<RawLocalDriver['connect']>];
  const become = await manager.thread(1).ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  const place = (bytes: Uint8Array) => Promise.resolve(client.place(bytes));
  const thread = client.thread(1);
  const writeOnly = async (...commands: Command[]) => {
    const bytes = await Promise.all(commands.map((make) => make(place)));
    return (await thread.writeRead(Buffer.concat(bytes), 0)).errno;
  };
  const write = async (...commands: Command[]) => {
    const bytes = await Promise.all(commands.map((make) => make(place)));
    return names(await thread.writeRead(Buffer.concat(bytes), 256));
  };
  const send = (...pointers: number[]) =>
    write(oneway(0, { parts: pointers.map((pointer) => strongBinder(pointer, 1)) }));
  return { driver, manager, client, become, thread, write, writeOnly, send };
}

function names({ errno, commands }: Awaited<ReturnType<LocalThread['writeRead']>>): (string | number)[] {
  const read = commands.map(({ name }) => name).filter((name) => name !== 'BR_NOOP');
  return errno ? [errno, ...read] : read;
}

async function lastError(thread: LocalThread) {
  const argument = new Uint8Array(12);
  await thread.ioctl(BINDER_GET_EXTENDED_ERROR, argument);
  const { command: code, param } = extendedError.decode(new DataView(argument.buffer), 0);
  return { code, param };
}

test('a thread too many is refused its ioctl, and comes in when another has left', async () => {
  const { driver, client } = await scene({ threads: 2 });
  const version = (id: number) => client.thread(id).ioctl(BINDER_VERSION, new Uint8Array(4));
  expect([await version(1), await version(2), await version(3)]).toEqual([0, 0, ENOMEM]);
  expect(driver.stats.thread.active).toBe(3);
  expect(client.process.poll(3)).toBe(true);
  client.process.threadDied(2);
  expect(await version(3)).toBe(0);
});

test.each(['nodes', 'refs'] as const)(
  'a transaction that needs too many %s fails with ENOMEM',
  async (kind) => {
    const { driver, thread, send } = await scene({ [kind]: 2 });
    expect(await send(8, 16)).toContain('BR_TRANSACTION_COMPLETE');
    const before = { refs: driver.stats.ref.active, buffers: driver.stats.buffer.active };
    expect(await send(8, 24)).toContain('BR_FAILED_REPLY');
    expect(await lastError(thread)).toEqual({ code: BR_FAILED_REPLY, param: -ENOMEM });
    expect({ refs: driver.stats.ref.active, buffers: driver.stats.buffer.active }).toEqual(before);
    expect(driver.stats.node.active).toBe(3);
    expect(await send(16)).toContain('BR_TRANSACTION_COMPLETE');
  },
);

test('a transaction brings at most 1,024 files, and none of more stays', async () => {
  const driver = new RawLocalDriver();
  const [manager, client] = [1, 2].map((pid) => {
    const process = driver.connect({ pid, files: new LocalFiles(4096) });
    process.map(65536);
    return process;
  }) as [ReturnType<RawLocalDriver['connect']>, ReturnType<RawLocalDriver['connect']>];
  await manager
    .thread(1)
    .ioctl(BINDER_SET_CONTEXT_MGR_EXT, flatBinderObject.bytes({ flags: FLAT_BINDER_FLAG_ACCEPTS_FDS }));
  const fd = client.files.open('a file');
  const thread = client.thread(1);
  const send = async (count: number) => {
    const array = client.place(u32s(...new Array<number>(count).fill(fd)));
    const parts = [
      bytes(4),
      buffer(array, 4 * count),
      descriptorArray(count, { parent: 0, parentOffset: 0 }),
    ];
    const message = oneway(0, { parts, buffersSize: 8192 });
    const sent = await thread.writeRead(await message(async (bytes) => client.place(bytes)), 256);
    client.reset();
    return names(sent);
  };
  expect(await send(1025)).toEqual(['BR_FAILED_REPLY']);
  expect(await lastError(thread)).toEqual({ code: BR_FAILED_REPLY, param: -ENOMEM });
  expect(await send(1024)).toEqual(['BR_TRANSACTION_COMPLETE']);
  await manager.thread(1).writeRead(new Uint8Array(), 256);
  expect(manager.files.size).toBe(1024);
});

test('a context manager that may have no node is refused', async () => {
  const { become } = await scene({ nodes: 0 });
  expect(become).toBe(ENOMEM);
});

test('registrations that were withdrawn count until their ends are read', async () => {
  const { driver, client, thread, writeOnly } = await scene({ registrations: 2 });
  await writeOnly(acquire(0));
  const unread: Command[] = [requestDeath(0, 1), clearDeath(0, 1), requestDeath(0, 2), clearDeath(0, 2)];
  expect(await writeOnly(...unread, requestDeath(0, 3))).toBe(ENOMEM);
  await thread.writeRead(new Uint8Array(), 256);
  expect(await writeOnly(requestDeath(0, 3))).toBe(0);
  const freeze = (code: number, cookie: number) => command(code, { handle: 0, cookie });
  const freezes = [1, 2].flatMap((cookie) => [
    freeze(BC_REQUEST_FREEZE_NOTIFICATION, cookie),
    freeze(BC_CLEAR_FREEZE_NOTIFICATION, cookie),
  ]);
  expect(await writeOnly(...freezes, freeze(BC_REQUEST_FREEZE_NOTIFICATION, 3))).toBe(ENOMEM);
  await thread.writeRead(new Uint8Array(), 256);
  expect(await writeOnly(freeze(BC_REQUEST_FREEZE_NOTIFICATION, 3))).toBe(0);
  client.close();
  expect([driver.stats.death.active, client.process.deathRegistrations]).toEqual([0, 0]);
  expect([driver.stats.freeze.active, client.process.freezeRegistrations]).toEqual([0, 0]);
});
