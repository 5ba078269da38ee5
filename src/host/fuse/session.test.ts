import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { areaBytesInUse, createArea } from '../linux/area.ts';
import type { FileAttributes } from './attributes.ts';
import { Directory, ENTRY_TYPE } from './directory.ts';
import { FakeKernel, struct } from './frames.test-support.ts';
import type { FuseHandlers } from './handlers.ts';
import {
  ATTR,
  ATTR_OUT,
  DIRENT,
  ENTRY_OUT,
  INIT_FLAG,
  INIT_FLAG2,
  INIT_OUT,
  IOCTL_OUT,
  NOTIFY,
  OPCODE,
  OPEN_OUT,
  POLL_OUT,
} from './protocol.ts';
import { EMPTY, FuseSession, type FuseSessionOptions, MAX_DATA, RECEIVED } from './session.ts';

const FILE: FileAttributes = {
  ino: 5,
  size: 2 ** 33,
  mode: 0o100644,
  nlink: 1,
  uid: 7,
  gid: 8,
  rdev: 9,
  blocks: 3,
  blockSize: 512,
  atime: 1500,
  mtime: -1500,
  ctime: 1_700_000_000_123,
};

let kernel: FakeKernel;
let session: FuseSession;

function open(handlers: FuseHandlers, options?: FuseSessionOptions): FuseSession {
  session = new FuseSession(kernel.sessionFd, () => handlers, options);
  return session;
}

/** Sends one request and lets the session handle it. */
function deliver(opcode: number, ...body: (Uint8Array | string)[]): void {
  kernel.request(opcode, 10, 3, ...body);
  expect(session.receive()).toBe(RECEIVED);
}

beforeEach(() => {
  kernel = new FakeKernel();
});

afterEach(() => {
  session.close();
  kernel.close();
  expect(areaBytesInUse()).toBe(0);
});

describe('INIT', () => {
  it('agrees on what is wanted and offered', () => {
    const init = vi.fn();
    open({ init }, { passthrough: true, directIoMmap: true, maxWrite: 8192 });
    kernel.init();
    expect(session.connection).toBeNull();
    expect(session.receive()).toBe(RECEIVED);
    const agreed = { kernelMinor: 45, passthrough: true, directIoMmap: true, maxWrite: 8192 };
    expect(session.connection).toEqual(agreed);
    expect(init).toHaveBeenCalledWith(agreed);
    const { unique, error, body } = kernel.sent()!;
    expect([unique, error, body.length]).toEqual([2, 0, INIT_OUT.byteLength]);
    expect(body.readUInt32LE(INIT_OUT.major)).toBe(7);
    expect(body.readUInt32LE(INIT_OUT.minor)).toBe(45);
    expect(body.readUInt32LE(INIT_OUT.max_write)).toBe(8192);
    expect(body.readUInt16LE(INIT_OUT.max_pages)).toBe(16);
    expect(body.readUInt32LE(INIT_OUT.max_stack_depth)).toBe(1);
    expect(body.readUInt32LE(INIT_OUT.flags)).toBe(
      INIT_FLAG.ATOMIC_O_TRUNC |
        INIT_FLAG.BIG_WRITES |
        INIT_FLAG.PARALLEL_DIROPS |
        INIT_FLAG.ABORT_ERROR |
        INIT_FLAG.MAX_PAGES |
        INIT_FLAG.INIT_EXT,
    );
    expect(body.readUInt32LE(INIT_OUT.flags2)).toBe(
      INIT_FLAG2.PASSTHROUGH | INIT_FLAG2.DIRECT_IO_ALLOW_MMAP | INIT_FLAG2.NO_EXPORT_SUPPORT,
    );
  });

  it('asks for nothing that is not wanted', () => {
    open({});
    kernel.init();
    session.receive();
    const { body } = kernel.sent()!;
    expect(body.readUInt32LE(INIT_OUT.flags2)).toBe(INIT_FLAG2.NO_EXPORT_SUPPORT);
    expect(body.readUInt32LE(INIT_OUT.max_stack_depth)).toBe(0);
    expect(session.connection).toMatchObject({ passthrough: false, directIoMmap: false, maxWrite: MAX_DATA });
  });

  it('takes an older kernel, whose second word of flags is not one', () => {
    open({}, { passthrough: true });
    kernel.init(31, 0x03ff_fffb, 0xffff_ffff);
    session.receive();
    const { body } = kernel.sent()!;
    expect(body.readUInt32LE(INIT_OUT.minor)).toBe(31);
    expect(body.readUInt32LE(INIT_OUT.flags2)).toBe(0);
    expect(session.connection).toMatchObject({ kernelMinor: 31, passthrough: false });
  });

  it('answers a newer minor with the newest known', () => {
    open({});
    kernel.init(99);
    session.receive();
    expect(kernel.sent()!.body.readUInt32LE(INIT_OUT.minor)).toBe(45);
  });

  it('tells a newer major to come back', () => {
    open({});
    kernel.init(0, 0, 0, 8);
    session.receive();
    expect(kernel.sent()!.body.readUInt32LE(INIT_OUT.major)).toBe(7);
    expect(session.connection).toBeNull();
    kernel.init();
    session.receive();
    expect(session.connection).not.toBeNull();
  });

  it('refuses a kernel that is too old, by a message that says which it needs', () => {
    open({});
    kernel.init(20);
    expect(() => session.receive()).toThrow(/FUSE 7\.20: needs 7\.28 or newer/);
    expect(kernel.sent()!.error).toBe(-71);
  });

  it('refuses a maxWrite out of range', () => {
    open({});
    expect(() => new FuseSession(-1, () => ({}), { maxWrite: 4095 })).toThrow(/4096 to 65536/);
    expect(() => new FuseSession(-1, () => ({}), { maxWrite: MAX_DATA + 1 })).toThrow(RangeError);
  });
});

