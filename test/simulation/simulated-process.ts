import assert from 'node:assert/strict';
import * as binder from '../../src/abi/binder.ts';
import { type DecodedCommand, decodeCommands, encodeCommands } from '../../src/abi/commands.ts';
import { EAGAIN, EBADF, EBUSY, EFAULT, EINTR, EINVAL, ENOMEM, EPERM } from '../../src/abi/errno.ts';
import { flatBinderObject, writeRead } from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';
import { LocalProcess, type RawLocalDriver } from '../../src/binder/connections/local.ts';
import type { Context } from '../../src/driver/context.ts';
import { type Area, type Mapping, PARKED, RESTART, type ThreadId } from '../../src/driver/ports.ts';
import type { Thread } from '../../src/driver/thread.ts';
import type { Random } from '../support/random.ts';
import { anyAddress, concatenate } from './messages.ts';
import type { SimulatedFiles, SimulatedHost } from './simulated-host.ts';

/** What clients send lies here. The driver reads it within the ioctl, so one piece of memory serves all. */
export const OUT_ADDRESS = 0x10000;
export const OUT_SIZE = 64 * 1024;
export const DATA_ADDRESS: number = OUT_ADDRESS + 8 * 1024;
export const SG_ADDRESS: number = OUT_ADDRESS + 48 * 1024;
const out = new Uint8Array(OUT_SIZE);
let nextData = DATA_ADDRESS;

/** What was sent before is not needed any more. */
export function beginSending(): void {
  nextData = DATA_ADDRESS;
}

/** What threads read, each at its own place. */
const READ_ADDRESS = 0x1000_0000;
const READ_STEP = 0x10_0000;
const SMALL_READ = 512;
const LARGE_READ = 16 * 1024;

/** A thread that makes no calls, so that it can always take one: where all wait for each other nobody would. */
const SERVER = 99;

/** A BINDER_WRITE_READ; what is not said follows from the commands. */
export interface WriteRead {
  readonly commands?: Uint8Array;
  readonly writeSize?: U64;
  readonly writeConsumed?: U64;
  readonly readSize?: U64;
  readonly readConsumed?: U64;
  readonly readBuffer?: U64 | undefined;
  readonly nonBlocking?: boolean;
}

/** A buffer that was received, and what was in it. */
interface ReceivedBuffer {
  readonly address: number;
  readonly data: Uint8Array;
  readonly handles: number[];
}

/** What a thread wrote and what it was told about it: nothing may end twice, or never. */
class Account {
  /** Synchronous calls, by their numbers, that were carried out and not answered by a reply yet. */
  readonly open: number[] = [];
  calls = 0;
  /** Oneway calls and replies. */
  others = 0;
  completions = 0;
  replies = 0;
  errors = 0;
  /** A copy to the thread faulted, so that it was not told everything. */
  isLossy = false;
  /** It wrote while an error was unread: of a second one, the driver tells nobody, as the kernel's does not. */
  mayMissError = false;

  check(name: string): void {
    const { calls, others, completions, replies, errors } = this;
    assert.ok(completions <= calls + others, `${name} was told of more completions than it sent commands`);
    assert.ok(replies <= calls, `${name} got more replies than it made calls`);
    assert.ok(replies + errors <= calls + others, `${name} has more ends than commands`);
  }

  /** When there is nothing more to be told. */
  checkEnd(name: string): void {
    if (this.isLossy || this.mayMissError) return;
    const { calls, others, completions, replies, errors } = this;
    assert.ok(replies + errors >= calls, `${name} has a call that never ended`);
    assert.ok(
      completions + replies + errors >= calls + others,
      `${name} was not told what became of a command`,
    );
  }
}

/** A client, with what it knows from what it was told. */
export class SimulatedProcess extends LocalProcess {
  readonly host: SimulatedHost;
  readonly isHonest: boolean;
  readonly #firstThread: ThreadId;
  /** Threads asleep in a BINDER_WRITE_READ, with what they asked for, or (`null`) in a BINDER_FREEZE. */
  readonly asleep = new Map<ThreadId, WriteRead | null>();
  readonly buffers: ReceivedBuffer[] = [];
  /** Commands that wait for their _DONE. */
  readonly announced: DecodedCommand[] = [];
  /** Counts that commands of this client took, by handle and kind. */
  readonly #taken = new Map<string, number>();
  readonly #lastOneway = new Map<U64, number>();
  readonly #accounts = new Map<ThreadId, Account>();
  readonly #readAreas = new Map<number, Uint8Array>();
  readonly #restarts: { id: ThreadId; argument: DataView }[] = [];
  /** Something was told or answered since this was set to false. */
  isTouched = false;

