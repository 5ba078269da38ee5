/** What occurred in conversations, by kind: commands that were carried out, answers, objects, errors, and what was rare. */
export class Tally {
  readonly counts: Map<string, number> = new Map();
  readonly #digest: () => string;
  #before = '';
  steps = 0;
  changes = 0;

  /** @param digest - the driver's state as text: a step counts as a change when it is another afterwards */
  constructor(digest: () => string = () => '') {
    this.#digest = digest;
  }

  /** Something occurred: `BC_REPLY`, `BR_NOOP`, `sent FD`, `received FD`, `EINVAL`, `nested call`. */
  add(name: string, times = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + times);
  }

  /** A step ended. */
  step(): void {
    const now = this.#digest();
    this.steps++;
    if (now !== this.#before) this.changes++;
    this.#before = now;
  }

  /** Adds what another one counted. */
  take({ counts, steps, changes }: Pick<Tally, 'counts' | 'steps' | 'changes'>): void {
    for (const [name, count] of counts) this.add(name, count);
    this.steps += steps;
    this.changes += changes;
  }
}
