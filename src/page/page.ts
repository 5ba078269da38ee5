import type { Area, OwnedArea } from './area.ts';
import { PageFrame } from './page-frame.ts';
import type { PageMemory } from './page-memory.ts';

/**
 * One page, owned: it is given back when it is disposed of.
 *
 * @example
 * ```ts
 * const memory = new HeapMemory();
 * {
 *   using page = Page.allocate(memory, { isZeroed: true });
 *   page.writeRaw(Uint8Array.of(1, 2, 3), 4093);
 *   const end = new Uint8Array(4);
 *   page.readRaw(end, 4092);
 *   assert.deepEqual([...end], [0, 1, 2, 3]);
 *   assert.throws(() => page.fillZero(4095, 2), /a page has 4096 bytes/);
 * }
 * assert.equal(memory.pagesInUse, 0);
 * ```
 */
export class Page extends PageFrame implements Disposable {
  readonly #memory: PageMemory;
  #area: OwnedArea | null;

  private constructor(memory: PageMemory, area: OwnedArea) {
    super(memory.pageSize);
    this.#memory = memory;
    this.#area = area;
  }

  /** @throws Error when there is no memory. */
  static allocate(memory: PageMemory, options: { readonly isZeroed?: boolean } = {}): Page {
    return new Page(memory, memory.allocate(memory.pageSize, options.isZeroed ?? false));
  }

  get nid(): number {
    return this.#memory.nid(this.area(), 0);
  }

  /** The bytes of the page, for who writes many fields; not to be used beyond its end. */
  get contents(): Area {
    return this.area();
  }

  protected area(): Area {
    if (this.#area) return this.#area;
    throw new Error('Cannot use a page: it was disposed of');
  }

  protected start(): number {
    return 0;
  }

  [Symbol.dispose](): void {
    this.#area?.release();
    this.#area = null;
  }
}
