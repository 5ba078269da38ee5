import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeapBacking } from './heap-backing.ts';
import { HeapMemory } from './page-memory.ts';
import { ShrinkablePageRange, SLOT } from './shrinkable-page-range.ts';
import { MAX_RANGE_PAGES, Shrinker } from './shrinker.ts';

const PAGE = 4096;
const PAGES = 12;

/** Memory on two nodes: even pages on the first, odd ones on the second. */
class TwoNodes extends HeapBacking {
  asked = 0;
  override nid(offset = 0): number {
    this.asked++;
    return (offset / PAGE) % 2;
  }
}

function ranges(count: number) {
  const shrinker = new Shrinker();
  const memory = new HeapMemory();
  const made = Array.from({ length: count }, () => {
    const backing = new TwoNodes(memory, PAGES * PAGE);
    return { backing, range: new ShrinkablePageRange(shrinker, backing.area, PAGE, backing) };
  });
  return { shrinker, memory, made };
}

const span = fc
  .tuple(fc.nat(PAGES), fc.nat(PAGES))
  .map(([a, b]) => ({ first: Math.min(a, b), end: Math.max(a, b) }));
const step = fc.oneof(
  fc.record({ kind: fc.constant('use' as const), range: fc.nat(2), span }),
  fc.record({ kind: fc.constant('stop' as const), range: fc.nat(2), span }),
  fc.record({
    kind: fc.constant('shrink' as const),
    limit: fc.nat(8),
    nid: fc.constantFrom(undefined, 0, 1),
  }),
  fc.record({ kind: fc.constant('read' as const), range: fc.nat(2), span }),
  fc.record({ kind: fc.constant('sweep' as const), range: fc.nat(2) }),
);

test('slots, lists, contents and counts agree with a model', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { shrinker, memory, made } = ranges(3);
      const slots = made.map(() => new Array<number>(PAGES).fill(SLOT.FREE));
      const contents = made.map(() => new Array<number>(PAGES).fill(0));
      const high = made.map(() => 0);
      let unused: { range: number; page: number }[] = [];
      let stamp = 0;
      for (const step of steps) {
        if (step.kind === 'use') {
          const { first, end } = step.span;
          const { range, backing } = made[step.range]!;
          range.useRange(first, end);
          high[step.range] = Math.max(high[step.range]!, end);
          for (let page = first; page < end; page++) {
            // What was given back comes as zeros, what was kept as it was
            expect(backing.area.bytes[page * PAGE]).toBe(contents[step.range]![page]);
            slots[step.range]![page] = SLOT.USED;
            stamp = (stamp % 255) + 1;
            range.write(page * PAGE, Uint8Array.of(stamp));
            backing.touch(page * PAGE, 1);
            contents[step.range]![page] = stamp;
          }
          unused = unused.filter(({ range, page }) => range !== step.range || page < first || page >= end);
        } else if (step.kind === 'stop') {
          let { first } = step.span;
          const mine = slots[step.range]!;
          while (first < step.span.end && mine[first] !== SLOT.USED) first++;
          let end = first;
          while (end < step.span.end && mine[end] === SLOT.USED) end++;
          made[step.range]!.range.stopUsingRange(first, end);
          for (let page = first; page < end; page++) {
            mine[page] = SLOT.AVAILABLE;
            unused.push({ range: step.range, page });
          }
        } else if (step.kind === 'shrink') {
          const order = [0, 1]
            .filter((nid) => step.nid === undefined || nid === step.nid)
            .flatMap((nid) => unused.filter(({ page }) => page % 2 === nid));
          const gone = order.slice(0, step.limit);
          expect(shrinker.shrink(step.limit, step.nid)).toBe(gone.length);
          for (const { range, page } of gone) {
            slots[range]![page] = SLOT.FREE;
            contents[range]![page] = 0;
          }
          unused = unused.filter((slot) => !gone.includes(slot));
        } else if (step.kind === 'read') {
          const { first, end } = step.span;
          made[step.range]!.backing.touch(first * PAGE, (end - first) * PAGE);
        } else {
          const { range, backing } = made[step.range]!;
          const residency = backing.residency();
          const back = slots[step.range]!.filter((slot, page) => slot === SLOT.FREE && residency[page] === 1);
          expect(range.sweep()).toBe(back.length);
          expect(range.sweep()).toBe(0);
        }
        let used = 0;
        for (const [i, { range, backing }] of made.entries()) {
          const mine = slots[i]!;
          expect(mine.map((_, page) => range.slot(page))).toEqual(mine);
          const count = (state: number) => mine.filter((slot) => slot === state).length;
          expect(range.counts()).toEqual({
            active: count(SLOT.USED),
            unused: count(SLOT.AVAILABLE),
            free: count(SLOT.FREE),
            highWatermark: high[i],
          });
          used += count(SLOT.USED) * PAGE;
          expect(backing.residentBytes()).toBeGreaterThanOrEqual((PAGES - count(SLOT.FREE)) * PAGE);
        }
        expect(shrinker.usedBytes).toBe(used);
        expect(shrinker.availableBytes).toBe(unused.length * PAGE);
        for (const nid of [0, 1]) {
          expect(
            [...shrinker.unused(nid)].map(({ range, page }) => ({
              range: made.findIndex((m) => m.range === range),
              page,
            })),
          ).toEqual(unused.filter(({ page }) => page % 2 === nid));
        }
      }
      for (const { range, backing } of made) {
        range[Symbol.dispose]();
        backing.area.release();
      }
      expect([shrinker.presentBytes, shrinker.availablePages(), memory.pagesInUse]).toEqual([0, 0, 0]);
    }),
  );
});

