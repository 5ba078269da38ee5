import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  type Call,
  type CallContext,
  type CallOptions,
  type Connection,
  callingIdentity,
  defineInterface,
  detached,
  type InterfaceType,
  type Ref,
  setCallContext,
} from '../runtime/index.ts';
import { LocalDriver } from './local-driver.ts';

interface IWho {
  ask(question: string, options?: CallOptions): Promise<string>;
  back(whom: Ref<IWho>, options?: CallOptions): Promise<string>;
  tell(text: string, options?: CallOptions): Promise<void>;
}
const IWho: InterfaceType<IWho> = defineInterface<IWho>('test.IWho', {
  format: 1,
  methods: {
    ask: { code: 1, args: [['question', 'String']], returns: 'String' },
    back: { code: 2, args: [['whom', () => IWho]], returns: 'String' },
    tell: { code: 3, oneway: true, args: [['text', 'String']] },
  },
});
type Handlers = Parameters<typeof IWho.implement>[0];

/** As `connect` has it: what is served lasts through awaits. */
const storage = new AsyncLocalStorage<Call | null>();
const lasting: CallContext = {
  run: (call, body) => storage.run(call, body),
  current: () => storage.getStore() ?? null,
};
beforeAll(() => setCallContext(lasting));
afterAll(() => setCallContext({ run: (_call, body) => body(), current: () => null }));

let driver: LocalDriver;
let server: Connection;
let client: Connection;
beforeEach(() => {
  driver = new LocalDriver();
  server = driver.connect({ uid: 1000, pid: 11 });
  client = driver.connect({ uid: 2000, pid: 22, maxCallers: 1 });
});
afterEach(() => driver.close());

async function serve(handlers: Partial<Handlers>): Promise<Ref<IWho>> {
  await server.becomeContextManager(IWho.implement(handlers as Handlers));
  return IWho.fromBinder(client.contextManager());
}

const uid = (): string => `${callingIdentity()?.uid ?? 'nobody'}`;
const pause = () => new Promise((resolve) => void setImmediate(resolve));

test('who calls is known to all that a handler calls, through awaits; outside, nobody calls', async () => {
  const who = await serve({
    async ask() {
      const before = uid();
      await pause();
      return `${before} ${uid()}`;
    },
  });
  expect(callingIdentity()).toBeNull();
  expect(await who.ask('')).toBe('2000 2000');
  expect(callingIdentity()).toBeNull();
});

test('detached acts in the own name, and what comes after it in the caller’s again', async () => {
  const who = await serve({
    ask: async () => `${uid()} ${await detached(() => pause().then(uid))} ${uid()}`,
  });
  expect(await who.ask('')).toBe('2000 nobody 2000');
});

test('a call made by a handler of its own process is in that process’s name, and the outer one’s after it', async () => {
  const inner = IWho.implement({ ask: () => uid() } as unknown as Handlers);
  const who = await serve({ ask: async () => `${uid()} ${await inner.ask('')} ${uid()}` });
  expect(await who.ask('')).toMatch(/^2000 (?!2000)\d+ 2000$/);
});

test('what outlasts the call cannot act for its caller', async () => {
  let later: Promise<unknown> = Promise.resolve();
  const who = await serve({
    ask() {
      later = new Promise((resolve) => void setTimeout(resolve, 20)).then(callingIdentity);
      later.catch(() => {});
      return '';
    },
    tell() {
      later = new Promise((resolve) => void setTimeout(resolve, 20)).then(callingIdentity);
      later.catch(() => {});
    },
  });
  await who.ask('');
  await expect(later).rejects.toMatchObject({ code: 'INVALID_OPERATION' });
  later = Promise.resolve();
  await who.tell('');
  await pause();
  await expect(later).rejects.toMatchObject({ code: 'INVALID_OPERATION' });
});

test('a call through an object of the own process comes home to the thread that waits', async () => {
  // Without threads for calls, besides the one that begins.
  server = driver.connect({ uid: 1000, maxCallers: 0 });
  const inner = IWho.implement({ back: (whom: Ref<IWho>) => whom.ask('home') } as unknown as Handlers);
  const who = await serve({ back: (whom) => inner.back(whom) });
  const own = IWho.implement({ ask: (text: string) => `${text}, uid ${uid()}` } as unknown as Handlers);
  expect(await who.back(own)).toBe('home, uid 1000');
});
