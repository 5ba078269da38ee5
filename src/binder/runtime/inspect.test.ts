import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { LocalDriver } from '../connections/local-driver.ts';
import { Parcel } from '../parcel/parcel.ts';
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

test('a parcel is shown by its bytes and objects, unless it is sensitive', () => {
  const parcel = new Parcel();
  parcel.writeString('hello');
  parcel.writeInt32(7);
  expect(inspect(parcel)).toBe(`Parcel of 20 bytes at 20, no objects
  0000  05 00 00 00 68 00 65 00 6c 00 6c 00 6f 00 00 00  ....h.e.l.l.o...
  0010  07 00 00 00                                      ....`);
  parcel.writeFlatBinder({ type: 0x73682a85, flags: 0, target: 3, cookie: 0, stability: 12 });
  expect(inspect({ parcel })).toMatch(/^\{\n? *parcel: Parcel of 48 bytes at 48, handle at 20\n/);
  parcel.isSensitive = true;
  expect(inspect(parcel)).toBe('Parcel of 48 bytes at 48, handle at 20, sensitive');
  const large = new Parcel();
  large.writeRaw(new Uint8Array(300));
  expect(inspect(large).split('\n')).toHaveLength(18);
  expect(inspect(large)).toMatch(/\n {2}… 44 more$/);
});