/** What each handler sees: opcode, body, handler, the members of the request that it reads. */
const REQUESTS: [
  name: keyof typeof OPCODE,
  body: (Uint8Array | string)[],
  handler: keyof FuseHandlers,
  object,
][] = [
  ['LOOKUP', ['binder'], 'lookup', { name: 'binder', nodeid: 3, uid: 1000, gid: 100, pid: 4242, unique: 10 }],
  ['LOOKUP', ['\xff\xfe n\xc3\xa4me'], 'lookup', { name: '\xff\xfe n\xc3\xa4me' }],
  ['LOOKUP', ['x'.repeat(255)], 'lookup', { name: 'x'.repeat(255) }],
  ['GETATTR', [struct(16, [0, 4, 1], [8, 8, 77])], 'getattr', { fh: 77 }],
  ['GETATTR', [struct(16, [0, 4, 0], [8, 8, 77])], 'getattr', { fh: 0 }],
  [
    'SETATTR',
    [
      struct(
        88,
        [0, 4, 0x7f],
        [8, 8, 4],
        [16, 8, 2 ** 40],
        [32, 8, 2],
        [40, 8, 3],
        [56, 4, 5e8],
        [68, 4, 0o600],
        [76, 4, 11],
        [80, 4, 12],
      ),
    ],
    'setattr',
    { valid: 0x7f, fh: 4, size: 2 ** 40, atime: 2500, mtime: 3000, mode: 0o600, newUid: 11, newGid: 12 },
  ],
  ['READLINK', [], 'readlink', {}],
  ['SYMLINK', ['link', 'to/there'], 'symlink', { name: 'link', target: 'to/there' }],
  [
    'MKNOD',
    [struct(16, [0, 4, 0o10644], [4, 4, 99]), 'fifo'],
    'mknod',
    { mode: 0o10644, rdev: 99, name: 'fifo' },
  ],
  ['MKDIR', [struct(8, [0, 4, 0o755]), 'dir'], 'mkdir', { mode: 0o755, name: 'dir' }],
  ['UNLINK', ['gone'], 'unlink', { name: 'gone' }],
  ['RMDIR', ['gone'], 'rmdir', { name: 'gone' }],
  [
    'RENAME',
    [struct(8, [0, 8, 6]), 'old', 'new'],
    'rename',
    { newParent: 6, flags: 0, name: 'old', newName: 'new' },
  ],
  [
    'RENAME2',
    [struct(16, [0, 8, 6], [8, 4, 1]), 'old', 'new'],
    'rename',
    { newParent: 6, flags: 1, name: 'old', newName: 'new' },
  ],
  ['LINK', [struct(8, [0, 8, 5]), 'hard'], 'link', { linkedNode: 5, name: 'hard' }],
  ['OPEN', [struct(8, [0, 4, 2])], 'open', { flags: 2 }],
  ['OPENDIR', [struct(8, [0, 4, 0o200000])], 'opendir', { flags: 0o200000 }],
  [
    'CREATE',
    [struct(16, [0, 4, 66], [4, 4, 0o100600]), 'f'],
    'create',
    { flags: 66, mode: 0o100600, name: 'f' },
  ],
  [
    'READ',
    [struct(40, [0, 8, 9], [8, 8, 2 ** 34], [16, 4, 4096], [32, 4, 2])],
    'read',
    { fh: 9, offset: 2 ** 34, size: 4096, flags: 2 },
  ],
  ['READDIR', [struct(40, [0, 8, 9], [8, 8, 2], [16, 4, 4096])], 'readdir', { fh: 9, offset: 2, size: 4096 }],
  [
    'WRITE',
    [struct(40, [0, 8, 9], [8, 8, 5], [16, 4, 3], [32, 4, 1]), Buffer.from('abc')],
    'write',
    { fh: 9, offset: 5, size: 3, dataAt: 80, flags: 1, length: 83 },
  ],
  ['FLUSH', [struct(24, [0, 8, 9])], 'flush', { fh: 9 }],
  ['RELEASE', [struct(24, [0, 8, 9], [8, 4, 2])], 'release', { fh: 9, flags: 2 }],
  ['RELEASEDIR', [struct(24, [0, 8, 9])], 'releasedir', { fh: 9 }],
  ['FSYNC', [struct(16, [0, 8, 9], [8, 4, 1])], 'fsync', { fh: 9, dataOnly: true }],
  ['FSYNCDIR', [struct(16, [0, 8, 9])], 'fsyncdir', { fh: 9, dataOnly: false }],
  [
    'IOCTL',
    [
      struct(
        32,
        [0, 8, 9],
        [8, 4, 1],
        [12, 4, 0xc030_6201],
        [16, 8, 0x7fff_1234_5678],
        [24, 4, 48],
        [28, 4, 48],
      ),
      Buffer.alloc(48, 0xab),
    ],
    'ioctl',
    {
      fh: 9,
      command: 0xc030_6201,
      argument: 0x7fff_1234_5678,
      inSize: 48,
      outSize: 48,
      dataAt: 72,
      isCompat: true,
      isDirectory: false,
    },
  ],
  [
    'POLL',
    [struct(24, [0, 8, 9], [8, 8, 2 ** 40], [16, 4, 1], [20, 4, 0x19])],
    'poll',
    { fh: 9, kh: 2 ** 40, events: 0x19, wantsNotify: true },
  ],
  ['STATFS', [], 'statfs', {}],
  ['ACCESS', [struct(8, [0, 4, 4])], 'access', { mask: 4 }],
  [
    'SETXATTR',
    [struct(8, [0, 4, 3], [4, 4, 1]), 'user.a', Buffer.from('val')],
    'setxattr',
    { name: 'user.a', size: 3, flags: 1, dataAt: 55 },
  ],
  ['GETXATTR', [struct(8, [0, 4, 64]), 'user.a'], 'getxattr', { name: 'user.a', size: 64 }],
  ['LISTXATTR', [struct(8, [0, 4, 64])], 'listxattr', { size: 64 }],
  ['REMOVEXATTR', ['user.a'], 'removexattr', { name: 'user.a' }],
  [
    'FALLOCATE',
    [struct(32, [0, 8, 9], [8, 8, 1], [16, 8, 2 ** 33], [24, 4, 3])],
    'fallocate',
    { fh: 9, offset: 1, size: 2 ** 33, mode: 3 },
  ],
  ['LSEEK', [struct(24, [0, 8, 9], [8, 8, 100], [16, 4, 4])], 'lseek', { fh: 9, offset: 100, whence: 4 }],
];

