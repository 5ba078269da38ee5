// A daemon of the bench's own: a private mount, ended whatever happens.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './programs.mjs';

/** Milliseconds until a daemon serves, and until it has stopped. */
const READY_DEADLINE = 15_000;
const STOP_DEADLINE = 5000;

/** Daemons that run, for whoever has to end the bench in a hurry. */
const serving = new Set();

/** One `ubinder up` on an empty directory. */
export class BenchDaemon {
  /**
   * @param {string} tree the directory whose dist/ is to be run.
   * @param {{ mode?: string, cpu?: number | null, isRootless?: boolean }} options the way of delivery (default: the
   * daemon's own choice), the one processor for all of its threads, and whether it has a user namespace of its own.
   */
  static async start(tree, { mode, cpu = null, isRootless = false } = {}) {
    const main = `${tree}/dist/cli/main.js`;
    if (!existsSync(main)) throw new Error(`Cannot serve without ${main}: run \`npm run build\` first`);
    const directory = mkdtempSync(`${tmpdir()}/ubinder-bench-mount-`);
    const env = mode === undefined ? process.env : { ...process.env, UBINDER_FORCE_MODE: mode };
    // A group of its own: Ctrl-C is for the bench, which then stops the daemon.
    const command = [process.execPath, main, 'up', '--mount', directory, '--no-service-manager'];
    const [program, ...args] = isRootless ? ['unshare', '-Urm', ...command] : command;
    const child = spawn(program, args, {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const daemon = new BenchDaemon(tree, directory, child, isRootless);
    try {
      // Its supervisor, which is our child, has nothing to do with a call
      daemon.pid = await daemon.#untilReady();
      // From outside, as any program may be pinned: the daemon must not know.
      if (cpu !== null) {
        execFileSync('taskset', ['-a', '-c', '-p', `${cpu}`, `${daemon.pid}`], { stdio: 'ignore' });
      }
      const status = await run([process.execPath, main, 'status', '--mount', directory, '--json']);
      daemon.mode = JSON.parse(status.stdout).mode;
      return daemon;
    } catch (error) {
      await daemon.stop();
      throw error;
    }
  }

  /** How received data gets to clients: passthrough, inject or store. */
  mode = '';
  /** The process that serves. */
  pid = 0;
  #tree;
  #directory;
  #child;
  #log = '';
  #isRootless;
  #stopping = null;

  constructor(tree, directory, child, isRootless) {
    this.#isRootless = isRootless;
    this.#tree = tree;
    this.#directory = directory;
    this.#child = child;
    child.stderr.on('data', (chunk) => {
      this.#log += chunk;
    });
    serving.add(this);
  }

  get device() {
    return `${this.#directory}/binder`;
  }

  /** The command line that runs a program where the mount is visible. */
  where(command) {
    if (!this.#isRootless) return command;
    return ['nsenter', '-t', `${this.pid}`, '-U', '-m', '--preserve-credentials', ...command];
  }

  /** Ends it in peace, or, when that takes too long, by force: then clients' ioctls fail and nobody waits for ever. */
  stop() {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end() {
    const ended = this.#hasEnded()
      ? Promise.resolve()
      : new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    await Promise.race([ended, sleep(STOP_DEADLINE, undefined, { ref: false })]);
    const hangs = !this.#hasEnded();
    if (hangs) this.#child.kill('SIGKILL');
    await this.#clearAway();
    await ended;
    rmdirSync(this.#directory);
    serving.delete(this);
    if (hangs) throw new Error(`The daemon did not stop within ${STOP_DEADLINE / 1000} s: ${this.#log}`);
  }

  /** Takes away the mount that a killed daemon leaves, and ends the requests of those who wait for it. */
  async #clearAway() {
    const { findMount, unmount } = await import(`${this.#tree}/dist/host/linux/mount.js`);
    const { abortConnection } = await import(`${this.#tree}/dist/host/fuse/connections.js`);
    const mount = findMount(this.#directory);
    if (!mount) return;
    try {
      abortConnection(mount.device);
    } catch {
      // Not permitted in a user namespace, where the kill has to be enough.
    }
    unmount(this.#directory);
  }

  #hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #untilReady() {
    return new Promise((done, fail) => {
      const timer = setTimeout(
        () => fail(new Error(`The daemon was not ready within ${READY_DEADLINE / 1000} s: ${this.#log}`)),
        READY_DEADLINE,
      );
      this.#child.once('close', (code) => {
        clearTimeout(timer);
        fail(new Error(this.#log.trim() || `The daemon ended with code ${code}`));
      });
      createInterface({ input: this.#child.stdout }).once('line', (line) => {
        clearTimeout(timer);
        done(Number(/\(pid (\d+)\)$/.exec(line)[1]));
      });
    });
  }
}

/** Stops all daemons that still run. */
export async function stopDaemons() {
  await Promise.allSettled([...serving].map((daemon) => daemon.stop()));
}
