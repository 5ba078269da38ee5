import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { createArea, type MappedArea } from '../linux/area.ts';
import type { Clock } from '../linux/clock.ts';
import { errno, libc, SystemCallError } from '../linux/libc.ts';
import { once } from '../linux/once.ts';
import { closeBacking, openBacking } from './device.ts';
import type { FuseHandlers } from './handlers.ts';
import { FuseNotify } from './notify.ts';
import { OutMessage } from './out-message.ts';
import {
  BATCH_FORGET_IN,
  FORGET_IN,
  FORGET_ONE,
  FUSE_MAJOR,
  FUSE_MINOR,
  FUSE_OLDEST_MINOR,
  IN_HEADER,
  INIT_FLAG,
  INIT_FLAG2,
  INIT_IN,
  INIT_OUT,
  INTERRUPT_IN,
  OPCODE,
  OUT_HEADER,
  opcodeName,
  readNumber64,
} from './protocol.ts';
import type { ReadGate } from './read-gate.ts';
import { FuseReply } from './reply.ts';
import {
  AccessRequest,
  CreateRequest,
  FallocateRequest,
  FsyncRequest,
  FuseRequest,
  GetattrRequest,
  GetxattrRequest,
  HandleRequest,
  IoctlRequest,
  LinkRequest,
  LseekRequest,
  MkdirRequest,
  MknodRequest,
  NameRequest,
  OpenRequest,
  PollRequest,
  ReadRequest,
  ReleaseRequest,
  RenameRequest,
  SetattrRequest,
  SetxattrRequest,
  SymlinkRequest,
  WriteRequest,
} from './request.ts';

const { EACCES, EAGAIN, ECONNABORTED, EINTR, EINVAL, EIO, ENODEV, ENOENT, ENOSYS, ENOTTY, EPERM, EPROTO } =
  constants.errno;

const BODY = IN_HEADER.byteLength;
const PAGE = 4096;

/** Bytes of data in one READ, WRITE, STORE or attribute at most: what `max_pages` and `max_write` promise. */
export const MAX_DATA = 65536;

/** The kernel wants room for its longest header beside `max_write`; a page is more than that. */
export const ARENA_SIZE: number = MAX_DATA + PAGE;

/** Requests in one BATCH_FORGET fit the arena by the kernel's own limit; this guards against a lie. */
const MAX_FORGETS = Math.floor((ARENA_SIZE - BODY - BATCH_FORGET_IN.byteLength) / FORGET_ONE.byteLength);

/** What {@link FuseSession.receive} found. */
export const RECEIVED = 1;
export const EMPTY = 0;
export const ENDED = -1;

/** Why a session ended: after `unmounted` nobody is left; after `aborted` the mount may remain, answering ENOTCONN. */
export type SessionEnd = 'unmounted' | 'aborted';

/** What the kernel and the session agreed on. */
export interface FuseConnection {
  /** Of protocol 7: what the kernel speaks, whatever is newest here. */
  readonly kernelMinor: number;
  /** The kernel knows PASSTHROUGH and it was asked for; whether this process may use it, `openBacking` tells. */
  readonly passthrough: boolean;
  /** Files opened with DIRECT_IO can be mapped shared. */
  readonly directIoMmap: boolean;
  /** Bytes in one WRITE at most. */
  readonly maxWrite: number;
}

export interface FuseSessionOptions {
  /** Ask for PASSTHROUGH; default false. */
  readonly passthrough?: boolean;
  /** Ask for shared mappings of files opened with DIRECT_IO; default false. */
  readonly directIoMmap?: boolean;
  /** Lets another thread read requests while this one is stuck. */
  readonly gate?: ReadGate;
  /** Bytes in one WRITE at most, 4096 to {@link MAX_DATA}; default {@link MAX_DATA}. */
  readonly maxWrite?: number;
  /**
   * A handler threw. The request was answered with EIO so that nobody waits for ever (unless it had its answer
   * already). Default: the error is thrown on, which ends the process.
   */
  readonly onHandlerError?: (error: unknown, opcode: string) => void;
}

