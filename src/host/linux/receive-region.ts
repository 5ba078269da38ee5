import { MAX_MAPPING_SIZE } from '../../driver/limits.ts';
import type { Area, Mapping } from '../../driver/ports.ts';
import type { PageBacking } from '../../page/page-backing.ts';
import { createArea, createSharedArea, type MappedArea, pageSize, type SharedArea } from './area.ts';
import { nodeOfPage } from './numa.ts';

/** Where a client sees its mapping of an opened device, as {@link MappedRange} of the mapping finder says. */
export interface ClientRange {
  /** The address in the client. */
  readonly start: number;
  /** Bytes. */
  readonly length: number;
  /** Bytes from the start of the file at which the mapping begins; the kernel driver ignores it, we must not. */
  readonly offset: number;
}

/**
 * The memory in which one open of a device receives data.
 *
 * It exists from the open on. The client's mapping of it is found later and told by {@link mapping}. There are two
 * ways for what the driver writes to reach the client:
 *
 * ```text
 *   passthrough    our area ──── the same pages of a memfd ──── the client's mapping
 *   store          our area ── FUSE_NOTIFY_STORE ── page cache of the file ── the client's mapping
 * ```
 */
export interface ReceiveRegion {
  /**
   * The driver's side of the client's mapping. Nothing is allocated when the same range is asked for again.
   *
   * @returns `null` when the region cannot serve that range: see the implementations.
   */
  mapping(range: ClientRange): Mapping | null;
  /** Gives the memory back; every mapping it returned is unusable from then on. Releasing again does nothing. */
  release(): void;
  [Symbol.dispose](): void;
}

/**
 * Delivery by passthrough: the client's mmap is led to a memfd of ours, of {@link MAX_MAPPING_SIZE} bytes and sparse.
 * Needs FUSE_DEV_IOC_BACKING_OPEN (CAP_SYS_ADMIN in the initial user namespace, Linux 6.9).
 *
 * Whatever the client maps beyond the memfd gets SIGBUS when touched, and no data: as with the kernel driver, which
 * uses the first 4 MiB only.
 *
 * @example
 * const region = new PassthroughRegion('hwbinder');
 * const backingId = openBacking(fuse, region.fd); // FUSE_DEV_IOC_BACKING_OPEN
 * answerOpen(backingId);
 * region.closeFd();
 */
export class PassthroughRegion implements ReceiveRegion {
  private readonly memory: SharedArea;
  private last: RegionMapping | undefined;

  /**
   * @param name of the memfd in /proc/PID/maps, for example the device's.
   * @throws SystemCallError for EMFILE and the like.
   */
  constructor(name: string) {
    this.memory = createSharedArea(`ubinder-${name}`, MAX_MAPPING_SIZE);
  }

  /** The memfd, to be given to FUSE_DEV_IOC_BACKING_OPEN; -1 once closed. */
  get fd(): number {
    return this.memory.fd;
  }

  /** To be called when the open is answered: mappings that exist and new ones stay served. */
  closeFd(): void {
    this.memory.closeFd();
  }

  /**
   * See {@link ReceiveRegion.mapping}. `null` when less than the whole range (its first 4 MiB) lies in the memfd, that
   * is, for a file offset other than 0 unless the mapping is small.
   */
  mapping(range: ClientRange): Mapping | null {
    const size = Math.min(range.length, MAX_MAPPING_SIZE);
    if (range.offset + size > MAX_MAPPING_SIZE) return null;
    if (!this.last?.isFor(range)) {
      const area = range.offset === 0 ? this.memory : new AreaPart(this.memory, range.offset, size);
      this.last = new RegionMapping(range, area, undefined, new FileBacking(this.memory, range.offset, size));
    }
    return this.last;
  }

  /** Bytes of memory that the region occupies now, pages included that the client brought back by reading. */
  residentBytes(): number {
    return this.memory.allocatedBytes();
  }

  /** Gives all memory back, of a region in which nothing was received: a client who reads it brings zeros in. */
  punchAll(): void {
    this.memory.punch(0, MAX_MAPPING_SIZE);
  }

