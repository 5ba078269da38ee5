import { describe, expect, test } from 'vitest';
import { BC_TRANSACTION, BINDER_SET_CONTEXT_MGR, BINDER_VERSION, TF_ONE_WAY } from '../../abi/binder.ts';
import { encodeCommands } from '../../abi/commands.ts';
import { EFAULT, EINTR } from '../../abi/errno.ts';
import { writeRead } from '../../abi/structs.ts';
import { Context } from '../../driver/context.ts';
import { LocalProcess, RawLocalDriver } from './local.ts';

const READ = { commands: new Uint8Array(), size: 256 };

async function setUp() {
  const driver = new RawLocalDriver();
  const context = new Context('binder');
  const open = (pid: number) => {
    const process = new LocalProcess(driver, context, { pid, heapSize: 64 * 1024 });
    process.map(64 * 1024);
    return process;
  };
  const server = open(1).thread(10);
  await server.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  const client = open(2).thread(20);
  await client.ioctl(BINDER_VERSION, new Uint8Array(4));
  return { driver, server, client };
}

const oneway = encodeCommands([[BC_TRANSACTION, { flags: TF_ONE_WAY, code: 5 }]]);

describe('a thread of a local process', () => {
  test('sleeps until there is something to read', async () => {
    const { server, client } = await setUp();
    const answer = server.writeRead(READ.commands, READ.size);
    await client.writeRead(oneway, 0);
    const { errno, commands } = await answer;
    expect(errno).toBe(0);
    expect(commands).toMatchObject([{ name: 'BR_NOOP' }, { name: 'BR_TRANSACTION', code: 5 }]);
  });

  test('finds in its argument how far its own ioctl came, though it left in the same moment', async () => {
    const { server } = await setUp();
    const argument = writeRead.bytes({
      writeSize: 4,
      writeBuffer: server.place(Uint8Array.of(0x0c, 0x63, 0, 0)),
      readSize: 256,
      readBuffer: server.place(new Uint8Array(256)),
    });
    const answer = server.ioctl(0xc0306201, argument);
    server.owner.process.interrupt(10);
    server.owner.process.threadDied(10);
    expect(await answer).toBe(EINTR);
    expect(writeRead.decode(new DataView(argument.buffer))).toMatchObject({
      writeConsumed: 4,
      readConsumed: 0,
    });
  });

  test('reads nothing when its ioctl fails', async () => {
    const { server } = await setUp();
    const argument = writeRead.bytes({ writeSize: 4, writeBuffer: 0, readSize: 256 });
    expect(await server.ioctl(0xc0306201, argument)).toBe(EFAULT);
  });

  test('fails in a bad buffer that another read has only touched further on', async () => {
    const { server, client } = await setUp();
    const start = server.place(new Uint8Array(256));
    const below = start - 20;
    await client.writeRead(oneway, 0);
    const further = writeRead.bytes({ readSize: 256, readConsumed: 20, readBuffer: below });
    expect(await server.ioctl(0xc0306201, further)).toBe(0);
    const whole = writeRead.bytes({ readSize: 256, readBuffer: below });
    expect(await server.ioctl(0xc0306201, whole)).toBe(EFAULT);
  });
});

describe('the memory of a local process', () => {
  test('is a heap that can be full, and begins anew', async () => {
    const { client } = await setUp();
    const first = client.place(new Uint8Array(3));
    expect(client.place(new Uint8Array(3))).toBe(first + 8);
    expect(() => client.place(new Uint8Array(64 * 1024))).toThrow(/heap of 65536 bytes is full/);
    client.reset();
    expect(client.place(Uint8Array.of(1, 2, 3))).toBe(first);
    expect(client.received(first, 3)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('has a mapping once', async () => {
    const { client } = await setUp();
    expect(() => client.owner.map(4096)).toThrow(/once/);
    client.owner.unmap();
    expect(() => client.owner.map(4096)).toThrow(/once/);
  });

  test('ends where it ends', async () => {
    const { client } = await setUp();
    const { owner } = client;
    const start = owner.place(new Uint8Array());
    expect(owner.bytesAt(start - 1, 1).length).toBe(0);
    expect(owner.bytesAt(start + 64 * 1024 - 2, 8).length).toBe(2);
    const mapping = owner.mapping()?.address ?? 0;
    expect(owner.bytesAt(mapping + 64 * 1024 - 2, 8).length).toBe(2);
    const area = { bytes: Uint8Array.of(9), view: new DataView(new ArrayBuffer(1)), address: 0 };
    expect(owner.write(20, mapping, area, 0, 1)).toBe(0);
  });
});
