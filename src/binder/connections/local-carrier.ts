import { BINDER_THREAD_EXIT, BINDER_WRITE_READ } from '../../abi/binder.ts';
import { EINTR } from '../../abi/errno.ts';
import { writeU64 } from '../../abi/u64.ts';
import type { Context } from '../../driver/context.ts';
import type { Driver } from '../../driver/driver.ts';
import {
  type Area,
  type Caller,
  type Client,
  type ClientMemory,
  type Mapping,
  PARKED,
  type ThreadId,
} from '../../driver/ports.ts';
import { NORMAL } from '../../driver/priority.ts';
import type { Process } from '../../driver/process.ts';
import type { Thread } from '../../driver/thread.ts';
import { copySegments } from '../../page/copy-segments.ts';
import { HeapBacking } from '../../page/heap-backing.ts';
import type { ScatterList } from '../../page/scatter-list.ts';
import type { FileDescriptor } from '../parcel/parcel.ts';
import {
  type Attachment,
  type BinderThread,
  type Carrier,
  type CarrierFiles,
  Commands,
  type ThreadEvents,
  type TurnBudget,
} from '../runtime/seam.ts';
import { LocalFiles } from './local-files.ts';
import type { Turns } from './turns.ts';

/** Bytes that a mapping has by libbinder's default: 1 MiB less two pages. */
const MAPPING_SIZE = 1024 * 1024 - 8192;
const MAPPING_ADDRESS = 0x7000_0000_0000;
/** Where the read buffers of the threads lie, and how far apart. */
const READ_ADDRESS = 0x1000_0000_0000;
const READ_SIZE = 512;
/** Where the commands lie that are carried out, and behind them, as far apart, what they point to. */
const COMMANDS_ADDRESS = 0x1000_0000;
const STRIDE = 0x1_0000_0000;
/** The thread that writes commands of no thread, and makes the other ioctls. */
const MAIN_THREAD = 0;

/** An open of a driver in this process. Nothing is copied but by the driver. */
export class LocalCarrier implements Carrier {
  readonly identity: { readonly pid: number; readonly uid: number };
  // Threads are numbers here.
  readonly maxThreads = 4095;
  readonly maxCallers = 4096;
  readonly files: CarrierFiles;
  readonly #fds = new LocalFiles();
  readonly #memory = new LocalMemory();
  readonly #mapping: Mapping;
  readonly #process: Process;
  readonly #turns: Turns;
  readonly budget: TurnBudget;
  readonly #caller: Caller;
  readonly #argument = new DataView(new ArrayBuffer(48));
  #lastThread = MAIN_THREAD;
  #isClosed = false;
  /** What this process is to be told when it goes on; `null` while it runs. */
  #suspended: (() => void)[] | null = null;

  constructor(driver: Driver, context: Context, identity: { pid: number; uid: number }, turns: Turns) {
    this.identity = identity;
    this.files = new LocalCarrierFiles(this.#fds);
    this.#turns = turns;
    this.budget = turns.budget;
    this.#caller = { thread: MAIN_THREAD, euid: identity.uid, request: 0, nonBlocking: false };
    const { memory } = driver.host;
    const pages = new HeapBacking(memory, MAPPING_SIZE);
    this.#mapping = {
      address: MAPPING_ADDRESS,
      size: MAPPING_SIZE,
      area: pages.area,
      pageSize: memory.pageSize,
      backing: pages,
      store: (offset, length) => pages.touch(offset, length),
    };
    this.#process = driver.open(
      context,
      new LocalClient(identity.pid, this.#memory, this.#fds, this.#mapping),
    );
  }

  ioctl(command: number, argument: Uint8Array): number | Promise<number> {
    // A thread of its own: it may have to wait (BINDER_FREEZE).
    return new Promise((resolve) => {
      const id = ++this.#lastThread;
      const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
      const end = (errno: number): void =>
        this.deliver(() => {
          this.exit(id);
          resolve(errno);
        });
      this.#memory.threads.set(id, { buffer: new Uint8Array(), answered: end });
      const result = this.enter(id, command, view);
      if (result !== PARKED) end(result);
    });
  }

