import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BINDER_FREEZE } from '../../abi/binder.ts';
import { freezeInfo } from '../../abi/structs.ts';
import {
  asBinder,
  type Call,
  type CallOptions,
  type Connection,
  DeadObjectError,
  deathOf,
  defineInterface,
  descriptorOf,
  dump,
  dup,
  extensionOf,
  type FileDescriptor,
  type IBinder,
  interfaceHash,
  interfaceVersion,
  linkToDeath,
  linkToFrozenState,
  localOf,
  ping,
  type Ref,
  release,
  SecurityError,
  ServiceSpecificError,
  transactSync,
} from '../runtime/index.ts';
import { IListener } from './listener.test-support.ts';
import { LocalDriver } from './local-driver.ts';

interface IChat {
  say(text: string, options?: CallOptions): Promise<string>;
  join(listener: Ref<IListener> | null, options?: CallOptions): Promise<number>;
  tell(text: string, options?: CallOptions): Promise<void>;
  give(options?: CallOptions): Promise<IBinder & Disposable>;
  file(file: FileDescriptor, options?: CallOptions): Promise<FileDescriptor>;
}
const IChat = defineInterface<IChat>('test.IChat', {
  format: 1,
  version: 3,
  hash: 'abc',
  methods: {
    say: { code: 1, args: [['text', 'String']], returns: 'String' },
    join: { code: 2, args: [['listener', { nullable: () => IListener }]], returns: 'int' },
    tell: { code: 3, oneway: true, args: [['text', 'String']] },
    give: { code: 4, returns: 'IBinder' },
    file: { code: 5, args: [['file', 'FileDescriptor']], returns: 'FileDescriptor' },
  },
});

/** A file of which is known how many descriptors there are. */
class CountedFile implements FileDescriptor {
  static open = 0;
  readonly content: string;
  #isOpen = true;

  constructor(content: string) {
    this.content = content;
    CountedFile.open++;
  }

  dup(): CountedFile {
    if (!this.#isOpen) throw new Error('closed');
    return new CountedFile(this.content);
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) CountedFile.open--;
    this.#isOpen = false;
  }
}

let driver: LocalDriver;
let userErrors: string[];
let server: Connection;
let client: Connection;

beforeEach(() => {
  userErrors = [];
  driver = new LocalDriver({ onUserError: (message) => userErrors.push(message) });
  server = driver.connect({ uid: 1000, pid: 11 });
  client = driver.connect({ uid: 2000, pid: 22 });
});

afterEach(() => {
  driver.close();
  expect(driver.alive).toEqual({ processes: 0, threads: 0, nodes: 0, refs: 0, buffers: 0, deaths: 0 });
  expect(userErrors).toEqual([]);
});

/** Lets everything happen that is on its way. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

type Handlers = Parameters<typeof IChat.implement>[0];

/** Makes an object with these handlers the manager. @returns a reference of the client's */
async function serve(
  handlers: Partial<Handlers>,
  options?: Parameters<typeof IChat.implement>[1],
): Promise<Ref<IChat>> {
  await server.becomeContextManager(IChat.implement(handlers as Handlers, options));
  return IChat.fromBinder(client.contextManager());
}

