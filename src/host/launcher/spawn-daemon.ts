/**
 * A Binder daemon for this process: what tests and programs start that want devices of their own.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

/** Milliseconds until it must serve, and in which it must have ended. */
const READY_DEADLINE = 20_000;
const STOP_DEADLINE = 10_000;

/** How {@link spawnDaemon} starts it. */
export interface DaemonOptions {
  /** Names of the devices; default `binder`, `hwbinder`, `vndbinder`. */
  readonly devices?: readonly string[];
  /** Whether `binder` and `vndbinder` have a service manager; default `true`. Without one a program may be it. */
  readonly serviceManager?: boolean;
  /** Further options of `ubinder up`, such as `['--stats', 'global']`. */
  readonly args?: readonly string[];
}

/** A daemon in a process of its own, with a mount of its own. */
export class SpawnedDaemon implements AsyncDisposable {
  /** Where it is mounted. */
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  /** Use {@link spawnDaemon}. */
  constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.#child = child;
    this.#ended = new Promise((resolve) => void child.once('exit', () => resolve()));
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid as number;
  }

  /** The path of a device. */
  device(name = 'binder'): string {
    return `${this.directory}/${name}`;
  }

  /** What `connect()` takes, and `$UBINDER`: `binder:/path`. */
  locator(name = 'binder'): string {
    return `binder:${this.device(name)}`;
  }

  /** Ends it: clients find their devices gone. Ending again does nothing. */
  async stop(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    this.#child.ref();
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_DEADLINE);
    await this.#ended;
    clearTimeout(timer);
    try {
      rmdirSync(this.directory);
    } catch {
      // Killed, it has left its mount behind, which `ubinder down` takes away.
    }
  }

  /** Stops it: the same as `stop()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Starts a daemon and waits until its devices can be opened. It ends with this process, however that ends, and is no
 * reason for it to stay alive. It is always another process: nobody can use a mount that he serves himself.
 *
 * @throws Error with what it said, when it cannot serve: `ubinder doctor` tells more.
 *
 * @example
 * await using daemon = await spawnDaemon();
 * await using binder = await connect(daemon.locator());
 */
export async function spawnDaemon(options: DaemonOptions = {}): Promise<SpawnedDaemon> {
  const { devices, serviceManager = true, args = [] } = options;
  const directory = mkdtempSync(`${tmpdir()}/ubinder-`);
  const child = spawn(
    process.execPath,
    [
      MAIN,
      ...['up', '--mount', directory, '--until-exit', `${process.pid}`],
      ...(devices ? ['--devices', devices.join(',')] : []),
      ...(serviceManager ? [] : ['--no-service-manager']),
      ...args,
    ],
    // Signals of the terminal are for us.
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  try {
    await readiness(child);
  } catch (error) {
    child.kill('SIGTERM');
    child.once('close', () => {
      try {
        rmdirSync(directory);
      } catch {
        // still mounted
      }
    });
    throw error;
  }
  child.unref();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.removeAllListeners('data').resume();
    (stream as unknown as { unref(): void }).unref();
  }
  return new SpawnedDaemon(directory, child);
}

function readiness(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const late = setTimeout(() => fail(`it was not ready within ${READY_DEADLINE / 1000} s`), READY_DEADLINE);
    const fail = (why: string): void => {
      clearTimeout(late);
      reject(new Error(`Cannot start a daemon: ${why}; see \`npx ubinder doctor\``));
    };
    child.once('error', (error) => fail(error.message));
    child.once('close', (code, signal) => {
      fail(said.trim().replace(/^ubinder: /, '') || `it ended with ${signal ?? `code ${code}`}`);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk;
      if (!/^ubinder ready: .*\n/m.test(output)) return;
      clearTimeout(late);
      child.removeAllListeners('close');
      resolve();
    });
  });
}
