import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FileFlags, MAX_DESCRIPTORS_SCANNED, O_NONBLOCK } from './file-flags.ts';
import { hasProgram, Partner, python } from './partner.test-support.ts';

/** Evaluates lines with the file open at `fd`. */
const OPENER = `
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CLOEXEC)
def nonblock(fd, on):
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    return fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK if on else flags & ~os.O_NONBLOCK)
print(fd, flush=True)
for line in sys.stdin: print(eval(line), flush=True)
`;

let directory: string;
let file: string;
let inode: number;
let device: number;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ubinder-flags-'));
  file = join(directory, 'file');
  writeFileSync(file, '');
  const { dev, ino } = statSync(file);
  const major = Math.floor(dev / 256) % 4096;
  device = major * 2 ** 20 + (dev % 256) + Math.floor(dev / 2 ** 20) * 256;
  inode = ino;
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.skipIf(!hasProgram('python3', '--version'))('FileFlags', () => {
  async function opener(): Promise<Partner> {
    const partner = python(OPENER, file);
    await partner.line();
    return partner;
  }

  it('sees fcntl(F_SETFL)', async () => {
    await using partner = await opener();
    const flags = new FileFlags(inode, device);
    expect(flags.isNonBlocking(partner.pid)).toBe(false);
    await partner.ask('nonblock(fd, True)');
    expect(flags.isNonBlocking(partner.pid)).toBe(true);
    expect(flags.read(partner.pid)).toBe(O_NONBLOCK | 0o2 | 0o100000 | 0o2000000);
    await partner.ask('nonblock(fd, False)');
    expect(flags.isNonBlocking(partner.pid)).toBe(false);
  });

  it('looks again when the descriptor moved or now is another file', async () => {
    await using partner = await opener();
    const flags = new FileFlags(inode, device);
    expect(flags.isNonBlocking(partner.pid)).toBe(false);
    await partner.ask('nonblock(os.dup2(fd, 50), True) or os.close(fd) or os.open("/dev/null", os.O_RDONLY)');
    expect(flags.isNonBlocking(partner.pid)).toBe(true);
    await partner.ask('os.close(50)');
    expect(flags.read(partner.pid)).toBeNull();
    expect(flags.isNonBlocking(partner.pid)).toBeNull();
  });

  it('tells files by inode and device', async () => {
    await using partner = await opener();
    expect(new FileFlags(inode + 1, device).read(partner.pid)).toBeNull();
    expect(new FileFlags(inode, device + 1).read(partner.pid)).toBeNull();
    expect(new FileFlags(inode, device).read(partner.pid)).not.toBeNull();
  });

  it('looks through any thread, and gives up when the process is gone', async () => {
    const partner = python(
      `
import os, sys, threading, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
def stay():
    print(threading.get_native_id(), flush=True)
    time.sleep(60)
threading.Thread(target=stay, daemon=True).start()
time.sleep(60)`,
      file,
    );
    const [tid] = (await partner.numbers()) as [number];
    const flags = new FileFlags(inode, device);
    expect(flags.isNonBlocking(tid)).toBe(true);
    await partner.stop();
    expect(flags.read(tid)).toBeNull();
  });

  it('gives up after so many descriptors', async () => {
    await using partner = python(
      OPENER.replace(
        'print(fd',
        `
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
first = fd
fd = os.dup2(first, 3000); os.close(first)
null = os.open('/dev/null', os.O_RDONLY)
for i in range(${MAX_DESCRIPTORS_SCANNED}): os.dup(null)
print(fd`,
      ),
      file,
    );
    await partner.line();
    const flags = new FileFlags(inode, device);
    expect(flags.read(partner.pid)).toBeNull();
    await partner.ask('os.dup2(fd, first)');
    expect(flags.read(partner.pid)).not.toBeNull();
  });

  const canMount = process.getuid?.() === 0 && hasProgram('unshare', '--mount', 'true');
  it.skipIf(!canMount)('finds the file through another mount of another mount namespace', async () => {
    const bound = join(directory, 'bound');
    mkdirSync(bound);
    await using partner = new Partner('unshare', [
      '--mount',
      'sh',
      '-c',
      `mount --bind '${directory}' '${bound}' && exec 7<>'${bound}/file' && echo here && exec cat`,
    ]);
    expect(await partner.line()).toBe('here');
    const flags = new FileFlags(inode, device);
    expect(flags.isNonBlocking(partner.pid)).toBe(false);
    expect(new FileFlags(inode, device + 1).read(partner.pid)).toBeNull();
  });
});