describe('a call', () => {
  test('reaches the handler with who calls, and its result comes back', async () => {
    let seen: Call | undefined;
    const chat = await serve({
      say(text, call) {
        seen = call;
        return `${text}!`;
      },
    });
    expect(await chat.say('hello')).toBe('hello!');
    expect(seen).toMatchObject({ pid: 22, uid: 2000, sid: null, oneway: false });
  });

  test('cannot be waited for on the event loop, which the driver needs', async () => {
    const chat = await serve({ say: (text) => text });
    expect(() => transactSync(chat, 'say', 'hello')).toThrow(
      expect.objectContaining({ code: 'INVALID_OPERATION' }),
    );
    expect(await chat.say('hello')).toBe('hello');
  });

  test('may be one of many: each is answered when its handler settles, in whatever order', async () => {
    const waiting: ((value: string) => void)[] = [];
    const chat = await serve({ say: () => new Promise((resolve) => waiting.push(resolve)) });
    const calls = Array.from({ length: 100 }, (_, i) => chat.say(`${i}`));
    await vi.waitUntil(() => waiting.length === 100);
    waiting.reverse().forEach((resolve, i) => void resolve(`answer ${i}`));
    expect((await Promise.all(calls))[0]).toMatch(/^answer /);
    expect(new Set(await Promise.all(calls)).size).toBe(100);
  });

  test('made by a handler comes home to the thread that waits', async () => {
    // Without threads for calls, besides the one that begins.
    server = driver.connect({ maxCallers: 0 });
    client = driver.connect({ maxCallers: 1 });
    const chat = await serve({
      async join(listener, call) {
        const answer = await (listener as Ref<IListener>).asked('name', { inside: call });
        release(listener as object);
        return answer.length;
      },
    });
    const ears = IListener.implement({
      heard: () => {},
      // And back again: the server has no listener then.
      asked: async (text, call) => {
        await expect(chat.join(null, { inside: call })).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
        return `${text}: me`;
      },
    });
    expect(await chat.join(ears)).toBe('name: me'.length);
  });

  test('made by a handler on another connection has a thread of that one', async () => {
    using other = driver.connect();
    const chat = await serve({
      // Handle 0 of both is this object: asking is harmless, and would fail on the thread that serves.
      say: async (text) =>
        text === 'once more' ? IChat.fromBinder(other.contextManager()).say('done') : text,
    });
    expect(await chat.say('once more')).toBe('done');
  });

  test('is sent without a thread of its own when there are too many, and goes on later', async () => {
    using few = driver.connect({ maxCallers: 2 });
    const waiting: (() => void)[] = [];
    const chat = await serve({ say: (text) => new Promise((r) => waiting.push(() => r(text))) });
    const same = IChat.fromBinder(few.contextManager());
    const calls = ['a', 'b', 'c', 'd'].map((text) => same.say(text));
    await quiet();
    expect(waiting.length).toBe(2);
    waiting.splice(0).forEach((go) => void go());
    await vi.waitUntil(() => waiting.length === 2);
    waiting.splice(0).forEach((go) => void go());
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c', 'd']);
    release(chat);
  });

  test('of an object of its own tells the own process, and is asynchronous too', async () => {
    let seen: Call | undefined;
    const own = IChat.implement({
      say(text: string, call: Call) {
        seen = call;
        return text;
      },
    } as unknown as Handlers);
    expect(await own.say('me')).toBe('me');
    expect(seen).toMatchObject({ pid: process.pid, uid: process.geteuid?.() ?? 0 });
    await server.becomeContextManager(own);
    expect(await own.say('me')).toBe('me');
    expect(seen).toMatchObject({ pid: 11, uid: 1000 });
    expect(await IChat.fromBinder(server.contextManager()).say('manager')).toBe('manager');
  });
});

describe('a oneway call', () => {
  test('resolves when it is queued, and those on one object never overlap', async () => {
    const events: string[] = [];
    const waiting: (() => void)[] = [];
    const chat = await serve({
      tell(text) {
        events.push(text);
        return new Promise((resolve) => waiting.push(() => resolve()));
      },
    });
    await Promise.all(['a', 'b', 'c'].map((text) => chat.tell(text)));
    await quiet();
    for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      await quiet();
      expect(events).toEqual(expected);
      waiting.shift()?.();
    }
    await quiet();
  });

  test('does not tell of what its handler threw; but the connection hears of it', async () => {
    const errors: unknown[] = [];
    using other = driver.connect({ onError: (error) => errors.push(error) });
    await other.becomeContextManager(
      IChat.implement({
        tell: () => {
          throw new TypeError('mine');
        },
      } as unknown as Handlers),
    );
    const chat = IChat.fromBinder(client.contextManager());
    await chat.tell('x');
    await quiet();
    expect(errors).toEqual([new TypeError('mine')]);
  });
});

