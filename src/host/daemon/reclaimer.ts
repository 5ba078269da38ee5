import type { Shrinker } from '../../page/shrinker.ts';
import type { OpenDevice } from '../binderfs/open-device.ts';
import { type Watch, watchReadable } from '../fuse/loop.ts';
import { pageSize } from '../linux/area.ts';
import { MemoryPressure } from '../linux/memory-pressure.ts';

/** The budget where the system does not tell of memory pressure and nobody has given one, in bytes. */
const BLIND_BUDGET = 256 * 1024 * 1024;

/** Pages given back before others are served: some two milliseconds. */
const SLICE = 512;

/** Once over its budget, this part of it is given back as well: not each buffer that is freed is to cost a system call. */
const MARGIN = 1 / 8;

/**
 * Milliseconds between two looks at what the mappings really take: clients that read unused pages bring them back, which
 * no event tells of.
 */
const LOOK_INTERVAL = 2000;

/** What the mappings of all clients take, in bytes. */
export interface PageFigures {
  /** Buffers lie in these pages. */
  readonly usedBytes: number;
  /** Nobody uses these pages, and they can be had back. */
  readonly unusedBytes: number;
  /** As the system counts it, pages included that clients brought in by reading. */
  readonly residentBytes: number;
  /** Given back since the start, again and again. */
  readonly reclaimedBytes: number;
  /** Above this unused pages are given back; `null` while that happens under memory pressure only. */
  readonly budget: number | null;
  /** Whether the system tells of memory pressure. */
  readonly seesPressure: boolean;
}

/** What a reclaimer works on. */
export interface ReclaimerOptions {
  readonly shrinker: Shrinker;
  /** All opens whose pages can be given back. */
  readonly opens: () => Iterable<OpenDevice>;
  /** Bytes; `undefined` when nobody has chosen. */
  readonly budget: number | undefined;
  readonly log: (message: string) => void;
}

/**
 * Gives pages of clients' mappings that hold nothing back to the system: under memory pressure, above a budget, and when
 * asked to.
 *
 * It works in slices, between which clients are served.
 */
export class Reclaimer {
  readonly #shrinker: Shrinker;
  readonly #opens: () => Iterable<OpenDevice>;
  readonly #budget: number;
  readonly #log: (message: string) => void;
  readonly #pressure: MemoryPressure | null;
  readonly #watch: Watch | null;
  readonly #look: NodeJS.Timeout | null;
  /** What is to be left of {@link Shrinker.presentBytes}, while slices are under way. */
  #goal = Number.POSITIVE_INFINITY;
  #under: Promise<void> | null = null;
  #sweptPages = 0;
  #isClosed = false;

  constructor({ shrinker, opens, budget, log }: ReclaimerOptions) {
    this.#shrinker = shrinker;
    this.#opens = opens;
    this.#log = log;
    this.#pressure = openPressure();
    this.#watch = this.#pressure && watchReadable(this.#pressure.fd, () => this.#relieve(0));
    this.#budget = budget ?? (this.#pressure ? Number.POSITIVE_INFINITY : BLIND_BUDGET);
    const isBounded = Number.isFinite(this.#budget);
    this.#look = isBounded ? setInterval(() => this.#lookAtResident(), LOOK_INTERVAL).unref() : null;
    shrinker.budget = this.#budget;
    shrinker.onOverBudget = () => this.#relieve(this.#target);
  }

  /** What is taken now; asks the system about each mapping, some microseconds each. */
  figures(): PageFigures {
    const { usedBytes, availableBytes, reclaimedPages } = this.#shrinker;
    return {
      usedBytes,
      unusedBytes: availableBytes,
      residentBytes: this.#residentBytes(),
      reclaimedBytes: (reclaimedPages + this.#sweptPages) * pageSize(),
      budget: Number.isFinite(this.#budget) ? this.#budget : null,
      seesPressure: this.#pressure !== null,
    };
  }

  /** Gives back all that can be. @returns how many bytes the mappings take less, as the system counts. */
  async shrink(): Promise<{ freedBytes: number; residentBytes: number }> {
    const before = this.#residentBytes();
    await this.#relieve(0);
    this.#sweep();
    const residentBytes = this.#residentBytes();
    return { freedBytes: Math.max(0, before - residentBytes), residentBytes };
  }

  close(): void {
    this.#isClosed = true;
    this.#shrinker.onOverBudget = () => {};
    if (this.#look) clearInterval(this.#look);
    this.#watch?.close();
    this.#pressure?.[Symbol.dispose]();
  }

  get #target(): number {
    return this.#budget * (1 - MARGIN);
  }

  #residentBytes(): number {
    let bytes = 0;
    for (const open of this.#opens()) bytes += open.residentBytes;
    return bytes;
  }

  /** Gives back what is above `goal` bytes, as far as it is unused. */
  #relieve(goal: number): Promise<void> {
    this.#goal = Math.min(this.#goal, goal);
    this.#under ??= new Promise((done) => setImmediate(this.#slice, done));
    return this.#under;
  }

  readonly #slice = (done: () => void): void => {
    const shrinker = this.#shrinker;
    const surplus = Math.ceil((shrinker.presentBytes - this.#goal) / pageSize());
    let given = 0;
    try {
      if (surplus > 0 && !this.#isClosed) given = shrinker.shrink(Math.min(surplus, SLICE));
    } catch (error) {
      this.#log(`cannot give pages back: ${(error as Error).message}`);
    }
    if (given > 0 && given < surplus) {
      setImmediate(this.#slice, done);
      return;
    }
    this.#goal = Number.POSITIVE_INFINITY;
    this.#under = null;
    done();
  };

  /** Gives back what clients have brought in by reading pages that hold nothing. */
  #sweep(): void {
    for (const open of this.#opens()) {
      try {
        this.#sweptPages += open.sweep();
      } catch (error) {
        this.#log(`cannot give pages of pid ${open.pid} back: ${(error as Error).message}`);
      }
    }
  }

  #lookAtResident(): void {
    if (this.#isClosed || this.#residentBytes() <= this.#budget) return;
    this.#sweep();
    if (this.#residentBytes() > this.#budget) this.#relieve(this.#target);
  }
}

function openPressure(): MemoryPressure | null {
  try {
    return new MemoryPressure();
  } catch {
    // Not in this kernel, or not for us: then there is the budget.
    return null;
  }
}
