import assert from 'node:assert/strict';
import * as binder from '../../src/abi/binder.ts';
import { type DecodedCommand, decodeCommands, encodeCommands } from '../../src/abi/commands.ts';
import { EAGAIN, EBADF, EBUSY, EFAULT, EINTR, EINVAL, EPERM } from '../../src/abi/errno.ts';
import {
  flatBinderObject,
  freezeInfo,
  nodeDebugInfo,
  nodeInfoForRef,
  writeRead,
} from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';
import { LocalDriver, LocalHost, LocalProcess } from '../../src/binder/connections/local.ts';
import { Context } from '../../src/driver/context.ts';
import { PARKED, type ThreadId, type Timer } from '../../src/driver/ports.ts';
import type { Thread } from '../../src/driver/thread.ts';
import { checkHonestRefs, checkInvariants } from './check-invariants.ts';
import { Random } from './random.ts';

/** One thing that happens. `seed` decides everything about it that its kind leaves open. */
export interface Step {
  /** 0 to 99, chosen by {@link Chaos.take}. */
  readonly kind: number;
  /** Which process. */
  readonly who: number;
  /** Which of its threads. */
  readonly thread: number;
  readonly seed: number;
}

export const PROCESSES = 4;
export const THREADS = 3;

/** Where a thread's memory lies within its process's heap, and how much there is of each kind. */
const REGION = 48 * 1024;
const COMMANDS = 0;
const DATA = 8 * 1024;
const OFFSETS = 24 * 1024;
const READ = 32 * 1024;
const READ_SPACE = 16 * 1024;

const MAP_SIZES = [4096, 65536, 65536];

/** Time passes when a step says so. */
class ChaosHost extends LocalHost {
  readonly timers = new Set<() => void>();

  override startTimer(_milliseconds: number, callback: () => void): Timer {
    this.timers.add(callback);
    return { cancel: () => this.timers.delete(callback) };
  }

  letTimePass(): void {
    for (const callback of [...this.timers]) if (this.timers.delete(callback)) callback();
  }
}

/**
 * Several processes, each with several threads, that do whatever a seed tells them: sensible conversations, for which
 * they keep track of what they were given, and nonsense. After each step the driver must be in order.
 */
export class Chaos {
  readonly driver: LocalDriver;
  readonly #host: ChaosHost;
  readonly #contexts = [new Context('binder'), new Context('hwbinder')];
  readonly #open: (ChaosProcess | null)[] = new Array<ChaosProcess | null>(PROCESSES).fill(null);
  /** Whether clients only give back what they took: then their buffers' counts must be whole. */
  readonly isHonest: boolean;
  /** Numbers oneway calls: to one node they must arrive in this order. */
  #onewayCount = 0;

  constructor(isHonest: boolean) {
    this.isHonest = isHonest;
    this.#host = new ChaosHost(isHonest ? 'label' : null);
    this.driver = new LocalDriver(this.#host);
  }

  take({ kind, who, thread, seed }: Step): void {
    const random = new Random(seed);
    const process = this.#open[who] ?? this.#openProcess(who, random);
    const id = process.threadId(thread);
    if (kind < 60) this.#writeRead(process, id, random);
    else if (kind < 80) this.#read(process, id);
    else if (kind < 84) process.process.poll(id);
    else if (kind < 88) process.process.interrupt(id);
    else if (kind < 89) process.process.flush();
    else if (kind < 90) this.#host.letTimePass();
    else if (kind < 93) this.#control(process, id, random);
    else if (kind < 94) process.leave(id, () => process.process.threadDied(id));
    else if (kind < 95) this.#unmap(process, random);
    else if (kind < 98) this.#close(who);
    else if (!this.isHonest) this.#nonsense(process, id, random);
    this.check();
  }

  /** Closes everything, after which nothing may be left. */
  end(): void {
    for (let who = 0; who < PROCESSES; who++) {
      this.#close(who);
      this.check();
    }
    this.#host.letTimePass();
    const { process, thread, node, ref, death, freeze, transaction, buffer } = this.driver.stats;
    const left = [process, thread, node, ref, death, freeze, transaction, buffer].map(({ active }) => active);
    assert.deepEqual(left, [0, 0, 0, 0, 0, 0, 0, 0], 'objects left when all processes are gone');
  }

  check(): void {
    checkInvariants(this.driver);
    if (this.isHonest) checkHonestRefs(this.driver);
  }

  /** Opens mostly one device; two of the slots are opens of one process. */
  #openProcess(who: number, random: Random): ChaosProcess {
    const context = this.#contexts[random.one(20) ? 1 : 0] as Context;
    const process = new ChaosProcess(this.driver, context, who, this.isHonest);
    this.#open[who] = process;
    if (!random.one(40)) process.map(random.pick(MAP_SIZES));
    if (!context.manager) {
      process.control(process.threadId(0), binder.BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
    }
    return process;
  }

  #unmap(process: ChaosProcess, random: Random): void {
    if (random.one(10)) process.unmap();
  }

