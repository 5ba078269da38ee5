import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { askDaemon } from '../../src/host/daemon/control-socket.ts';
import type { Status } from '../../src/host/daemon/status.ts';
import { slowness } from './slowness.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The ways in which a mount can be served; each is a column of the test matrix. Rootless it is by injection if not by stores. */
export type Mode = 'root' | 'root-inject' | 'root-store' | 'rootless' | 'rootless-store';

/** Whether the mount is made in a user namespace of its own. */
export function isRootless(mode: Mode): boolean {
  return mode.startsWith('rootless');
}

/** What tells a daemon to serve as `mode` says. */
export function modeVariables(mode: Mode): NodeJS.ProcessEnv {
  const [, forced] = mode.split('-');
  return forced ? { UBINDER_FORCE_MODE: forced } : {};
}

/** Major 10, minor 229. */
const FUSE_DEVICE = (10 << 8) | 229;

/** Why a mode cannot run on this machine, or `null` when it can. */
export function whyNot(mode: Mode): string | null {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/fuse cannot be opened';
  }
  if (statSync('/dev/fuse').rdev !== FUSE_DEVICE) return '/dev/fuse is something else';
  if (!isRootless(mode) && process.getuid?.() !== 0) return 'not root';
  return null;
}

/** The command line that runs `command` where the mount of `mode` is visible. */
function inside(mode: Mode, command: string[]): string[] {
  return isRootless(mode) ? ['unshare', '-Urm', ...command] : command;
}

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** How a mount is started. */
export interface MountOptions {
  /** All that a test may take. */
  readonly seconds?: number;
  readonly args?: readonly string[];
  /** With a service manager; otherwise a client may be it. */
  readonly hasManager?: boolean;
}

/**
 * A mount of a test's own: one daemon, its clients, and a deadline for all of them.
 *
 * Clients blocked in an ioctl cannot be killed, and a test that waits for one waits for ever. So when the deadline
 * passes the FUSE connection is aborted, which ends every ioctl, and the test fails with the driver's numbers.
 */
export class TestMount {
  readonly directory: string;
  readonly mode: Mode;
  #isTerminated = false;
  readonly #daemon: ChildProcess;
  readonly #children = new Set<ChildProcess>();
  readonly #deadline: NodeJS.Timeout;
  #expired = false;
  #log = '';
  #pid = 0;

  private constructor(mode: Mode, directory: string, daemon: ChildProcess, seconds: number) {
    this.mode = mode;
    this.directory = directory;
    this.#daemon = daemon;
    this.#deadline = setTimeout(() => this.#expire(), seconds * 1000 * slowness);
    daemon.stderr?.on('data', (chunk: Buffer) => {
      this.#log += chunk;
    });
  }

