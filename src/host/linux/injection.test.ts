import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BoundMemory } from './bound-memory.ts';
import { Injection } from './injection.ts';
import { BEGINNING, CANCELLED, type Order, type Report } from './injection-orders.ts';
import { hasProgram, type Partner, python } from './partner.test-support.ts';
import { architecture } from './registers.ts';

// What is done to a thread, step by step, with the thread in each state that it can be in. Real requests of ours are in
// test/native: here the thread is in a read of a pipe, which the kernel interrupts as well.

const EPERM = 1;
const EMFILE = 24;

/**
 * Processes, one after the other, whose main thread, the target, reads a pipe and says what came of it, while another
 * obeys. They are no children of ours: Node.js would take the news of their stops. Their parent says how each ended, and
 * takes it along when it ends.
 */
const TARGET = `
import ctypes, os, resource, signal, struct, sys, threading
# Two processes say lines: each at once, or they mix
say = lambda *words: os.write(1, (' '.join(map(str, words)) + '\\n').encode())
libc = ctypes.CDLL(None, use_errno=True)
kind = ''
for line in iter(sys.stdin.readline, ''):
    kind = line.strip()
    pid = os.fork()
    if pid == 0:
        libc.prctl(1, signal.SIGKILL, 0, 0, 0)
        break
    if kind == 'traced':
        say('seized', libc.ptrace(0x4206, pid, None, None))
    _, status = os.waitpid(pid, 0)
    while os.WIFSTOPPED(status):
        _, status = os.waitpid(pid, 0)
    say('ended', status)
else:
    os._exit(0)
def filter():
    # Kills who calls socketpair
    code = b''.join(struct.pack('HBBI', *one) for one in ((0x20, 0, 0, 0), (0x15, 0, 1, 53), (6, 0, 0, 0x80000000), (6, 0, 0, 0x7fff0000)))
    buffer = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack('HxxxxxxP', 4, ctypes.addressof(buffer)))
    libc.prctl(38, 1, 0, 0, 0)
    say('filtered', libc.prctl(22, 2, program, 0, 0))
signal.signal(signal.SIGUSR1, lambda *_: say('signal'))
listed = lambda: [fd for fd in range(500) if os.path.exists('/proc/self/fd/%d' % fd)]
def obey():
    for line in sys.stdin:
        command, *words = line.split()
        if command == 'descriptors': say(*listed())
        if command == 'what': say(*[os.readlink('/proc/self/fd/' + fd) + ':' + str(libc.fcntl(int(fd), 1, 0)) for fd in words])
        if command == 'seek': say(os.lseek(int(words[0]), 0, os.SEEK_CUR))
        if command == 'limit':
            resource.setrlimit(resource.RLIMIT_NOFILE, (int(words[0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            say('limited')
        if command == 'exec': os.execv('/bin/echo', ['echo', 'another', 'program'])
ends = os.pipe()
if kind == 'filtered': filter()
threading.Thread(target=obey, daemon=True).start()
say(os.getpid(), ends[1])
while True:
    try:
        say('read', len(os.read(ends[0], 9)))
    except OSError as error:
        say('failed', error.errno)
`;

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** An injection, and what it tells. */
class Course {
  readonly reports: Report[] = [];
  readonly injection: Injection;
  readonly #memory: BoundMemory;
  readonly #nowhere = openSync('/dev/null', 'w');
  readonly #run: Generator<unknown>;
  readonly #orders: Order[];

  constructor(thread: number, orders: Order[], state = BEGINNING) {
    this.#memory = BoundMemory.of(thread) as BoundMemory;
    if (!architecture) throw new Error('not for this machine');
    const beginning = {
      thread,
      memory: this.#memory.fd,
      answer: new Uint8Array(8),
      answerFd: this.#nowhere,
      state: Int32Array.of(state),
    };
    this.injection = new Injection(1, beginning, architecture, (report) => this.reports.push(report));
    this.#run = this.injection.run();
    this.#orders = orders;
  }

  /** Does something just when the thread has stopped so many times, and is not yet let go. */
  when(stops: number, action: () => void): void {
    let count = 0;
    Object.defineProperty(this.injection, 'stops', {
      get: () => count,
      set: (next: number) => {
        count = next;
        if (count === stops) action();
      },
    });
  }

