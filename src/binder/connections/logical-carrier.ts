import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { BINDER_THREAD_EXIT, BINDER_WRITE_READ } from '../../abi/binder.ts';
import { ECONNREFUSED, EINTR } from '../../abi/errno.ts';
import { iocSize } from '../../abi/ioctl-code.ts';
import {
  LOGICAL_EVENT,
  LOGICAL_HEADER,
  LOGICAL_OPEN,
  logicalIoctl,
  MAX_LOGICAL_ARGUMENT,
  UBINDER_LOGICAL_OPEN,
} from '../../abi/logical-threads.ts';
import { writeU64 } from '../../abi/u64.ts';
import { createArea, type MappedArea } from '../../host/linux/area.ts';
import type { DeviceFile } from '../../host/linux/device-file.ts';
import { enlargeSendBuffer, socketPair } from '../../host/linux/unix-socket.ts';
import { type BinderThread, Commands, type ThreadEvents, type TurnBudget } from '../runtime/seam.ts';
import { DeviceCarrier } from './device-carrier.ts';
import { LogicalFiles } from './logical-files.ts';
import { Turns } from './turns.ts';

const READ_SIZE = 512;
/** Struct binder_write_read, in the argument. */
const COUNTS = LOGICAL_HEADER.size;
const READ_AT = COUNTS + 48;
const COMMANDS_AT = READ_AT + READ_SIZE;
const MAX_COMMANDS = MAX_LOGICAL_ARGUMENT - COMMANDS_AT;
/** Bytes read from the socket of events at once. */
const EVENTS_SIZE = 64 * 1024;
/** Bytes of events that may wait, where the system allows so many: a thousand calls can end at the same time. */
const SOCKET_SIZE = 1024 * 1024;
/** The thread that writes commands of no thread. */
const MAIN_THREAD = 1;

const NOTHING = new Commands();

/**
 * A device of a ubinder daemon: Binder threads are numbers, as many as there are calls. Their ioctls are made by the event
 * loop and never sleep; what ends a sleep comes through a socket.
 */
export class LogicalCarrier extends DeviceCarrier {
  readonly maxThreads = 4095;
  readonly maxCallers = 4096;
  readonly files: LogicalFiles;
  /** The argument of the ioctls. They are made one after the other, so one is enough. */
  readonly #area = createArea(MAX_LOGICAL_ARGUMENT + 1);
  readonly #socket: Socket;
  readonly #threads = new Map<number, LogicalThread>();
  readonly #turns = new Turns();
  readonly budget: TurnBudget = this.#turns.budget;
  #lastThread = MAIN_THREAD;
  #main: Commands = NOTHING;
  /** The beginning of an event whose end was not read yet. */
  #partial: Uint8Array | null = null;

  /** @returns `null` when the driver of the device has no logical threads. */
  static open(device: DeviceFile): LogicalCarrier | null {
    const events = socketPair();
    const files = socketPair();
    const argument = new Uint8Array(LOGICAL_OPEN.size);
    const view = new DataView(argument.buffer);
    view.setInt32(LOGICAL_OPEN.events, events[1], true);
    view.setInt32(LOGICAL_OPEN.files, files[1], true);
    enlargeSendBuffer(events[1], SOCKET_SIZE);
    const errno = device.ioctl(UBINDER_LOGICAL_OPEN, argument);
    // The daemon has duplicates. When it ends, ours see it.
    closeSync(events[1]);
    closeSync(files[1]);
    if (errno === 0) return new LogicalCarrier(device, events[0], files[0]);
    closeSync(events[0]);
    closeSync(files[0]);
    return null;
  }

