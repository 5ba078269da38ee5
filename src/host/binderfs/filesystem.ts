import { BINDER_WRITE_READ } from '../../abi/binder.ts';
import { BINDER_CTL_ADD, BINDERFS_MAX_NAME, binderfsDevice } from '../../abi/binderfs.ts';
import {
  EBUSY,
  ECONNREFUSED,
  EINTR,
  EINVAL,
  EIO,
  EMFILE,
  ENAMETOOLONG,
  ENFILE,
  ENOENT,
  ENOTTY,
  EPERM,
} from '../../abi/errno.ts';
import { LOGICAL_TYPE, UBINDER_LOGICAL_OPEN } from '../../abi/logical-threads.ts';
import type { Driver } from '../../driver/driver.ts';
import { MAX_MAPPING_SIZE } from '../../driver/limits.ts';
import { type Caller, PARKED } from '../../driver/ports.ts';
import type { Thread } from '../../driver/thread.ts';
import type { FileAttributes } from '../fuse/attributes.ts';
import { Directory, ENTRY_TYPE } from '../fuse/directory.ts';
import type { FuseHandlers } from '../fuse/handlers.ts';
import type { PageTable } from '../fuse/page-table.ts';
import { OPEN_REPLY_FLAG, SETATTR_VALID } from '../fuse/protocol.ts';
import type {
  FuseRequest,
  GetattrRequest,
  HandleRequest,
  IoctlRequest,
  NameRequest,
  OpenRequest,
  PollRequest,
  ReadRequest,
  ReleaseRequest,
  RenameRequest,
  SetattrRequest,
} from '../fuse/request.ts';
import type { FuseConnection, FuseSession } from '../fuse/session.ts';
import { createArea, createSharedArea, pageSize } from '../linux/area.ts';
import { IdentityError } from '../linux/identity.ts';
import { Injector } from '../linux/injector.ts';
import { architecture } from '../linux/registers.ts';
import type { ThreadWatch } from '../linux/thread-watch.ts';
import { Logs, OpenLog } from './binder-logs/logs.ts';
import { textOf } from './byte-string.ts';
import type { FileOwner } from './device.ts';
import type { DeviceTable } from './device-table.ts';
import { FEATURE_CONTENT } from './features.ts';
import { Installations, type InstallationsOwner } from './installations.ts';
import { type Ioctl, MappingInjections } from './mapping-injections.ts';
import { CONTROL_NODE, type DeviceNode, type FileNode, NodeTable, ROOT_NODE } from './node-table.ts';
import type { OpenDevice } from './open-device.ts';
import { type DeliveryMode, OpenDeviceFactory, type Opened } from './open-device-factory.ts';
import { UserCounts, type UserLimits } from './user-limits.ts';

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const POLLIN = 1;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
/** Bytes of struct binder_write_read. */
const WRITE_READ_SIZE = 48;
/** The major number reported for an added device: Linux keeps it for nobody, so it names no real device. */
const UNREAL_MAJOR = 511;
/** Seconds for which the kernel may keep what never changes. */
const FOREVER = Number.POSITIVE_INFINITY;

/** Handles of logs are far above any node's id, of which devices make theirs. */
const FIRST_LOG_HANDLE = 2 ** 48;

/** What the file system is made of. */
export interface FileSystemOptions {
  /** Where requests come from, and their answers go. */
  readonly session: FuseSession;
  readonly driver: Driver;
  readonly devices: DeviceTable;
  /** The device number of the mount. */
  readonly mount: number;
  readonly threads: ThreadWatch<Thread>;
  /** Where another thread finds the memory behind mappings that are served from here. */
  readonly pages: PageTable;
  /** Whether there is `binder_logs/`: as the kernel's option `stats=global`, it shows everything to everybody. */
  readonly hasLogs: boolean;
  /** Owner of the root and of what is no device. */
  readonly owner: Pick<FileOwner, 'uid' | 'gid'>;
  /** The security label of clients of which the system has none. */
  readonly label: string;
  readonly userLimits: UserLimits;
  /** The way of delivery that was asked for; the best one otherwise. */
  readonly forcedMode?: DeliveryMode | undefined;
  readonly log: (message: string) => void;
}

