import { BINDER_WRITE_READ } from '../../abi/binder.ts';
import { EFAULT } from '../../abi/errno.ts';
import { writeRead as writeReadStruct } from '../../abi/structs.ts';
import { Context } from '../../driver/context.ts';
import { Driver } from '../../driver/driver.ts';
import { type Limits, MAX_MAPPING_SIZE } from '../../driver/limits.ts';
import {
  type Area,
  type Caller,
  type Client,
  type ClientMemory,
  type Host,
  type Mapping,
  PARKED,
  type SecurityPolicy,
  type ThreadId,
  type Timer,
} from '../../driver/ports.ts';
import { NORMAL } from '../../driver/priority.ts';
import type { Process } from '../../driver/process.ts';
import type { Thread } from '../../driver/thread.ts';
import { copySegments } from '../../page/copy-segments.ts';
import { HeapBacking } from '../../page/heap-backing.ts';
import { HeapMemory } from '../../page/page-memory.ts';
import type { ScatterList } from '../../page/scatter-list.ts';
import { type BinderThread, decodeCommands, type WriteReadResult } from './binder-thread.ts';
import { LocalFiles } from './local-files.ts';

export { LocalFiles } from './local-files.ts';

// What Node.js and browsers have in common.
declare function setTimeout(callback: () => void, milliseconds: number): unknown;
declare function clearTimeout(timer: unknown): void;
declare const performance: { now(): number };

/** What a driver needs that has all its clients in this process. */
export class LocalHost implements Host {
  readonly memory: HeapMemory = new HeapMemory();
  /** The label told to receivers that ask for one; `null` lets such calls fail. */
  label: string | null;
  readonly androidScheduling = false;
  /** Who may do what; by default everybody everything. */
  policy: SecurityPolicy | null = null;
  /** Called with each breach of the protocol. */
  onUserError: (message: string) => void = () => {};

  constructor(label: string | null = 'u:r:ubinder:s0') {
    this.label = label;
  }

  securityLabel(): string | null {
    return this.label;
  }

  now(): number {
    return performance.now();
  }

  startTimer(milliseconds: number, callback: () => void): Timer {
    const timer = setTimeout(callback, milliseconds);
    return { cancel: () => clearTimeout(timer) };
  }

  userError(message: string): void {
    this.onUserError(message);
  }
}

/** Who a {@link LocalProcess} is. */
export interface LocalProcessOptions {
  /** The device that it opens; default `binder`. Devices come into being when first opened. */
  readonly device?: string;
  /** Its process id as others see it: choose one for each process. */
  readonly pid: number;
  /** Its effective user id; default 0. */
  readonly euid?: number;
  /** Bytes of its own memory; default 4 MiB. */
  readonly heapSize?: number;
  /** Its descriptors; give the same to all opens by one process. Default: a table of its own. */
  readonly files?: LocalFiles;
}

/**
 * A Binder driver in this process, for clients in this process: no kernel, no file system, any operating system. Its clients make
 * ioctls; with `LocalDriver` they call objects.
 *
 * @example
 * const driver = new RawLocalDriver();
 * const process = driver.connect({ pid: 1 });
 * process.map(128 * 1024);
 * const thread = process.thread(1);
 * await thread.ioctl(BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
 */
export class RawLocalDriver extends Driver {
  readonly #devices = new Map<string, Context>();

  /** @param limits - those that differ from the driver's own */
  constructor(host: LocalHost = new LocalHost(), limits: Partial<Limits> = {}) {
    super(host, limits);
  }

  /** A new process that has the device open. */
  connect(options: LocalProcessOptions): LocalProcess {
    const { device = 'binder' } = options;
    let context = this.#devices.get(device);
    if (!context) {
      context = new Context(device);
      this.#devices.set(device, context);
    }
    return new LocalProcess(this, context, options);
  }
}

const HEAP_ADDRESS = 0x1000;
const MAPPING_ADDRESS = 0x7000_0000_0000;

/**
 * One open of a device by a process that exists only here: its memory is a heap and, after {@link map}, a region for
 * received data, at addresses as a process would have them.
 */
export class LocalProcess implements Client, ClientMemory {
  readonly pid: number;
  readonly euid: number;
  /** The descriptors of this process, which it can send, and where those that it receives appear. */
  readonly files: LocalFiles;
  readonly process: Process;
  readonly #heap: Uint8Array;
  #heapUsed = 0;
  #mapping: Mapping | null = null;
  #pages: HeapBacking | null = null;
  #wasMapped = false;
  readonly #sleepers = new Map<ThreadId, Sleeper>();
  /** Called when a polling thread may have become readable. */
  onReadable: () => void = () => {};

  /** Made by {@link RawLocalDriver.connect}. */
  constructor(driver: Driver, context: Context, options: LocalProcessOptions) {
    this.pid = options.pid;
    this.euid = options.euid ?? 0;
    this.files = options.files ?? new LocalFiles();
    this.#heap = new Uint8Array(options.heapSize ?? MAX_MAPPING_SIZE);
    this.process = driver.open(context, this);
  }

  get memory(): ClientMemory {
    return this;
  }

