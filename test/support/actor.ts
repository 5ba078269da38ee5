import assert from 'node:assert/strict';
import {
  BINDER_GET_EXTENDED_ERROR,
  BINDER_SET_CONTEXT_MGR,
  BINDER_SET_MAX_THREADS,
  BINDER_THREAD_EXIT,
  BINDER_VERSION,
  BINDER_WRITE_READ,
} from '../../src/abi/binder.ts';
import { type DecodedCommand, decodeCommands } from '../../src/abi/commands.ts';
import * as errnos from '../../src/abi/errno.ts';
import { extendedError, flatBinderObject, writeRead } from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';
import type { Command } from './commands.ts';
import { formatStream } from './format-stream.ts';
import type { OpenOptions, Peer, PeerThread, World } from './world.ts';

/** The default size of a read buffer in scenarios. */
export const READ_SIZE = 256;

/** The two halves of a BINDER_WRITE_READ, where a scenario wants to say them itself. */
export interface WriteReadRequest {
  readonly commands?: readonly Command[];
  readonly writeSize?: U64;
  readonly writeConsumed?: U64;
  readonly writeBuffer?: U64;
  readonly readSize?: U64;
  readonly readConsumed?: U64;
  readonly readBuffer?: U64;
}

/** What a BINDER_WRITE_READ came to. */
export interface WriteReadOutcome {
  /** `'0'`, or the name of the errno. */
  readonly errno: string;
  readonly writeConsumed: U64;
  readonly readConsumed: U64;
  /** The read buffer's address, for looking at bytes that do not count as consumed. */
  readonly readBuffer: U64;
  /** The commands that were read, as text. */
  readonly text: string;
  readonly commands: readonly DecodedCommand[];
}

/** An object as its receiver sees it: the first one of a message unless the scenario says which. */
export interface ReceivedObject {
  readonly type: number;
  readonly flags: number;
  readonly binder: U64;
  readonly handle: number;
  readonly cookie: U64;
}

/** A transaction or reply that was read. */
export interface Received {
  readonly code: number;
  readonly flags: number;
  readonly targetPtr: U64;
  readonly cookie: U64;
  readonly senderPid: number;
  readonly senderEuid: number;
  readonly dataSize: number;
  readonly offsetsSize: number;
  readonly buffer: number;
  readonly offsets: number;
  /** Address of the sender's security label; absent where the plain form was read. */
  readonly secctx?: number;
  readonly data: Uint8Array;
  readonly offsetList: readonly number[];
  readonly objects: readonly ReceivedObject[];
}

/**
 * A thread of a process that talks to the driver, and says what it expects to hear. Streams are compared as text:
 * "NOOP INCREFS(10,20) TC REPLY" names the BR commands in order with the pointers and cookies they carry.
 */
export class Actor {
  readonly world: World;
  readonly peer: Peer;
  readonly thread: PeerThread;

  private constructor(world: World, peer: Peer, thread: PeerThread) {
    this.world = world;
    this.peer = peer;
    this.thread = thread;
  }

  /** Opens the device with one thread, which has asked for the version: a thread's very first ioctl never sleeps. */
  static async open(
    world: World,
    process: string,
    options: Omit<OpenOptions, 'process'> = {},
  ): Promise<Actor> {
    const peer = await world.open({ process, nonBlocking: true, ...options });
    return new Actor(world, peer, await peer.thread('main')).greet();
  }

  /** Another thread of the same open; `isNew` leaves out the version, so its first ioctl is the scenario's own. */
  async another(name: string, { isNew = false } = {}): Promise<Actor> {
    const actor = new Actor(this.world, this.peer, await this.peer.thread(name));
    return isNew ? actor : actor.greet();
  }

  /** Asks for the version, so that the thread's next ioctl is not its first. */
  async greet(): Promise<this> {
    await this.ioctl(BINDER_VERSION, 4);
    return this;
  }

  get pid(): number {
    return this.peer.pid;
  }

  /** Writes commands without reading, all of which must be carried out. */
  async write(...commands: Command[]): Promise<void> {
    const bytes = await this.#encode(commands);
    const outcome = await this.writeRead({ commands, readSize: 0 });
    assert.equal(outcome.errno, '0', 'errno of a write');
    assert.equal(outcome.writeConsumed, bytes.length, 'bytes of the write that were carried out');
  }

  /** Reads without writing, and expects exactly this stream. */
  async read(expected: string, readSize = READ_SIZE): Promise<Stream> {
    return this.#expect(expected, await this.writeRead({ readSize }));
  }

