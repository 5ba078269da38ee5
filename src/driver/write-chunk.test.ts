import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BC_FREE_BUFFER,
  BC_TRANSACTION,
  BINDER_SET_CONTEXT_MGR,
  BINDER_TYPE_BINDER,
  TF_CLEAR_BUF,
  TF_ONE_WAY,
} from '../abi/binder.ts';
import { encodeCommands } from '../abi/commands.ts';
import { flatBinderObject } from '../abi/structs.ts';
import { LocalProcess, type LocalThread, RawLocalDriver } from '../binder/connections/local.ts';
import type { Area } from '../page/area.ts';
import type { ScatterList } from '../page/scatter-list.ts';
import { Context } from './context.ts';
import { WRITE_CHUNK } from './limits.ts';
import type { ThreadId } from './ports.ts';

// Data that was fetched along with the commands is what would have been fetched afterwards.

/** Bytes of the sender's memory; what is beyond faults. */
const HEAP = 16_384;
const COMMANDS = 512;

/** Counts how often the driver reads its memory. */
class Sender extends LocalProcess {
  copies = 0;
  override read(thread: ThreadId, address: number, into: Area, at: number, length: number): number {
    this.copies++;
    return super.read(thread, address, into, at, length);
  }
  override readv(thread: ThreadId, from: ScatterList, into: Area, to: ScatterList): number {
    const before = this.copies;
    const copied = super.readv(thread, from, into, to);
    this.copies = before + 1;
    return copied;
  }
}

async function begin(): Promise<{ sender: Sender; from: LocalThread; to: LocalThread; data: number }> {
  const driver = new RawLocalDriver();
  const context = new Context('binder');
  const manager = new LocalProcess(driver, context, { pid: 1 });
  manager.map(1024 * 1024);
  const to = manager.thread(1);
  await to.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  const sender = new Sender(driver, context, { pid: 2, heapSize: HEAP });
  sender.map(4096);
  const data = sender.place(new Uint8Array(0)) + COMMANDS;
  return { sender, from: sender.thread(2), to, data };
}

const call = (buffer: number, dataSize: number): Uint8Array =>
  encodeCommands([[BC_TRANSACTION, { flags: TF_ONE_WAY, buffer, dataSize }]]);

/** The transaction that comes next, after whatever else there is to read. */
async function receive(thread: LocalThread): Promise<{ buffer: number; dataSize: number }> {
  for (;;) {
    const { commands } = await thread.writeRead(new Uint8Array(), 256);
    const found = commands.find(({ name }) => name === 'BR_TRANSACTION');
    if (found) return found as unknown as { buffer: number; dataSize: number };
  }
}

/** @returns what arrived, `null` when the call failed. */
async function send(from: LocalThread, to: LocalThread, commands: Uint8Array): Promise<Uint8Array | null> {
  from.reset();
  const { commands: said } = await from.writeRead(commands, 256);
  if (said.at(-1)?.name === 'BR_FAILED_REPLY') return null;
  const { buffer, dataSize } = await receive(to);
  const bytes = to.received(buffer, dataSize);
  await to.writeRead(encodeCommands([[BC_FREE_BUFFER, { buffer }]]), 0);
  to.reset();
  return bytes;
}

describe('data that a thread sends again and again from the same place', () => {
  test('comes with the commands from the third call on, as it is then', async () => {
    const { sender, from, to, data } = await begin();
    const counts: number[] = [];
    for (let i = 1; i <= 4; i++) {
      sender.bytesAt(data, 256).fill(i);
      const before = sender.copies;
      expect(await send(from, to, call(data, 256))).toEqual(new Uint8Array(256).fill(i));
      counts.push(sender.copies - before);
    }
    expect(counts).toEqual([2, 2, 1, 1]);
  });

  test('is the same for every sequence of places and sizes', async () => {
    const { sender, from, to, data } = await begin();
    const step = fc.record({
      address: fc.constantFrom(data, data + 8, data + 4096, data + HEAP - COMMANDS - 256),
      size: fc.constantFrom(8, 64, 256, 264, WRITE_CHUNK, WRITE_CHUNK + 8),
      fill: fc.nat(255),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
        for (const { address, size, fill } of steps) {
          const there = sender.bytesAt(address, size);
          there.fill(fill);
          const arrived = await send(from, to, call(address, size));
          expect(arrived).toEqual(there.length < size ? null : new Uint8Array(size).fill(fill));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('is not what it was before a command of the same buffer cleared it', async () => {
    const { from, to } = await begin();
    const object = flatBinderObject.bytes({ type: BINDER_TYPE_BINDER, binder: 1 });
    const node = {
      dataSize: 24,
      buffer: from.place(object),
      offsetsSize: 8,
      offsets: from.place(new Uint8Array(8)),
    };
    await from.writeRead(encodeCommands([[BC_TRANSACTION, { flags: TF_ONE_WAY, ...node }]]), 0);
    const { buffer: held } = await receive(to);
    const { handle } = flatBinderObject.decode(new DataView(to.received(held, 24).buffer));
    const data = { dataSize: 64, buffer: to.place(new Uint8Array(64).fill(7)) };
    const flags = TF_ONE_WAY | TF_CLEAR_BUF;
    await to.writeRead(encodeCommands([[BC_TRANSACTION, { targetHandle: handle, flags, ...data }]]), 0);
    const { buffer } = await receive(from);
    await to.writeRead(encodeCommands([[BC_FREE_BUFFER, { buffer: held }]]), 0);
    // What it has received it sends on, from where it lies.
    for (let i = 0; i < 3; i++)
      expect(await send(from, to, call(buffer, 64))).toEqual(new Uint8Array(64).fill(7));
    const freed = encodeCommands([
      [BC_FREE_BUFFER, { buffer }],
      [BC_TRANSACTION, { flags: TF_ONE_WAY, buffer, dataSize: 64 }],
    ]);
    expect(await send(from, to, freed)).toEqual(new Uint8Array(64));
  });
});
