/** A node of an {@link RbTree}: objects join a tree by extending this. */
export abstract class RbNode {
  left: RbNode | null = null;
  right: RbNode | null = null;
  parent: RbNode | null = null;
  red = false;
}

/**
 * A red-black tree linked through its elements.
 *
 * The buffer allocator has it for its shape: when several elements are equal, which of them a search meets first depends
 * on the rotations, and the placement of equal holes follows from it. What clients name has it for its bound: in a Map
 * one key that comes and goes leaves a chain behind which every access walks, thousands of entries long where the Map is
 * large, and clients could make others wait so. Insertion
 * and removal are the textbook's (Cormen et al., removal by the in-order successor), as in the kernel's rbtree.
 */
export class RbTree<T extends RbNode> {
  root: T | null = null;
  readonly #compare: (a: T, b: T) => number;

  /** `compare` orders elements; equal ones go to the right of those already there. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  insert(node: T): void {
    let parent: T | null = null;
    let at = this.root;
    let goesLeft = false;
    while (at) {
      parent = at;
      goesLeft = this.#compare(node, at) < 0;
      at = (goesLeft ? at.left : at.right) as T | null;
    }
    node.left = null;
    node.right = null;
    node.parent = parent;
    node.red = true;
    if (!parent) this.root = node;
    else if (goesLeft) parent.left = node;
    else parent.right = node;
    this.#afterInsert(node);
  }

  /** The leftmost element, which comes before all others. */
  get first(): T | null {
    let node: RbNode | null = this.root;
    while (node?.left) node = node.left;
    return node as T | null;
  }

  /** In order. The tree must not change meanwhile. */
  *[Symbol.iterator](): Generator<T> {
    for (let node: RbNode | null = this.first; node; node = next(node)) yield node as T;
  }

  remove(node: T): void {
    let child: RbNode | null;
    let parent: RbNode | null;
    let removedRed: boolean;
    if (!node.left || !node.right) {
      child = node.left ?? node.right;
      parent = node.parent;
      removedRed = node.red;
      this.#replace(node, child);
    } else {
      let successor: RbNode = node.right;
      while (successor.left) successor = successor.left;
      removedRed = successor.red;
      child = successor.right;
      if (successor.parent === node) {
        parent = successor;
      } else {
        parent = successor.parent;
        this.#replace(successor, child);
        successor.right = node.right;
        successor.right.parent = successor;
      }
      this.#replace(node, successor);
      successor.left = node.left;
      successor.left.parent = successor;
      successor.red = node.red;
    }
    node.left = null;
    node.right = null;
    node.parent = null;
    if (!removedRed) this.#afterRemove(child, parent);
  }

  #replace(node: RbNode, by: RbNode | null): void {
    const parent = node.parent;
    if (!parent) this.root = by as T | null;
    else if (parent.left === node) parent.left = by;
    else parent.right = by;
    if (by) by.parent = parent;
  }

  #rotateLeft(node: RbNode): void {
    const pivot = node.right as RbNode;
    node.right = pivot.left;
    if (pivot.left) pivot.left.parent = node;
    this.#replace(node, pivot);
    pivot.left = node;
    node.parent = pivot;
  }

  #rotateRight(node: RbNode): void {
    const pivot = node.left as RbNode;
    node.left = pivot.right;
    if (pivot.right) pivot.right.parent = node;
    this.#replace(node, pivot);
    pivot.right = node;
    node.parent = pivot;
  }

  #afterInsert(inserted: RbNode): void {
    let node = inserted;
    for (;;) {
      let parent = node.parent;
      if (!parent) {
        node.red = false;
        return;
      }
      if (!parent.red) return;
      const grandparent = parent.parent as RbNode;
      const parentIsLeft = grandparent.left === parent;
      const uncle = parentIsLeft ? grandparent.right : grandparent.left;
      if (uncle?.red) {
        parent.red = false;
        uncle.red = false;
        grandparent.red = true;
        node = grandparent;
        continue;
      }
      if (parentIsLeft) {
        if (parent.right === node) {
          this.#rotateLeft(parent);
          parent = node;
        }
        parent.red = false;
        grandparent.red = true;
        this.#rotateRight(grandparent);
      } else {
        if (parent.left === node) {
          this.#rotateRight(parent);
          parent = node;
        }
        parent.red = false;
        grandparent.red = true;
        this.#rotateLeft(grandparent);
      }
      return;
    }
  }

  #afterRemove(child: RbNode | null, parentOfChild: RbNode | null): void {
    let node = child;
    let parent = parentOfChild;
    while (parent && !node?.red) {
      const nodeIsLeft: boolean = parent.left === node;
      let sibling = (nodeIsLeft ? parent.right : parent.left) as RbNode;
      if (sibling.red) {
        sibling.red = false;
        parent.red = true;
        if (nodeIsLeft) this.#rotateLeft(parent);
        else this.#rotateRight(parent);
        sibling = (nodeIsLeft ? parent.right : parent.left) as RbNode;
      }
      const near = nodeIsLeft ? sibling.left : sibling.right;
      const far = nodeIsLeft ? sibling.right : sibling.left;
      if (!near?.red && !far?.red) {
        sibling.red = true;
        node = parent;
        parent = node.parent;
        continue;
      }
      if (!far?.red) {
        (near as RbNode).red = false;
        sibling.red = true;
        if (nodeIsLeft) this.#rotateRight(sibling);
        else this.#rotateLeft(sibling);
        sibling = (nodeIsLeft ? parent.right : parent.left) as RbNode;
      }
      sibling.red = parent.red;
      parent.red = false;
      const outer = (nodeIsLeft ? sibling.right : sibling.left) as RbNode;
      outer.red = false;
      if (nodeIsLeft) this.#rotateLeft(parent);
      else this.#rotateRight(parent);
      return;
    }
    if (node) node.red = false;
  }
}

function next(node: RbNode): RbNode | null {
  let at: RbNode = node;
  if (at.right) {
    at = at.right;
    while (at.left) at = at.left;
    return at;
  }
  while (at.parent?.right === at) at = at.parent;
  return at.parent;
}
