import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BINDER_WRITE_READ } from '../../src/abi/binder.ts';
import { writeRead } from '../../src/abi/structs.ts';
import { slowness } from './slowness.ts';
import {
  type Ability,
  DEFAULT_MAP,
  type OpenOptions,
  type Peer,
  type PeerThread,
  type World,
} from './world.ts';

/** What a device's driver tells of itself, outside its mount. */
export interface DriverCounts {
  /** Opens of devices. */
  readonly processes: number;
  readonly nodes: number;
  readonly refs: number;
  readonly deaths: number;
  readonly transactions: number;
  readonly buffers: number;
}

/** A Binder device in the file system, whichever driver is behind it. */
export interface DeviceUnderTest {
  /** Path of a device that nobody else uses. Its context manager's user is the first scenario's for its whole life. */
  readonly device: string;
  readonly abilities: Iterable<Ability>;
  /** Asks the driver, by another way than the device. */
  readonly counts: () => Promise<DriverCounts>;
  /** How many threads are asleep in a read; `threads` are those of this world that may be. */
  readonly sleeping: (threads: ReadonlySet<number>) => Promise<number>;
  /** One of the driver's logs, where they can be read. */
  readonly log?: (name: string) => Promise<string>;
  /** Milliseconds that the driver may take to act on a closed duplicate, where close(2) does not wait for it. */
  readonly flushDelay?: number;
}

/** How long a driver may take to come to rest, milliseconds: far more than any scenario causes. */
const PATIENCE = 10_000 * slowness;
/** Memory of each open: what is placed, and at its end what is placed before a hole. */
const HEAP_SIZE = 2 * 1024 * 1024;
const BEFORE_HOLE = 64 * 1024;

/**
 * Processes that live from scenario to scenario, because starting one takes longer than a scenario. Dispose of them
 * when all scenarios are done, or when one failed: its threads may still sleep in the driver.
 */
export class Puppets {
  readonly #puppets = new Map<string, Puppet>();
  readonly #start: () => Promise<Puppet>;

  /** @param start - makes a puppet; processes of this machine if absent */
  constructor(start: () => Promise<Puppet> = () => ChildPuppet.start()) {
    this.#start = start;
  }

  /** The puppet that plays this process: one for each name and user. */
  async get(name: string, euid: number | undefined): Promise<Puppet> {
    const key = `${name} ${euid ?? ''}`;
    let puppet = this.#puppets.get(key);
    if (!puppet) {
      puppet = await this.#start();
      this.#puppets.set(key, puppet);
      if (euid !== undefined) await puppet.ask('setUser', { euid });
    }
    return puppet;
  }

  /** Adds a device to a binderfs mount. */
  async addDevice(control: string, name: string): Promise<void> {
    await (await this.get('administrator', undefined)).ask('addDevice', { control, name });
  }

