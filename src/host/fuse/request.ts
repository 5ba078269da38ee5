import type { Area } from '../../driver/ports.ts';
import {
  ACCESS_IN,
  CREATE_IN,
  FALLOCATE_IN,
  FSYNC_FDATASYNC,
  FSYNC_IN,
  GETATTR_FH,
  GETATTR_IN,
  GETXATTR_IN,
  IN_HEADER,
  IOCTL_FLAG,
  IOCTL_IN,
  LINK_IN,
  LSEEK_IN,
  MKDIR_IN,
  MKNOD_IN,
  OPCODE,
  OPEN_IN,
  POLL_IN,
  POLL_SCHEDULE_NOTIFY,
  READ_IN,
  READ_LOCKOWNER,
  RELEASE_IN,
  RENAME_IN,
  RENAME2_IN,
  readNumber64,
  SETATTR_IN,
  SETATTR_VALID,
  SETXATTR_IN,
  WRITE_IN,
} from './protocol.ts';

const BODY = IN_HEADER.byteLength;
const MS_PER_SECOND = 1000;
const NS_PER_MS = 1e6;

/**
 * One request as it lies in the session's arena: the header here, the struct of each opcode in the classes below.
 *
 * A session has one object of each class and reuses it: **all getters read the arena, which the next request
 * overwrites**. A handler copies what it needs later (usually `unique` alone) before it returns.
 *
 * Names are byte strings: one character (0 to 255) for each byte, whatever the encoding, so that every name survives;
 * `Buffer.from(name, 'latin1').toString()` shows one to people.
 */
export class FuseRequest {
  /** Where the request lies, header first. */
  readonly area: Area;
  protected readonly view: DataView;
  private readonly text: Buffer;

  constructor(area: Area) {
    this.area = area;
    this.view = area.view;
    this.text = Buffer.from(area.bytes.buffer, area.bytes.byteOffset, area.bytes.byteLength);
  }

  /** Bytes of the whole request. */
  get length(): number {
    return this.view.getUint32(IN_HEADER.len, true);
  }

  get opcode(): number {
    return this.view.getUint32(IN_HEADER.opcode, true);
  }

  /** Names this request in the reply. */
  get unique(): number {
    return readNumber64(this.view, IN_HEADER.unique);
  }

  get nodeid(): number {
    return readNumber64(this.view, IN_HEADER.nodeid);
  }

  /** The file system user id of the calling thread, in the user namespace of the mount. */
  get uid(): number {
    return this.view.getUint32(IN_HEADER.uid, true);
  }

  get gid(): number {
    return this.view.getUint32(IN_HEADER.gid, true);
  }

  /** The id of the calling *thread* in the mounter's pid namespace; 0 when it is not visible there, or for RELEASE. */
  get pid(): number {
    return this.view.getUint32(IN_HEADER.pid, true);
  }

  /** The `index`-th of the NUL-terminated strings that start at byte `at` of the arena. */
  protected stringAt(at: number, index: number): string {
    const end = this.length;
    const bytes = this.area.bytes;
    let start = at;
    let remaining = index;
    for (let i = at; i < end; i++) {
      if (bytes[i] !== 0) continue;
      if (remaining-- === 0) return this.text.toString('latin1', start, i);
      start = i + 1;
    }
    return this.text.toString('latin1', start, end);
  }
}

/** LOOKUP, UNLINK, RMDIR, REMOVEXATTR: a name in (or of) the node and nothing else. */
export class NameRequest extends FuseRequest {
  get name(): string {
    return this.stringAt(BODY, 0);
  }
}

export class GetattrRequest extends FuseRequest {
  /** The open that fstat came through; 0 for none, so number your handles from 1. */
  get fh(): number {
    return this.view.getUint32(BODY + GETATTR_IN.getattr_flags, true) & GETATTR_FH
      ? readNumber64(this.view, BODY + GETATTR_IN.fh)
      : 0;
  }
}

/** SETATTR: a member counts only where its bit of {@link SETATTR_VALID} is in `valid`. */
export class SetattrRequest extends FuseRequest {
  get valid(): number {
    return this.view.getUint32(BODY + SETATTR_IN.valid, true);
  }

  /** The open that the change came through (ftruncate), 0 for none. */
  get fh(): number {
    return this.valid & SETATTR_VALID.FH ? readNumber64(this.view, BODY + SETATTR_IN.fh) : 0;
  }

  get size(): number {
    return readNumber64(this.view, BODY + SETATTR_IN.size);
  }

  get mode(): number {
    return this.view.getUint32(BODY + SETATTR_IN.mode, true);
  }

  get newUid(): number {
    return this.view.getUint32(BODY + SETATTR_IN.uid, true);
  }

  get newGid(): number {
    return this.view.getUint32(BODY + SETATTR_IN.gid, true);
  }

  /** Milliseconds since 1970, as are `mtime` and `ctime`. */
  get atime(): number {
    return this.time(SETATTR_IN.atime, SETATTR_IN.atimensec);
  }

