import { Random } from '../support/random.ts';

/**
 * Decides which calls of the driver's ports fail. Each step brings its own seed, so a step fails in the same way whenever
 * it is taken in the same state.
 */
export class Faults {
  /** One call in so many fails; 0 for none. */
  readonly rate: number;
  /** How many calls failed so far. */
  count = 0;
  #random: Random | null = null;

  constructor(rate: number) {
    this.rate = rate;
  }

  /** From now on calls may fail. */
  begin(seed: number): void {
    this.#random = this.rate > 0 ? new Random(seed ^ 0x2545_f491) : null;
  }

  /** From now on all calls succeed: those of the checks, for example. */
  end(): void {
    this.#random = null;
  }

  strikes(): boolean {
    if (!this.#random?.one(this.rate)) return false;
    this.count++;
    return true;
  }

  /** How much of `length` is done by a call that fails midway. */
  part(length: number): number {
    return this.#random && length > 0 ? this.#random.below(length) : 0;
  }
}