describe('requests', () => {
  it.each(REQUESTS)('%s %j calls %s', (opcode, body, handler, members) => {
    let seen: Record<string, unknown> | undefined;
    const take = (request: Record<string, unknown>): void => {
      seen = Object.fromEntries(Object.keys(members).map((key) => [key, request[key]]));
    };
    open({ [handler]: take } as FuseHandlers);
    deliver(OPCODE[opcode], ...body);
    expect(seen).toEqual(members);
    expect(kernel.sent()).toBeUndefined();
  });

  it('shows the data of an ioctl in its area', () => {
    let bytes: Uint8Array | undefined;
    open({
      ioctl(request) {
        bytes = request.area.bytes.slice(request.dataAt, request.dataAt + request.inSize);
      },
    });
    deliver(OPCODE.IOCTL, struct(32, [24, 4, 5]), Buffer.from('hello'));
    expect(Buffer.from(bytes!).toString()).toBe('hello');
  });

  it.each([
    ['LOOKUP', 2],
    ['GETATTR', 38],
    ['SETATTR', 1],
    ['MKDIR', 1],
    ['RENAME2', 1],
    ['CREATE', 13],
    ['OPEN', 38],
    ['READ', 22],
    ['FLUSH', 38],
    ['IOCTL', 25],
    ['POLL', 38],
    ['GETXATTR', 38],
    ['RELEASE', 0],
    ['RELEASEDIR', 0],
    ['SYNCFS', 38],
    ['TMPFILE', 38],
    ['INTERRUPT', 38],
    ['DESTROY', 0],
  ] as const)('%s without a handler is answered with errno %d', (opcode, errno) => {
    open({});
    deliver(OPCODE[opcode], struct(88));
    expect(kernel.sent()).toEqual({ unique: 10, error: errno === 0 ? 0 : -errno, body: Buffer.alloc(0) });
  });

  it('answers unknown opcodes with ENOSYS', () => {
    open({});
    deliver(4096);
    expect(kernel.sent()!.error).toBe(-38);
  });

  it('passes on FORGET, BATCH_FORGET and INTERRUPT, which get no reply', () => {
    const forget = vi.fn();
    const interrupt = vi.fn();
    open({ forget, interrupt });
    deliver(OPCODE.FORGET, struct(8, [0, 8, 2]));
    deliver(OPCODE.BATCH_FORGET, struct(40, [0, 4, 2], [8, 8, 21], [16, 8, 1], [24, 8, 22], [32, 8, 7]));
    deliver(OPCODE.INTERRUPT, struct(8, [0, 8, 1234]));
    expect(forget.mock.calls).toEqual([
      [3, 2],
      [21, 1],
      [22, 7],
    ]);
    expect(interrupt).toHaveBeenCalledWith(1234);
    expect(kernel.sent()).toBeUndefined();
  });

  it('says when none waits', () => {
    open({});
    expect(session.receive()).toBe(EMPTY);
  });

  it('refuses a request whose header lies about its length', () => {
    open({});
    kernel.raw(Buffer.alloc(48));
    expect(() => session.receive()).toThrow(/48 bytes: its header does not agree/);
  });
});

