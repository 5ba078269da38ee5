import { ENFILE } from '../../abi/errno.ts';
import type { Driver } from '../../driver/driver.ts';
import { MAX_MAPPING_SIZE } from '../../driver/limits.ts';
import type { Area, ClientMemory, ThreadId } from '../../driver/ports.ts';
import type { Thread } from '../../driver/thread.ts';
import type { PageTable } from '../fuse/page-table.ts';
import { OPEN_REPLY_FLAG } from '../fuse/protocol.ts';
import type { FuseSession } from '../fuse/session.ts';
import { createSharedArea, type SharedArea } from '../linux/area.ts';
import { FileFlags, O_NONBLOCK } from '../linux/file-flags.ts';
import { GuardedMemory, GuardRules } from '../linux/guarded-memory.ts';
import { identify } from '../linux/identity.ts';
import { InjectableMemory } from '../linux/injectable-memory.ts';
import { SystemCallError } from '../linux/libc.ts';
import { MappingFinder } from '../linux/mapping-finder.ts';
import { TakenFile } from '../linux/open-file.ts';
import { ProcessMemory } from '../linux/process-memory.ts';
import { PassthroughRegion, type ReceiveRegion, StoreRegion } from '../linux/receive-region.ts';
import { architecture } from '../linux/registers.ts';
import { ProcessScheduling } from '../linux/scheduling.ts';
import type { ThreadWatch } from '../linux/thread-watch.ts';
import { ClientDescriptors } from './client-descriptors.ts';
import type { Device } from './device.ts';
import type { Installations } from './installations.ts';
import { OpenDevice, type OpenDeviceOwner } from './open-device.ts';
import { Room, type Usage } from './room.ts';

/**
 * How received data gets to clients: `passthrough` shares memory with them, by the kernel; `inject` does it by a thread of
 * theirs, in its first ioctl (mapping-injections.ts); `store` puts it into the page cache of the file that they map, which is
 * what `inject` does, too, until then and where it cannot.
 */
export type DeliveryMode = 'passthrough' | 'inject' | 'store';

/** An open of a device that was asked for. */
export interface OpenRequested {
  readonly owner: OpenDeviceOwner;
  readonly device: Device;
  readonly nodeid: number;
  /** The thread that is in open(2). */
  readonly thread: ThreadId;
  /** The user whose open it is. */
  readonly uid: number;
  /** As given to open(2). */
  readonly flags: number;
}

/** An open that was made, with what the kernel must be told about it. */
export interface Opened {
  readonly open: OpenDevice;
  readonly replyFlags: number;
  readonly backingId: number;
}

/** A region and how the kernel is told of it. */
interface Backed extends Omit<Opened, 'open'> {
  readonly region: ReceiveRegion;
  readonly injectable: InjectableMemory | null;
}

/** Makes open devices for one mount. */
export class OpenDeviceFactory {
  readonly mode: DeliveryMode;
  readonly #driver: Driver;
  readonly #session: FuseSession;
  readonly #mount: number;
  readonly #finder: MappingFinder;
  readonly #rules: GuardRules;
  readonly #installations: Installations;
  readonly #threads: ThreadWatch<Thread>;
  readonly #pages: PageTable;
  readonly #opens: ReadonlyMap<number, OpenDevice>;
  readonly #room = new Room();
  readonly #label: string;
  readonly #log: (message: string) => void;

  constructor(options: {
    mode: DeliveryMode;
    /** All that are open now. */
    opens: ReadonlyMap<number, OpenDevice>;
    driver: Driver;
    session: FuseSession;
    mount: number;
    threads: ThreadWatch<Thread>;
    /** The label of clients of which the system has none. */
    label: string;
    installations: Installations;
    pages: PageTable;
    log: (message: string) => void;
  }) {
    this.mode = options.mode;
    this.#opens = options.opens;
    this.#driver = options.driver;
    this.#session = options.session;
    this.#mount = options.mount;
    this.#finder = new MappingFinder(options.mount);
    this.#threads = options.threads;
    this.#pages = options.pages;
    this.#label = options.label;
    this.#installations = options.installations;
    const memory = memoryOf(options.installations);
    this.#rules = new GuardRules(memory, options.mount, options.mode === 'passthrough', options.session);
    this.#log = options.log;
  }

