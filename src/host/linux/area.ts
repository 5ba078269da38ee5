import { closeSync, fstatSync, statSync } from 'node:fs';
import type { Area } from '../../driver/ports.ts';
import { errno, libc, loadKoffi, SystemCallError } from './libc.ts';
import { once } from './once.ts';

/**
 * Memory outside the JavaScript heap, with a fixed address for system calls.
 *
 * JavaScript cannot take an ArrayBuffer back: Node.js marks buffers over foreign memory as untransferable (version 20
 * copies them where a transfer is asked for), so whoever holds one may touch its memory at any later time. Therefore
 * **no address that JavaScript has seen is ever unmapped**:
 *
 * ```text
 *   chunk, CHUNK_SIZE of address space, one ArrayBuffer for ever (made when first looked at)
 *   ├─ slot 4 KiB ─┼─ slot 4 MiB ─┼─ slot 4 MiB ─┼─ ... ─┼─ not cut yet: PROT_NONE ─┤
 *      in use         in use: a      released: fresh
 *      (anonymous)    memfd          anonymous memory
 * ```
 *
 * Releasing an area puts untouched anonymous memory over its slot (mmap with MAP_FIXED), which drops the pages and the
 * file at once and leaves the addresses valid; the next area of that size class is mapped into the slot that was
 * released longest ago, again with fresh memory. A forgotten pointer thus reads zeros or a later area, and never
 * crashes; {@link MappedArea} itself refuses its bytes after release.
 *
 * One ArrayBuffer serves many areas because each costs: V8 counts its whole length as external memory and answers
 * growth with full collections (2,000 buffers of 4 MiB: 23 of them), and every collection visits every buffer.
 *
 * The pool belongs to one JavaScript thread. Another thread can look at an area only by its address.
 */

/** Bytes of address space taken at once; 64 receive mappings share one ArrayBuffer. Costs no memory until touched. */
const CHUNK_SIZE = 256 * 1024 * 1024;

/** The largest area, bytes: far above the 4 MiB of a receive mapping, and a chunk still holds several. */
export const MAX_AREA_SIZE = 64 * 1024 * 1024;

/** Areas from this size on opt out of transparent huge pages, which would make one touched byte cost 2 MiB. */
const HUGE_PAGE_SIZE = 2 * 1024 * 1024;

/** Bytes of what st_blocks counts. */
const BLOCK_SIZE = 512;

const PROT_NONE = 0;
const PROT_READ_WRITE = 1 | 2;
const MAP_SHARED = 0x01;
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MADV_REMOVE = 9;
const MADV_NOHUGEPAGE = 15;
const MFD_CLOEXEC = 0x1;
const MFD_ALLOW_SEALING = 0x2;
const MFD_NOEXEC_SEAL = 0x8;
const F_ADD_SEALS = 1033;
const F_SEAL_SEAL = 0x1;
const F_SEAL_SHRINK = 0x2;
const F_SEAL_GROW = 0x4;
const SC_PAGESIZE = 30;
const EINVAL = 22;

const c = once(() => ({
  mmap: libc<
    (address: number, size: number, protection: number, flags: number, fd: number, offset: number) => number
  >('int64_t mmap(uint64_t, uint64_t, int, int, int, int64_t)'),
  madvise: libc<(address: number, size: number, advice: number) => number>(
    'int madvise(uint64_t, uint64_t, int)',
  ),
  mincore: libc<(address: number, size: number, vector: Uint8Array) => number>(
    'int mincore(uint64_t, uint64_t, void *)',
  ),
  memfdCreate: libc<(name: string, flags: number) => number>('int memfd_create(const char *, uint32_t)'),
  ftruncate: libc<(fd: number, size: number) => number>('int ftruncate(int, int64_t)'),
  fcntl: libc<(fd: number, command: number, argument: number) => number>('int fcntl(int, int, int64_t)'),
  sysconf: libc<(name: number) => number>('int64_t sysconf(int)'),
}));

/** Bytes of a memory page of this system. */
export const pageSize: () => number = once(() => c().sysconf(SC_PAGESIZE));

/** Address space reserved at once and cut from the front; see the top of this file. */
interface Chunk {
  readonly address: number;
  used: number;
  /** Made when the first of its areas is looked at. */
  buffer: ArrayBuffer | undefined;
}

/** A piece of a chunk, in use by one area or free. */
interface Slot {
  readonly chunk: Chunk;
  /** Bytes from the start of the chunk. */
  readonly start: number;
  /** Bytes, a power of two. */
  readonly size: number;
}

let chunk: Chunk | undefined;

/** Free slots by size, the one released longest ago first. */
const freeSlots = new Map<number, Slot[]>();