describe('a handler that throws', () => {
  const failing: FuseHandlers = {
    open() {
      throw new Error('out of luck');
    },
    forget() {
      throw new Error('out of luck');
    },
  };

  it('has its request answered with EIO, and the error goes on', () => {
    open(failing);
    kernel.request(OPCODE.OPEN, 10, 3, struct(8));
    expect(() => session.receive()).toThrow('out of luck');
    expect(kernel.sent()).toMatchObject({ unique: 10, error: -5 });
  });

  it('is reported to who wants to know', () => {
    const onHandlerError = vi.fn();
    open(failing, { onHandlerError });
    deliver(OPCODE.OPEN, struct(8));
    deliver(OPCODE.FORGET, struct(8));
    expect(onHandlerError.mock.calls.map((call) => call[1])).toEqual(['OPEN', 'FORGET']);
    expect(kernel.sent()).toMatchObject({ unique: 10, error: -5 });
    expect(kernel.sent()).toBeUndefined();
  });
});

describe('replies', () => {
  beforeEach(() => {
    open({});
  });

  it('carry an errno', () => {
    expect(session.reply.error(2 ** 40 + 2, 511)).toBe(true);
    expect(kernel.sent()).toEqual({ unique: 2 ** 40 + 2, error: -511, body: Buffer.alloc(0) });
    for (const errno of [0, -4, 512, Number.NaN])
      expect(() => session.reply.error(2, errno)).toThrow(RangeError);
  });

  it('carry attributes', () => {
    session.reply.attributes(2, FILE, 1.5);
    const { body } = kernel.sent()!;
    expect(body.length).toBe(ATTR_OUT.byteLength);
    expect(body.readBigUInt64LE(ATTR_OUT.attr_valid)).toBe(1n);
    expect(body.readUInt32LE(ATTR_OUT.attr_valid_nsec)).toBe(5e8);
    expectFile(body.subarray(ATTR_OUT.attr));
  });

  it('carry an entry, for ever too', () => {
    session.reply.entry(2, 2 ** 33, FILE, Number.POSITIVE_INFINITY, 0);
    const { body } = kernel.sent()!;
    expect(body.length).toBe(ENTRY_OUT.byteLength);
    expect(body.readBigUInt64LE(ENTRY_OUT.nodeid)).toBe(2n ** 33n);
    expect(body.readBigUInt64LE(ENTRY_OUT.generation)).toBe(0n);
    expect(body.readBigUInt64LE(ENTRY_OUT.entry_valid)).toBe(0xffff_ffffn);
    expect(body.readUInt32LE(ENTRY_OUT.entry_valid_nsec)).toBe(0);
    expect(body.readBigUInt64LE(ENTRY_OUT.attr_valid)).toBe(0n);
    expectFile(body.subarray(ENTRY_OUT.attr));
  });

  it('carry no entry, with nothing left of the one before', () => {
    session.reply.entry(2, 5, FILE, 1, 1);
    session.reply.noEntry(4, 2);
    kernel.sent();
    const { body } = kernel.sent()!;
    expect(body.readBigUInt64LE(ENTRY_OUT.entry_valid)).toBe(2n);
    body.writeBigUInt64LE(0n, ENTRY_OUT.entry_valid);
    expect(body).toEqual(Buffer.alloc(ENTRY_OUT.byteLength));
  });

  it('carry an open and a created file', () => {
    session.reply.open(2, 77, 1, 3);
    const open = kernel.sent()!.body;
    expect(open).toEqual(struct(OPEN_OUT.byteLength, [0, 8, 77], [8, 4, 1], [12, 4, 3]));
    session.reply.created(2, 5, FILE, 1, 1, 78, 2);
    const { body } = kernel.sent()!;
    expect(body.length).toBe(ENTRY_OUT.byteLength + OPEN_OUT.byteLength);
    expectFile(body.subarray(ENTRY_OUT.attr));
    expect(body.subarray(ENTRY_OUT.byteLength)).toEqual(struct(OPEN_OUT.byteLength, [0, 8, 78], [8, 4, 2]));
  });

  it('carry bytes up to the arena, and no more', () => {
    using area = createArea(1 << 18);
    for (let i = 0; i < area.size; i++) area.bytes[i] = i * 7;
    for (const [at, length] of [
      [0, 0],
      [3, 1],
      [5, 255],
      [1, 256],
      [9, 257],
      [100, MAX_DATA],
    ] as const) {
      expect(session.reply.bytes(2, area, at, length)).toBe(true);
      expect(kernel.sent()!.body).toEqual(Buffer.from(area.bytes.slice(at, at + length)));
    }
    expect(() => session.reply.bytes(2, area, 0, 1 << 17)).toThrow(/131072 bytes: at most \d+ fit/);
    expect(() => session.reply.bytes(2, area, area.size - 1, 2)).toThrow(RangeError);
    expect(kernel.sent()).toBeUndefined();
  });

  it('carry the result of an ioctl together with data', () => {
    using area = createArea(4096);
    area.bytes.set(Buffer.from('0123456789'), 7);
    session.reply.ioctl(2, -512, area, 7, 10);
    const { error, body } = kernel.sent()!;
    expect(error).toBe(0);
    expect(body.readInt32LE(IOCTL_OUT.result)).toBe(-512);
    expect(body.subarray(4, 16)).toEqual(Buffer.alloc(12));
    expect(body.subarray(16).toString()).toBe('0123456789');
    session.reply.ioctlResult(4, 17);
    expect(kernel.sent()!.body).toEqual(struct(IOCTL_OUT.byteLength, [0, 4, 17]));
  });

  it('carry the small ones', () => {
    session.reply.poll(2, 0x145);
    expect(kernel.sent()!.body).toEqual(struct(POLL_OUT.byteLength, [0, 4, 0x145]));
    session.reply.written(2, 4096);
    expect(kernel.sent()!.body).toEqual(struct(8, [0, 4, 4096]));
    session.reply.offset(2, 2 ** 35);
    expect(kernel.sent()!.body).toEqual(struct(8, [0, 8, 2 ** 35]));
    session.reply.xattrSize(2, 12);
    expect(kernel.sent()!.body).toEqual(struct(8, [0, 4, 12]));
    session.reply.statfs(2, {
      blocks: 1,
      freeBlocks: 2,
      availableBlocks: 3,
      files: 4,
      freeFiles: 5,
      nameLength: 63,
    });
    expect(kernel.sent()!.body).toEqual(
      struct(
        80,
        [0, 8, 1],
        [8, 8, 2],
        [16, 8, 3],
        [24, 8, 4],
        [32, 8, 5],
        [40, 4, 4096],
        [44, 4, 63],
        [48, 4, 4096],
      ),
    );
    session.reply.ok(2);
    expect(kernel.sent()).toEqual({ unique: 2, error: 0, body: Buffer.alloc(0) });
  });

  it('do nothing once the session is closed', () => {
    using area = createArea(16);
    session.close();
    expect(session.reply.ok(2)).toBe(false);
    expect(session.reply.entry(2, 5, FILE, 1, 1)).toBe(false);
    expect(session.reply.ioctl(2, 0, area, 0, 16)).toBe(false);
    session.close();
  });
});

