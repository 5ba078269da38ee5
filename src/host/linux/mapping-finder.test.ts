import { mkdtempSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { areaBytesInUse } from './area.ts';
import { MappingFinder, TEXT_MAX_AGE } from './mapping-finder.ts';
import { hasProgram, type Partner, python } from './partner.test-support.ts';

const PAGE = 4096;
const MiB = 1024 * 1024;

/** Evaluates lines; `base` is the last mapping. */
const MAPPER = `
import ctypes, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
for name in ('mmap', 'mremap'): getattr(libc, name).restype = ctypes.c_uint64
u64 = ctypes.c_uint64
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CLOEXEC)
READ, WRITE, SHARED, PRIVATE, NORESERVE = 1, 2, 1, 2, 0x4000
def mmap(size, prot=1, flags=2|0x4000, offset=0, fd=fd, at=None):
    return libc.mmap(u64(at) if at else None, u64(size), prot, flags | (0x10 if at else 0), fd, u64(offset))
def munmap(at, size): return libc.munmap(u64(at), u64(size))
def mprotect(at, size, prot): return libc.mprotect(u64(at), u64(size), prot)
def mremap(at, old, new, to=None): return libc.mremap(u64(at), u64(old), u64(new), 3 if to else 1, u64(to or 0))
print('ready', flush=True)
for line in sys.stdin: print(eval(line), flush=True)
`;

let directory: string;
let file: string;
let other: string;
let device: number;
let inode: number;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ubinder-finder-'));
  file = join(directory, 'mapped file');
  other = join(directory, 'other');
  writeFileSync(file, Buffer.alloc(8 * MiB));
  writeFileSync(other, Buffer.alloc(PAGE));
  const { dev, ino } = statSync(file);
  // glibc's encoding, taken apart
  const major = Math.floor(dev / 256) % 4096;
  const minor = (dev % 256) + Math.floor(dev / 2 ** 20) * 256;
  device = major * 2 ** 20 + minor;
  inode = ino;
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => expect(areaBytesInUse()).toBe(0));

async function mapper(): Promise<Partner> {
  const partner = python(MAPPER, file);
  await partner.line();
  return partner;
}

function openMaps(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).endsWith('/maps');
    } catch {
      return false;
    }
  }).length;
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function kernelAnswersQueries(): boolean {
  using finder = new MappingFinder(0);
  if (!finder.isExact) console.warn('SKIPPED: tests of PROCMAP_QUERY (Linux 6.11), which this kernel lacks');
  return finder.isExact;
}

const hasPython = hasProgram('python3', '--version');
const ways = [
  { way: 'PROCMAP_QUERY', allowQuery: true, canRun: hasPython && kernelAnswersQueries() },
  { way: 'the text of maps', allowQuery: false, canRun: hasPython },
];

