import { compareU64, type U64 } from '../abi/u64.ts';
import type { Node } from './node.ts';
import { RbNode, RbTree } from './rb-tree.ts';

/** A node's place in the tree: the node itself is linked as a work item. */
class Place extends RbNode {
  readonly node: Node;

  constructor(node: Node) {
    super();
    this.node = node;
  }
}

/** The nodes of one process, by the owner's pointer. */
export class NodeTree {
  readonly #places = new RbTree<Place>((a, b) => compareU64(a.node.ptr, b.node.ptr));
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(ptr: U64): Node | undefined {
    return this.#find(ptr)?.node;
  }

  add(node: Node): void {
    this.#places.insert(new Place(node));
    this.#size++;
  }

  /** @returns false when it is not there. */
  delete(node: Node): boolean {
    const place = this.#find(node.ptr);
    if (place?.node !== node) return false;
    this.#places.remove(place);
    this.#size--;
    return true;
  }

  /** The node with the smallest pointer. */
  get first(): Node | undefined {
    return this.#places.first?.node;
  }

  /** The node with the smallest pointer above `ptr`. */
  after(ptr: U64): Node | undefined {
    let found: Node | undefined;
    for (let at = this.#places.root; at; ) {
      if (at.node.ptr > ptr) {
        found = at.node;
        at = at.left as Place | null;
      } else at = at.right as Place | null;
    }
    return found;
  }

  /** By pointer. The tree must not change meanwhile. */
  *[Symbol.iterator](): Generator<Node> {
    for (const { node } of this.#places) yield node;
  }

  #find(ptr: U64): Place | null {
    for (let at = this.#places.root; at; ) {
      const order = compareU64(ptr, at.node.ptr);
      if (order === 0) return at;
      at = (order < 0 ? at.left : at.right) as Place | null;
    }
    return null;
  }
}