  get mtime(): number {
    return this.time(SETATTR_IN.mtime, SETATTR_IN.mtimensec);
  }

  get ctime(): number {
    return this.time(SETATTR_IN.ctime, SETATTR_IN.ctimensec);
  }

  private time(seconds: number, nanoseconds: number): number {
    return (
      Number(this.view.getBigInt64(BODY + seconds, true)) * MS_PER_SECOND +
      this.view.getUint32(BODY + nanoseconds, true) / NS_PER_MS
    );
  }
}

export class MknodRequest extends FuseRequest {
  /** File type and permissions, the umask already taken off. */
  get mode(): number {
    return this.view.getUint32(BODY + MKNOD_IN.mode, true);
  }

  get rdev(): number {
    return this.view.getUint32(BODY + MKNOD_IN.rdev, true);
  }

  get name(): string {
    return this.stringAt(BODY + MKNOD_IN.byteLength, 0);
  }
}

export class MkdirRequest extends FuseRequest {
  get mode(): number {
    return this.view.getUint32(BODY + MKDIR_IN.mode, true);
  }

  get name(): string {
    return this.stringAt(BODY + MKDIR_IN.byteLength, 0);
  }
}

export class SymlinkRequest extends FuseRequest {
  get name(): string {
    return this.stringAt(BODY, 0);
  }

  get target(): string {
    return this.stringAt(BODY, 1);
  }
}

/** RENAME and RENAME2. */
export class RenameRequest extends FuseRequest {
  /** The directory that the new name is in; the old one's is `nodeid`. */
  get newParent(): number {
    return readNumber64(this.view, BODY + RENAME_IN.newdir);
  }

  /** RENAME_NOREPLACE 1, RENAME_EXCHANGE 2, RENAME_WHITEOUT 4. */
  get flags(): number {
    return this.hasFlags ? this.view.getUint32(BODY + RENAME2_IN.flags, true) : 0;
  }

  get name(): string {
    return this.stringAt(this.names, 0);
  }

  get newName(): string {
    return this.stringAt(this.names, 1);
  }

  private get hasFlags(): boolean {
    return this.opcode === OPCODE.RENAME2;
  }

  private get names(): number {
    return BODY + (this.hasFlags ? RENAME2_IN.byteLength : RENAME_IN.byteLength);
  }
}

/** LINK: `nodeid` is the directory of the new name. */
export class LinkRequest extends FuseRequest {
  get linkedNode(): number {
    return readNumber64(this.view, BODY + LINK_IN.oldnodeid);
  }

  get name(): string {
    return this.stringAt(BODY + LINK_IN.byteLength, 0);
  }
}

/** OPEN and OPENDIR. */
export class OpenRequest extends FuseRequest {
  /** As for open(2), without O_CREAT, O_EXCL and O_NOCTTY. */
  get flags(): number {
    return this.view.getUint32(BODY + OPEN_IN.flags, true);
  }
}

export class CreateRequest extends FuseRequest {
  get flags(): number {
    return this.view.getUint32(BODY + CREATE_IN.flags, true);
  }

  get mode(): number {
    return this.view.getUint32(BODY + CREATE_IN.mode, true);
  }

  get name(): string {
    return this.stringAt(BODY + CREATE_IN.byteLength, 0);
  }
}

/** Any request that comes through an open and whose struct starts with its handle; all of FLUSH. */
export class HandleRequest extends FuseRequest {
  /** The handle given in the reply to OPEN. */
  get fh(): number {
    return readNumber64(this.view, BODY);
  }
}

/** RELEASE and RELEASEDIR. Nobody waits for the reply, which must be made all the same. */
export class ReleaseRequest extends HandleRequest {
  /** The flags of the open file, as for open(2). */
  get flags(): number {
    return this.view.getUint32(BODY + RELEASE_IN.flags, true);
  }
}

/** FSYNC and FSYNCDIR. */
export class FsyncRequest extends HandleRequest {
  get dataOnly(): boolean {
    return (this.view.getUint32(BODY + FSYNC_IN.fsync_flags, true) & FSYNC_FDATASYNC) !== 0;
  }
}

/** READ and READDIR. */
export class ReadRequest extends HandleRequest {
  /**
   * Whether read(2) asks, and not a page fault of a mapping: for opens answered with DIRECT_IO, whose read(2) bypasses
   * the page cache and names an owner of locks.
   */
  get isDirect(): boolean {
    return (this.view.getUint32(BODY + READ_IN.read_flags, true) & READ_LOCKOWNER) !== 0;
  }

  /** Bytes; for READDIR the `nextOffset` of the last entry received, 0 at first. */
  get offset(): number {
    return readNumber64(this.view, BODY + READ_IN.offset);
  }

  /** Bytes that the reply may have at most. */
  get size(): number {
    return this.view.getUint32(BODY + READ_IN.size, true);
  }

  /** The flags of the open file now, as for open(2). */
  get flags(): number {
    return this.view.getUint32(BODY + READ_IN.flags, true);
  }
}

