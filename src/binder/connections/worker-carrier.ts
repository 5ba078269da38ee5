import { BINDER_WRITE_READ } from '../../abi/binder.ts';
import { EINTR } from '../../abi/errno.ts';
import type { DeviceFile } from '../../host/linux/device-file.ts';
import type { BinderThread, CarrierFiles, Commands, ThreadEvents, TurnBudget } from '../runtime/seam.ts';
import { DeviceCarrier } from './device-carrier.ts';
import { DeviceFiles } from './device-files.ts';
import { LoopBudget } from './loop-budget.ts';
import { ThreadMemory } from './thread-memory.ts';
import { waitAsync } from './wait-async.ts';
import { WorkerThread } from './worker-thread.ts';

/** libbinder's default for processes that do not say: 15 besides the first. */
const MAX_THREADS = 15;
const MAX_CALLERS = 16;
/** Milliseconds; the timer that keeps the process alive has nothing to do. */
const FOREVER = 0x7fff_ffff;

/** A Binder device, the kernel's or any other: each Binder thread is a Worker that sleeps in its ioctls. */
export class WorkerCarrier extends DeviceCarrier {
  readonly maxThreads = MAX_THREADS;
  readonly maxCallers = MAX_CALLERS;
  readonly files: CarrierFiles = new DeviceFiles();
  readonly budget: TurnBudget = new LoopBudget();
  /** Of the event loop's thread, which sleeps in no ioctl. */
  readonly #memory = new ThreadMemory();
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  readonly #threads = new Set<WorkerThread>();
  readonly #alive: NodeJS.Timeout;

  constructor(device: DeviceFile) {
    super(device);
    this.#alive = setInterval(() => {}, FOREVER).unref();
    open.add(this);
    if (open.size === 1) process.on('exit', endAll);
    this.#listen();
  }

  write(commands: Commands): void {
    const memory = this.#memory;
    memory.write(commands);
    memory.prepare(0);
    let errno: number;
    do errno = this.device.ioctlAt(BINDER_WRITE_READ, memory.address);
    while (errno === EINTR);
    memory.finish();
  }

  openThread(events: ThreadEvents): BinderThread {
    const thread = new WorkerThread(this.device.fd, this.#bell, events, (ended) => {
      this.#threads.delete(ended);
    });
    this.#threads.add(thread);
    return thread;
  }

  keepAlive(isNeeded: boolean): void {
    if (isNeeded) this.#alive.ref();
    else this.#alive.unref();
  }

  /** Lets the threads end by themselves: those that sleep in an ioctl too. */
  letEnd(): void {
    for (const thread of this.#threads) thread.letEnd();
    this.device.flush();
  }

  /** The number of the descriptor must not become another file's while a thread could still use it. */
  protected async end(): Promise<void> {
    open.delete(this);
    if (open.size === 0) process.off('exit', endAll);
    clearInterval(this.#alive);
    this.letEnd();
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
    await Promise.all([...this.#threads].map((thread) => thread.end()));
    this.#memory.release();
  }

  /** Delivers what threads have done, for ever. The first call's asynchronous context is that of all. */
  readonly #listen = (): void => {
    for (;;) {
      const seen = Atomics.load(this.#bell, 0);
      for (const thread of this.#threads) {
        if (this.isClosed) return;
        thread.deliver();
      }
      const { async, value } = waitAsync(this.#bell, 0, seen);
      if (async) return void value.then(this.#listen);
    }
  };
}

/** Those that the end of the process must end: it waits for Workers, and a sleeping ioctl ends by itself only. */
const open = new Set<WorkerCarrier>();

function endAll(): void {
  for (const carrier of open) carrier.letEnd();
}
