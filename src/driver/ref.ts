import type { U64 } from '../abi/u64.ts';
import { DeathRegistration } from './death.ts';
import { FreezeRegistration } from './freeze.ts';
import type { Node } from './node.ts';
import { NumberSet } from './number-set.ts';
import type { Process } from './process.ts';
import type { Thread } from './thread.ts';
import { dequeue } from './work.ts';

/** A process's entry for a node of another process, named by a handle, with a strong and a weak count. */
export class Ref {
  readonly id: number;
  readonly process: Process;
  readonly node: Node;
  readonly handle: number;
  strong = 0;
  weak = 0;
  death: DeathRegistration | null = null;
  freeze: FreezeRegistration | null = null;

  constructor(id: number, process: Process, node: Node, handle: number) {
    this.id = id;
    this.process = process;
    this.node = node;
    this.handle = handle;
    process.driver.stats.ref.create();
  }

  /**
   * Adds one count. `sender` is the thread whose transaction carries the node, if one does.
   *
   * @returns false when a strong count is asked for on a node that nobody holds strongly: only the owner can give it.
   */
  increment(strong: boolean, sender: Thread | null): boolean {
    if (strong) {
      if (this.strong === 0 && !this.node.addStrongRef(sender)) return false;
      this.strong++;
    } else {
      if (this.weak === 0) this.node.addWeakRef(sender);
      this.weak++;
    }
    return true;
  }

  /** Takes one count back, and deletes the ref with its last. @returns false when there is none of that kind. */
  decrement(strong: boolean): boolean {
    if (strong) {
      if (this.strong === 0) return false;
      this.strong--;
      if (this.strong === 0) this.node.dropStrongRef();
    } else {
      if (this.weak === 0) return false;
      this.weak--;
    }
    if (this.strong === 0 && this.weak === 0) this.delete();
    return true;
  }

  /** Deletes the ref with all its counts. A registration on it goes silently. */
  delete(): void {
    this.process.refs.remove(this);
    if (this.strong > 0) this.node.dropStrongRef();
    this.node.removeRef(this);
    const death = this.death;
    if (death) {
      this.death = null;
      dequeue(death);
      death.release();
    }
    const freeze = this.freeze;
    if (freeze) {
      this.freeze = null;
      dequeue(freeze);
      freeze.release();
    }
    this.process.driver.stats.ref.delete();
  }

  requestFreeze(cookie: U64): void {
    const { process, node } = this;
    this.freeze = new FreezeRegistration(cookie, process);
    // Of a dead node there is nothing to tell, ever.
    if (node.process) this.ownerIs(node.process.isFrozen);
  }

  /** The node's owner is frozen or not: tells this process if it asked. */
  ownerIs(isFrozen: boolean): void {
    const { freeze, process } = this;
    if (!freeze?.ownerIs(isFrozen)) return;
    process.todo.push(freeze);
    process.wakeForWork();
  }

  requestDeath(cookie: U64): void {
    const { process, node } = this;
    this.death = new DeathRegistration(cookie, process);
    if (!node.process) this.nodeDied();
  }

  /** The node's owner died: tells this process if it asked. */
  nodeDied(): void {
    const { death, process } = this;
    if (!death) return;
    death.nodeDied();
    // On the process's list even if a thread asks just now: any thread may take it, the asking one may be busy.
    process.todo.push(death);
    process.wakeForWork();
  }
}

/** The refs of one process, by handle. Handles are the lowest free numbers. */
export class RefTable {
  readonly #byHandle: (Ref | undefined)[] = [];
  readonly #taken = new NumberSet();
  #size = 0;

  constructor() {
    // 0 is not given to just anybody.
    this.#taken.add(0);
  }

  get size(): number {
    return this.#size;
  }

  get(handle: number): Ref | undefined {
    return this.#byHandle[handle];
  }

  /** The lowest free handle; 0 only for a context manager's node (`mayBeZero`). */
  lowestFree(mayBeZero: boolean): number {
    return mayBeZero && !this.#byHandle[0] ? 0 : this.#taken.lowestMissing;
  }

  add(ref: Ref): void {
    while (this.#byHandle.length <= ref.handle) this.#byHandle.push(undefined);
    this.#byHandle[ref.handle] = ref;
    this.#taken.add(ref.handle);
    this.#size++;
  }

  remove(ref: Ref): void {
    this.#byHandle[ref.handle] = undefined;
    if (ref.handle > 0) this.#taken.delete(ref.handle);
    this.#size--;
    while (this.#byHandle.length > 0 && !this.#byHandle[this.#byHandle.length - 1]) this.#byHandle.pop();
  }

  /** By handle. */
  *[Symbol.iterator](): Generator<Ref> {
    for (const ref of this.#byHandle) if (ref) yield ref;
  }
}