/**
 * binderfs: devices that can be added, removed and renamed, `binder-control`, `features/` and `binder_logs/`. Requests on an open
 * device become calls of the driver; a read that sleeps is a request that is answered later.
 */
export class BinderFs implements FuseHandlers {
  readonly #driver: Driver;
  readonly #devices: DeviceTable;
  readonly #nodes: NodeTable;
  readonly #logs: Logs | null;
  readonly #owner: Pick<FileOwner, 'uid' | 'gid'>;
  readonly #log: (message: string) => void;
  readonly #options: FileSystemOptions;
  readonly #session: FuseSession;
  #opener!: OpenDeviceFactory;
  #becomeReady: () => void = () => {};
  readonly #started = Date.now();
  readonly #directory = new Directory();
  readonly #feature = createArea(FEATURE_CONTENT.length);
  /** Opens by file handle, which is the node's id: a node has at most one open. */
  readonly #opens = new Map<number, OpenDevice>();
  readonly #opensByUser = new UserCounts();
  /** Open logs by file handle. */
  readonly #openLogs = new Map<number, OpenLog>();
  #lastLogHandle = FIRST_LOG_HANDLE;
  /** Threads asleep in a read, by the request that waits for its answer. */
  readonly #sleeping = new Map<number, Thread>();
  /** Opens whose pollers must look again. */
  readonly #toNotify: OpenDevice[] = [];
  readonly #answer = createArea(WRITE_READ_SIZE);
  readonly #caller: Caller = { thread: 0, euid: 0, request: 0, nonBlocking: false };
  readonly #injector: Injector;
  readonly #installations: Installations;
  readonly #mappingInjections: MappingInjections;
  #isStopping = false;