  declare readonly files: SimulatedFiles;

  constructor(
    driver: RawLocalDriver,
    context: Context,
    options: { host: SimulatedHost; who: number; pid: number; isHonest: boolean; files: SimulatedFiles },
  ) {
    super(driver, context, { pid: options.pid, heapSize: 0, files: options.files });
    this.host = options.host;
    this.isHonest = options.isHonest;
    this.#firstThread = 100 * (options.who + 1);
  }

  threadId(thread: number): ThreadId {
    return this.#firstThread + thread;
  }

  override mapping(): Mapping | null {
    return this.host.faults.strikes() ? null : super.mapping();
  }

  override bytesAt(address: number, length: number): Uint8Array {
    if (address >= OUT_ADDRESS && address < OUT_ADDRESS + OUT_SIZE) {
      return out.subarray(address - OUT_ADDRESS, address - OUT_ADDRESS + length);
    }
    const thread = Math.floor((address - READ_ADDRESS) / READ_STEP);
    const area = this.#readAreas.get(thread);
    if (!area) return super.bytesAt(address, length);
    const at = address - READ_ADDRESS - thread * READ_STEP;
    return area.subarray(at, at + length);
  }

  override read(thread: ThreadId, address: number, into: Area, at: number, length: number): number {
    const { faults } = this.host;
    return super.read(thread, address, into, at, faults.strikes() ? faults.part(length) : length);
  }

  override write(thread: ThreadId, address: number, from: Area, at: number, length: number): number {
    const { faults } = this.host;
    return super.write(thread, address, from, at, faults.strikes() ? faults.part(length) : length);
  }

  override pidSeenBy(): number {
    return this.host.faults.strikes() ? 0 : this.pid;
  }

  override readable(): void {
    this.isTouched = true;
  }

  /** Puts bytes where the next ioctl finds them. @returns the address. */
  poke(address: number, bytes: Uint8Array): number {
    out.set(bytes, address - OUT_ADDRESS);
    return address;
  }

  /** Puts the data of a message where it stays until it is sent. @returns the address. */
  send(bytes: Uint8Array): number {
    const address = nextData;
    nextData += bytes.length;
    assert.ok(nextData <= SG_ADDRESS, 'messages fit the memory for them');
    return this.poke(address, bytes);
  }

  /** Descriptors that can be sent. */
  descriptors(): number[] {
    return [...this.files];
  }

  /** Some descriptors, at a place of the memory that goes along with transactions. */
  writeDescriptors(random: Random, at: number): void {
    const fds = [random.maybe(this.descriptors()) ?? 0, random.maybe(this.descriptors()) ?? 1];
    this.poke(SG_ADDRESS + at, new Uint8Array(Uint32Array.from(fds).buffer));
  }

  control(id: ThreadId, command: number, argument: Uint8Array): void {
    const result = this.#ioctl(id, command, new DataView(argument.buffer), true);
    if (result === PARKED) {
      assert.equal(command, binder.BINDER_FREEZE, 'the one ioctl that sleeps beside BINDER_WRITE_READ');
      this.asleep.set(id, null);
      return;
    }
    assert.ok(
      [0, EAGAIN, EINVAL, ENOMEM, EPERM, EBUSY].includes(result),
      `errno ${result} of ioctl 0x${command.toString(16)}`,
    );
  }

  writeRead(id: ThreadId, request: WriteRead): void {
    const { commands = new Uint8Array(), readSize = 0 } = request;
    const argument = writeRead.bytes({
      writeSize: request.writeSize ?? commands.length,
      writeConsumed: request.writeConsumed ?? 0,
      writeBuffer: this.poke(OUT_ADDRESS, commands),
      readSize,
      readConsumed: request.readConsumed ?? 0,
      readBuffer: request.readBuffer ?? this.#readArea(id, readSize),
    });
    const view = new DataView(argument.buffer);
    if (this.process.threads.get(id)?.replyError.isPending) this.#account(id).mayMissError = true;
    const result = this.#ioctl(id, binder.BINDER_WRITE_READ, view, request.nonBlocking ?? false);
    if (this.isHonest) this.#didWrite(id, commands);
    this.#returned(id, result, view, request);
  }