  release(): void {
    this.memory.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/**
 * Makes `length` bytes of the file `nodeid` at `offset` (whole pages) visible to everybody who maps it, by
 * FUSE_NOTIFY_STORE. The bytes lie in `area` at `at`.
 */
export type NotifyStore = (nodeid: number, offset: number, area: Area, at: number, length: number) => void;

/** Where the memory behind each file is told, for a thread that answers READs while this one is stuck in a store. */
export interface PageIndex {
  set(nodeid: number, pages: { address: number; base: number; size: number }): void;
  delete(nodeid: number): void;
}

/**
 * Delivery by FUSE_NOTIFY_STORE, where passthrough is not allowed. The region keeps a copy of what the client shall
 * see, because a page that is not in the page cache when it is stored to is lost unless the FUSE_READ which follows
 * brings the same bytes: answer those from {@link read}.
 */
export class StoreRegion implements ReceiveRegion {
  private readonly nodeid: number;
  private readonly notifyStore: NotifyStore;
  /** What the client shall see, from the file offset at which its mapping begins. */
  private readonly shadow: MappedArea;
  private readonly index: PageIndex | undefined;
  private last: RegionMapping | undefined;
  private isShared = false;

  /**
   * @param shadow memory for the copy, {@link MAX_MAPPING_SIZE} bytes of zeros; its own if absent.
   * @throws SystemCallError when there is no address space left.
   */
  constructor(
    nodeid: number,
    notifyStore: NotifyStore,
    index?: PageIndex,
    shadow: MappedArea = createArea(MAX_MAPPING_SIZE),
  ) {
    this.nodeid = nodeid;
    this.notifyStore = notifyStore;
    this.shadow = shadow;
    this.index = index;
    this.tell(0);
  }

  /**
   * See {@link ReceiveRegion.mapping}. `null` when the client first mapped the file at one offset and now maps it at
   * another, which the kernel driver would refuse as a second mapping.
   */
  mapping(range: ClientRange): Mapping | null {
    if (this.last?.isFor(range)) return this.last;
    if (this.last && this.last.range.offset !== range.offset) return null;
    this.tell(range.offset);
    this.last = new RegionMapping(
      range,
      this.shadow,
      (offset, length) => this.store(range.offset, offset, length),
      null,
    );
    return this.last;
  }

  /**
   * What a FUSE_READ at `offset` of the file must be answered with, zeros where nothing was stored.
   *
   * @param into receives `length` bytes at `at`.
   */
  read(offset: number, into: Uint8Array, at: number, length: number): void {
    const from = offset - (this.last?.range.offset ?? 0);
    into.fill(0, at, at + length);
    const first = Math.max(from, 0);
    const end = Math.min(from + length, MAX_MAPPING_SIZE);
    if (first < end) into.set(this.shadow.bytes.subarray(first, end), at + first - from);
  }

  release(): void {
    if (!this.shadow.isReleased) this.index?.delete(this.nodeid);
    this.shadow.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  private tell(base: number): void {
    this.index?.set(this.nodeid, { address: this.shadow.address, base, size: MAX_MAPPING_SIZE });
  }

  /** The client has mapped the copy itself by now: nothing needs to be stored any more. */
  share(): void {
    this.isShared = true;
  }

  private store(base: number, offset: number, length: number): void {
    if (length === 0 || this.isShared) return;
    const page = pageSize();
    const first = offset - (offset % page);
    const end = Math.ceil((offset + length) / page) * page;
    this.notifyStore(this.nodeid, base + first, this.shadow, first, end - first);
  }
}

/** Returned by both regions: `store` is given where there is something to do. */
class RegionMapping implements Mapping {
  readonly address: number;
  readonly size: number;
  readonly area: Area;
  readonly range: ClientRange;
  readonly pageSize: number = pageSize();
  readonly backing: PageBacking | null;
  private readonly storeBytes: ((offset: number, length: number) => void) | undefined;

  constructor(
    range: ClientRange,
    area: Area,
    storeBytes: ((offset: number, length: number) => void) | undefined,
    backing: PageBacking | null,
  ) {
    this.backing = backing;
    this.range = { start: range.start, length: range.length, offset: range.offset };
    this.address = range.start;
    this.size = Math.min(range.length, MAX_MAPPING_SIZE);
    this.area = area;
    this.storeBytes = storeBytes;
  }

  isFor(range: ClientRange): boolean {
    const mine = this.range;
    return mine.start === range.start && mine.length === range.length && mine.offset === range.offset;
  }

  store(offset: number, length: number): void {
    this.storeBytes?.(offset, length);
  }
}

/** The part of a memory file that a client maps, as the page layer gives it back. */
class FileBacking implements PageBacking {
  private readonly file: SharedArea;
  private readonly start: number;
  private readonly size: number;

  constructor(file: SharedArea, start: number, size: number) {
    this.file = file;
    this.start = start;
    this.size = size;
  }

  punch(offset: number, length: number): void {
    this.file.punch(this.start + offset, length);
  }

  residentBytes(): number {
    return this.file.allocatedBytes();
  }

  residency(): Uint8Array {
    return this.file.residency(this.start, this.size);
  }

  nid(offset: number): number {
    return nodeOfPage(this.file.address + this.start + offset);
  }
}

/** A part of an area, dead when the area is. */
class AreaPart implements Area {
  private readonly whole: MappedArea;
  private readonly start: number;
  private readonly size: number;
  private keptBytes: Uint8Array | undefined;
  private keptView: DataView | undefined;

  constructor(whole: MappedArea, start: number, size: number) {
    this.whole = whole;
    this.start = start;
    this.size = size;
  }

  get bytes(): Uint8Array {
    const { bytes } = this.whole;
    this.keptBytes ??= bytes.subarray(this.start, this.start + this.size);
    return this.keptBytes;
  }

  get view(): DataView {
    const { buffer, byteOffset } = this.whole.bytes;
    this.keptView ??= new DataView(buffer, byteOffset + this.start, this.size);
    return this.keptView;
  }

  get address(): number {
    return this.whole.address + this.start;
  }
}