  constructor(options: FileSystemOptions) {
    this.#driver = options.driver;
    this.#devices = options.devices;
    this.#logs = options.hasLogs ? new Logs(options.driver) : null;
    this.#nodes = new NodeTable(options.devices, this.#logs);
    this.#options = options;
    this.#session = options.session;
    this.#owner = options.owner;
    this.#log = options.log;
    const { fd, gate } = options.session;
    this.#injector = new Injector(fd, options.log, (tid) => gate?.watchTracer(tid));
    this.#installations = new Installations(this.#injector, this.#installationsOwner());
    this.#mappingInjections = new MappingInjections(this.#injector, {
      answerBytes: (request, result, argument) => this.#session.reply.ioctlBytes(request, result, argument),
      answerError: (request, errno) => void this.#session.reply.ioctlResult(request, -errno),
      carryOut: (open, ioctl) => this.#carryOut(open, ioctl),
    });
    for (let i = 0; i < FEATURE_CONTENT.length; i++) this.#feature.bytes[i] = FEATURE_CONTENT.charCodeAt(i);
  }

  /** Resolves when the kernel has agreed to the session, so that requests are served. */
  readonly ready: Promise<void> = new Promise((resolve) => {
    this.#becomeReady = resolve;
  });

  init(connection: FuseConnection): void {
    const { driver, mount, threads, pages, label, log } = this.#options;
    const mode = this.#modeFor(connection);
    this.#opener = new OpenDeviceFactory({
      mode,
      opens: this.#opens,
      driver,
      session: this.#session,
      mount,
      threads,
      label,
      installations: this.#installations,
      pages,
      log,
    });
    this.#becomeReady();
  }

  /** How received data gets to clients. */
  get mode(): DeliveryMode {
    return this.#opener.mode;
  }

  get deviceNames(): string[] {
    return [...this.#devices].map(({ name }) => name);
  }

  /** All open devices. */
  get opens(): Iterable<OpenDevice> {
    return this.#opens.values();
  }

  /** Threads asleep in a read. */
  get sleepingThreads(): number {
    return this.#sleeping.size;
  }

  /**
   * Answers every sleeping read, and every later one, with ECONNREFUSED: clients take it for the driver's end. Pollers
   * are told to read.
   */
  stop(): void {
    this.#isStopping = true;
    this.#driver.shutDown();
    for (const open of this.#opens.values()) this.readable(open);
    this.notifyPollers();
  }

  /** Nothing is served any more. */
  close(): void {
    this.#injector.close();
  }

  /** A thread sleeps in a read no more. */
  answer(thread: Thread, errno: number): void {
    this.#sleeping.delete(thread.request);
    if (this.#installations.size === 0 || !this.#installations.answer(thread, errno))
      this.#answerNow(thread, errno);
  }

  #answerNow({ request, writeRead, command }: Thread, errno: number): void {
    if (command !== BINDER_WRITE_READ) return void this.#session.reply.ioctlResult(request, -errno);
    writeRead.store(this.#answer.view, 0);
    this.#session.reply.ioctl(request, -errno, this.#answer, 0, WRITE_READ_SIZE);
  }

  /** The pollers of `open` must look again, after what is being done is done. */
  readable(open: OpenDevice): void {
    if (!open.isPolled) return;
    open.isPolled = false;
    this.#toNotify.push(open);
  }

  /** Threads of clients have ended: the driver ends what they had part in. */
  threadsDied(threads: readonly Thread[]): void {
    for (const thread of threads) {
      const { process, id } = thread;
      (process.client as OpenDevice).didUnwatch(thread);
      if (process.threads.get(id) === thread) process.threadDied(id);
    }
    this.notifyPollers();
  }

  lookup(request: NameRequest): void {
    const { unique, name } = request;
    if (name.length > BINDERFS_MAX_NAME) return void this.#session.reply.error(unique, ENAMETOOLONG);
    const nodeid = this.#nodes.lookup(request.nodeid, name);
    const node = this.#nodes.get(nodeid);
    if (!node) this.#session.reply.error(unique, ENOENT);
    else if (typeof node === 'object' && ('device' in node || 'log' in node)) {
      this.#session.reply.entry(unique, nodeid, this.#attributes(nodeid, node), 0, 0);
    } else {
      this.#session.reply.entry(unique, nodeid, this.#attributes(nodeid, node), FOREVER, FOREVER);
    }
  }

  forget(nodeid: number, count: number): void {
    this.#nodes.forget(nodeid, count);
  }

  getattr(request: GetattrRequest): void {
    const node = this.#nodes.get(request.nodeid);
    if (node) this.#session.reply.attributes(request.unique, this.#attributes(request.nodeid, node), 0);
    else this.#session.reply.error(request.unique, ENOENT);
  }

  setattr(request: SetattrRequest): void {
    const { unique, nodeid, valid } = request;
    const node = this.#nodes.get(nodeid);
    if (!node) return void this.#session.reply.error(unique, ENOENT);
    if (valid & SETATTR_VALID.SIZE) return void this.#session.reply.error(unique, EINVAL);
    const wantsOwner = (valid & (SETATTR_VALID.MODE | SETATTR_VALID.UID | SETATTR_VALID.GID)) !== 0;
    if (typeof node === 'object' && 'device' in node) {
      if (valid & SETATTR_VALID.MODE) node.device.mode = request.mode & 0o7777;
      if (valid & SETATTR_VALID.UID) node.device.uid = request.newUid;
      if (valid & SETATTR_VALID.GID) node.device.gid = request.newGid;
    } else if (wantsOwner) {
      return void this.#session.reply.error(unique, EPERM);
    }
    this.#session.reply.attributes(unique, this.#attributes(nodeid, node), 0);
  }

  unlink(request: NameRequest): void {
    this.#replyErrno(
      request.unique,
      request.nodeid === ROOT_NODE ? this.#devices.unlink(request.name) : EPERM,
    );
  }

  rename(request: RenameRequest): void {
    const { unique, nodeid, newParent, flags, name, newName } = request;
    const mayReplace = (flags & RENAME_NOREPLACE) === 0;
    if (nodeid !== ROOT_NODE || newParent !== ROOT_NODE) this.#session.reply.error(unique, EPERM);
    else if (flags === RENAME_EXCHANGE) this.#replyErrno(unique, this.#devices.exchange(name, newName));
    else if (flags & ~RENAME_NOREPLACE) this.#session.reply.error(unique, EINVAL);
    else this.#replyErrno(unique, this.#devices.rename(name, newName, mayReplace));
  }

  statfs(request: FuseRequest): void {
    this.#session.reply.statfs(request.unique, { nameLength: BINDERFS_MAX_NAME });
  }

  opendir(request: OpenRequest): void {
    this.#session.reply.open(request.unique, request.nodeid, 0);
  }

  readdir(request: ReadRequest): void {
    const { unique, nodeid, offset, size } = request;
    this.#directory.start(size);
    for (const { name, ino, isDirectory, position } of this.#nodes.list(nodeid)) {
      if (position <= offset) continue;
      const type = isDirectory ? ENTRY_TYPE.DIRECTORY : ENTRY_TYPE.FILE;
      if (!this.#directory.add(name, ino, type, position)) break;
    }
    this.#session.reply.bytes(unique, this.#directory.area, 0, this.#directory.length);
  }

  releasedir(request: ReleaseRequest): void {
    this.#session.reply.ok(request.unique);
  }

  open(request: OpenRequest): void {
    const { unique, nodeid } = request;
    const node = this.#nodes.get(nodeid);
    if (!node) this.#session.reply.error(unique, ENOENT);
    else if (typeof node === 'object' && 'device' in node) this.#openDevice(request, node);
    else if (typeof node === 'object' && 'log' in node) {
      const handle = ++this.#lastLogHandle;
      this.#openLogs.set(handle, new OpenLog(this.#logs as Logs, node.log));
      this.#session.reply.open(unique, handle, OPEN_REPLY_FLAG.DIRECT_IO);
    } else {
      const isControl = nodeid === CONTROL_NODE;
      this.#session.reply.open(
        unique,
        nodeid,
        isControl ? OPEN_REPLY_FLAG.DIRECT_IO : OPEN_REPLY_FLAG.KEEP_CACHE,
      );
    }
  }

  /** A feature's content, a log, or, where mappings are served from here, a page of what a client has received. */
  read(request: ReadRequest): void {
    const { unique, nodeid, offset, size } = request;
    const log = this.#openLogs.get(request.fh);
    if (log) {
      const { area, at, length } = log.read(offset, size);
      this.#session.reply.bytes(unique, area, at, length);
      return;
    }
    const node = this.#nodes.get(nodeid);
    if (typeof node === 'object' && 'feature' in node) {
      const start = Math.min(offset, FEATURE_CONTENT.length);
      this.#session.reply.bytes(unique, this.#feature, start, Math.min(size, FEATURE_CONTENT.length - start));
      return;
    }
    const received = request.isDirect ? null : this.#opens.get(request.fh)?.receivedBytes(offset, size);
    if (received) this.#session.reply.bytes(unique, received, 0, Math.min(size, received.bytes.length));
    else this.#session.reply.error(unique, EINVAL);
  }

  flush(request: HandleRequest): void {
    const { unique, fh } = request;
    this.#session.reply.ok(unique);
    const open = this.#opens.get(fh);
    if (!open) return;
    open.process.flush();
    this.notifyPollers();
  }

  release(request: ReleaseRequest): void {
    const { unique, fh, nodeid } = request;
    this.#session.reply.ok(unique);
    this.#openLogs.get(fh)?.close();
    this.#openLogs.delete(fh);
    const open = this.#opens.get(fh);
    if (!open) return;
    this.#opens.delete(fh);
    this.#opensByUser.remove(open.openedBy);
    const node = this.#nodes.get(nodeid);
    if (typeof node === 'object' && 'device' in node) node.isOpen = false;
    this.#devices.closed(open.device);
    open.close();
    this.notifyPollers();
  }

  ioctl(request: IoctlRequest): void {
    const open = this.#opens.get(request.fh);
    if (!open) return this.#controlIoctl(request);
    if (this.#isStopping && (request.command === BINDER_WRITE_READ || isLogical(request.command))) {
      return void this.#session.reply.error(request.unique, ECONNREFUSED);
    }
    open.begin();
    if (!open.mayInject || !this.#mappingInjections.begin(open, request)) this.#carryOut(open, request);
  }

  #carryOut(open: OpenDevice, request: Ioctl): void {
    const { unique, command, pid: thread, area, dataAt } = request;
    // It was closed while we waited for its thread, which is gone, too
    if (open.process.isDead) return void this.#session.reply.error(unique, EINTR);
    if (isLogical(command)) return this.#logicalIoctl(open, request);
    const caller = this.#caller;
    caller.thread = thread;
    caller.euid = request.uid;
    caller.request = unique;
    caller.nonBlocking = open.isNonBlocking(thread);
    if (request.isCompat && open.files) open.files.isCompat = true;
    const result = open.process.ioctl(caller, command, area.view, dataAt);
    const isPlain = this.#installations.size === 0 || !this.#installations.has(unique);
    if (result === PARKED && isPlain) this.#sleeping.set(unique, open.process.thread(thread));
    open.watchThread(thread);
    if (result === PARKED) {
      // Answered later
    } else if (!isPlain) this.answer(open.process.thread(thread), result);
    else this.#session.reply.ioctl(unique, -result, area, dataAt, answerSize(request));
    this.notifyPollers();
  }

  #logicalIoctl(open: OpenDevice, request: Ioctl): void {
    const { reply } = this.#session;
    if (!open.logical || request.command === UBINDER_LOGICAL_OPEN)
      reply.ioctlResult(request.unique, -open.openLogical(request));
    else open.logical.ioctl(request, reply);
    this.notifyPollers();
  }

  poll(request: PollRequest): void {
    const open = this.#opens.get(request.fh);
    if (!open) return void this.#session.reply.poll(request.unique, 0);
    open.confirmOpen();
    if (request.wantsNotify) {
      open.pollHandle = request.kh;
      open.isPolled = true;
    }
    const thread = request.pid;
    const isReadable = open.process.poll(thread) || this.#isStopping;
    open.watchThread(thread);
    const didArrive = this.#session.reply.poll(request.unique, isReadable ? POLLIN : 0);
    // It was answered in our place, without looking: see rescue-worker.ts
    if (!didArrive && isReadable) this.readable(open);
    this.notifyPollers();
  }

  /** Signals reach sleeping reads only; everything else has been answered when it returns. */
  interrupt(unique: number): void {
    if (this.#installations.size > 0 && this.#installations.interrupt(unique)) return;
    if (this.#mappingInjections.interrupt(unique)) return;
    const thread = this.#sleeping.get(unique);
    if (!thread) return;
    thread.process.interrupt(thread.id);
    this.notifyPollers();
  }

  #installationsOwner(): InstallationsOwner {
    return {
      answerBytes: (request, result, argument) => this.#session.reply.ioctlBytes(request, result, argument),
      answerNow: (thread, errno) => this.#answerNow(thread, errno),
      makeAgain: (thread) => this.#makeAgain(thread),
      wakes: ({ request }) => this.#sleeping.delete(request),
      settle: () => this.notifyPollers(),
    };
  }

  /** A read that was let out of its sleep for nothing goes back to it, in the same request. */
  #makeAgain(thread: Thread): void {
    const { process, id, euid, request, writeRead } = thread;
    if (process.isDead) return this.#answerNow(thread, EINTR);
    const caller = this.#caller;
    caller.thread = id;
    caller.euid = euid;
    caller.request = request;
    caller.nonBlocking = (process.client as OpenDevice).isNonBlocking(id);
    const { view } = this.#answer;
    writeRead.store(view, 0);
    const result = process.ioctl(caller, BINDER_WRITE_READ, view, 0);
    if (result !== PARKED) this.answer(thread, result);
    else if (!this.#installations.has(request)) this.#sleeping.set(request, thread);
  }

  #modeFor(connection: FuseConnection): DeliveryMode {
    const { forcedMode } = this.#options;
    if (connection.passthrough && this.#mayPassThrough()) return 'passthrough';
    return forcedMode !== 'store' && architecture ? 'inject' : 'store';
  }

  /** The kernel knows passthrough, but lets only some use it: tried, not guessed. */
  #mayPassThrough(): boolean {
    using area = createSharedArea('ubinder-probe', pageSize());
    const id = this.#session.openBacking(area.fd);
    if (id > 0) this.#session.closeBacking(id);
    return id > 0;
  }

  #openDevice(request: OpenRequest, node: DeviceNode): void {
    const { unique, pid, uid, flags } = request;
    const { reply } = this.#session;
    const { device, nodeid } = node;
    const name = textOf(device.name);
    if (this.#isStopping) return void reply.error(unique, ECONNREFUSED);
    if (node.isOpen) {
      this.#log(`refused a second open of ${name}: bind-mount the directory, not the device file`);
      return void reply.error(unique, EBUSY);
    }
    if (pid === 0) {
      this.#log(`refused an open of ${name}: its process is not visible from the daemon's pid namespace`);
      return void reply.error(unique, EPERM);
    }
    if (this.#opensByUser.of(uid) >= this.#options.userLimits.processes) {
      this.#log(`refused an open of ${name}: user ${uid} has as many as a user may have (see --limit)`);
      return void reply.error(unique, EMFILE);
    }
    let opened: Opened;
    try {
      opened = this.#opener.open({ owner: this, device, nodeid, thread: pid, uid, flags });
    } catch (error) {
      this.#log(`cannot open ${name} for thread ${pid}: ${(error as Error).message}`);
      return void reply.error(unique, errnoOf(error));
    }
    this.#opens.set(nodeid, opened.open);
    this.#opensByUser.add(uid);
    node.isOpen = true;
    device.opens++;
    reply.open(unique, nodeid, opened.replyFlags, opened.backingId);
  }

  #controlIoctl(request: IoctlRequest): void {
    const { unique, nodeid, command, area, dataAt } = request;
    if (nodeid !== CONTROL_NODE) return void this.#session.reply.ioctlResult(unique, -ENOTTY);
    if (command !== BINDER_CTL_ADD) return void this.#session.reply.ioctlResult(unique, -EINVAL);
    // As the kernel does, which makes the last byte a NUL whatever it was
    const name = binderfsDevice.decode(area.view, dataAt).name.slice(0, BINDERFS_MAX_NAME);
    const device = this.#devices.add(name, request.uid);
    if (typeof device === 'number') return void this.#session.reply.ioctlResult(unique, -device);
    binderfsDevice.encode(area.view, dataAt, { name, major: UNREAL_MAJOR, minor: device.minor });
    this.#session.reply.ioctl(unique, 0, area, dataAt, answerSize(request));
  }

  #attributes(nodeid: number, node: FileNode): FileAttributes {
    const time = this.#started;
    const common = { ino: nodeid, size: 0, nlink: 1, atime: time, mtime: time, ctime: time };
    if (node === 'root' || node === 'features' || node === 'logs' || node === 'proc logs')
      return { ...common, ...this.#owner, mode: S_IFDIR | 0o755, nlink: 2 };
    if (node === 'control') return { ...common, ...this.#owner, mode: S_IFREG | 0o600 };
    if ('feature' in node) {
      return { ...common, ...this.#owner, mode: S_IFREG | 0o444, size: FEATURE_CONTENT.length };
    }
    if ('log' in node) return { ...common, ...this.#owner, mode: S_IFREG | 0o444 };
    const { mode, uid, gid, isLinked } = node.device;
    // Mappings end with the file where they are served from the page cache, and some languages refuse longer ones.
    return { ...common, mode: S_IFREG | mode, uid, gid, size: MAX_MAPPING_SIZE, nlink: isLinked ? 1 : 0 };
  }

  #replyErrno(unique: number, errno: number): void {
    if (errno === 0) this.#session.reply.ok(unique);
    else this.#session.reply.error(unique, errno);
  }

  /** Tells pollers of what the driver did of late. */
  notifyPollers(): void {
    if (this.#toNotify.length === 0) return;
    for (const open of this.#toNotify) this.#session.notify.poll(open.pollHandle);
    this.#toNotify.length = 0;
  }
}

/** What open(2) fails with: out of descriptors is the daemon here, which clients see as the system's state. */
function errnoOf(error: unknown): number {
  if (error instanceof IdentityError) return EPERM;
  const { errno } = error as NodeJS.ErrnoException;
  if (errno === undefined) return EIO;
  // Node's own errors have it negative
  const number = Math.abs(errno);
  return number === EMFILE ? ENFILE : number;
}

/** Whether it is one of the ioctls of logical threads. */
function isLogical(command: number): boolean {
  return (command & 0xff00) === LOGICAL_TYPE;
}

/**
 * How much of the argument is copied back: no more than came from the client. Behind that lies what others sent before,
 * which a command that only reads would get; all of binder's that read also write.
 */
function answerSize({ inSize, outSize }: Pick<IoctlRequest, 'inSize' | 'outSize'>): number {
  return Math.min(inSize, outSize);
}
