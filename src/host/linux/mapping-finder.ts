import { closeSync } from 'node:fs';
import type { ThreadId } from '../../driver/ports.ts';
import { createArea, type MappedArea } from './area.ts';
import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';
import { openProc, readOpenProc } from './proc-file.ts';
import type { ClientRange } from './receive-region.ts';

/**
 * How long an answer of {@link ClientMappings.stillMapped} may be old, milliseconds, where the kernel lacks
 * PROCMAP_QUERY (below 6.11): reading a whole maps file costs 20 to 200 microseconds, so a client that is served all the
 * time costs at most one hundredth of the daemon's.
 */
export const TEXT_MAX_AGE = 20;

/**
 * How many file mappings of a client are looked at. Large programs have up to 2,000; a client may have as many as
 * `vm.max_map_count` (65,530), and at a microsecond each the daemon would serve nobody else for long.
 */
export const MAX_RANGES_SCANNED = 8192;

/** How much of a maps file is read, bytes, where the kernel lacks PROCMAP_QUERY; for the same reason. */
export const MAX_MAPS_SIZE = 1024 * 1024;

/** Pieces with different flags that one mapping may consist of and still be found whole by `stillMapped`. */
const MAX_PIECES = 64;

/** _IOWR('f', 17, struct procmap_query). */
const PROCMAP_QUERY = 0xc0686611;
const VMA_READABLE = 0x01;
const VMA_WRITABLE = 0x02;
const VMA_EXECUTABLE = 0x04;
const VMA_SHARED = 0x08;
const QUERY_COVERING_OR_NEXT = 0x10;
const QUERY_FILE_BACKED = 0x20;

const ENOENT = 2;
const ESRCH = 3;

/** One line of a maps file: start, end, writable, shared, major, minor, inode. */
const LINE = /^([0-9a-f]+)-([0-9a-f]+) .(.).(.) [0-9a-f]+ ([0-9a-f]+):([0-9a-f]+) (\d+)/gm;

const TWO_32 = 0x1_0000_0000;
/** Minor numbers of one major: a device number is `major * MINORS + minor`. */
const MINORS = 2 ** 20;

const c = once(() => ({
  ioctl: libc<(fd: number, request: number, argument: number) => number>(
    'int ioctl(int, uint64_t, uint64_t)',
  ),
}));

/** One mapping of the file, pieces that continue each other joined. */
export interface MappedRange extends ClientRange {
  readonly readable: boolean;
  /** Whether any part can be written by the client now. Binder forbids it; FUSE cannot. */
  readonly writable: boolean;
  readonly executable: boolean;
  readonly shared: boolean;
}

/** A mapping of anything, as far as it tells whether a page of it can be waited for. */
export interface Backing {
  readonly start: number;
  readonly end: number;
  /** 0 for anonymous memory. */
  readonly device: number;
  readonly inode: number;
  readonly writable: boolean;
  readonly shared: boolean;
}

/** What {@link ClientMappings.find} saw. */
export interface FoundMappings {
  /** By address. Binder allows one, not writable; what to do about others is the caller's decision. */
  readonly ranges: readonly MappedRange[];
  /** Whether the whole address space was looked at; see {@link MAX_RANGES_SCANNED}. */
  readonly isComplete: boolean;
  /** How many mappings were looked at: what it cost, at about a microsecond each. */
  readonly scanned: number;
}

const NOTHING: FoundMappings = { ranges: [], isComplete: true, scanned: 0 };

/**
 * Finds where clients mapped files of one mount.
 *
 * @example
 * using finder = new MappingFinder(mount.connection);
 * using mappings = finder.forInode(nodeid);
 * const [range] = mappings.find(tid).ranges;
 * if (range && mappings.stillMapped(range)) deliver(range);
 */
export class MappingFinder {
  readonly device: number;
  /** Whether the kernel answers PROCMAP_QUERY: `stillMapped` is then exact. */
  readonly isExact: boolean;
  private readonly query: RangeQuery;

  /**
   * @param device of the mount, as `MountEntry.device` has it; for FUSE the number of the connection.
   * @param allowQuery false to read the text of maps even where the kernel can answer queries.
   */
  constructor(device: number, allowQuery = true) {
    this.device = device;
    this.query = new RangeQuery();
    this.isExact = allowQuery && this.query.isSupported();
  }

  /** @param inode of the file, which on our mount is the node id of the open. */
  forInode(inode: number): ClientMappings {
    return new ClientMappings(inode, this.device, this.isExact ? this.query : null);
  }

  [Symbol.dispose](): void {
    this.query.release();
  }
}

/**
 * Where one client mapped one file. Keeps /proc/TID/maps open from the first {@link find} on: the descriptor belongs to
 * the address space, so it outlives the thread, and after execve or exit shows nothing, whoever gets the id next.
 */
