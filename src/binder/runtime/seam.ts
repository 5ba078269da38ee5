import { iocSize } from '../../abi/ioctl-code.ts';
import { type U64, writeU64 } from '../../abi/u64.ts';
import type { FileDescriptor } from '../parcel/parcel.ts';

/**
 * What carries a Binder connection: one open of one device, whatever it is. This is the seam between the runtime, which
 * knows the protocol (looper commands, counts, calls and replies, deaths), and what makes the ioctls. A carrier knows
 * nothing of parcels, objects or promises; the runtime nothing of memory, Workers or files.
 *
 * ```
 *   runtime   ThreadPool ── write(commands), park() ──►  BinderThread     carrier
 *                        ◄── events.returned(bytes) ──   (one for each Binder thread)
 *             Connection ── write(commands) ──────────►  Carrier          counts, FREE_BUFFER, deaths: from any thread
 *                        ◄── view(address, length) ───   what arrived
 * ```
 *
 * To write one:
 *
 * - All methods are called on the event loop and return at once. {@link ThreadEvents} are called on the event loop too, and
 *   **never from within a method of the carrier**: the runtime is not re-entrant. What is known at once is told from a
 *   microtask.
 * - A {@link BinderThread} is one thread for the driver, from `openThread` to `exit`: a reply is written by the thread that
 *   read the call. It is an OS thread in a Worker on any Binder device; a logical thread, a number, where the driver
 *   allows it (the driver in this process; our own mount). The runtime writes to a thread only while it is not parked.
 * - `write` then `park` are one BINDER_WRITE_READ, and should be one ioctl. What the driver did not consume (it stops when a
 *   command failed) the carrier keeps, and begins the next one with.
 * - Commands point to memory: {@link Commands.attachments} are bytes to be placed where the driver can read them, their
 *   address to be stored in the command. Commands and attachments are the carrier's until `park` (or the carrier's own
 *   `write`) returns; it copies what it needs longer. The runtime uses them again afterwards.
 * - What arrived stays where it is until the runtime writes BC_FREE_BUFFER with its address. `view` must be good until then:
 *   the mapping itself, or a copy that came along.
 * - The carrier maps the device (libbinder: 1 MiB less two pages) and checks BINDER_VERSION before it is given out.
 * - EINTR is the carrier's: it goes on. Any other errno ends in {@link ThreadEvents.failed}; the runtime then gives the thread
 *   up, and, when the device is gone, calls `close`.
 */
export interface Carrier {
  /** Who this process is: what a call to an object of its own sees. */
  readonly identity: { readonly pid: number; readonly uid: number };
  /** Threads that the driver may ask for (BINDER_SET_MAX_THREADS), besides the first: few where each is an OS thread. */
  readonly maxThreads: number;
  /** Calls that may wait for replies at once, each on a thread. Further ones queue. */
  readonly maxCallers: number;
  /** The process's descriptors; `null` where none can travel. */
  readonly files: CarrierFiles | null;
  /** The runtime asks it before it begins to send a call or a reply, and waits when it is spent. */
  readonly budget: TurnBudget;

  /**
   * An ioctl that no thread of the pool makes, and that may take its time (BINDER_FREEZE): `argument` is changed in place.
   *
   * @returns 0 or a positive errno.
   */
  ioctl(command: number, argument: Uint8Array): number | Promise<number>;
  /** Carries out commands that any thread may write, in order and before this returns. They are never transactions. */
  write(commands: Commands): void;
  /** A new Binder thread. @param events - where it tells what it read */
  openThread(events: ThreadEvents): BinderThread;
  /**
   * The event loop's own OS thread, for calls that nothing else is to run beside. It may only be asked for once; absent where
   * the driver needs the event loop.
   */
  openLoopThread?(events: ThreadEvents): LoopThread;
  /** What arrived at `address`; see above for how long. */
  view(address: number, length: number): Uint8Array;
  /** Whether the connection keeps the process alive: while it serves or has calls under way. */
  keepAlive(isNeeded: boolean): void;
  /** Closes the device: threads end without further events. Closing again does nothing. */
  close(): void;
}

/** How long calls may keep the event loop busy before timers and I/O get their turn. */
export interface TurnBudget {
  /** To be asked before each piece of work. @returns whether it must wait for the next turn, see {@link renewed} */
  isSpent(): boolean;
  /** Calls back once in the next turn, if it was spent; or later, when others spend that. */
  renewed(callback: () => void): void;
}

/** One Binder thread of a {@link Carrier}. */
export interface BinderThread {
  /** Adds commands, to be carried out at the latest when it parks next. */
  write(commands: Commands): void;
  /**
   * Reads: sleeps until the driver has something for this thread, and tells {@link ThreadEvents.returned}.
   *
   * @param isQuiet - of a reply that it writes, nobody needs to hear that it was taken: its BR_TRANSACTION_COMPLETE may be
   *   left out
   * @returns true when the thread sleeps now, so that all that it wrote has been taken. False when it does not, or may not.
   */
  park(isQuiet: boolean): boolean;
  /** The thread ends (BINDER_THREAD_EXIT). Not while parked. */
  exit(): void;
}