describe.each(ways.filter((way) => way.canRun))('MappingFinder by $way', ({ allowQuery }) => {
  /** Changes are seen at once, or after the stated time. */
  const settle = (): Promise<void> => (allowQuery ? Promise.resolve() : pause(TEXT_MAX_AGE + 5));

  it('finds nothing before the client maps the file', async () => {
    await using partner = await mapper();
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    expect(finder.isExact).toBe(allowQuery);
    expect(mappings.find(partner.pid)).toMatchObject({ ranges: [], isComplete: true });
    expect(openMaps()).toBe(1);
    mappings.release();
    mappings.release();
    expect(openMaps()).toBe(0);
  });

  it('finds a mapping as libbinder makes it', async () => {
    await using partner = await mapper();
    const start = Number(await partner.ask('mmap(1024*1024 - 8192)'));
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    const found = mappings.find(partner.pid);
    expect(found).toMatchObject({
      ranges: [
        {
          start,
          length: MiB - 8192,
          offset: 0,
          readable: true,
          writable: false,
          executable: false,
          shared: false,
        },
      ],
      isComplete: true,
    });
    expect(mappings.stillMapped(found.ranges[0]!)).toBe(true);
  });

  it('tells writable, shared and second mappings, offsets and large ones', async () => {
    await using partner = await mapper();
    const wanted = [
      Number(await partner.ask('mmap(8 * 1024 * 1024)')),
      // No neighbour's continuation, wherever the kernel puts them.
      Number(await partner.ask('mmap(8192, READ | WRITE, SHARED, 8192)')),
      Number(await partner.ask('mmap(4096, READ, SHARED)')),
    ];
    await partner.ask(`mmap(4096, READ, PRIVATE, 0, os.open(${JSON.stringify(other)}, os.O_RDONLY))`);
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    const { ranges } = mappings.find(partner.pid);
    expect(ranges.length).toBe(3);
    const at = (start: number | undefined) => ranges.find((range) => range.start === start);
    expect(at(wanted[0])).toMatchObject({ length: 8 * MiB, offset: 0, writable: false, shared: false });
    expect(at(wanted[1])).toMatchObject({ length: 8192, offset: 8192, writable: true, shared: true });
    expect(at(wanted[2])).toMatchObject({ length: 4096, offset: 0, writable: false, shared: true });
  });

  it('tells only files of its device and inode', async () => {
    await using partner = await mapper();
    await partner.ask('mmap(4096)');
    using wrongDevice = new MappingFinder(device + 1, allowQuery);
    using finder = new MappingFinder(device, allowQuery);
    using a = wrongDevice.forInode(inode);
    using b = finder.forInode(inode + 1);
    expect(a.find(partner.pid).ranges).toEqual([]);
    expect(b.find(partner.pid).ranges).toEqual([]);
  });

  it('sees a mapping go, entirely or in part', async () => {
    await using partner = await mapper();
    const start = Number(await partner.ask('mmap(64 * 4096)'));
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    const [range] = mappings.find(partner.pid).ranges;
    await partner.ask(`munmap(${start} + 10 * 4096, 4096)`);
    await settle();
    expect(mappings.stillMapped(range!)).toBe(false);
    const { ranges } = mappings.find(partner.pid);
    expect(ranges.map(({ start, length, offset }) => [start, length, offset])).toEqual([
      [start, 10 * PAGE, 0],
      [start + 11 * PAGE, 53 * PAGE, 11 * PAGE],
    ]);
    expect(mappings.stillMapped(ranges[1]!)).toBe(true);
    await partner.ask(`munmap(${start}, 64 * 4096)`);
    await settle();
    expect(mappings.stillMapped(ranges[1]!)).toBe(false);
    expect(mappings.find(partner.pid).ranges).toEqual([]);
  });

  it('is not fooled by anonymous memory, another file or another offset at the same place', async () => {
    await using partner = await mapper();
    const start = Number(await partner.ask('mmap(8 * 4096)'));
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    const [range] = mappings.find(partner.pid).ranges;
    for (const instead of [
      `mmap(4096, READ, 0x22, 0, -1, ${start})`,
      `mmap(4096, READ, PRIVATE, 0, os.open(${JSON.stringify(other)}, os.O_RDONLY), ${start})`,
      `mmap(4096, READ, PRIVATE, 4096, fd, ${start})`,
    ]) {
      expect(Number(await partner.ask(instead))).toBe(start);
      await settle();
      expect(mappings.stillMapped(range!)).toBe(false);
      await partner.ask(`mmap(8 * 4096, READ, PRIVATE, 0, fd, ${start})`);
      await settle();
      expect(mappings.stillMapped(range!)).toBe(true);
    }
  });

  it('follows mremap when it looks again', async () => {
    await using partner = await mapper();
    const start = Number(await partner.ask('mmap(8 * 4096)'));
    const to = Number(await partner.ask('mmap(32 * 4096, 0, 0x22, 0, -1)'));
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    const [range] = mappings.find(partner.pid).ranges;
    expect(Number(await partner.ask(`mremap(${start}, 8*4096, 8*4096, ${to})`))).toBe(to);
    await settle();
    expect(mappings.stillMapped(range!)).toBe(false);
    expect(mappings.find(partner.pid).ranges).toMatchObject([{ start: to, length: 8 * PAGE, offset: 0 }]);
  });

  it('takes pieces with different protections for one mapping, writable if any is', async () => {
    await using partner = await mapper();
    const start = Number(await partner.ask('mmap(8 * 4096)'));
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    const [range] = mappings.find(partner.pid).ranges;
    await partner.ask(`mprotect(${start} + 4096, 4096, 0)`);
    await settle();
    expect(mappings.stillMapped(range!)).toBe(true);
    expect(mappings.find(partner.pid).ranges).toMatchObject([
      { start, length: 8 * PAGE, writable: false, readable: false },
    ]);
    await partner.ask(`mprotect(${start} + 5 * 4096, 4096, READ | WRITE)`);
    await settle();
    expect(mappings.stillMapped(range!)).toBe(false);
    const { ranges } = mappings.find(partner.pid);
    expect(ranges).toMatchObject([{ start, length: 8 * PAGE, writable: true }]);
    expect(mappings.stillMapped(ranges[0]!)).toBe(true);
  });

  it('looks through any thread', async () => {
    await using partner = await mapper();
    const start = Number(await partner.ask('mmap(4096)'));
    await partner.ask(
      "(lambda t: t.start())(threading.Thread(target=lambda: __import__('time').sleep(60), daemon=True))",
    );
    const tids = readdirSync(`/proc/${partner.pid}/task`).map(Number);
    expect(tids.length).toBe(2);
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    for (const tid of tids) expect(mappings.find(tid).ranges).toMatchObject([{ start }]);
    expect(openMaps()).toBe(1);
  });

  it('shows nothing after execve, nor after the end', async () => {
    const partner = await mapper();
    await partner.ask('mmap(4096)');
    using finder = new MappingFinder(device, allowQuery);
    using mappings = finder.forInode(inode);
    const [range] = mappings.find(partner.pid).ranges;
    expect(mappings.stillMapped(range!)).toBe(true);
    expect(await partner.ask("os.execvp('sh', ['sh', '-c', 'echo now the shell; exec cat'])")).toBe(
      'now the shell',
    );
    await settle();
    expect(mappings.stillMapped(range!)).toBe(false);
    expect(mappings.find(partner.pid).ranges).toEqual([]);
    await partner.stop();
    expect(mappings.find(partner.pid).ranges).toEqual([]);
    expect(mappings.stillMapped(range!)).toBe(false);
    expect(openMaps()).toBe(0);
  });
});
