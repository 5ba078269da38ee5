import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type CallMessage,
  type CallOptions,
  type Connection,
  type ConnectionMessage,
  type DeathMessage,
  defineInterface,
  linkToDeath,
  ping,
  type Ref,
  SecurityError,
  type ServeMessage,
} from '../runtime/index.ts';
import { LocalDriver } from './local-driver.ts';

interface IBell {
  ring(times: number, options?: CallOptions): Promise<number>;
  tell(text: string, options?: CallOptions): Promise<void>;
}
const IBell = defineInterface<IBell>('test.IBell', {
  format: 1,
  methods: {
    ring: { code: 1, args: [['times', 'int']], returns: 'int' },
    tell: { code: 2, oneway: true, args: [['text', 'String']] },
  },
});

let driver: LocalDriver;
let server: Connection;
let client: Connection;
let bell: Ref<IBell>;
beforeEach(async () => {
  driver = new LocalDriver();
  server = driver.connect({ uid: 1000, pid: 11 });
  client = driver.connect({ uid: 2000, pid: 22 });
  const object = IBell.implement({
    ring(times) {
      if (times < 0) throw new SecurityError('no');
      return times === 0 ? 0 : Promise.resolve(times);
    },
    tell: () => {},
  });
  await server.becomeContextManager(object);
  bell = IBell.fromBinder(client.contextManager());
});
afterEach(() => driver.close());

/** The events of a tracing channel while `body` runs. */
async function traced<Message extends object>(
  name: string,
  body: () => Promise<unknown>,
): Promise<[event: string, message: Message][]> {
  const events: [string, Message][] = [];
  const channel = tracingChannel<Message, Message>(name);
  const heard = (event: string) => (message: unknown) => void events.push([event, message as Message]);
  const subscribers = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => [event, heard(event)]),
  ) as unknown as Parameters<typeof channel.subscribe>[0];
  channel.subscribe(subscribers);
  try {
    await body().catch(() => {});
  } finally {
    channel.unsubscribe(subscribers);
  }
  return events;
}

const names = (events: [string, unknown][]): string => events.map(([event]) => event).join(' ');

test('ubinder:call tells of calls: where they go and what comes of them', async () => {
  const good = await traced<CallMessage>('ubinder:call', () => bell.ring(3));
  expect(names(good)).toBe('start end asyncStart asyncEnd');
  const message = good[0]![1];
  expect(message).toMatchObject({ method: 'test.IBell.ring', handle: 0, oneway: false, result: 3 });
  expect(message.connection).toBe(client);
  expect(good.every(([, same]) => same === message)).toBe(true);

  const bad = await traced<CallMessage>('ubinder:call', () => bell.ring(-1));
  expect(names(bad)).toBe('start end error asyncStart asyncEnd');
  expect(bad[0]![1].error).toMatchObject({ code: 'SECURITY' });

  const oneway = await traced<CallMessage>('ubinder:call', () => bell.tell('x'));
  expect(oneway[0]![1]).toMatchObject({ method: 'test.IBell.tell', oneway: true });
  const standard = await traced<CallMessage>('ubinder:call', () => ping(bell));
  expect(standard[0]![1].method).toMatch(/ping/i);
  const own = await traced<CallMessage>('ubinder:call', () =>
    IBell.fromBinder(server.contextManager()).ring(1),
  );
  expect(own[0]![1]).toMatchObject({ handle: null, connection: null });
});

test('ubinder:serve tells of calls to us: who makes them, and whether the handler failed', async () => {
  const soon = await traced<ServeMessage>('ubinder:serve', () => bell.ring(0));
  expect(names(soon)).toBe('start end');
  expect(soon[0]![1]).toMatchObject({ method: 'test.IBell.ring', call: { pid: 22, uid: 2000 } });
  expect(soon[0]![1].connection).toBe(server);
  expect(names(await traced('ubinder:serve', () => bell.ring(1)))).toBe('start end asyncStart asyncEnd');
  const bad = await traced<ServeMessage>('ubinder:serve', () => bell.ring(-1));
  expect(names(bad)).toBe('start error end');
  expect(bad[0]![1].error).toBeInstanceOf(SecurityError);
  const unknown = await traced<ServeMessage>('ubinder:serve', () => ping(bell));
  expect(unknown[0]![1].method).toMatch(/^test\.IBell\.\d+$/);
});

test('connections and deaths are told of', async () => {
  const heard: [string, unknown][] = [];
  const listeners = ['open', 'close', 'death'].map((name) => {
    const listener = (message: unknown) => void heard.push([name, message]);
    subscribe(`ubinder:${name}`, listener);
    return () => unsubscribe(`ubinder:${name}`, listener);
  });
  const third = driver.connect();
  await ping(bell);
  linkToDeath(bell, () => {});
  await new Promise((resolve) => void setImmediate(resolve)); // the driver knows of the link
  expect(heard).toEqual([['open', { connection: third } satisfies ConnectionMessage]]);
  server.close();
  await vi.waitUntil(() => heard.length === 3);
  expect(heard[1]).toEqual(['close', { connection: server }]);
  expect(heard[2]).toEqual(['death', { handle: 0, connection: client } satisfies DeathMessage]);
  for (const stop of listeners) stop();
});
