import { describe, expect, test, vi } from 'vitest';
import {
  asBinder,
  type Connection,
  defineInterface,
  type HandlersOf,
  type InterfaceType,
  type Ref,
  release,
} from '../runtime/index.ts';
import { type TestBinder, withBinder } from '../testing/index.ts';
import {
  ANDROID_RELEASES,
  type AndroidRelease,
  IClientCallback,
  IServiceCallback,
  IServiceManager,
  ServiceManager,
  type ServiceManagerOptions,
  serviceManagerOf,
} from './index.ts';

interface IEcho {
  echo(text: string): Promise<string>;
}
const IEcho: InterfaceType<IEcho, HandlersOf<IEcho>> = defineInterface('test.IEcho', {
  format: 1,
  methods: { echo: { code: 1, args: [['text', 'String']], returns: 'String' } },
});

const PRIORITY = IServiceManager.DUMP_FLAG_PRIORITY_DEFAULT;

const makeEcho = (greeting = ''): Ref<IEcho> => IEcho.implement({ echo: (text) => greeting + text });

/** Runs a test with a service manager on the device. */
function withManager(
  body: (binder: TestBinder, manager: ServiceManager) => Promise<void>,
  options: ServiceManagerOptions = {},
): Promise<void> {
  return withBinder(async (binder) => {
    // Looks for clients only when told to.
    const manager = await ServiceManager.serve(binder.connect({ uid: 1000 }), {
      clientsInterval: 3_600_000,
      ...options,
    });
    await body(binder, manager);
  });
}

/** The service manager as a process sees it. */
function managerOf(connection: Connection, android: AndroidRelease = 16): Ref<IServiceManager> {
  return serviceManagerOf(android).fromBinder(connection.contextManager());
}

async function add(
  connection: Connection,
  name: string,
  object: object,
  flags: number = PRIORITY,
): Promise<void> {
  await managerOf(connection).addService(name, object as Ref, false, flags);
}

async function callEcho(connection: Connection, name: string): Promise<string> {
  const found = await managerOf(connection).checkService(name);
  if (!found) throw new Error(`no ${name}`);
  using echo = IEcho.fromBinder(found);
  return await echo.echo('hello');
}

/** A callback that notes what it is told. */
function makeListener(): { callback: Ref<IServiceCallback>; told: string[] } {
  const told: string[] = [];
  const callback = IServiceCallback.implement({
    onRegistration(name, service) {
      told.push(name);
      release(service);
    },
  });
  return { callback, told };
}

function makeClientCallback(): { callback: Ref<IClientCallback>; told: boolean[] } {
  const told: boolean[] = [];
  const callback = IClientCallback.implement({
    onClients(service, hasClients) {
      told.push(hasClients);
      release(service);
    },
  });
  return { callback, told };
}