  override answer(thread: Thread, errno: number): void {
    this.isTouched = true;
    const request = this.asleep.get(thread.id);
    assert.ok(request !== undefined, 'an ioctl was answered that did not sleep');
    if (request === null) {
      this.asleep.delete(thread.id);
      assert.ok([0, EAGAIN, EINTR].includes(errno), `errno ${errno} of BINDER_FREEZE`);
      return;
    }
    const view = new DataView(new ArrayBuffer(writeRead.size));
    thread.writeRead.store(view, 0);
    if (errno === RESTART) {
      this.#restarts.push({ id: thread.id, argument: view });
      return;
    }
    this.asleep.delete(thread.id);
    this.#answered(thread.id, errno, view, request);
  }

  /** Threads that the driver let out of their sleep to fall asleep again do so. @returns whether there were any. */
  restart(): boolean {
    const restart = this.#restarts.shift();
    if (!restart) return false;
    const { id, argument } = restart;
    const request = this.asleep.get(id);
    if (!request) return true;
    this.asleep.delete(id);
    this.#returned(id, this.#ioctl(id, binder.BINDER_WRITE_READ, argument, false), argument, request);
    return true;
  }

  /** The thread is gone for the driver, whatever it was doing. */
  leave(id: ThreadId, how: () => void): void {
    how();
    const restart = this.#restarts.findIndex((restart) => restart.id === id);
    if (restart >= 0) {
      this.#restarts.splice(restart, 1);
      this.asleep.delete(id);
    }
    assert.ok(!this.asleep.has(id), 'a thread that is gone still sleeps');
    this.#accounts.delete(id);
  }

  /** A command that frees a received buffer, and nothing that the client still uses unless it lies. */
  freeBuffer(id: ThreadId, random: Random, lie: boolean): Uint8Array {
    if (lie) return encodeCommands([[binder.BC_FREE_BUFFER, { buffer: anyAddress(random) }]]);
    const buffer = random.maybe(this.buffers);
    if (!buffer) return new Uint8Array();
    for (const handle of buffer.handles) {
      if (random.one(2)) this.changeCount(id, handle, !random.one(3), true);
    }
    return this.#free(buffer);
  }