let liveBytes = 0;

/** Bytes of address space in areas not yet released, rounded up to their slots: 0 when nothing is left behind. */
export function areaBytesInUse(): number {
  return liveBytes;
}

function mapAt(address: number, size: number, protection: number, flags: number, fd: number): number {
  const mapped = c().mmap(address, size, protection, flags, fd, 0);
  if (mapped === -1) throw new SystemCallError('mmap', errno(), `${size} bytes`);
  return mapped;
}

function slotSize(size: number): number {
  if (!Number.isSafeInteger(size) || size <= 0 || size > MAX_AREA_SIZE)
    throw new RangeError(`Cannot create an area of ${size} bytes: ask for 1 to ${MAX_AREA_SIZE}`);
  let rounded = pageSize();
  while (rounded < size) rounded *= 2;
  return rounded;
}

function takeSlot(size: number): Slot {
  const free = freeSlots.get(size)?.shift();
  if (free) return free;
  if (!chunk || chunk.used + size > CHUNK_SIZE) {
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    chunk = { address: mapAt(0, CHUNK_SIZE, PROT_NONE, flags, -1), used: 0, buffer: undefined };
  }
  const slot = { chunk, start: chunk.used, size };
  chunk.used += size;
  return slot;
}

function freeSlot(slot: Slot): void {
  const free = freeSlots.get(slot.size);
  if (free) free.push(slot);
  else freeSlots.set(slot.size, [slot]);
}

/** Puts fresh anonymous memory, all zeros and not yet resident, over a slot. */
function clear(slot: Slot): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  const address = slot.chunk.address + slot.start;
  mapAt(address, slot.size, PROT_READ_WRITE, flags, -1);
  // Kernels without huge pages answer EINVAL, which is as good
  if (slot.size >= HUGE_PAGE_SIZE) c().madvise(address, slot.size, MADV_NOHUGEPAGE);
}

/**
 * An {@link Area} at a fixed address, zeroed at first, the caller's until {@link release}.
 *
 * `bytes.buffer` holds other areas too: never hand it on, and never post `bytes` to another thread (all of the buffer
 * would be copied); tell it the address. `bytes` and `view` may be kept, but not beyond the release.
 */
export class MappedArea implements Area {
  /** Bytes, as asked for. */
  readonly size: number;
  private slot: Slot | null;
  private keptBytes: Uint8Array | undefined;
  private keptView: DataView | undefined;

  /** Use {@link createArea} or {@link createSharedArea}. */
  constructor(size: number, slot: Slot) {
    this.size = size;
    this.slot = slot;
    liveBytes += slot.size;
  }

  get bytes(): Uint8Array {
    this.keptBytes ??= new Uint8Array(this.buffer(), this.live().start, this.size);
    return this.keptBytes;
  }

  get view(): DataView {
    this.keptView ??= new DataView(this.buffer(), this.live().start, this.size);
    return this.keptView;
  }

  get address(): number {
    const slot = this.slot ?? this.live();
    return slot.chunk.address + slot.start;
  }

  get isReleased(): boolean {
    return this.slot === null;
  }

  /** Gives the memory back. Afterwards the area throws when it is asked for anything; releasing again does nothing. */
  release(): void {
    const slot = this.slot;
    if (!slot) return;
    this.slot = null;
    this.keptBytes = undefined;
    this.keptView = undefined;
    liveBytes -= slot.size;
    clear(slot);
    freeSlot(slot);
  }

  [Symbol.dispose](): void {
    this.release();
  }

  protected live(): Slot {
    if (this.slot) return this.slot;
    throw new Error(`Cannot use an area of ${this.size} bytes: it was released`);
  }

  private buffer(): ArrayBuffer {
    const { chunk } = this.live();
    chunk.buffer ??= loadKoffi().view(chunk.address, CHUNK_SIZE);
    return chunk.buffer;
  }
}

/** An area that other processes can map too: a memory file (memfd), mapped shared, that cannot change its size. */
export class SharedArea extends MappedArea {
  private file: number;

  /** Use {@link createSharedArea}. */
  constructor(size: number, slot: Slot, file: number) {
    super(size, slot);
    this.file = file;
  }

  /** The file's descriptor, the area's own; -1 once closed. */
  get fd(): number {
    return this.file;
  }

  /** Closes the descriptor as soon as nobody needs it any more; the area and all mappings of the file stay. */
  closeFd(): void {
    if (this.file === -1) return;
    closeSync(this.file);
    this.file = -1;
  }