  /** Writes and reads in one ioctl, and expects exactly this stream. */
  async exchange(commands: readonly Command[], expected: string): Promise<Stream> {
    const outcome = await this.writeRead({ commands, readSize: READ_SIZE });
    return this.#expect(expected, outcome);
  }

  /** Expects that a read would sleep. */
  async readNothing(): Promise<void> {
    const outcome = await this.writeRead({ readSize: READ_SIZE });
    assert.equal(`${outcome.errno} ${outcome.text}`, 'EAGAIN ', 'a read with nothing to tell');
    assert.equal(outcome.readConsumed, 0, 'bytes read when there was nothing');
  }

  /** Begins a read in a blocking open, which must fall asleep. */
  async sleep(commands: readonly Command[] = []): Promise<Sleeper> {
    const sleeper = await this.start({ commands, readSize: READ_SIZE });
    assert.ok(sleeper.isAsleep, 'the read fell asleep');
    return sleeper;
  }

  /** Begins a BINDER_WRITE_READ, whether or not it will sleep. */
  async start(request: WriteReadRequest): Promise<Sleeper> {
    const argument = await this.#prepare(request);
    const from = request.readConsumed ?? 0;
    const answer = this.thread.ioctl(BINDER_WRITE_READ, argument);
    const sleeper = new Sleeper(this, answer, this.#outcome(argument, from, answer));
    await this.world.settle();
    return sleeper;
  }

  /** One BINDER_WRITE_READ. Nothing is expected of it. */
  async writeRead(request: WriteReadRequest): Promise<WriteReadOutcome> {
    const argument = await this.#prepare(request);
    const answer = this.thread.ioctl(BINDER_WRITE_READ, argument);
    return this.#outcome(argument, request.readConsumed ?? 0, answer);
  }

  /** Places in memory what a BINDER_WRITE_READ points to. @returns its argument. */
  async #prepare(request: WriteReadRequest): Promise<Uint8Array<ArrayBuffer>> {
    const commands = await this.#encode(request.commands ?? []);
    const readSize = request.readSize ?? 0;
    return writeRead.bytes({
      writeSize: request.writeSize ?? commands.length,
      writeConsumed: request.writeConsumed ?? 0,
      writeBuffer: request.writeBuffer ?? (await this.peer.place(commands)),
      readSize,
      readConsumed: request.readConsumed ?? 0,
      readBuffer: request.readBuffer ?? (await this.peer.place(new Uint8Array(Number(readSize)).fill(0xee))),
    });
  }

  /** What came of it, once it is answered; the read began `start` bytes into its buffer. */
  async #outcome(
    argument: Uint8Array<ArrayBuffer>,
    start: U64,
    answer: Promise<number>,
  ): Promise<WriteReadOutcome> {
    const errno = await answer;
    const result = writeRead.decode(new DataView(argument.buffer));
    const from = Number(start);
    const to = errno === 0 ? Number(result.readConsumed) : from;
    const read = await this.peer.received(Number(result.readBuffer) + from, Math.max(0, to - from));
    const decoded = decodeCommands(read);
    return {
      errno: errnoName(errno),
      writeConsumed: result.writeConsumed,
      readConsumed: result.readConsumed,
      readBuffer: result.readBuffer,
      commands: decoded,
      text: formatStream(decoded),
    };
  }

  async #encode(commands: readonly Command[]): Promise<Uint8Array> {
    const pieces = [];
    for (const command of commands) pieces.push(await command((bytes) => this.peer.place(bytes)));
    return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
  }

  #expect(expected: string, outcome: WriteReadOutcome): Stream {
    assert.equal(outcome.errno, '0', `errno of a read that expects ${expected}`);
    assert.equal(outcome.text, expected);
    return new Stream(this, outcome.commands);
  }

  /** Makes an ioctl with an argument of `size` bytes, or these bytes. @returns the argument as it came back. */
  async ioctl(command: number, argument: number | Uint8Array, expected = '0'): Promise<DataView> {
    const bytes = typeof argument === 'number' ? new Uint8Array(argument) : argument;
    const errno = await this.thread.ioctl(command, bytes);
    assert.equal(errnoName(errno), expected, `errno of ioctl 0x${command.toString(16)}`);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Becomes context manager. */
  async becomeManager(expected = '0'): Promise<void> {
    await this.ioctl(BINDER_SET_CONTEXT_MGR, 4, expected);
  }

  async setMaxThreads(count: number): Promise<void> {
    const argument = new Uint8Array(4);
    new DataView(argument.buffer).setUint32(0, count, true);
    await this.ioctl(BINDER_SET_MAX_THREADS, argument);
  }

  /** Leaves the driver: the next ioctl begins as a new thread. */
  async exit(): Promise<void> {
    await this.ioctl(BINDER_THREAD_EXIT, 4);
  }

  /** Reads and forgets why the last call failed: "FAILED_REPLY -EINVAL", "OK 0". */
  async expectError(expected: string): Promise<void> {
    assert.equal((await this.extendedError()).text, expected, 'extended error');
  }

  async extendedError(): Promise<{ id: number; text: string }> {
    const { id, command, param } = extendedError.decode(await this.ioctl(BINDER_GET_EXTENDED_ERROR, 12));
    const [decoded] = decodeCommands(new Uint8Array(Uint32Array.of(command).buffer));
    const name = decoded?.name.replace('BR_', '') ?? '?';
    return { id, text: `${name} ${param === 0 ? '0' : `-${errnoName(-param)}`}` };
  }

  poll(): Promise<boolean> {
    return this.thread.poll();
  }

  /** Closes the last descriptor. */
  close(): Promise<void> {
    return this.peer.close();
  }
}