describe('services', () => {
  test('are added by one process and found by another', () =>
    withManager(async (binder) => {
      const [server, client] = [binder.connect(), binder.connect()];
      await add(server, 'echo', makeEcho('> '));
      expect(await callEcho(client, 'echo')).toBe('> hello');
      const manager = managerOf(client);
      expect(await manager.getService('none')).toBeNull();
      expect(await manager.getService2('none')).toEqual({
        tag: 'serviceWithMetadata',
        value: { service: null, isLazyService: false },
      });
      const described = await manager.checkService2('echo');
      expect(described).toMatchObject({ tag: 'serviceWithMetadata', value: { isLazyService: false } });
    }));

  test('are the same object each time, and the server gets its own back', () =>
    withManager(async (binder) => {
      const [server, client] = [binder.connect(), binder.connect()];
      const echo = makeEcho();
      await add(server, 'echo', echo);
      const [first, second] = [
        await managerOf(client).getService('echo'),
        await managerOf(client).getService('echo'),
      ];
      expect(asBinder(first as Ref)).toBe(asBinder(second as Ref));
      expect(asBinder((await managerOf(server).getService('echo')) as Ref)).toBe(asBinder(echo));
    }));

  test('are gone with their process', () =>
    withManager(async (binder) => {
      const [server, client] = [binder.connect(), binder.connect()];
      await add(server, 'echo', makeEcho());
      await add(server, 'again', makeEcho());
      binder.kill(server);
      await vi.waitFor(async () => expect(await managerOf(client).listServices(-1)).toEqual(['manager']));
      expect(await managerOf(client).checkService('echo')).toBeNull();
    }));

  test('give their name to whoever registers it next', () =>
    withManager(async (binder) => {
      const [first, second, client] = [binder.connect(), binder.connect(), binder.connect()];
      await add(first, 'echo', makeEcho('first '));
      await add(second, 'echo', makeEcho('second '));
      expect(await callEcho(client, 'echo')).toBe('second hello');
      // The end of the first one is no news any more.
      binder.kill(first);
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(await callEcho(client, 'echo')).toBe('second hello');
    }));

  test('are listed by priority, sorted, with who serves them', () =>
    withManager(async (binder) => {
      const server = binder.connect({ pid: 4711 });
      await add(server, 'b', makeEcho(), IServiceManager.DUMP_FLAG_PRIORITY_HIGH);
      await add(server, 'a', makeEcho(), PRIORITY);
      await add(server, 'c', makeEcho(), IServiceManager.DUMP_FLAG_PRIORITY_CRITICAL | PRIORITY);
      const manager = managerOf(binder.connect());
      expect(await manager.listServices(IServiceManager.DUMP_FLAG_PRIORITY_ALL)).toEqual([
        'a',
        'b',
        'c',
        'manager',
      ]);
      expect(await manager.listServices(PRIORITY)).toEqual(['a', 'c', 'manager']);
      expect((await manager.getServiceDebugInfo()).slice(0, 3)).toEqual(
        ['a', 'b', 'c'].map((name) => ({ name, debugPid: 4711 })),
      );
    }));

  test('have the manager among them, which is an object like any other', () =>
    withManager(async (binder) => {
      const client = binder.connect();
      const manager = managerOf(client);
      const found = IServiceManager.fromBinder((await manager.getService('manager')) as Ref);
      expect(await found.listServices(IServiceManager.DUMP_FLAG_PRIORITY_DEFAULT)).toEqual(['manager']);
      // It was the first process.
      expect(await manager.getServiceDebugInfo()).toEqual([{ name: 'manager', debugPid: 1 }]);
      // Nobody but itself may take its name back.
      await expect(manager.tryUnregisterService('manager', found as unknown as Ref)).rejects.toMatchObject({
        code: 'UNSUPPORTED_OPERATION',
      });
    }));

  test.each(['', 'with space', 'ümlaut', 'a\0b', 'x'.repeat(128), 'semi;colon'])(
    'cannot be called %j',
    (name) =>
      withManager(async (binder) => {
        await expect(add(binder.connect(), name, makeEcho())).rejects.toMatchObject({
          code: 'ILLEGAL_ARGUMENT',
          message: expect.stringContaining('Invalid service name.'),
        });
      }),
  );

  test.each(['a', 'Some.package.IFoo/default', 'x'.repeat(127), '-_./'])('may be called %j', (name) =>
    withManager(async (binder) => {
      await add(binder.connect(), name, makeEcho());
      expect(await managerOf(binder.connect()).listServices(-1)).toEqual(['manager', name].sort());
    }),
  );

  test('that are lazy say so', () =>
    withManager(async (binder) => {
      await add(binder.connect(), 'lazy', makeEcho(), PRIORITY | IServiceManager.FLAG_IS_LAZY_SERVICE);
      expect(await managerOf(binder.connect()).getService2('lazy')).toMatchObject({
        value: { isLazyService: true },
      });
    }));

  test('that are not there are started when they are asked for, not when they are looked for', async () => {
    const started: string[] = [];
    await withManager(
      async (binder) => {
        const manager = managerOf(binder.connect());
        await manager.checkService('a');
        await manager.getService('b');
        await manager.getService2('c');
        expect(started).toEqual(['b', 'c']);
      },
      { start: (name) => void started.push(name) },
    );
  });
});

describe('who waits', () => {
  test('is told of what is there and of what comes', () =>
    withManager(async (binder) => {
      const [server, client] = [binder.connect(), binder.connect()];
      await add(server, 'old', makeEcho());
      const { callback, told } = makeListener();
      const manager = managerOf(client);
      await manager.registerForNotifications('old', callback);
      await manager.registerForNotifications('new', callback);
      await vi.waitFor(() => expect(told).toEqual(['old']));
      await add(server, 'other', makeEcho());
      await add(server, 'new', makeEcho());
      await vi.waitFor(() => expect(told).toEqual(['old', 'new']));
      await manager.unregisterForNotifications('new', callback);
      await add(server, 'new', makeEcho());
      await add(server, 'old', makeEcho());
      await vi.waitFor(() => expect(told).toEqual(['old', 'new', 'old']));
    }));

  test('cannot end what it has not begun', () =>
    withManager(async (binder) => {
      const manager = managerOf(binder.connect());
      await expect(manager.unregisterForNotifications('x', makeListener().callback)).rejects.toMatchObject({
        code: 'ILLEGAL_STATE',
      });
      await expect(
        manager.registerForNotifications('not a name', makeListener().callback),
      ).rejects.toMatchObject({
        code: 'ILLEGAL_ARGUMENT',
      });
    }));

  test('is forgotten when it dies', () =>
    withManager(async (binder) => {
      const [server, client] = [binder.connect(), binder.connect()];
      await managerOf(client).registerForNotifications('x', makeListener().callback);
      binder.kill(client);
      await new Promise((resolve) => setTimeout(resolve, 10));
      await add(server, 'x', makeEcho());
      expect(await callEcho(binder.connect(), 'x')).toBe('hello');
    }));
});

