import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Call,
  type CallOptions,
  type Connection,
  deathOf,
  defineInterface,
  type FileDescriptor,
  type Ref,
  release,
} from '../runtime/index.ts';
import { IListener } from './listener.test-support.ts';
import { LocalDriver } from './local-driver.ts';
import { connectPort } from './port.ts';

interface IEcho {
  echo(bytes: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  who(options?: CallOptions): Promise<string>;
  ask(listener: Ref<IListener>, options?: CallOptions): Promise<string>;
  keep(listener: Ref<IListener>, options?: CallOptions): Promise<void>;
  tell(text: string, options?: CallOptions): Promise<void>;
  file(file: FileDescriptor, options?: CallOptions): Promise<void>;
}
const IEcho = defineInterface<IEcho>('test.IEcho', {
  format: 1,
  methods: {
    echo: { code: 1, args: [['bytes', { array: 'byte' }]], returns: { array: 'byte' } },
    who: { code: 2, returns: 'String' },
    ask: { code: 3, args: [['listener', () => IListener]], returns: 'String' },
    keep: { code: 4, args: [['listener', () => IListener]] },
    tell: { code: 5, oneway: true, args: [['text', 'String']] },
    file: { code: 6, args: [['file', 'FileDescriptor']] },
  },
});

/** One echo: answers, remembers listeners, and what was told. */
function makeEcho(): {
  echo: Ref<IEcho>;
  told: string[];
  kept: Ref<IListener>[];
} {
  const told: string[] = [];
  const kept: Ref<IListener>[] = [];
  const echo = IEcho.implement(
    {
      echo: (bytes) => bytes.slice(),
      who: (call: Call) => `${call.pid} ${call.uid} ${call.sid}`,
      async ask(listener) {
        const answer = await listener.asked('ready?');
        release(listener);
        return answer;
      },
      keep: (listener) => void kept.push(listener),
      tell: (text) => void told.push(text),
      file: () => {},
    },
    { requestSid: true },
  );
  return { echo, told, kept };
}

let driver: LocalDriver;
let ports: MessagePort[];

/** A process behind a port. */
async function connectBehindPort(options = {}): Promise<Connection> {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  driver.serve(port1, options);
  return connectPort(port2);
}

beforeEach(() => {
  driver = new LocalDriver();
  ports = [];
});

afterEach(async () => {
  driver.close();
  for (const port of ports) port.close();
  await vi.waitFor(() =>
    expect(driver.alive).toEqual({ processes: 0, threads: 0, nodes: 0, refs: 0, buffers: 0, deaths: 0 }),
  );
});

describe('a process behind a MessagePort', () => {
  test('calls and is known by who it is', async () => {
    const server = driver.connect({ uid: 1000 });
    const { echo } = makeEcho();
    await server.becomeContextManager(echo);
    const client = await connectBehindPort({ uid: 2000, pid: 77 });
    const remote = IEcho.fromBinder(client.contextManager());
    expect(await remote.who()).toBe('77 2000 u:r:ubinder:s0');
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
    expect(await remote.echo(bytes)).toEqual(bytes);
    expect(await remote.echo(new Uint8Array())).toEqual(new Uint8Array());
  });

  test('serves, sees who calls, and is called back while it calls', async () => {
    const server = await connectBehindPort({ uid: 1000 });
    const { echo, told } = makeEcho();
    await server.becomeContextManager(echo);
    const client = await connectBehindPort({ uid: 2000, pid: 78 });
    const remote = IEcho.fromBinder(client.contextManager());
    expect(await remote.who()).toBe('78 2000 u:r:ubinder:s0');
    const listener = IListener.implement({ heard: () => {}, asked: (text) => `${text} yes` });
    expect(await remote.ask(listener)).toBe('ready? yes');
    release(listener);
    for (let i = 0; i < 100; i++) await remote.tell(`${i}`);
    await vi.waitFor(() => expect(told).toHaveLength(100));
    expect(told).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  test('has as many calls under way as it likes', async () => {
    const server = await connectBehindPort();
    const { echo } = makeEcho();
    await server.becomeContextManager(echo);
    const client = await connectBehindPort();
    const remote = IEcho.fromBinder(client.contextManager());
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) => remote.echo(Uint8Array.of(i & 255, i >> 8))),
    );
    answers.forEach((answer, i) => void expect([...answer]).toEqual([i & 255, i >> 8]));
  });

  test('dies with its port, and those who watch it are told', async () => {
    const server = driver.connect();
    const { echo, kept } = makeEcho();
    await server.becomeContextManager(echo);
    const client = await connectBehindPort();
    const remote = IEcho.fromBinder(client.contextManager());
    await remote.keep(IListener.implement({ heard: () => {}, asked: () => '' }));
    const death = deathOf(kept[0] as Ref<IListener>);
    expect(death.aborted).toBe(false);
    ports[1]?.close();
    await vi.waitFor(() => expect(death.aborted).toBe(true));
  });

  test('hears that the driver is gone: calls under way fail', async () => {
    const server = driver.connect();
    const never = IEcho.implement({ echo: () => new Promise(() => {}) } as never);
    await server.becomeContextManager(never);
    const client = await connectBehindPort();
    const call = IEcho.fromBinder(client.contextManager()).echo(new Uint8Array(4));
    await new Promise((resolve) => setTimeout(resolve, 10));
    driver.close();
    await expect(call).rejects.toMatchObject({ code: expect.stringMatching(/^(CLOSED|DEAD_OBJECT)$/) });
    await vi.waitFor(() => expect(client.closed.aborted).toBe(true));
  });

  test('can neither send nor be sent descriptors', async () => {
    const file: FileDescriptor = { dup: () => file, [Symbol.dispose]() {} };
    const server = driver.connect();
    const { echo } = makeEcho();
    await server.becomeContextManager(echo);
    const behind = await connectBehindPort();
    const remote = IEcho.fromBinder(behind.contextManager());
    await expect(remote.file(file)).rejects.toMatchObject({ code: 'FDS_NOT_ALLOWED' });
    expect(await remote.echo(Uint8Array.of(1))).toEqual(Uint8Array.of(1));
  });

  test('closed before it was served is told so', async () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const connecting = connectPort(port2);
    port1.close();
    await expect(connecting).rejects.toMatchObject({ code: 'CLOSED' });
  });
});