/** One opcode: whose handler takes it, and the errno when there is none (0: success). */
interface Route {
  readonly call: ((request: FuseRequest) => void) | undefined;
  readonly request: FuseRequest;
  readonly absent: number;
}

const c = once(() => ({
  read: libc<(fd: number, address: number, size: number) => number>('int64_t read(int, uint64_t, uint64_t)'),
}));

/**
 * A FUSE connection: reads requests, hands each to its handler, carries the answers back.
 *
 * Single-threaded and synchronous: {@link receive} handles one request, `FuseLoop` calls it whenever there are some.
 *
 * @example
 * const { fd } = mountFuse({ directory: '/mnt/empty' });
 * using session = new FuseSession(fd, (session) => ({
 *   getattr: (request) => session.reply.attributes(request.unique, rootAttributes, 1),
 * }));
 * await new FuseLoop(session).run();
 */
export class FuseSession implements Clock {
  readonly fd: number;
  /** When requests were last looked for, or a few of them ago; handlers need not ask. */
  now = 0;
  /** Where the handlers' answers go. */
  readonly reply: FuseReply;
  readonly notify: FuseNotify;
  private readonly handlers: FuseHandlers;
  private readonly options: FuseSessionOptions;
  private readonly maxWrite: number;
  /** Set where a rescue may take over; see rescue.ts. */
  readonly gate: ReadGate | null;
  private readonly area: MappedArea;
  private readonly view: DataView;
  private readonly address: number;
  private readonly out: OutMessage;
  private readonly header: FuseRequest;
  private readonly routes: readonly (Route | undefined)[];
  private readonly read: (fd: number, address: number, size: number) => number;
  private agreed: FuseConnection | null = null;
  private why: SessionEnd | null = null;
  private isClosed = false;

  /**
   * @param fd a non-blocking /dev/fuse that is mounted; the session's own from now on.
   * @param createHandlers makes the file system, which keeps the session for its answers. Called once, at the end of
   * the constructor; the set of handlers is fixed by then.
   * @throws RangeError for a `maxWrite` out of range.
   */
  constructor(
    fd: number,
    createHandlers: (session: FuseSession) => FuseHandlers,
    options: FuseSessionOptions = {},
  ) {
    const maxWrite = options.maxWrite ?? MAX_DATA;
    if (!(maxWrite >= PAGE && maxWrite <= MAX_DATA))
      throw new RangeError(`Cannot use a maxWrite of ${maxWrite} bytes: give ${PAGE} to ${MAX_DATA}`);
    this.fd = fd;
    this.options = options;
    this.maxWrite = maxWrite;
    this.gate = options.gate ?? null;
    this.area = createArea(ARENA_SIZE);
    this.view = this.area.view;
    this.address = this.area.address;
    this.read = c().read;
    this.header = new FuseRequest(this.area);
    this.out = new OutMessage(fd, ARENA_SIZE);
    this.reply = new FuseReply(this.out);
    this.notify = new FuseNotify(fd, this.out, ARENA_SIZE);
    this.handlers = createHandlers(this);
    this.routes = this.createRoutes();
  }

  /** What was agreed on, `null` until INIT came: with the first request, which waits as soon as mount(2) returns. */
  get connection(): FuseConnection | null {
    return this.agreed;
  }

  /** Why the session ended, `null` while it lives. */
  get end(): SessionEnd | null {
    return this.why;
  }

