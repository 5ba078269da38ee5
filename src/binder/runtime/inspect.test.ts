import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { LocalDriver } from '../connections/local-driver.ts';
import { release } from './binder.ts';
import { defineInterface } from './interface.ts';

const INothing = defineInterface<object>('test.INothing', { format: 1, methods: {} });

test('a reference is shown by what it refers to', async () => {
  using driver = new LocalDriver();
  const server = driver.connect();
  const object = INothing.implement({});
  expect(inspect(object)).toBe('Ref<test.INothing> (of this process)');
  await server.becomeContextManager(object);
  const remote = driver.connect().contextManager();
  expect(inspect({ remote })).toBe('{ remote: Ref<IBinder> (handle 0) }');
  release(remote);
  expect(inspect(remote)).toBe('Ref<IBinder> (released)');
});