export class ClientMappings {
  private inode = 0;
  private device = 0;
  private readonly query: RangeQuery | null;
  private line = /$^/;
  private maps: number | null = null;
  /** What the text said last, and when: only where the kernel lacks PROCMAP_QUERY. */
  private seen: FoundMappings = NOTHING;
  private seenAt = 0;

  /** Use {@link MappingFinder.forInode}. */
  constructor(inode: number, device: number, query: RangeQuery | null) {
    this.query = query;
    this.lookFor(inode, device);
  }

  /** Goes on with another file, which was put in the place of the first. */
  lookFor(inode: number, device: number): void {
    this.inode = inode;
    this.device = device;
    this.seen = NOTHING;
    this.seenAt = 0;
    const major = hex(Math.floor(device / MINORS));
    const minor = hex(device % MINORS);
    this.line = new RegExp(
      `^([0-9a-f]+)-([0-9a-f]+) (r|-)(w|-)(x|-)(s|p) ([0-9a-f]+) ${major}:${minor} ${inode} `,
      'gm',
    );
  }

  /**
   * Looks through the address space of `thread`. 20 to 200 microseconds.
   *
   * `thread` must be blocked in an open, ioctl or poll of ours, also when its answer is still to come (a parked read).
   * Opening the maps of any other thread can wedge the daemon: its process may be in execve, waiting for us; see
   * proc-file.ts.
   *
   * @throws Node's error with code EACCES when we may not look at that process.
   */
  find(thread: ThreadId): FoundMappings {
    this.release();
    this.maps = openProc(`/proc/${thread}/maps`);
    return this.findAgain();
  }

  /**
   * Looks again through the address space that {@link find} looked at, also when its process has gone on to another
   * one. Costs as much; safe at any time, whatever the process is doing.
   */
  findAgain(): FoundMappings {
    if (this.maps === null) return NOTHING;
    return this.query ? this.scan(this.query, this.maps) : this.readText(this.maps);
  }

  /**
   * Whether `range`, found by {@link find}, is still all there: the same file at the same offset, as writable as it was.
   * Costs one or two microseconds, allocates nothing, and is safe at any time.
   *
   * Where the kernel lacks PROCMAP_QUERY the answer may be {@link TEXT_MAX_AGE} milliseconds old.
   */
  stillMapped(range: MappedRange): boolean {
    if (this.maps === null) return false;
    if (this.query) return this.isCovered(this.query, this.maps, range);
    if (performance.now() - this.seenAt > TEXT_MAX_AGE) this.readText(this.maps);
    return this.seen.ranges.some(
      (now) =>
        now.start <= range.start &&
        now.start + now.length >= range.start + range.length &&
        now.offset - now.start === range.offset - range.start &&
        now.writable === range.writable,
    );
  }

  /**
   * What the memory at `address` is backed by, in the address space that {@link find} looked at; `null` where nothing is
   * mapped. A microsecond; the text of the maps file where the kernel lacks PROCMAP_QUERY.
   */
  backing(address: number): Backing | null {
    return this.backingIn(this.maps, address);
  }

  /** The same in another address space, by its open maps file. */
  backingIn(maps: number | null, address: number): Backing | null {
    if (maps === null) return null;
    if (this.query) return this.query.ask(maps, address, 0) ? this.query.backing() : null;
    const text = readOpenProc(maps, MAX_MAPS_SIZE) ?? '';
    for (const match of text.matchAll(LINE)) {
      const end = Number.parseInt(match[2]!, 16);
      if (end <= address) continue;
      const start = Number.parseInt(match[1]!, 16);
      if (start > address) return null;
      return {
        start,
        end,
        writable: match[3] === 'w',
        shared: match[4] === 's',
        device: Number.parseInt(match[5]!, 16) * MINORS + Number.parseInt(match[6]!, 16),
        inode: Number(match[7]),
      };
    }
    return null;
  }

