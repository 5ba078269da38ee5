import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BOX = fileURLToPath(new URL('box.mjs', import.meta.url));

/** Why no machine can be emulated here, or `null` when one can. */
export function whyNoMachine(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `this is ${process.platform} on ${process.arch}, not Linux on x64`;
  const { status } = spawnSync('qemu-system-x86_64', ['--version']);
  return status === 0
    ? null
    : 'qemu-system-x86_64 is not installed (Debian: apt-get install qemu-system-x86)';
}

/** How a command ended, as box.mjs tells it. */
export interface Result {
  readonly command: string;
  readonly code: number;
  readonly seconds: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One boot of the emulated machine, which runs commands one after the other; each can be waited for by itself. */
export class Boot {
  readonly #child: ChildProcess;
  readonly #results: Promise<Result>[];

  /**
   * @param options of box.mjs
   * @param commands lines for sh
   */
  constructor(options: readonly string[], commands: readonly string[]) {
    const child = spawn(process.execPath, [BOX, ...options, '--batch', '-'], { stdio: 'pipe' });
    this.#child = child;
    const waiting: { done(result: Result): void; fail(error: Error): void }[] = [];
    this.#results = commands.map(() => new Promise((done, fail) => waiting.push({ done, fail })));
    // Nobody may be waiting yet when the machine dies.
    for (const result of this.#results) result.catch(() => {});
    let complaints = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaints += chunk;
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      waiting.shift()?.done(JSON.parse(line) as Result);
    });
    child.once('close', (code) => {
      for (const { fail } of waiting) fail(new Error(`The machine ended with code ${code}: ${complaints}`));
    });
    child.stdin.end(commands.join('\n'));
  }

  /** @throws Error when the machine did not come so far. */
  result(index: number): Promise<Result> {
    const result = this.#results[index];
    if (!result) throw new Error(`There is no command ${index}: the boot has ${this.#results.length}`);
    return result;
  }

  /** Switches the machine off, whatever it does. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill();
    await closed;
  }
}
