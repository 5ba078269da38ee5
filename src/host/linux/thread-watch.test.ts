import { accessSync, constants, readdirSync, readlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { areaBytesInUse } from './area.ts';
import { compile, hasProgram, Partner, python, until } from './partner.test-support.ts';
import { openThread, PROBE_INTERVAL, ThreadWatch } from './thread-watch.ts';

/**
 * `start` makes a thread and says its id; `end N` ends it; `again N` makes one with the id N and says it, or 0. With an
 * argument the main thread leaves.
 */
const THREADS = `
import ctypes, sys, threading, time
ends = {}
def stay():
    tid = threading.get_native_id()
    end = ends[tid] = threading.Event()
    print(tid, flush=True)
    end.wait()
def again(tid):
    for attempt in range(100):
        made = []
        known = threading.Event()
        def body():
            made.append(threading.get_native_id())
            known.set()
            if made[0] == tid: threading.Event().wait()
        with open('/proc/sys/kernel/ns_last_pid', 'w') as last: last.write(str(tid - 1))
        threading.Thread(target=body, daemon=True).start()
        known.wait()
        if made[0] == tid: return tid
    return 0
def obey():
    for line in sys.stdin:
        word, *rest = line.split()
        if word == 'start': threading.Thread(target=stay, daemon=True).start()
        if word == 'again': print(again(int(rest[0])), flush=True)
        if word == 'end': ends.pop(int(rest[0])).set()
threading.Thread(target=obey).start()
if len(sys.argv) > 1:
    time.sleep(0.2)
    ctypes.CDLL(None).pthread_exit(None)
`;

/** A second thread that replaces the process by execve: the main thread ends, and the second gets its id. */
const EXEC_FROM_THREAD = `
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *replace(void *unused) {
  char line[8];
  printf("%d\\n", gettid());
  fflush(stdout);
  if (read(0, line, sizeof line) > 0)
    execlp("sh", "sh", "-c", "echo replaced; exec cat", NULL);
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, replace, NULL);
  pthread_join(thread, NULL);
}
`;

afterEach(() => {
  expect(areaBytesInUse()).toBe(0);
  expect(threadDescriptors()).toBe(0);
});

function threadDescriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /pidfd|eventpoll|^\/proc\/\d+$/.test(readlinkSync(`/proc/self/fd/${fd}`)) && !ours.has(fd);
    } catch {
      return false;
    }
  }).length;
}

/** Descriptors that Node.js has: its event loops. */
const ours = new Set(readdirSync('/proc/self/fd'));

function kernelTells(): boolean {
  using watch = new ThreadWatch();
  if (!watch.isTold) console.warn('SKIPPED: tests of PIDFD_THREAD (Linux 6.9), which this kernel lacks');
  return watch.isTold;
}

const hasPython = hasProgram('python3', '--version');
const ways = [
  { way: 'told by the kernel', allowTold: true, canRun: hasPython && kernelTells() },
  { way: 'looking in rounds', allowTold: false, canRun: hasPython },
];