  #free(buffer: ReceivedBuffer): Uint8Array {
    this.buffers.splice(this.buffers.indexOf(buffer), 1);
    const now = this.bytesAt(buffer.address, buffer.data.length);
    const isWhole = now.every((byte, i) => byte === buffer.data[i]);
    // Those who guess addresses free what they still use.
    assert.ok(isWhole || !this.isHonest || !super.mapping(), 'somebody wrote over a buffer in use');
    return encodeCommands([[binder.BC_FREE_BUFFER, { buffer: buffer.address }]]);
  }

  /** Takes a count of a handle, or gives back one that was taken. */
  changeCount(id: ThreadId, handle: number, strong: boolean, increment: boolean): void {
    // Who acquires 0 may get another handle; an honest client would have to follow that.
    if (handle === 0) return;
    const key = `${handle} ${strong}`;
    const taken = this.#taken.get(key) ?? 0;
    if (!increment && taken === 0) return;
    const count = () => {
      const ref = this.process.refs.get(handle);
      return ref ? (strong ? ref.strong : ref.weak) : 0;
    };
    const before = count();
    const codes = increment ? [binder.BC_INCREFS, binder.BC_ACQUIRE] : [binder.BC_DECREFS, binder.BC_RELEASE];
    this.writeRead(id, { commands: encodeCommands([[codes[strong ? 1 : 0] as number, { handle }]]) });
    this.#taken.set(key, taken + count() - before);
  }

  /** Frees, acknowledges, reads and replies as long as there is something to do. @returns whether there was. */
  serve(): boolean {
    const { process } = this;
    let didAnything = false;
    while (this.files.finishOne() || this.restart()) didAnything = true;
    for (const id of [...this.asleep.keys()]) process.interrupt(id);
    for (const id of new Set([this.threadId(SERVER), ...process.threads.keys()])) {
      if (this.asleep.has(id)) continue; // in an installation
      const thread = process.threads.get(id);
      if (this.#accounts.get(id)?.isLossy || (thread?.returnError.isPending && !thread.returnError.list)) {
        this.leave(id, () => process.threadDied(id));
        didAnything = true;
        continue;
      }
      const isServing = thread?.stack && thread.stack.toThread === thread;
      const commands = [];
      for (const buffer of [...this.buffers]) if (commands.length < 50) commands.push(this.#free(buffer));
      for (const { name, ptr, cookie } of this.announced.splice(0, 50)) {
        const code = name === 'BR_INCREFS' ? binder.BC_INCREFS_DONE : binder.BC_ACQUIRE_DONE;
        commands.push(encodeCommands([[code, { ptr, cookie }]]));
      }
      // Who replies before it has read everything can miss an error.
      if (isServing && thread.todo.isEmpty) {
        const payload = { code: thread.stack?.code, buffer: DATA_ADDRESS, offsets: DATA_ADDRESS };
        commands.push(encodeCommands([[binder.BC_REPLY, payload]]));
      }
      const heard = this.#heard;
      this.writeRead(id, { commands: concatenate(commands), readSize: 256, nonBlocking: true });
      didAnything ||= commands.length > 0 || this.#heard > heard;
    }
    return didAnything;
  }

  /** When nobody has anything more to say to anybody. */
  checkServed(): void {
    const { process } = this;
    assert.ok(process.todo.isEmpty, `process ${this.pid} has work that nobody takes`);
    for (const thread of process.threads.values()) {
      assert.ok(thread.todo.isEmpty, `thread ${thread.id} has work that it does not get`);
      assert.ok(!thread.stack, `thread ${thread.id} has a call that does not end`);
      if (this.isHonest) this.#accounts.get(thread.id)?.checkEnd(`thread ${thread.id}`);
    }
  }

  #heard = 0;

  #account(id: ThreadId): Account {
    let account = this.#accounts.get(id);
    if (!account) {
      account = new Account();
      this.#accounts.set(id, account);
    }
    return account;
  }

  #readArea(id: ThreadId, size: U64): number {
    const thread = id - this.#firstThread;
    const wanted = size > SMALL_READ ? LARGE_READ : SMALL_READ;
    const area = this.#readAreas.get(thread);
    if (!area || area.length < wanted) this.#readAreas.set(thread, new Uint8Array(wanted));
    return READ_ADDRESS + thread * READ_STEP;
  }

  #ioctl(id: ThreadId, command: number, argument: DataView, nonBlocking: boolean): number {
    return this.process.ioctl({ thread: id, euid: this.euid, request: 0, nonBlocking }, command, argument, 0);
  }

  /** Notes the commands that were carried out: those before `writeConsumed`. */
  #didWrite(id: ThreadId, commands: Uint8Array): void {
    const consumed = this.process.threads.get(id)?.writeRead.writeConsumed ?? 0;
    if (consumed === 0) return;
    const account = this.#account(id);
    for (const { name, code, flags } of decodeCommands(commands.slice(0, Number(consumed)))) {
      if (!/^BC_(TRANSACTION|REPLY)/.test(name)) continue;
      if (name.startsWith('BC_REPLY') || (flags as number) & binder.TF_ONE_WAY) account.others++;
      else {
        account.calls++;
        account.open.push(code as number);
      }
    }
  }

  #returned(id: ThreadId, result: number, argument: DataView, request: WriteRead): void {
    if (result === PARKED) {
      assert.ok(!this.asleep.has(id), 'a thread that sleeps fell asleep again');
      this.asleep.set(id, request);
    } else {
      this.#answered(id, result, argument, request);
    }
  }

  #answered(id: ThreadId, errno: number, argument: DataView, request: WriteRead): void {
    assert.ok(
      [0, EAGAIN, EBADF, EFAULT, EINTR, EINVAL, ENOMEM].includes(errno),
      `errno ${errno} of BINDER_WRITE_READ`,
    );
    if (errno === EFAULT) this.#account(id).isLossy = true;
    const result = writeRead.decode(argument);
    const start = request.readConsumed ?? 0;
    if (errno !== 0 || request.readBuffer !== undefined || typeof start !== 'number') return;
    if (result.readSize === 0 || result.readConsumed === start) return;
    assert.ok(result.readConsumed > start && result.readConsumed <= result.readSize, 'bytes read');
    const bytes = this.bytesAt(Number(result.readBuffer), Number(result.readConsumed)).subarray(start);
    // The request for a thread stands at the buffer's start, and there over the first bytes of what was read further on.
    if (start > 0 && start < 4) {
      this.#account(id).isLossy = true;
      return;
    }
    this.#hear(id, decodeCommands(bytes.slice()), start === 0);
  }

  #hear(id: ThreadId, commands: DecodedCommand[], isFresh: boolean): void {
    const [first, ...others] = commands;
    if (isFresh) assert.match(first?.name ?? '', /^BR_(NOOP|SPAWN_LOOPER)$/, 'a fresh buffer begins with');
    const rest = isFresh ? others : commands;
    const account = this.#account(id);
    this.#heard += rest.length;
    for (const [i, command] of rest.entries()) {
      switch (command.name) {
        case 'BR_TRANSACTION':
        case 'BR_TRANSACTION_SEC_CTX':
        case 'BR_REPLY':
          assert.equal(i, rest.length - 1, 'a transaction ends the read');
          this.#receive(command, account);
          break;
        case 'BR_DEAD_BINDER':
        case 'BR_FROZEN_BINDER':
          assert.equal(i, rest.length - 1, 'a report ends the read');
          break;
        case 'BR_INCREFS':
        case 'BR_ACQUIRE':
          this.announced.push(command);
          break;
        case 'BR_TRANSACTION_COMPLETE':
        case 'BR_ONEWAY_SPAM_SUSPECT':
        case 'BR_TRANSACTION_PENDING_FROZEN':
          account.completions++;
          break;
        case 'BR_FAILED_REPLY':
        case 'BR_DEAD_REPLY':
        case 'BR_FROZEN_REPLY':
          account.errors++;
          break;
        default:
          assert.match(command.name, /^BR_(RELEASE|DECREFS|CLEAR_(DEATH|FREEZE)_NOTIFICATION_DONE)$/);
      }
    }
    if (this.isHonest) account.check(`thread ${id}`);
  }

  #receive(command: DecodedCommand, account: Account): void {
    const { buffer, dataSize, offsets, offsetsSize, code, flags, targetPtr } = command as unknown as {
      buffer: number;
      dataSize: number;
      offsets: number;
      offsetsSize: number;
      code: number;
      flags: number;
      targetPtr: U64;
    };
    const data = this.bytesAt(buffer, dataSize).slice();
    const handles: number[] = [];
    this.buffers.push({ address: buffer, data, handles });
    if (command.name === 'BR_REPLY') {
      account.replies++;
      // A reply carries the number of its call.
      const call = account.open.lastIndexOf(code);
      assert.ok(call >= 0 || !this.isHonest, 'a reply to a call that is open');
      if (call >= 0) account.open.splice(call, 1);
    } else if (flags & binder.TF_ONE_WAY) {
      assert.ok(code > (this.#lastOneway.get(targetPtr) ?? 0), 'oneway calls to a node come in order');
      this.#lastOneway.set(targetPtr, code);
    }
    // What was received before the mapping was taken away is still told of.
    if (!super.mapping()) return;
    assert.equal(data.length, dataSize, 'received data lies in the mapping');
    const list = this.bytesAt(offsets, offsetsSize).slice();
    const words = new DataView(list.buffer);
    for (let at = 0; at < list.length; at += 8) {
      const object = flatBinderObject.decode(new DataView(data.buffer), Number(words.getBigUint64(at, true)));
      this.#receiveObject(object, handles);
    }
  }

  #receiveObject(object: ReturnType<typeof flatBinderObject.decode>, handles: number[]): void {
    switch (object.type) {
      case binder.BINDER_TYPE_HANDLE:
      case binder.BINDER_TYPE_WEAK_HANDLE: {
        assert.deepEqual([object.binder, object.cookie], [object.handle, 0], 'a received handle');
        handles.push(object.handle);
        const exists = this.process.refs.get(object.handle) !== undefined;
        assert.ok(exists || !this.isHonest, 'a received handle exists');
        break;
      }
      case binder.BINDER_TYPE_FD:
        assert.ok(this.files.has(object.handle), 'a received descriptor is open');
        break;
      case binder.BINDER_TYPE_BINDER:
      case binder.BINDER_TYPE_WEAK_BINDER: {
        const node = this.process.nodes.get(object.binder);
        assert.equal(node?.cookie, object.cookie, 'a received node is one’s own');
      }
    }
  }
}
