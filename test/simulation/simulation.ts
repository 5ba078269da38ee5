import assert from 'node:assert/strict';
import * as binder from '../../src/abi/binder.ts';
import { encodeCommands } from '../../src/abi/commands.ts';
import { flatBinderObject, freezeInfo, nodeDebugInfo, nodeInfoForRef } from '../../src/abi/structs.ts';
import type { U64 } from '../../src/abi/u64.ts';
import { RawLocalDriver } from '../../src/binder/connections/local.ts';
import { Context } from '../../src/driver/context.ts';
import type { Limits } from '../../src/driver/limits.ts';
import type { ThreadId } from '../../src/driver/ports.ts';
import { checkAround, checkHonestRefs, checkInvariants } from '../support/check-invariants.ts';
import { Random } from '../support/random.ts';
import { Faults } from './faults.ts';
import {
  acknowledgement,
  anyAddress,
  anyObject,
  concatenate,
  cookieOf,
  freezeCommand,
  scatterGather,
} from './messages.ts';
import { SimulatedFiles, SimulatedHost } from './simulated-host.ts';
import { beginSending, SimulatedProcess } from './simulated-process.ts';

/** One thing that happens. `seed` decides everything about it that its kind leaves open. */
export interface Step {
  /** 0 to 99, chosen by {@link Simulation.take}. */
  readonly kind: number;
  /** Which process. */
  readonly who: number;
  /** Which of its threads. */
  readonly thread: number;
  readonly seed: number;
}

/** How large a simulation is, and what its clients are like. */
export interface Shape {
  readonly processes: number;
  readonly threads: number;
  /** Clients that only give back what they took, clients that do anything at all, or both side by side. */
  readonly clients: 'honest' | 'hostile' | 'mixed';
  /** One port call in so many fails; 0 for none. */
  readonly faultRate: number;
  /** Steps between two looks at everything; in between only the processes that had part in a step are looked at. */
  readonly checkEvery: number;
  /** Those of the driver that are so low that clients meet them. */
  readonly limits?: Partial<Limits>;
  /** Steps do nothing but write commands. */
  readonly onlyStreams?: boolean;
}

const MAP_SIZES = [4096, 65536, 65536];
/** In a large simulation. */
const SMALL_MAP_SIZES = [4096, 16384];
const MANY = 100;

/** Rounds of serving each other after which all must have been said. */
const MAX_ROUNDS = 5000;

/** The steps that `seed` makes up for a simulation of this shape, one after the other. */
export function* steps(seed: number, { processes, threads, onlyStreams }: Shape): Generator<Step> {
  const random = new Random(seed);
  for (;;) {
    const kind = onlyStreams ? random.pick([0, 0, 0, 0, 0, 0, 60, 60, 97, 99]) : random.below(100);
    yield { kind, who: random.below(processes), thread: random.below(threads), seed: random.below(2 ** 31) };
  }
}

/**
 * Many processes, each with several threads, that do whatever their steps tell them: sensible conversations, for which
 * they keep track of what they were given, and nonsense. After each step the driver must be in order.
 */
export class Simulation {
  readonly driver: RawLocalDriver;
  readonly faults: Faults;
  readonly #shape: Shape;
  readonly #host: SimulatedHost;
  readonly #contexts = [new Context('binder'), new Context('hwbinder')];
  readonly #open: (SimulatedProcess | null)[];
  #steps = 0;
  /** Numbers calls: to one node oneway calls must arrive in this order, and a reply has the number of its call. */
  #callCount = 0;
  #openFiles = 0;
  #isLate = new Random(0);