  private constructor(device: DeviceFile, events: number, files: number) {
    super(device);
    this.files = new LogicalFiles(files);
    const buffer = new Uint8Array(EVENTS_SIZE);
    this.#socket = new Socket({
      fd: events,
      onread: {
        buffer,
        callback: (length: number) => {
          this.#read(buffer.subarray(0, length));
          return true;
        },
      },
    } as ConstructorParameters<typeof Socket>[0]);
    this.#socket.unref();
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => this.#deviceIsGone());
  }

  write(commands: Commands): void {
    const all = this.#main.followedBy(commands);
    this.#main = NOTHING;
    const { rest } = this.#writeRead(MAIN_THREAD, all, 0);
    if (rest) this.#main = rest;
  }

  openThread(events: ThreadEvents): BinderThread {
    const thread = new LogicalThread(this, ++this.#lastThread, events);
    this.#threads.set(thread.id, thread);
    return thread;
  }

  keepAlive(isNeeded: boolean): void {
    if (isNeeded) this.#socket.ref();
    else this.#socket.unref();
  }

  protected end(): null {
    this.#socket.destroy();
    this.files.end();
    this.#area.release();
    this.#threads.clear();
    return null;
  }

  // ---- for its threads

  /**
   * Writes `commands`, then reads for a thread. What was read is copied to `buffer`.
   *
   * @returns the errno; how much was read, -1 when the thread sleeps; and what was not consumed, if anything was not
   */
  exchange(id: number, commands: Commands, buffer: Uint8Array, isQuiet: boolean): Exchanged {
    const result = this.#writeRead(id, commands, READ_SIZE, isQuiet);
    if (result.length > 0) buffer.set(this.#area.bytes.subarray(READ_AT, READ_AT + result.length));
    return result;
  }

  exitThread(id: number): void {
    this.#threads.delete(id);
    if (this.isClosed) return;
    this.#ioctl(id, BINDER_THREAD_EXIT, COMMANDS_AT);
  }

  deliver(delivery: () => void): void {
    this.#turns.add(delivery);
  }

  /** From the event loop. */
  deliverNow(delivery: () => void): void {
    this.#turns.run(delivery);
  }

  #writeRead(id: number, commands: Commands, readSize: number, isQuiet = false): Exchanged {
    let next = commands;
    while (next.length > MAX_COMMANDS) {
      const first = wholeCommands(next.bytes, MAX_COMMANDS);
      const part = Commands.of(
        next.bytes.subarray(0, first),
        next.attachments.filter(({ at }) => at < first),
      );
      const { errno, rest } = this.#writeReadOnce(id, part, 0, false);
      next = next.after(first);
      if (errno === 0 && !rest) continue;
      return { errno, length: 0, rest: rest ? rest.followedBy(next) : next };
    }
    return this.#writeReadOnce(id, next, readSize, isQuiet);
  }

  #writeReadOnce(id: number, commands: Commands, readSize: number, isQuiet: boolean): Exchanged {
    const { bytes, view, address } = this.#area;
    const { length, attachments } = commands;
    bytes.set(commands.bytes, COMMANDS_AT);
    let at = aligned(COMMANDS_AT + length);
    let large: MappedArea[] | null = null;
    for (const attachment of attachments) {
      const size = attachment.bytes.length;
      let place: number;
      if (at + size <= MAX_LOGICAL_ARGUMENT) {
        bytes.set(attachment.bytes, at);
        place = address + at;
        at = Math.min(aligned(at + size), MAX_LOGICAL_ARGUMENT);
      } else {
        const area = createArea(size);
        area.bytes.set(attachment.bytes);
        place = area.address;
        large ??= [];
        large.push(area);
      }
      writeU64(view, COMMANDS_AT + attachment.at, place);
    }
    writeU64(view, COUNTS, length);
    writeU64(view, COUNTS + 8, 0);
    writeU64(view, COUNTS + 16, address + COMMANDS_AT);
    writeU64(view, COUNTS + 24, readSize);
    writeU64(view, COUNTS + 32, 0);
    writeU64(view, COUNTS + 40, address + READ_AT);
    const errno = this.#ioctl(id, BINDER_WRITE_READ, at, isQuiet);
    for (const area of large ?? []) area.release();
    const consumed = view.getUint32(COUNTS + 8, true);
    const rest = consumed < length ? commands.after(consumed) : null;
    if (view.getUint32(LOGICAL_HEADER.files, true) > 0) this.files.fetch();
    const sleeps = errno === 0 && view.getUint32(LOGICAL_HEADER.sleeps, true) !== 0;
    return { errno, length: sleeps ? SLEEPS : view.getUint32(COUNTS + 32, true), rest };
  }

  #ioctl(id: number, command: number, size: number, isQuiet = false): number {
    const { view, address } = this.#area;
    view.setUint32(LOGICAL_HEADER.thread, id, true);
    view.setUint32(LOGICAL_HEADER.command, command, true);
    view.setUint32(LOGICAL_HEADER.quiet, isQuiet ? 1 : 0, true);
    view.setUint32(LOGICAL_HEADER.files, 0, true);
    let errno: number;
    do errno = this.device.ioctlAt(logicalIoctl(size), address);
    while (errno === EINTR);
    return errno;
  }

  #read(received: Uint8Array): void {
    let bytes = received;
    if (this.#partial) {
      bytes = new Uint8Array(this.#partial.length + received.length);
      bytes.set(this.#partial);
      bytes.set(received, this.#partial.length);
      this.#partial = null;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    while (at + LOGICAL_EVENT.size <= bytes.length) {
      const end = at + LOGICAL_EVENT.size + view.getUint32(at + LOGICAL_EVENT.length, true);
      if (end > bytes.length) break;
      if (this.isClosed) return;
      if (view.getUint32(at + LOGICAL_EVENT.files, true) > 0) this.files.fetch();
      const id = view.getUint32(at + LOGICAL_EVENT.thread, true);
      const content = bytes.subarray(at + LOGICAL_EVENT.size, end);
      if (id === 0) this.#closeFiles(content);
      else this.#threads.get(id)?.ended(view.getInt32(at + LOGICAL_EVENT.errno, true), content);
      at = end;
    }
    if (at < bytes.length) this.#partial = bytes.slice(at);
  }

  #closeFiles(numbers: Uint8Array): void {
    const view = new DataView(numbers.buffer, numbers.byteOffset, numbers.length);
    for (let i = 0; i < numbers.length; i += 4) this.files.close(view.getUint32(i, true));
  }

  #deviceIsGone(): void {
    if (this.isClosed) return;
    // The first that is told ends the connection.
    for (const thread of [...this.#threads.values()]) thread.deviceIsGone();
  }
}

/** In place of a length: there was nothing to read. */
const SLEEPS = -1;

interface Exchanged {
  readonly errno: number;
  readonly length: number;
  readonly rest: Commands | null;
}

/** A Binder thread: a number. */
class LogicalThread implements BinderThread {
  readonly id: number;
  readonly #carrier: LogicalCarrier;
  readonly #events: ThreadEvents;
  readonly #buffer = new Uint8Array(READ_SIZE);
  #next: Commands = NOTHING;
  #errno = 0;
  #length = 0;
  #sleeps = false;

  constructor(carrier: LogicalCarrier, id: number, events: ThreadEvents) {
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
    const { errno, length, rest } = this.#carrier.exchange(this.id, next, this.#buffer, isQuiet);
    if (rest) this.#next = rest;
    this.#sleeps = length === SLEEPS;
    if (this.#sleeps) return true;
    this.#errno = errno;
    this.#length = length;
    this.#carrier.deliver(this.#deliver);
    return false;
  }

  exit(): void {
    this.#carrier.exitThread(this.id);
  }

  /** Its sleep has ended. */
  ended(errno: number, read: Uint8Array): void {
    if (!this.#sleeps) return;
    this.#sleeps = false;
    this.#buffer.set(read);
    this.#errno = errno;
    this.#length = read.length;
    this.#carrier.deliverNow(this.#deliver);
  }

  deviceIsGone(): void {
    this.#sleeps = false;
    if (!this.#carrier.isClosed) this.#events.failed(ECONNREFUSED);
  }

  readonly #deliver = (): void => {
    if (this.#carrier.isClosed) return;
    if (this.#errno === 0 || this.#errno === EINTR) this.#events.returned(this.#buffer, this.#length);
    else this.#events.failed(this.#errno);
  };
}

/** How many of the first `limit` bytes are whole commands. */
function wholeCommands(bytes: Uint8Array, limit: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  for (;;) {
    const end = at + 4 + iocSize(view.getUint32(at, true));
    if (end > limit) return at;
    at = end;
  }
}

function aligned(length: number): number {
  return (length + 7) & ~7;
}
