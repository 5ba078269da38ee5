import { expect, test } from 'vitest';
import { BINDER_SET_CONTEXT_MGR, FLAT_BINDER_FLAG_ACCEPTS_FDS, TF_ACCEPT_FDS } from '../../src/abi/binder.ts';
import { EPERM } from '../../src/abi/errno.ts';
import type { LocalHost } from '../../src/binder/connections/local.ts';
import type { SecurityPolicy } from '../../src/driver/ports.ts';
import { CALLED, COOKIE, NODE, pair } from '../scenarios/setup.ts';
import { Actor } from '../support/actor.ts';
import {
  bytes,
  call,
  descriptor,
  freeBuffer,
  oneway,
  reply,
  strongBinder,
  strongHandle,
} from '../support/commands.ts';
import { LocalWorld } from '../support/local-world.ts';

// Where the driver asks whether something may happen, and what a refusal looks like to those concerned.

const ALLOWING: SecurityPolicy = {
  mayManage: () => true,
  mayCall: () => true,
  mayTransferBinder: () => true,
  mayTransferFile: () => true,
};

/** What `body` does in a world whose policy it can change with `refuse`. */
async function withWorld(
  body: (world: LocalWorld, refuse: (changes: Partial<SecurityPolicy>) => void) => Promise<void>,
): Promise<void> {
  const world = new LocalWorld();
  const host = world.driver.host as LocalHost;
  await body(world, (changes) => {
    host.policy = { ...ALLOWING, ...changes };
  });
  await world.close();
}

test('a process that may not be context manager', async () => {
  await withWorld(async (world, refuse) => {
    refuse({ mayManage: ({ pid }) => pid !== 1000 });
    const refused = await Actor.open(world, 'a');
    const argument = new Uint8Array(4);
    expect(await refused.thread.ioctl(BINDER_SET_CONTEXT_MGR, argument)).toBe(EPERM);
    const allowed = await Actor.open(world, 'b', { euid: 5 });
    expect(
      await allowed.thread.ioctl(BINDER_SET_CONTEXT_MGR, argument),
      'the refused one is not remembered',
    ).toBe(0);
  });
});

test('a call that is refused', async () => {
  await withWorld(async (world, refuse) => {
    const { server, client, handle } = await pair(world);
    const asked: number[][] = [];
    refuse({
      mayCall(from, to) {
        asked.push([from.pid, to.pid]);
        return false;
      },
    });
    await client.write(call(handle, { parts: [bytes(8)] }));
    await client.read('NOOP FAILED_REPLY');
    await client.expectError('FAILED_REPLY -EPERM');
    await client.write(oneway(handle));
    await client.read('NOOP FAILED_REPLY');
    expect(asked).toEqual(Array(2).fill([client.peer.pid, server.peer.pid]));
    await server.readNothing();
  });
});

test('a reply is not a call, but its objects are transferred', async () => {
  await withWorld(async (world, refuse) => {
    const { server, client, handle } = await pair(world);
    await client.write(call(handle));
    const { buffer } = await (await server.read(`NOOP ${CALLED}`)).message();
    refuse({ mayCall: () => false, mayTransferBinder: (from) => from.pid !== server.peer.pid });
    await server.write(freeBuffer(buffer), reply({ parts: [strongBinder(NODE, COOKIE)] }));
    await server.read('NOOP TC');
    await client.read('NOOP TC FAILED_REPLY');
    await client.expectError('FAILED_REPLY -EPERM');
  });
});

test.each([
  ['a node', () => strongBinder(0x30, 0x40)],
  ['a handle', (handle: number) => strongHandle(handle)],
])('%s that may not be transferred leaves no count behind', async (_what, object) => {
  await withWorld(async (world, refuse) => {
    const { server, client, handle } = await pair(world);
    refuse({ mayTransferBinder: () => false });
    await client.write(call(handle, { parts: [object(handle)] }));
    await client.read('NOOP FAILED_REPLY');
    await client.expectError('FAILED_REPLY -EPERM');
    await server.readNothing();
  });
});

test('what is wrong with an object is told before what is forbidden', async () => {
  await withWorld(async (world, refuse) => {
    const { client, handle } = await pair(world);
    refuse({ mayTransferBinder: () => false, mayTransferFile: () => false });
    await client.write(call(handle, { parts: [strongHandle(99)] }));
    await client.read('NOOP FAILED_REPLY');
    await client.expectError('FAILED_REPLY -EINVAL');
  });
});

test('a file that may not be transferred is let go', async () => {
  await withWorld(async (world, refuse) => {
    const { server, client, handle } = await pair(world, { flags: FLAT_BINDER_FLAG_ACCEPTS_FDS });
    const fd = await client.peer.openFile('letter');
    const letter = call(handle, { flags: TF_ACCEPT_FDS, parts: [descriptor(fd)] });
    refuse({ mayTransferFile: () => false });
    await client.write(letter);
    await client.read('NOOP FAILED_REPLY');
    await client.expectError('FAILED_REPLY -EPERM');
    await client.write(call(handle, { parts: [descriptor(77)] }));
    await client.read('NOOP FAILED_REPLY');
    await client.expectError('FAILED_REPLY -EBADF');
    await client.peer.closeFile(fd);
    expect(world.openFiles).toBe(0);
    await server.readNothing();
  });
});
