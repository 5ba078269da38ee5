import { type ChildProcess, spawn } from 'node:child_process';
import type { FromManager, ToManager } from './obey-starter.ts';

/*
 * The service manager of a mount is another process: nobody may use a mount that he serves himself. Whoever serves it, or
 * looks after who does, starts it, over an IPC channel:
 *
 *   starter                                   service manager
 *      │── starts, before all else ──────────▶ │ loads, reads its files
 *      │   the devices are there
 *      │── serve ────────────────────────────▶ │ opens them
 *      │ ◀─────────── ready, or failed and why │
 *      │── reload ───────────────────────────▶ │ reads its policy again
 *      │ ◀─────────────────────────────── gone │ lost its devices, ends
 *      │── stop, or the starter's own end ───▶ │ ends, which ends the channel
 *
 * One that ends by itself is started again, later each time. What was registered with it is forgotten.
 */

/** Milliseconds that it may take until clients find it: far more than the slowest machine needs to load it. */
const READY_LIMIT = 120_000;

/** Milliseconds that it may take to end. */
const STOP_LIMIT = 3000;

/** Milliseconds until one that ended is started again: twice as many each time, up to a limit. */
const FIRST_DELAY = 100;
const MAX_DELAY = 10_000;

/** Milliseconds in which whoever starts it knows himself that the devices are gone. */
const GONE_DELAY = 2000;

/** Milliseconds after which one that served counts as sound: the delays begin anew. */
const SOUND = 60_000;

/** What to start, and whom to tell. */
export interface ManagerProcessOptions {
  /** The command line of a service manager that {@link obeyStarter obeys its starter}, without the program. */
  readonly args: readonly string[];
  /**
   * Whether it must not be a child of this process: who serves the mount traces its clients, and libuv would take what
   * waitpid(2) tells of a traced child for its end.
   */
  readonly isOrphan: boolean;
  readonly log: (message: string) => void;
}

/** Keeps a service manager running in a process of its own. */
export class ManagerProcess {
  readonly #options: ManagerProcessOptions;
  #manager: Manager;
  /** There are devices to serve. */
  #isServing = false;
  #hasServed = false;
  #delay = FIRST_DELAY;
  #restart: NodeJS.Timeout | undefined;

  /** Starts it: it opens nothing before {@link serve}. */
  constructor(options: ManagerProcessOptions) {
    this.#options = options;
    this.#manager = new Manager(options);
  }

  /**
   * The devices can be opened. Resolves when clients find the manager; the second time and later also when they will a
   * while later, since it is tried again.
   *
   * @throws Error that says why they will not.
   */
  async serve(): Promise<void> {
    this.#isServing = true;
    try {
      await this.#begin();
    } catch (error) {
      if (!this.#hasServed) throw error;
    }
  }

  /** The devices are gone, others will come: {@link serve} tells when. */
  wait(): void {
    this.#leave();
    this.#manager = new Manager(this.#options);
  }

  /** It reads its policy again. */
  reload(): void {
    this.#manager.tell('reload');
  }

  /** Ends it. Resolves when it is gone. */
  stop(): Promise<void> {
    return this.#leave();
  }

  #leave(): Promise<void> {
    this.#isServing = false;
    clearTimeout(this.#restart);
    return this.#manager.stop();
  }

  async #begin(): Promise<void> {
    const manager = this.#manager;
    try {
      await manager.serve();
    } catch (error) {
      if (this.#hasServed) this.#again((error as Error).message);
      throw error;
    }
    this.#hasServed = true;
    const since = performance.now();
    void manager.ended.then(() => {
      if (performance.now() - since > SOUND) this.#delay = FIRST_DELAY;
      if (manager !== this.#manager) return;
      if (manager.hasLost) this.#again('the service manager lost its devices', GONE_DELAY);
      else this.#again('the service manager ended');
    });
  }

  #again(why: string, delay = this.#delay): void {
    if (!this.#isServing) return;
    const { log } = this.#options;
    this.#delay = Math.min(this.#delay * 2, MAX_DELAY);
    this.#restart = setTimeout(() => {
      log(`${why}; starting another, services must register again`);
      this.#manager = new Manager(this.#options);
      this.#begin().catch(() => {});
    }, delay).unref();
  }
}

/** One process, from its start to its end. */
class Manager {
  /** Resolves when it is gone: only it holds the other end of the channel. */
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  readonly #answer: Promise<FromManager>;
  #hasLost = false;

  constructor({ args, isOrphan }: ManagerProcessOptions) {
    const command = [process.execPath, ...process.execArgv, ...args];
    const [program, ...rest] = isOrphan ? ['/bin/sh', '-c', '"$@" &', 'sh', ...command] : command;
    // In a process group of its own: what a terminal sends reaches us alone. What it says is for who reads our log
    const child = spawn(program as string, rest, { stdio: ['ignore', 2, 2, 'ipc'], detached: true });
    this.#process = child;
    this.ended = new Promise((done) => {
      child.once('disconnect', done);
      child.once('error', () => done());
    });
    this.#answer = new Promise((done) => {
      child.on('message', (message: FromManager) => {
        if (message.type === 'gone') this.#hasLost = true;
        else done(message);
      });
    });
    child.unref();
    child.channel?.unref();
  }

  /** Whether it ends because its devices are gone. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  /** Resolves when clients find it. @throws Error that says why they will not; it is gone then, or about to. */
  async serve(): Promise<void> {
    let late: NodeJS.Timeout | undefined;
    this.tell('serve');
    const why = await Promise.race([
      this.#answer.then((answer) => (answer.type === 'failed' ? answer.why : null)),
      this.ended.then(() => 'it ended'),
      new Promise<string>((done) => {
        late = setTimeout(() => done(`it was not ready within ${READY_LIMIT / 1000} s`), READY_LIMIT);
      }),
    ]);
    clearTimeout(late);
    if (why === null) return;
    void this.stop();
    throw new Error(`The service manager did not start: ${why}; --no-service-manager starts none`);
  }

  tell(type: ToManager['type']): void {
    if (this.#process.connected) this.#process.send({ type } satisfies ToManager, () => {});
  }

  async stop(): Promise<void> {
    this.tell('stop');
    const late = setTimeout(() => this.#kill(), STOP_LIMIT);
    await this.ended;
    clearTimeout(late);
  }

  /** With what it has started. Its group is there as long as the channel is. */
  #kill(): void {
    const { connected, pid } = this.#process;
    if (connected && pid !== undefined) process.kill(-pid, 'SIGKILL');
  }
}