/** A {@link BinderThread} that sleeps on the event loop, in {@link step} and only there. */
export interface LoopThread extends BinderThread {
  /** Carries out what was parked with, and tells of it before this returns. */
  step(): void;
}

/** Where a {@link BinderThread} tells what happens to it. */
export interface ThreadEvents {
  /** The park ended. @param buffer - begins with `length` bytes of BR commands; good only during the call */
  returned(buffer: Uint8Array, length: number): void;
  /** The ioctl failed: the thread is of no use any more. ECONNREFUSED, EBADF, ENOTCONN: the device is gone. */
  failed(errno: number): void;
}

/** The descriptors of the process. */
export interface CarrierFiles {
  /** @returns a number for the driver to take it by, good until the parcel was sent; then {@link sent} is called with it. */
  send(file: FileDescriptor): number;
  /** The parcel with this number was sent, or refused. */
  sent(fd: number): void;
  /** A descriptor that arrived: the result owns it. */
  receive(fd: number): FileDescriptor;
  /** Closes one that arrived and that nobody wanted. */
  close(fd: number): void;
}

/** Bytes that a command points to. */
export interface Attachment {
  /** Where in the commands the address belongs: 8 bytes, little-endian. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** BC commands, packed as the driver wants them, and the memory that they point to. */
export class Commands {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  /** Bytes used. */
  length = 0;
  readonly attachments: Attachment[] = [];

  /** Copies of commands that were packed elsewhere. */
  static of(bytes: Uint8Array, attachments: readonly Attachment[]): Commands {
    const commands = new Commands();
    const start = commands.#extend(bytes.length); // which may replace the memory
    commands.#bytes.set(bytes, start);
    commands.attachments.push(...attachments);
    return commands;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  /** What the commands lie in, from its start. */
  get memory(): Uint8Array {
    return this.#bytes;
  }

  /** To store addresses in. */
  get view(): DataView {
    return this.#view;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Empties it. */
  clear(): void {
    this.length = 0;
    if (this.attachments.length > 0) this.attachments.length = 0;
  }

  /** These and, behind them, `others`: `others` itself where these are none, or a copy; attachments are shared. */
  followedBy(others: Commands): Commands {
    if (this.isEmpty) return others;
    const all = new Commands();
    for (const { bytes, attachments } of [this, others]) {
      const start = all.#extend(bytes.length);
      all.#bytes.set(bytes, start);
      for (const one of attachments) all.attachments.push({ at: one.at + start, bytes: one.bytes });
    }
    return all;
  }

  /** A copy of what follows the first `consumed` bytes, attachments included. */
  after(consumed: number): Commands {
    const rest = new Commands();
    const start = rest.#extend(this.length - consumed);
    rest.#bytes.set(this.bytes.subarray(consumed), start);
    for (const { at, bytes } of this.attachments) {
      if (at >= consumed) rest.attachments.push({ at: at - consumed, bytes: bytes.slice() });
    }
    return rest;
  }

  /** A command without payload. */
  plain(code: number): void {
    this.#add(code);
  }

  /** A command with a handle. */
  handle(code: number, handle: number): void {
    this.#view.setUint32(this.#add(code), handle, true);
  }

  /** A command with one 64-bit value: a buffer or a cookie. */
  value(code: number, value: U64): void {
    const at = this.#add(code);
    writeU64(this.#view, at, value);
  }

  /** A command with a handle and a cookie. */
  handleCookie(code: number, handle: number, cookie: U64): void {
    const at = this.#add(code);
    this.#view.setUint32(at, handle, true);
    writeU64(this.#view, at + 4, cookie);
  }

  /** A command with a node. */
  node(code: number, ptr: U64, cookie: U64): void {
    const at = this.#add(code);
    writeU64(this.#view, at, ptr);
    writeU64(this.#view, at + 8, cookie);
  }

  /** BC_TRANSACTION or BC_REPLY. */
  transaction(
    code: number,
    handle: number,
    method: number,
    flags: number,
    data: Uint8Array,
    offsets: readonly number[],
  ): void {
    const at = this.#add(code);
    const view = this.#view;
    view.setUint32(at, handle, true);
    view.setUint32(at + 16, method, true);
    view.setUint32(at + 20, flags, true);
    view.setUint32(at + 32, data.length, true);
    view.setUint32(at + 40, offsets.length * 8, true);
    if (data.length > 0) this.attachments.push({ at: at + 48, bytes: data });
    if (offsets.length === 0) return;
    const places = new Uint8Array(offsets.length * 8);
    const words = new DataView(places.buffer);
    offsets.forEach((offset, i) => void words.setUint32(i * 8, offset, true));
    this.attachments.push({ at: at + 56, bytes: places });
  }

  /** Adds a code and room for its payload, zeroed. @returns where the payload begins. */
  #add(code: number): number {
    const start = this.#extend(4 + iocSize(code));
    this.#view.setUint32(start, code, true);
    return start + 4;
  }

  /** Adds `length` zeroed bytes. @returns where they begin. */
  #extend(length: number): number {
    const start = this.length;
    const end = start + length;
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    this.#bytes.fill(0, start, end);
    this.length = end;
    return start;
  }
}
