import { ATTR, writeNumber64 } from './protocol.ts';

const MS_PER_SECOND = 1000;
const NS_PER_MS = 1e6;
const NS_PER_SECOND = 1e9;

/** Seconds that stand for "for ever": the kernel caps what its clock cannot hold. */
const FOREVER = 0xffff_ffff;

/** What stat(2) tells about a file. */
export interface FileAttributes {
  /** Shown as the inode number; the session itself goes by node ids. */
  readonly ino: number;
  /** Bytes. */
  readonly size: number;
  /** File type (`S_IFREG` and so on) and permissions. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev?: number;
  /** Units of 512 bytes; default 0. */
  readonly blocks?: number;
  /** Bytes that reads had best come in; default 4096. */
  readonly blockSize?: number;
  /** Milliseconds since 1970, as are `mtime` and `ctime`; fractions count. */
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** Writes a `fuse_attr`; the bytes were zero before. */
export function writeAttributes(view: DataView, at: number, attributes: FileAttributes): void {
  writeNumber64(view, at + ATTR.ino, attributes.ino);
  writeNumber64(view, at + ATTR.size, attributes.size);
  writeNumber64(view, at + ATTR.blocks, attributes.blocks ?? 0);
  writeTime(view, at + ATTR.atime, at + ATTR.atimensec, attributes.atime);
  writeTime(view, at + ATTR.mtime, at + ATTR.mtimensec, attributes.mtime);
  writeTime(view, at + ATTR.ctime, at + ATTR.ctimensec, attributes.ctime);
  view.setUint32(at + ATTR.mode, attributes.mode, true);
  view.setUint32(at + ATTR.nlink, attributes.nlink, true);
  view.setUint32(at + ATTR.uid, attributes.uid, true);
  view.setUint32(at + ATTR.gid, attributes.gid, true);
  view.setUint32(at + ATTR.rdev, attributes.rdev ?? 0, true);
  view.setUint32(at + ATTR.blksize, attributes.blockSize ?? 4096, true);
}

/** Writes for how long the kernel may keep something: whole seconds at `at`, the rest at `nanosecondsAt`. */
export function writeTimeout(view: DataView, at: number, nanosecondsAt: number, seconds: number): void {
  const whole = Math.min(Math.floor(seconds), FOREVER);
  writeNumber64(view, at, whole);
  view.setUint32(nanosecondsAt, whole === FOREVER ? 0 : (seconds - whole) * NS_PER_SECOND, true);
}

function writeTime(view: DataView, at: number, nanosecondsAt: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / MS_PER_SECOND);
  // Signed: dates before 1970 are negative
  view.setUint32(at, seconds >>> 0, true);
  view.setInt32(at + 4, Math.floor(seconds / 0x1_0000_0000), true);
  view.setUint32(nanosecondsAt, (milliseconds - seconds * MS_PER_SECOND) * NS_PER_MS, true);
}