  write(commands: Commands): void {
    const errno = this.carryOut(MAIN_THREAD, this.#argument, commands, 0);
    if (errno !== 0 && !this.#isClosed) {
      throw new Error(`Cannot go on: the driver refused the runtime's own commands with errno ${errno}`);
    }
  }

  openThread(events: ThreadEvents): BinderThread {
    const thread = new LocalThread(this, ++this.#lastThread, events);
    this.#memory.threads.set(thread.id, thread);
    return thread;
  }

  view(address: number, length: number): Uint8Array {
    const at = address - MAPPING_ADDRESS;
    return this.#mapping.area.bytes.subarray(at, at + length);
  }

  /** Nothing outside of this process can come: pending promises keep no process alive. */
  keepAlive(): void {}

  /** Nothing is told to this process any more, as if it were in a frozen cgroup, until it goes on. */
  suspend(): void {
    this.#suspended ??= [];
  }

  /** It goes on where it was. */
  resume(): void {
    const waiting = this.#suspended ?? [];
    this.#suspended = null;
    for (const delivery of waiting) this.deliver(delivery);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#process.flush();
    this.#process.release();
    for (const fd of [...this.#fds]) this.#fds.delete(fd);
  }

  // ---- for its threads

  /** BINDER_WRITE_READ of thread `id`. @returns 0, an errno or PARKED; the counts are in `argument`. */
  carryOut(id: ThreadId, argument: DataView, commands: Commands, readSize: number, isQuiet = false): number {
    const { placed } = this.#memory;
    const { attachments, view } = commands;
    placed.push(commands.memory);
    for (let i = 0; i < attachments.length; i++) {
      const { at, bytes } = attachments[i] as Attachment;
      writeU64(view, at, COMMANDS_ADDRESS + STRIDE * placed.length);
      placed.push(bytes);
    }
    writeU64(argument, 0, commands.length);
    writeU64(argument, 8, 0);
    writeU64(argument, 16, COMMANDS_ADDRESS);
    writeU64(argument, 24, readSize);
    writeU64(argument, 32, 0);
    writeU64(argument, 40, READ_ADDRESS + id * STRIDE);
    this.#caller.quietReplies = isQuiet;
    const result = this.enter(id, BINDER_WRITE_READ, argument);
    placed.length = 0;
    return result;
  }

  /** An ioctl of thread `id`. @returns 0, an errno or PARKED. */
  enter(id: ThreadId, command: number, argument: DataView): number {
    if (this.#isClosed) return EINTR;
    this.#caller.thread = id;
    return this.#process.ioctl(this.#caller, command, argument, 0);
  }

  deliver(delivery: () => void): void {
    this.#turns.add(this.#suspended ? () => this.#whenRunning(delivery) : delivery);
  }

  #whenRunning(delivery: () => void): void {
    if (this.#suspended) this.#suspended.push(delivery);
    else delivery();
  }

  exit(id: ThreadId): void {
    this.#memory.threads.delete(id);
    this.enter(id, BINDER_THREAD_EXIT, new DataView(new ArrayBuffer(4)));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }
}

/** What of a thread the driver reaches. */
interface Sleeper {
  readonly buffer: Uint8Array;
  /** The ioctl in which it slept ended. @param length - how much was read */
  answered(errno: number, length: number): void;
}

/** The process's memory: the commands that are being carried out, and the threads' read buffers. */
class LocalMemory implements ClientMemory {
  readonly placed: Uint8Array[] = [];
  readonly threads = new Map<ThreadId, Sleeper>();

  read(_thread: ThreadId, address: number, into: Area, at: number, length: number): number {
    const place = address - COMMANDS_ADDRESS;
    const index = Math.floor(place / STRIDE);
    const from = this.placed[index];
    return from ? copy(from, place - index * STRIDE, into.bytes, at, length) : 0;
  }

  readv(thread: ThreadId, from: ScatterList, into: Area, to: ScatterList): number {
    return copySegments(this, thread, from, into, to);
  }

  write(id: ThreadId, address: number, from: Area, at: number, length: number): number {
    const buffer = this.threads.get(id)?.buffer;
    const start = address - READ_ADDRESS - id * STRIDE;
    if (!buffer || start < 0 || start >= buffer.length) return 0;
    return copy(from.bytes, at, buffer, start, Math.min(length, buffer.length - start));
  }
}

/** Bytes up to which a loop is faster than making the views that `set` needs. */
const FEW = 128;

/** @returns how many bytes there were to copy. */
function copy(from: Uint8Array, start: number, into: Uint8Array, at: number, length: number): number {
  const count = Math.min(length, from.length - start);
  if (count > FEW) into.set(from.subarray(start, start + count), at);
  else for (let i = 0; i < count; i++) into[at + i] = from[start + i] as number;
  return Math.max(count, 0);
}

/** The process as the driver sees it. */
class LocalClient implements Client {
  readonly pid: number;
  readonly memory: LocalMemory;
  readonly files: LocalFiles;
  readonly #mapping: Mapping;

  constructor(pid: number, memory: LocalMemory, files: LocalFiles, mapping: Mapping) {
    this.pid = pid;
    this.memory = memory;
    this.files = files;
    this.#mapping = mapping;
  }

  readonly initialPriority = NORMAL;

  scheduling(): null {
    return null;
  }

  mapping(): Mapping {
    return this.#mapping;
  }

  pidSeenBy(): number {
    return this.pid;
  }

  euidSeenBy(_viewer: Client, euid: number): number {
    return euid;
  }

  /** Nobody polls. */
  readable(): void {}

  answer(thread: Thread, errno: number): void {
    this.memory.threads.get(thread.id)?.answered(errno, Number(thread.writeRead.readConsumed));
  }
}

/** A Binder thread: a number. */
class LocalThread implements BinderThread, Sleeper {
  readonly id: ThreadId;
  readonly buffer = new Uint8Array(READ_SIZE);
  readonly #carrier: LocalCarrier;
  readonly #events: ThreadEvents;
  readonly #argument = new DataView(new ArrayBuffer(48));
  /** Written and not carried out: the runtime's own, good until it parks, or copies. */
  #next: Commands = NOTHING;
  #errno = 0;
  #length = 0;

  constructor(carrier: LocalCarrier, id: ThreadId, events: ThreadEvents) {
    this.#carrier = carrier;
    this.id = id;
    this.#events = events;
  }

  write(commands: Commands): void {
    this.#next = this.#next.followedBy(commands);
  }

  park(isQuiet: boolean): boolean {
    const next = this.#next;
    this.#next = NOTHING;
    const argument = this.#argument;
    const result = this.#carrier.carryOut(this.id, argument, next, READ_SIZE, isQuiet);
    // It sleeps only when all was consumed.
    if (result === PARKED) return true;
    const consumed = argument.getUint32(8, true);
    if (consumed < next.length) this.#next = next.after(consumed);
    this.answered(result, argument.getUint32(32, true));
    return false;
  }

  exit(): void {
    this.#carrier.exit(this.id);
  }

  answered(errno: number, length: number): void {
    this.#errno = errno;
    this.#length = length;
    this.#carrier.deliver(this.#deliver);
  }

  readonly #deliver = (): void => {
    if (this.#carrier.isClosed) return;
    if (this.#errno === 0 || this.#errno === EINTR) this.#events.returned(this.buffer, this.#length);
    else this.#events.failed(this.#errno);
  };
}

const NOTHING = new Commands();

/** Descriptors of a process that exists only here: each stands for an object that can be duplicated and disposed of. */
class LocalCarrierFiles implements CarrierFiles {
  readonly #fds: LocalFiles;

  constructor(fds: LocalFiles) {
    this.#fds = fds;
  }

  send(file: FileDescriptor): number {
    const copy = file.dup();
    return this.#fds.open(copy, () => copy[Symbol.dispose]());
  }

  sent(fd: number): void {
    this.#fds.delete(fd);
  }

  receive(fd: number): FileDescriptor {
    const file = (this.#fds.get(fd) as FileDescriptor).dup();
    this.#fds.delete(fd);
    return file;
  }

  close(fd: number): void {
    this.#fds.delete(fd);
  }
}
