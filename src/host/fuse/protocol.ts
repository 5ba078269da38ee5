/**
 * The FUSE wire protocol, version 7, as far as this file server speaks it: numbers and layouts of `linux/fuse.h`.
 *
 * Every message is one `read` or one `write` of /dev/fuse, in the machine's byte order (little-endian here). Layouts
 * are tables of byte offsets from the start of the struct; `protocol.test.ts` compares them with the C compiler.
 *
 * ```text
 *   request (read)     | in header 40 | struct of the opcode | names, data |
 *   reply (write)      | out header 16 | struct of the opcode | data |
 *   notification       | out header 16, unique 0, error = code | struct of the code | data |
 * ```
 */

export const FUSE_MAJOR = 7;
/** The newest minor version whose changes are known here; kernels with newer ones are answered with this. */
export const FUSE_MINOR = 45;
/** Kernels from 4.20 on speak it; before that the size of READs was not negotiated, and some structs were shorter. */
export const FUSE_OLDEST_MINOR = 28;

export const ROOT_NODE = 1;

/** The kernel refuses reads with a buffer below this. */
export const MIN_READ_BUFFER = 8192;

/** `fuse_opcode`; those left out are never sent, because what they belong to is not asked for in INIT. */
export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SYNCFS: 50,
  TMPFILE: 51,
} as const;

/** `'IOCTL'` for 39, for messages. */
export function opcodeName(opcode: number): string {
  for (const [name, value] of Object.entries(OPCODE)) if (value === opcode) return name;
  return `opcode ${opcode}`;
}

/** `fuse_notify_code`, those used here. */
export const NOTIFY = { POLL: 1, INVAL_INODE: 2, INVAL_ENTRY: 3, STORE: 4 } as const;

/** INIT flags, the low word. */
export const INIT_FLAG = {
  /** O_TRUNC comes with OPEN and not as a SETATTR of its own. */
  ATOMIC_O_TRUNC: 1 << 3,
  BIG_WRITES: 1 << 5,
  /** Lookups and readdirs of one directory do not wait for each other in the kernel. */
  PARALLEL_DIROPS: 1 << 18,
  /** After an abort, read says ECONNABORTED and not ENODEV as after an unmount. */
  ABORT_ERROR: 1 << 21,
  MAX_PAGES: 1 << 22,
  /** `flags2` counts; without it the kernel ignores the word. */
  INIT_EXT: 1 << 30,
} as const;

/** INIT flags, the high word (`flags2`): bit n here is bit 32 + n of the header's names. */
export const INIT_FLAG2 = {
  /** Shared mappings of files opened with DIRECT_IO (kernel 6.6). */
  DIRECT_IO_ALLOW_MMAP: 1 << 4,
  /** Files backed by another file, see {@link OPEN_REPLY_FLAG}.PASSTHROUGH (kernel 6.9). */
  PASSTHROUGH: 1 << 5,
  /** No file handles: with them, open_by_handle_at reaches a node without LOOKUP (kernel 6.9). */
  NO_EXPORT_SUPPORT: 1 << 6,
} as const;

/** What an open is like (`FOPEN_*`). */
export const OPEN_REPLY_FLAG = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  NONSEEKABLE: 1 << 2,
  CACHE_DIR: 1 << 3,
  STREAM: 1 << 4,
  /** No FLUSH at close. */
  NOFLUSH: 1 << 5,
  /** `backing_id` names the file that mappings (and, without DIRECT_IO, reads and writes) go to. */
  PASSTHROUGH: 1 << 7,
} as const;

/** Which members of SETATTR count (`FATTR_*`). */
export const SETATTR_VALID = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  CTIME: 1 << 10,
} as const;

/** GETATTR: `fh` counts. */
export const GETATTR_FH = 1 << 0;
/** POLL: somebody will wait, so a notification is wanted when the file becomes ready. */
export const POLL_SCHEDULE_NOTIFY = 1 << 0;
/** FSYNC: data only. */
export const FSYNC_FDATASYNC = 1 << 0;

/** IOCTL flags. */
export const IOCTL_FLAG = {
  /** The caller is a 32-bit program on a 64-bit kernel. */
  COMPAT: 1 << 0,
  IS_32BIT: 1 << 3,
  /** The descriptor is a directory's. */
  DIRECTORY: 1 << 4,
} as const;