function expectFile(attributes: Buffer): void {
  expect(attributes.length).toBeGreaterThanOrEqual(ATTR.byteLength);
  expect(attributes.readBigUInt64LE(ATTR.ino)).toBe(5n);
  expect(attributes.readBigUInt64LE(ATTR.size)).toBe(2n ** 33n);
  expect(attributes.readBigUInt64LE(ATTR.blocks)).toBe(3n);
  expect(attributes.readBigInt64LE(ATTR.atime)).toBe(1n);
  expect(attributes.readUInt32LE(ATTR.atimensec)).toBe(5e8);
  expect(attributes.readBigInt64LE(ATTR.mtime)).toBe(-2n);
  expect(attributes.readUInt32LE(ATTR.mtimensec)).toBe(5e8);
  expect(attributes.readBigInt64LE(ATTR.ctime)).toBe(1_700_000_000n);
  expect(attributes.readUInt32LE(ATTR.ctimensec)).toBe(123e6);
  expect(attributes.readUInt32LE(ATTR.mode)).toBe(0o100644);
  expect(attributes.readUInt32LE(ATTR.uid)).toBe(7);
  expect(attributes.readUInt32LE(ATTR.gid)).toBe(8);
  expect(attributes.readUInt32LE(ATTR.rdev)).toBe(9);
  expect(attributes.readUInt32LE(ATTR.blksize)).toBe(512);
}