  /**
   * Maps `size` bytes for received data, as mmap(2) does on a device.
   *
   * @throws Error when the region was mapped before, even if it is gone by now.
   */
  map(size: number): void {
    if (this.#wasMapped) throw new Error(`Cannot map ${size} bytes: a device is mapped once for each open`);
    this.#wasMapped = true;
    const used = Math.min(size, MAX_MAPPING_SIZE);
    const { memory } = this.process.driver.host;
    const pages = new HeapBacking(memory, used);
    this.#pages = pages;
    this.#mapping = {
      address: MAPPING_ADDRESS,
      size: used,
      area: pages.area,
      pageSize: memory.pageSize,
      backing: pages,
      store: (offset, length) => pages.touch(offset, length),
    };
  }

  /** Bytes of the region that take memory, or would where parts of an ArrayBuffer could be given back. */
  get residentBytes(): number {
    return this.#pages?.residentBytes() ?? 0;
  }

  /** Takes the region away again: nothing can be received any more. */
  unmap(): void {
    this.#mapping = null;
  }

  readonly initialPriority = NORMAL;

  scheduling(): null {
    return null;
  }

  mapping(): Mapping | null {
    return this.#mapping;
  }

  /** A thread of this process; the same id is the same thread. */
  thread(id: ThreadId): LocalThread {
    return new LocalThread(this, id);
  }

  /** The last descriptor is closed. */
  close(): void {
    this.process.flush();
    this.process.release();
    this.#pages?.area.release();
  }

  /** Copies bytes to the heap. @returns their address. */
  place(bytes: Uint8Array): number {
    const at = this.#heapUsed;
    if (at + bytes.length > this.#heap.length) {
      throw new RangeError(
        `Cannot place ${bytes.length} bytes: the heap of ${this.#heap.length} bytes is full`,
      );
    }
    this.#heap.set(bytes, at);
    this.#heapUsed = Math.ceil((at + bytes.length) / 8) * 8;
    return HEAP_ADDRESS + at;
  }

  reset(): void {
    this.#heapUsed = 0;
  }

  /** The memory at an address, as far as it goes; empty where there is none. */
  bytesAt(address: number, length: number): Uint8Array {
    const mapping = this.#mapping;
    if (mapping && address >= mapping.address) {
      const at = address - mapping.address;
      if (at < mapping.size) this.#pages?.touch(at, length);
      return mapping.area.bytes.subarray(at, at + length);
    }
    const at = address - HEAP_ADDRESS;
    return at < 0 ? new Uint8Array() : this.#heap.subarray(at, at + length);
  }

  read(_thread: ThreadId, address: number, into: Area, at: number, length: number): number {
    const bytes = this.bytesAt(address, length);
    into.bytes.set(bytes, at);
    return bytes.length;
  }

  readv(thread: ThreadId, from: ScatterList, into: Area, to: ScatterList): number {
    return copySegments(this, thread, from, into, to);
  }

  write(_thread: ThreadId, address: number, from: Area, at: number, length: number): number {
    if (address >= MAPPING_ADDRESS) return 0; // read-only, as a client maps it
    const bytes = this.bytesAt(address, length);
    bytes.set(from.bytes.subarray(at, at + bytes.length));
    return bytes.length;
  }

  pidSeenBy(): number {
    return this.pid;
  }

  euidSeenBy(_viewer: Client, euid: number): number {
    return euid;
  }

  answer(thread: Thread, errno: number): void {
    const sleeper = this.#sleepers.get(thread.id);
    this.#sleepers.delete(thread.id);
    if (sleeper && thread.command === BINDER_WRITE_READ) thread.writeRead.store(sleeper.argument, 0);
    sleeper?.wake(errno);
  }

  readable(): void {
    this.onReadable();
  }

  /** Resolves to 0 or an errno when the driver answers the ioctl in which thread `id` sleeps. */
  sleep(id: ThreadId, argument: DataView): Promise<number> {
    return new Promise((wake) => this.#sleepers.set(id, { argument, wake }));
  }
}

/** An ioctl under way: where what is copied back goes when it is answered. */
interface Sleeper {
  readonly argument: DataView;
  readonly wake: (errno: number) => void;
}

/** A thread of a {@link LocalProcess}. */
export class LocalThread implements BinderThread {
  readonly owner: LocalProcess;
  readonly id: ThreadId;
  nonBlocking = false;

  constructor(owner: LocalProcess, id: ThreadId) {
    this.owner = owner;
    this.id = id;
  }

  ioctl(command: number, argument: Uint8Array): number | Promise<number> {
    const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
    const caller: Caller = {
      thread: this.id,
      euid: this.owner.euid,
      request: 0,
      nonBlocking: this.nonBlocking,
    };
    const { process } = this.owner;
    const result = process.ioctl(caller, command, view, 0);
    return result === PARKED ? this.owner.sleep(this.id, view) : result;
  }

  async writeRead(commands: Uint8Array, readSize: number): Promise<WriteReadResult> {
    const argument = writeReadStruct.bytes({
      writeSize: commands.length,
      writeBuffer: this.owner.place(commands),
      readSize,
      readBuffer: this.owner.place(new Uint8Array(readSize)),
    });
    const errno = await this.ioctl(BINDER_WRITE_READ, argument);
    const result = writeReadStruct.decode(new DataView(argument.buffer));
    const read = this.owner.bytesAt(Number(result.readBuffer), Number(result.readConsumed));
    return {
      errno,
      writeConsumed: Number(result.writeConsumed),
      commands: errno === EFAULT ? [] : decodeCommands(read),
    };
  }

  place(bytes: Uint8Array): number {
    return this.owner.place(bytes);
  }

  reset(): void {
    this.owner.reset();
  }

  received(address: number, length: number): Uint8Array {
    return this.owner.bytesAt(address, length).slice();
  }
}
