// A process that does what a test tells it to: opens devices, makes ioctls in threads of its own, reads and writes its
// memory. Plain JavaScript, so that it runs from the source tree; test/support/mount-world.ts is its other half.
//
//   test ──IPC──> main thread of the puppet ──MessagePort──> its threads (Workers), each of which blocks in its ioctls
//
// Each request has a `serial`; its answer has the same, with `result` or `error`. What is to be written to memory comes
// along with the next request as `writes`.

import { Buffer } from 'node:buffer';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import process from 'node:process';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import koffi from 'koffi';

const libc = koffi.load(null);
const mmap = libc.func('int64_t mmap(uint64_t, uint64_t, int, int, int, int64_t)');
const munmap = libc.func('int munmap(uint64_t, uint64_t)');
const ioctl = libc.func('int ioctl(int, uint64_t, uint64_t)');
const poll = libc.func('int poll(void *, uint64_t, int)');
const dup = libc.func('int dup(int)');
const sigaction = libc.func('int sigaction(int, void *, void *)');
const getrlimit = libc.func('int getrlimit(int, void *)');
const setrlimit = libc.func('int setrlimit(int, void *)');
const tgkill = libc.func('int tgkill(int, int, int)');
const gettid = libc.func('int gettid()');

const PAGE = 4096;
const PROT_NONE = 0;
const PROT_READ = 1;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const POLLIN = 1;
const EINTR = 4;
const SIGUSR2 = 12;
const RLIMIT_NOFILE = 7;
/** What the files of tests are called, for as long as they have a name. */
const FILE_NAME = 'ubinder-test-file';

function failed(what) {
  return new Error(`${what}: errno ${koffi.errno()}`);
}

function memory(address, length) {
  return new Uint8Array(koffi.view(address, length));
}

/** What /proc says about a descriptor; `null` when it is not open. */
function lookAt(fd) {
  try {
    return {
      link: readlinkSync(`/proc/self/fd/${fd}`),
      info: readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'),
    };
  } catch {
    return null;
  }
}

