import { closeSync, constants, openSync } from 'node:fs';
import { BINDER_WRITE_READ } from '../../abi/binder.ts';
import { writeRead as writeReadStruct } from '../../abi/structs.ts';
import { createArea, type MappedArea } from '../../host/linux/area.ts';
import { errno, libc, loadKoffi, SystemCallError } from '../../host/linux/libc.ts';
import { once } from '../../host/linux/once.ts';
import { type BinderThread, decodeCommands, type WriteReadResult } from './binder-thread.ts';

const PROT_READ = 1;
const MAP_PRIVATE = 2;
const MAP_NORESERVE = 0x4000;

const c = once(() => ({
  ioctl: libc<(fd: number, command: number, argument: number) => number>(
    'int ioctl(int, uint64_t, uint64_t)',
  ),
  mmap: libc<
    (address: number, size: number, protection: number, flags: number, fd: number, offset: number) => number
  >('int64_t mmap(uint64_t, uint64_t, int, int, int, int64_t)'),
  munmap: libc<(address: number, size: number) => number>('int munmap(uint64_t, uint64_t)'),
}));

/** Bytes of the heap that holds a thread's arguments, buffers and transaction data. */
const HEAP_SIZE = 4 * 1024 * 1024;

/** How a device is opened. */
export interface OpenOptions {
  /** Bytes to map for received data; 0 for none. libbinder's default: 1 MiB less two pages. */
  readonly mapSize?: number;
  readonly nonBlocking?: boolean;
}

/**
 * An open Binder device of this process, any device that speaks the protocol. The ioctls block the calling
 * JavaScript thread, which is the Binder thread: use it in a process or a Worker that has nothing else to do.
 */
export class BinderDevice implements BinderThread {
  readonly fd: number;
  readonly #heap: MappedArea;
  #heapUsed = 0;
  readonly #mapSize: number;
  readonly #mapAddress: number;
  #isClosed = false;

  /**
   * @throws SystemCallError and Node's own errors when the device cannot be opened or mapped.
   */
  constructor(path: string, options: OpenOptions = {}) {
    const { mapSize = 1024 * 1024 - 8192, nonBlocking = false } = options;
    this.#heap = createArea(HEAP_SIZE);
    this.fd = openSync(path, constants.O_RDWR | (nonBlocking ? constants.O_NONBLOCK : 0));
    this.#mapSize = mapSize;
    this.#mapAddress = 0;
    if (mapSize > 0) {
      const address = c().mmap(0, mapSize, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, this.fd, 0);
      if (address === -1) {
        const code = errno();
        closeSync(this.fd);
        throw new SystemCallError('mmap', code, path);
      }
      this.#mapAddress = address;
    }
  }

  ioctl(command: number, argument: Uint8Array): number {
    const address = this.place(argument);
    const result = c().ioctl(this.fd, command, address);
    const code = result === -1 ? errno() : 0;
    argument.set(this.received(address, argument.length));
    return code;
  }

  writeRead(commands: Uint8Array, readSize: number): Promise<WriteReadResult> {
    const argument = writeReadStruct.bytes({
      writeSize: commands.length,
      writeBuffer: this.place(commands),
      readSize,
      readBuffer: this.place(new Uint8Array(readSize)),
    });
    const code = this.ioctl(BINDER_WRITE_READ, argument);
    const result = writeReadStruct.decode(new DataView(argument.buffer));
    const read = this.received(Number(result.readBuffer), Number(result.readConsumed));
    return Promise.resolve({
      errno: code,
      writeConsumed: Number(result.writeConsumed),
      commands: decodeCommands(read),
    });
  }

  place(bytes: Uint8Array): number {
    const at = this.#heapUsed;
    if (at + bytes.length > HEAP_SIZE) {
      throw new RangeError(`Cannot place ${bytes.length} bytes: the heap of ${HEAP_SIZE} bytes is full`);
    }
    this.#heap.bytes.set(bytes, at);
    this.#heapUsed = Math.ceil((at + bytes.length) / 8) * 8;
    return this.#heap.address + at;
  }

  reset(): void {
    this.#heapUsed = 0;
  }

  received(address: number, length: number): Uint8Array {
    const at = address - this.#heap.address;
    if (at >= 0 && at + length <= HEAP_SIZE) return this.#heap.bytes.slice(at, at + length);
    // A view of the mapping would outlive it: copy out what is asked for.
    return new Uint8Array(loadKoffi().view(address, length)).slice();
  }

  /** Closing again does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#mapAddress !== 0) c().munmap(this.#mapAddress, this.#mapSize);
    this.#heap.release();
    closeSync(this.fd);
  }
}
