import { describe, expect, test } from 'vitest';
import {
  BC_ENTER_LOOPER,
  BC_REPLY,
  BC_TRANSACTION,
  BINDER_GET_EXTENDED_ERROR,
  BINDER_SET_CONTEXT_MGR_EXT,
  BINDER_TYPE_FD,
  BINDER_VERSION,
  FLAT_BINDER_FLAG_ACCEPTS_FDS,
  TF_ACCEPT_FDS,
  TF_ONE_WAY,
} from '../../src/abi/binder.ts';
import { encodeCommands } from '../../src/abi/commands.ts';
import { EBADF, ECONNREFUSED, EINTR, EMFILE, EPERM } from '../../src/abi/errno.ts';
import { extendedError, fdObject, flatBinderObject } from '../../src/abi/structs.ts';
import type { LocalThread } from '../../src/binder/connections/local.ts';
import { RawLocalDriver } from '../../src/binder/connections/local.ts';
import { Context } from '../../src/driver/context.ts';
import type { Thread } from '../../src/driver/thread.ts';
import { checkInvariants } from '../support/check-invariants.ts';
import { formatStream } from '../support/format-stream.ts';
import { LaterFiles, LaterProcess } from '../support/later-files.ts';

// Descriptors that are installed while the reader waits: what may happen meanwhile.

const NOTHING = new Uint8Array();

/** A server, context manager and accepting descriptors, and a client; both install late. */
async function setUp() {
  const driver = new RawLocalDriver();
  const context = new Context('binder');
  let openFiles = 0;
  const open = (pid: number) => {
    const process = new LaterProcess(driver, context, { pid, files: new LaterFiles() });
    process.map(64 * 1024);
    return process;
  };
  const server = open(1);
  const reader = server.thread(10);
  const manager = flatBinderObject.bytes({ flags: FLAT_BINDER_FLAG_ACCEPTS_FDS });
  await reader.ioctl(BINDER_SET_CONTEXT_MGR_EXT, manager);
  await reader.writeRead(encodeCommands([[BC_ENTER_LOOPER]]), 0);
  const client = open(2);
  const caller = client.thread(20);
  await caller.ioctl(BINDER_VERSION, new Uint8Array(4));

  /** A command with a descriptor of `from`. */
  const withFile = (from: LaterProcess, code: number, flags = 0): Uint8Array => {
    openFiles++;
    const fd = from.files.open('letter', () => {
      openFiles--;
    });
    const payload = {
      flags,
      dataSize: 24,
      offsetsSize: 8,
      buffer: from.place(fdObject.bytes({ type: BINDER_TYPE_FD, fd })),
      offsets: from.place(new Uint8Array(8)),
    };
    const command = encodeCommands([[code, payload]]);
    return command;
  };
  /** The threads of `process` in which descriptors are being installed. */
  const installing = (process: LaterProcess): Thread[] => [...process.files.pending.keys()];
  const only = (process: LaterProcess): Thread => {
    checkInvariants(driver);
    const threads = installing(process);
    expect(threads).toHaveLength(1);
    return threads[0] as Thread;
  };
  /** Expects that nothing holds a file any more but the descriptors of the two. */
  const expectNothingHeld = (): void => {
    checkInvariants(driver);
    for (const { files } of [server, client]) for (const fd of [...files]) files.delete(fd);
    expect(openFiles).toBe(0);
  };
  return { driver, server, reader, client, caller, withFile, only, installing, expectNothingHeld };
}

/** Begins a read that is to sleep. */
function sleep(thread: LocalThread) {
  const state = { text: 'asleep', errno: -1 };
  const done = thread.writeRead(NOTHING, 256).then(({ errno, commands }) => {
    state.text = formatStream(commands);
    state.errno = errno;
  });
  return { state, done };
}

