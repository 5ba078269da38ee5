// Runs in a machine of two NUMA nodes: a client's mapping, of which every other page lies on the second. Prints JSON.
import { libc } from '../../dist/host/linux/libc.js';
import { askMempolicy, askMovePages } from '../../dist/host/linux/numa.js';
import { PassthroughRegion } from '../../dist/host/linux/receive-region.js';
import { ShrinkablePageRange } from '../../dist/page/shrinkable-page-range.js';
import { Shrinker } from '../../dist/page/shrinker.js';

const PAGES = 8;
const SYS_SET_MEMPOLICY = 238;
const MPOL_BIND = 2;
const setPolicy = libc('int64_t syscall(int64_t, int64_t, void *, uint64_t)');

/** From now on this thread's new pages come from `node`. */
function takeFrom(node) {
  const nodes = BigUint64Array.of(1n << BigInt(node));
  if (setPolicy(SYS_SET_MEMPOLICY, MPOL_BIND, nodes, 65) !== 0) throw new Error('set_mempolicy failed');
}

const region = new PassthroughRegion('nodes');
const mapping = region.mapping({ start: 0x7000_0000_0000, length: 4 * 1024 * 1024, offset: 0 });
const { area, pageSize, backing } = mapping;
const shrinker = new Shrinker();
const range = new ShrinkablePageRange(shrinker, area, pageSize, backing);
const unused = () => [0, 1].map((node) => [...shrinker.unused(node)].map(({ page }) => page));
const residentPages = () => region.residentBytes() / pageSize;

range.useRange(0, PAGES);
for (let page = 0; page < PAGES; page++) {
  takeFrom(page % 2);
  area.bytes[page * pageSize] = 1;
}
const at = (ask) => Array.from({ length: PAGES }, (_, page) => ask(area.address + page * pageSize));
const asked = { movePages: at(askMovePages), mempolicy: at(askMempolicy) };
range.stopUsingRange(0, PAGES);
const lists = unused();
const before = residentPages();
const given = shrinker.shrink(PAGES, 1);
console.log(JSON.stringify({ asked, lists, before, given, after: residentPages(), left: unused() }));
