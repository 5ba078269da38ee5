import { MessageChannel, Worker } from 'node:worker_threads';
import { PageTable } from './page-table.ts';
import { ReadGate } from './read-gate.ts';
import type { RescueData } from './rescue-worker.ts';

/** The serving thread's side of its rescue; what that is: rescue-worker.ts. */
export class Rescue {
  readonly gate: ReadGate;
  readonly pages: PageTable = new PageTable();
  readonly #channel = new MessageChannel();
  #worker: Worker | null = null;
  #ended: Promise<unknown> = Promise.resolve();

  constructor() {
    this.gate = new ReadGate(this.#channel.port1);
  }

  /**
   * Starts the thread; resolves when it runs. Its failure is no failure of the service.
   *
   * @param fd of the session, which must stay open until {@link stop} is done.
   * @param bufferSize bytes that a read of the session may take.
   */
  start(
    { fd, bufferSize }: { fd: number; bufferSize: number },
    connection: number,
    onError: (error: Error) => void,
  ): Promise<void> {
    const { port2: port } = this.#channel;
    const workerData: RescueData = {
      fd,
      connection,
      bufferSize,
      gate: this.gate.shared,
      pages: this.pages.shared,
      port,
    };
    const worker = new Worker(new URL('./rescue-worker.js', import.meta.url), {
      workerData,
      transferList: [port],
      // Some are opened by system calls that Node.js knows nothing of
      trackUnmanagedFds: false,
      // Of requests, and of /proc, it reads little at a time
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
    });
    worker.on('error', onError);
    worker.unref();
    this.#ended = new Promise((done) => worker.once('exit', done));
    this.#worker = worker;
    return new Promise((done) => worker.once('message', () => done()).once('exit', () => done()));
  }

  /** Resolves when the thread reads no more. */
  async stop(): Promise<void> {
    this.gate.close();
    this.#worker?.ref();
    await this.#ended;
  }
}
