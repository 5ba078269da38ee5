/** Pages of memory: owned and borrowed, iterated over, gathered into segments, used, unused and given back. */
export type { Area, OwnedArea } from './area.ts';
export { BorrowedPage, type PageOwner } from './borrowed-page.ts';
export { copySegments, SegmentPairs } from './copy-segments.ts';
export { HeapBacking } from './heap-backing.ts';
export { BYTE, type Layout } from './layout.ts';
export { Page } from './page.ts';
export { pageAlign } from './page-align.ts';
export type { PageBacking } from './page-backing.ts';
export { PageError } from './page-error.ts';
export type { PageFrame, UserMemory } from './page-frame.ts';
export { type AsPageIter, VmallocPageIter } from './page-iter.ts';
export { DEFAULT_PAGE_SIZE, HeapMemory, type PageMemory } from './page-memory.ts';
export { ScatterList } from './scatter-list.ts';
export { DIRECT, SGTable, type TransferEngine } from './sg-table.ts';
export { type PageCounts, ShrinkablePageRange, SLOT } from './shrinkable-page-range.ts';
export { MAX_RANGE_PAGES, Shrinker } from './shrinker.ts';
export { VBox } from './vbox.ts';
export { VVec } from './vvec.ts';