/** Ioctls of /dev/fuse itself: `_IOR(229, 0, u32)`, `_IOW(229, 1, fuse_backing_map)`, `_IOW(229, 2, u32)`. */
export const DEVICE_IOCTL = {
  CLONE: 0x8004e500,
  BACKING_OPEN: 0x4010e501,
  BACKING_CLOSE: 0x4004e502,
} as const;

/**
 * ```text
 *   0     4        8        16       24    28    32    36        38    40
 *   | len | opcode | unique | nodeid | uid | gid | pid | ext len | pad |
 *   | 4   | 4      | 8      | 8      | 4   | 4   | 4   | 2       | 2   |
 * ```
 * `len` is that of the whole request. `pid` is the id of the calling *thread*, 0 for RELEASE, INTERRUPT and others
 * that no thread waits for.
 */
export const IN_HEADER = {
  byteLength: 40,
  len: 0,
  opcode: 4,
  unique: 8,
  nodeid: 16,
  uid: 24,
  gid: 28,
  pid: 32,
} as const;

/**
 * ```text
 *   0     4       8        16
 *   | len | error | unique |
 *   | 4   | 4     | 8      |
 * ```
 * `error` is 0 or -errno, above -512; a notification has `unique` 0 and its code as `error`.
 */
export const OUT_HEADER = { byteLength: 16, len: 0, error: 4, unique: 8 } as const;

/**
 * ```text
 *   0       4       8             12      16       20
 *   | major | minor | max_ahead   | flags | flags2 | unused 44 |
 * ```
 * `flags2` and what follows came with minor 36; before, the struct ends at byte 16.
 */
export const INIT_IN = {
  byteLength: 64,
  major: 0,
  minor: 4,
  max_readahead: 8,
  flags: 12,
  flags2: 16,
} as const;

/**
 * ```text
 *   0       4       8           12      16             18           20          24         28          30
 *   | major | minor | max_ahead | flags | background 2 | congestion 2 | max_write | time_gran | max_pages 2 | align 2 |
 *   32       36                40
 *   | flags2 | max_stack_depth | unused 24 |
 * ```
 */
export const INIT_OUT = {
  byteLength: 64,
  major: 0,
  minor: 4,
  max_readahead: 8,
  flags: 12,
  max_background: 16,
  congestion_threshold: 18,
  max_write: 20,
  time_gran: 24,
  max_pages: 28,
  map_alignment: 30,
  flags2: 32,
  max_stack_depth: 36,
} as const;

/**
 * ```text
 *   0     8      16       24      32      40      48            52            56            60     64      68    72
 *   | ino | size | blocks | atime | mtime | ctime | atimensec 4 | mtimensec 4 | ctimensec 4 | mode | nlink | uid |
 *   72    76     80        84      88
 *   | gid | rdev | blksize | flags |
 * ```
 */
export const ATTR = {
  byteLength: 88,
  ino: 0,
  size: 8,
  blocks: 16,
  atime: 24,
  mtime: 32,
  ctime: 40,
  atimensec: 48,
  mtimensec: 52,
  ctimensec: 56,
  mode: 60,
  nlink: 64,
  uid: 68,
  gid: 72,
  rdev: 76,
  blksize: 80,
  flags: 84,
} as const;

/**
 * ```text
 *   0        8            16            24           32                 36                40
 *   | nodeid | generation | entry_valid | attr_valid | entry_valid_nsec | attr_valid_nsec | attr 88 |
 *   | 8      | 8          | 8           | 8          | 4                | 4               |
 * ```
 */
export const ENTRY_OUT = {
  byteLength: 128,
  nodeid: 0,
  generation: 8,
  entry_valid: 16,
  attr_valid: 24,
  entry_valid_nsec: 32,
  attr_valid_nsec: 36,
  attr: 40,
} as const;

/** `| attr_valid 8 | attr_valid_nsec 4 | dummy 4 | attr 88 |` */
export const ATTR_OUT = { byteLength: 104, attr_valid: 0, attr_valid_nsec: 8, attr: 16 } as const;

/** `| nlookup 8 |` */
export const FORGET_IN = { byteLength: 8, nlookup: 0 } as const;
/** `| count 4 | dummy 4 |`, then `count` times {@link FORGET_ONE}. */
export const BATCH_FORGET_IN = { byteLength: 8, count: 0 } as const;
/** `| nodeid 8 | nlookup 8 |` */
export const FORGET_ONE = { byteLength: 16, nodeid: 0, nlookup: 8 } as const;

