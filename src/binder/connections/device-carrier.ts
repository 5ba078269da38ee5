import {
  BINDER_CURRENT_PROTOCOL_VERSION,
  BINDER_FREEZE,
  BINDER_VERSION,
  BINDER_WRITE_READ,
} from '../../abi/binder.ts';
import { EINTR } from '../../abi/errno.ts';
import type { MappedArea } from '../../host/linux/area.ts';
import { DeviceFile } from '../../host/linux/device-file.ts';
import { BinderError } from '../parcel/errors.ts';
import type { BinderThread, Carrier, CarrierFiles, Commands, ThreadEvents } from '../runtime/seam.ts';
import { DeviceFiles } from './device-files.ts';
import { ThreadMemory } from './thread-memory.ts';
import { WorkerThread } from './worker-thread.ts';

/** Bytes that a mapping has by libbinder's default: 1 MiB less two pages. */
const MAPPING_SIZE = 1024 * 1024 - 8192;
/** libbinder's default for processes that do not say: 15 besides the first. */
const MAX_THREADS = 15;
const MAX_CALLERS = 16;
/** Milliseconds; the timer that keeps the process alive has nothing to do. */
const FOREVER = 0x7fff_ffff;

/** A Binder device, the kernel's or any other: each Binder thread is a Worker that sleeps in its ioctls. */
export class DeviceCarrier implements Carrier {
  readonly identity: { readonly pid: number; readonly uid: number } = {
    pid: process.pid,
    uid: process.geteuid?.() ?? 0,
  };
  readonly maxThreads = MAX_THREADS;
  readonly maxCallers = MAX_CALLERS;
  readonly files: CarrierFiles = new DeviceFiles();
  readonly #device: DeviceFile;
  readonly #mapping: MappedArea;
  /** Of the event loop's thread, which sleeps in no ioctl. */
  readonly #memory = new ThreadMemory();
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  readonly #threads = new Set<WorkerThread>();
  readonly #alive: NodeJS.Timeout;
  #isClosed = false;

  /** @throws BinderError BAD_VALUE when it is no Binder device; Node's own errors and SystemCallError when it cannot be opened. */
  constructor(path: string) {
    this.#device = new DeviceFile(path);
    try {
      checkVersion(this.#device);
      this.#mapping = this.#device.map(MAPPING_SIZE);
    } catch (error) {
      this.#device.close();
      throw error;
    }
    this.#alive = setInterval(() => {}, FOREVER).unref();
    open.add(this);
    if (open.size === 1) process.on('exit', endAll);
    this.#listen();
  }

  ioctl(command: number, argument: Uint8Array): number | Promise<number> {
    if (command !== BINDER_FREEZE) return this.#device.ioctl(command, argument);
    return this.#ioctlThatSleeps(command, argument);
  }

  async #ioctlThatSleeps(command: number, argument: Uint8Array): Promise<number> {
    const thread = this.#openWorker(NO_EVENTS);
    const errno = await thread.ioctl(command, argument);
    if (!this.#isClosed) thread.exit();
    return errno;
  }

  write(commands: Commands): void {
    const memory = this.#memory;
    memory.write(commands);
    memory.prepare(0);
    let errno: number;
    do errno = this.#device.ioctlAt(BINDER_WRITE_READ, memory.address);
    while (errno === EINTR);
    memory.finish();
  }

  openThread(events: ThreadEvents): BinderThread {
    return this.#openWorker(events);
  }

  #openWorker(events: ThreadEvents): WorkerThread {
    const thread = new WorkerThread(this.#device.fd, this.#bell, events, (ended) => {
      this.#threads.delete(ended);
    });
    this.#threads.add(thread);
    return thread;
  }

  view(address: number, length: number): Uint8Array {
    const at = address - this.#mapping.address;
    return this.#mapping.bytes.subarray(at, at + length);
  }

  keepAlive(isNeeded: boolean): void {
    if (isNeeded) this.#alive.ref();
    else this.#alive.unref();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    open.delete(this);
    if (open.size === 0) process.off('exit', endAll);
    clearInterval(this.#alive);
    this.letEnd();
    // The number of the descriptor must not become another file's while a thread could still use it.
    void Promise.all([...this.#threads].map((thread) => thread.end())).then(() => {
      this.#mapping.release();
      this.#memory.release();
      this.#device.close();
    });
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
  }

  /** Lets the threads end by themselves: those that sleep in an ioctl too. */
  letEnd(): void {
    for (const thread of this.#threads) thread.letEnd();
    this.#device.flush();
  }

  /** Delivers what threads have done, for ever. The first call's asynchronous context is that of all. */
  readonly #listen = (): void => {
    for (;;) {
      const seen = Atomics.load(this.#bell, 0);
      for (const thread of this.#threads) {
        if (this.#isClosed) return;
        thread.deliver();
      }
      const { async, value } = waitAsync(this.#bell, 0, seen);
      if (async) return void value.then(this.#listen);
    }
  };
}

const NO_EVENTS: ThreadEvents = { returned() {}, failed() {} };

/** Node.js has had it since version 16, TypeScript's library for es2024. */
const { waitAsync } = Atomics as unknown as {
  waitAsync(
    words: Int32Array,
    at: number,
    expected: number,
  ): { async: true; value: Promise<string> } | { async: false; value: string };
};

function checkVersion(device: DeviceFile): void {
  const version = new Int32Array(1);
  const errno = device.ioctl(BINDER_VERSION, new Uint8Array(version.buffer));
  if (errno !== 0) {
    throw new BinderError('BAD_VALUE', `Cannot connect: ${device.path} is no Binder device (errno ${errno})`);
  }
  if (version[0] === BINDER_CURRENT_PROTOCOL_VERSION) return;
  throw new BinderError(
    'BAD_VALUE',
    `Cannot connect: ${device.path} speaks version ${version[0]} of the protocol, not ${BINDER_CURRENT_PROTOCOL_VERSION}`,
  );
}

/** Those that the end of the process must end: it waits for Workers, and a sleeping ioctl ends by itself only. */
const open = new Set<DeviceCarrier>();

function endAll(): void {
  for (const carrier of open) carrier.letEnd();
}
