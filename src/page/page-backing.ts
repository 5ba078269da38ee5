/**
 * What lies under a range of pages: a memory file under Linux, an ArrayBuffer anywhere. Offsets and lengths are bytes
 * from the start of the range, whole pages.
 */
export interface PageBacking {
  /** Gives the memory of the pages back to the system; they read as zeros from then on. */
  punch(offset: number, length: number): void;
  /** Bytes of memory that the range takes now, as the system counts; pages that clients brought back by reading too. */
  residentBytes(): number;
  /** Which pages have memory now, one byte each: bit 0 is set for those that do. */
  residency(): Uint8Array;
  /** The NUMA node on which the page at `offset` lies. */
  nid(offset: number): number;
}
