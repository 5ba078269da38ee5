import { Worker } from 'node:worker_threads';
import { BINDER_THREAD_EXIT, BINDER_WRITE_READ } from '../../abi/binder.ts';
import { EINTR, EIO } from '../../abi/errno.ts';
import { createArea } from '../../host/linux/area.ts';
import type { BinderThread, Commands, ThreadEvents } from '../runtime/seam.ts';
import { ThreadMemory } from './thread-memory.ts';
import {
  COMMAND,
  DONE,
  ENDING,
  GO,
  LAST,
  QUIET,
  READ_SIZE,
  RESULT,
  STARTED,
  type ThreadWorkerData,
  WORDS,
} from './thread-worker-data.ts';
import { waitAsync } from './wait-async.ts';

/** Megabytes of heap that the Worker of a thread may use; it uses next to none. */
const HEAP_LIMIT = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 };

/** Milliseconds to wait for a Worker to have loaded what it needs: beyond that it will not come. */
const START_LIMIT = 10_000;

/** The words of Workers that are not gone. */
const running = new Set<Int32Array>();

/**
 * The process ends, and Node.js ends its Workers wherever they are. One that is loading koffi then would end the process with
 * SIGABRT: N-API cannot throw in a thread that is being ended.
 */
const awaitStarts = (): void => {
  for (const words of running) Atomics.wait(words, STARTED, 0, START_LIMIT);
};

function startWorker(workerData: ThreadWorkerData): Worker {
  const { words } = workerData;
  if (running.size === 0) process.on('exit', awaitStarts);
  running.add(words);
  const worker = newWorker(workerData);
  worker.once('exit', () => {
    running.delete(words);
    if (running.size === 0) process.off('exit', awaitStarts);
  });
  return worker;
}

function newWorker(workerData: ThreadWorkerData): Worker {
  return new Worker(new URL('./thread-worker.js', import.meta.url), {
    workerData,
    execArgv: [],
    trackUnmanagedFds: false,
    resourceLimits: HEAP_LIMIT,
  });
}

/** Makes one ioctl that may sleep, in a thread of its own. @returns 0 or a positive errno; `argument` is changed in place */
export async function ioctlInWorker(fd: number, command: number, argument: Uint8Array): Promise<number> {
  using memory = createArea(argument.length);
  memory.bytes.set(argument);
  const words = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  Atomics.store(words, COMMAND, command | 0);
  Atomics.store(words, GO, 1);
  Atomics.store(words, LAST, 1);
  const bell = new Int32Array(new SharedArrayBuffer(4));
  const worker = startWorker({ fd, argument: memory.address, words, bell });
  const failure = await new Promise<unknown>((resolve) => {
    worker.once('error', resolve);
    worker.once('exit', () => resolve(null));
  });
  if (failure) return EIO;
  argument.set(memory.bytes.subarray(0, argument.length));
  return Atomics.load(words, RESULT);
}

/** A Binder thread that is an OS thread, in a Worker. It and the event loop take turns with the thread's memory. */
export class WorkerThread implements BinderThread {
  readonly #memory = new ThreadMemory();
  readonly #words = new Int32Array(new SharedArrayBuffer(4 * WORDS));
  readonly #worker: Worker;
  readonly #events: ThreadEvents;
  readonly #onEnd: (thread: WorkerThread) => void;
  #made = 0;
  #isBusy = false;
  #isExiting = false;

  /** @param bell - rung when it is done: {@link deliver} is to be called then */
  constructor(fd: number, bell: Int32Array, events: ThreadEvents, onEnd: (thread: WorkerThread) => void) {
    this.#events = events;
    this.#onEnd = onEnd;
    const workerData: ThreadWorkerData = { fd, argument: this.#memory.address, words: this.#words, bell };
    this.#worker = startWorker(workerData);
    this.#worker.unref();
    this.#worker.once('error', () => events.failed(EIO));
    this.#worker.once('exit', () => {
      this.#memory.release();
      this.#onEnd(this);
    });
  }

  write(commands: Commands): void {
    this.#memory.write(commands);
  }

  park(isQuiet: boolean): boolean {
    this.#memory.prepare(READ_SIZE);
    this.#make(BINDER_WRITE_READ, isQuiet);
    return false;
  }

  exit(): void {
    this.#isExiting = true;
    this.#make(BINDER_THREAD_EXIT);
  }

  #make(command: number, isQuiet = false): void {
    this.#isBusy = true;
    Atomics.store(this.#words, COMMAND, command | 0);
    Atomics.store(this.#words, QUIET, isQuiet ? 1 : 0);
    Atomics.store(this.#words, GO, ++this.#made | 0);
    Atomics.notify(this.#words, GO);
  }

  /** Tells what the thread has done since it was told last, if anything. */
  deliver(): void {
    if (!this.#isBusy || Atomics.load(this.#words, DONE) !== (this.#made | 0)) return;
    this.#isBusy = false;
    if (this.#isExiting) return void this.end();
    const errno = Atomics.load(this.#words, RESULT);
    const read = this.#memory.finish();
    if (errno === 0 || errno === EINTR) this.#events.returned(this.#memory.buffer, read);
    else this.#events.failed(errno);
  }

  /** Makes no ioctl any more. If it is in one, that must be ended by others: see `DeviceFile.flush`. */
  letEnd(): void {
    Atomics.store(this.#words, ENDING, 1);
    Atomics.add(this.#words, GO, 1);
    Atomics.notify(this.#words, GO);
  }

  /** Resolves when the OS thread is gone. */
  async end(): Promise<void> {
    this.letEnd();
    await started(this.#words);
    await this.#worker.terminate();
  }
}

/** Resolves when the Worker may be ended: see {@link awaitStarts}. */
async function started(words: Int32Array): Promise<void> {
  const { async, value } = waitAsync(words, STARTED, 0, START_LIMIT);
  if (async) await value;
}