  constructor(shape: Shape) {
    this.#shape = shape;
    this.#open = new Array<SimulatedProcess | null>(shape.processes).fill(null);
    this.faults = new Faults(shape.faultRate);
    this.#host = new SimulatedHost(this.faults, shape.clients === 'honest' ? 'label' : null);
    this.driver = new RawLocalDriver(this.#host, { releaseSlice: 3, ...shape.limits });
  }

  take({ kind, who, thread, seed }: Step): void {
    const random = new Random(seed);
    this.#isLate = new Random(seed + 1);
    this.faults.begin(seed);
    beginSending();
    const process = this.#open[who] ?? this.#openProcess(who, random);
    const id = process.threadId(thread);
    if (kind < 57) this.#writeRead(process, id, random);
    else if (kind < 76) this.#read(process, id);
    else if (kind < 80) process.process.poll(id);
    else if (kind < 83) process.process.interrupt(id);
    else if (kind < 84) process.process.flush();
    else if (kind < 85) this.#host.letTimePass();
    else if (kind < 89) process.files.finishOne();
    else if (kind < 92) this.#control(process, id, random);
    else if (kind < 93) process.leave(id, () => process.process.threadDied(id));
    else if (kind < 94) this.#unmap(process, random);
    else if (kind < 96) this.#close(who);
    else if (kind < 97) this.driver.continueRelease();
    else if (kind < 98) process.serve();
    else if (!process.isHonest) this.#nonsense(process, id, random);
    for (const each of this.#touched(who)) while (each.restart()) {}
    this.faults.end();
    this.#steps++;
    if (this.#steps % this.#shape.checkEvery === 0) this.check();
    else if (!this.#shape.onlyStreams) {
      for (const each of this.#touched(who)) {
        each.isTouched = false;
        checkAround(each.process);
      }
    }
  }

  /** Lets everybody say what is left to be said, closes everything, after which nothing may be left. */
  end(): void {
    this.#serveAll();
    this.check();
    const checkEvery = Math.ceil(this.#open.length / 20);
    for (let who = 0; who < this.#open.length; who++) {
      this.#close(who);
      if (who % checkEvery === 0) this.check();
    }
    this.#host.letTimePass();
    while (this.driver.continueRelease()) {}
    this.check();
    const { process, thread, node, ref, death, freeze, transaction, buffer } = this.driver.stats;
    const left = [process, thread, node, ref, death, freeze, transaction, buffer].map(({ active }) => active);
    assert.deepEqual(left, [0, 0, 0, 0, 0, 0, 0, 0], 'objects left when all processes are gone');
    assert.equal(this.#openFiles, 0, 'files that nobody closed');
    assert.equal(this.driver.shrinker.presentBytes, 0, 'pages left when all processes are gone');
  }

  check(): void {
    checkInvariants(this.driver);
    if (this.#shape.clients === 'honest' && this.#shape.faultRate === 0) checkHonestRefs(this.driver);
  }

  /** Every call ends, and everything is told, when all do what they can. */
  #serveAll(): void {
    for (let round = 0; ; round++) {
      assert.ok(round < MAX_ROUNDS, 'clients that serve each other never come to an end');
      this.#host.letTimePass();
      let didAnything = this.driver.continueRelease();
      for (const process of this.#open) if (process?.serve()) didAnything = true;
      if (!didAnything) break;
    }
    for (const process of this.#open) process?.checkServed();
  }

  /** The processes that the last step concerned. */
  #touched(who: number): SimulatedProcess[] {
    // Few are looked at more closely by the full checks.
    if (this.#open.length > MANY) return [this.#open[who]].filter((process) => process != null);
    return this.#open.filter(
      (process, i) => process !== null && (i === who || process.isTouched),
    ) as SimulatedProcess[];
  }

  /** Opens mostly one device; two of each four slots are opens of one process. */
  #openProcess(who: number, random: Random): SimulatedProcess {
    const { clients, processes } = this.#shape;
    const context = this.#contexts[random.one(20) ? 1 : 0] as Context;
    const files = new SimulatedFiles(this.faults, () => this.#isLate.one(2));
    for (let i = random.below(3); i > 0; i--) {
      this.#openFiles++;
      files.open('file', () => this.#openFiles--);
    }
    const process = new SimulatedProcess(this.driver, context, {
      host: this.#host,
      who,
      pid: who % 4 === 3 ? who - 1 : who,
      isHonest: clients === 'honest' || (clients === 'mixed' && who % 2 === 0),
      files,
    });
    this.#open[who] = process;
    if (!random.one(40)) process.map(random.pick(processes > MANY ? SMALL_MAP_SIZES : MAP_SIZES));
    if (!context.manager) {
      process.control(process.threadId(0), binder.BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
    }
    return process;
  }

  #unmap(process: SimulatedProcess, random: Random): void {
    if (random.one(10)) process.unmap();
  }

  #close(who: number): void {
    const process = this.#open[who];
    if (!process) return;
    this.#open[who] = null;
    process.close();
    for (const [id] of process.asleep) process.leave(id, () => {});
    while (process.files.finishOne()) {}
    process.files.closeAll();
  }

  #read(process: SimulatedProcess, id: ThreadId): void {
    if (!process.asleep.has(id)) process.writeRead(id, { readSize: 256 });
  }

  #writeRead(process: SimulatedProcess, id: ThreadId, random: Random): void {
    // A thread in an ioctl makes no other, unless it was killed and its id is used again.
    if (process.asleep.has(id) && (process.isHonest || !random.one(10))) return;
    const stream: Uint8Array[] = [];
    for (let count = random.below(4); count > 0; count--) stream.push(this.#command(process, id, random));
    const commands = concatenate(stream);
    const bad = !process.isHonest && random.one(12);
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
  #command(process: SimulatedProcess, id: ThreadId, random: Random): Uint8Array {
    const lie = !process.isHonest && random.one(10);
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
      if (random.one(2)) return this.#send(process, random, binder.BC_TRANSACTION, callable, 0);
      return this.#send(process, random, binder.BC_REPLY, 0, 0, call.code);
    }
    if (call && call.toThread !== thread && !random.one(4)) return process.freeBuffer(id, random, lie);
    if (known && random.one(3)) return acknowledgement(process, known, random, lie);
    if (callable === 0 && isManager && !lie) return process.freeBuffer(id, random, lie);
    switch (random.below(lie ? 15 : 12)) {
      case 0:
      case 1:
      case 2:
        return this.#send(process, random, binder.BC_TRANSACTION, callable, 0);
      case 3:
      case 4:
      case 5:
        return this.#send(process, random, binder.BC_TRANSACTION, callable, binder.TF_ONE_WAY);
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
    process: SimulatedProcess,
    id: ThreadId,
    handle: number,
    strong: boolean,
    increment: boolean,
  ): Uint8Array {
    if (process.isHonest) {
      process.changeCount(id, handle, strong, increment);
      return new Uint8Array();
    }
    const codes = increment ? [binder.BC_INCREFS, binder.BC_ACQUIRE] : [binder.BC_DECREFS, binder.BC_RELEASE];
    return encodeCommands([[codes[strong ? 1 : 0] as number, { handle }]]);
  }

  #send(
    process: SimulatedProcess,
    random: Random,
    command: number,
    targetHandle: number,
    extraFlags: number,
    reply?: number,
  ): Uint8Array {
    const lie = !process.isHonest && random.one(10);
    const number = reply ?? ++this.#callCount;
    const size = random.pick([0, 0, 0, 1, 24, 100, 1000]);
    const parts: Uint8Array[] = [new Uint8Array(size).fill(number & 0xff)];
    const objects: Uint8Array[] = [];
    for (let count = random.below(4); count > 0; count--) objects.push(anyObject(process, random, lie));
    let extraSize = 0;
    if (random.one(6)) {
      const gathered = scatterGather(process, random, objects.length, lie);
      objects.push(...gathered.objects);
      extraSize = gathered.size;
    }
    const offsets: U64[] = [];
    let at = size;
    for (const object of objects) {
      const gap = (4 - (at % 4)) % 4;
      parts.push(new Uint8Array(gap), object);
      offsets.push(
        lie && random.one(4) ? random.pick([1, 4, at, 2 ** 40, 0xffff_ffff_ffff_fff0n]) : at + gap,
      );
      at += gap + object.length;
    }
    const data = concatenate(parts);
    const list = new Uint8Array(BigUint64Array.from(offsets, BigInt).buffer);
    const update = extraFlags & binder.TF_ONE_WAY && random.one(3) ? binder.TF_UPDATE_TXN : 0;
    const flags =
      extraFlags |
      update |
      (random.one(8) ? 0 : binder.TF_ACCEPT_FDS) |
      (random.one(4) ? binder.TF_CLEAR_BUF : 0);
    const payload = {
      targetHandle,
      code: number,
      flags,
      dataSize:
        lie && random.one(3) ? random.pick([data.length + 1, 2 ** 33, 0xffff_ffff_ffff_fff9n]) : data.length,
      offsetsSize: lie && random.one(5) ? random.pick([4, 12, 2 ** 53]) : list.length,
      buffer: lie && random.one(5) ? anyAddress(random) : process.send(data),
      offsets: lie && random.one(5) ? anyAddress(random) : process.send(list),
    };
    if (extraSize > 0 || random.one(12)) {
      const sg = command === binder.BC_REPLY ? binder.BC_REPLY_SG : binder.BC_TRANSACTION_SG;
      return encodeCommands([
        [
          sg,
          {
            ...payload,
            buffersSize: lie && random.one(3) ? random.below(100) : extraSize + 8 * random.below(3),
          },
        ],
      ]);
    }
    return encodeCommands([[command, payload]]);
  }

  #control(process: SimulatedProcess, id: ThreadId, random: Random): void {
    if (process.asleep.has(id)) return;
    const argument = new Uint8Array(24);
    switch (random.below(process.isHonest ? 8 : 9)) {
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
        const pid = random.below(this.#shape.processes);
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
  #nonsense(process: SimulatedProcess, id: ThreadId, random: Random): void {
    if (process.asleep.has(id)) return;
    process.writeRead(id, {
      // Zeros end what is carried out: what lies behind are commands of earlier writes, whose calls were counted.
      commands: concatenate([random.bytes(random.below(200)), new Uint8Array(256)]),
      writeSize: random.pick([0, 8, 200, 2 ** 31, 0xffff_ffff_ffff_ffffn]),
      writeConsumed: random.pick([0, 0, 4, 2 ** 31, 0xffff_ffff_ffff_fff0n]),
      readSize: random.pick([0, 3, 100, 2 ** 33, 0xffff_ffff_ffff_ffffn]),
      readConsumed: random.pick([0, 0, 4, 2 ** 31, 0xffff_ffff_ffff_fff0n]),
      readBuffer: random.one(2) ? anyAddress(random) : undefined,
      nonBlocking: true,
    });
  }
}
