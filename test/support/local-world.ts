import assert from 'node:assert/strict';
import {
  LocalFiles,
  LocalHost,
  LocalProcess,
  type LocalThread,
  RawLocalDriver,
} from '../../src/binder/connections/local.ts';
import { Context } from '../../src/driver/context.ts';
import type { Area } from '../../src/driver/ports.ts';
import { type Log, Logs } from '../../src/host/binderfs/binder-logs/logs.ts';
import { checkInvariants } from './check-invariants.ts';
import {
  type Ability,
  DEFAULT_MAP,
  type OpenOptions,
  type Peer,
  type PeerThread,
  type World,
} from './world.ts';

/** Memory of each open beyond its mapping: enough for a few messages larger than any mapping. */
const HEAP_SIZE = 1024 * 1024;

/** The pure driver in this process. Its invariants are checked after everything a scenario does. */
export class LocalWorld implements World {
  readonly abilities: ReadonlySet<Ability> = new Set([
    'interrupt',
    'unmap',
    'users',
    'labels',
    'descriptors',
    'logs',
  ]);
  readonly driver: RawLocalDriver;
  readonly #context = new Context('binder');
  readonly #processes = new Map<string, Identity>();
  readonly #threads = new Map<string, number>();
  readonly #open = new Set<LocalPeer>();
  #logs: Logs | null = null;
  #nextId = 1000;
  /** Files that were opened and not closed, by descriptors or the driver. */
  openFiles = 0;
  /** Ioctls that were neither answered nor refused yet. */
  underWay = 0;
  /** What the driver said of breaches of the protocol, without the process and thread. */
  readonly userErrors: string[] = [];

  /** @param label - what `LocalHost` tells receivers that ask for the sender's label */
  constructor(label?: string | null) {
    const host = label === undefined ? new LocalHost() : new LocalHost(label);
    host.onUserError = (message) => this.userErrors.push(message.replace(/^\d+:\d+ /, ''));
    this.driver = new RawLocalDriver(host);
  }

