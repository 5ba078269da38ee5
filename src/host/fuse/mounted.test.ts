import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createArea, createSharedArea } from '../linux/area.ts';
import { openFuseDevice, unmount } from '../linux/mount.ts';
import { until } from '../linux/partner.test-support.ts';
import { abortConnection, countWaiting } from './connections.ts';
import { cloneDevice } from './device.ts';
import { FuseLoop } from './loop.ts';
import { areaOf, canMount, FILE_NODE, TestMount, TinyFileSystem } from './mounted.test-support.ts';
import { OPEN_REPLY_FLAG, ROOT_NODE, SETATTR_VALID } from './protocol.ts';
import type { IoctlRequest, PollRequest } from './request.ts';
import { FuseSession, type FuseSessionOptions } from './session.ts';

const { EACCES, ECONNABORTED, EINTR, EIO, ENOENT, ENOTCONN, ENOTTY, EPERM, EXDEV } = constants.errno;

/** `_IOWR('b', 1, char[48])`: copied both ways. */
const ECHO = 0xc030_6201;

const POLLIN = 1;

/** A tiny file system, mounted, with `extra` put over its handlers. */
function tiny<T extends object>(
  extra: (session: FuseSession) => T = () => ({}) as T,
  options?: FuseSessionOptions,
): { test: TestMount; fs: TinyFileSystem & T } {
  let fs: (TinyFileSystem & T) | undefined;
  const test = new TestMount((session) => {
    fs = Object.assign(new TinyFileSystem(session), extra(session));
    return fs;
  }, options);
  if (!fs) throw new Error('no file system was made');
  return { test, fs };
}

/** Ioctls are kept for the test to answer. */
function parking(): { parked: number[]; ioctl(request: IoctlRequest): void } {
  const parked: number[] = [];
  return { parked, ioctl: (request) => void parked.push(request.unique) };
}

