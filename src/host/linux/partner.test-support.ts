import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libc } from './libc.ts';

/** Milliseconds a partner may take to say its next line, by our timers: time in which the machine stands still does not count. */
const LINE_DEADLINE = 10_000;
const LINE_POLL = 200;

/** Another process for tests to look at: it says lines on stdout and obeys lines on stdin. Killed when disposed. */
export class Partner {
  readonly child: ChildProcess;
  private readonly exited: Promise<void>;
  private readonly lines: string[] = [];
  private rest = '';
  private wake: (() => void) | undefined;

  constructor(command: string, args: readonly string[] = []) {
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.exited = new Promise((resolve) => {
      this.child.once('exit', () => resolve());
      this.child.once('error', () => resolve());
    });
    this.child.stdin?.on('error', () => {});
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = (this.rest + text).split('\n');
      this.rest = parts.pop() ?? '';
      this.lines.push(...parts);
      this.wake?.();
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`Cannot run ${this.child.spawnfile}`);
    return this.child.pid;
  }

  /** The next line it says. */
  async line(): Promise<string> {
    let waited = 0;
    const clock = setInterval(() => {
      waited += LINE_POLL;
      this.wake?.();
    }, LINE_POLL);
    try {
      while (this.lines.length === 0) {
        if (waited > LINE_DEADLINE)
          throw new Error(`${this.child.spawnfile} said nothing for ${LINE_DEADLINE} ms`);
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
      return this.lines.shift() as string;
    } finally {
      clearInterval(clock);
    }
  }

  /** The next line as numbers: addresses and ids. */
  async numbers(): Promise<number[]> {
    return (await this.line()).split(' ').map(Number);
  }

  /** Says a line to it and returns its answer. */
  ask(line: string): Promise<string> {
    this.child.stdin?.write(`${line}\n`);
    return this.line();
  }

  async stop(): Promise<void> {
    if (this.child.pid !== undefined) this.child.kill('SIGKILL');
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Whether a program runs here; says on stderr which tests are skipped when it does not. */
export function hasProgram(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    console.warn(`SKIPPED: tests that need \`${[program, ...args].join(' ')}\`, which does not run here`);
    return false;
  }
}

/** Python programs are the partners that need no compiler. */
export function python(source: string, ...args: string[]): Partner {
  return new Partner('python3', ['-c', source, ...args]);
}

/** A C program in a directory of its own; dispose removes both. */
export function compile(source: string): { readonly path: string; [Symbol.dispose](): void } {
  const directory = mkdtempSync(join(tmpdir(), 'ubinder-test-'));
  const path = join(directory, 'partner');
  writeFileSync(`${path}.c`, source);
  execFileSync('gcc', ['-O1', '-pthread', '-o', path, `${path}.c`], { timeout: 30_000 });
  return { path, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Repeats a check until it holds. */
export async function until(what: string, check: () => boolean, milliseconds = 5_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * Runs `action` as another user. By the system call itself, which changes the calling thread alone and leaves the way
 * back open (the saved user id stays 0).
 */
export function asUser(uid: number, action: () => void): void {
  const setresuid = process.arch === 'arm64' ? 147 : 117;
  const syscall = libc<(number: number, real: number, effective: number, saved: number) => number>(
    'int64_t syscall(int64_t, int64_t, int64_t, int64_t)',
  );
  if (syscall(setresuid, uid, uid, 0) !== 0) throw new Error(`Cannot become user ${uid}: run as root`);
  try {
    action();
  } finally {
    syscall(setresuid, 0, 0, 0);
  }
}