/** Lets everything that is due happen. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function errorOf(thread: LocalThread): Promise<[number, number]> {
  const argument = new Uint8Array(extendedError.size);
  await thread.ioctl(BINDER_GET_EXTENDED_ERROR, argument);
  const { id, param } = extendedError.decode(new DataView(argument.buffer));
  return [id, param];
}

describe('while descriptors are installed', () => {
  test('the reader is told when it has them', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    await settle();
    expect(read.state.text).toBe('asleep');
    expect(server.files.size).toBe(0);
    server.files.complete(only(server));
    await read.done;
    expect(read.state).toEqual({ text: 'NOOP TRANSACTION(0,0)', errno: 0 });
    expect(server.files.get(0)).toBe('letter');
    expectNothingHeld();
  });

  test('a reader that does not sleep waits all the same', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    reader.nonBlocking = true;
    const read = sleep(reader);
    await settle();
    expect(read.state.text).toBe('asleep');
    server.files.complete(only(server));
    await read.done;
    expect(read.state.text).toBe('NOOP TRANSACTION(0,0)');
    expectNothingHeld();
  });

  test('what came before is not held up, nor lost', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    await caller.writeRead(encodeCommands([[BC_TRANSACTION, { flags: TF_ACCEPT_FDS }]]), 0);
    await reader.writeRead(NOTHING, 256);
    await reader.writeRead(withFile(server, BC_REPLY), 0);
    const read = sleep(caller);
    client.files.complete(only(client));
    await read.done;
    expect(read.state.text).toBe('NOOP TC REPLY');
    expectNothingHeld();
  });

  test('a failure is not noticed by the reader: it sleeps again, and gets what comes next', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    server.files.complete(only(server), EPERM);
    await settle();
    expect([read.state.text, server.restarts]).toEqual(['asleep', 1]);
    const { commands } = await caller.writeRead(NOTHING, 256);
    expect(formatStream(commands)).toBe('NOOP TC FAILED_REPLY');
    expect((await errorOf(caller))[1]).toBe(-EPERM);
    await caller.writeRead(encodeCommands([[BC_TRANSACTION, { code: 7 }]]), 0);
    await read.done;
    expect(read.state.text).toBe('NOOP TRANSACTION(0,0)');
    expectNothingHeld();
  });

  test('a full table is the sender’s failure without a reason, as in the kernel driver', async () => {
    const { server, reader, client, caller, withFile, only } = await setUp();
    sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    server.files.complete(only(server), EMFILE);
    await caller.writeRead(NOTHING, 256);
    expect((await errorOf(caller))[1]).toBe(0);
  });

  test('a reply that cannot be received has failed, and says why', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    await caller.writeRead(encodeCommands([[BC_TRANSACTION, { flags: TF_ACCEPT_FDS }]]), 0);
    await reader.writeRead(NOTHING, 256);
    await reader.writeRead(withFile(server, BC_REPLY), 0);
    const read = sleep(caller);
    client.files.complete(only(client), EPERM);
    await read.done;
    expect(read.state.text).toBe('NOOP TC FAILED_REPLY');
    expect((await errorOf(caller))[1]).toBe(-EPERM);
    expectNothingHeld();
  });

  test('one after the other fails, then one arrives', async () => {
    const { server, reader, client, withFile, only, expectNothingHeld } = await setUp();
    const threads = [21, 22, 23].map((id) => client.thread(id));
    for (const thread of threads) await thread.writeRead(withFile(client, BC_TRANSACTION), 0);
    const read = sleep(reader);
    server.files.complete(only(server), EPERM);
    server.files.complete(only(server), EMFILE);
    server.files.complete(only(server));
    await read.done;
    expect([read.state.text, server.restarts]).toEqual(['NOOP TRANSACTION(0,0)', 0]);
    const heard = [];
    for (const thread of threads.slice(0, 2)) {
      heard.push(formatStream((await thread.writeRead(NOTHING, 256)).commands));
    }
    expect(heard).toEqual(['NOOP TC FAILED_REPLY', 'NOOP TC FAILED_REPLY']);
    expectNothingHeld();
  });

  test('a oneway call that fails makes room for the next of its node', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    await caller.writeRead(withFile(client, BC_TRANSACTION, TF_ONE_WAY), 0);
    await caller.writeRead(encodeCommands([[BC_TRANSACTION, { flags: TF_ONE_WAY, code: 7 }]]), 0);
    const read = sleep(reader);
    server.files.complete(only(server), EPERM);
    await read.done;
    expect(read.state.text).toBe('NOOP TRANSACTION(0,0)');
    expectNothingHeld();
  });

  test('signals are for later, and others are served', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    server.process.interrupt(10);
    const second = server.thread(11);
    await second.ioctl(BINDER_VERSION, new Uint8Array(4));
    await client.thread(21).writeRead(encodeCommands([[BC_TRANSACTION, { code: 7 }]]), 0);
    const { commands } = await second.writeRead(NOTHING, 256);
    expect(formatStream(commands)).toBe('NOOP TRANSACTION(0,0)');
    expect(read.state.text).toBe('asleep');
    server.files.complete(only(server));
    await read.done;
    expect(read.state.text).toBe('NOOP TRANSACTION(0,0)');
    expectNothingHeld();
  });

  test('work that nobody else took meanwhile is read next', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    await client.thread(21).writeRead(encodeCommands([[BC_TRANSACTION, { code: 7 }]]), 0);
    server.files.complete(only(server), EPERM);
    await read.done;
    expect([read.state.text, server.restarts]).toEqual(['NOOP TRANSACTION(0,0)', 0]);
    expectNothingHeld();
  });

  test('the reading thread dies: its caller hears it, and a late outcome is nobody’s', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    const thread = only(server);
    server.process.threadDied(10);
    await read.done;
    expect(read.state.errno).toBe(EBADF);
    server.files.complete(thread);
    const { commands } = await caller.writeRead(NOTHING, 256);
    expect(formatStream(commands)).toBe('NOOP TC DEAD_REPLY');
    expectNothingHeld();
  });

  test('the reading process goes away', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    const thread = only(server);
    server.close();
    await read.done;
    server.files.complete(thread);
    const { commands } = await caller.writeRead(NOTHING, 256);
    expect(formatStream(commands)).toBe('NOOP TC DEAD_REPLY');
    expectNothingHeld();
  });

  test('the sender goes away: the call arrives from nobody', async () => {
    const { driver, server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    client.close();
    server.files.complete(only(server));
    await read.done;
    expect(read.state.text).toBe('NOOP TRANSACTION(0,0)');
    server.close();
    expectNothingHeld();
    expect(driver.stats.transaction.active).toBe(0);
  });

  test('the thread’s id is used again: the one before was killed', async () => {
    const { server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    const thread = only(server);
    await reader.ioctl(BINDER_VERSION, new Uint8Array(4));
    await read.done;
    expect(read.state.errno).toBe(EINTR);
    server.files.complete(thread);
    const { commands } = await caller.writeRead(NOTHING, 256);
    expect(formatStream(commands)).toBe('NOOP TC DEAD_REPLY');
    expectNothingHeld();
  });

  test('the driver stops', async () => {
    const { driver, server, reader, client, caller, withFile, only, expectNothingHeld } = await setUp();
    const read = sleep(reader);
    await caller.writeRead(withFile(client, BC_TRANSACTION), 0);
    const thread = only(server);
    driver.shutDown();
    await read.done;
    expect(read.state.errno).toBe(ECONNREFUSED);
    server.files.complete(thread);
    expectNothingHeld();
  });
});
