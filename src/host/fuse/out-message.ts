import type { Area } from '../../driver/ports.ts';
import { createArea, type MappedArea } from '../linux/area.ts';
import { errno, libc } from '../linux/libc.ts';
import { once } from '../linux/once.ts';
import { OUT_HEADER, writeNumber64 } from './protocol.ts';

const EINTR = 4;

/** Up to here a loop over words beats making a view for `Uint8Array.set`, and makes no garbage; bytes. */
const COPY_BY_WORDS = 256;

const c = once(() => ({
  write: libc<(fd: number, address: number, size: number) => number>(
    'int64_t write(int, uint64_t, uint64_t)',
  ),
}));

/**
 * The one message on its way to the kernel: built in an area of its own and written at once, so the next one may
 * reuse the area.
 *
 * ```text
 *   0           16
 *   | out header | body: struct, then data |
 * ```
 */
export class OutMessage {
  /** Shows the area from its first byte; the body starts at `OUT_HEADER.byteLength`. */
  view: DataView;
  private bytes: Uint8Array;
  private readonly address: number;
  private fd: number;
  private readonly area: MappedArea;
  private readonly capacity: number;
  private readonly write: (fd: number, address: number, size: number) => number;

  /** @param capacity bytes of the largest body. */
  constructor(fd: number, capacity: number) {
    this.fd = fd;
    this.capacity = capacity;
    this.area = createArea(OUT_HEADER.byteLength + capacity);
    this.view = this.area.view;
    this.bytes = this.area.bytes;
    this.address = this.area.address;
    this.write = c().write;
  }

  /** Checks that a body fits, before it is built. */
  reserve(bodyLength: number): void {
    if (bodyLength <= this.capacity) return;
    throw new RangeError(
      `Cannot send a FUSE message of ${bodyLength} bytes: at most ${this.capacity} fit, answer with less`,
    );
  }

  /** Zeros `length` bytes of the body, for structs of which only some members are set. */
  clear(length: number): void {
    this.bytes.fill(0, OUT_HEADER.byteLength, OUT_HEADER.byteLength + length);
  }

  /** Copies `length` bytes of `area` from byte `at` into the body at byte `offset` of it. */
  copy(offset: number, area: Area, at: number, length: number): void {
    const to = OUT_HEADER.byteLength + offset;
    if (length > COPY_BY_WORDS) {
      this.bytes.set(area.bytes.subarray(at, at + length), to);
      return;
    }
    const { view } = this;
    const from = area.view;
    let i = 0;
    for (; i + 4 <= length; i += 4) view.setUint32(to + i, from.getUint32(at + i, true), true);
    for (; i < length; i++) view.setUint8(to + i, from.getUint8(at + i));
  }

  /** Copies a byte string (one character for each byte) and a NUL into the body; `offset` as for {@link copy}. */
  text(offset: number, text: string): void {
    const to = OUT_HEADER.byteLength + offset;
    for (let i = 0; i < text.length; i++) this.bytes[to + i] = text.charCodeAt(i);
    this.bytes[to + text.length] = 0;
  }

  /**
   * Writes the header and `bodyLength` bytes of body in one piece.
   *
   * @param code 0 or -errno of a reply, the code of a notification.
   * @returns 0, or the errno of write(2), positive.
   */
  send(unique: number, code: number, bodyLength: number): number {
    const { view } = this;
    const length = OUT_HEADER.byteLength + bodyLength;
    view.setUint32(OUT_HEADER.len, length, true);
    view.setInt32(OUT_HEADER.error, code, true);
    writeNumber64(view, OUT_HEADER.unique, unique);
    for (;;) {
      if (this.write(this.fd, this.address, length) >= 0) return 0;
      const error = errno();
      if (error !== EINTR) return error;
    }
  }

  /** From now on all messages fail with EBADF; late answers are built in memory that nobody else uses. */
  release(): void {
    if (this.fd === -1) return;
    this.fd = -1;
    this.bytes = new Uint8Array(this.bytes.length);
    this.view = new DataView(this.bytes.buffer);
    this.area.release();
  }
}
