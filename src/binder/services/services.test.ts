import { afterEach, beforeEach, expect, test } from 'vitest';
import { LocalDriver } from '../connections/local-driver.ts';
import { type AndroidVersion, variantOf } from '../parcel/variant.ts';
import { type CallOptions, release } from '../runtime/binder.ts';
import type { Connection } from '../runtime/connection.ts';
import { defineInterface } from '../runtime/interface.ts';
import { ServiceManager, type ServiceManagerOptions } from '../servicemanager/index.ts';
import { Services } from './services.ts';

interface IName {
  name(options?: CallOptions): Promise<string>;
}
const IName = defineInterface<IName>('test.IName', {
  format: 1,
  methods: { name: { code: 1, returns: 'String' } },
});

let driver: LocalDriver;

beforeEach(() => {
  driver = new LocalDriver();
});
afterEach(() => driver.close());

const connect = (android: AndroidVersion = 16): Connection => driver.connect({ variant: variantOf(android) });

async function manage(connection: Connection, options: ServiceManagerOptions = {}): Promise<void> {
  await ServiceManager.serve(connection, options);
}

test.each([11, 15, 16] as const)('services are added, found and listed (Android %i)', async (android) => {
  await manage(connect(android), { android, declared: [{ name: 'declared' }] });
  const server = new Services(connect(android));
  using object = IName.implement({ name: () => 'one' });
  await server.add('b', object);
  await server.add('a', object);
  const client = new Services(connect(android));
  expect(await client.list()).toEqual(['a', 'b', 'manager']);
  using found = await client.get(IName, 'a');
  expect(await found.name()).toBe('one');
  expect(await client.check(IName, 'c')).toBe(null);
  expect(await client.isDeclared('declared')).toBe(true);
  await expect(server.add('', object)).rejects.toMatchObject({ code: 'ILLEGAL_ARGUMENT' });
});

test('add waits for the manager', async () => {
  using object = IName.implement({ name: () => 'early' });
  const server = new Services(connect());
  const added = server.add('early', object);
  await expect(server.add('given up', object, { signal: AbortSignal.timeout(30) })).rejects.toMatchObject({
    name: 'TimeoutError',
  });
  await manage(connect());
  await added;
  expect(await server.list()).toEqual(['early', 'manager']);
});

test('get waits for the service, and for the manager', async () => {
  const client = new Services(connect());
  await expect(client.check(IName, 'late')).rejects.toMatchObject({ code: 'DEAD_OBJECT' });
  const got = client.get(IName, 'late');
  const manager = connect();
  await manage(manager);
  const server = connect();
  using object = IName.implement({ name: () => 'late' });
  const waiting = new Services(connect()).get(IName, 'late');
  await new Promise((resolve) => setTimeout(resolve, 30));
  await new Services(server).add('late', object);
  for (const ref of [await got, await waiting]) {
    expect(await ref.name()).toBe('late');
    release(ref);
  }
});

test('get gives up when it is told to', async () => {
  await manage(connect());
  const client = new Services(connect());
  const controller = new AbortController();
  const got = client.get(IName, 'never', { signal: controller.signal });
  await new Promise((resolve) => setTimeout(resolve, 10));
  controller.abort(new Error('enough'));
  await expect(got).rejects.toThrow('enough');
  await expect(client.get(IName, 'never', { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow(
    'no',
  );
});

test('watch goes on with the next service after a death', async () => {
  await manage(connect());
  const client = new Services(connect());
  const serve = async (name: string): Promise<Connection> => {
    const server = connect();
    await new Services(server).add('service', IName.implement({ name: () => name }));
    return server;
  };
  let server = await serve('first');
  const names: string[] = [];
  for await (const ref of client.watch(IName, 'service')) {
    names.push(await ref.name());
    release(ref);
    if (names.length === 3) break;
    server.close();
    void serve(`after ${names.length}`).then((next) => {
      server = next;
    });
  }
  expect(names).toEqual(['first', 'after 1', 'after 2']);
});

test('get starts a service that is declared, and asks again when that came to nothing', async () => {
  let asked = 0;
  await manage(connect(), {
    declared: [{ name: 'lazy' }],
    start(name) {
      asked++;
      if (asked === 2) void new Services(connect()).add(name, IName.implement({ name: () => name }));
    },
  });
  const client = new Services(connect());
  expect(await client.check(IName, 'lazy')).toBe(null);
  expect(asked).toBe(0);
  using found = await client.get(IName, 'lazy');
  expect(await found.name()).toBe('lazy');
});