describe('a client that breaks the protocol', () => {
  test.for([
    ['no array', 'hello'],
    ['an unknown message', ['sing']],
    ['a thread of no number', ['park', 'x', new Uint8Array(), []]],
    ['commands of no bytes', ['park', 1, 'abc', []]],
    ['an attachment outside of the commands', ['park', 1, new Uint8Array(8), [[4, new Uint8Array(1)]]]],
    ['an attachment of no bytes', ['park', 1, new Uint8Array(68), [[4, 'x']]]],
    ['commands that the driver refuses', ['write', Uint8Array.of(1, 2, 3, 4), []]],
  ] as [string, unknown][])('sends %s: it is cut off, others go on', async ([, message]) => {
    const server = driver.connect();
    const { echo } = makeEcho();
    await server.becomeContextManager(echo);
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const answers: unknown[] = [];
    port2.on('message', (answer) => answers.push(answer[0]));
    driver.serve(port1);
    port2.postMessage(message);
    await vi.waitFor(() => expect(answers).toEqual(['welcome', 'closed']));
    const other = IEcho.fromBinder((await connectBehindPort()).contextManager());
    expect(await other.echo(Uint8Array.of(5))).toEqual(Uint8Array.of(5));
  });

  test('sends an ioctl with too short an argument: it is cut off', async () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const answers: unknown[] = [];
    port2.on('message', (answer) => answers.push(answer[0]));
    driver.serve(port1);
    port2.postMessage(['ioctl', 1, 0xc0306201, new Uint8Array(8)]);
    await vi.waitFor(() => expect(answers).toEqual(['welcome', 'closed']));
  });

  test('sends bytes of no sense: nothing breaks', async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    for (let i = 0; i < 200; i++) {
      const { port1, port2 } = new MessageChannel();
      ports.push(port1, port2);
      port2.on('message', () => {});
      driver.serve(port1);
      const bytes = Uint8Array.from({ length: random(200) }, () => random(256));
      port2.postMessage([['park', 'write'][random(2)], 1, bytes, []]);
      port2.close();
    }
    const server = driver.connect();
    const { echo } = makeEcho();
    await server.becomeContextManager(echo);
    const other = IEcho.fromBinder((await connectBehindPort()).contextManager());
    expect(await other.echo(Uint8Array.of(5))).toEqual(Uint8Array.of(5));
  });
});

test('a Worker calls the main thread', async () => {
  const dist = new URL('../../../dist/binder/', import.meta.url);
  const source = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { defineInterface, release } from '${dist}runtime/index.js';
    import { connectPort } from '${dist}connections/port.js';
    const IEcho = defineInterface('test.IEcho', { format: 1, methods: {
      echo: { code: 1, args: [['bytes', { array: 'byte' }]], returns: { array: 'byte' } } } });
    const binder = await connectPort(workerData);
    const remote = IEcho.fromBinder(binder.contextManager());
    parentPort.postMessage(await remote.echo(Uint8Array.of(1, 2, 3)));
    // It ends by itself: an idle connection keeps no thread alive.
  `;
  const server = driver.connect();
  const { echo } = makeEcho();
  await server.becomeContextManager(echo);
  const { port1, port2 } = new MessageChannel();
  ports.push(port1);
  driver.serve(port1);
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: port2,
    transferList: [port2],
  });
  try {
    const answered = new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    expect(await answered).toEqual(Uint8Array.of(1, 2, 3));
    expect(await ended).toBe(0);
  } finally {
    await worker.terminate();
  }
});