export class WriteRequest extends HandleRequest {
  get offset(): number {
    return readNumber64(this.view, BODY + WRITE_IN.offset);
  }

  /** Bytes of data, which start at {@link dataAt} of the area. */
  get size(): number {
    return this.view.getUint32(BODY + WRITE_IN.size, true);
  }

  get dataAt(): number {
    return BODY + WRITE_IN.byteLength;
  }

  get flags(): number {
    return this.view.getUint32(BODY + WRITE_IN.flags, true);
  }
}

export class SetxattrRequest extends FuseRequest {
  get name(): string {
    return this.stringAt(BODY + SETXATTR_IN.byteLength, 0);
  }

  /** Bytes of the value, which starts at {@link dataAt} of the area. */
  get size(): number {
    return this.view.getUint32(BODY + SETXATTR_IN.size, true);
  }

  get dataAt(): number {
    return this.length - this.size;
  }

  /** XATTR_CREATE 1, XATTR_REPLACE 2. */
  get flags(): number {
    return this.view.getUint32(BODY + SETXATTR_IN.flags, true);
  }
}

/** GETXATTR, and LISTXATTR without a name. */
export class GetxattrRequest extends FuseRequest {
  /** Bytes that the caller has room for; 0 asks for the size alone (`reply.xattrSize`). */
  get size(): number {
    return this.view.getUint32(BODY + GETXATTR_IN.size, true);
  }

  get name(): string {
    return this.stringAt(BODY + GETXATTR_IN.byteLength, 0);
  }
}

/** ACCESS. With the mount option `default_permissions` the kernel decides itself and sends none. */
export class AccessRequest extends FuseRequest {
  /** R_OK 4, W_OK 2, X_OK 1. */
  get mask(): number {
    return this.view.getUint32(BODY + ACCESS_IN.mask, true);
  }
}

/**
 * IOCTL. The kernel has copied `_IOC_SIZE` bytes from the caller's argument where the command has `_IOC_WRITE`, and
 * will copy up to `outSize` bytes back where it has `_IOC_READ`; a bad pointer was answered with EFAULT already.
 */
export class IoctlRequest extends HandleRequest {
  get command(): number {
    return this.view.getUint32(BODY + IOCTL_IN.cmd, true);
  }

  /** The third argument of ioctl(2), exact up to 2^53 - 1. */
  get argument(): number {
    return readNumber64(this.view, BODY + IOCTL_IN.arg);
  }

  /** Bytes copied from the argument; they start at {@link dataAt} of the area. */
  get inSize(): number {
    return this.view.getUint32(BODY + IOCTL_IN.in_size, true);
  }

  /** Bytes that the reply may copy back at most. */
  get outSize(): number {
    return this.view.getUint32(BODY + IOCTL_IN.out_size, true);
  }

  get dataAt(): number {
    return BODY + IOCTL_IN.byteLength;
  }

  /** Whether a 32-bit program calls: its structs are laid out differently. */
  get isCompat(): boolean {
    return (this.view.getUint32(BODY + IOCTL_IN.flags, true) & IOCTL_FLAG.COMPAT) !== 0;
  }

  /** Whether the descriptor is a directory's: `fh` is what OPENDIR answered, 0 without a handler for it. */
  get isDirectory(): boolean {
    return (this.view.getUint32(BODY + IOCTL_IN.flags, true) & IOCTL_FLAG.DIRECTORY) !== 0;
  }
}

/** POLL: which of the events are ready is answered at once; waiting goes by `notify.poll`. */
export class PollRequest extends HandleRequest {
  /** The kernel's name of this open, the same each time, for `notify.poll`. */
  get kh(): number {
    return readNumber64(this.view, BODY + POLL_IN.kh);
  }

  /** POLLIN 1, POLLOUT 4 and so on. */
  get events(): number {
    return this.view.getUint32(BODY + POLL_IN.events, true);
  }

  /** Whether somebody is going to wait, whatever is answered. */
  get wantsNotify(): boolean {
    return (this.view.getUint32(BODY + POLL_IN.flags, true) & POLL_SCHEDULE_NOTIFY) !== 0;
  }
}

export class FallocateRequest extends HandleRequest {
  get offset(): number {
    return readNumber64(this.view, BODY + FALLOCATE_IN.offset);
  }

  get size(): number {
    return readNumber64(this.view, BODY + FALLOCATE_IN.length);
  }

  get mode(): number {
    return this.view.getUint32(BODY + FALLOCATE_IN.mode, true);
  }
}

/** LSEEK with SEEK_DATA or SEEK_HOLE; the others the kernel does itself. */
export class LseekRequest extends HandleRequest {
  get offset(): number {
    return readNumber64(this.view, BODY + LSEEK_IN.offset);
  }

  /** SEEK_DATA 3, SEEK_HOLE 4. */
  get whence(): number {
    return this.view.getUint32(BODY + LSEEK_IN.whence, true);
  }
}