/** What was read at once. */
export class Stream {
  readonly #actor: Actor;
  readonly commands: readonly DecodedCommand[];

  constructor(actor: Actor, commands: readonly DecodedCommand[]) {
    this.#actor = actor;
    this.commands = commands;
  }

  /** The transaction or reply in it, with its data. */
  async message(): Promise<Received> {
    const found = this.commands.find(({ name }) => /^BR_(TRANSACTION(_SEC_CTX)?|REPLY)$/.test(name));
    assert.ok(found, 'the stream has a transaction or reply');
    const fields = found as unknown as Omit<Received, 'data' | 'offsetList' | 'objects'>;
    const { peer } = this.#actor;
    const data = await peer.received(fields.buffer, fields.dataSize);
    const offsets = await peer.received(fields.offsets, fields.offsetsSize);
    const words = new DataView(offsets.buffer, offsets.byteOffset, offsets.byteLength);
    const offsetList = Array.from({ length: offsets.length / 8 }, (_, i) =>
      Number(words.getBigUint64(i * 8, true)),
    );
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const objects = offsetList.map((offset) => flatBinderObject.decode(view, offset));
    return { ...fields, data, offsetList, objects };
  }
}

/** A BINDER_WRITE_READ under way. */
export class Sleeper {
  isAsleep = true;
  readonly outcome: Promise<WriteReadOutcome>;
  readonly #actor: Actor;

  constructor(actor: Actor, answer: Promise<number>, outcome: Promise<WriteReadOutcome>) {
    this.#actor = actor;
    this.outcome = outcome;
    const wakes = () => {
      this.isAsleep = false;
    };
    answer.then(wakes, wakes);
    // Whoever cares awaits it; a failure meanwhile is not unhandled.
    outcome.catch(() => {});
  }

  /** Expects that it is answered by now with exactly this stream. */
  async wakes(expected: string): Promise<Stream> {
    const outcome = await this.#answered();
    assert.equal(outcome.errno, '0', `errno of a sleeper that expects ${expected}`);
    assert.equal(outcome.text, expected);
    return new Stream(this.#actor, outcome.commands);
  }

  /** Expects that it is answered by now with this errno. */
  async fails(errno: string): Promise<WriteReadOutcome> {
    const outcome = await this.#answered();
    assert.equal(outcome.errno, errno, 'errno of a sleeper');
    return outcome;
  }

  /** Expects that nobody woke it. */
  async sleepsOn(): Promise<void> {
    await this.#actor.world.settle();
    assert.ok(this.isAsleep, 'the sleeper is still asleep');
  }

  async #answered(): Promise<WriteReadOutcome> {
    await this.#actor.world.settle();
    assert.ok(!this.isAsleep, 'the sleeper was woken');
    return this.outcome;
  }
}

const NAMES = new Map(Object.entries(errnos).map(([name, number]) => [number, name]));

/** `'EINVAL'` for 22, `'0'` for 0. */
export function errnoName(errno: number): string {
  return errno === 0 ? '0' : (NAMES.get(errno) ?? `errno ${errno}`);
}