  /**
   * Reads and handles one request.
   *
   * @returns {@link RECEIVED}; {@link EMPTY} when none waits; {@link ENDED} when none will come any more.
   * @throws SystemCallError when /dev/fuse is not mounted or not as expected; what a handler threw.
   */
  receive(): number {
    if (this.why) return ENDED;
    for (;;) {
      const length = this.readRequest();
      if (length >= 0) {
        this.handle(length);
        return RECEIVED;
      }
      const error = -length;
      switch (error) {
        case EAGAIN:
          return EMPTY;
        case EINTR:
        case ENOENT: // The request was aborted while it was being copied
          continue;
        case ENODEV:
          this.why = 'unmounted';
          return ENDED;
        case ECONNABORTED:
          this.why = 'aborted';
          return ENDED;
        default:
          throw new SystemCallError('read', error, 'of /dev/fuse');
      }
    }
  }

  /** See `openBacking` of device.ts: an id above 0, or -errno. */
  openBacking(backingFd: number): number {
    return openBacking(this.fd, backingFd);
  }

  /** See `closeBacking` of device.ts: 0 or -errno. */
  closeBacking(id: number): number {
    return closeBacking(this.fd, id);
  }

  /**
   * Closes /dev/fuse, with which the kernel aborts the connection: every request not answered ends with ECONNABORTED,
   * and whatever remains mounted answers ENOTCONN. Late answers do nothing and return `false`.
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.why ??= 'aborted';
    this.notify.whenSettled(() => closeSync(this.fd));
    this.out.release();
    this.area.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @returns the length of a request, or -errno. */
  private readRequest(): number {
    const { gate } = this;
    const taken = gate === null ? 0 : gate.enter(this.area.bytes);
    if (taken > 0) return taken;
    const length = this.read(this.fd, this.address, ARENA_SIZE);
    const result = length >= 0 ? length : -errno();
    if (gate !== null) gate.leave();
    return result;
  }

  private handle(length: number): void {
    if (length < BODY || this.view.getUint32(IN_HEADER.len, true) !== length)
      throw new Error(`Cannot take a FUSE request of ${length} bytes: its header does not agree`);
    const opcode = this.view.getUint32(IN_HEADER.opcode, true);
    const route = this.routes[opcode];
    try {
      if (route === undefined) this.handleOther(opcode);
      else if (route.call !== undefined) route.call(route.request);
      else if (route.absent === 0) this.reply.ok(this.header.unique);
      else this.reply.error(this.header.unique, route.absent);
    } catch (error) {
      this.failed(error, opcode);
    }
  }

  private failed(error: unknown, opcode: number): void {
    if (!this.isClosed && !hasNoReply(opcode)) this.reply.error(this.header.unique, EIO);
    if (!this.options.onHandlerError) throw error;
    this.options.onHandlerError(error, opcodeName(opcode));
  }

  /** Requests that are not one handler's, or that get no reply. */
  private handleOther(opcode: number): void {
    switch (opcode) {
      case OPCODE.FORGET:
        this.handlers.forget?.(this.header.nodeid, readNumber64(this.view, BODY + FORGET_IN.nlookup));
        return;
      case OPCODE.BATCH_FORGET:
        this.forgetBatch();
        return;
      case OPCODE.INTERRUPT:
        if (this.handlers.interrupt)
          this.handlers.interrupt(readNumber64(this.view, BODY + INTERRUPT_IN.unique));
        else this.reply.error(this.header.unique, ENOSYS);
        return;
      case OPCODE.NOTIFY_REPLY:
        return;
      case OPCODE.INIT:
        this.negotiate();
        return;
      case OPCODE.DESTROY:
        this.reply.ok(this.header.unique);
        this.handlers.destroy?.();
        return;
      default:
        this.reply.error(this.header.unique, ENOSYS);
    }
  }

  private forgetBatch(): void {
    const count = this.view.getUint32(BODY + BATCH_FORGET_IN.count, true);
    if (count > MAX_FORGETS) throw new Error(`Cannot forget ${count} nodes at once: ${MAX_FORGETS} fit`);
    const { handlers } = this;
    if (!handlers.forget) return;
    let at = BODY + BATCH_FORGET_IN.byteLength;
    for (let i = 0; i < count; i++, at += FORGET_ONE.byteLength) {
      handlers.forget(
        readNumber64(this.view, at + FORGET_ONE.nodeid),
        readNumber64(this.view, at + FORGET_ONE.nlookup),
      );
    }
  }

