import { type ChildProcess, spawn } from 'node:child_process';
import type { DeclaredService } from './declared-services.ts';

/**
 * Starts the programs of declared services that are asked for. Of each one runs at a time: whoever asks just as it stops
 * asks again.
 */
export class ServiceStarter {
  readonly #programs: ReadonlyMap<string, readonly string[]>;
  readonly #locator: string;
  readonly #log: (message: string) => void;
  readonly #running = new Map<string, ChildProcess>();

  /** @param locator - of the device, what programs find in `$UBINDER` */
  constructor(services: readonly DeclaredService[], locator: string, log: (message: string) => void) {
    this.#programs = new Map(services.flatMap(({ name, start }) => (start ? [[name, start] as const] : [])));
    this.#locator = locator;
    this.#log = log;
  }

  /** Starts the program of a service, unless it runs already. */
  start(name: string): void {
    const [program, ...args] = this.#programs.get(name) ?? [];
    if (program === undefined || this.#running.has(name)) return;
    const env = { ...process.env, UBINDER: this.#locator };
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
    this.#running.set(name, child);
    child.on('error', (error) => {
      this.#running.delete(name);
      this.#log(`${name} could not be started: ${error.message}`);
    });
    child.on('exit', (code, signal) => {
      this.#running.delete(name);
      if (code !== 0) this.#log(`${name} (${program}) ended: ${signal ?? `exit code ${code}`}`);
    });
  }

  /** Tells what it has started to end, and does not wait for it. */
  stop(): void {
    for (const child of this.#running.values()) {
      child.removeAllListeners('exit');
      child.kill();
      child.unref();
    }
    this.#running.clear();
  }
}