describe('a lazy service', () => {
  test('hears of its first client and of the end of its last', () =>
    withManager(async (binder, manager) => {
      const [server, client] = [binder.connect(), binder.connect()];
      const echo = makeEcho();
      const { callback, told } = makeClientCallback();
      await add(server, 'lazy', echo);
      await managerOf(server).registerClientCallback('lazy', echo as unknown as Ref, callback);
      await manager.lookForClients();
      expect(told).toEqual([]);
      const found = (await managerOf(client).getService('lazy')) as Ref;
      await vi.waitFor(() => expect(told).toEqual([true]));
      await manager.lookForClients(); // the promise made when it was found
      await manager.lookForClients();
      expect(told).toEqual([true]);
      await expect(
        managerOf(server).tryUnregisterService('lazy', echo as unknown as Ref),
      ).rejects.toMatchObject({ code: 'ILLEGAL_STATE', message: expect.stringContaining('known client') });
      release(found);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await manager.lookForClients();
      await manager.lookForClients();
      await vi.waitFor(() => expect(told).toEqual([true, false]));
      await managerOf(server).tryUnregisterService('lazy', echo as unknown as Ref);
      expect(await managerOf(client).checkService('lazy')).toBeNull();
    }));

  test('is not unregistered while somebody is being given it', () =>
    withManager(async (binder) => {
      const [server, client] = [binder.connect(), binder.connect()];
      const echo = makeEcho();
      await add(server, 'lazy', echo);
      await managerOf(server).registerClientCallback(
        'lazy',
        echo as unknown as Ref,
        makeClientCallback().callback,
      );
      await managerOf(client).getService('lazy');
      await expect(
        managerOf(server).tryUnregisterService('lazy', echo as unknown as Ref),
      ).rejects.toMatchObject({ message: expect.stringContaining('pending client') });
    }));

  test('alone may ask for its clients, and unregister itself', () =>
    withManager(async (binder) => {
      const [server, other] = [binder.connect(), binder.connect()];
      await add(server, 'x', makeEcho());
      const found = (await managerOf(other).getService('x')) as Ref;
      await expect(
        managerOf(other).registerClientCallback('x', found, makeClientCallback().callback),
      ).rejects.toMatchObject({ code: 'UNSUPPORTED_OPERATION' });
      await expect(managerOf(other).tryUnregisterService('x', found)).rejects.toMatchObject({
        code: 'UNSUPPORTED_OPERATION',
      });
      await expect(
        managerOf(server).tryUnregisterService('x', makeEcho() as unknown as Ref),
      ).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
      await expect(
        managerOf(server).registerClientCallback(
          'none',
          makeEcho() as unknown as Ref,
          makeClientCallback().callback,
        ),
      ).rejects.toMatchObject({ code: 'ILLEGAL_ARGUMENT' });
    }));
});

describe('what is declared', () => {
  const declared = [
    { name: 'some.IFoo/default', apex: 'com.some' },
    { name: 'some.IFoo/other', connection: { address: '10.0.0.1', port: 99 } },
    { name: 'some.IBar/default', apex: 'com.some', accessor: 'accessor' },
  ];

  test('is told', () =>
    withManager(
      async (binder) => {
        const manager = managerOf(binder.connect());
        expect(await manager.isDeclared('some.IFoo/default')).toBe(true);
        expect(await manager.isDeclared('some.IFoo/none')).toBe(false);
        expect(await manager.getDeclaredInstances('some.IFoo')).toEqual(['default', 'other']);
        expect(await manager.getDeclaredInstances('some.INone')).toEqual([]);
        expect(await manager.updatableViaApex('some.IFoo/default')).toBe('com.some');
        expect(await manager.updatableViaApex('some.IFoo/other')).toBeNull();
        expect(await manager.getUpdatableNames('com.some')).toEqual([
          'some.IFoo/default',
          'some.IBar/default',
        ]);
        expect(await manager.getConnectionInfo('some.IFoo/other')).toEqual({
          ipAddress: '10.0.0.1',
          port: 99,
        });
        expect(await manager.getConnectionInfo('some.IFoo/default')).toBeNull();
        expect(await manager.checkService2('some.IBar/default')).toEqual({ tag: 'accessor', value: null });
        await add(binder.connect(), 'accessor', makeEcho());
        const { tag, value } = await manager.checkService2('some.IBar/default');
        expect(tag).toBe('accessor');
        expect(value).not.toBeNull();
      },
      { declared },
    ));

  test('is not told to those who may not find it', () =>
    withManager(
      async (binder) => {
        const manager = managerOf(binder.connect());
        await expect(manager.isDeclared('some.IFoo/default')).rejects.toMatchObject({ code: 'SECURITY' });
        expect(await manager.getDeclaredInstances('some.IFoo')).toEqual(['other']);
        await expect(manager.getDeclaredInstances('some.IBar')).rejects.toMatchObject({ code: 'SECURITY' });
      },
      {
        declared,
        access: {
          mayAdd: () => true,
          mayList: () => true,
          mayFind: (_call, name) => name === 'some.IFoo/other',
        },
      },
    ));
});