  private negotiate(): void {
    const unique = this.header.unique;
    const major = this.view.getUint32(BODY + INIT_IN.major, true);
    const minor = this.view.getUint32(BODY + INIT_IN.minor, true);
    const out = this.out.view;
    const at = OUT_HEADER.byteLength;
    this.out.clear(INIT_OUT.byteLength);
    out.setUint32(at + INIT_OUT.major, FUSE_MAJOR, true);
    out.setUint32(at + INIT_OUT.minor, Math.min(minor, FUSE_MINOR), true);
    if (major > FUSE_MAJOR) {
      // The kernel comes back with an INIT of the major version it is told here
      this.out.send(unique, 0, INIT_OUT.byteLength);
      return;
    }
    if (major < FUSE_MAJOR || minor < FUSE_OLDEST_MINOR) {
      this.reply.error(unique, EPROTO);
      throw new Error(
        `Cannot speak FUSE ${major}.${minor}: needs ${FUSE_MAJOR}.${FUSE_OLDEST_MINOR} or newer, a kernel from 4.20 on`,
      );
    }
    const offered = this.view.getUint32(BODY + INIT_IN.flags, true);
    const offered2 = offered & INIT_FLAG.INIT_EXT ? this.view.getUint32(BODY + INIT_IN.flags2, true) : 0;
    const flags =
      offered &
      (INIT_FLAG.ATOMIC_O_TRUNC |
        INIT_FLAG.BIG_WRITES |
        INIT_FLAG.PARALLEL_DIROPS |
        INIT_FLAG.ABORT_ERROR |
        INIT_FLAG.MAX_PAGES |
        INIT_FLAG.INIT_EXT);
    let wanted2: number = INIT_FLAG2.NO_EXPORT_SUPPORT;
    if (this.options.passthrough) wanted2 |= INIT_FLAG2.PASSTHROUGH;
    if (this.options.directIoMmap) wanted2 |= INIT_FLAG2.DIRECT_IO_ALLOW_MMAP;
    const flags2 = offered2 & wanted2;
    const passthrough = (flags2 & INIT_FLAG2.PASSTHROUGH) !== 0;
    out.setUint32(at + INIT_OUT.flags, flags, true);
    out.setUint32(at + INIT_OUT.flags2, flags2, true);
    out.setUint32(at + INIT_OUT.max_write, this.maxWrite, true);
    out.setUint32(at + INIT_OUT.time_gran, 1, true);
    out.setUint16(at + INIT_OUT.max_pages, MAX_DATA / PAGE, true);
    // How many file systems may lie on top of each other; a backing file on one that stacks itself would need 2
    out.setUint32(at + INIT_OUT.max_stack_depth, passthrough ? 1 : 0, true);
    const failure = this.out.send(unique, 0, INIT_OUT.byteLength);
    if (failure !== 0) throw new SystemCallError('write', failure, 'of the FUSE INIT reply');
    this.agreed = {
      kernelMinor: minor,
      passthrough,
      directIoMmap: (flags2 & INIT_FLAG2.DIRECT_IO_ALLOW_MMAP) !== 0,
      maxWrite: this.maxWrite,
    };
    this.handlers.init?.(this.agreed);
  }

