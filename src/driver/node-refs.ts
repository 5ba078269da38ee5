import type { Process } from './process.ts';
import type { Ref } from './ref.ts';

/**
 * The refs to one node, by their processes, which are others than the owner. Most nodes have a single one: only a second
 * one brings a table. There may be a million nodes, and what each takes is what the collector has to look through.
 */
export class NodeRefs {
  #only: Ref | null = null;
  #table: Map<Process, Ref> | null = null;

  get size(): number {
    return this.#table?.size ?? (this.#only ? 1 : 0);
  }

  get(process: Process): Ref | undefined {
    if (this.#table) return this.#table.get(process);
    return this.#only?.process === process ? this.#only : undefined;
  }

  /** @param ref - of a process that has none yet. */
  add(ref: Ref): void {
    if (this.#table) this.#table.set(ref.process, ref);
    else if (this.#only) {
      this.#table = new Map([
        [this.#only.process, this.#only],
        [ref.process, ref],
      ]);
      this.#only = null;
    } else this.#only = ref;
  }

  delete(ref: Ref): void {
    if (this.#only === ref) this.#only = null;
    else if (this.#table?.delete(ref.process) && this.#table.size === 0) this.#table = null;
  }

  /** All of them, the newest first; they may change meanwhile. */
  newestFirst(): Ref[] {
    if (this.#table) return [...this.#table.values()].reverse();
    return this.#only ? [this.#only] : [];
  }
}