/** `| getattr_flags 4 | dummy 4 | fh 8 |` */
export const GETATTR_IN = { byteLength: 16, getattr_flags: 0, fh: 8 } as const;

/**
 * ```text
 *   0       4     8    16     24           32      40      48      56            60            64            68
 *   | valid | pad | fh | size | lock_owner | atime | mtime | ctime | atimensec 4 | mtimensec 4 | ctimensec 4 | mode |
 *   72       76    80    84
 *   | unused | uid | gid | unused |
 * ```
 */
export const SETATTR_IN = {
  byteLength: 88,
  valid: 0,
  fh: 8,
  size: 16,
  atime: 32,
  mtime: 40,
  ctime: 48,
  atimensec: 56,
  mtimensec: 60,
  ctimensec: 64,
  mode: 68,
  uid: 76,
  gid: 80,
} as const;

/** `| mode 4 | rdev 4 | umask 4 | pad 4 |`, then the name. */
export const MKNOD_IN = { byteLength: 16, mode: 0, rdev: 4, umask: 8 } as const;
/** `| mode 4 | umask 4 |`, then the name. */
export const MKDIR_IN = { byteLength: 8, mode: 0, umask: 4 } as const;
/** `| newdir 8 |`, then the old and the new name. */
export const RENAME_IN = { byteLength: 8, newdir: 0 } as const;
/** `| newdir 8 | flags 4 | pad 4 |`, then the old and the new name. */
export const RENAME2_IN = { byteLength: 16, newdir: 0, flags: 8 } as const;
/** `| oldnodeid 8 |`, then the new name. */
export const LINK_IN = { byteLength: 8, oldnodeid: 0 } as const;

/** `| flags 4 | open_flags 4 |` */
export const OPEN_IN = { byteLength: 8, flags: 0, open_flags: 4 } as const;
/** `| flags 4 | mode 4 | umask 4 | open_flags 4 |`, then the name. */
export const CREATE_IN = { byteLength: 16, flags: 0, mode: 4, umask: 8, open_flags: 12 } as const;
/** `| fh 8 | open_flags 4 | backing_id 4 |`; before minor 40, `backing_id` was padding. */
export const OPEN_OUT = { byteLength: 16, fh: 0, open_flags: 8, backing_id: 12 } as const;

/** `| fh 8 | flags 4 | release_flags 4 | lock_owner 8 |` */
export const RELEASE_IN = { byteLength: 24, fh: 0, flags: 8, release_flags: 12 } as const;
/** `| fh 8 | unused 4 | pad 4 | lock_owner 8 |` */
export const FLUSH_IN = { byteLength: 24, fh: 0 } as const;
/** `| fh 8 | fsync_flags 4 | pad 4 |` */
export const FSYNC_IN = { byteLength: 16, fh: 0, fsync_flags: 8 } as const;

/** READ: `lock_owner` counts; set by read(2) that bypasses the page cache. */
export const READ_LOCKOWNER = 1 << 1;
/** `| fh 8 | offset 8 | size 4 | read_flags 4 | lock_owner 8 | flags 4 | pad 4 |` */
export const READ_IN = { byteLength: 40, fh: 0, offset: 8, size: 16, read_flags: 20, flags: 32 } as const;
/** `| fh 8 | offset 8 | size 4 | write_flags 4 | lock_owner 8 | flags 4 | pad 4 |`, then the data. */
export const WRITE_IN = { byteLength: 40, fh: 0, offset: 8, size: 16, write_flags: 20, flags: 32 } as const;
/** `| size 4 | pad 4 |` */
export const WRITE_OUT = { byteLength: 8, size: 0 } as const;

/**
 * ```text
 *   0        8       16       24      32      40      44        48       52    56
 *   | blocks | bfree | bavail | files | ffree | bsize | namelen | frsize | pad | spare 24 |
 *   | 8      | 8     | 8      | 8     | 8     | 4     | 4       | 4      | 4   |
 * ```
 */
export const STATFS_OUT = {
  byteLength: 80,
  blocks: 0,
  bfree: 8,
  bavail: 16,
  files: 24,
  ffree: 32,
  bsize: 40,
  namelen: 44,
  frsize: 48,
} as const;