describe('errors', () => {
  test('of a handler arrive as what they are', async () => {
    const chat = await serve({
      say(text) {
        if (text === 'service') throw new ServiceSpecificError(7, 'seven');
        if (text === 'security') throw new SecurityError('not you');
        throw new TypeError('no text');
      },
    });
    await expect(chat.say('service')).rejects.toMatchObject({ code: 'SERVICE_SPECIFIC', serviceCode: 7 });
    await expect(chat.say('security')).rejects.toBeInstanceOf(SecurityError);
    await expect(chat.say('')).rejects.toMatchObject({ code: 'ILLEGAL_STATE', message: 'no text' });
    const own = IChat.fromBinder(server.contextManager());
    await expect(own.say('service')).rejects.toMatchObject({ serviceCode: 7 });
  });

  test('of an unknown method leave the server as it was', async () => {
    const chat = await serve({ say: (text) => text });
    await expect(chat.tell('x')).resolves.toBeUndefined();
    await expect(chat.give()).rejects.toMatchObject({ code: 'UNKNOWN_TRANSACTION' });
    expect(await chat.say('still there')).toBe('still there');
  });

  test('of a malformed request leave the server as it was', async () => {
    const chat = await serve({ say: (text) => text, join: () => 0 });
    const stranger = IListener.fromBinder(dup(chat) as unknown as object);
    // Another interface's token, under a code that the object knows.
    await expect(stranger.asked('x')).rejects.toMatchObject({ code: 'BAD_TYPE' });
    const remote = asBinder(chat) as unknown as { connection: Connection };
    const short = client.transact(
      remote as never,
      1,
      0,
      (data) => {
        data.writeInterfaceToken('test.IChat');
        data.writeInt32(0x7fff_ffff);
      },
      () => {},
      undefined,
      'short',
    );
    await expect(short).rejects.toMatchObject({ code: 'NOT_ENOUGH_DATA' });
    expect(await chat.say('still there')).toBe('still there');
  });

  test('in the arguments are thrown before anything is sent, and the thread can be used again', async () => {
    const chat = await serve({ say: (text) => text });
    await chat.say('first');
    await quiet();
    const { threads } = driver.alive;
    await expect(chat.say(null as unknown as string)).rejects.toMatchObject({ code: 'UNEXPECTED_NULL' });
    await expect(chat.join({} as Ref<IListener>)).rejects.toMatchObject({ code: 'BAD_VALUE' });
    expect(await chat.say('again')).toBe('again');
    expect(driver.alive.threads).toBe(threads);
  });

  test('say that there is no manager', async () => {
    const nobody = client.contextManager();
    await expect(ping(nobody)).rejects.toBeInstanceOf(DeadObjectError);
    // Counted, and watched, when there is one that answers.
    const told = vi.fn();
    linkToDeath(nobody, told);
    const chat = await serve({ say: (text) => text });
    await ping(nobody);
    await quiet();
    expect(driver.alive).toMatchObject({ refs: 1, deaths: 1 });
    release(nobody);
    server.close();
    await quiet();
    expect(told).toHaveBeenCalledTimes(1);
    // The next manager is another object.
    server = driver.connect({ uid: 1000 });
    const next = await serve({ say: (text) => `${text} again` });
    expect(asBinder(next)).not.toBe(asBinder(chat));
    expect(await next.say('here')).toBe('here again');
    release(next);
    release(chat);
    await quiet();
    expect(driver.alive).toMatchObject({ refs: 0, deaths: 0 });
  });
});

