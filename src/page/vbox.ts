import type { Layout } from './layout.ts';
import { type AsPageIter, VmallocPageIter } from './page-iter.ts';
import type { PageMemory } from './page-memory.ts';
import { Vmalloc } from './vmalloc.ts';

/**
 * One value in pages of its own. A type of no size takes no page.
 *
 * @example
 * ```ts
 * using box = new VBox(new HeapMemory(), BYTE, 5);
 * assert.equal(box.value, 5);
 * using pages = box.pageIter();
 * assert.equal(pages.size, 1);
 * assert.equal(pages.pageCount, 1);
 * ```
 */
export class VBox<T> implements AsPageIter, Disposable {
  readonly #layout: Layout<T>;
  readonly #memory: Vmalloc;

  /** @throws Error when there is no memory. */
  constructor(memory: PageMemory, layout: Layout<T>, value: T) {
    this.#layout = layout;
    this.#memory = new Vmalloc('VBox', memory, layout.size);
    this.value = value;
  }

  get value(): T {
    return this.#layout.decode(this.#memory.pageArea.view, 0);
  }

  set value(value: T) {
    this.#layout.encode(this.#memory.pageArea.view, 0, value);
  }

  pageIter(): VmallocPageIter {
    return new VmallocPageIter(this.#memory, this.#memory.size);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
