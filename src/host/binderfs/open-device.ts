import { EBUSY } from '../../abi/errno.ts';
import type { Driver } from '../../driver/driver.ts';
import type { Area, Client, ClientMemory, Mapping, ThreadId, ThreadScheduling } from '../../driver/ports.ts';
import type { Priority } from '../../driver/priority.ts';
import type { Process } from '../../driver/process.ts';
import type { Thread } from '../../driver/thread.ts';
import { MAX_DATA } from '../fuse/session.ts';
import { createArea, pageSize } from '../linux/area.ts';
import type { Clock } from '../linux/clock.ts';
import type { FileFlags } from '../linux/file-flags.ts';
import { type Identity, UNMAPPED_UID } from '../linux/identity.ts';
import type { InjectableMemory } from '../linux/injectable-memory.ts';
import type { ClientMappings, MappedRange } from '../linux/mapping-finder.ts';
import { PassthroughRegion, type ReceiveRegion, StoreRegion } from '../linux/receive-region.ts';
import type { ProcessScheduling } from '../linux/scheduling.ts';
import type { ThreadWatch } from '../linux/thread-watch.ts';
import type { Subject } from '../policy/subject.ts';
import { textOf } from './byte-string.ts';
import type { ClientDescriptors } from './client-descriptors.ts';
import type { Device } from './device.ts';
import { FIRST_LOGICAL, LogicalThreads } from './logical-threads.ts';
import type { Ioctl } from './mapping-injections.ts';

/**
 * How long the answer whether O_NONBLOCK is set may be old, in milliseconds: a change by fcntl(F_SETFL) is not reported
 * to us, and looking it up costs some ten microseconds.
 */
export const NON_BLOCKING_MAX_AGE = 100;

/**
 * A client that has not mapped its device yet is looked at with each of its ioctls, but after a search only when this
 * many times as long has passed: it costs the daemon at most a tenth of its time.
 */
const SEARCH_PAUSE = 10;

/**
 * A search through more mappings than this, about a microsecond each, is not repeated before the client's next request:
 * others must not be able to make the daemon search by calling a client that has mapped everything but its device.
 */
const DEAR_SEARCH = 2048;

/** Where the answer to a READ is made. */
let readAhead: Area | undefined;

/** Who is told when the driver has something for an open's threads. */
export interface OpenDeviceOwner {
  answer(thread: Thread, errno: number): void;
  readable(open: OpenDevice): void;
}

/** What an open device is made of; see `OpenDeviceFactory`. */
export interface OpenDeviceParts {
  readonly driver: Driver;
  readonly owner: OpenDeviceOwner;
  readonly openedBy: number;
  readonly device: Device;
  readonly identity: Identity;
  /** The label of clients of which the system has none. */
  readonly label: string;
  readonly scheduling: ProcessScheduling;
  readonly memory: ClientMemory;
  /** `null` where nothing is known about how to install any. */
  readonly files: ClientDescriptors | null;
  readonly mappings: ClientMappings;
  readonly region: ReceiveRegion;
  /** The region's memory, where a client may be made to map it; `null` otherwise. */
  readonly injectable: InjectableMemory | null;
  readonly threads: ThreadWatch<Thread>;
  /** Whether there are descriptors left to watch another thread. */
  readonly mayWatch: () => boolean;
  readonly flags: FileFlags;
  readonly clock: Clock;
  /** O_NONBLOCK as open(2) was given it. */
  readonly opensNonBlocking: boolean;
  /** Called when the client's open(2) has returned for certain. */
  readonly didOpen: () => void;
  readonly log: (message: string) => void;
}

/** One open of a device: the driver's client over FUSE. */
export class OpenDevice implements Client {
  readonly device: Device;
  /** The user who is charged for it. */
  readonly openedBy: number;
  readonly identity: Identity;
  /** Who opened it, as the rules of a policy see it. */
  readonly subject: Subject;
  /** As its threads see it: changes when it registers logical ones. */
  memory: ClientMemory;
  readonly files: ClientDescriptors | null;
  readonly process: Process;
  /** The kernel's name of this open, for waking pollers. */
  pollHandle = 0;
  /** Somebody waits in poll since the last wake-up. */
  isPolled = false;

  #logical: LogicalThreads | null = null;
  readonly #owner: OpenDeviceOwner;
  readonly #scheduling: ProcessScheduling;
  readonly #mappings: ClientMappings;
  readonly #region: ReceiveRegion;
  #injectable: InjectableMemory | null;
  #isInjecting = false;
  readonly #threads: ThreadWatch<Thread>;
  readonly #mayWatch: () => boolean;
  readonly #flags: FileFlags;
  readonly #clock: Clock;
  readonly #log: (message: string) => void;
  #didOpen: (() => void) | null;
  #range: MappedRange | null = null;
  #mapping: Mapping | null = null;
  /** The client had a mapping and has it no more: as with the kernel driver, there is no second one. */
  #isUnmapped = false;
  #nextIdleSearch = 0;
  #isSearchSpent = false;
  #didComplain = false;
  #isNonBlocking: boolean;
  #flagsReadAt = Number.NEGATIVE_INFINITY;
  readonly #watched = new Map<ThreadId, Thread>();

