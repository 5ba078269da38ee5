import { BINDER_THREAD_EXIT, BINDER_WRITE_READ } from '../../abi/binder.ts';
import { EBADF, EINVAL, EMFILE, ENOTTY } from '../../abi/errno.ts';
import { iocNumber } from '../../abi/ioctl-code.ts';
import {
  LOGICAL_EVENT,
  LOGICAL_HEADER,
  LOGICAL_OPEN,
  logicalIoctl,
  MAX_LOGICAL_READ,
  UBINDER_LOGICAL_OPEN,
} from '../../abi/logical-threads.ts';
import { readU64 } from '../../abi/u64.ts';
import {
  type Area,
  type Caller,
  type ClientMemory,
  type Installed,
  PARKED,
  type ThreadId,
} from '../../driver/ports.ts';
import type { Process } from '../../driver/process.ts';
import type { Thread } from '../../driver/thread.ts';
import { copySegments } from '../../page/copy-segments.ts';
import type { ScatterList } from '../../page/scatter-list.ts';
import type { FuseReply } from '../fuse/reply.ts';
import { createArea, type MappedArea } from '../linux/area.ts';
import { once } from '../linux/once.ts';
import { type TakenFile, takeFile } from '../linux/open-file.ts';
import { isUnixStream, MAX_FILES, sendFiles } from '../linux/unix-socket.ts';
import { EventSocket } from './event-socket.ts';
import type { Ioctl } from './mapping-injections.ts';

/** What the driver calls logical thread 0; those of the system have lower ids. */
export const FIRST_LOGICAL = 2 ** 32;

/** Struct binder_write_read, behind the header. */
const WRITE_READ_SIZE = 48;

/** Descriptors that travel by socket have numbers of their own, which no descriptor has. */
const FIRST_FILE = 0x4000_0000;
const LAST_FILE = 0x7fff_ffff;

/** The event that is being made: header and commands. Nothing comes between its making and its sending. */
const event = once((): MappedArea => createArea(LOGICAL_EVENT.size + MAX_LOGICAL_READ));

/**
 * The logical threads of one open (see `abi/logical-threads.ts`), and the client's memory as they see it.
 *
 * The client's memory is touched only while the OS thread that makes the ioctl waits for its answer, as with every other
 * ioctl: later the process may be in another program, with other rights. What comes later goes through the socket.
 */
export class LogicalThreads implements ClientMemory {
  readonly #process: Process;
  readonly #memory: ClientMemory;
  readonly #events: EventSocket;
  readonly #files: TakenFile;
  #lastFile = FIRST_FILE;
  readonly #caller: Caller = { thread: 0, euid: 0, request: 0, nonBlocking: false };
  /** The logical thread whose ioctl is carried out, and the OS thread that makes it; 0 in between. */
  #current: ThreadId = 0;
  #osThread: ThreadId = 0;
  /** The argument of the ioctl: where the client has it, how large it is, and where it came to. */
  #address = 0;
  #size = 0;
  #at = 0;
  #area!: Area;
  /** Messages sent through the files socket of which no event has told yet. */
  #sentFiles = 0;

  /** @param memory - the client's memory as OS threads see it */
  private constructor(process: Process, memory: ClientMemory, events: TakenFile, files: TakenFile) {
    this.#process = process;
    this.#memory = memory;
    this.#events = new EventSocket(events);
    this.#files = files;
  }

  /** UBINDER_LOGICAL_OPEN. @returns an errno when it is not to be had */
  static open(request: Ioctl, process: Process, memory: ClientMemory): LogicalThreads | number {
    if (request.command !== UBINDER_LOGICAL_OPEN) return ENOTTY;
    const { area, dataAt, pid } = request;
    const events = takeSocket(pid, area.view.getInt32(dataAt + LOGICAL_OPEN.events, true));
    if (typeof events === 'number') return events;
    const files = takeSocket(pid, area.view.getInt32(dataAt + LOGICAL_OPEN.files, true));
    if (typeof files === 'number') {
      events.close();
      return files;
    }
    return new LogicalThreads(process, memory, events, files);
  }