  #close(who: number): void {
    const process = this.#open[who];
    if (!process) return;
    this.#open[who] = null;
    process.close();
    assert.equal(process.asleep.size, 0, 'ioctls that were never answered');
  }

  #read(process: ChaosProcess, id: ThreadId): void {
    if (!process.asleep.has(id)) process.writeRead(id, { readSize: 256 });
  }

  #writeRead(process: ChaosProcess, id: ThreadId, random: Random): void {
    // A thread in an ioctl makes no other, unless it was killed and its id is used again.
    if (process.asleep.has(id) && (this.isHonest || !random.one(10))) return;
    const stream: Uint8Array[] = [];
    for (let count = random.below(4); count > 0; count--) stream.push(this.#command(process, id, random));
    const commands = concatenate(stream);
    const bad = !this.isHonest && random.one(12);
    process.writeRead(id, {
      commands,
      writeSize: bad && random.one(2) ? random.below(commands.length + 6) : commands.length,
      writeConsumed: bad && random.one(4) ? random.below(100) : 0,
      readSize: random.pick([0, 256, 256, 256, 256, 80, 84, 8192, ...(bad ? [2, 4, 79, 2 ** 40] : [])]),
      readConsumed: bad && random.one(3) ? random.below(120) : 0,
      readBuffer: bad && random.one(2) ? anyAddress(random) : undefined,
      nonBlocking: !random.one(4),
    });
  }

  /** A command that makes sense for this process, as far as it can know; without honesty, not always. */
  #command(process: ChaosProcess, id: ThreadId, random: Random): Uint8Array {
    const lie = !this.isHonest && random.one(10);
    const refs = [...process.process.refs];
    const handle = lie ? random.pick([0, 1, 2, 3, 99, 0xffff_ffff]) : (random.maybe(refs)?.handle ?? 0);
    const callable = lie ? handle : (random.maybe(refs.filter((ref) => ref.strong > 0))?.handle ?? 0);
    const manager = process.process.context.manager?.process;
    const isManager = manager?.client.pid === process.pid;
    if (!manager && !lie && process.mapping())
      process.control(id, binder.BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
    const cookie = random.below(4);
    const thread = process.process.threads.get(id);
    const call = thread?.stack;
    const known = random.maybe(process.announced);
    if (call && call.toThread === thread && !random.one(3)) {
      if (random.one(2)) return this.#send(process, id, random, binder.BC_TRANSACTION, callable, 0);
      return this.#send(process, id, random, binder.BC_REPLY, 0, 0);
    }
    if (call && call.toThread !== thread && !random.one(4)) return process.freeBuffer(id, random, lie);
    if (known && random.one(3)) return acknowledgement(process, known, random, lie);
    if (callable === 0 && isManager && !lie) return process.freeBuffer(id, random, lie);
    switch (random.below(lie ? 15 : 12)) {
      case 0:
      case 1:
      case 2:
        return this.#send(process, id, random, binder.BC_TRANSACTION, callable, 0);
      case 3:
      case 4:
      case 5:
        return this.#send(process, id, random, binder.BC_TRANSACTION, callable, binder.TF_ONE_WAY);
      case 6:
      case 7:
        return process.freeBuffer(id, random, lie);
      case 8:
        return this.#changeCount(process, id, handle, random.one(2), true);
      case 9:
        return this.#changeCount(process, id, handle, random.one(2), false);
      case 10:
        return encodeCommands([
          [
            random.one(3) ? binder.BC_CLEAR_DEATH_NOTIFICATION : binder.BC_REQUEST_DEATH_NOTIFICATION,
            { handle, cookie: handle % 4 },
          ],
        ]);
      case 11:
        if (random.one(2)) return freezeCommand(handle, cookie, random);
        return encodeCommands([
          random.one(2) ? [binder.BC_DEAD_BINDER_DONE, { cookie }] : [binder.BC_ENTER_LOOPER],
        ]);
      case 12:
        return encodeCommands([
          [random.pick([binder.BC_ENTER_LOOPER, binder.BC_REGISTER_LOOPER, binder.BC_EXIT_LOOPER])],
        ]);
      case 13:
        return acknowledgement(process, known, random, lie);
      default:
        return random.bytes(random.below(30));
    }
  }

  /** An honest client does it at once, to know whether it has the count. */
  #changeCount(
    process: ChaosProcess,
    id: ThreadId,
    handle: number,
    strong: boolean,
    increment: boolean,
  ): Uint8Array {
    if (this.isHonest) {
      process.changeCount(id, handle, strong, increment);
      return new Uint8Array();
    }
    const codes = increment ? [binder.BC_INCREFS, binder.BC_ACQUIRE] : [binder.BC_DECREFS, binder.BC_RELEASE];
    return encodeCommands([[codes[strong ? 1 : 0] as number, { handle }]]);
  }

  #send(
    process: ChaosProcess,
    id: ThreadId,
    random: Random,
    code: number,
    targetHandle: number,
    extraFlags: number,
  ): Uint8Array {
    const lie = !this.isHonest && random.one(10);
    const number = extraFlags & binder.TF_ONE_WAY ? ++this.#onewayCount : 0;
    const size = random.pick([0, 0, 0, 1, 24, 100, 1000]);
    const parts: Uint8Array[] = [new Uint8Array(size).fill(number & 0xff)];
    const offsets: U64[] = [];
    let at = size;
    for (let count = random.below(4); count > 0; count--) {
      const gap = (4 - (at % 4)) % 4;
      parts.push(new Uint8Array(gap), anyObject(process, random, lie));
      offsets.push(
        lie && random.one(4) ? random.pick([1, 4, at, 2 ** 40, 0xffff_ffff_ffff_fff0n]) : at + gap,
      );
      at += gap + 24;
    }
    const data = concatenate(parts);
    const list = new Uint8Array(BigUint64Array.from(offsets, BigInt).buffer);
    const update = extraFlags & binder.TF_ONE_WAY && random.one(3) ? binder.TF_UPDATE_TXN : 0;
    const flags = extraFlags | update | (random.one(4) ? binder.TF_CLEAR_BUF : 0);
    const payload = {
      targetHandle,
      code: number,
      flags,
      dataSize:
        lie && random.one(3) ? random.pick([data.length + 1, 2 ** 33, 0xffff_ffff_ffff_fff9n]) : data.length,
      offsetsSize: lie && random.one(5) ? random.pick([4, 12, 2 ** 53]) : list.length,
      buffer: lie && random.one(5) ? anyAddress(random) : process.poke(id, DATA, data),
      offsets: lie && random.one(5) ? anyAddress(random) : process.poke(id, OFFSETS, list),
    };
    if (random.one(8)) {
      const sg = code === binder.BC_REPLY ? binder.BC_REPLY_SG : binder.BC_TRANSACTION_SG;
      return encodeCommands([
        [sg, { ...payload, buffersSize: lie ? random.below(100) : 8 * random.below(9) }],
      ]);
    }
    return encodeCommands([[code, payload]]);
  }

  #control(process: ChaosProcess, id: ThreadId, random: Random): void {
    if (process.asleep.has(id)) return;
    const argument = new Uint8Array(24);
    switch (random.below(this.isHonest ? 8 : 9)) {
      case 0:
        new DataView(argument.buffer).setUint32(0, random.below(4), true);
        process.control(id, binder.BINDER_SET_MAX_THREADS, argument);
        break;
      case 1:
        process.leave(id, () => process.control(id, binder.BINDER_THREAD_EXIT, argument));
        break;
      case 2:
        process.control(id, binder.BINDER_SET_CONTEXT_MGR, argument);
        break;
      case 3: {
        const flags = random.pick([0, binder.FLAT_BINDER_FLAG_TXN_SECURITY_CTX]);
        const ptr = random.below(3);
        const object = flatBinderObject.bytes({ binder: ptr, cookie: cookieOf(ptr), flags });
        process.control(id, binder.BINDER_SET_CONTEXT_MGR_EXT, object);
        break;
      }
      case 4: {
        const handle = random.below(4);
        process.control(id, binder.BINDER_GET_NODE_INFO_FOR_REF, nodeInfoForRef.bytes({ handle }));
        process.control(id, binder.BINDER_GET_NODE_DEBUG_INFO, nodeDebugInfo.bytes({ ptr: random.below(9) }));
        break;
      }
      case 5:
        process.control(id, binder.BINDER_GET_EXTENDED_ERROR, argument);
        break;
      case 6:
      case 7: {
        const timeoutMs = random.pick([0, 0, 100]);
        const pid = random.below(PROCESSES - 1);
        process.control(
          id,
          binder.BINDER_FREEZE,
          freezeInfo.bytes({ pid, enable: random.below(3), timeoutMs }),
        );
        break;
      }
      default:
        process.control(id, random.below(2 ** 30) * 4 + 1, argument);
    }
  }

  /** Random bytes as commands and as arguments. */
  #nonsense(process: ChaosProcess, id: ThreadId, random: Random): void {
    if (process.asleep.has(id)) return;
    process.writeRead(id, {
      commands: random.bytes(random.below(200)),
      writeSize: random.pick([0, 8, 200, 2 ** 31, 0xffff_ffff_ffff_ffffn]),
      writeConsumed: random.pick([0, 0, 4, 2 ** 31, 0xffff_ffff_ffff_fff0n]),
      readSize: random.pick([0, 3, 100, 2 ** 33, 0xffff_ffff_ffff_ffffn]),
      readConsumed: random.pick([0, 0, 4, 2 ** 31, 0xffff_ffff_ffff_fff0n]),
      readBuffer: random.one(2) ? anyAddress(random) : undefined,
      nonBlocking: true,
    });
  }
}

