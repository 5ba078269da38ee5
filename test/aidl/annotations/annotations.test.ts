// What annotations, and what interfaces that have grown, mean for generated code in use.

import { LocalDriver } from 'ubinder/local';
import type { Connection, ImplementOptions, Ref } from 'ubinder/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IGuarded } from './generated/p/IGuarded.ts';
import { IShop } from './generated/p/IShop.ts';
import { IShopV1 } from './generated/p/IShopV1.ts';

let driver: LocalDriver;
let server: Connection;
let client: Connection;

beforeEach(() => {
  driver = new LocalDriver();
  server = driver.connect({ uid: 1000 });
  client = driver.connect({ uid: 10_001 });
});
afterEach(() => driver.close());

async function guarded(options: ImplementOptions = {}): Promise<Ref<IGuarded>> {
  const handlers = { one: () => '1', any: () => 'any', all: () => 'all', free: (text: string) => text };
  await server.becomeContextManager(IGuarded.implement(handlers, options));
  return IGuarded.fromBinder(client.contextManager());
}

describe('@EnforcePermission', () => {
  const INTERNET = 'android.permission.INTERNET';
  const OWN = 'com.example.OWN';

  it.each([
    { granted: [], may: '' },
    { granted: [INTERNET], may: '1 any' },
    { granted: [OWN], may: 'any' },
    { granted: [INTERNET, OWN], may: '1 any all' },
  ])('lets those with $granted call: $may', async ({ granted, may }) => {
    const asked = new Set<number>();
    const remote = await guarded({
      async checkPermission(permission, { uid }) {
        asked.add(uid);
        return granted.includes(permission);
      },
    });
    const answers = [remote.one(remote), remote.any(), remote.all()];
    const told = await Promise.all(answers.map((answer) => answer.catch((error) => error.code)));
    expect(told.filter((answer) => answer !== 'SECURITY').join(' ')).toBe(may);
    expect([...asked]).toEqual([10_001]);
    expect(await remote.free('free')).toBe('free');
  });

  it('lets nobody call where nobody decides', async () => {
    const remote = await guarded();
    await expect(remote.any()).rejects.toMatchObject({ code: 'SECURITY' });
  });

  it('of a refused call keeps nothing', async () => {
    const remote = await guarded({ checkPermission: () => false });
    for (let i = 0; i < 5; i++) {
      using token = IShop.implement({ price: () => 1, stock: () => 1, order: () => {} });
      await expect(remote.one(token)).rejects.toMatchObject({ code: 'SECURITY' });
    }
    // What is left is the service, and the client's reference to it
    await expect.poll(() => driver.alive).toMatchObject({ nodes: 1, refs: 1, buffers: 0 });
  });
});

describe('@SensitiveData', () => {
  it('clears the buffers of calls and replies', async () => {
    const remote = await guarded();
    const seen: { side: Connection; address: number; size: number }[] = [];
    for (const side of [server, client]) {
      const { carrier } = side;
      const view = carrier.view.bind(carrier);
      carrier.view = (address, size) => {
        seen.push({ side, address, size });
        return view(address, size);
      };
    }
    const secret = 'the secret';
    expect(await remote.free(secret)).toBe(secret);
    const buffers = seen.filter(({ size }) => size >= 2 * secret.length);
    expect(new Set(buffers.map(({ side }) => side)).size).toBe(2);
    await expect
      .poll(() => buffers.some(({ side, address, size }) => side.carrier.view(address, size).some(Boolean)))
      .toBe(false);
  });
});

describe('a default implementation', () => {
  afterEach(() => IShop.setDefault(null));

  it('answers what an older service does not know', async () => {
    await server.becomeContextManager(IShopV1.implement({ price: (thing) => thing.length }));
    const shop = IShop.fromBinder(client.contextManager());
    await expect(shop.stock('tea')).rejects.toMatchObject({ code: 'UNKNOWN_TRANSACTION' });
    IShop.setDefault({ stock: (thing) => -thing.length, price: () => 0 });
    expect(await shop.stock('tea')).toBe(-3);
    expect(await shop.price('tea')).toBe(3);
    await shop.order('tea');
  });

  it('is not asked for other errors', async () => {
    const shopkeeper = IShopV1.implement({
      price() {
        throw new Error('closed');
      },
    });
    await server.becomeContextManager(shopkeeper);
    IShop.setDefault({ price: () => 0 });
    const shop = IShop.fromBinder(client.contextManager());
    await expect(shop.price('tea')).rejects.toThrow('closed');
  });
});
