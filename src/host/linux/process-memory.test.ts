import { afterEach, describe, expect, it } from 'vitest';
import type { Area } from '../../driver/ports.ts';
import { areaBytesInUse, createArea } from './area.ts';
import { asUser, hasProgram, python } from './partner.test-support.ts';
import { ProcessMemory } from './process-memory.ts';

const EPERM = 1;
const ESRCH = 3;
const EFAULT = 14;
const PAGE = 4096;

afterEach(() => expect(areaBytesInUse()).toBe(0));

/**
 * Maps 64 pages, the last of which is unmapped and the one before read-only, fills the others with their page number,
 * and says the address. `N` asks for the byte at N.
 */
const TARGET = `
import ctypes, mmap, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_uint64
pages = int(sys.argv[1]) if len(sys.argv) > 1 else 64
base = libc.mmap(None, pages * 4096, 3, 0x22, -1, 0)
for i in range(pages): ctypes.memset(base + i * 4096, i % 251, 4096)
libc.munmap(ctypes.c_uint64(base + 63 * 4096), 4096)
libc.mprotect(ctypes.c_uint64(base + 62 * 4096), 4096, 1)
libc.mprotect(ctypes.c_uint64(base + 60 * 4096), 4096, 0)
print(base, flush=True)
for line in sys.stdin:
    print(ctypes.string_at(base + int(line), 1)[0], flush=True)
`;

const canRun = hasProgram('python3', '--version');

function plainArea(size: number): Area {
  const bytes = new Uint8Array(size);
  return { bytes, view: new DataView(bytes.buffer), address: 0 };
}

