import { describe, expect, test } from 'vitest';
import {
  BC_FREE_BUFFER,
  BC_TRANSACTION,
  BINDER_SET_CONTEXT_MGR,
  BINDER_VERSION,
  TF_ONE_WAY,
} from '../abi/binder.ts';
import { encodeCommands } from '../abi/commands.ts';
import { LocalProcess, type LocalThread, RawLocalDriver } from '../binder/connections/local.ts';
import { Context } from './context.ts';

// When a client is told that a polling thread may have become readable. Too often does no harm; too seldom hangs it.

const NOBODY = 77;

function setUp() {
  const driver = new RawLocalDriver();
  const context = new Context('binder');
  const open = (pid: number) => {
    const process = new LocalProcess(driver, context, { pid, heapSize: 64 * 1024 });
    process.map(64 * 1024);
    const told = { times: 0 };
    process.onReadable = () => {
      told.times++;
    };
    const thread = (id: number) => {
      const made = process.thread(id);
      void made.ioctl(BINDER_VERSION, new Uint8Array(4));
      return made;
    };
    return { process, told, thread, poll: (id: number) => process.process.poll(id) };
  };
  const server = open(1);
  const main = server.thread(10);
  void main.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  const client = open(2);
  return { server, main, client, caller: client.thread(20) };
}

const write = (thread: LocalThread, ...commands: [number, object?][]) =>
  thread.writeRead(
    encodeCommands(commands.map(([code, payload]) => (payload ? [code, payload] : [code]))),
    0,
  );
const oneway = (targetHandle = 0): [number, object] => [BC_TRANSACTION, { targetHandle, flags: TF_ONE_WAY }];
const call = (targetHandle = 0): [number, object] => [BC_TRANSACTION, { targetHandle }];

describe('a polling thread is told', () => {
  test('of work for the process when no thread waits', async () => {
    const { server, caller } = setUp();
    expect(server.poll(10)).toBe(false);
    await write(caller, oneway());
    expect(server.told.times).toBe(1);
    expect(server.poll(10)).toBe(true);
  });

  test('also when another thread, which does not poll, has left', async () => {
    const { server, caller } = setUp();
    server.poll(10);
    server.thread(11);
    server.process.process.threadDied(11);
    await write(caller, oneway());
    expect(server.told.times).toBe(1);
  });

  test('not of work for the process that a sleeping thread takes', async () => {
    const { server, caller } = setUp();
    server.poll(10);
    const sleeper = server.thread(11).writeRead(new Uint8Array(), 256);
    await write(caller, oneway());
    expect((await sleeper).commands.map(({ name }) => name)).toEqual(['BR_NOOP', 'BR_TRANSACTION']);
    expect(server.told.times).toBe(0);
  });

  test('not before it polled, and not when it could not take the work', async () => {
    const { server, main, client, caller } = setUp();
    await write(caller, oneway());
    expect(server.told.times).toBe(0);
    server.poll(10);
    await write(main, oneway(NOBODY));
    const after = server.told.times;
    await write(client.thread(21), call());
    expect(server.told.times).toBe(after);
  });

  test('of an error and of a completed oneway call that it made itself', async () => {
    const { client, caller } = setUp();
    client.poll(20);
    await write(caller, oneway(NOBODY));
    expect(client.told.times).toBe(1);
    await caller.writeRead(new Uint8Array(), 256);
    await write(caller, oneway());
    expect(client.told.times).toBe(2);
  });

  test('of a reply, not of a call that it has only made', async () => {
    const { main, client, caller } = setUp();
    client.poll(20);
    await write(caller, call());
    expect(client.told.times).toBe(0);
    await main.writeRead(new Uint8Array(), 256);
    await main.writeRead(encodeCommands([[0x40406301, {}]]), 0);
    expect(client.told.times).toBe(1);
    expect(client.poll(20)).toBe(true);
  });

  test('of a closed duplicate while it sleeps, and not while it only polls', async () => {
    const { server } = setUp();
    server.poll(10);
    server.process.process.flush();
    expect(server.told.times).toBe(0);
    expect(server.poll(10)).toBe(true);
  });

  test('of the next oneway call of a node when the last one’s buffer is freed', async () => {
    const { server, main, caller } = setUp();
    server.poll(10);
    await write(caller, oneway(), oneway());
    const { commands } = await main.writeRead(new Uint8Array(), 256);
    const { buffer } = commands[1] as unknown as { buffer: number };
    expect(server.poll(10)).toBe(false);
    const before = server.told.times;
    await write(main, [BC_FREE_BUFFER, { buffer }]);
    expect(server.told.times).toBe(before + 1);
    expect(server.poll(10)).toBe(true);
  });

  test('again of work that a reader left', async () => {
    const { server, main, caller } = setUp();
    server.poll(10);
    await write(caller, oneway(), call());
    expect(server.told.times).toBe(2);
    const { commands } = await main.writeRead(new Uint8Array(), 256);
    expect(commands.map(({ name }) => name)).toEqual(['BR_NOOP', 'BR_TRANSACTION']);
    expect(server.told.times).toBe(3);
  });

  test('again of work that a reader left which had been asleep', async () => {
    const { server, caller } = setUp();
    server.poll(10);
    const sleeper = server.thread(11).writeRead(new Uint8Array(), 256);
    await write(caller, oneway(), call());
    await sleeper;
    expect(server.told.times).toBe(2);
  });

  test('no more after it left', async () => {
    const { server, caller } = setUp();
    server.poll(10);
    server.process.process.threadDied(10);
    await write(caller, oneway());
    expect(server.told.times).toBe(0);
  });
});