interface WriteRead {
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

/** A client, with what it knows from what it was told. */
class ChaosProcess extends LocalProcess {
  readonly #who: number;
  readonly #isHonest: boolean;
  readonly #heap: number;
  /** Threads asleep in a BINDER_WRITE_READ, with what they asked for, or (`null`) in a BINDER_FREEZE. */
  readonly asleep = new Map<ThreadId, WriteRead | null>();
  readonly buffers: ReceivedBuffer[] = [];
  /** Commands that wait for their _DONE. */
  readonly announced: DecodedCommand[] = [];
  /** Counts that commands of this client took, by handle and kind. */
  readonly #taken = new Map<string, number>();
  readonly #lastOneway = new Map<U64, number>();

  constructor(driver: LocalDriver, context: Context, who: number, isHonest: boolean) {
    super(driver, context, { pid: who === 3 ? 2 : who, heapSize: THREADS * REGION });
    this.#who = who;
    this.#isHonest = isHonest;
    this.#heap = this.place(new Uint8Array());
  }

  threadId(thread: number): ThreadId {
    return 100 * (this.#who + 1) + thread;
  }

  /** Writes to the memory of a thread. @returns the address. */
  poke(id: ThreadId, offset: number, bytes: Uint8Array): number {
    const address = this.#heap + (id % 100) * REGION + offset;
    this.write(id, address, { bytes, view: new DataView(bytes.buffer), address: 0 }, 0, bytes.length);
    return address;
  }

  control(id: ThreadId, command: number, argument: Uint8Array): void {
    const result = this.#ioctl(id, command, new DataView(argument.buffer), true);
    if (result === PARKED) {
      assert.equal(command, binder.BINDER_FREEZE, 'the one ioctl that sleeps beside BINDER_WRITE_READ');
      this.asleep.set(id, null);
      return;
    }
    assert.ok(
      [0, EAGAIN, EINVAL, EPERM, EBUSY].includes(result),
      `errno ${result} of ioctl 0x${command.toString(16)}`,
    );
  }

  writeRead(id: ThreadId, request: WriteRead): void {
    const { commands = new Uint8Array(), readSize = 0 } = request;
    const argument = writeRead.bytes({
      writeSize: request.writeSize ?? commands.length,
      writeConsumed: request.writeConsumed ?? 0,
      writeBuffer: this.poke(id, COMMANDS, commands),
      readSize: readSize,
      readConsumed: request.readConsumed ?? 0,
      readBuffer: request.readBuffer ?? this.poke(id, READ, new Uint8Array(READ_SPACE)),
    });
    const view = new DataView(argument.buffer);
    const result = this.#ioctl(id, binder.BINDER_WRITE_READ, view, request.nonBlocking ?? false);
    if (result === PARKED) {
      assert.ok(!this.asleep.has(id), 'a thread that sleeps fell asleep again');
      this.asleep.set(id, request);
    } else {
      this.#answered(result, writeRead.decode(view), request);
    }
  }

  override answer(thread: Thread, errno: number): void {
    const request = this.asleep.get(thread.id);
    assert.ok(request !== undefined, 'an ioctl was answered that did not sleep');
    this.asleep.delete(thread.id);
    if (request === null) {
      assert.ok([0, EAGAIN, EINTR].includes(errno), `errno ${errno} of BINDER_FREEZE`);
      return;
    }
    const view = new DataView(new ArrayBuffer(writeRead.size));
    thread.writeRead.store(view, 0);
    this.#answered(errno, writeRead.decode(view), request);
  }

  /** The thread is gone for the driver, whatever it was doing. */
  leave(id: ThreadId, how: () => void): void {
    how();
    assert.ok(!this.asleep.has(id), 'a thread that is gone still sleeps');
  }

  freeBuffer(id: ThreadId, random: Random, lie: boolean): Uint8Array {
    if (lie) return encodeCommands([[binder.BC_FREE_BUFFER, { buffer: anyAddress(random) }]]);
    const buffer = random.maybe(this.buffers);
    if (!buffer) return new Uint8Array();
    this.buffers.splice(this.buffers.indexOf(buffer), 1);
    const now = this.bytesAt(buffer.address, buffer.data.length);
    const isWhole = now.every((byte, i) => byte === buffer.data[i]);
    // Those who guess addresses free what they still use.
    assert.ok(isWhole || !this.#isHonest || !this.mapping(), 'somebody wrote over a buffer in use');
    for (const handle of buffer.handles) {
      if (random.one(2)) this.changeCount(id, handle, !random.one(3), true);
    }
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

  #ioctl(id: ThreadId, command: number, argument: DataView, nonBlocking: boolean): number {
    return this.process.ioctl({ thread: id, euid: this.euid, request: 0, nonBlocking }, command, argument, 0);
  }

  #answered(errno: number, result: ReturnType<typeof writeRead.decode>, request: WriteRead): void {
    assert.ok(
      [0, EAGAIN, EBADF, EFAULT, EINTR, EINVAL].includes(errno),
      `errno ${errno} of BINDER_WRITE_READ`,
    );
    const start = request.readConsumed ?? 0;
    if (errno !== 0 || request.readBuffer !== undefined || typeof start !== 'number') return;
    if (result.readSize === 0 || result.readConsumed === start) return;
    assert.ok(result.readConsumed > start && result.readConsumed <= result.readSize, 'bytes read');
    const bytes = this.bytesAt(Number(result.readBuffer), Number(result.readConsumed)).subarray(start);
    this.#hear(decodeCommands(bytes.slice()), start === 0);
  }

  #hear(commands: DecodedCommand[], isFresh: boolean): void {
    const [first, ...others] = commands;
    if (isFresh) assert.match(first?.name ?? '', /^BR_(NOOP|SPAWN_LOOPER)$/, 'a fresh buffer begins with');
    const rest = isFresh ? others : commands;
    for (const [i, command] of rest.entries()) {
      switch (command.name) {
        case 'BR_TRANSACTION':
        case 'BR_TRANSACTION_SEC_CTX':
        case 'BR_REPLY':
          assert.equal(i, rest.length - 1, 'a transaction ends the read');
          this.#receive(command);
          break;
        case 'BR_DEAD_BINDER':
        case 'BR_FROZEN_BINDER':
          assert.equal(i, rest.length - 1, 'a report ends the read');
          break;
        case 'BR_INCREFS':
        case 'BR_ACQUIRE':
          this.announced.push(command);
          break;
        default:
          assert.match(
            command.name,
            /^BR_(RELEASE|DECREFS|TRANSACTION_COMPLETE|ONEWAY_SPAM_SUSPECT|TRANSACTION_PENDING_FROZEN|FAILED_REPLY|DEAD_REPLY|FROZEN_REPLY|CLEAR_(DEATH|FREEZE)_NOTIFICATION_DONE)$/,
          );
      }
    }
  }

