import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { controlFiles } from '../../src/host/daemon/control-path.ts';
import { slowness } from './slowness.ts';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Milliseconds that a command may take before it is killed. */
const DEADLINE = 60_000 * slowness;

/** How a command ended, and what it said. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that is running. */
export interface Running {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** Resolves when stdout matches; rejects when the command ends before. */
  said(what: RegExp): Promise<RegExpExecArray>;
}

/**
 * A directory for tests of the command line, with all that is started and mounted in it: disposing leaves nothing.
 *
 * A mount is only ever looked at by other processes: one that waits for a daemon which hangs cannot be killed.
 */
export class Playground implements AsyncDisposable {
  readonly directory = mkdtempSync(`${tmpdir()}/ubinder-cli-`);
  readonly #running = new Set<Running>();
  /** What was served, by whom. */
  readonly #daemons = new Map<number, string>();

  constructor() {
    chmodSync(this.directory, 0o755);
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** Runs `ubinder` to its end. */
  ubinder(args: readonly string[], options: SpawnOptions = {}): Promise<Outcome> {
    return this.start([process.execPath, MAIN, ...args], options).outcome;
  }

  /** Runs `ubinder up` until it serves, without a service manager. */
  up(mount: string, ...args: string[]): Promise<Running & { readonly pid: number }> {
    return this.upManaged(mount, '--no-service-manager', ...args);
  }

  /** Runs `ubinder up` until it serves. */
  async upManaged(mount: string, ...args: string[]): Promise<Running & { readonly pid: number }> {
    const running = this.start([process.execPath, MAIN, 'up', '--mount', mount, ...args]);
    const [, pid] = await running.said(/^ubinder ready: .* \(pid (\d+)\)$/m);
    this.#daemons.set(Number(pid), mount);
    return { ...running, pid: Number(pid) };
  }

  /** Runs any command to its end. */
  run(command: readonly string[], options: SpawnOptions = {}): Promise<Outcome> {
    return this.start(command, options).outcome;
  }

  start([program, ...args]: readonly string[], options: SpawnOptions = {}): Running {
    const child = spawn(program as string, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: DEADLINE,
      killSignal: 'SIGKILL',
      ...options,
    });
    let stdout = '';
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    const outcome = new Promise<Outcome>((done, fail) => {
      child.once('error', fail);
      child.once('close', (code, signal) => done({ code, signal, stdout, stderr }));
    });
    const said = (what: RegExp): Promise<RegExpExecArray> =>
      new Promise((done, fail) => {
        const look = () => {
          const found = what.exec(stdout);
          if (found) done(found);
        };
        look();
        child.stdout?.on('data', look);
        child.once('close', (code) => fail(new Error(`It ended with code ${code}: ${stdout}${stderr}`)));
      });
    const running = { child, outcome, said };
    this.#running.add(running);
    void outcome.finally(() => this.#running.delete(running)).catch(() => {});
    return running;
  }

  /** What is mounted in the directory, by type. */
  mounts(): string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(` ${this.directory}`))
      .map((line) => / - (\S+)/.exec(line)?.[1] ?? line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [pid, mount] of this.#daemons) {
      if (isAlive(pid)) process.kill(pid, 'SIGTERM');
      await until(() => !isAlive(pid)).catch(() => process.kill(pid, 'SIGKILL'));
      for (const file of Object.values(controlFiles(mount))) rmSync(file, { force: true });
    }
    for (const { child, outcome } of [...this.#running]) {
      child.kill('SIGKILL');
      await outcome;
    }
    for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
      const [, , , , point] = line.split(' ');
      if (point?.startsWith(this.directory)) await this.run(['umount', '-l', point.replaceAll('\\040', ' ')]);
    }
    if (this.mounts().length > 0) throw new Error(`Mounts are left in ${this.directory}: ${this.mounts()}`);
    rmSync(this.directory, { recursive: true });
  }
}

/** A test that has a playground of its own, with an empty directory to mount on. */
export function inPlayground(run: (place: Playground, mount: string) => Promise<void>): () => Promise<void> {
  return async () => {
    await using place = new Playground();
    const mount = place.path('mount');
    mkdirSync(mount);
    await run(place, mount);
  };
}

/** Waits until something holds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`Not after ${DEADLINE / 1000} s: ${condition}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
