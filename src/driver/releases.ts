import type { Driver } from './driver.ts';
import type { Process } from './process.ts';

/** A process that is gone, with what is still to be done about it. */
interface Release {
  readonly process: Process;
  readonly steps: Iterator<void>;
}

/**
 * Ends what gone processes had part in, a slice at a time, so that one that held much does not keep the others waiting.
 * Processes are dealt with in the order in which they went; the first slice runs at once, which for most is all.
 *
 * Between two slices a gone process is closed to the world: it is in no list of processes, nothing can be sent to it, and
 * none of its threads sleeps. What others hold of it is whole: their refs to its nodes count, and their calls to it wait
 * for the slice that fails them.
 */
export class Releases {
  readonly #driver: Driver;
  readonly #queue: Release[] = [];
  #isScheduled = false;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** The processes that are gone and not yet done with. */
  get processes(): Process[] {
    return this.#queue.map(({ process }) => process);
  }

  begin(release: Release): void {
    this.#queue.push(release);
    if (!this.#isScheduled) this.continue();
  }

  /** Carries out one slice, and has itself called again for the next. @returns whether there is another. */
  continue(): boolean {
    const { host, limits } = this.#driver;
    for (let left = limits.releaseSlice; left > 0 && this.#queue.length > 0; left--) {
      if ((this.#queue[0] as Release).steps.next().done) this.#queue.shift();
    }
    this.#driver.runWakeList();
    if (this.#queue.length === 0) return false;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      host.startTimer(0, () => {
        this.#isScheduled = false;
        this.continue();
      });
    }
    return true;
  }
}