  #receive(command: DecodedCommand): void {
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
    if (flags & binder.TF_ONE_WAY && command.name !== 'BR_REPLY') {
      assert.ok(code > (this.#lastOneway.get(targetPtr) ?? 0), 'oneway calls to a node come in order');
      this.#lastOneway.set(targetPtr, code);
    }
    // What was received before the mapping was taken away is still told of.
    if (!this.mapping()) return;
    assert.equal(data.length, dataSize, 'received data lies in the mapping');
    const list = this.bytesAt(offsets, offsetsSize).slice();
    const words = new DataView(list.buffer);
    for (let at = 0; at < list.length; at += 8) {
      const object = flatBinderObject.decode(new DataView(data.buffer), Number(words.getBigUint64(at, true)));
      if (object.type === binder.BINDER_TYPE_HANDLE || object.type === binder.BINDER_TYPE_WEAK_HANDLE) {
        assert.deepEqual([object.binder, object.cookie], [object.handle, 0], 'a received handle');
        handles.push(object.handle);
        const exists = this.process.refs.get(object.handle) !== undefined;
        assert.ok(exists || !this.#isHonest, 'a received handle exists');
      } else {
        assert.equal(
          this.process.nodes.get(object.binder)?.cookie,
          object.cookie,
          'a received node is one’s own',
        );
      }
    }
  }
}

function cookieOf(ptr: number): U64 {
  return ptr === 5 ? 0xffff_ffff_ffff_fff5n : ptr * 2;
}

function anyObject(process: ChaosProcess, random: Random, lie: boolean): Uint8Array {
  const handle = random.maybe([...process.process.refs].map((ref) => ref.handle));
  if (lie && random.one(4)) return random.bytes(24);
  if (handle !== undefined && random.one(2)) {
    const type = random.pick([binder.BINDER_TYPE_HANDLE, binder.BINDER_TYPE_WEAK_HANDLE]);
    return flatBinderObject.bytes({ type, handle: lie ? random.below(9) : handle, cookie: 3 });
  }
  const type = random.pick([binder.BINDER_TYPE_BINDER, binder.BINDER_TYPE_WEAK_BINDER]);
  const ptr = random.below(8);
  return flatBinderObject.bytes({
    type,
    binder: ptr,
    cookie: lie ? 99 : cookieOf(ptr),
    flags: random.below(2) << 12,
  });
}

function acknowledgement(
  process: ChaosProcess,
  known: DecodedCommand | undefined,
  random: Random,
  lie: boolean,
): Uint8Array {
  if (lie || !known) {
    const ptr = random.below(8);
    const code = random.pick([binder.BC_INCREFS_DONE, binder.BC_ACQUIRE_DONE]);
    return encodeCommands([[code, { ptr, cookie: random.one(2) ? cookieOf(ptr) : 1 }]]);
  }
  process.announced.splice(process.announced.indexOf(known), 1);
  const { ptr, cookie } = known;
  return encodeCommands([
    [known.name === 'BR_INCREFS' ? binder.BC_INCREFS_DONE : binder.BC_ACQUIRE_DONE, { ptr, cookie }],
  ]);
}

function freezeCommand(handle: number, cookie: number, random: Random): Uint8Array {
  const named = { handle, cookie: handle % 4 };
  return encodeCommands([
    random.pick<[number, object]>([
      [binder.BC_REQUEST_FREEZE_NOTIFICATION, named],
      [binder.BC_REQUEST_FREEZE_NOTIFICATION, named],
      [binder.BC_CLEAR_FREEZE_NOTIFICATION, named],
      [binder.BC_FREEZE_NOTIFICATION_DONE, { cookie }],
    ]),
  ]);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** An address that is probably not one. */
function anyAddress(random: Random): U64 {
  return random.pick<U64>([
    0,
    8,
    0x1000,
    0x1000 + THREADS * REGION - 10,
    0x7000_0000_0000,
    0x7000_0000_0008,
    0x00ff_ffff_ffff_f000,
    2 ** 53,
    0xffff_ffff_ffff_fff8n,
  ]);
}
