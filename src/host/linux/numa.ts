import { readFileSync } from 'node:fs';
import { arch } from 'node:process';
import { libc } from './libc.ts';
import { once } from './once.ts';

/** move_pages and get_mempolicy, which the C library has no functions for. */
const NUMBERS: Record<string, { readonly movePages: number; readonly getMempolicy: number }> = {
  x64: { movePages: 279, getMempolicy: 239 },
  arm64: { movePages: 239, getMempolicy: 236 },
};

const MPOL_F_NODE = 1;
const MPOL_F_ADDR = 2;

type Call = (
  number: number,
  a: number,
  b: number | BigUint64Array,
  c: number | BigUint64Array,
  d: number,
  e: number | Int32Array,
  f: number,
) => number;

const c = once(() => ({
  /** move_pages(pid, count, pages, nodes, status, flags) */
  movePages: libc<Call>('int64_t syscall(int64_t, int64_t, uint64_t, void *, uint64_t, void *, int64_t)'),
  /** get_mempolicy(mode, nodemask, maxnode, address, flags) */
  getMempolicy: libc<
    (number: number, mode: Int32Array, mask: number, max: number, address: number, flags: number) => number
  >('int64_t syscall(int64_t, void *, uint64_t, uint64_t, uint64_t, uint64_t)'),
}));

/** Whether all memory lies on node 0, so that nobody needs to be asked where a page lies. */
export const hasOneNode: () => boolean = once(() => {
  try {
    return readFileSync('/sys/devices/system/node/online', 'ascii').trim() === '0';
  } catch {
    // A kernel without NUMA
    return true;
  }
});

/** The NUMA node of the page at `address` of this process; 0 where the kernel does not say, or it has no memory yet. */
export function nodeOfPage(address: number): number {
  if (hasOneNode()) return 0;
  return Math.max(askMovePages(address) ?? askMempolicy(address) ?? 0, 0);
}

/**
 * As move_pages says, which brings no page in.
 *
 * @returns the node; a negative errno for the page, -2 (ENOENT) where there is none; `null` when the call is refused.
 */
export function askMovePages(address: number): number | null {
  const number = NUMBERS[arch]?.movePages;
  if (number === undefined) return null;
  const pages = BigUint64Array.of(BigInt(address));
  const status = new Int32Array(1);
  // Without nodes to go to it moves nothing, and says where pages are
  return c().movePages(number, 0, 1, pages, 0, status, 0) === 0 ? (status[0] as number) : null;
}

/** As get_mempolicy says, which brings the page in. @returns `null` when the call is refused. */
export function askMempolicy(address: number): number | null {
  const number = NUMBERS[arch]?.getMempolicy;
  if (number === undefined) return null;
  const node = new Int32Array(1);
  return c().getMempolicy(number, node, 0, 0, address, MPOL_F_NODE | MPOL_F_ADDR) === 0
    ? (node[0] as number)
    : null;
}
