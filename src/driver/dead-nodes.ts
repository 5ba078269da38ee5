import type { Node } from './node.ts';

/**
 * The nodes whose owners died and to which refs exist. A list, linked through the nodes: a table of many stops everybody
 * while it grows, and a single process that ends may leave very many.
 */
export class DeadNodes {
  #newest: Node | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(node: Node): void {
    node.olderDead = this.#newest;
    if (this.#newest) this.#newest.newerDead = node;
    this.#newest = node;
    this.#size++;
  }

  /** @param node - one that was added, and not deleted since. */
  delete(node: Node): void {
    const { newerDead, olderDead } = node;
    if (newerDead) newerDead.olderDead = olderDead;
    else this.#newest = olderDead;
    if (olderDead) olderDead.newerDead = newerDead;
    node.newerDead = null;
    node.olderDead = null;
    this.#size--;
  }

  /** The one that died last first. */
  *[Symbol.iterator](): Generator<Node> {
    for (let node = this.#newest; node; node = node.olderDead) yield node;
  }
}