  open(options: OpenOptions): Promise<Peer> {
    const key = `${options.process} ${options.euid ?? ''}`;
    let process = this.#processes.get(key);
    if (!process) {
      process = { pid: this.#nextId++, euid: options.euid ?? 0, files: new LocalFiles() };
      this.#processes.set(key, process);
    }
    const peer = new LocalPeer(this, this.#context, process, options);
    this.#open.add(peer);
    return Promise.resolve(peer);
  }

  log(name: string): Promise<string> {
    this.#logs ??= new Logs(this.driver);
    const pid = name.replace('proc/', '');
    return Promise.resolve(this.#logs.text(pid === name ? (name as Log) : Number(pid)));
  }

  /** The id of a thread: the same for a name in all opens of a process. */
  threadId(process: string, name: string): number {
    const key = `${process}/${name}`;
    let id = this.#threads.get(key);
    if (id === undefined) {
      id = this.#nextId++;
      this.#threads.set(key, id);
    }
    return id;
  }

  /** Everything the driver does is done when its call returns; only the promises have to be carried out. */
  settle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    for (const peer of this.#open) await peer.close();
    await this.settle();
    while (this.driver.continueRelease()) await this.settle();
    assert.equal(this.underWay, 0, 'ioctls that were never answered');
    assert.equal(this.openFiles, 0, 'files that nobody closed');
    assert.equal(this.driver.shrinker.presentBytes, 0, 'pages left when all processes are gone');
    const { process, thread, node, ref, death, freeze, transaction, buffer } = this.driver.stats;
    const left = { process, thread, node, ref, death, freeze, transaction, buffer };
    for (const [name, count] of Object.entries(left)) {
      assert.equal(count.active, 0, `${name} objects left when all processes are gone`);
    }
  }

  check(): void {
    checkInvariants(this.driver);
  }

  /** Who plays the part of this process next is a new one. */
  kill(process: string): void {
    for (const key of this.#processes.keys()) if (key.startsWith(`${process} `)) this.#processes.delete(key);
    for (const key of this.#threads.keys()) if (key.startsWith(`${process}/`)) this.#threads.delete(key);
  }

  forget(peer: LocalPeer): void {
    this.#open.delete(peer);
  }
}

/** What all opens by a process have in common. */
interface Identity {
  readonly pid: number;
  readonly euid: number;
  readonly files: LocalFiles;
}

class LocalPeer implements Peer {
  readonly world: LocalWorld;
  readonly process: LocalProcess;
  readonly #name: string;
  readonly #nonBlocking: boolean;
  readonly #heap: number;

  constructor(
    world: LocalWorld,
    context: Context,
    { pid, euid, files }: Identity,
    { process, map = DEFAULT_MAP, nonBlocking = false }: OpenOptions,
  ) {
    this.world = world;
    this.#name = process;
    this.#nonBlocking = nonBlocking;
    this.process = new LocalProcess(world.driver, context, { pid, euid, files, heapSize: HEAP_SIZE });
    this.#heap = this.process.place(new Uint8Array());
    if (map !== false) this.process.map(map);
  }

  get pid(): number {
    return this.process.pid;
  }

  get mapping(): number {
    return this.process.mapping()?.address ?? 0;
  }

  thread(name: string): Promise<PeerThread> {
    const thread = this.process.thread(this.world.threadId(this.#name, name));
    thread.nonBlocking = this.#nonBlocking;
    return Promise.resolve(new LocalPeerThread(this, thread));
  }

  place(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(this.process.place(bytes));
  }

  placeBeforeHole(bytes: Uint8Array): Promise<number> {
    const address = this.#heap + HEAP_SIZE - bytes.length;
    const from: Area = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset), address: 0 };
    this.process.write(0, address, from, 0, bytes.length);
    return Promise.resolve(address);
  }

  received(address: number, length: number): Promise<Uint8Array> {
    return Promise.resolve(this.process.bytesAt(address, length).slice());
  }

  openFile(content: string): Promise<number> {
    this.world.openFiles++;
    const fd = this.process.files.open(content, () => {
      this.world.openFiles--;
    });
    return Promise.resolve(fd);
  }

  fileContent(fd: number): Promise<string | null> {
    return Promise.resolve((this.process.files.get(fd) as string | undefined) ?? null);
  }

  /** Nothing is executed here. */
  closesOnExec(): Promise<boolean> {
    return Promise.resolve(true);
  }

  closeFile(fd: number): Promise<void> {
    assert.ok(this.process.files.delete(fd), 'a descriptor to close is open');
    return Promise.resolve();
  }

  files(): Promise<number[]> {
    return Promise.resolve([...this.process.files]);
  }

  limitFiles(count: number | null): Promise<void> {
    const { files } = this.process;
    files.limit = count === null ? Number.POSITIVE_INFINITY : files.size + count;
    return Promise.resolve();
  }

  unmap(): Promise<void> {
    this.process.unmap();
    return Promise.resolve();
  }

  async closeDuplicate(): Promise<void> {
    this.process.process.flush();
    await this.world.settle();
    this.world.check();
  }

  async close(): Promise<void> {
    const { files } = this.process;
    for (const fd of [...files]) files.delete(fd);
    this.process.close();
    this.world.forget(this);
    await this.world.settle();
    this.world.check();
  }

  async kill(): Promise<void> {
    for (const thread of this.process.process.threads.values())
      if (thread.isParked) this.process.process.interrupt(thread.id);
    this.world.kill(this.#name);
    await this.close();
  }
}

class LocalPeerThread implements PeerThread {
  readonly #peer: LocalPeer;
  readonly #thread: LocalThread;

  constructor(peer: LocalPeer, thread: LocalThread) {
    this.#peer = peer;
    this.#thread = thread;
  }

  async ioctl(command: number, argument: Uint8Array): Promise<number> {
    const { process, world } = this.#peer;
    const asleep = process.process.threads.get(this.#thread.id)?.isParked ?? false;
    assert.ok(!asleep, 'a thread that sleeps in an ioctl cannot make another');
    world.underWay++;
    const result = this.#thread.ioctl(command, argument);
    world.check();
    try {
      return await result;
    } finally {
      world.underWay--;
    }
  }

  poll(): Promise<boolean> {
    const isReadable = this.#peer.process.process.poll(this.#thread.id);
    this.#peer.world.check();
    return Promise.resolve(isReadable);
  }

  async interrupt(): Promise<void> {
    this.#peer.process.process.interrupt(this.#thread.id);
    await this.#peer.world.settle();
    this.#peer.world.check();
  }
}
