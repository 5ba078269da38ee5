import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createArea, createSharedArea, pageSize } from './area.ts';
import { askMempolicy, askMovePages, hasOneNode, nodeOfPage } from './numa.ts';
import { SystemMemory } from './page-memory.ts';

const ENOENT = 2;

/** Nodes that there are, from a list such as `0-1,4`; those of a kernel without NUMA are node 0. */
function nodes(): number[] {
  let text = '0';
  try {
    text = readFileSync('/sys/devices/system/node/online', 'ascii').trim();
  } catch {
    // A kernel without NUMA
  }
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** The node of a mapping's only page in memory, as the kernel's own table has it; `null` where there is none. */
function nodeInTable(address: number): number | null {
  let table: string;
  try {
    table = readFileSync('/proc/self/numa_maps', 'ascii');
  } catch {
    return null;
  }
  const line = table.split('\n').find((entry) => entry.startsWith(`${address.toString(16)} `));
  return Number(/ N(\d+)=1\b/.exec(line ?? '')?.[1] ?? Number.NaN);
}

// In containers both calls may be refused: `null`. A call that is answered must be right.
const isRefused = (() => {
  using area = createArea(pageSize());
  area.bytes[0] = 1;
  return askMovePages(area.address) === null || askMempolicy(area.address) === null;
})();
if (isRefused) console.warn('SKIPPED: nodes of pages: move_pages or get_mempolicy is refused here');

describe.skipIf(isRefused)('the node of a page', () => {
  it('is what the kernel says of a page of a memory file', () => {
    using area = createSharedArea('ubinder-numa-test', 4 * pageSize());
    area.bytes[0] = 1;
    const node = askMovePages(area.address) as number;
    expect(nodes()).toContain(node);
    expect(askMempolicy(area.address)).toBe(node);
    expect(nodeOfPage(area.address)).toBe(hasOneNode() ? 0 : node);
    expect([node, null]).toContain(nodeInTable(area.address));
  });

  it('is asked for by move_pages without bringing the page in', () => {
    using area = createSharedArea('ubinder-numa-test', 4 * pageSize());
    expect(askMovePages(area.address + pageSize())).toBe(-ENOENT);
    expect(area.allocatedBytes()).toBe(0);
    expect(nodeOfPage(area.address + pageSize())).toBe(0);
    expect(area.allocatedBytes()).toBe(0);
  });
});

it('is 0 for all pages where there is one node', () => {
  expect(hasOneNode()).toBe(nodes().join() === '0');
  const memory = new SystemMemory();
  const area = memory.allocate(pageSize());
  area.bytes[0] = 1;
  expect(nodes()).toContain(memory.nid(area, 0));
  area.release();
});
