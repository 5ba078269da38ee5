import { EBADF, EMFILE } from '../../src/abi/errno.ts';
import { LocalFiles, LocalHost } from '../../src/binder/connections/local.ts';
import { MAX_MAPPING_SIZE } from '../../src/driver/limits.ts';
import {
  INSTALLING,
  type Installed,
  type OpenFile,
  type SecurityPolicy,
  type ThreadId,
  type Timer,
} from '../../src/driver/ports.ts';
import type { Thread } from '../../src/driver/thread.ts';
import type { OwnedArea } from '../../src/page/area.ts';
import { HeapMemory } from '../../src/page/page-memory.ts';
import type { Faults } from './faults.ts';

/** Memory of which there may be none. */
class FaultyMemory extends HeapMemory {
  readonly #faults: Faults;

  constructor(faults: Faults) {
    super();
    this.#faults = faults;
  }

  override allocate(size: number, isZeroed: boolean): OwnedArea {
    // The clients' mappings come from here as well, and are not the driver's to lack
    if (size === MAX_MAPPING_SIZE && this.#faults.strikes())
      throw new RangeError(`no memory for ${size} bytes`);
    return super.allocate(size, isZeroed);
  }
}

/** A host in which time passes when a step says so, and in which calls fail when the faults say so. */
export class SimulatedHost extends LocalHost {
  readonly faults: Faults;
  override readonly memory: HeapMemory;
  /** Allows everything, as long as no fault strikes. */
  override policy: SecurityPolicy = {
    mayManage: () => !this.faults.strikes(),
    mayCall: () => !this.faults.strikes(),
    mayTransferBinder: () => !this.faults.strikes(),
    mayTransferFile: () => !this.faults.strikes(),
  };
  readonly #timers = new Set<() => void>();

  constructor(faults: Faults, label: string | null) {
    super(label);
    this.faults = faults;
    this.memory = new FaultyMemory(faults);
  }

  override securityLabel(): string | null {
    return this.faults.strikes() ? null : super.securityLabel();
  }

  override startTimer(_milliseconds: number, callback: () => void): Timer {
    // An own function for each: the same callback may wait twice.
    const entry = (): void => callback();
    this.#timers.add(entry);
    return { cancel: () => this.#timers.delete(entry) };
  }

  letTimePass(): void {
    for (const callback of [...this.#timers]) if (this.#timers.delete(callback)) callback();
  }
}

/** An installation that the driver waits for. */
interface Installation {
  readonly thread: Thread;
  readonly files: readonly OpenFile[];
}

/** Descriptors that are installed at once, later, or not at all. */
export class SimulatedFiles extends LocalFiles {
  readonly #faults: Faults;
  readonly #isLate: () => boolean;
  /** Those the driver may still wait for, the oldest first. */
  readonly pending: Installation[] = [];

  /** @param isLate - says for each installation whether its outcome comes later */
  constructor(faults: Faults, isLate: () => boolean) {
    super(64);
    this.#faults = faults;
    this.#isLate = isLate;
  }

  override take(thread: ThreadId, fd: number): OpenFile | number {
    return this.#faults.strikes() ? EBADF : super.take(thread, fd);
  }

  override install(thread: Thread, files: readonly OpenFile[]): Installed | typeof INSTALLING {
    if (this.#faults.strikes()) return EMFILE;
    if (!this.#isLate()) return super.install(thread, files);
    this.pending.push({ thread, files });
    return INSTALLING;
  }

  /** The oldest installation comes to its end. @returns false when there is none. */
  finishOne(): boolean {
    const next = this.pending.shift();
    if (!next) return false;
    const { thread, files } = next;
    const { installing } = thread;
    if (!installing) {
      // The driver waits no more, and must ignore what it hears.
      thread.process.installed(thread, EMFILE);
    } else if (installing.files?.every(({ file }, i) => file === files[i])) {
      thread.process.installed(thread, this.#faults.strikes() ? EMFILE : super.install(thread, files));
    }
    return true;
  }

  closeAll(): void {
    for (const fd of [...this]) this.delete(fd);
  }
}