/** New memory behind which a byte faults. @returns its address. */
function mapHeap(size) {
  const address = mmap(0, size + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address === -1) throw failed('mmap');
  const MAP_FIXED = 0x10;
  const heap = mmap(address, size, PROT_READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (heap === -1) throw failed('mmap');
  return heap;
}

if (isMainThread) runMain();
else runThread();

function runMain() {
  /** Threads by name. */
  const threads = new Map();
  /** Who waits for what a thread answers, by serial. */
  const answers = new Map();

  const requests = {
    open({ device, nonBlocking, mapSize, heapSize }) {
      const O_RDWR = 2;
      const O_NONBLOCK = 0x800;
      const fd = openSync(device, O_RDWR | (nonBlocking ? O_NONBLOCK : 0));
      let mapping = 0;
      if (mapSize > 0) {
        mapping = mmap(0, mapSize, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
        if (mapping === -1) throw failed('mmap of the device');
      }
      return { fd, mapping, heap: mapHeap(heapSize), pid: process.pid };
    },
    addDevice({ control, name }) {
      const BINDER_CTL_ADD = 0xc1086201;
      const fd = openSync(control, 0);
      const argument = Buffer.alloc(264);
      argument.write(name);
      const heap = mapHeap(PAGE);
      memory(heap, PAGE).set(argument);
      if (ioctl(fd, BINDER_CTL_ADD, heap) !== 0) throw failed('BINDER_CTL_ADD');
      closeSync(fd);
    },
    close({ fd, mapping, mapSize }) {
      closeSync(fd);
      if (mapping !== 0) munmap(mapping, mapSize);
    },
    unmap({ mapping, mapSize }) {
      if (munmap(mapping, mapSize) !== 0) throw failed('munmap');
    },
    openFile({ content }) {
      const path = `${tmpdir()}/${FILE_NAME}-${process.pid}`;
      const fd = openSync(path, 'wx+');
      unlinkSync(path);
      writeSync(fd, content);
      return fd;
    },
    fileContent({ fd }) {
      if (!lookAt(fd)?.link.includes(FILE_NAME)) return null;
      const content = Buffer.alloc(256);
      return content.toString('utf8', 0, readSync(fd, content, 0, content.length, 0));
    },
    closesOnExec({ fd }) {
      const O_CLOEXEC = 0o2000000;
      const [, flags] = /^flags:\s*([0-7]+)/m.exec(lookAt(fd)?.info ?? '') ?? [];
      return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
    },
    closeFile({ fd }) {
      closeSync(fd);
    },
    files() {
      const fds = readdirSync('/proc/self/fd').map(Number);
      return fds.filter((fd) => lookAt(fd)?.link.includes(FILE_NAME));
    },
    limitFiles({ count }) {
      const limits = new BigUint64Array(2);
      if (getrlimit(RLIMIT_NOFILE, limits) !== 0) throw failed('getrlimit');
      limits[0] = limits[1];
      if (count !== null) {
        const used = new Set(readdirSync('/proc/self/fd').map(Number).filter(lookAt));
        let fd = 0;
        for (let free = 0; used.has(fd) || free++ < count; fd++);
        limits[0] = BigInt(fd);
      }
      if (setrlimit(RLIMIT_NOFILE, limits) !== 0) throw failed('setrlimit');
    },
    closeDuplicate({ fd }) {
      const copy = dup(fd);
      if (copy === -1) throw failed('dup');
      closeSync(copy);
    },
    read({ address, length }) {
      return memory(address, length).slice();
    },
    setUser({ euid }) {
      process.seteuid(euid);
    },
    thread({ name }) {
      const known = threads.get(name);
      if (known) return known.tid;
      const worker = new Worker(new URL(import.meta.url));
      const thread = { worker, tid: 0 };
      threads.set(name, thread);
      worker.on('error', (error) => {
        throw error;
      });
      worker.on('message', ({ serial, ...answer }) => {
        answers.get(serial)?.(answer);
        answers.delete(serial);
      });
      return new Promise((resolve) => {
        answers.set('hello', ({ result }) => {
          thread.tid = result;
          resolve(result);
        });
      });
    },
    inThread({ serial, name, request }) {
      return new Promise((resolve, reject) => {
        answers.set(serial, ({ result, error }) => (error ? reject(new Error(error)) : resolve(result)));
        threads.get(name).worker.postMessage({ serial, ...request });
      });
    },
    interrupt({ name }) {
      catchSignals();
      if (tgkill(process.pid, threads.get(name).tid, SIGUSR2) !== 0) throw failed('tgkill');
    },
  };

  process.on('message', async ({ serial, what, writes = [], ...request }) => {
    try {
      for (const { address, bytes } of writes) memory(address, bytes.length).set(bytes);
      process.send({ serial, result: await requests[what]({ serial, ...request }) });
    } catch (error) {
      process.send({ serial, error: error.message });
    }
  });
  process.on('disconnect', () => process.exit());
  process.send({ serial: 0 });
}

/** A handler that does nothing and does not restart system calls: abs(3) is harmless in a signal handler. */
let catchesSignals = false;
function catchSignals() {
  if (catchesSignals) return;
  catchesSignals = true;
  // struct sigaction of 64-bit glibc: handler, 128 bytes of mask, flags.
  const action = Buffer.alloc(152);
  action.writeBigUInt64LE(BigInt(koffi.address(libc.symbol('abs', 'void *'))), 0);
  if (sigaction(SIGUSR2, action, null) !== 0) throw failed('sigaction');
}

function runThread() {
  const argument = mapHeap(PAGE);
  const requests = {
    ioctl({ fd, command, bytes, readBack }) {
      memory(argument, PAGE).set(bytes);
      const errno = ioctl(fd, command, argument) === -1 ? koffi.errno() : 0;
      const read = readBack ? memory(readBack.address, readBack.length).slice() : null;
      return { errno, bytes: memory(argument, bytes.length).slice(), read };
    },
    poll({ fd }) {
      const entry = Buffer.alloc(8);
      entry.writeInt32LE(fd, 0);
      entry.writeInt16LE(POLLIN, 4);
      while (poll(entry, 1, 0) === -1) if (koffi.errno() !== EINTR) throw failed('poll');
      return entry.readInt16LE(6) !== 0;
    },
  };
  parentPort.on('message', ({ serial, what, ...request }) => {
    try {
      parentPort.postMessage({ serial, result: requests[what](request) });
    } catch (error) {
      parentPort.postMessage({ serial, error: error.message });
    }
  });
  parentPort.postMessage({ serial: 'hello', result: gettid() });
}