describe.skipIf(!canMount())('a mounted session', { timeout: 20_000 }, () => {
  it('looks up, lists, stats and reads', async () => {
    const { test, fs } = tiny();
    await using _ = test;
    const client = test.client();
    expect(await client.run(`sorted(os.listdir('${test.directory}'))`)).toEqual(['file', 'link']);
    expect(await client.run(`list(os.lstat('${test.path('link')}'))[0:2]`)).toEqual([0o120777, 3]);
    expect(await client.run(`os.readlink('${test.path('link')}')`)).toBe('file');
    const stat = `(lambda s: [s.st_mode, s.st_ino, s.st_size, s.st_mtime, s.st_dev])(os.stat('${test.path('link')}'))`;
    expect(await client.run(stat)).toEqual([0o100666, FILE_NODE, 12, 2, test.mount.connection]);
    expect(await client.run(`open('${test.path('file')}').read()`)).toBe('hello world\n');
    await until('release', () => fs.log.includes('release 1'));
    expect(fs.log.filter((line) => /open|flush|release/.test(line))).toEqual([
      'open 1 flags 0',
      'flush 1',
      'release 1',
    ]);
    expect(await client.run(`attempt(os.stat, '${test.path('nothing')}')`)).toBe(-ENOENT);
    expect(test.session.connection).toMatchObject({ kernelMinor: expect.any(Number) });
  });

  it('answers for handlers that are absent as the kernel does', async () => {
    const { test } = tiny();
    await using _ = test;
    const client = test.client();
    const path = test.path('new');
    expect(await client.run(`attempt(os.mkdir, '${path}')`)).toBe(-EPERM);
    expect(await client.run(`attempt(os.open, '${path}', os.O_CREAT | os.O_RDWR)`)).toBe(-EACCES);
    expect(await client.run(`attempt(os.mknod, '${path}')`)).toBe(-EPERM);
    expect(await client.run(`attempt(os.symlink, 'x', '${path}')`)).toBe(-EPERM);
    expect(await client.run(`attempt(os.link, '${test.path('file')}', '${path}')`)).toBe(-EPERM);
    expect(await client.run(`attempt(os.unlink, '${test.path('file')}')`)).toBe(-EPERM);
    expect(await client.run(`attempt(os.rename, '${test.path('file')}', '${path}')`)).toBe(-EPERM);
    expect(await client.run(`attempt(os.chmod, '${test.path('file')}', 0)`)).toBe(-EPERM);
    const open = `os.open('${test.path('file')}', os.O_RDWR)`;
    expect(await client.run(`attempt(os.posix_fallocate, ${open}, 0, 10)`)).toBeLessThan(0);
    expect(await client.run(`attempt(os.getxattr, '${test.path('file')}', 'user.a')`)).toBe(-95);
    expect(await client.run(`select.select([${open}], [], [], 5)[0] != []`)).toBe(true);
    expect(await client.run(`attempt(os.fsync, ${open})`)).toBe(null);
    expect(await client.run(`attempt(os.truncate, '${test.path('file')}', 3)`)).toBe(-EPERM);
  });

  it('passes on what changes names and attributes', async () => {
    const log: unknown[] = [];
    const { test, fs } = tiny((session) => ({
      unlink(request: { unique: number; nodeid: number; name: string }) {
        log.push(['unlink', request.nodeid, request.name]);
        fs.names.delete(request.name);
        session.reply.ok(request.unique);
      },
      rename(request: {
        unique: number;
        nodeid: number;
        name: string;
        newName: string;
        newParent: number;
        flags: number;
      }) {
        log.push(['rename', request.nodeid, request.name, request.newParent, request.newName, request.flags]);
        session.reply.ok(request.unique);
      },
      setattr(request: { unique: number; nodeid: number; valid: number; mode: number; size: number }) {
        const ours = request.valid & (SETATTR_VALID.MODE | SETATTR_VALID.SIZE);
        log.push(['setattr', ours, ours & SETATTR_VALID.MODE ? request.mode : request.size]);
        session.reply.attributes(request.unique, fs.attributes(request.nodeid), 0);
      },
      mkdir(request: { unique: number; name: string; mode: number }) {
        log.push(['mkdir', request.name, request.mode & 0o777]);
        session.reply.error(request.unique, EXDEV);
      },
      statfs(request: { unique: number }) {
        session.reply.statfs(request.unique, { blocks: 100, nameLength: 63 });
      },
    }));
    await using _ = test;
    const client = test.client();
    const file = test.path('file');
    expect(await client.run(`attempt(os.chmod, '${file}', 0o640)`)).toBe(null);
    expect(await client.run(`attempt(os.truncate, '${file}', 3)`)).toBe(null);
    expect(await client.run(`attempt(os.rename, '${file}', '${test.path('other')}')`)).toBe(null);
    expect(await client.run(`os.umask(0o022)`)).toEqual(expect.any(Number));
    expect(await client.run(`attempt(os.mkdir, b'${test.directory}/\\xff\\xc3\\xa4')`)).toBe(-EXDEV);
    expect(await client.run(`attempt(os.unlink, '${test.path('link')}')`)).toBe(null);
    expect(await client.run(`os.statvfs('${test.directory}').f_namemax`)).toBe(63);
    expect(log).toEqual([
      ['setattr', SETATTR_VALID.MODE, 0o100640],
      ['setattr', SETATTR_VALID.SIZE, 3],
      ['rename', ROOT_NODE, 'file', ROOT_NODE, 'other', 0],
      ['mkdir', '\xff\xc3\xa4', 0o755],
      ['unlink', ROOT_NODE, 'link'],
    ]);
    // O_TRUNC comes with the open alone
    expect(await client.run(`os.open('${file}', os.O_RDWR | os.O_TRUNC) > 0`)).toBe(true);
    expect(fs.log.findLast((line) => line.startsWith('open'))).toBe(`open 1 flags ${2 | 0o1000}`);
    expect(log.length).toBe(5);
  });

  it('passes on the ioctls of directories as such', async () => {
    const { test } = tiny((session) => ({
      ioctl({ unique, isDirectory, fh }: IoctlRequest) {
        session.reply.error(unique, isDirectory && fh === 0 ? ENOTTY : EIO);
      },
    }));
    await using _ = test;
    const client = test.client();
    expect(await client.run(`ioctl(os.open('${test.directory}', 0), ${ECHO}, b'x' * 48)[0]`)).toBe(-ENOTTY);
  });

  it('copies the argument of an ioctl both ways, and only so much', async () => {
    const sizes: number[][] = [];
    const threads: number[] = [];
    const { test } = tiny((session) => ({
      ioctl(request: IoctlRequest) {
        sizes.push([request.command, request.inSize, request.outSize]);
        threads.push(request.pid);
        session.reply.ioctl(request.unique, 42, request.area, request.dataAt, request.outSize);
      },
    }));
    await using _ = test;
    const client = test.client();
    await client.run(`keep('fd', os.open('${test.path('file')}', os.O_RDWR))`);
    expect(await client.run(`ioctl(opened['fd'], ${ECHO}, b'k' * 48)`)).toEqual([42, 'k'.repeat(48)]);
    // _IOW and _IO: nothing comes back; _IOWR of the largest size
    expect(await client.run(`ioctl(opened['fd'], ${0x4030_6202}, b'w' * 48)[0]`)).toBe(42);
    expect(await client.run(`ioctl(opened['fd'], ${0x6203}, b'n')[0]`)).toBe(42);
    expect(await client.run(`ioctl(opened['fd'], ${0xffff_6204}, b'L' * 16383)`)).toEqual([
      42,
      'L'.repeat(16383),
    ]);
    expect(sizes).toEqual([
      [ECHO, 48, 48],
      [0x4030_6202, 48, 0],
      [0x6203, 0, 0],
      [0xffff_6204, 16383, 16383],
    ]);
    expect(new Set(threads)).toEqual(new Set([client.partner.pid]));
  });

  it('answers parked ioctls in any order', async () => {
    const { test, fs } = tiny(parking);
    await using _ = test;
    const client = test.client();
    const count = 50;
    await client.run(`keep('fd', os.open('${test.path('file')}', os.O_RDWR))`);
    for (let i = 0; i < count; i++)
      await client.run(`start(${i}, ioctl, opened['fd'], ${ECHO}, b'%48d' % ${i})`);
    await until('all ioctls', () => fs.parked.length === count);
    expect(countWaiting(test.mount.connection)).toBe(count);
    using answer = createArea(48);
    for (const unique of fs.parked.reverse()) {
      answer.view.setUint32(0, 0x4142_4344);
      expect(test.session.reply.ioctl(unique, 7, answer, 0, 4)).toBe(true);
    }
    for (let i = 0; i < count; i++) {
      const [result, argument] = await client.run<[number, string]>(`join(${i})`);
      expect(result).toBe(7);
      // Four bytes were copied back, the rest is as it was
      expect(argument).toBe(`ABCD${String(i).padStart(44)}`);
    }
    expect(test.session.reply.ioctlResult(fs.parked[0]!, 0)).toBe(false);
    expect(countWaiting(test.mount.connection)).toBe(0);
  });

  it('interrupts: EINTR with data, without data, and a restart', async () => {
    const interrupted: number[] = [];
    const { test, fs } = tiny(() => ({
      ...parking(),
      interrupt: (unique: number) => void interrupted.push(unique),
    }));
    await using _ = test;
    const client = test.client();
    using answer = createArea(48);
    answer.bytes.fill(0x2a);
    await client.run(`keep('fd', os.open('${test.path('file')}', os.O_RDWR))`);
    const signalDuringIoctl = async (number: string, restart: boolean): Promise<number> => {
      await client.run(`on_signal(${number}, ${restart ? 'True' : 'False'})`);
      const before = interrupted.length;
      const parked = fs.parked.length;
      // The main thread calls, because Python handles signals there
      client.say(`ioctl(opened['fd'], ${ECHO}, b'.' * 48)`);
      await until('ioctl', () => fs.parked.length > parked);
      client.partner.child.kill('SIGUSR1');
      await until('interrupt', () => interrupted.length > before);
      const unique = fs.parked.at(-1)!;
      expect(interrupted.at(-1)).toBe(unique);
      return unique;
    };
    const result = async () => JSON.parse(await client.partner.line());

    test.session.reply.ioctl(await signalDuringIoctl('signal.SIGUSR1', true), -EINTR, answer, 0, 48);
    expect(await result()).toEqual([-EINTR, '*'.repeat(48)]);

    test.session.reply.error(await signalDuringIoctl('signal.SIGUSR1', true), EINTR);
    expect(await result()).toEqual([-EINTR, '.'.repeat(48)]);

    const first = await signalDuringIoctl('signal.SIGUSR1', true);
    test.session.reply.ioctl(first, -512, answer, 0, 48);
    await until('restarted ioctl', () => fs.parked.at(-1) !== first);
    test.session.reply.ioctlResult(fs.parked.at(-1)!, 5);
    expect(await result()).toEqual([5, '*'.repeat(48)]);

    test.session.reply.ioctl(await signalDuringIoctl('signal.SIGUSR1', false), -512, answer, 0, 48);
    expect(await result()).toEqual([-EINTR, '*'.repeat(48)]);
  });

  it('lets a killed client go when its request is answered, and releases its open', async () => {
    const interrupted: number[] = [];
    const { test, fs } = tiny(() => ({
      ...parking(),
      interrupt: (unique: number) => void interrupted.push(unique),
    }));
    await using _ = test;
    const client = test.client();
    client.say(`ioctl(os.open('${test.path('file')}', os.O_RDWR), ${ECHO}, b'.' * 48)`);
    await until('ioctl', () => fs.parked.length === 1);
    client.partner.child.kill('SIGKILL');
    await until('interrupt', () => interrupted.length === 1);
    expect(interrupted).toEqual(fs.parked);
    expect(client.partner.child.exitCode ?? client.partner.child.signalCode).toBe(null);
    test.session.reply.error(interrupted[0]!, EINTR);
    await until('release', () => fs.log.includes('release 1'));
    await until('death', () => client.partner.child.signalCode === 'SIGKILL');
  });

  it('polls: at once, woken later, by select and by epoll of both kinds', async () => {
    let ready = 0;
    const polls: [kh: number, wantsNotify: boolean][] = [];
    const { test } = tiny((session) => ({
      poll(request: PollRequest) {
        polls.push([request.kh, request.wantsNotify]);
        session.reply.poll(request.unique, ready & request.events);
      },
    }));
    await using _ = test;
    const client = test.client();
    await client.run(`keep('fd', os.open('${test.path('file')}', os.O_RDWR))`);
    await client.run(`keep('poll', 0) or opened.update(poll=select.poll())`);
    await client.run(`opened['poll'].register(opened['fd'], select.POLLIN)`);
    expect(await client.run(`opened['poll'].poll(0)`)).toEqual([]);
    expect(polls.at(-1)![1]).toBe(false);
    await client.run(`start('poll', opened['poll'].poll, 8000)`);
    await until('poll', () => polls.at(-1)![1]);
    ready = POLLIN;
    const kh = polls.at(-1)![0];
    expect(test.session.notify.poll(kh)).toBe(0);
    expect(await client.run(`join('poll')`)).toEqual([[expect.any(Number), POLLIN]]);
    expect(await client.run(`opened['poll'].poll(0)`)).toEqual([[expect.any(Number), POLLIN]]);

    // Level-triggered repeats, edge-triggered reports once for each notification
    await client.run(`opened.update(epoll=select.epoll(), edge=select.epoll())`);
    await client.run(`opened['epoll'].register(opened['fd'], select.EPOLLIN)`);
    expect(await client.run(`opened['epoll'].poll(5)`)).toHaveLength(1);
    expect(await client.run(`opened['epoll'].poll(5)`)).toHaveLength(1);
    await client.run(`opened['edge'].register(opened['fd'], select.EPOLLIN | select.EPOLLET)`);
    expect(await client.run(`opened['edge'].poll(5)`)).toHaveLength(1);
    expect(await client.run(`opened['edge'].poll(0)`)).toHaveLength(0);
    await client.run(`start('edge', opened['edge'].poll, 8)`);
    test.session.notify.poll(kh);
    expect(await client.run(`join('edge')`)).toHaveLength(1);
    expect(new Set(polls.map(([each]) => each)).size).toBe(1);
    expect(test.session.notify.poll(kh + 1)).toBe(0);
  });

  it('turns a handler that throws into EIO for one caller', async () => {
    const errors: unknown[] = [];
    const { test } = tiny(
      () => ({
        ioctl() {
          throw new Error('no ioctl today');
        },
      }),
      { onHandlerError: (error, opcode) => errors.push([String(error), opcode]) },
    );
    await using _ = test;
    const client = test.client();
    expect(await client.run(`ioctl(os.open('${test.path('file')}', os.O_RDWR), ${ECHO}, b'.' * 48)[0]`)).toBe(
      -EIO,
    );
    expect(errors).toEqual([['Error: no ioctl today', 'IOCTL']]);
    expect(await client.run(`os.stat('${test.path('file')}').st_size`)).toBe(12);
  });

  it('maps a backing file: the client sees what is written here', async () => {
    const { test, fs } = tiny(
      (session) => ({
        ids: [] as number[],
        open({ unique }: { unique: number }) {
          const id = session.openBacking(shared.fd);
          fs.ids.push(id);
          if (id < 0) session.reply.error(unique, -id);
          else session.reply.open(unique, 1, OPEN_REPLY_FLAG.PASSTHROUGH | OPEN_REPLY_FLAG.DIRECT_IO, id);
        },
      }),
      { passthrough: true },
    );
    using shared = createSharedArea('backing', 65536);
    await using _ = test;
    // Python maps nothing beyond what stat says
    fs.content = Buffer.alloc(65536);
    const client = test.client();
    await client.run(`keep('fd', os.open('${test.path('file')}', os.O_RDWR))`);
    if (!test.session.connection?.passthrough) {
      console.warn('SKIPPED: passthrough, which this kernel does not offer');
      return;
    }
    const [id] = fs.ids as [number];
    expect(id).toBeGreaterThan(0);
    // The open is through; what is mapped later does not need the id any more
    expect(test.session.closeBacking(id)).toBe(0);
    await client.run(
      `opened.update(map=mmap.mmap(opened['fd'], 65536, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))`,
    );
    shared.bytes.set(Buffer.from('seen'), 4096);
    expect(await client.run(`opened['map'][4096:4100].decode()`)).toBe('seen');
    shared.bytes.set(Buffer.from('more'), 4096);
    expect(await client.run(`opened['map'][4096:4100].decode()`)).toBe('more');
    expect(test.session.closeBacking(id)).toBe(-ENOENT);
    expect(test.session.openBacking(9999)).toBe(-constants.errno.EBADF);
  });

  it('stores into the page cache of a mapped file', async () => {
    const { test, fs } = tiny(undefined, { directIoMmap: true });
    await using _ = test;
    fs.content = Buffer.alloc(65536, '-');
    fs.openFlags = OPEN_REPLY_FLAG.DIRECT_IO;
    const client = test.client();
    await client.run(`keep('fd', os.open('${test.path('file')}', os.O_RDWR))`);
    if (!test.session.connection?.directIoMmap) {
      console.warn('SKIPPED: shared mappings with DIRECT_IO, which this kernel does not offer');
      return;
    }
    await client.run(
      `opened.update(map=mmap.mmap(opened['fd'], 65536, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ))`,
    );
    expect(await client.run(`opened['map'][8192:8196].decode()`)).toBe('----');
    expect(test.session.notify.store(FILE_NODE, 8193, areaOf('xNEW'), 1, 3)).toBe(0);
    expect(await client.run(`opened['map'][8192:8197].decode()`)).toBe('-NEW-');
    expect(test.session.notify.store(999, 0, areaOf('x'), 0, 1)).toBe(ENOENT);
  });

  it('makes the kernel forget a name that it may remember', async () => {
    const { test, fs } = tiny();
    await using _ = test;
    fs.timeout = 1000;
    const client = test.client();
    const exists = `os.path.lexists('${test.path('file')}')`;
    expect(await client.run(exists)).toBe(true);
    fs.names.delete('file');
    expect(await client.run(exists)).toBe(true);
    expect(await test.session.notify.invalidateEntry(ROOT_NODE, 'file')).toBe(0);
    expect(await client.run(exists)).toBe(false);
    await until('forget', () => fs.log.includes(`forget ${FILE_NODE} 1`));
    expect(await test.session.notify.invalidateEntry(ROOT_NODE, 'never asked for')).toBe(ENOENT);
    expect(await test.session.notify.invalidateNode(ROOT_NODE, -1, 0)).toBe(0);
  });

  it('ends when it is unmounted', async () => {
    const { test } = tiny();
    await using _ = test;
    const client = test.client();
    await client.run(`keep('fd', os.open('${test.path('file')}', os.O_RDWR))`);
    expect(unmount(test.directory)).toBe(true);
    expect(unmount(test.directory)).toBe(false);
    // Those who have files open keep them
    expect(await client.run(`ioctl(opened['fd'], ${ECHO}, b'.' * 48)[0]`)).toBe(0);
    await client.run(`os.close(opened['fd'])`);
    expect(await test.ended).toBe('unmounted');
    expect(test.session.end).toBe('unmounted');
  });

  it('ends when it is aborted, and so do the requests', async () => {
    const { test, fs } = tiny(parking);
    await using _ = test;
    const client = test.client();
    client.say(`ioctl(keep('fd', os.open('${test.path('file')}', os.O_RDWR)), ${ECHO}, b'.' * 48)[0]`);
    await until('ioctl', () => fs.parked.length === 1);
    expect(abortConnection(test.mount.connection)).toBe(true);
    expect(JSON.parse(await client.partner.line())).toBe(-ECONNABORTED);
    expect(await test.ended).toBe('aborted');
    expect(test.session.reply.ioctlResult(fs.parked[0]!, 0)).toBe(false);
    expect(await client.run(`attempt(os.stat, '${test.directory}')`)).toBe(-ENOTCONN);
  });

  it('goes when its descriptor is closed', async () => {
    const { test, fs } = tiny(parking);
    await using _ = test;
    const client = test.client();
    client.say(`ioctl(os.open('${test.path('file')}', os.O_RDWR), ${ECHO}, b'.' * 48)[0]`);
    await until('ioctl', () => fs.parked.length === 1);
    test.loop.stop();
    test.session.close();
    expect(await test.ended).toBe('stopped');
    expect(JSON.parse(await client.partner.line())).toBe(-ECONNABORTED);
  });

  it('has a second door, for another thread', async () => {
    const { test } = tiny();
    await using _ = test;
    await until('INIT', () => test.session.connection !== null);
    const fd = openFuseDevice();
    cloneDevice(test.mount.fd, fd);
    using door = new FuseSession(fd, (session) => new TinyFileSystem(session));
    test.loop.stop();
    const loop = new FuseLoop(door);
    const end = loop.run();
    const client = test.client();
    expect(await client.run(`os.stat('${test.path('file')}').st_size`)).toBe(12);
    unmount(test.directory);
    expect(await end).toBe('unmounted');
    expect(() => cloneDevice(0, fd)).toThrow(/EINVAL/);
  });

  it('leaves no descriptor behind', async () => {
    const count = (): number => readdirSync('/proc/self/fd').length;
    const cycle = async (): Promise<void> => {
      const { test } = tiny();
      await using _ = test;
      const client = test.client();
      await client.run(`os.listdir('${test.directory}')`);
    };
    await cycle();
    const before = count();
    await cycle();
    await cycle();
    expect(count()).toBeLessThanOrEqual(before);
  });
});