  /** @throws IdentityError, SystemCallError, or Node's own errors; ENFILE when there are enough opens. */
  open({ owner, device, nodeid, thread, uid, flags }: OpenRequested): Opened {
    if (!this.#room.forOpen(this.#usage())) throw new SystemCallError('open', ENFILE, 'one more device');
    const identity = identify(thread);
    const { region, injectable, replyFlags, backingId } =
      this.mode === 'passthrough' ? this.#passthrough() : this.#store(nodeid);
    const closeBacking = (): void => {
      if (backingId > 0) this.#session.closeBacking(backingId);
    };
    const mappings = this.#finder.forInode(nodeid);
    try {
      const open = new OpenDevice({
        driver: this.#driver,
        owner,
        openedBy: uid,
        device,
        identity,
        label: this.#label,
        scheduling: new ProcessScheduling(identity, this.#driver.host.androidScheduling, this.#session),
        memory: new GuardedMemory(this.#rules, mappings, identity.pid, nodeid),
        files: this.#descriptors(),
        mappings,
        region,
        injectable,
        threads: this.#threads,
        mayWatch: () => this.#room.forThread(this.#usage()),
        flags: new FileFlags(nodeid, this.#mount),
        clock: this.#session,
        opensNonBlocking: (flags & O_NONBLOCK) !== 0,
        // The caller looks the id up after our answer, on its own time: only its next request shows that it has.
        didOpen: closeBacking,
        log: this.#log,
      });
      return { open, replyFlags, backingId };
    } catch (error) {
      mappings.release();
      closeBacking();
      region.release();
      injectable?.close();
      throw error;
    }
  }

  #usage(): Usage {
    return { opens: this.#opens.size, threads: this.#threads.size, files: TakenFile.count };
  }

  #descriptors(): ClientDescriptors | null {
    if (!architecture) return null;
    return new ClientDescriptors(this.#installations, this.#threads, () => this.#room.forFile(this.#usage()));
  }

  #passthrough(): Backed {
    const region = new PassthroughRegion('binder');
    const backingId = this.#session.openBacking(region.fd);
    if (backingId < 0) {
      region.release();
      throw new SystemCallError('ioctl', -backingId, 'FUSE_DEV_IOC_BACKING_OPEN');
    }
    region.closeFd();
    // DIRECT_IO keeps read(2) and write(2) away from the memory: they come to us, and are refused.
    const replyFlags = OPEN_REPLY_FLAG.PASSTHROUGH | OPEN_REPLY_FLAG.DIRECT_IO;
    return { region, injectable: null, replyFlags, backingId };
  }

  #store(nodeid: number): Backed {
    const { notify } = this.#session;
    const shared = this.mode === 'inject' ? createSharedArea('ubinder-binder', MAX_MAPPING_SIZE) : undefined;
    const region = new StoreRegion(
      nodeid,
      (node, offset, area: Area, at, length) => {
        notify.store(node, offset, area, at, length);
      },
      this.#pages,
      shared,
    );
    // With DIRECT_IO read(2) and write(2) come to us, and are refused; kernels before 6.6 then refuse to map.
    const isDirect = this.#session.connection?.directIoMmap === true;
    return {
      region,
      injectable: shared ? injectableOf(shared, region) : null,
      // Without KEEP_CACHE the kernel drops what an earlier open through a bind mount of the file has received.
      replyFlags: isDirect ? OPEN_REPLY_FLAG.DIRECT_IO : 0,
      backingId: 0,
    };
  }
}

/** @throws what making it throws, with nothing left of the region. */
function injectableOf(area: SharedArea, region: ReceiveRegion): InjectableMemory {
  try {
    return new InjectableMemory(area);
  } catch (error) {
    region.release();
    throw error;
  }
}

/** The memory of all clients; that of threads that are held for an installation by way of those who hold them. */
function memoryOf(installations: Installations): ClientMemory {
  const memory = new ProcessMemory();
  return {
    read: (thread, address, into, at, length) => memory.read(thread, address, into, at, length),
    readv: (thread, from, into, to) => memory.readv(thread, from, into, to),
    write: (thread, address, from, at, length) =>
      (installations.size === 0 ? undefined : installations.write(thread, address, from, at, length)) ??
      memory.write(thread, address, from, at, length),
  };
}