describe('rules', () => {
  test('of a policy: who may add, find and list', () =>
    withManager(
      async (binder) => {
        const [owner, stranger] = [binder.connect({ uid: 1 }), binder.connect({ uid: 2 })];
        await add(owner, 'x', makeEcho());
        await expect(add(stranger, 'x', makeEcho())).rejects.toMatchObject({ code: 'SECURITY' });
        await expect(managerOf(stranger).listServices(-1)).rejects.toMatchObject({ code: 'SECURITY' });
        await expect(managerOf(stranger).getServiceDebugInfo()).rejects.toMatchObject({ code: 'SECURITY' });
        expect(await managerOf(stranger).getService('x')).toBeNull();
        expect(await callEcho(owner, 'x')).toBe('hello');
      },
      {
        access: {
          mayAdd: ({ uid }) => uid === 1,
          mayFind: ({ uid }) => uid === 1,
          mayList: ({ uid }) => uid === 1,
        },
      },
    ));

  test('of Android: apps add nothing, isolated ones find little', () =>
    withManager(
      async (binder) => {
        const server = binder.connect({ uid: 1000 });
        await add(server, 'closed', makeEcho());
        await managerOf(server).addService('open', makeEcho() as unknown as Ref, true, PRIORITY);
        await expect(add(binder.connect({ uid: 110_000 }), 'x', makeEcho())).rejects.toMatchObject({
          code: 'SECURITY',
        });
        const isolated = managerOf(binder.connect({ uid: 99_500 }));
        expect(await isolated.getService('closed')).toBeNull();
        expect(await isolated.getService('open')).not.toBeNull();
        await expect(
          isolated.registerForNotifications('open', makeListener().callback),
        ).rejects.toMatchObject({
          code: 'SECURITY',
        });
      },
      { androidUids: true },
    ));

  test('elsewhere people have such ids', () =>
    withManager(async (binder) => {
      await add(binder.connect({ uid: 110_000 }), 'x', makeEcho());
      expect(await callEcho(binder.connect({ uid: 99_500 }), 'x')).toBe('hello');
    }));

  test('there is one manager on a device', () =>
    withManager(async (binder) => {
      await expect(ServiceManager.serve(binder.connect())).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
      await ServiceManager.serve(binder.connect({ device: 'vndbinder' }));
    }));
});

describe('the codes of Android', () => {
  // From the release branches of frameworks/native.
  const ADD = { 11: 3, 12: 3, 13: 3, 14: 3, 15: 3, 16: 5 };
  const LAST = { 11: 9, 12: 12, 13: 13, 14: 14, 15: 14, 16: 16 };

  test.each(ANDROID_RELEASES)('%i: manager and client of it understand each other', (android) =>
    withManager(
      async (binder) => {
        const [server, client] = [binder.connect(), binder.connect()];
        await managerOf(server, android).addService('echo', makeEcho() as unknown as Ref, false, PRIORITY);
        const found = (await managerOf(client, android).getService('echo')) as Ref;
        expect(await IEcho.fromBinder(found).echo('x')).toBe('x');
        expect(await managerOf(client, android).listServices(-1)).toEqual(['echo', 'manager']);
        // One who knows nothing but the numbers.
        const table = (code: number) =>
          defineInterface<{ call(name: string): Promise<void> }>('android.os.IServiceManager', {
            format: 1,
            methods: { call: { code, args: [['name', 'String']] } },
          }).fromBinder(client.contextManager());
        await expect(table(ADD[android]).call('y')).rejects.not.toMatchObject({
          code: 'UNKNOWN_TRANSACTION',
        });
        await expect(table(LAST[android] + 1).call('y')).rejects.toMatchObject({
          code: 'UNKNOWN_TRANSACTION',
        });
      },
      { android },
    ),
  );
});
