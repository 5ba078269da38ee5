import { afterEach, beforeEach, expect, test } from 'vitest';
import { BINDER_TYPE_FD, BINDER_TYPE_HANDLE } from '../../abi/binder.ts';
import {
  asBinder,
  type CallOptions,
  type Connection,
  defineInterface,
  defineParcelable,
  type FileDescriptor,
  NO_OBJECTS,
  Parcel,
  ParcelableHolder,
  type Ref,
} from '../runtime/index.ts';
import { LocalDriver } from './local-driver.ts';

let driver: LocalDriver;
let server: Connection;
let client: Connection;

beforeEach(() => {
  driver = new LocalDriver();
  server = driver.connect();
  client = driver.connect();
});

afterEach(() => driver.close());

interface Both {
  name: string;
  binder: object | null;
}
const Both = defineParcelable<Both>('test.Both', {
  format: 1,
  fields: [
    ['name', 'String'],
    ['binder', { nullable: 'IBinder' }],
  ],
});

interface IThings {
  binders(list: object[], options?: CallOptions): Promise<(object | null)[]>;
  file(file: FileDescriptor, options?: CallOptions): Promise<FileDescriptor>;
  hold(holder: ParcelableHolder, options?: CallOptions): Promise<ParcelableHolder>;
}
const IThings = defineInterface<IThings>('test.IThings', {
  format: 1,
  methods: {
    binders: {
      code: 1,
      args: [['list', { array: 'IBinder' }]],
      returns: { array: { nullable: 'IBinder' } },
    },
    file: { code: 2, args: [['file', 'ParcelFileDescriptor']], returns: 'ParcelFileDescriptor' },
    hold: { code: 3, args: [['holder', 'ParcelableHolder']], returns: 'ParcelableHolder' },
  },
});

async function things(): Promise<Ref<IThings>> {
  const object = IThings.implement({
    binders: (list) => [...list, null, ...list],
    file: (file) => file,
    hold: (holder) => holder,
  });
  await server.becomeContextManager(object);
  return IThings.fromBinder(client.contextManager());
}

test('binders travel in arrays, with null among them, and stay who they are', async () => {
  const remote = await things();
  const own = IThings.implement({} as never);
  const back = await remote.binders([own, remote]);
  expect(back.map((one) => one && asBinder(one))).toEqual([
    asBinder(own),
    asBinder(remote),
    null,
    asBinder(own),
    asBinder(remote),
  ]);
});

test('a ParcelFileDescriptor is another descriptor of the same file', async () => {
  class File implements FileDescriptor {
    dup(): File {
      return Object.assign(new File(), { of: this });
    }
    [Symbol.dispose](): void {}
  }
  expect(await (await things()).file(new File())).toBeInstanceOf(File);
});

test('a holder carries a parcelable with a binder in it, unpacked only when asked', async () => {
  const remote = await things();
  const own = IThings.implement({} as never);
  const holder = new ParcelableHolder();
  holder.set(Both, { name: 'n', binder: own });
  const back = await remote.hold(holder);
  const value = back.get(Both) as Both;
  expect(value.name).toBe('n');
  expect(asBinder(value.binder as object)).toBe(asBinder(own));
});

test('what is no object of the parcel is none, whatever its bytes say', () => {
  const parcel = new Parcel();
  parcel.writeFlatBinder({ type: BINDER_TYPE_HANDLE, flags: 0, target: 1, cookie: 0, stability: 12 });
  const forged = new Parcel(NO_OBJECTS, undefined, parcel.bytes.slice(), []);
  expect(() => forged.readBinder()).toThrow(expect.objectContaining({ code: 'BAD_TYPE' }));
  const bytes = new Uint8Array(24);
  new DataView(bytes.buffer).setUint32(0, BINDER_TYPE_FD, true);
  expect(() => new Parcel(NO_OBJECTS, undefined, bytes, []).readFile()).toThrow(
    expect.objectContaining({ code: 'BAD_TYPE' }),
  );
});