describe('a range', () => {
  test('asks once for the node of a page, and again when the page is another', () => {
    const { shrinker, made } = ranges(1);
    const { range, backing } = made[0]!;
    for (let i = 0; i < 3; i++) {
      range.useRange(0, 2);
      range.stopUsingRange(0, 2);
    }
    expect(backing.asked).toBe(2);
    shrinker.shrink(2);
    range.useRange(0, 2);
    range.stopUsingRange(0, 2);
    expect(backing.asked).toBe(4);
  });

  test('may lie on a node with a high number', () => {
    class FarNode extends HeapBacking {
      override nid(): number {
        return 700;
      }
    }
    const shrinker = new Shrinker();
    const backing = new FarNode(new HeapMemory(), PAGES * PAGE);
    const range = new ShrinkablePageRange(shrinker, backing.area, PAGE, backing);
    range.useRange(0, 3);
    range.stopUsingRange(0, 3);
    expect([shrinker.availablePages(700), shrinker.availablePages(0)]).toEqual([3, 0]);
    range.useRange(1, 2);
    expect([...shrinker.unused(700)].map(({ page }) => page)).toEqual([0, 2]);
    expect(shrinker.shrink(10, 0)).toBe(0);
    expect(shrinker.shrink(10, 700)).toBe(2);
  });

  test('refuses what is not in use, and everything when it is gone', () => {
    const { made } = ranges(1);
    const { range } = made[0]!;
    range.useRange(0, 1);
    expect(() => range.write(PAGE - 1, Uint8Array.of(1, 2))).toThrow(expect.objectContaining({ errno: 14 }));
    expect(() => range.fillZero(-1, 2)).toThrow(expect.objectContaining({ errno: 14 }));
    expect(() => range.read(PAGES * PAGE, new Uint8Array(1))).toThrow(expect.objectContaining({ errno: 14 }));
    range[Symbol.dispose]();
    expect(() => range.useRange(0, 1)).toThrow(expect.objectContaining({ errno: 3 }));
  });

  test('cannot be lent twice or go while it is lent, and takes back what it lent', () => {
    const { shrinker, made } = ranges(1);
    const { range } = made[0]!;
    range.useRange(0, 1);
    const pages = range.pageIter();
    expect(pages.pageCount).toBe(PAGES);
    const page = pages.next().value!;
    expect(() => range.pageIter()).toThrow(/twice/);
    expect(() => range[Symbol.dispose]()).toThrow(/iterated/);
    pages.return();
    page.writeRaw(Uint8Array.of(1), 0);
    range.stopUsingRange(0, 1);
    shrinker.shrink(1);
    expect(() => page.readRaw(new Uint8Array(1), 0)).toThrow(/gave pages back/);
    expect(() => page.nid).toThrow(/gave pages back/);
  });

  test('whose memory cannot be given back keeps it', () => {
    const shrinker = new Shrinker();
    const area = new HeapMemory().allocate(2 * PAGE, true);
    const range = new ShrinkablePageRange(shrinker, area, PAGE, null);
    range.useRange(0, 2);
    range.stopUsingRange(0, 2);
    expect(shrinker.shrink(10)).toBe(0);
    expect(shrinker.availableBytes).toBe(0);
    expect(range.counts()).toEqual({ active: 0, unused: 2, free: 0, highWatermark: 2 });
    range[Symbol.dispose]();
    expect(shrinker.presentBytes).toBe(0);
  });

  test('asks for relief once its budget is exceeded by what can be had back, and once only', () => {
    const { shrinker, made } = ranges(1);
    const { range } = made[0]!;
    let asked = 0;
    shrinker.budget = 2 * PAGE;
    shrinker.onOverBudget = () => asked++;
    range.useRange(0, 3);
    expect(asked).toBe(0);
    range.stopUsingRange(0, 1);
    range.stopUsingRange(1, 2);
    expect(asked).toBe(1);
    shrinker.shrink(1);
    range.stopUsingRange(2, 3);
    expect([asked, shrinker.presentBytes]).toEqual([1, 2 * PAGE]);
  });
});

