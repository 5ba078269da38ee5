// The programs in four languages that talk to each other, ours and others'.

import { type ChildProcess, execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { MAIN } from '../support/cli.ts';
import type { Ended } from '../support/mount.ts';
import { slowness } from '../support/slowness.ts';
import { type Driver, kernelDevice } from './driver.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));

export type Language = 'TypeScript' | 'C' | 'Rust' | 'Python';

/** Those of the programs: on the kernel's own driver only our library is to be judged. */
export const LANGUAGES: readonly Language[] =
  kernelDevice === undefined ? ['TypeScript', 'C', 'Rust', 'Python'] : ['TypeScript'];

/** Python's is made of libgbinder. */
export const LIBGBINDER: readonly Language[] = ['C', 'Python'];

const PATIENCE = 60_000 * slowness;

const env = { ...process.env, UBINDER: '/dev/binder', RUST_LOG: 'off', PYTHONDONTWRITEBYTECODE: '1' };

/** A program that serves, and what it has printed so far. */
export interface Running {
  readonly child: ChildProcess;
  said(): string;
}

export class Programs {
  /** Paths by name, of all but those in TypeScript and Python. */
  readonly outside: Readonly<Record<string, string>>;
  /** Where the programs in TypeScript find the package, as users' do. */
  readonly folder: string;

  /** Fetches and builds what is not in the cache. */
  constructor() {
    const fetch = [join(here, 'fetch.mjs'), '--json', 'rust', 'libgbinder', 'python'];
    this.outside =
      LANGUAGES.length === 1
        ? {}
        : JSON.parse(
            execFileSync(process.execPath, fetch, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
          );
    this.folder = mkdtempSync(join(tmpdir(), 'ubinder-interop-'));
    mkdirSync(join(this.folder, 'node_modules'));
    symlinkSync(root, join(this.folder, 'node_modules/ubinder'));
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "module" }\n');
    const ours = join(here, 'typescript');
    for (const name of readdirSync(ours)) copyFileSync(join(ours, name), join(this.folder, name));
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }

  /** Puts what `ubinder aidl` makes of ubinder.interop into the folder, as JavaScript. */
  generateEcho(): void {
    const typescript = join(this.folder, 'typescript');
    const aidl = join(here, 'rust/aidl');
    const files = readdirSync(join(aidl, 'ubinder/interop')).map((name) => `ubinder/interop/${name}`);
    execFileSync(process.execPath, [MAIN, 'aidl', '-I.', `--out=${typescript}`, ...files], { cwd: aidl });
    for (const name of readdirSync(join(typescript, 'ubinder/interop'))) {
      this.transpile(join(typescript, 'ubinder/interop', name), `generated/ubinder/interop/${name}`);
    }
  }

  /** Puts a TypeScript file into the folder as JavaScript: `as` is its name there, before it is one. */
  transpile(file: string, as: string): void {
    const target = join(this.folder, as.replace(/ts$/, 'js'));
    mkdirSync(dirname(target), { recursive: true });
    const compilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
    };
    writeFileSync(target, ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions }).outputText);
  }

  /** The command line of the program of ours that plays a role. */
  command(language: Language, role: 'service' | 'client' | 'wire', ...args: string[]): string[] {
    const outside = (name: string) => this.outside[name]!;
    switch (language) {
      case 'TypeScript':
        return [process.execPath, join(this.folder, `ts_${role}.mjs`), ...args];
      case 'C':
        return [outside(`gb_${role}`), ...args];
      case 'Rust':
        return [outside(`rs_${role}`), ...(role === 'client' ? ['--name'] : []), ...args];
      case 'Python':
        return [outside('python3.14'), join(here, `python/py_${role}.py`), ...args];
    }
  }
}

/** Runs a program to its end. */
export function run(driver: Driver, command: readonly string[]): Promise<Ended> {
  const child = driver.spawn(command, env);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done({ code, signal, output }));
  });
}

/** Starts a program, and waits for what it prints when it is ready. */
export async function start(driver: Driver, command: readonly string[], sign = ''): Promise<Running> {
  const child = driver.spawn(command, env);
  let text = '';
  await new Promise<void>((done, fail) => {
    const give = (why: string) => fail(new Error(`${command.join(' ')}: ${why}\n${text}`));
    const timer = setTimeout(() => give(`not ready in ${PATIENCE} ms`), PATIENCE);
    const look = () => {
      if (!text.includes(sign)) return;
      clearTimeout(timer);
      done();
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        text += chunk;
        look();
      });
    }
    child.once('close', (code, signal) => give(`ended with ${code ?? signal}`));
    look();
  });
  return { child, said: () => text };
}

export async function end({ child }: Running): Promise<void> {
  const closed = new Promise((done) => child.once('close', done));
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await closed;
}