describe('an AbortSignal', () => {
  test('aborted before lets nothing be sent', async () => {
    const say = vi.fn((text: string) => text);
    const chat = await serve({ say });
    await expect(chat.say('x', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    await quiet();
    expect(say).not.toHaveBeenCalled();
  });

  test('rejects at once; what the reply brings later is given back', async () => {
    let go = (_: unknown): void => {};
    const ears = IListener.implement({ heard: () => {}, asked: (text) => text });
    const chat = await serve({
      give: () => new Promise((resolve) => (go = resolve as typeof go)),
      say: (text) => text,
    });
    const controller = new AbortController();
    const call = chat.give({ signal: controller.signal });
    await quiet();
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    go(ears);
    await quiet();
    expect(await chat.say('x')).toBe('x');
    await quiet();
    // The manager alone is known.
    expect(driver.alive).toMatchObject({ nodes: 1, refs: 1, buffers: 0 });
  });
});

describe('references', () => {
  test('come as one canonical object, each with a count of its own', async () => {
    const ears = IListener.implement({ heard: () => {}, asked: (text) => text });
    const chat = await serve({ give: () => ears as unknown as IBinder & Disposable });
    const first = await chat.give();
    const second = await chat.give();
    expect(asBinder(first)).toBe(asBinder(second));
    const typed = IListener.fromBinder(dup(second));
    release(first);
    release(first);
    release(second);
    expect(await typed.asked('here?')).toBe('here?');
    await quiet();
    expect(driver.alive).toMatchObject({ nodes: 2, refs: 2 });
    release(typed);
    await quiet();
    expect(driver.alive).toMatchObject({ nodes: 1, refs: 1, buffers: 0 });
    await expect(typed.asked('here?')).rejects.toMatchObject({ code: 'RELEASED' });
  });

  test('to an object of the receiver are the object', async () => {
    const chat = await serve({
      join(listener) {
        kept = listener as Ref<IListener>;
        return 1;
      },
      give: () => kept as unknown as IBinder & Disposable,
    });
    let kept: Ref<IListener> | undefined;
    const handlers = { heard: () => {}, asked: (text: string) => text };
    const ears = IListener.implement(handlers);
    await chat.join(ears);
    expect(localOf(await chat.give())).toBe(handlers);
    release(kept as object);
    await quiet();
    expect(driver.alive).toMatchObject({ nodes: 1, refs: 1, buffers: 0 });
  });

  test('that arrived before an argument that cannot be read are given back', async () => {
    const chat = await serve({ say: (text) => text });
    const ears = IListener.implement({ heard: () => {}, asked: (text) => text });
    const IBad = defineInterface<{ join(listener: unknown): Promise<number> }>('test.IChat', {
      format: 1,
      methods: { join: { code: 5, args: [['listener', 'IBinder']], returns: 'int' } },
    });
    await expect(IBad.fromBinder(dup(chat)).join(ears)).rejects.toThrow();
    await quiet();
    expect(driver.alive).toMatchObject({ nodes: 1, refs: 1, buffers: 0 });
  });
});

describe('death', () => {
  test('aborts deathOf once and calls links; disposed links are not called', async () => {
    const chat = await serve({ say: (text) => text });
    const told = vi.fn();
    const notTold = vi.fn();
    const signal = deathOf(chat);
    linkToDeath(chat, told);
    linkToDeath(chat, notTold)[Symbol.dispose]();
    expect(await chat.say('x')).toBe('x');
    server.close();
    await quiet();
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(DeadObjectError);
    expect(told).toHaveBeenCalledTimes(1);
    expect(notTold).not.toHaveBeenCalled();
    await expect(chat.say('x')).rejects.toBeInstanceOf(DeadObjectError);
    release(chat);
    await quiet();
    expect(driver.alive).toMatchObject({ nodes: 0, refs: 0, deaths: 0 });
  });

  test('ends calls under way', async () => {
    const chat = await serve({ say: () => new Promise(() => {}) });
    const call = chat.say('x');
    await quiet();
    server.close();
    await expect(call).rejects.toBeInstanceOf(DeadObjectError);
  });

  test('is not told after the release, and can be asked for again when the object comes again', async () => {
    const ears = IListener.implement({ heard: () => {}, asked: (text) => text });
    const chat = await serve({ give: () => ears as unknown as IBinder & Disposable });
    const first = await chat.give();
    const told = vi.fn();
    linkToDeath(first, told);
    await quiet();
    release(first);
    const second = await chat.give();
    const again = vi.fn();
    linkToDeath(second, again);
    await quiet();
    server.close();
    await quiet();
    expect(told).not.toHaveBeenCalled();
    expect(again).toHaveBeenCalledTimes(1);
  });

  test('of the connection itself ends its calls', async () => {
    const chat = await serve({ say: () => new Promise(() => {}) });
    const call = chat.say('x');
    await quiet();
    client.close();
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    expect(client.closed.aborted).toBe(true);
    await expect(chat.say('x')).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a frozen process', () => {
  test('is told of to those who asked, and refuses calls', async () => {
    const chat = await serve({ say: (text) => text });
    await ping(chat);
    const states: boolean[] = [];
    const link = linkToFrozenState(chat, (isFrozen) => states.push(isFrozen));
    const freeze = (enable: number) =>
      client.carrier.ioctl(BINDER_FREEZE, freezeInfo.bytes({ pid: 11, enable, timeoutMs: 100 }));
    await quiet();
    expect(await freeze(1)).toBe(0);
    await quiet();
    await expect(chat.say('x')).rejects.toMatchObject({ code: 'FROZEN' });
    expect(await freeze(0)).toBe(0);
    await quiet();
    expect(states).toEqual([false, true, false]);
    expect(await chat.say('thawed')).toBe('thawed');
    link[Symbol.dispose]();
    await freeze(1);
    await freeze(0);
    await quiet();
    expect(states.length).toBe(3);
  });
});

describe('what every object answers', () => {
  test('ping, descriptor, version, hash, extension', async () => {
    const ears = IListener.implement({ heard: () => {}, asked: (text) => text });
    const chat = await serve({ say: (text) => text }, { extension: ears });
    await ping(chat);
    expect(await descriptorOf(chat)).toBe('test.IChat');
    expect(await interfaceVersion(chat, 'test.IChat')).toBe(3);
    expect(await interfaceHash(chat, 'test.IChat')).toBe('abc');
    const extension = IListener.fromBinder((await extensionOf(chat)) as object);
    expect(await extension.asked('more')).toBe('more');
    expect(await extensionOf(extension)).toBeNull();
    await expect(interfaceVersion(extension, 'test.IListener')).rejects.toMatchObject({
      code: 'UNKNOWN_TRANSACTION',
    });
  });

  test('dump, into a file', async () => {
    let seen: unknown;
    const chat = await serve(
      {},
      {
        dump(file, args) {
          seen = [(file as CountedFile).content, args];
        },
      },
    );
    using file = new CountedFile('out');
    await dump(chat, file, ['-a', 'b']);
    expect(seen).toEqual(['out', ['-a', 'b']]);
    await quiet();
    expect(CountedFile.open).toBe(1);
  });
});

describe('files', () => {
  test('are duplicated when sent, and the receiver owns what it got', async () => {
    const chat = await serve({ file: (file) => file });
    const file = new CountedFile('content');
    const back = (await chat.file(file)) as CountedFile;
    expect(back).not.toBe(file);
    expect(back.content).toBe('content');
    await quiet();
    expect(CountedFile.open).toBe(2);
    back[Symbol.dispose]();
    file[Symbol.dispose]();
    expect(CountedFile.open).toBe(0);
  });
});
