import { Buffer as Bytes } from 'node:buffer';
import { expect, test } from 'vitest';
import { HeapBacking } from '../page/heap-backing.ts';
import { HeapMemory } from '../page/page-memory.ts';
import { SLOT } from '../page/shrinkable-page-range.ts';
import { Shrinker } from '../page/shrinker.ts';
import { Allocation, type Buffer } from './allocation.ts';
import type { Mapping } from './ports.ts';

// Five buffers side by side, which end in every way with regard to pages, and are freed in every order: of each page it is
// known whether it is in use, unused (and where on the list of unused ones) or gone. As the kernel's own tests of its
// allocator have it.

const PAGE = 4096;
const PAGES = 32;
const SIZE = PAGES * PAGE;
const ZEROS = new Uint8Array(SIZE);
const BUFFERS = 5;
/** So many fit a page, with room to spare. */
const SMALL = PAGE / 8;

/** Where a buffer ends, behind one that ends at `at`. */
const ENDINGS: readonly ((at: number) => number)[] = [
  (at) => at + SMALL, // in the same page
  (at) => nextPage(at), // at the end of that page
  (at) => nextPage(at) + SMALL, // in the next page
  (at) => nextPage(at) + PAGE, // at its end
  (at) => nextPage(at) + PAGE + SMALL, // in the page behind that
];

function nextPage(at: number): number {
  return (Math.floor(at / PAGE) + 1) * PAGE;
}

const ORDERS: number[][] = permutations([...new Array(BUFFERS).keys()]);

function permutations(items: number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
  );
}

/** An allocation over memory that tells which pages it has. */
class Space {
  readonly shrinker = new Shrinker();
  readonly backing = new HeapBacking(new HeapMemory(), SIZE);
  readonly allocation: Allocation;
  #nextId = 1;

  constructor() {
    const { backing } = this;
    const mapping: Mapping = {
      address: 0x10000,
      size: SIZE,
      area: backing.area,
      pageSize: PAGE,
      backing,
      store: (offset, length) => backing.touch(offset, length),
    };
    this.allocation = new Allocation(mapping, this.shrinker);
  }

  /** A buffer, filled with its id. */
  allocate(size: number): Buffer {
    const id = this.#nextId++ % 256;
    const buffer = this.allocation.allocate(
      id,
      size,
      { dataSize: size, offsetsSize: 0, extraSize: 0 },
      false,
      1,
    );
    if (!buffer) throw new Error(`There is no room for ${size} bytes`);
    const { offset } = buffer.range;
    this.allocation.mapping.area.bytes.fill(id || 1, offset, offset + size);
    this.allocation.mapping.store(offset, size);
    return buffer;
  }

  slots(): number[] {
    return Array.from({ length: PAGES }, (_, page) => this.allocation.pages.slot(page));
  }

  /** Pages on the list of unused ones, the one to go first first. */
  unused(): number[] {
    return [...this.shrinker.unused(0)].map(({ page }) => page);
  }
}

/** What should be so: which pages were used, and which nobody uses any more, in the order in which that came about. */
class Expected {
  readonly #present = new Set<number>();
  #unused: number[] = [];

  update(live: readonly Buffer[]): void {
    const used = new Set(live.flatMap((buffer) => pagesOf(buffer)));
    for (const page of used) this.#present.add(page);
    this.#unused = this.#unused.filter((page) => !used.has(page));
    const known = new Set(this.#unused);
    for (const page of [...this.#present].sort((a, b) => a - b))
      if (!used.has(page) && !known.has(page)) this.#unused.push(page);
  }

  shrunk(): void {
    for (const page of this.#unused) this.#present.delete(page);
    this.#unused = [];
  }

  check(space: Space, where: () => string): void {
    const unused = new Set(this.#unused);
    const slots = Array.from({ length: PAGES }, (_, page) =>
      !this.#present.has(page) ? SLOT.FREE : unused.has(page) ? SLOT.AVAILABLE : SLOT.USED,
    );
    const resident = slots.map((slot) => (slot === SLOT.FREE ? 0 : 1));
    const is = { slots: space.slots(), unused: space.unused(), resident: [...space.backing.residency()] };
    const should = { slots, unused: this.#unused, resident };
    // The message is made for one of a hundred thousand comparisons: the one that fails
    const isSo = isSame(is.slots, slots) && isSame(is.unused, this.#unused) && isSame(is.resident, resident);
    if (!isSo) expect(is, where()).toEqual(should);
  }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function pagesOf({ range: { offset, size } }: Buffer): number[] {
  const first = Math.floor(offset / PAGE);
  return Array.from({ length: Math.ceil((offset + size) / PAGE) - first }, (_, i) => first + i);
}

/** Buffers are made, and freed in `order`, twice; then the unused pages are given back, and they are made again. */
function exercise(sizes: readonly number[], order: readonly number[], isAtEnd: boolean, where: string): void {
  const space = new Space();
  const expected = new Expected();
  const total = sizes.reduce((sum, size) => sum + size);
  const before = isAtEnd ? [space.allocate(SIZE - Math.ceil(total / PAGE) * PAGE)] : [];
  expected.update(before);
  const make = (): Buffer[] => sizes.map((size) => space.allocate(size));
  const free = (buffers: readonly Buffer[]): void => {
    for (const [i, index] of order.entries()) {
      space.allocation.release(buffers[index] as Buffer);
      const freed = order.slice(0, i + 1);
      expected.update([...before, ...buffers.filter((_, other) => !freed.includes(other))]);
      expected.check(space, () => `${where}, after freeing ${freed}`);
    }
  };
  for (const round of ['first', 'second']) {
    const buffers = make();
    expected.update([...before, ...buffers]);
    expected.check(space, () => `${where}, made for the ${round} time`);
    free(buffers);
  }
  space.shrinker.shrink(PAGES);
  expected.shrunk();
  expected.check(space, () => `${where}, given back`);
  const { bytes } = space.allocation.mapping.area;
  const start = before.length === 0 ? 0 : (before[0] as Buffer).range.size;
  if (Bytes.compare(bytes.subarray(start), ZEROS.subarray(start)) !== 0)
    expect.fail(`${where}: pages are not zeros after they were gone`);
  const buffers = make();
  expected.update([...before, ...buffers]);
  expected.check(space, () => `${where}, made again`);
  free(buffers);
  for (const buffer of before) space.allocation.release(buffer);
  space.allocation[Symbol.dispose]();
  if (space.shrinker.presentBytes !== 0) expect.fail(`${where}: bytes are left in the accounts`);
}

for (const isAtEnd of [false, true])
  test(`pages of five buffers at the ${isAtEnd ? 'end' : 'start'} of a mapping, all endings, all orders`, () => {
    const cases = ENDINGS.length ** BUFFERS;
    for (let number = 0; number < cases; number++) {
      const sizes: number[] = [];
      let at = 0;
      for (let i = 0, rest = number; i < BUFFERS; i++, rest = Math.floor(rest / ENDINGS.length)) {
        const end = (ENDINGS[rest % ENDINGS.length] as (at: number) => number)(at);
        sizes.push(end - at);
        at = end;
      }
      // Each set of endings meets one order, each order some 26 sets: 7 and 120 have no divisor in common.
      const order = ORDERS[(number * 7) % ORDERS.length] as number[];
      exercise(sizes, order, isAtEnd, `sizes ${sizes}, order ${order}`);
    }
  });
