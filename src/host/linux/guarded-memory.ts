import { closeSync, fstatSync, readSync } from 'node:fs';
import type { Area, ClientMemory, ThreadId } from '../../driver/ports.ts';
import { copySegments } from '../../page/copy-segments.ts';
import type { ScatterList } from '../../page/scatter-list.ts';
import { createSharedArea, pageSize } from './area.ts';
import type { Clock } from './clock.ts';
import { libc } from './libc.ts';
import type { Backing, ClientMappings } from './mapping-finder.ts';
import { deviceNumber, parseMountTable } from './mount.ts';
import { once } from './once.ts';
import { openProc, readProc } from './proc-file.ts';

/**
 * How long a range that was found harmless is taken for it, in milliseconds: a client that is served all the time costs
 * some ten microseconds in so long, one that is served seldom is looked at each time.
 */
export const RANGE_MAX_AGE = 100;

/** Ranges remembered of one thread: its commands, its read buffer, data on its stack, on its heap, elsewhere. */
const RANGES_PER_THREAD = 4;

/** Threads remembered of one open. */
const MAX_THREADS = 256;

/** File systems whose pages another machine or process brings: it may take its time, or never do it. */
const DISTANT =
  /^(fuse|nfs|cifs|smb|9p|ceph|afs|virtiofs|lustre|orangefs|gfs2|ocfs2|coda|vboxsf|autofs|glusterfs)/;

/** How long the answer which devices are distant may be old, in milliseconds: numbers are given anew after umount. */
const DEVICE_MAX_AGE = 1000;

/** Bytes of a client's mount table. */
const MAX_MOUNTINFO_SIZE = 1024 * 1024;

/** Pages of one copy whose presence is looked at, 8 bytes each. */
const PAGES_AT_ONCE = 512;
const PAGE_PRESENT_OR_SWAPPED = 0xc000_0000;

const c = once(() => ({
  tgkill: libc<(pid: number, tid: number, signal: number) => number>('int tgkill(int, int, int)'),
}));

interface Range {
  readonly start: number;
  readonly end: number;
  readonly until: number;
}

/** What is known of a thread. */
interface Known {
  readonly thread: ThreadId;
  readonly ranges: Range[];
}

/** What all guards of one mount share. */
export class GuardRules {
  readonly memory: ClientMemory;
  /** Of our mount. */
  readonly device: number;
  /** Whether mappings of devices are memory files, which nobody is asked for. */
  readonly isPassthrough: boolean;
  readonly clock: Clock;
  readonly #kinds = new Map<number, { isDistant: boolean; until: number }>();
  readonly #memoryFiles = once(memoryFileDevice);

  constructor(memory: ClientMemory, device: number, isPassthrough: boolean, clock: Clock) {
    this.memory = memory;
    this.clock = clock;
    this.device = device;
    this.isPassthrough = isPassthrough;
  }

  /**
   * Whether pages of files on `device` may have to be waited for. Of those mounted where we cannot look, as the layers of
   * a container's file system are, which older kernels show in its place, only disks are known not to be.
   */
  isDistant(device: number, thread: ThreadId): boolean {
    if (device === 0 || device === this.#memoryFiles()) return false;
    if (device === this.device) return true;
    const { now } = this.clock;
    const known = this.#kinds.get(device);
    if (known && now < known.until) return known.isDistant;
    const table = readProc(`/proc/${thread}/mountinfo`, MAX_MOUNTINFO_SIZE) ?? '';
    const mounts = parseMountTable(table);
    this.#kinds.clear();
    for (const mount of mounts)
      this.#kinds.set(mount.device, { isDistant: DISTANT.test(mount.type), until: now + DEVICE_MAX_AGE });
    const found = this.#kinds.get(device) ?? { isDistant: !isDisk(device), until: now + DEVICE_MAX_AGE };
    this.#kinds.set(device, found);
    return found.isDistant;
  }
}

/**
 * The memory of one client, without what can make the daemon wait: pages of our own mount, of other FUSE servers and of
 * network file systems are copied only where they are in memory, and fault otherwise.
 *
 * What a mapping is backed by is asked of the kernel when a thread first uses it, and again when the answer is older
 * than {@link RANGE_MAX_AGE}: ordinary calls cost nothing. A client that changes its mappings between our look and our
 * copy still gets us to wait; that is what the rescue is for. So is memory in the care of userfaultfd, which the kernel
 * does not show.
 */
export class GuardedMemory implements ClientMemory {
  readonly #rules: GuardRules;
  readonly #mappings: ClientMappings;
  readonly #process: number;
  /** Of the device that the client has open. */
  readonly #inode: number;
  readonly #threads = new Map<ThreadId, Known>();
  /** Of the thread that was served last. */
  #latest: Known | null = null;

