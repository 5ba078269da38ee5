import { EINVAL } from '../abi/errno.ts';
import type { Area } from './area.ts';
import type { Layout } from './layout.ts';
import { PageError } from './page-error.ts';
import { type AsPageIter, VmallocPageIter } from './page-iter.ts';
import type { PageMemory } from './page-memory.ts';
import { Vmalloc } from './vmalloc.ts';

/**
 * A growing array in pages of its own. Its pages are those of its capacity, whatever its length.
 *
 * @example
 * ```ts
 * using vector = VVec.withCapacity(new HeapMemory(), BYTE, 4097);
 * vector.push(1);
 * vector.push(2);
 * assert.deepEqual([...vector], [1, 2]);
 * using pages = vector.pageIter();
 * assert.equal(pages.pageCount, 2);
 * assert.throws(() => vector.reserve(5000), /Cannot grow a VVec while its pages are iterated over/);
 * ```
 */
export class VVec<T> implements AsPageIter, Iterable<T>, Disposable {
  readonly #layout: Layout<T>;
  readonly #memory: Vmalloc;
  #length = 0;

  private constructor(memory: PageMemory, layout: Layout<T>, capacity: number) {
    if (layout.size === 0) throw new PageError('Cannot make a VVec of a type of no size', EINVAL);
    this.#layout = layout;
    this.#memory = new Vmalloc('VVec', memory, capacity * layout.size);
  }

  /** An empty array with room for `capacity` elements. @throws Error when there is no memory. */
  static withCapacity<T>(memory: PageMemory, layout: Layout<T>, capacity: number): VVec<T> {
    return new VVec(memory, layout, capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Elements that fit before the memory must move. */
  get capacity(): number {
    return this.#memory.size / this.#layout.size;
  }

  /** The memory of the whole capacity; it is another one once the array has grown. */
  get area(): Area {
    return this.#memory.pageArea;
  }

  /** Makes room for `capacity` elements. @throws Error when there is no memory, and while the pages are iterated over. */
  reserve(capacity: number): void {
    if (capacity > this.capacity) this.#memory.grow(capacity * this.#layout.size);
  }

  push(value: T): void {
    if (this.#length === this.capacity) this.reserve(Math.max(4, this.capacity * 2));
    this.#layout.encode(this.area.view, this.#length * this.#layout.size, value);
    this.#length++;
  }

  /** @throws RangeError when there is no such element. */
  get(index: number): T {
    if (!(index >= 0 && index < this.#length))
      throw new RangeError(`Cannot get element ${index} of a VVec of ${this.#length}`);
    return this.#layout.decode(this.area.view, index * this.#layout.size);
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.#length; i++) yield this.get(i);
  }

  pageIter(): VmallocPageIter {
    return new VmallocPageIter(this.#memory, this.#memory.size);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