  /** UBINDER_LOGICAL_IOCTL: answers at once. */
  ioctl(request: Ioctl, reply: FuseReply): void {
    const { unique, command, area, dataAt, inSize, outSize } = request;
    const { view } = area;
    const isKnown = iocNumber(command) === iocNumber(logicalIoctl(0));
    if (!isKnown || inSize !== outSize || inSize < LOGICAL_HEADER.size + WRITE_READ_SIZE) {
      return void reply.ioctlResult(unique, -(isKnown ? EINVAL : ENOTTY));
    }
    const id = view.getUint32(dataAt + LOGICAL_HEADER.thread, true);
    const inner = view.getUint32(dataAt + LOGICAL_HEADER.command, true);
    const at = dataAt + LOGICAL_HEADER.size;
    this.#address = request.argument;
    this.#size = inSize;
    this.#area = area;
    this.#at = dataAt;
    let readAt = 0;
    if (inner === BINDER_WRITE_READ) {
      readAt = this.#placeOf(view, at + 40, at + 24);
      const writeAt = this.#placeOf(view, at + 16, at);
      if (readAt < 0 || writeAt < 0 || Number(readU64(view, at + 24)) > MAX_LOGICAL_READ) {
        return void reply.ioctlResult(unique, -EINVAL);
      }
    } else if (inner !== BINDER_THREAD_EXIT) {
      return void reply.ioctlResult(unique, -EINVAL);
    }
    if (id === 0) return void reply.ioctlResult(unique, -EINVAL);
    const caller = this.#caller;
    caller.thread = FIRST_LOGICAL + id;
    caller.euid = request.uid;
    caller.quietReplies = view.getUint32(dataAt + LOGICAL_HEADER.quiet, true) !== 0;
    this.#current = caller.thread;
    this.#osThread = request.pid;
    const result = this.#process.ioctl(caller, inner, view, at);
    this.#current = 0;
    const sleeps = result === PARKED;
    if (sleeps) this.#process.threads.get(caller.thread)?.writeRead.store(view, at);
    view.setUint32(dataAt + LOGICAL_HEADER.sleeps, sleeps ? 1 : 0, true);
    view.setUint32(dataAt + LOGICAL_HEADER.files, sleeps ? 0 : this.#takeSentFiles(), true);
    const read = inner === BINDER_WRITE_READ && !sleeps ? Number(readU64(view, at + 32)) : 0;
    // Only what was read goes back, behind the header and the counts.
    const end = Math.max(LOGICAL_HEADER.size + WRITE_READ_SIZE, read > 0 ? readAt + read : 0);
    reply.ioctl(unique, sleeps ? 0 : -result, area, dataAt, end);
  }

  /** The read of a thread that slept has ended. */
  answer(thread: Thread, errno: number): void {
    const length = errno === 0 ? Number(thread.writeRead.readConsumed) : 0;
    this.#send(thread.id - FIRST_LOGICAL, errno, length);
  }

  /** The OS thread in whose place something is done for `thread`, while it is in an ioctl. */
  osThread(thread: ThreadId): ThreadId {
    return thread < FIRST_LOGICAL ? thread : thread === this.#current ? this.#osThread : 0;
  }

  /** Sends the client descriptors. @returns their numbers, by which the client finds them, or an errno */
  install(files: readonly TakenFile[]): Installed {
    const numbers: number[] = [];
    for (let i = 0; i < files.length; i += MAX_FILES) {
      const some = files.slice(i, i + MAX_FILES);
      if (this.#lastFile + some.length > LAST_FILE) this.#lastFile = FIRST_FILE;
      const first = this.#lastFile + 1;
      const error = sendFiles(
        this.#files.fd,
        first,
        some.map(({ fd }) => fd),
      );
      if (error !== 0) return EMFILE;
      this.#sentFiles++;
      this.#lastFile += some.length;
      numbers.push(...some.map((_, index) => first + index));
    }
    return numbers;
  }

  /** Tells the client to close what it has under these numbers. */
  closeFiles(numbers: readonly number[]): void {
    const { view } = event();
    for (let i = 0; i < numbers.length; i += MAX_LOGICAL_READ / 4) {
      const some = numbers.slice(i, i + MAX_LOGICAL_READ / 4);
      some.forEach((number, index) => void view.setUint32(LOGICAL_EVENT.size + index * 4, number, true));
      this.#send(0, 0, some.length * 4);
    }
  }

  close(): void {
    this.#events.close();
    this.#files.close();
  }

  read(thread: ThreadId, address: number, into: Area, at: number, length: number): number {
    if (thread < FIRST_LOGICAL) return this.#memory.read(thread, address, into, at, length);
    if (thread !== this.#current) return 0;
    const start = address - this.#address;
    if (start < 0 || start + length > this.#size) {
      return this.#memory.read(this.#osThread, address, into, at, length);
    }
    const from = this.#at + start;
    into.bytes.set(this.#area.bytes.subarray(from, from + length), at);
    return length;
  }

  readv(thread: ThreadId, from: ScatterList, into: Area, to: ScatterList): number {
    return thread < FIRST_LOGICAL
      ? this.#memory.readv(thread, from, into, to)
      : copySegments(this, thread, from, into, to);
  }

  write(thread: ThreadId, address: number, from: Area, at: number, length: number): number {
    if (thread < FIRST_LOGICAL) return this.#memory.write(thread, address, from, at, length);
    const bytes = from.bytes.subarray(at, at + length);
    if (thread === this.#current) {
      const start = address - this.#address;
      if (start < 0 || start + length > this.#size) return 0;
      this.#area.bytes.set(bytes, this.#at + start);
      return length;
    }
    // It sleeps, and its event is made now.
    const buffer = this.#process.threads.get(thread)?.writeRead.readBuffer;
    const start = address - Number(buffer ?? 0);
    if (start < 0 || start + length > MAX_LOGICAL_READ) return 0;
    event().bytes.set(bytes, LOGICAL_EVENT.size + start);
    return length;
  }

  /** Where in the argument a buffer lies, of which pointer and size are given; -1 when it does not. */
  #placeOf(view: DataView, pointerAt: number, sizeAt: number): number {
    const size = readU64(view, sizeAt);
    if (size === 0) return 0;
    const start = Number(readU64(view, pointerAt)) - this.#address;
    return start >= LOGICAL_HEADER.size + WRITE_READ_SIZE && start + Number(size) <= this.#size ? start : -1;
  }

  #send(thread: number, errno: number, length: number): void {
    const area = event();
    const { view } = area;
    view.setUint32(LOGICAL_EVENT.thread, thread, true);
    view.setInt32(LOGICAL_EVENT.errno, errno, true);
    view.setUint32(LOGICAL_EVENT.length, length, true);
    view.setUint32(LOGICAL_EVENT.files, this.#takeSentFiles(), true);
    this.#events.send(area, LOGICAL_EVENT.size + length);
  }

  #takeSentFiles(): number {
    const count = this.#sentFiles;
    this.#sentFiles = 0;
    return count;
  }
}

function takeSocket(thread: ThreadId, fd: number): TakenFile | number {
  if (fd < 0) return EBADF;
  const file = takeFile(thread, fd);
  if (typeof file === 'number' || isUnixStream(file.fd)) return file;
  file.close();
  return EINVAL;
}