/** `| size 4 | flags 4 |`, then the name and the value; the longer form of minor 33 is not asked for. */
export const SETXATTR_IN = { byteLength: 8, size: 0, flags: 4 } as const;
/** `| size 4 | pad 4 |`, then the name (for LISTXATTR nothing). */
export const GETXATTR_IN = { byteLength: 8, size: 0 } as const;
/** `| size 4 | pad 4 |`, the answer to `size` 0. */
export const GETXATTR_OUT = { byteLength: 8, size: 0 } as const;

/** `| mask 4 | pad 4 |` */
export const ACCESS_IN = { byteLength: 8, mask: 0 } as const;
/** `| unique 8 |`: the request that a signal interrupted. */
export const INTERRUPT_IN = { byteLength: 8, unique: 0 } as const;

/**
 * ```text
 *   0    8       12    16    24        28         32
 *   | fh | flags | cmd | arg | in_size | out_size | in_size bytes copied from arg |
 *   | 8  | 4     | 4   | 8   | 4       | 4        |
 * ```
 */
export const IOCTL_IN = {
  byteLength: 32,
  fh: 0,
  flags: 8,
  cmd: 12,
  arg: 16,
  in_size: 24,
  out_size: 28,
} as const;

/**
 * ```text
 *   0        4       8         12         16
 *   | result | flags | in_iovs | out_iovs | at most out_size bytes, copied to arg whatever the result is |
 *   | 4      | 4     | 4       | 4        |
 * ```
 */
export const IOCTL_OUT = { byteLength: 16, result: 0, flags: 4, in_iovs: 8, out_iovs: 12 } as const;

/** `| fh 8 | kh 8 | flags 4 | events 4 |`; `kh` is the kernel's name of the open for notifications. */
export const POLL_IN = { byteLength: 24, fh: 0, kh: 8, flags: 16, events: 20 } as const;
/** `| revents 4 | pad 4 |` */
export const POLL_OUT = { byteLength: 8, revents: 0 } as const;

/** `| fh 8 | offset 8 | length 8 | mode 4 | pad 4 |` */
export const FALLOCATE_IN = { byteLength: 32, fh: 0, offset: 8, length: 16, mode: 24 } as const;
/** `| fh 8 | offset 8 | whence 4 | pad 4 |` */
export const LSEEK_IN = { byteLength: 24, fh: 0, offset: 8, whence: 16 } as const;
/** `| offset 8 |` */
export const LSEEK_OUT = { byteLength: 8, offset: 0 } as const;

/** `| ino 8 | off 8 | namelen 4 | type 4 | name | zeros up to a multiple of 8 |`; `off` is where the next one starts. */
export const DIRENT = { byteLength: 24, ino: 0, off: 8, namelen: 16, type: 20 } as const;

/** `| kh 8 |` */
export const NOTIFY_POLL_OUT = { byteLength: 8, kh: 0 } as const;
/** `| ino 8 | off 8 | len 8 |` */
export const NOTIFY_INVAL_INODE_OUT = { byteLength: 24, ino: 0, off: 8, len: 16 } as const;
/** `| parent 8 | namelen 4 | flags 4 |`, then the name and a NUL that `namelen` does not count. */
export const NOTIFY_INVAL_ENTRY_OUT = { byteLength: 16, parent: 0, namelen: 8, flags: 12 } as const;
/** `| nodeid 8 | offset 8 | size 4 | pad 4 |`, then the data. */
export const NOTIFY_STORE_OUT = { byteLength: 24, nodeid: 0, offset: 8, size: 16 } as const;

/** `| fd 4 | flags 4 | padding 8 |`, the argument of BACKING_OPEN. */
export const BACKING_MAP = { byteLength: 16, fd: 0, flags: 4 } as const;

const TWO_32 = 0x1_0000_0000;

/**
 * Reads a 64-bit field as a number. Request ids, nodes, handles and offsets stay far below 2^53; what a client may
 * choose freely (an ioctl's argument) is rounded above that.
 */
export function readNumber64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * TWO_32 + view.getUint32(offset, true);
}

/** Writes a whole number from 0 to 2^53 - 1 as a 64-bit field. */
export function writeNumber64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, (value / TWO_32) >>> 0, true);
}
