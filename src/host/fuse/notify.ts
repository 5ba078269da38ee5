import { write } from 'node:fs';
import type { Area } from '../../driver/ports.ts';
import type { OutMessage } from './out-message.ts';
import {
  NOTIFY,
  NOTIFY_INVAL_ENTRY_OUT,
  NOTIFY_INVAL_INODE_OUT,
  NOTIFY_POLL_OUT,
  NOTIFY_STORE_OUT,
  OUT_HEADER,
  writeNumber64,
} from './protocol.ts';

const BODY = OUT_HEADER.byteLength;

/**
 * What the file system tells the kernel unasked.
 *
 * All answer with 0 or a positive errno. ENOENT is usual: the kernel does not hold what is meant, or the file system
 * is unmounted.
 */
export class FuseNotify {
  private readonly fd: number;
  private readonly out: OutMessage;
  private readonly dataCapacity: number;
  private laterWrites = 0;
  private settled: (() => void) | undefined;

  constructor(fd: number, out: OutMessage, capacity: number) {
    this.fd = fd;
    this.out = out;
    this.dataCapacity = capacity - NOTIFY_STORE_OUT.byteLength;
  }

  /**
   * Wakes everybody who waits in poll, select or epoll for the open `kh`; each asks by a POLL of its own what is ready.
   * Without anybody waiting it does nothing. Never blocks.
   */
  poll(kh: number): number {
    writeNumber64(this.out.view, BODY + NOTIFY_POLL_OUT.kh, kh);
    return this.out.send(0, NOTIFY.POLL, NOTIFY_POLL_OUT.byteLength);
  }

  /**
   * Puts `length` bytes of `area` from byte `at` into the page cache of a file.
   *
   * Blocks while the page is locked, which it is while a READ of it waits for us: **a client can make that never end**
   * (drop the page, touch it in one thread, call us in another) unless another thread answers READs meanwhile. A part
   * of a page that is not cached is dropped, and read from us later.
   */
  store(nodeid: number, offset: number, area: Area, at: number, length: number): number {
    const { view } = this.out;
    for (let done = 0; done < length; ) {
      const size = Math.min(length - done, this.dataCapacity);
      writeNumber64(view, BODY + NOTIFY_STORE_OUT.nodeid, nodeid);
      writeNumber64(view, BODY + NOTIFY_STORE_OUT.offset, offset + done);
      writeNumber64(view, BODY + NOTIFY_STORE_OUT.size, size);
      this.out.copy(NOTIFY_STORE_OUT.byteLength, area, at + done, size);
      const failure = this.out.send(0, NOTIFY.STORE, NOTIFY_STORE_OUT.byteLength + size);
      if (failure !== 0) return failure;
      done += size;
    }
    return 0;
  }

  /**
   * Makes the kernel forget a name, after a removal or renaming that no client asked for.
   *
   * A promise, because the kernel takes the directory's lock, which a client holds while its LOOKUP waits for us: the
   * write is made by a thread of libuv's pool, and requests must be handled meanwhile.
   *
   * @param name a byte string.
   */
  invalidateEntry(parent: number, name: string): Promise<number> {
    const message = Buffer.alloc(BODY + NOTIFY_INVAL_ENTRY_OUT.byteLength + name.length + 1);
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    writeNumber64(view, BODY + NOTIFY_INVAL_ENTRY_OUT.parent, parent);
    view.setUint32(BODY + NOTIFY_INVAL_ENTRY_OUT.namelen, name.length, true);
    message.write(name, BODY + NOTIFY_INVAL_ENTRY_OUT.byteLength, 'latin1');
    return this.later(NOTIFY.INVAL_ENTRY, message);
  }

  /**
   * Makes the kernel forget the attributes of a file and its cached data from byte `offset`, `length` bytes of it (0:
   * to the end; a negative `offset` keeps the data). A promise for the same reason: it waits for pages being read.
   */
  invalidateNode(nodeid: number, offset: number, length: number): Promise<number> {
    const message = Buffer.alloc(BODY + NOTIFY_INVAL_INODE_OUT.byteLength);
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    writeNumber64(view, BODY + NOTIFY_INVAL_INODE_OUT.ino, nodeid);
    view.setBigInt64(BODY + NOTIFY_INVAL_INODE_OUT.off, BigInt(offset), true);
    view.setBigInt64(BODY + NOTIFY_INVAL_INODE_OUT.len, BigInt(length), true);
    return this.later(NOTIFY.INVAL_INODE, message);
  }

  /** Calls back when no invalidation is on its way, perhaps at once. */
  whenSettled(callback: () => void): void {
    if (this.laterWrites === 0) callback();
    else this.settled = callback;
  }

  private later(code: number, message: Buffer): Promise<number> {
    message.writeUInt32LE(message.length, OUT_HEADER.len);
    message.writeInt32LE(code, OUT_HEADER.error);
    this.laterWrites++;
    return new Promise((resolve) => {
      write(this.fd, message, (error) => {
        if (--this.laterWrites === 0) this.settled?.();
        resolve(error ? -(error.errno ?? -1) : 0);
      });
    });
  }
}
