/**
 * The first page boundary at or after `address`, or `null` when that cannot be told as a number any more (2^53).
 *
 * @example
 * ```ts
 * assert.equal(pageAlign(1, 4096), 4096);
 * assert.equal(pageAlign(8192, 4096), 8192);
 * assert.equal(pageAlign(Number.MAX_SAFE_INTEGER, 4096), null);
 * ```
 */
export function pageAlign(address: number, pageSize: number): number | null {
  const over = address % pageSize;
  const aligned = over === 0 ? address : address + (pageSize - over);
  return Number.isSafeInteger(aligned) ? aligned : null;
}