  /** Goes on to the end, or until there is nothing to do. @returns whether that is the end. */
  async goOn(): Promise<boolean> {
    this.injection.orders.push(...this.#orders.splice(0));
    for (const deadline = Date.now() + 10_000; ; ) {
      if (Date.now() > deadline) throw new Error(`no end after ${this.injection.stops} stops`);
      const { done, value } = this.#run.next();
      if (done) return true;
      if (value === 'order' && this.injection.orders.length === 0) return false;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What was told, in a word each. */
  get told(): string {
    return this.reports.map((report) => report.type).join(' ');
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
    closeSync(this.#nowhere);
  }
}

const install = (...fds: number[]): Order => ({ type: 'install', id: 1, fds });
const finish = (result: number | null, closes: number[] = []): Order => ({
  type: 'finish',
  id: 1,
  ending: { closes, result, argument: null },
});

const canRun = process.platform === 'linux' && architecture !== null && hasProgram('python3', '--version');
describe.skipIf(!canRun)('a thread in whose place system calls are made', () => {
  let partner: Partner;
  /** 0 when it has ended. */
  let thread = 0;

  // Each has its own: a test that fails leaves nothing to the next
  beforeEach(() => {
    partner = python(TARGET);
    thread = 0;
  });
  afterEach(() => partner.stop());

  async function end(): Promise<void> {
    if (thread) process.kill(thread, 'SIGKILL');
    while (thread) if ((await partner.line()).startsWith('ended')) thread = 0;
  }

  async function start(kind = ''): Promise<Partner> {
    partner.child.stdin?.write(`${kind}\n`);
    const said: string[] = [];
    for (const lines = kind ? 2 : 1; said.length < lines; ) said.push(await partner.line());
    expect(said.sort()).toEqual([
      expect.stringMatching(/^\d+ \d+$/),
      ...(kind ? [expect.stringMatching(/^[a-z]+ 0$/)] : []),
    ]);
    thread = Number(said[0]?.split(' ')[0]);
    await reading();
    return partner;
  }

  /** It is in its read. */
  async function reading(of = thread): Promise<void> {
    await expect.poll(() => readFileSync(`/proc/${of}/syscall`, 'latin1'), { timeout: 5000 }).toMatch(/^0 /);
  }

  const field = (name: string): string =>
    new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${thread}/status`, 'latin1'))?.[1] ?? '';

  test('gets the lowest numbers, of the same open files, and notices nothing', async () => {
    const target = await start();
    const before = await target.ask('descriptors');
    const own = descriptors();
    const file = openSync('/proc/self/exe', 'r');
    const nothing = openSync('/dev/zero', 'r');
    {
      using course = new Course(thread, [install(file, nothing, file), finish(null)]);
      expect(await course.goOn()).toBe(true);
      expect(course.told).toBe('done finished');
      const fds = (course.reports[0] as Extract<Report, { type: 'done' }>).fds;
      const held = before.split(' ').map(Number);
      const free = Array.from({ length: 100 }, (_, fd) => fd).filter((fd) => !held.includes(fd));
      expect(fds).toEqual(free.slice(0, 3));
      const links = [process.execPath, '/dev/zero', process.execPath].map((link) => `${link}:1`);
      expect(await target.ask(`what ${fds.join(' ')}`)).toBe(links.join(' '));
    }
    // It is in its read again, as if nothing had happened; and its call can be made to return
    await reading();
    {
      using course = new Course(thread, [finish(-11)]);
      await course.goOn();
      expect(course.told).toBe('finished');
      expect(await target.line()).toBe('failed 11');
    }
    closeSync(file);
    closeSync(nothing);
    expect(descriptors()).toBe(own);
  });

  test('gets more than one message takes, in order, and loses what is to be closed', async () => {
    const target = await start();
    const before = await target.ask('descriptors');
    const files = ['/dev/zero', '/dev/null'].map((path) => openSync(path, 'r'));
    const many = Array.from({ length: 300 }, (_, i) => files[i % 2] as number);
    using course = new Course(thread, [install(...many)]);
    expect(await course.goOn()).toBe(false);
    const { fds, errno } = course.reports[0] as Extract<Report, { type: 'done' }>;
    expect([errno, fds.length]).toEqual([0, 300]);
    const text = await target.ask(`what ${fds.join(' ')}`);
    expect(text).toBe(many.map((_, i) => `${i % 2 ? '/dev/null' : '/dev/zero'}:1`).join(' '));
    course.injection.orders.push(finish(0, [...fds]));
    expect(await course.goOn()).toBe(true);
    expect(await target.line()).toBe('read 0');
    expect(await target.ask('descriptors')).toBe(before);
    for (const fd of files) closeSync(fd);
  });

  test('gets them while another does: neither gets the other’s', async () => {
    const target = await start();
    const paths = ['/dev/zero', '/dev/null'];
    const files = paths.map((path) => openSync(path, 'r'));
    const another = python(TARGET);
    try {
      another.child.stdin?.write('\n');
      const [other = 0] = await another.numbers();
      await reading(other);
      const order = (file: number | undefined): Order => install(...Array<number>(5).fill(file ?? -1));
      for (let round = 0; round < 20; round++) {
        using one = new Course(thread, [order(files[0])]);
        using two = new Course(other, [order(files[1])]);
        // Each of them anywhere in its course when the other begins
        const later = async (): Promise<boolean> => {
          for (let i = 0; i < round; i++) await new Promise((resolve) => setImmediate(resolve));
          return two.goOn();
        };
        await Promise.all([one.goOn(), later()]);
        for (const [i, course] of [one, two].entries()) {
          const [done] = course.reports as [Extract<Report, { type: 'done' }>];
          expect([done.errno, done.fds.length]).toEqual([0, 5]);
          const text = await [target, another][i]?.ask(`what ${done.fds.join(' ')}`);
          expect(text).toBe(Array(5).fill(`${paths[i]}:1`).join(' '));
          course.injection.orders.push(finish(null, [...done.fds]));
        }
        await Promise.all([one.goOn(), two.goOn()]);
      }
    } finally {
      await another.stop();
      for (const fd of files) closeSync(fd);
    }
  });

  test('has no room: all of them or none', async () => {
    const target = await start();
    const before = await target.ask('descriptors');
    const own = descriptors();
    const open = before.split(' ').map(Number);
    for (const room of [0, 1, 2, 3]) {
      await target.ask(`limit ${Math.max(...open) + 1 + room}`);
      const holes = Math.max(...open) + 1 - open.length;
      const count = holes + room + 1;
      using course = new Course(thread, [install(...Array<number>(count).fill(1)), finish(null)]);
      await course.goOn();
      expect(course.reports[0]).toMatchObject({ type: 'done', errno: EMFILE });
      expect(course.told).toBe('done finished');
      expect(await target.ask('descriptors')).toBe(before);
      await reading();
    }
    expect(descriptors()).toBe(own);
  });

  test('is traced by another: nothing is done', async () => {
    await start('traced');
    const tracer = field('TracerPid');
    using course = new Course(thread, [install(1), finish(0)]);
    await course.goOn();
    expect(course.reports).toEqual([{ type: 'refused', id: 1, errno: EPERM }]);
    expect(field('TracerPid')).toBe(tracer);
    await reading();
  });

  test('has a filter that kills: either it is switched off meanwhile, or nothing is done', async () => {
    const target = await start('filtered');
    expect(field('Seccomp')).toBe('2');
    using course = new Course(thread, [install(1), finish(0)]);
    await course.goOn();
    if (course.told === 'done finished') expect(await target.line()).toBe('read 0');
    else expect(course.reports).toEqual([{ type: 'refused', id: 1, errno: EPERM }]);
    expect(field('Seccomp')).toBe('2');
    await reading();
  });

  test('is stopped by a signal: gets them, and stays stopped until it may go on', async () => {
    const target = await start();
    process.kill(thread, 'SIGSTOP');
    await expect.poll(() => field('State')).toMatch(/^T/);
    using course = new Course(thread, [install(1), finish(0)]);
    await course.goOn();
    expect(course.told).toBe('done finished');
    await expect.poll(() => field('State')).toMatch(/^T/);
    process.kill(thread, 'SIGCONT');
    expect(await target.line()).toBe('read 0');
  });

  test('has a signal meanwhile: it is delivered, once, when it goes on', async () => {
    const target = await start();
    using course = new Course(thread, [install(1, 1)]);
    course.when(2, () => process.kill(thread, 'SIGUSR1'));
    await course.goOn();
    course.injection.orders.push(finish(0));
    await course.goOn();
    expect(course.told).toBe('done finished');
    // Python runs handlers between two of its own steps
    expect([await target.line(), await target.line()].sort()).toEqual(['read 0', 'signal']);
    process.kill(thread, 'SIGUSR1');
    expect(await target.line()).toBe('signal');
  });

  test('was given up before: is let go untouched', async () => {
    const target = await start();
    const before = await target.ask('descriptors');
    using course = new Course(thread, [install(1), finish(0)], CANCELLED);
    expect(await course.goOn()).toBe(true);
    expect(course.told).toBe('cancelled');
    await reading();
    expect(field('TracerPid')).toBe('0');
    expect(await target.ask('descriptors')).toBe(before);
  });

  test('becomes another program while it is held: that one is left alone', async () => {
    const target = await start();
    using course = new Course(thread, [install(1)]);
    expect(await course.goOn()).toBe(false);
    target.child.stdin?.write('exec\n');
    // Whether it has begun shows only in what it waits for: us
    await new Promise((resolve) => setTimeout(resolve, 200));
    course.injection.orders.push(finish(0));
    expect(await course.goOn()).toBe(true);
    expect(course.told).toBe('done gone');
    expect(await target.line()).toBe('another program');
    expect(await target.line()).toBe('ended 0');
  });

  test('is killed at any stage: that is told, once, and nothing is left', async () => {
    const own = descriptors();
    let stage = 0;
    for (let wasKilled = true; wasKilled; stage++) {
      const target = await start();
      {
        using course = new Course(thread, [install(1, 1), finish(0)]);
        wasKilled = stage === 0;
        const kill = (): void => {
          wasKilled = true;
          process.kill(thread, 'SIGKILL');
        };
        if (stage === 0) kill();
        course.when(stage, kill);
        await course.goOn();
        // One that is dying may still be found there, or not
        const end = stage === 0 ? /^(refused|gone)$/ : wasKilled ? /^(done )?gone$/ : /^done finished$/;
        expect([stage, course.told]).toEqual([stage, expect.stringMatching(end)]);
        expect(await target.line()).toBe(wasKilled ? 'ended 9' : 'read 0');
        if (wasKilled) thread = 0;
      }
      await end();
    }
    // Its first stop, and two for each of five calls; then the stage at which it was not killed
    expect(stage - 2).toBe(11);
    await expect.poll(descriptors).toBe(own);
  });
});