  /**
   * @param mappings of the process that opened the device.
   * @param process the id of that process.
   */
  constructor(rules: GuardRules, mappings: ClientMappings, process: number, inode: number) {
    this.#rules = rules;
    this.#mappings = mappings;
    this.#process = process;
    this.#inode = inode;
  }

  read(thread: ThreadId, address: number, into: Area, at: number, length: number): number {
    const { memory } = this.#rules;
    if (this.#isHarmless(thread, address, length, false))
      return memory.read(thread, address, into, at, length);
    return 0;
  }

  write(thread: ThreadId, address: number, from: Area, at: number, length: number): number {
    const { memory } = this.#rules;
    if (this.#isHarmless(thread, address, length, true))
      return memory.write(thread, address, from, at, length);
    return 0;
  }

  readv(thread: ThreadId, from: ScatterList, into: Area, to: ScatterList): number {
    for (let i = 0; i < from.count; i++)
      if (!this.#isHarmless(thread, from.start(i), from.length(i), false))
        // One by one, so that what comes before it is there
        return copySegments(this, thread, from, into, to);
    return this.#rules.memory.readv(thread, from, into, to);
  }

  #isHarmless(thread: ThreadId, address: number, length: number, isWrite: boolean): boolean {
    const end = address + length;
    const known = this.#latest?.thread === thread ? this.#latest : this.#knownOf(thread);
    const { now } = this.#rules.clock;
    const { ranges } = known;
    for (let i = 0; i < ranges.length; i++) {
      const range = ranges[i] as Range;
      if (address >= range.start && end <= range.end && now < range.until) return true;
    }
    try {
      return this.#look(known, address, end, isWrite);
    } catch {
      // Out of descriptors, or not ours to look at: what cannot be looked at is not touched
      return false;
    }
  }

  /** Asks the kernel, mapping by mapping. */
  #look(known: Known, address: number, end: number, isWrite: boolean): boolean {
    const { thread } = known;
    const isOwn = c().tgkill(this.#process, thread, 0) === 0;
    const maps = isOwn ? null : openProc(`/proc/${thread}/maps`);
    try {
      for (let at = address; at < end; ) {
        const backing = isOwn ? this.#mappings.backing(at) : this.#mappings.backingIn(maps, at);
        // Not mapped: the copy faults, and waits for nobody
        if (backing === null) return true;
        if (this.#mayWait(backing, thread)) {
          if (isWrite && backing.shared) return false;
          if (!areResident(thread, at, Math.min(end, backing.end))) return false;
        } else {
          this.#remember(known, backing);
        }
        at = backing.end;
      }
      return true;
    } finally {
      if (maps !== null) closeSync(maps);
    }
  }

  #mayWait({ device, inode }: Backing, thread: ThreadId): boolean {
    const rules = this.#rules;
    if (device === rules.device && inode === this.#inode && rules.isPassthrough) return false;
    return rules.isDistant(device, thread);
  }

  #knownOf(thread: ThreadId): Known {
    let known = this.#threads.get(thread);
    if (!known) {
      if (this.#threads.size >= MAX_THREADS) this.#threads.clear();
      known = { thread, ranges: [] };
      this.#threads.set(thread, known);
    }
    this.#latest = known;
    return known;
  }

  #remember({ ranges }: Known, { start, end }: Backing): void {
    const range = { start, end, until: this.#rules.clock.now + RANGE_MAX_AGE };
    const same = ranges.findIndex((old) => old.start < end && old.end > start);
    if (same !== -1) ranges[same] = range;
    else if (ranges.unshift(range) > RANGES_PER_THREAD) ranges.pop();
  }
}

/** Whether the pages are in the client's page tables, or in swap. */
function areResident(thread: ThreadId, address: number, end: number): boolean {
  const page = pageSize();
  const pagemap = openProc(`/proc/${thread}/pagemap`);
  if (pagemap === null) return false;
  try {
    const words = new Uint32Array(2 * PAGES_AT_ONCE);
    const bytes = new Uint8Array(words.buffer);
    for (let first = Math.floor(address / page); first * page < end; first += PAGES_AT_ONCE) {
      const count = Math.min(PAGES_AT_ONCE, Math.ceil(end / page) - first);
      if (readSync(pagemap, bytes, 0, 8 * count, 8 * first) !== 8 * count) return false;
      for (let i = 0; i < count; i++)
        if (((words[2 * i + 1] as number) & PAGE_PRESENT_OR_SWAPPED) === 0) return false;
    }
    return true;
  } finally {
    closeSync(pagemap);
  }
}

/** Whether a block device is below the file system: the others have numbers without a major one. */
function isDisk(device: number): boolean {
  return device >= 2 ** 20;
}

/** All memory files and shared anonymous memory lie on one file system inside the kernel. */
function memoryFileDevice(): number {
  using area = createSharedArea('ubinder-probe', pageSize());
  return deviceNumber(fstatSync(area.fd).dev);
}