  /**
   * Takes the memory of whole pages away from everybody who maps the file; they read zeros from then on. A reader that
   * touches them brings pages back.
   *
   * @param offset bytes, a multiple of the page size, as is `length`.
   */
  punch(offset: number, length: number): void {
    this.checkPages(offset, length);
    if (c().madvise(this.address + offset, length, MADV_REMOVE) !== 0)
      throw new SystemCallError('madvise MADV_REMOVE', errno(), `${length} bytes at offset ${offset}`);
  }

  /**
   * Bytes of memory that the file takes, as the system counts them (st_blocks), pages that are swapped out included.
   * Some microseconds. Once the descriptor is closed the file is reached by our mapping of it, which needs
   * CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE; without them the pages in memory are counted.
   */
  allocatedBytes(): number {
    if (this.file !== -1) return fstatSync(this.file).blocks * BLOCK_SIZE;
    const end = this.address + this.size;
    try {
      return (
        statSync(`/proc/self/map_files/${this.address.toString(16)}-${end.toString(16)}`).blocks * BLOCK_SIZE
      );
    } catch {
      let pages = 0;
      for (const page of this.residency()) pages += page & 1;
      return pages * pageSize();
    }
  }

  /**
   * Which pages of the range have memory, one byte each with bit 0 set for those that do. Some 50 microseconds for
   * 4 MiB.
   */
  residency(offset = 0, length: number = this.size): Uint8Array {
    this.checkPages(offset, length);
    const vector = new Uint8Array(Math.ceil(length / pageSize()));
    if (c().mincore(this.address + offset, length, vector) !== 0)
      throw new SystemCallError('mincore', errno(), `${length} bytes at offset ${offset}`);
    return vector;
  }

  override release(): void {
    this.closeFd();
    super.release();
  }

  private checkPages(offset: number, length: number): void {
    const page = pageSize();
    if (
      offset >= 0 &&
      length > 0 &&
      offset % page === 0 &&
      length % page === 0 &&
      offset + length <= this.size
    )
      return;
    throw new RangeError(
      `Cannot take pages ${offset}+${length} of an area of ${this.size} bytes: give whole pages of ${page} bytes in it`,
    );
  }
}

/**
 * Memory of this process alone, zeroed; pages cost nothing until they are touched.
 *
 * @param size bytes, 1 to {@link MAX_AREA_SIZE}.
 * @throws RangeError for another size, {@link SystemCallError} when there is no address space left.
 *
 * @example
 * using area = createArea(4096);
 * area.view.setUint32(0, 7, true);
 */
export function createArea(size: number): MappedArea {
  const slot = takeSlot(slotSize(size));
  // A stale pointer may have written since the release: only fresh memory is sure to be zero
  clear(slot);
  return new MappedArea(size, slot);
}

/** MFD_NOEXEC_SEAL is asked for (`vm.memfd_noexec=2` insists on it) until a kernel below 6.3 refuses it. */
let memfdFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL;

function createMemoryFile(name: string): number {
  let fd = c().memfdCreate(name, memfdFlags);
  if (fd === -1 && errno() === EINVAL && memfdFlags & MFD_NOEXEC_SEAL) {
    memfdFlags &= ~MFD_NOEXEC_SEAL;
    fd = c().memfdCreate(name, memfdFlags);
  }
  if (fd === -1) throw new SystemCallError('memfd_create', errno(), name);
  return fd;
}

/**
 * Memory that other processes can map through {@link SharedArea.fd}, zeroed and sparse. Nobody can grow or shrink the
 * file (F_SEAL_GROW, F_SEAL_SHRINK, F_SEAL_SEAL): whoever maps it within its size never gets SIGBUS.
 *
 * @param name shown in /proc as `/memfd:name`, at most 249 bytes.
 * @param size bytes, whole pages, at most {@link MAX_AREA_SIZE}.
 * @throws RangeError for another size, {@link SystemCallError} for EMFILE and the like.
 */
export function createSharedArea(name: string, size: number): SharedArea {
  const rounded = slotSize(size);
  if (size % pageSize() !== 0)
    throw new RangeError(
      `Cannot create a shared area of ${size} bytes: give whole pages of ${pageSize()} bytes`,
    );
  const fd = createMemoryFile(name);
  try {
    if (c().ftruncate(fd, size) === -1) throw new SystemCallError('ftruncate', errno(), `${size} bytes`);
    if (c().fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) === -1)
      throw new SystemCallError('fcntl F_ADD_SEALS', errno());
    const slot = takeSlot(rounded);
    // Where the slot is larger than the file, what lies behind the file must not be an earlier area
    if (rounded !== size) clear(slot);
    mapAt(slot.chunk.address + slot.start, size, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED, fd);
    return new SharedArea(size, slot, fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
