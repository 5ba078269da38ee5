import { fstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { areaBytesInUse, createArea, createSharedArea, MAX_AREA_SIZE, pageSize } from './area.ts';
import { hasProgram, python } from './partner.test-support.ts';

const MiB = 1024 * 1024;

afterEach(() => expect(areaBytesInUse()).toBe(0));

/** Anonymous and shared memory of this process that is resident, kilobytes. */
function residentKilobytes(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

function memfds(name: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    return linkOf(`/proc/self/fd/${fd}`).startsWith(`/memfd:${name}`);
  }).length;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

describe('createArea', () => {
  it('gives zeroed memory whose bytes, view and address show the same', () => {
    using area = createArea(1000);
    expect(area.bytes.length).toBe(1000);
    expect(area.view.byteLength).toBe(1000);
    expect(area.bytes.every((byte) => byte === 0)).toBe(true);
    expect(Number.isSafeInteger(area.address) && area.address > 0).toBe(true);
    area.view.setUint32(4, 0x01020304, true);
    expect([...area.bytes.subarray(4, 8)]).toEqual([4, 3, 2, 1]);
    expect(area.bytes).toBe(area.bytes);
  });

  it('starts on a page and keeps areas apart', () => {
    using a = createArea(1);
    using b = createArea(pageSize() + 1);
    using d = createArea(1);
    for (const area of [a, b, d]) expect(area.address % pageSize()).toBe(0);
    a.bytes.fill(1);
    b.bytes.fill(2);
    d.bytes.fill(3);
    expect(a.bytes[0]).toBe(1);
    expect(b.bytes.every((byte) => byte === 2)).toBe(true);
    expect(d.bytes[0]).toBe(3);
  });

  it.each([0, -1, 1.5, Number.NaN, MAX_AREA_SIZE + 1])('refuses %d bytes', (size) => {
    expect(() => createArea(size)).toThrow(RangeError);
  });

  it('refuses everything after release, and releases twice', () => {
    const area = createArea(64);
    area.release();
    area.release();
    expect(area.isReleased).toBe(true);
    expect(() => area.bytes).toThrow(/released/);
    expect(() => area.view).toThrow(/released/);
    expect(() => area.address).toThrow(/released/);
  });

  it('leaves bytes that were kept too long harmless', () => {
    const area = createArea(4 * MiB);
    const { bytes, view } = area;
    bytes.fill(0xaa);
    area.release();
    // Neither a crash nor the old contents
    expect(bytes[5]).toBe(0);
    view.setUint8(6, 1);
    expect(bytes[6]).toBe(1);
  });

  it('gives the memory back at release, and zeros when the slot is used again', () => {
    const seen = new Set<number>();
    const before = residentKilobytes();
    for (let i = 0; i < 40; i++) {
      const area = createArea(16 * MiB);
      seen.add(area.address);
      const { bytes } = area;
      expect(bytes[0]).toBe(0);
      expect(bytes[16 * MiB - 1]).toBe(0);
      bytes.fill(0xff);
      area.release();
      bytes[0] = 9; // a stale write before the slot is taken again
    }
    expect(seen.size).toBeLessThanOrEqual(2);
    expect(residentKilobytes() - before).toBeLessThan(16 * 1024);
  });

  it('costs no memory before it is touched', () => {
    const before = residentKilobytes();
    const areas = Array.from({ length: 100 }, () => createArea(4 * MiB));
    for (const area of areas) area.bytes[0] = 1;
    expect(residentKilobytes() - before).toBeLessThan(8 * 1024);
    for (const area of areas) area.release();
  });

  it('goes beyond one chunk', () => {
    const areas = Array.from({ length: 9 }, () => createArea(MAX_AREA_SIZE));
    const addresses = areas.map((area) => area.address).sort((a, b) => a - b);
    for (let i = 1; i < addresses.length; i++)
      expect(addresses[i]! - addresses[i - 1]!).toBeGreaterThanOrEqual(MAX_AREA_SIZE);
    for (const area of areas) area.bytes[MAX_AREA_SIZE - 1] = 1;
    for (const area of areas) area.release();
  });
});

describe('createSharedArea', () => {
  it('shows the same bytes through its file', () => {
    using area = createSharedArea('ubinder-area-test', 4 * MiB);
    area.bytes.set([1, 2, 3], 8192);
    const seen = readFileSync(`/proc/self/fd/${area.fd}`);
    expect([...seen.subarray(8191, 8196)]).toEqual([0, 1, 2, 3, 0]);
    expect(seen.length).toBe(4 * MiB);
  });

  it('is sparse, and punched pages are given back', () => {
    using area = createSharedArea('ubinder-area-test', 4 * MiB);
    expect(fstatSync(area.fd).blocks).toBe(0);
    area.bytes[0] = 1;
    area.bytes[3 * pageSize()] = 1;
    expect(fstatSync(area.fd).blocks * 512).toBe(2 * pageSize());
    expect([...area.residency(0, 4 * pageSize())].map((byte) => byte & 1)).toEqual([1, 0, 0, 1]);
    area.punch(0, pageSize());
    expect(fstatSync(area.fd).blocks * 512).toBe(pageSize());
    expect(area.bytes[0]).toBe(0);
    expect(area.residency()[3]! & 1).toBe(1);
  });

  it('counts what its file takes, with its descriptor and without', () => {
    using area = createSharedArea('ubinder-area-test', 8 * pageSize());
    expect(area.allocatedBytes()).toBe(0);
    area.bytes[0] = 1;
    area.bytes[5 * pageSize()] = 1;
    expect(area.allocatedBytes()).toBe(2 * pageSize());
    area.closeFd();
    expect(area.allocatedBytes()).toBe(2 * pageSize());
    // Reading brings a page in as well: memory files have no page of zeros.
    expect(area.bytes[2 * pageSize()]).toBe(0);
    expect(area.allocatedBytes()).toBe(3 * pageSize());
    area.punch(0, 8 * pageSize());
    expect(area.allocatedBytes()).toBe(0);
  });

  it('punches without its descriptor', () => {
    using area = createSharedArea('ubinder-area-test', 4 * pageSize());
    area.closeFd();
    area.closeFd();
    expect(area.fd).toBe(-1);
    area.bytes.fill(1);
    area.punch(pageSize(), 2 * pageSize());
    expect([...area.residency()].map((byte) => byte & 1)).toEqual([1, 0, 0, 1]);
    expect(memfds('ubinder-area-test')).toBe(0);
  });

  it.each([
    [1, 4096],
    [0, 100],
    [0, 0],
    [-4096, 4096],
    [0, 1 << 20],
  ])('refuses to punch %d+%d', (offset, length) => {
    using area = createSharedArea('ubinder-area-test', 4 * pageSize());
    expect(() => area.punch(offset, length)).toThrow(RangeError);
    expect(() => area.residency(offset, length)).toThrow(RangeError);
  });

  it('refuses sizes that are not whole pages', () => {
    expect(() => createSharedArea('ubinder-area-test', 100)).toThrow(/whole pages/);
    expect(memfds('ubinder-area-test')).toBe(0);
  });

  it('closes its descriptor at release, and the slot serves others', () => {
    const area = createSharedArea('ubinder-area-test', 4 * MiB);
    const { bytes, address } = area;
    bytes.fill(7);
    area.release();
    expect(memfds('ubinder-area-test')).toBe(0);
    expect(bytes[0]).toBe(0);
    const addresses: number[] = [];
    for (let i = 0; i < 200 && addresses.at(-1) !== address; i++) {
      using next = createSharedArea('ubinder-area-test', 4 * MiB);
      expect(fstatSync(next.fd).blocks).toBe(0);
      expect(next.bytes[0]).toBe(0);
      addresses.push(next.address);
    }
    expect(addresses).toContain(address);
  });

  it('has nothing of an earlier area behind a size that is no power of two', () => {
    using area = createSharedArea('ubinder-area-test', 3 * pageSize());
    expect(area.bytes.length).toBe(3 * pageSize());
    expect(new Uint8Array(area.bytes.buffer, area.bytes.byteOffset + 3 * pageSize(), 1)[0]).toBe(0);
  });

  it.skipIf(!hasProgram('python3', '--version'))(
    'is shared with another process, which cannot resize it',
    async () => {
      using area = createSharedArea('ubinder-area-test', 4 * MiB);
      await using partner = python(
        `
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
def refused(size):
    try: os.ftruncate(fd, size)
    except PermissionError: return 'refused'
    return 'allowed'
print(refused(0), refused(8 << 20), flush=True)
m = mmap.mmap(fd, 4 << 20, prot=mmap.PROT_READ)
for line in sys.stdin: print(m[int(line)], flush=True)`,
        `/proc/${process.pid}/fd/${area.fd}`,
      );
      expect(await partner.line()).toBe('refused refused');
      expect(await partner.ask('100')).toBe('0');
      area.bytes[100] = 42;
      expect(await partner.ask('100')).toBe('42');
      area.punch(0, pageSize());
      expect(await partner.ask('100')).toBe('0');
    },
  );
});