  /** Kills the process behind a puppet; who plays its part next is a new one. */
  kill(puppet: Puppet): void {
    for (const [key, one] of this.#puppets) if (one === puppet) this.#puppets.delete(key);
    puppet.kill();
  }

  dispose(): void {
    for (const puppet of this.#puppets.values()) puppet.kill();
    this.#puppets.clear();
  }
}

/** A process that does what it is told; `puppet.mjs` lists what that may be. */
export interface Puppet {
  /** @throws Error when it cannot be done, or when the process has ended */
  ask(what: string, request: object): Promise<unknown>;
  kill(): void;
}

/** Real processes and threads on a real device. One world at a time may use the puppets and the device. */
export class MountWorld implements World {
  readonly abilities: ReadonlySet<Ability>;
  readonly #target: DeviceUnderTest;
  readonly #puppets: Puppets;
  readonly #before: DriverCounts;
  readonly #asleepBefore: number;
  readonly #open = new Set<MountPeer>();
  /** Threads with an ioctl whose answer did not arrive yet. */
  readonly #underWay = new Set<number>();

  private constructor(target: DeviceUnderTest, puppets: Puppets, before: DriverCounts, asleep: number) {
    this.#target = target;
    this.#puppets = puppets;
    this.#before = before;
    this.#asleepBefore = asleep;
    this.abilities = new Set(target.abilities);
  }

  static async create(target: DeviceUnderTest, puppets: Puppets): Promise<MountWorld> {
    return new MountWorld(target, puppets, await target.counts(), await target.sleeping(new Set()));
  }

  async open({ process, map = DEFAULT_MAP, nonBlocking = false, euid }: OpenOptions): Promise<Peer> {
    const puppet = await this.#puppets.get(process, euid);
    const mapSize = map === false ? 0 : map;
    const { device } = this.#target;
    const opened = (await puppet.ask('open', {
      device,
      nonBlocking,
      mapSize,
      heapSize: HEAP_SIZE,
    })) as Opened;
    const peer = new MountPeer(this, puppet, { ...opened, mapSize });
    this.#open.add(peer);
    return peer;
  }

  async settle(): Promise<void> {
    // What was answered just now is not told yet.
    if (this.#underWay.size === 0) return new Promise((resolve) => void setImmediate(resolve));
    await this.#until(
      async () => {
        const sleeping = await this.#target.sleeping(this.#underWay);
        // Answers that are on their way count as under way, so equal numbers mean that all the others sleep.
        return sleeping === this.#underWay.size + this.#asleepBefore;
      },
      () => `${this.#underWay.size} ioctls are under way, and not as many sleep`,
    );
  }

  async log(name: string): Promise<string> {
    assert.ok(this.#target.log, 'the logs can be read');
    return this.#target.log(name);
  }

  async afterFlush(): Promise<void> {
    if (this.#target.flushDelay !== undefined) await sleep(this.#target.flushDelay);
    await this.settle();
  }

  /** Resolves when the driver has noticed that a device was closed. */
  forget(peer: MountPeer): Promise<void> {
    this.#open.delete(peer);
    return this.#until(
      async () => (await this.#target.counts()).processes === this.#before.processes + this.#open.size,
      () => 'a closed device is still open to the driver',
    );
  }

  kill(puppet: Puppet): void {
    this.#puppets.kill(puppet);
  }

  async close(): Promise<void> {
    for (const peer of [...this.#open]) await peer.close();
    await this.settle();
    assert.equal(this.#underWay.size, 0, 'ioctls that were never answered');
    assert.deepEqual(await this.#target.counts(), this.#before, 'objects left when all processes are gone');
  }

  /** Counts an ioctl while it is under way. */
  async track<T>(tid: number, ioctl: Promise<T>): Promise<T> {
    this.#underWay.add(tid);
    try {
      return await ioctl;
    } finally {
      this.#underWay.delete(tid);
    }
  }

  async #until(isSo: () => Promise<boolean>, complaint: () => string): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (!(await isSo())) {
      if (Date.now() > deadline) {
        throw new Error(`The driver did not come to rest in ${PATIENCE / 1000} s: ${complaint()}`);
      }
      await sleep(1);
    }
  }
}

/** What a puppet tells of an open. */
interface Opened {
  readonly fd: number;
  readonly mapping: number;
  readonly heap: number;
  readonly pid: number;
}

class MountPeer implements Peer {
  readonly #world: MountWorld;
  readonly #puppet: Puppet;
  readonly #opened: Opened & { readonly mapSize: number };
  #heapUsed = 0;
  #isMapped = true;
  /** What was placed and is not in the process's memory yet: it goes along with the next request. */
  #writes: { readonly address: number; readonly bytes: Uint8Array }[] = [];
  /** The read buffer of the latest ioctl as it came back, so that looking at it needs no request of its own. */
  #readBack: { readonly address: number; readonly bytes: Uint8Array } | null = null;
  /** The ends of ioctls under way, by thread. */
  readonly #inDriver = new Map<string, Promise<void>>();

  constructor(world: MountWorld, puppet: Puppet, opened: Opened & { mapSize: number }) {
    this.#world = world;
    this.#puppet = puppet;
    this.#opened = opened;
  }

  get pid(): number {
    return this.#opened.pid;
  }

  get mapping(): number {
    return this.#isMapped ? this.#opened.mapping : 0;
  }

  async thread(name: string): Promise<PeerThread> {
    const tid = (await this.#puppet.ask('thread', { name })) as number;
    const { fd } = this.#opened;
    const ask = async (what: string, request: object) => {
      const answer = this.#ask('inThread', { name, request: { what, fd, ...request } });
      const ended = answer.then(
        () => {},
        () => {},
      );
      this.#inDriver.set(name, ended);
      try {
        return await this.#world.track(tid, answer);
      } finally {
        this.#inDriver.delete(name);
      }
    };
    return {
      ioctl: async (command, argument) => {
        this.#readBack = null;
        const readBack = command === BINDER_WRITE_READ ? this.#readBuffer(argument) : null;
        const answer = (await ask('ioctl', { command, bytes: argument, readBack })) as IoctlAnswer;
        argument.set(answer.bytes);
        if (readBack && answer.read) this.#readBack = { address: readBack.address, bytes: answer.read };
        return answer.errno;
      },
      poll: async () => (await ask('poll', {})) as boolean,
      interrupt: async () => {
        const ended = this.#inDriver.get(name);
        await this.#puppet.ask('interrupt', { name });
        // Where it ends an ioctl, the driver needs a moment to hear of it.
        await ended;
      },
    };
  }

  async place(bytes: Uint8Array): Promise<number> {
    const at = this.#heapUsed;
    if (at + bytes.length > HEAP_SIZE - BEFORE_HOLE) {
      throw new RangeError(`Cannot place ${bytes.length} bytes: the heap of ${HEAP_SIZE} bytes is full`);
    }
    this.#heapUsed = Math.ceil((at + bytes.length) / 8) * 8;
    return this.#write(this.#opened.heap + at, bytes);
  }

  async placeBeforeHole(bytes: Uint8Array): Promise<number> {
    return this.#write(this.#opened.heap + HEAP_SIZE - bytes.length, bytes);
  }

  #write(address: number, bytes: Uint8Array): number {
    if (bytes.length > 0) this.#writes.push({ address, bytes });
    return address;
  }

  #ask(what: string, request: object): Promise<unknown> {
    const writes = this.#writes;
    this.#writes = [];
    return this.#puppet.ask(what, { ...request, writes });
  }

  async received(address: number, length: number): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array();
    const back = this.#readBack;
    if (back && address >= back.address && address + length <= back.address + back.bytes.length)
      return back.bytes.slice(address - back.address, address - back.address + length);
    return (await this.#ask('read', { address, length })) as Uint8Array;
  }

  /** Where the ioctl will read to, if that is memory that was placed. */
  #readBuffer(argument: Uint8Array): { address: number; length: number } | null {
    const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
    const { readBuffer, readSize } = writeRead.decode(view);
    const { heap } = this.#opened;
    const address = Number(readBuffer);
    const length = Number(readSize);
    return address >= heap && length > 0 && address + length <= heap + HEAP_SIZE ? { address, length } : null;
  }

  async openFile(content: string): Promise<number> {
    return (await this.#puppet.ask('openFile', { content })) as number;
  }

  async fileContent(fd: number): Promise<string | null> {
    return (await this.#puppet.ask('fileContent', { fd })) as string | null;
  }

  async closesOnExec(fd: number): Promise<boolean> {
    return (await this.#puppet.ask('closesOnExec', { fd })) as boolean;
  }

  async closeFile(fd: number): Promise<void> {
    await this.#puppet.ask('closeFile', { fd });
  }

  async files(): Promise<number[]> {
    return (await this.#puppet.ask('files', {})) as number[];
  }

  async limitFiles(count: number | null): Promise<void> {
    await this.#puppet.ask('limitFiles', { count });
  }

  async unmap(keep = 0): Promise<void> {
    const { mapping, mapSize } = this.#opened;
    await this.#puppet.ask('unmap', { mapping: mapping + keep, mapSize: mapSize - keep });
    this.#isMapped = keep > 0;
  }

  async closeDuplicate(): Promise<void> {
    await this.#puppet.ask('closeDuplicate', { fd: this.#opened.fd });
    await this.#world.afterFlush();
  }

  async close(): Promise<void> {
    const { fd, mapSize, heap } = this.#opened;
    // The process goes on to the next scenario.
    for (const file of await this.files()) await this.closeFile(file);
    await this.#puppet.ask('close', { fd, mapping: this.mapping, mapSize, heap, heapSize: HEAP_SIZE });
    await this.#world.forget(this);
    await this.#world.settle();
  }

  async kill(): Promise<void> {
    this.#world.kill(this.#puppet);
    await this.#world.forget(this);
    await this.#world.settle();
  }
}

interface IoctlAnswer {
  readonly errno: number;
  readonly bytes: Uint8Array;
  readonly read: Uint8Array | null;
}

/** A child process that runs puppet.mjs. */
class ChildPuppet implements Puppet {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #lastSerial = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message) => this.#hear(message as Answer));
    child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`A puppet ended by ${signal ?? `exit code ${code}`} in the middle of a scenario`));
      }
    });
  }

  static start(): Promise<Puppet> {
    const path = fileURLToPath(new URL('./puppet.mjs', import.meta.url));
    const puppet = new ChildPuppet(fork(path, { serialization: 'advanced', execArgv: [] }));
    return new Promise((resolve, reject) => {
      puppet.#waiting.set(0, { resolve: () => resolve(puppet), reject });
    });
  }

  ask(what: string, request: object): Promise<unknown> {
    const serial = ++this.#lastSerial;
    return new Promise((resolve, reject) => {
      this.#waiting.set(serial, { resolve, reject });
      this.#child.send({ serial, what, ...request });
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #hear({ serial, result, error }: Answer): void {
    const waiting = this.#waiting.get(serial);
    this.#waiting.delete(serial);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(`In the puppet: ${error}`));
  }
}

interface Answer {
  readonly serial: number;
  readonly result?: unknown;
  readonly error?: string;
}
