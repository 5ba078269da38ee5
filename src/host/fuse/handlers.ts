import type {
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
import type { FuseConnection } from './session.ts';

/**
 * A file system as the session calls it: one handler for each kind of request, called synchronously.
 *
 * Each handler that gets a request owes it exactly one reply through the session's `reply`, at once or later, in any
 * order; until then the calling thread sleeps, and not even SIGKILL ends it. What answers suit is named below; any
 * request may be answered by `reply.error`. The request object is only valid until the handler returns.
 *
 * A handler that is absent is answered for: mostly with ENOSYS, after which the kernel does without and does not ask
 * again; the table in `session.ts` says with what.
 *
 * **No handler may touch the mount it serves**, directly or by a path that leads there: the process would wait for
 * itself.
 */
export interface FuseHandlers {
  /** The kernel and the session agreed; no request comes before. */
  init?(connection: FuseConnection): void;
  /** Sent to mounts of block devices alone; others end with `FuseSession.end`. */
  destroy?(): void;

  /** Each answer by `reply.entry` (or `reply.created`) with a node counts as one reference to it, see `forget`. */
  lookup?(request: NameRequest): void;
  /** The kernel drops `count` references to the node; with the last one it will not name it again. No reply. */
  forget?(nodeid: number, count: number): void;
  /** `reply.attributes` */
  getattr?(request: GetattrRequest): void;
  /** `reply.attributes` with what they are now */
  setattr?(request: SetattrRequest): void;
  /** `reply.bytes` with the target, without NUL */
  readlink?(request: FuseRequest): void;
  /** `reply.entry` */
  symlink?(request: SymlinkRequest): void;
  /** `reply.entry` */
  mknod?(request: MknodRequest): void;
  /** `reply.entry` */
  mkdir?(request: MkdirRequest): void;
  /** `reply.ok` */
  unlink?(request: NameRequest): void;
  /** `reply.ok` */
  rmdir?(request: NameRequest): void;
  /** `reply.ok` */
  rename?(request: RenameRequest): void;
  /** `reply.entry` */
  link?(request: LinkRequest): void;

  /** `reply.open` */
  open?(request: OpenRequest): void;
  /** `reply.created` */
  create?(request: CreateRequest): void;
  /** `reply.bytes`; fewer than asked for is the end of the file */
  read?(request: ReadRequest): void;
  /** `reply.written` */
  write?(request: WriteRequest): void;
  /** A process closed a descriptor of the open, or ended; there may be more of them. `reply.ok` */
  flush?(request: HandleRequest): void;
  /** The last descriptor of the open is closed: nothing more comes with this handle. `reply.ok` */
  release?(request: ReleaseRequest): void;
  /** `reply.ok` */
  fsync?(request: FsyncRequest): void;
  /** `reply.ioctl` */
  ioctl?(request: IoctlRequest): void;
  /** `reply.poll` */
  poll?(request: PollRequest): void;
  /** `reply.ok` */
  fallocate?(request: FallocateRequest): void;
  /** `reply.offset` */
  lseek?(request: LseekRequest): void;
  /**
   * The thread behind the request `unique` got a signal (SIGKILL, SIGSTOP or freezing too). The request stays, and the
   * thread with it, until it is answered as usual: answer at once. It may have been answered already. No reply to this.
   */
  interrupt?(unique: number): void;

  /** `reply.open` */
  opendir?(request: OpenRequest): void;
  /** `reply.bytes` of a `Directory` */
  readdir?(request: ReadRequest): void;
  /** `reply.ok` */
  releasedir?(request: ReleaseRequest): void;
  /** `reply.ok` */
  fsyncdir?(request: FsyncRequest): void;

  /** `reply.statfs` */
  statfs?(request: FuseRequest): void;
  /** `reply.ok` */
  access?(request: AccessRequest): void;
  /** `reply.ok` */
  setxattr?(request: SetxattrRequest): void;
  /** `reply.bytes`, or `reply.xattrSize` when `request.size` is 0 */
  getxattr?(request: GetxattrRequest): void;
  /** The same, with NUL-terminated names */
  listxattr?(request: GetxattrRequest): void;
  /** `reply.ok` */
  removexattr?(request: NameRequest): void;
}