  /** Starts a daemon and waits until clients can open its devices. */
  static async start(mode: Mode, options: MountOptions = {}): Promise<TestMount> {
    const directory = mkdtempSync(`${tmpdir()}/ubinder-test-`);
    const command = inside(mode, [
      process.execPath,
      MAIN,
      'up',
      '--mount',
      directory,
      // One that fails is to be seen
      '--no-supervise',
      ...(options.hasManager ? [] : ['--no-service-manager']),
      ...(options.args ?? []),
    ]);
    const env = { ...process.env, ...modeVariables(mode) };
    const daemon = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env });
    const mount = new TestMount(mode, directory, daemon, options.seconds ?? 60);
    const begun = new Promise<void>((done, fail) => {
      createInterface({ input: daemon.stdout as NodeJS.ReadableStream }).once('line', (line) => {
        mount.#pid = Number(/pid (\d+)/.exec(line)?.[1]);
        done();
      });
      daemon.once('close', (code) => fail(new Error(`The daemon ended with code ${code}: ${mount.#log}`)));
    });
    try {
      await begun;
    } catch (error) {
      mount.#clear();
      throw error;
    }
    return mount;
  }

  /** The daemon's process id. */
  get pid(): number {
    return this.#pid;
  }

  /** What the daemon wrote to stderr. */
  get log(): string {
    return this.#log;
  }

  device(name = 'binder'): string {
    return `${this.directory}/${name}`;
  }

  /** Runs a program where the mount is visible, and waits for its end. */
  async run(command: string[], options: { env?: NodeJS.ProcessEnv } = {}): Promise<Ended> {
    const child = this.spawn(command, options);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk;
      });
    }
    return new Promise((done, fail) => {
      child.once('error', fail);
      child.once('close', (code, signal) => {
        if (this.#expired)
          fail(new Error(`The deadline passed: ${command.join(' ')}\n${output}\n${this.#log}`));
        else done({ code, signal, output });
      });
    });
  }

  /** The command line that runs `command` where the mount is visible. */
  where(command: string[]): string[] {
    if (!isRootless(this.mode)) return command;
    return ['nsenter', '-t', `${this.#pid}`, '-U', '-m', '--preserve-credentials', ...command];
  }

  /** Starts a program where the mount is visible. */
  spawn(command: string[], options: { env?: NodeJS.ProcessEnv } = {}): ChildProcess {
    const args = this.where(command);
    const child = spawn(args[0] as string, args.slice(1), {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: options.env ?? process.env,
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return child;
  }

  /** The daemon's numbers. */
  async status(): Promise<Status> {
    const status = await askDaemon(this.directory, 'status');
    if (!status) throw new Error(`The daemon of ${this.directory} does not listen: ${this.#log}`);
    return status as Status;
  }

  /**
   * The counts that should be 0 and are not, now that no client is left, and the daemon's descriptors if they are more
   * than `descriptors`, those at the start. They may be fewer: a daemon that has just begun still closes some.
   */
  async leftovers(descriptors: number): Promise<Partial<Status>> {
    const status = await this.status();
    const { processes, threads, sleeping, nodes, refs, deaths, transactions, buffers } = status;
    const counts = { processes, threads, sleeping, nodes, refs, deaths, transactions, buffers };
    const left = Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
    return status.descriptors <= descriptors ? left : { ...left, descriptors: status.descriptors };
  }

  /** Asks the daemon to end: once, for a signal that comes while Node.js ends a process kills it. */
  terminate(): void {
    // unshare(1) has become the daemon
    if (!this.#isTerminated) this.#daemon.kill('SIGTERM');
    this.#isTerminated = true;
  }

  /** Stops the daemon, and fails when anything is left behind. */
  async stop(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    const closed = new Promise<number | null>((done) => {
      if (this.#daemon.exitCode !== null) done(this.#daemon.exitCode);
      else this.#daemon.once('close', done);
    });
    this.terminate();
    const code = await closed;
    const wasMounted = this.#clear();
    if (wasMounted) throw new Error(`The daemon left its mount at ${this.directory}: ${this.#log}`);
    if (code !== 0) throw new Error(`The daemon ended with code ${code}: ${this.#log}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Removes what the daemon, which has ended, left in the file system; whether that was a mount too. */
  #clear(): boolean {
    clearTimeout(this.#deadline);
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${this.directory} `);
    // One that had to be killed cannot unmount
    if (mounted) execFileSync('umount', ['--lazy', this.directory]);
    rmdirSync(this.directory);
    return mounted;
  }

  #expire(): void {
    this.#expired = true;
    abortConnection(this.#pid, this.directory);
    for (const child of this.#children) child.kill('SIGKILL');
    this.#daemon.kill('SIGKILL');
  }
}

/** Ends every request of a mount, from outside. */
function abortConnection(pid: number, directory: string): void {
  try {
    const line = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
      .split('\n')
      .find((entry) => entry.includes(` ${directory} `));
    const minor = line?.split(' ')[2]?.split(':')[1];
    writeFileSync(`/sys/fs/fuse/connections/${minor}/abort`, '1');
  } catch {
    // Where fusectl is not mounted, killing the daemon closes the connection, which aborts it as well.
  }
}