  /** Closes the descriptor. To be called when the open of the device is released. */
  release(): void {
    if (this.maps === null) return;
    closeSync(this.maps);
    this.maps = null;
    this.seen = NOTHING;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  private scan(query: RangeQuery, maps: number): FoundMappings {
    const ranges: MappedRange[] = [];
    let address = 0;
    for (let count = 0; count < MAX_RANGES_SCANNED; count++) {
      if (!query.ask(maps, address, QUERY_COVERING_OR_NEXT | QUERY_FILE_BACKED))
        return { ranges, isComplete: true, scanned: count };
      if (query.isFile(this.device, this.inode)) {
        const { start, end, offset, flags } = query;
        append(ranges, {
          start,
          length: end - start,
          offset,
          readable: (flags & VMA_READABLE) !== 0,
          writable: (flags & VMA_WRITABLE) !== 0,
          executable: (flags & VMA_EXECUTABLE) !== 0,
          shared: (flags & VMA_SHARED) !== 0,
        });
      }
      address = query.end;
    }
    return { ranges, isComplete: false, scanned: MAX_RANGES_SCANNED };
  }

  private isCovered(query: RangeQuery, maps: number, range: MappedRange): boolean {
    const end = range.start + range.length;
    let address = range.start;
    let writable = false;
    for (let piece = 0; piece < MAX_PIECES; piece++) {
      if (!query.ask(maps, address, 0)) return false;
      if (!query.isFile(this.device, this.inode)) return false;
      if (query.offset - query.start !== range.offset - range.start) return false;
      if ((query.flags & VMA_WRITABLE) !== 0) writable = true;
      address = query.end;
      if (address >= end) return writable === range.writable;
    }
    return false;
  }

  private readText(maps: number): FoundMappings {
    const text = readOpenProc(maps, MAX_MAPS_SIZE) ?? '';
    const ranges: MappedRange[] = [];
    for (const match of text.matchAll(this.line)) {
      const start = Number.parseInt(match[1]!, 16);
      append(ranges, {
        start,
        length: Number.parseInt(match[2]!, 16) - start,
        offset: Number.parseInt(match[7]!, 16),
        readable: match[3] === 'r',
        writable: match[4] === 'w',
        executable: match[5] === 'x',
        shared: match[6] === 's',
      });
    }
    // A line has some 80 characters, and costs about as much to read as a question.
    this.seen = { ranges, isComplete: text.length < MAX_MAPS_SIZE, scanned: Math.ceil(text.length / 80) };
    this.seenAt = performance.now();
    return this.seen;
  }
}

/** Joins a piece to the one before where it continues it: mprotect and madvise on a part split what mmap made. */
function append(ranges: MappedRange[], piece: MappedRange): void {
  const last = ranges.at(-1);
  const continues =
    last !== undefined &&
    last.start + last.length === piece.start &&
    last.offset + last.length === piece.offset &&
    last.shared === piece.shared;
  if (!continues) {
    ranges.push(piece);
    return;
  }
  ranges[ranges.length - 1] = {
    start: last.start,
    length: last.length + piece.length,
    offset: last.offset,
    readable: last.readable && piece.readable,
    writable: last.writable || piece.writable,
    executable: last.executable || piece.executable,
    shared: last.shared,
  };
}

function hex(part: number): string {
  return part.toString(16).padStart(2, '0');
}

/**
 * One question to the kernel about an address space, asked again and again without allocation. The answer of the last
 * {@link ask} is in the fields.
 *
 * struct procmap_query, in bytes:
 *
 * ```text
 *    0      8       16        24     32   40     48         56      64     72     76     80 .. 104
 *    ├──────┼───────┼─────────┼──────┼────┼──────┼──────────┼───────┼──────┼──────┼──────┼────────┤
 *    │ size │ query │ query   │ start│ end│ flags│ page size│ offset│ inode│ major│ minor│ names  │
 *    │      │ flags │ address │      │    │      │          │       │      │      │      │ unused │
 * ```
 */
class RangeQuery {
  start = 0;
  end = 0;
  /** VMA_* */
  flags = 0;
  offset = 0;

  private readonly area: MappedArea = createArea(104);
  /** The struct as 32-bit halves, little-endian. */
  private readonly words: Uint32Array = new Uint32Array(
    this.area.bytes.buffer,
    this.area.bytes.byteOffset,
    104 / 4,
  );

  /** Whether this kernel answers (6.11): tried on ourselves. */
  isSupported(): boolean {
    const maps = openProc('/proc/self/maps');
    if (maps === null) return false;
    try {
      return this.ask(maps, 0, QUERY_COVERING_OR_NEXT);
    } catch {
      return false;
    } finally {
      closeSync(maps);
    }
  }

  /**
   * @returns false when there is no such mapping, or no such address space any more.
   * @throws SystemCallError when the kernel does not know the question (ENOTTY).
   */
  ask(maps: number, address: number, queryFlags: number): boolean {
    const { words } = this;
    words[0] = 104;
    words[2] = queryFlags;
    words[4] = address;
    words[5] = address / TWO_32;
    if (c().ioctl(maps, PROCMAP_QUERY, this.area.address) !== 0) {
      const error = errno();
      if (error === ENOENT || error === ESRCH) return false;
      throw new SystemCallError('ioctl PROCMAP_QUERY', error);
    }
    this.start = words[6]! + words[7]! * TWO_32;
    this.end = words[8]! + words[9]! * TWO_32;
    this.flags = words[10]!;
    this.offset = words[14]! + words[15]! * TWO_32;
    return true;
  }

  isFile(device: number, inode: number): boolean {
    return this.inode === inode && this.device === device;
  }

  backing(): Backing {
    const { start, end, device, inode, flags } = this;
    return {
      start,
      end,
      device,
      inode,
      writable: (flags & VMA_WRITABLE) !== 0,
      shared: (flags & VMA_SHARED) !== 0,
    };
  }

  private get device(): number {
    return this.words[18]! * MINORS + this.words[19]!;
  }

  private get inode(): number {
    return this.words[16]! + this.words[17]! * TWO_32;
  }

  release(): void {
    this.area.release();
  }
}
