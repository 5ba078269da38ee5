import { expect, test } from 'vitest';
import { formatStream } from '../../test/support/format-stream.ts';
import {
  BC_ENTER_LOOPER,
  BC_REPLY,
  BC_TRANSACTION,
  BINDER_SET_CONTEXT_MGR,
  BINDER_WRITE_READ,
} from '../abi/binder.ts';
import { encodeCommands } from '../abi/commands.ts';
import { writeRead } from '../abi/structs.ts';
import { RawLocalDriver } from '../binder/connections/local.ts';
import { PARKED } from './ports.ts';

test('a quiet reply lets the thread sleep at once; one that fails is told', async () => {
  const driver = new RawLocalDriver();
  const server = driver.connect({ pid: 1 });
  server.map(4096);
  const looper = server.thread(10);
  await looper.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
  await looper.writeRead(encodeCommands([[BC_ENTER_LOOPER]]), 0);
  const client = driver.connect({ pid: 2 });
  client.map(4096);
  const caller = client.thread(20);
  /** Replies, and reads on. @returns what the driver says */
  const reply = (quietReplies: boolean): [result: number, read: number] => {
    const commands = encodeCommands([[BC_REPLY]]);
    const argument = writeRead.bytes({
      writeSize: commands.length,
      writeBuffer: server.place(commands),
      readSize: 256,
      readBuffer: server.place(new Uint8Array(256)),
    });
    const view = new DataView(argument.buffer);
    const who = { thread: 10, euid: 0, request: 0, nonBlocking: false, quietReplies };
    const result = server.process.ioctl(who, BINDER_WRITE_READ, view, 0);
    return [result, result === PARKED ? 0 : view.getUint32(32, true)];
  };
  const call = async (): Promise<void> => {
    await caller.writeRead(encodeCommands([[BC_TRANSACTION]]), 0);
    await looper.writeRead(new Uint8Array(), 256);
  };

  await call();
  expect(reply(false)).toEqual([0, 8]); // BR_NOOP, BR_TRANSACTION_COMPLETE
  expect(formatStream((await caller.writeRead(new Uint8Array(), 256)).commands)).toBe('NOOP TC REPLY');

  await call();
  expect(reply(true)).toEqual([PARKED, 0]);
  expect(formatStream((await caller.writeRead(new Uint8Array(), 256)).commands)).toBe('NOOP TC REPLY');

  server.process.leave(server.process.threads.get(10)!, 4);
  expect(reply(true)).toEqual([0, 8]); // there is nothing to reply to: BR_NOOP, BR_FAILED_REPLY
  expect(driver.stats.transactionComplete.active).toBe(0);
});