  /** The table of opcodes. What is absent is answered as the kernel does for file systems without that operation. */
  private createRoutes(): (Route | undefined)[] {
    const { area, handlers: h } = this;
    const routes: (Route | undefined)[] = [];
    const route = <R extends FuseRequest>(
      opcode: number,
      handler: ((request: R) => void) | undefined,
      request: R,
      absent: number,
    ): void => {
      const call = handler?.bind(h) as ((request: FuseRequest) => void) | undefined;
      routes[opcode] = { call, request, absent };
    };
    // Holes would make every look-up of the array slow
    for (let opcode = 0; opcode <= OPCODE.TMPFILE; opcode++) routes.push(undefined);
    const bare = this.header;
    const name = new NameRequest(area);
    const open = new OpenRequest(area);
    const handle = new HandleRequest(area);
    const read = new ReadRequest(area);
    const release = new ReleaseRequest(area);
    const fsync = new FsyncRequest(area);
    const rename = new RenameRequest(area);
    const getxattr = new GetxattrRequest(area);
    route(OPCODE.LOOKUP, h.lookup, name, ENOENT);
    route(OPCODE.GETATTR, h.getattr, new GetattrRequest(area), ENOSYS);
    route(OPCODE.SETATTR, h.setattr, new SetattrRequest(area), EPERM);
    route(OPCODE.READLINK, h.readlink, bare, EINVAL);
    route(OPCODE.SYMLINK, h.symlink, new SymlinkRequest(area), EPERM);
    route(OPCODE.MKNOD, h.mknod, new MknodRequest(area), EPERM);
    route(OPCODE.MKDIR, h.mkdir, new MkdirRequest(area), EPERM);
    route(OPCODE.UNLINK, h.unlink, name, EPERM);
    route(OPCODE.RMDIR, h.rmdir, name, EPERM);
    route(OPCODE.RENAME, h.rename, rename, EPERM);
    route(OPCODE.RENAME2, h.rename, rename, EPERM);
    route(OPCODE.LINK, h.link, new LinkRequest(area), EPERM);
    // ENOSYS to OPEN, OPENDIR: the kernel opens without asking, with handle 0
    route(OPCODE.OPEN, h.open, open, ENOSYS);
    route(OPCODE.CREATE, h.create, new CreateRequest(area), EACCES);
    route(OPCODE.READ, h.read, read, EINVAL);
    route(OPCODE.WRITE, h.write, new WriteRequest(area), EINVAL);
    route(OPCODE.FLUSH, h.flush, handle, ENOSYS);
    route(OPCODE.RELEASE, h.release, release, 0);
    route(OPCODE.FSYNC, h.fsync, fsync, ENOSYS);
    route(OPCODE.IOCTL, h.ioctl, new IoctlRequest(area), ENOTTY);
    route(OPCODE.POLL, h.poll, new PollRequest(area), ENOSYS);
    route(OPCODE.FALLOCATE, h.fallocate, new FallocateRequest(area), ENOSYS);
    route(OPCODE.LSEEK, h.lseek, new LseekRequest(area), ENOSYS);
    route(OPCODE.OPENDIR, h.opendir, open, ENOSYS);
    route(OPCODE.READDIR, h.readdir, read, ENOSYS);
    route(OPCODE.RELEASEDIR, h.releasedir, release, 0);
    route(OPCODE.FSYNCDIR, h.fsyncdir, fsync, ENOSYS);
    route(OPCODE.STATFS, h.statfs, bare, ENOSYS);
    route(OPCODE.ACCESS, h.access, new AccessRequest(area), ENOSYS);
    route(OPCODE.SETXATTR, h.setxattr, new SetxattrRequest(area), ENOSYS);
    route(OPCODE.GETXATTR, h.getxattr, getxattr, ENOSYS);
    route(OPCODE.LISTXATTR, h.listxattr, getxattr, ENOSYS);
    route(OPCODE.REMOVEXATTR, h.removexattr, name, ENOSYS);
    return routes;
  }
}

function hasNoReply(opcode: number): boolean {
  return (
    opcode === OPCODE.FORGET ||
    opcode === OPCODE.BATCH_FORGET ||
    opcode === OPCODE.INTERRUPT ||
    opcode === OPCODE.NOTIFY_REPLY
  );
}