  constructor(parts: OpenDeviceParts) {
    this.device = parts.device;
    this.openedBy = parts.openedBy;
    this.identity = parts.identity;
    this.subject = subjectOf(parts);
    this.memory = parts.memory;
    this.files = parts.files;
    this.#owner = parts.owner;
    this.#scheduling = parts.scheduling;
    this.#mappings = parts.mappings;
    this.#region = parts.region;
    this.#injectable = parts.injectable;
    this.#threads = parts.threads;
    this.#mayWatch = parts.mayWatch;
    this.#flags = parts.flags;
    this.#clock = parts.clock;
    this.#isNonBlocking = parts.opensNonBlocking;
    this.#log = parts.log;
    this.#didOpen = parts.didOpen;
    // The address space is that of the thread in open(2), for good: later its process may be in another.
    this.#mappings.find(parts.identity.tid);
    this.process = parts.driver.open(parts.device.context, this);
  }

  get pid(): number {
    return this.identity.pid;
  }

  get initialPriority(): Priority {
    return this.#scheduling.initial;
  }

  /** Threads that are none of the system's, once the client has registered them. */
  get logical(): LogicalThreads | null {
    return this.#logical;
  }

  /** UBINDER_LOGICAL_OPEN. @returns 0 or a positive errno */
  openLogical(request: Ioctl): number {
    if (this.#logical) return EBUSY;
    const logical = LogicalThreads.open(request, this.process, this.memory);
    if (typeof logical === 'number') return logical;
    this.#logical = logical;
    this.memory = logical;
    if (this.files) this.files.logical = logical;
    return 0;
  }

  scheduling(thread: ThreadId): ThreadScheduling | null {
    if (thread >= FIRST_LOGICAL) return null;
    return this.#scheduling.thread(thread);
  }

  /**
   * Called with each ioctl, before it is carried out. A mapping is best found while it is new and whole: what of it is
   * unmapped before we have seen it does not count as unmapped.
   */
  begin(): void {
    this.confirmOpen();
    if (this.#mapping || this.#isUnmapped) return;
    this.#isSearchSpent = false;
    if (performance.now() >= this.#nextIdleSearch) this.#findMapping();
  }

  /** Whether {@link wantedInjection} may say something. */
  get mayInject(): boolean {
    return this.#injectable !== null;
  }

  /**
   * Where the region's memory is to be put in the place of the client's mapping, by its thread that makes an ioctl now:
   * `null` where that cannot be, was tried, or is under way. It is tried once.
   */
  wantedInjection(): { fd: number; address: number; length: number } | null {
    const range = this.#range;
    const injectable = this.#injectable;
    if (!range || !injectable || this.#isInjecting || !this.#mappings.stillMapped(range)) return null;
    this.#isInjecting = true;
    return { fd: injectable.fd, address: range.start, length: range.length };
  }

  /** That has come to an end. */
  didInject(isMapped: boolean): void {
    const { inode, device } = this.#injectable as InjectableMemory;
    this.#isInjecting = false;
    this.#injectable?.close();
    this.#injectable = null;
    if (!isMapped || !(this.#region instanceof StoreRegion)) return;
    this.#region.share();
    this.#mappings.lookFor(inode, device);
    this.#range = { ...(this.#range as MappedRange), offset: 0, writable: false };
  }

  /** Called with the first request of the client: its open(2) has returned. */
  confirmOpen(): void {
    this.#didOpen?.();
    this.#didOpen = null;
  }

  /**
   * Called with each ioctl and poll of `id`, before it is answered: a thread that is new to the driver is watched for
   * its end. Where that cannot be, the end is seen when the device is closed.
   */
  watchThread(id: ThreadId): void {
    const now = this.process.threads.get(id);
    const before = this.#watched.get(id);
    if (now === before) return;
    if (before) this.#threads.unwatch(id, before);
    if (now && this.#canWatch(id, now)) this.#watched.set(id, now);
    else this.#watched.delete(id);
  }

  /** The end of `thread` was seen. */
  didUnwatch(thread: Thread): void {
    if (this.#watched.get(thread.id) === thread) this.#watched.delete(thread.id);
  }

  /** What the client's mapping of the file holds, for a READ of it; `null` where the mapping is not served by us. */
  receivedBytes(offset: number, size: number): Area | null {
    if (!(this.#region instanceof StoreRegion)) return null;
    readAhead ??= createArea(MAX_DATA);
    this.#region.read(offset, readAhead.bytes, 0, Math.min(size, MAX_DATA));
    return readAhead;
  }

  /** Bytes of memory that what it receives takes now, as the system counts; 0 where pages cannot be given back. */
  get residentBytes(): number {
    return this.#region instanceof PassthroughRegion ? this.#region.residentBytes() : 0;
  }

  /** Gives back memory that the client has brought in by reading pages in which nothing lies. @returns pages */
  sweep(): number {
    if (!(this.#region instanceof PassthroughRegion)) return 0;
    const { received } = this.process;
    const resident = Math.ceil(this.#region.residentBytes() / pageSize());
    if (!received) {
      if (resident > 0) this.#region.punchAll();
      return resident;
    }
    const { active, unused } = received.pageCounts();
    return resident > active + unused ? received.pages.sweep() : 0;
  }

  /** Whether reads of `thread`, which is in an ioctl of ours, must not sleep. */
  isNonBlocking(thread: ThreadId): boolean {
    const { now } = this.#clock;
    if (now - this.#flagsReadAt > NON_BLOCKING_MAX_AGE) {
      this.#flagsReadAt = now;
      this.#isNonBlocking = this.#flagsOf(thread) ?? this.#isNonBlocking;
    }
    return this.#isNonBlocking;
  }

  /**
   * Mapping and unmapping are not reported to us. So we look each time: whether what was found is still there, and,
   * as long as nothing was, through the address space that opened the device; no other may map it.
   */
  mapping(): Mapping | null {
    if (!this.#mapping) {
      if (!this.#isUnmapped && !this.#isSearchSpent) this.#findMapping();
    } else if (!this.#isInjecting && !this.#mappings.stillMapped(this.#range as MappedRange)) {
      this.#isUnmapped = true;
      this.#mapping = null;
    }
    return this.#mapping;
  }

  pidSeenBy(viewer: Client): number {
    return viewer instanceof OpenDevice ? this.identity.pidSeenBy(viewer.identity) : this.pid;
  }

  euidSeenBy(viewer: Client, euid: number): number {
    if (!(viewer instanceof OpenDevice)) return euid;
    try {
      return this.identity.euidSeenBy(viewer.identity, euid);
    } catch {
      // Its user namespace cannot be read now
      return UNMAPPED_UID;
    }
  }

  answer(thread: Thread, errno: number): void {
    if (thread.id >= FIRST_LOGICAL) this.#logical?.answer(thread, errno);
    else this.#owner.answer(thread, errno);
  }

  readable(): void {
    this.#owner.readable(this);
  }

  /** The last descriptor is closed. */
  close(): void {
    this.confirmOpen();
    for (const [id, thread] of this.#watched) this.#threads.unwatch(id, thread);
    this.process.release();
    this.#logical?.close();
    this.#mappings.release();
    this.#region.release();
    // Somebody may be about to map it
    if (!this.#isInjecting) this.#injectable?.close();
  }

  /** Out of descriptors, the daemon must serve those who are there all the same. */
  #flagsOf(thread: ThreadId): boolean | null {
    try {
      return this.#flags.isNonBlocking(thread);
    } catch {
      return null;
    }
  }

  #canWatch(id: ThreadId, thread: Thread): boolean {
    try {
      return this.#mayWatch() && this.#threads.watch(id, thread);
    } catch (error) {
      this.#log(`cannot watch thread ${id}: ${(error as Error).message}`);
      return false;
    }
  }

  #findMapping(): void {
    const start = performance.now();
    const { ranges, scanned } = this.#mappings.findAgain();
    this.#nextIdleSearch = start + (performance.now() - start) * SEARCH_PAUSE;
    this.#isSearchSpent = scanned > DEAR_SEARCH;
    const [range] = ranges;
    if (!range) return;
    if (ranges.length > 1 || range.writable) {
      const what = ranges.length > 1 ? 'more than one mapping' : 'a writable mapping';
      const name = textOf(this.device.name);
      if (!this.#didComplain)
        this.#log(`pid ${this.pid} has ${what} of ${name}: it cannot receive; map once, with PROT_READ`);
      this.#didComplain = true;
      return;
    }
    this.#range = range;
    this.#mapping = this.#region.mapping(range);
  }
}

function subjectOf({ identity, label, device }: OpenDeviceParts): Subject {
  return {
    pid: identity.pid,
    uid: identity.euid,
    gid: identity.egid,
    executable: identity.executable,
    label: identity.label ?? label,
    device: textOf(device.name),
  };
}
