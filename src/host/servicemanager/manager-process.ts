import { type ChildProcess, spawn } from 'node:child_process';
import type { FromManager, ToManager } from './supervised-manager.ts';

/*
 * The service manager of a daemon's devices is another process, which the daemon starts, over an IPC channel:
 *
 *   daemon                                    service manager
 *      │── starts, before anything else ─────▶ │ loads, reads its files
 *      │   mounts                              │
 *      │── serve ────────────────────────────▶ │ opens the devices
 *      │ ◀───────────────────── ready, or failed │
 *      │── closes the channel ───────────────▶ │ ends
 *
 * One that ends otherwise than by code 0 is started again. What was registered with it is forgotten.
 */

/** Milliseconds that it may take until clients find it. */
const READY_LIMIT = 15_000;

/** One that ends more often than this in {@link RESTART_WINDOW} milliseconds is not started again. */
const MAX_RESTARTS = 5;
const RESTART_WINDOW = 60_000;

/** What to start, and whom to tell. */
export interface ManagerProcessOptions {
  /** The command line, without the program. */
  readonly args: readonly string[];
  readonly log: (message: string) => void;
}

/** Keeps a service manager running in a process of its own. */
export class ManagerProcess implements Disposable {
  readonly #options: ManagerProcessOptions;
  readonly #restarts: number[] = [];
  #child: ChildProcess;
  #isStopping = false;

  /** Starts it: it serves when it is told to. */
  constructor(options: ManagerProcessOptions) {
    this.#options = options;
    this.#child = this.#spawn();
  }

  /**
   * Tells it that the devices can be opened.
   *
   * @returns when clients find it.
   * @throws Error that says why they will not.
   */
  async serve(): Promise<void> {
    const child = this.#child;
    await served(child);
    child.once('exit', (code, signal) =>
      this.#ended(signal ? `was killed by ${signal}` : `ended with code ${code}`),
    );
    if (child.exitCode !== null) this.#ended(`ended with code ${child.exitCode}`);
  }

  /** Passes a signal on. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    this.#isStopping = true;
    if (this.#child.connected) this.#child.disconnect();
  }

  #spawn(): ChildProcess {
    // In a process group of its own: what a terminal sends reaches the daemon alone. Its output is for who reads the log
    const child = spawn(process.execPath, [...process.execArgv, ...this.#options.args], {
      stdio: ['ignore', 2, 2, 'ipc'],
      detached: true,
    });
    child.on('error', () => {});
    child.unref();
    child.channel?.unref();
    return child;
  }

  #ended(how: string): void {
    // By code 0 it ends when its devices are gone
    if (this.#isStopping || how === 'ended with code 0') return;
    const { log } = this.#options;
    const now = performance.now();
    this.#restarts.push(now);
    if (this.#restarts.filter((time) => now - time < RESTART_WINDOW).length > MAX_RESTARTS)
      return log(`the service manager ${how}, and did so ${MAX_RESTARTS} times in a minute: giving up`);
    log(`the service manager ${how}; starting another, services must register again`);
    this.#child = this.#spawn();
    this.serve().catch((error) => log(`${(error as Error).message}; it is not started again`));
  }
}

/** Waits until a service manager serves. */
function served(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    const refuse = (why: string): void => {
      clearTimeout(late);
      child.kill('SIGKILL');
      fail(new Error(`The service manager did not start: ${why}`));
    };
    const late = setTimeout(() => refuse(`it was not ready within ${READY_LIMIT / 1000} s`), READY_LIMIT);
    const onExit = (code: number | null, signal: string | null): void =>
      refuse(`it ended with ${signal ?? `code ${code}`}`);
    child.once('error', (error) => refuse(error.message));
    child.once('exit', onExit);
    child.once('message', (message: FromManager) => {
      child.off('exit', onExit);
      if (message.type === 'failed') return refuse(message.why);
      clearTimeout(late);
      done();
    });
    if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
    else if (child.connected) child.send({ type: 'serve' } satisfies ToManager, () => {});
  });
}
