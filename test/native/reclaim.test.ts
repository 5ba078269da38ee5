import type { ChildProcess } from 'node:child_process';
import {
  accessSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { askDaemon } from '../../src/host/daemon/control-socket.ts';
import type { PageFigures } from '../../src/host/daemon/reclaimer.ts';
import { isAtLeast, kernelVersion } from '../../src/host/linux/kernel.ts';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { TestMount, whyNot } from '../support/mount.ts';
import { slowness } from '../support/slowness.ts';

// Clients that have received much and hold nothing of it do not keep memory.

const MIB = 1024 * 1024;
const CLIENTS = Math.ceil(200 / slowness);
const RECEIVED = 512 * 1024;
const BUDGET = 16 * MIB;
/** Of a client's mapping: libbinder's megabyte less two pages. */
const MAPPING = MIB - 8192;

/** `idle`, to be told what its clients do. */
class Idle {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<number | null>;
  log = '';

  constructor(mount: TestMount, program: string) {
    this.#child = mount.spawn([program, mount.device(), `--clients=${CLIENTS}`, `--size=${RECEIVED}`]);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk;
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    this.#lines = lines[Symbol.asyncIterator]();
    this.ended = new Promise((done) => this.#child.once('close', done));
  }

  async order(letter: string, answer: string): Promise<void> {
    this.#child.stdin?.write(`${letter}\n`);
    const { value } = await this.#lines.next();
    expect([value, this.log]).toEqual([answer, '']);
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    expect([await this.ended, this.log]).toEqual([0, '']);
  }
}

/** Bytes that the daemon has of its clients' memory files in its page tables: counted by the kernel, not by us. */
function mappedBytes({ pid }: TestMount): number {
  let bytes = 0;
  let isOurs = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isOurs = line.includes('/memfd:ubinder-binder');
    else if (isOurs && line.startsWith('Rss:')) bytes += 1024 * Number.parseInt(line.slice(4), 10);
  }
  return bytes;
}

const pagesOf = async (mount: TestMount): Promise<PageFigures> => {
  const { pages } = await mount.status();
  if (!pages) throw new Error('The daemon tells nothing of pages');
  return pages;
};

const LATE = { timeout: 60_000 * slowness, interval: 250 };

const noCompiler = whyNoCompiler();
const noMount = noCompiler ?? whyNot('root');
/** Without passthrough pages stay. */
const reason =
  noMount ?? (isAtLeast(kernelVersion(), 6, 9) ? null : 'Linux before 6.9 has no FUSE passthrough');
if (reason) console.warn(`SKIPPED: memory of idle clients: ${reason}`);
describe.skipIf(reason !== null)('the memory of idle clients', () => {
  test('goes back under the budget, also what they bring in by reading, and is zeros afterwards', async () => {
    const program = await compile(new URL('idle.c', import.meta.url).pathname);
    await using mount = await TestMount.start('root', { seconds: 240, args: ['--page-budget', '16M'] });
    const idle = new Idle(mount, program);
    for (let round = 0; round < 2; round++) {
      await idle.order('r', 'received');
      await expect.poll(async () => (await pagesOf(mount)).residentBytes, LATE).toBeLessThanOrEqual(BUDGET);
      expect(mappedBytes(mount)).toBeLessThanOrEqual(BUDGET);
      const { usedBytes, reclaimedBytes, budget } = await pagesOf(mount);
      expect(usedBytes).toBe(0);
      expect(budget).toBe(BUDGET);
      // Most of what was received by all is a multiple of the budget.
      expect(reclaimedBytes).toBeGreaterThan((round + 1) * (CLIENTS * RECEIVED - BUDGET));
    }
    expect(await askDaemon(mount.directory, 'shrink')).toMatchObject({ residentBytes: 0 });
    expect(mappedBytes(mount)).toBe(0);
    await idle.order('z', 'zeros');
    // Reading has brought in all pages of all mappings: they go as well.
    await expect.poll(async () => (await pagesOf(mount)).residentBytes, LATE).toBeLessThanOrEqual(BUDGET);
    await idle.order('r', 'received');
    await idle.end();
    await expect
      .poll(() => pagesOf(mount), LATE)
      .toMatchObject({ usedBytes: 0, unusedBytes: 0, residentBytes: 0 });
  });

  test('stays for the next call where nobody wants it, until `ubinder shrink`', async () => {
    const program = await compile(new URL('idle.c', import.meta.url).pathname);
    await using mount = await TestMount.start('root', { seconds: 240, args: ['--page-budget', '8G'] });
    const idle = new Idle(mount, program);
    await idle.order('r', 'received');
    const before = await pagesOf(mount);
    expect(before).toMatchObject({ usedBytes: 0, reclaimedBytes: 0 });
    expect(before.residentBytes).toBeGreaterThanOrEqual(CLIENTS * RECEIVED);
    expect(before.unusedBytes).toBeGreaterThanOrEqual(CLIENTS * RECEIVED);
    await idle.order('r', 'received');
    // Nobody has asked for pages again: what is received next lies where the last lay.
    expect((await pagesOf(mount)).residentBytes).toBe(before.residentBytes);
    const shrunk = await askDaemon(mount.directory, 'shrink');
    expect(shrunk).toEqual({ freedBytes: before.residentBytes, residentBytes: 0 });
    await idle.order('z', 'zeros');
    expect((await pagesOf(mount)).residentBytes).toBeGreaterThanOrEqual(CLIENTS * MAPPING);
    expect(await askDaemon(mount.directory, 'shrink')).toMatchObject({ residentBytes: 0 });
    await idle.order('r', 'received');
    await idle.end();
  });
});

const TMPFS = 0x0102_1994;

/** A memory cgroup of 20 MiB, of the first or the second version. @throws Error where none can be made. */
function makeSmallGroup(): string {
  const isFirst = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');
  const group = `/sys/fs/cgroup/${isFirst ? 'memory/' : ''}ubinder-test-${process.pid}`;
  mkdirSync(group);
  try {
    writeFileSync(`${group}/${isFirst ? 'memory.limit_in_bytes' : 'memory.max'}`, `${20 * MIB}`);
  } catch (error) {
    rmdirSync(group);
    throw error;
  }
  return group;
}

const noPressure =
  reason ??
  (() => {
    try {
      accessSync('/proc/pressure/memory');
      if (statfsSync(tmpdir()).type === TMPFS) return `${tmpdir()} is memory, too`;
      rmdirSync(makeSmallGroup());
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  })();
if (noPressure) console.warn(`SKIPPED: reclaim under memory pressure: ${noPressure}`);
describe.skipIf(noPressure !== null)('under memory pressure', () => {
  test('what nobody uses is given back, without a budget', async () => {
    const program = await compile(new URL('idle.c', import.meta.url).pathname);
    const group = makeSmallGroup();
    const file = `${tmpdir()}/ubinder-pressure-${process.pid}`;
    try {
      await using mount = await TestMount.start('root', { seconds: 240 });
      const idle = new Idle(mount, program);
      await idle.order('r', 'received');
      expect(await pagesOf(mount)).toMatchObject({ budget: null, seesPressure: true });
      // Ten times what it may have of memory, again and again
      const script = `echo $$ > ${group}/cgroup.procs && head -c 200M /dev/zero > ${file} && while :; do cat ${file}; done > /dev/null`;
      const hungry = mount.spawn(['timeout', `${60 * slowness}`, 'sh', '-c', script]);
      await expect.poll(async () => (await pagesOf(mount)).residentBytes, LATE).toBe(0);
      hungry.kill();
      await idle.order('r', 'received');
      await idle.end();
    } finally {
      rmSync(file, { force: true });
      await expect.poll(() => isRemoved(group), LATE).toBe(true);
    }
  });
});

function isRemoved(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch {
    return false;
  }
}

const noStore = noCompiler ?? whyNot('root-store');
describe.skipIf(noStore !== null)('in store mode', () => {
  test('nothing is given back, which is said', async () => {
    await using mount = await TestMount.start('root-store', { args: ['--page-budget', '16M'] });
    expect(mount.log).toContain('--page-budget has no effect: in store mode');
    expect((await mount.status()).pages).toBeNull();
    await expect(askDaemon(mount.directory, 'shrink')).rejects.toThrow(
      'Cannot give pages back: in store mode',
    );
  });
});