describe.skipIf(!canRun)('ProcessMemory', () => {
  it('reads straight into an area', async () => {
    await using partner = python(TARGET);
    const [base] = (await partner.numbers()) as [number];
    using memory = new ProcessMemory();
    using area = createArea(8 * PAGE);
    expect(memory.read(partner.pid, base + 3 * PAGE - 2, area, 10, 5)).toBe(5);
    expect([...area.bytes.subarray(9, 16)]).toEqual([0, 2, 2, 3, 3, 3, 0]);
    expect(memory.lastErrno).toBe(0);
  });

  it('writes from an area', async () => {
    await using partner = python(TARGET);
    const [base] = (await partner.numbers()) as [number];
    using memory = new ProcessMemory();
    using area = createArea(PAGE);
    area.bytes.set([100, 101, 102]);
    expect(memory.write(partner.pid, base + PAGE - 1, area, 1, 2)).toBe(2);
    expect(await partner.ask(String(PAGE - 1))).toBe('101');
    expect(await partner.ask(String(PAGE))).toBe('102');
    expect(await partner.ask(String(PAGE + 1))).toBe('1');
  });

  it('goes through a scratch area where the area has no address', async () => {
    await using partner = python(TARGET);
    const [base] = (await partner.numbers()) as [number];
    using memory = new ProcessMemory();
    const area = plainArea(40 * PAGE);
    expect(memory.read(partner.pid, base, area, 7, 30 * PAGE)).toBe(30 * PAGE);
    expect(area.bytes[7]).toBe(0);
    expect(area.bytes[7 + 30 * PAGE - 1]).toBe(29);
    expect(area.bytes[7 + 17 * PAGE]).toBe(17);
    area.bytes.fill(77);
    expect(memory.write(partner.pid, base + PAGE, area, 0, 20 * PAGE)).toBe(20 * PAGE);
    expect(await partner.ask(String(21 * PAGE - 1))).toBe('77');
    expect(await partner.ask(String(21 * PAGE))).toBe('21');
  });

  it('returns how far it came when it runs into a hole', async () => {
    await using partner = python(TARGET);
    const [base] = (await partner.numbers()) as [number];
    using memory = new ProcessMemory();
    using area = createArea(8 * PAGE);
    expect(memory.read(partner.pid, base + 62 * PAGE + 4000, area, 0, 500)).toBe(96);
    expect(memory.lastErrno).toBe(EFAULT);
    expect(memory.read(partner.pid, base + 62 * PAGE + 4000, plainArea(8 * PAGE), 0, 500)).toBe(96);
    expect(memory.lastErrno).toBe(EFAULT);
    expect(memory.read(partner.pid, base + 63 * PAGE, area, 0, 1)).toBe(0);
    expect(memory.lastErrno).toBe(EFAULT);
  });

  it('respects protections', async () => {
    await using partner = python(TARGET);
    const [base] = (await partner.numbers()) as [number];
    using memory = new ProcessMemory();
    using area = createArea(PAGE);
    expect(memory.read(partner.pid, base + 62 * PAGE, area, 0, 8)).toBe(8);
    expect(memory.write(partner.pid, base + 62 * PAGE, area, 0, 8)).toBe(0);
    expect(memory.lastErrno).toBe(EFAULT);
    expect(memory.read(partner.pid, base + 60 * PAGE, area, 0, 8)).toBe(0);
    expect(memory.write(partner.pid, base + 61 * PAGE + 4090, area, 0, 20)).toBe(6);
  });

  it('copies a megabyte in one call', async () => {
    await using partner = python(TARGET, '320');
    const [base] = (await partner.numbers()) as [number];
    using memory = new ProcessMemory();
    using area = createArea(1 << 20);
    // The holes are made at page 60 to 63: start behind them
    expect(memory.read(partner.pid, base + 64 * PAGE, area, 0, 1 << 20)).toBe(1 << 20);
    expect(area.bytes[0]).toBe(64);
    expect(area.bytes[(1 << 20) - 1]).toBe((64 + 255) % 251);
  });

  it.each([
    ['nothing at all', 0],
    ['the first page', 8],
    ['a kernel address that a number can hold', 0x001f_ffff_ffff_f000],
    ['the end of user space', 0x7fff_ffff_f000],
    ['a non-canonical address', 0x8000_0000_0000],
  ])('faults at %s', async (_name, address) => {
    await using partner = python(TARGET);
    await partner.numbers();
    using memory = new ProcessMemory();
    using area = createArea(PAGE);
    expect(memory.read(partner.pid, address, area, 0, 8)).toBe(0);
    expect(memory.lastErrno).toBe(EFAULT);
    expect(memory.write(partner.pid, address, area, 0, 8)).toBe(0);
    expect(memory.lastErrno).toBe(EFAULT);
  });

  it('does nothing for a length of 0, wherever it is', () => {
    using memory = new ProcessMemory();
    using area = createArea(PAGE);
    expect(memory.read(1, 0, area, PAGE, 0)).toBe(0);
    expect(memory.write(1, 0, area, 0, 0)).toBe(0);
    expect(memory.read(1, 0, plainArea(0), 0, 0)).toBe(0);
    expect(memory.lastErrno).toBe(0);
  });

  it('never reads or writes our own memory for thread 0', () => {
    using memory = new ProcessMemory();
    using area = createArea(PAGE);
    using secret = createArea(PAGE);
    secret.bytes.fill(1);
    expect(memory.read(0, secret.address, area, 0, 8)).toBe(0);
    expect(area.bytes[0]).toBe(0);
  });

  it('refuses ranges outside the area', () => {
    using memory = new ProcessMemory();
    using area = createArea(100);
    for (const [at, length] of [
      [0, 101],
      [100, 1],
      [-1, 2],
      [0, -1],
      [Number.NaN, 1],
    ] as const) {
      expect(() => memory.read(1, 8, area, at, length)).toThrow(RangeError);
      expect(() => memory.write(1, 8, area, at, length)).toThrow(RangeError);
    }
  });

  it('tells a thread that is gone from a fault', async () => {
    using memory = new ProcessMemory();
    using area = createArea(PAGE);
    const partner = python(TARGET);
    const [base] = (await partner.numbers()) as [number];
    const { pid } = partner;
    await partner.stop();
    expect(memory.read(pid, base, area, 0, 8)).toBe(0);
    expect(memory.lastErrno).toBe(ESRCH);
  });

  it('reads through any thread, also after the main thread has left', async () => {
    await using partner = python(`
import ctypes, threading, time
base = ctypes.create_string_buffer(b'hello')
def other():
    print(ctypes.addressof(base), threading.get_native_id(), flush=True)
    time.sleep(0.2)
    print('left', flush=True)
    time.sleep(60)
threading.Thread(target=other, daemon=True).start()
ctypes.CDLL(None).pthread_exit(None)
`);
    const [address, tid] = (await partner.numbers()) as [number, number];
    await partner.line();
    using memory = new ProcessMemory();
    using area = createArea(PAGE);
    expect(memory.read(tid, address, area, 0, 5)).toBe(5);
    expect(String.fromCharCode(...area.bytes.subarray(0, 5))).toBe('hello');
    expect(memory.read(partner.pid, address, area, 0, 5)).toBe(0);
    expect(memory.lastErrno).toBe(ESRCH);
  });

  it.skipIf(process.getuid?.() !== 0)('tells a process that we may not look at from a fault', async () => {
    await using partner = python(TARGET);
    const [base] = (await partner.numbers()) as [number];
    using memory = new ProcessMemory();
    using area = createArea(PAGE);
    asUser(1234, () => {
      expect(memory.read(partner.pid, base, area, 0, 8)).toBe(0);
      expect(memory.lastErrno).toBe(EPERM);
      expect(memory.write(partner.pid, base, area, 0, 8)).toBe(0);
      expect(memory.lastErrno).toBe(EPERM);
    });
    expect(memory.read(partner.pid, base, area, 0, 8)).toBe(8);
    expect(memory.lastErrno).toBe(0);
  });
});