describe.each(ways.filter((way) => way.canRun))('ThreadWatch, $way', ({ allowTold }) => {
  /** Polls until all of `expected` were told; nothing else may be. */
  async function untilTold<T>(watch: ThreadWatch<T>, ...expected: T[]): Promise<void> {
    const told: T[] = [];
    await until(`the end of ${expected}`, () => {
      told.push(...watch.poll());
      return told.length >= expected.length;
    });
    expect(told.sort()).toEqual(expected.sort());
  }

  it('tells of threads that end, once', async () => {
    await using partner = python(THREADS);
    using watch = new ThreadWatch<string>(allowTold);
    const [a, b] = [Number(await partner.ask('start')), Number(await partner.ask('start'))];
    expect(watch.watch(a, 'a')).toBe(true);
    expect(watch.watch(b, 'b')).toBe(true);
    expect(watch.size).toBe(2);
    expect(watch.poll()).toEqual([]);
    expect(watch.needsRounds).toBe(!allowTold);
    partner.child.stdin?.write(`end ${a}\n`);
    await untilTold(watch, 'a');
    expect(watch.size).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 2 * PROBE_INTERVAL));
    expect(watch.poll()).toEqual([]);
    partner.child.stdin?.write(`end ${b}\n`);
    await untilTold(watch, 'b');
    expect(watch.size).toBe(0);
    expect(watch.needsRounds).toBe(false);
  });

  it('tells of all threads when the process is killed', async () => {
    const partner = python(THREADS);
    using watch = new ThreadWatch<number>(allowTold);
    const tids = [partner.pid];
    for (let i = 0; i < 100; i++) tids.push(Number(await partner.ask('start')));
    for (const tid of tids) expect(watch.watch(tid, tid)).toBe(true);
    expect(watch.poll()).toEqual([]);
    await partner.stop();
    await untilTold(watch, ...tids);
    expect(watch.size).toBe(0);
  });

  it('tells of a main thread that leaves while others stay', async () => {
    await using partner = python(THREADS, 'leave');
    using watch = new ThreadWatch<string>(allowTold);
    const other = Number(await partner.ask('start'));
    expect(watch.watch(partner.pid, 'main')).toBe(true);
    expect(watch.watch(other, 'other')).toBe(true);
    expect(watch.needsRounds).toBe(true);
    await untilTold(watch, 'main');
    expect(watch.size).toBe(1);
  });

  it('watches one thread for several tokens', async () => {
    await using partner = python(THREADS);
    using watch = new ThreadWatch<string>(allowTold);
    const tid = Number(await partner.ask('start'));
    for (const token of ['a', 'b', 'c', 'd']) expect(watch.watch(tid, token)).toBe(true);
    expect(watch.size).toBe(1);
    expect(threadDescriptors()).toBe(2);
    watch.unwatch(tid, 'b');
    watch.unwatch(tid, 'unknown');
    watch.unwatch(1, 'a');
    partner.child.stdin?.write(`end ${tid}\n`);
    await untilTold(watch, 'a', 'c', 'd');
  });

  it('tells nothing that was taken back', async () => {
    await using partner = python(THREADS);
    using watch = new ThreadWatch<string>(allowTold);
    const tid = Number(await partner.ask('start'));
    watch.watch(tid, 'a');
    watch.unwatch(tid, 'a');
    watch.unwatch(tid, 'a');
    expect(watch.size).toBe(0);
    partner.child.stdin?.write(`end ${tid}\n`);
    await new Promise((resolve) => setTimeout(resolve, 3 * PROBE_INTERVAL));
    expect(watch.poll()).toEqual([]);
  });

  it('cannot watch what is gone', async () => {
    const partner = python(THREADS);
    const tid = Number(await partner.ask('start'));
    await partner.stop();
    using watch = new ThreadWatch<string>(allowTold);
    expect(watch.watch(tid, 'a')).toBe(false);
    expect(watch.size).toBe(0);
  });

  it('notices an end at the next watch', async () => {
    await using partner = python(THREADS);
    using watch = new ThreadWatch<string>(allowTold);
    const tid = Number(await partner.ask('start'));
    expect(watch.watch(tid, 'old')).toBe(true);
    partner.child.stdin?.write(`end ${tid}\n`);
    await until('the end of the thread', () => !existsThread(partner.pid, tid));
    // Nobody has the id now, so the new one cannot be watched
    expect(watch.watch(tid, 'new')).toBe(false);
    expect(watch.needsRounds).toBe(true);
    expect(watch.poll()).toEqual(['old']);
  });

  it.skipIf(!canChooseIds())('is not taken in by an id that is used again', async () => {
    await using partner = python(THREADS);
    using watch = new ThreadWatch<string>(allowTold);
    const tid = Number(await partner.ask('start'));
    expect(watch.watch(tid, 'old')).toBe(true);
    partner.child.stdin?.write(`end ${tid}\n`);
    await until('the end of the thread', () => !existsThread(partner.pid, tid));
    expect(Number(await partner.ask(`again ${tid}`))).toBe(tid);
    expect(watch.watch(tid, 'new')).toBe(true);
    expect(watch.poll()).toEqual(['old']);
    await partner.stop();
    await untilTold(watch, 'new');
  });

  it.skipIf(!canChooseIds())('tells of the end of a thread whose id is used again', async () => {
    await using partner = python(THREADS);
    using watch = new ThreadWatch<string>(allowTold);
    const tid = Number(await partner.ask('start'));
    expect(watch.watch(tid, 'old')).toBe(true);
    partner.child.stdin?.write(`end ${tid}\n`);
    await until('the end of the thread', () => !existsThread(partner.pid, tid));
    expect(Number(await partner.ask(`again ${tid}`))).toBe(tid);
    await untilTold(watch, 'old');
    expect(watch.size).toBe(0);
  });

  it.skipIf(!hasProgram('gcc', '--version'))(
    'follows execve by another thread than the main one',
    async () => {
      using program = compile(EXEC_FROM_THREAD);
      await using partner = new Partner(program.path);
      using watch = new ThreadWatch<string>(allowTold);
      const [tid] = (await partner.numbers()) as [number];
      watch.watch(partner.pid, 'main');
      watch.watch(tid, 'second');
      expect(await partner.ask('go')).toBe('replaced');
      // The id of the main thread lives on
      await untilTold(watch, 'second');
      await new Promise((resolve) => setTimeout(resolve, 2 * PROBE_INTERVAL));
      expect(watch.poll()).toEqual([]);
      await partner.stop();
      await untilTold(watch, 'main');
    },
  );

  it('closes everything when disposed, twice', async () => {
    await using partner = python(THREADS);
    const watch = new ThreadWatch<string>(allowTold);
    watch.watch(partner.pid, 'a');
    watch.watch(Number(await partner.ask('start')), 'b');
    expect(threadDescriptors()).toBe(3);
    watch[Symbol.dispose]();
    watch[Symbol.dispose]();
    expect(threadDescriptors()).toBe(0);
  });
});

describe('openThread', () => {
  it('says ESRCH for a thread that is not there', async () => {
    const partner = new Partner('sleep', ['60']);
    const { pid } = partner;
    await partner.stop();
    const fd = openThread(pid);
    expect([-3, -22]).toContain(fd);
  });
});

function existsThread(pid: number, tid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).includes(String(tid));
}

/** Asks for the next id that the kernel gives; it may still give another when others start threads, too. */
function canChooseIds(): boolean {
  try {
    accessSync('/proc/sys/kernel/ns_last_pid', constants.W_OK);
    return true;
  } catch {
    console.warn('SKIPPED: tests of ids used again, which need to write /proc/sys/kernel/ns_last_pid');
    return false;
  }
}