describe('notifications', () => {
  beforeEach(() => {
    open({});
  });

  it('wake pollers', () => {
    expect(session.notify.poll(2 ** 40 + 1)).toBe(0);
    expect(kernel.sent()).toEqual({ unique: 0, error: NOTIFY.POLL, body: struct(8, [0, 8, 2 ** 40 + 1]) });
  });

  it('store in pieces that fit', () => {
    using area = createArea(1 << 18);
    for (let i = 0; i < area.size; i++) area.bytes[i] = i * 11;
    const length = 150_000;
    expect(session.notify.store(5, 2 ** 32, area, 10, length)).toBe(0);
    let done = 0;
    for (let sent = kernel.sent(); sent; sent = kernel.sent()) {
      expect(sent).toMatchObject({ unique: 0, error: NOTIFY.STORE });
      expect(sent.body.readBigUInt64LE(0)).toBe(5n);
      expect(sent.body.readBigUInt64LE(8)).toBe(BigInt(2 ** 32 + done));
      const size = sent.body.readUInt32LE(16);
      expect(sent.body.subarray(24)).toEqual(Buffer.from(area.bytes.slice(10 + done, 10 + done + size)));
      done += size;
    }
    expect(done).toBe(length);
  });

  it('invalidate by another thread', async () => {
    expect(await session.notify.invalidateEntry(1, 'n\xe4me')).toBe(0);
    expect(kernel.sent()).toEqual({
      unique: 0,
      error: NOTIFY.INVAL_ENTRY,
      body: Buffer.concat([struct(16, [0, 8, 1], [8, 4, 4]), Buffer.from('n\xe4me\0', 'latin1')]),
    });
    expect(await session.notify.invalidateNode(5, -1, 0)).toBe(0);
    const { error, body } = kernel.sent()!;
    expect([error, body.readBigInt64LE(8), body.readBigInt64LE(16)]).toEqual([NOTIFY.INVAL_INODE, -1n, 0n]);
  });

  it('keep the descriptor open until they are through', async () => {
    const done = session.notify.invalidateEntry(1, 'name');
    session.close();
    expect(await done).toBe(0);
    expect(kernel.sent()).toMatchObject({ error: NOTIFY.INVAL_ENTRY });
  });
});

describe('directories', () => {
  beforeEach(() => {
    open({});
  });

  it('are listed as long as there is room', () => {
    const directory = new Directory();
    directory.start(32 + 40);
    expect(directory.add('binder', 5, ENTRY_TYPE.FILE, 1)).toBe(true);
    expect(directory.add('hwbinder-9', 6, ENTRY_TYPE.DIRECTORY, 2)).toBe(true);
    expect(directory.add('x', 7, ENTRY_TYPE.FILE, 3)).toBe(false);
    session.reply.bytes(2, directory.area, 0, directory.length);
    const { body } = kernel.sent()!;
    expect(body.length).toBe(72);
    const second = body.subarray(32);
    expect(second.readBigUInt64LE(DIRENT.ino)).toBe(6n);
    expect(second.readBigUInt64LE(DIRENT.off)).toBe(2n);
    expect(second.readUInt32LE(DIRENT.namelen)).toBe(10);
    expect(second.readUInt32LE(DIRENT.type)).toBe(4);
    expect(second.subarray(DIRENT.byteLength).toString()).toBe('hwbinder-9\0\0\0\0\0\0');
    directory.start(4096);
    expect(directory.length).toBe(0);
    directory.release();
  });
});
