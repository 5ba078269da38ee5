import { describe, expect, test } from 'vitest';
import {
  type CallOptions,
  deathOf,
  defineInterface,
  type HandlersOf,
  type InterfaceType,
  type Ref,
  release,
  SecurityError,
} from '../runtime/index.ts';
import { type TestBinder, withBinder } from './index.ts';

interface IEcho {
  echo(text: string, options?: CallOptions): Promise<string>;
  tell(text: string, options?: CallOptions): Promise<void>;
  give(echo: Ref<IEcho>, options?: CallOptions): Promise<void>;
}
const IEcho: InterfaceType<IEcho, HandlersOf<IEcho>> = defineInterface<IEcho>('test.IEcho', {
  format: 1,
  methods: {
    echo: { code: 1, args: [['text', 'String']], returns: 'String' },
    tell: { code: 2, oneway: true, args: [['text', 'String']] },
    give: { code: 3, args: [['echo', () => IEcho]] },
  },
});

async function setUp(
  binder: TestBinder,
  echo: (text: string, uid: number) => string | Promise<string> = (text) => text,
) {
  const told: string[] = [];
  const server = binder.connect({ uid: 1000 });
  const client = binder.connect({ uid: 2000 });
  await server.becomeContextManager(
    IEcho.implement({
      echo: (text, call) => echo(text, call.uid),
      tell: (text) => void told.push(text),
      give: (given) => release(given),
    }),
  );
  return { server, client, remote: IEcho.fromBinder(client.contextManager()), told };
}

describe('withBinder', () => {
  test('returns what the test returns', async () => {
    expect(
      await withBinder(async (binder) => {
        const { remote } = await setUp(binder, (text, uid) => `${text} ${uid}`);
        return remote.echo('hello');
      }),
    ).toBe('hello 2000');
  });

  test('fails with what the test threw', async () => {
    const failing = withBinder(async (binder) => {
      await setUp(binder);
      throw new Error('mine');
    });
    await expect(failing).rejects.toThrow('mine');
  });

  test('fails when a handler threw what it should not have, even if nobody looked', async () => {
    const failing = withBinder(async (binder) => {
      const { remote } = await setUp(binder, () => {
        throw new TypeError('a bug');
      });
      await remote.echo('x').catch(() => {});
    });
    await expect(failing).rejects.toThrow(new TypeError('a bug'));
  });

  test('takes BinderErrors for what they are: answers', async () => {
    await withBinder(async (binder) => {
      const { remote } = await setUp(binder, () => {
        throw new SecurityError('no');
      });
      await expect(remote.echo('x')).rejects.toThrow(SecurityError);
    });
  });
});

describe('a process', () => {
  test('is killed', () =>
    withBinder(async (binder) => {
      const { server, remote } = await setUp(binder, () => new Promise(() => {}));
      const death = deathOf(remote);
      const call = remote.echo('x');
      binder.kill(server);
      await expect(call).rejects.toMatchObject({ code: 'DEAD_OBJECT' });
      expect(death).toBeDefined();
    }));

  test('is frozen and thawed: calls fail, oneway ones wait', () =>
    withBinder(async (binder) => {
      const { server, remote, told } = await setUp(binder);
      await remote.echo('x');
      await binder.freeze(server);
      await expect(remote.echo('x')).rejects.toMatchObject({ code: 'FROZEN' });
      await remote.tell('later');
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(told).toEqual([]);
      await binder.thaw(server);
      expect(await remote.echo('x')).toBe('x');
      expect(told).toEqual(['later']);
    }));

  test('that is busy cannot be frozen', () =>
    withBinder(async (binder) => {
      let answer: (text: string) => void = () => {};
      const { server, remote } = await setUp(binder, () => new Promise((resolve) => (answer = resolve)));
      const call = remote.echo('x');
      await new Promise((resolve) => setTimeout(resolve, 5));
      await expect(binder.freeze(server)).rejects.toMatchObject({ code: 'INVALID_OPERATION' });
      answer('done');
      expect(await call).toBe('done');
    }));

  test.each(['call', 'transfer-binder'] as const)('is denied: %s', (act) =>
    withBinder(async (binder) => {
      const { client, remote } = await setUp(binder);
      const give = () => remote.give(IEcho.implement({} as never));
      await give();
      {
        using _ = binder.deny(act, (from) => from === client);
        await expect(give()).rejects.toMatchObject({ code: 'FAILED_TRANSACTION' });
      }
      await give();
    }),
  );

  test('is denied to be the manager', () =>
    withBinder(async (binder) => {
      binder.deny('become-manager');
      await expect(setUp(binder)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    }));
});
