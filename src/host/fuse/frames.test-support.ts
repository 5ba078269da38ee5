import { closeSync } from 'node:fs';
import { errno, libc, SystemCallError } from '../linux/libc.ts';
import { once } from '../linux/once.ts';
import { IN_HEADER, INIT_IN, OPCODE, OUT_HEADER, readNumber64, writeNumber64 } from './protocol.ts';

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_NONBLOCK = 0o4000;

const c = once(() => ({
  socketpair: libc<(domain: number, type: number, protocol: number, pair: Int32Array) => number>(
    'int socketpair(int, int, int, void *)',
  ),
  read: libc<(fd: number, buffer: Uint8Array, size: number) => number>('int64_t read(int, void *, uint64_t)'),
  write: libc<(fd: number, buffer: Uint8Array, size: number) => number>(
    'int64_t write(int, void *, uint64_t)',
  ),
}));

/** What a session sent: a reply, or a notification (unique 0, error = its code). */
export interface Sent {
  readonly unique: number;
  readonly error: number;
  readonly body: Buffer;
}

/** The kernel's side of a connection, played over a socket that keeps messages apart as /dev/fuse does. */
export class FakeKernel {
  /** For the session, which closes it. */
  readonly sessionFd: number;
  private readonly fd: number;

  constructor() {
    const pair = new Int32Array(2);
    if (c().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) === -1)
      throw new SystemCallError('socketpair', errno());
    [this.fd, this.sessionFd] = pair as unknown as [number, number];
  }

  /** Sends a request; `body` in pieces, strings as NUL-terminated latin1. */
  request(opcode: number, unique: number, nodeid: number, ...body: (Uint8Array | string)[]): void {
    const parts = body.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`, 'latin1') : part));
    const message = Buffer.concat([Buffer.alloc(IN_HEADER.byteLength), ...parts]);
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    view.setUint32(IN_HEADER.len, message.length, true);
    view.setUint32(IN_HEADER.opcode, opcode, true);
    writeNumber64(view, IN_HEADER.unique, unique);
    writeNumber64(view, IN_HEADER.nodeid, nodeid);
    view.setUint32(IN_HEADER.uid, 1000, true);
    view.setUint32(IN_HEADER.gid, 100, true);
    view.setUint32(IN_HEADER.pid, 4242, true);
    this.raw(message);
  }

  raw(message: Uint8Array): void {
    if (c().write(this.fd, message, message.length) === -1) throw new SystemCallError('write', errno());
  }

  /** INIT as Linux 6.18 sends it, unless told otherwise. */
  init(minor = 45, flags = 0x73ff_fffb, flags2 = 0x5fd, major = 7): void {
    this.request(
      OPCODE.INIT,
      2,
      0,
      struct(
        INIT_IN.byteLength,
        [INIT_IN.major, 4, major],
        [INIT_IN.minor, 4, minor],
        [8, 4, 131072],
        [INIT_IN.flags, 4, flags],
        [INIT_IN.flags2, 4, flags2],
      ),
    );
  }

  /** The next message of the session, `undefined` when there is none. */
  sent(): Sent | undefined {
    const buffer = Buffer.alloc(1 << 17);
    const length = c().read(this.fd, buffer, buffer.length);
    if (length === -1) return undefined;
    const view = new DataView(buffer.buffer, buffer.byteOffset, length);
    if (view.getUint32(OUT_HEADER.len, true) !== length) throw new Error(`${length} bytes, header disagrees`);
    return {
      unique: readNumber64(view, OUT_HEADER.unique),
      error: view.getInt32(OUT_HEADER.error, true),
      body: buffer.subarray(OUT_HEADER.byteLength, length),
    };
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Bytes of a struct from `[offset, width, value]` rows. */
export function struct(
  byteLength: number,
  ...fields: [offset: number, width: 2 | 4 | 8, value: number][]
): Buffer {
  const bytes = Buffer.alloc(byteLength);
  for (const [offset, width, value] of fields) {
    if (width === 8) writeNumber64(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset, value);
    else if (width === 4) bytes.writeUInt32LE(value >>> 0, offset);
    else bytes.writeUInt16LE(value, offset);
  }
  return bytes;
}