test('pages of neighbouring ranges are told apart, also at the end of the largest range', () => {
  const shrinker = new Shrinker();
  const memory = new HeapMemory();
  const [one, other] = [1, 2].map(() => {
    const backing = new HeapBacking(memory, MAX_RANGE_PAGES * PAGE);
    return { backing, range: new ShrinkablePageRange(shrinker, backing.area, PAGE, backing) };
  }) as [
    { backing: HeapBacking; range: ShrinkablePageRange },
    { backing: HeapBacking; range: ShrinkablePageRange },
  ];
  for (const { range } of [one, other]) range.useRange(0, MAX_RANGE_PAGES);
  one.range.stopUsingRange(MAX_RANGE_PAGES - 2, MAX_RANGE_PAGES);
  other.range.stopUsingRange(0, 2);
  expect(shrinker.shrink(100)).toBe(4);
  expect([one, other].map(({ range }) => range.counts())).toEqual([
    { active: MAX_RANGE_PAGES - 2, unused: 0, free: 2, highWatermark: MAX_RANGE_PAGES },
    { active: MAX_RANGE_PAGES - 2, unused: 0, free: 2, highWatermark: MAX_RANGE_PAGES },
  ]);
});

test('nothing is given back while the pages are iterated over', () => {
  const { shrinker, made } = ranges(2);
  const [one, other] = made as [(typeof made)[0], (typeof made)[0]];
  for (const { range, backing } of made) {
    range.useRange(0, 4);
    backing.touch(0, PAGES * PAGE);
    range.stopUsingRange(0, 4);
  }
  for (const _ of one.range.pageIter()) {
    if (shrinker.availablePages() === 8) expect(shrinker.shrink(100)).toBe(4);
    expect(shrinker.shrink(100)).toBe(0);
    expect(one.range.sweep()).toBe(0);
  }
  expect([one, other].map(({ range }) => range.counts().unused)).toEqual([4, 0]);
  expect(shrinker.shrink(100)).toBe(4);
});
