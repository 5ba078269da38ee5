import { spawnSync } from 'node:child_process';
import {
  chmodSync,
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
import { expect } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page of docs/guide. */
export function blocksOf(page: string): Block[] {
  const found = readFileSync(join(root, 'docs/guide', page), 'utf8').matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...found].map(([, language, text]) => ({ language: language!, text: text! }));
}

/** The file a block is, which its first line says. */
export const fileOf = ({ text }: Block): string | undefined =>
  /^\/\/ (\S+\.(?:aidl|ts))\n/.exec(text)?.[1] ?? /^\{\n {2}"\/\/": "(\S+)",\n/.exec(text)?.[1];

/** Who follows a guide. */
export interface Reader {
  /** Runs a command as somebody else, given as further arguments. It may use the folder. */
  readonly as?: (folder: string) => readonly string[];
  /** The directory of another `node` than the one that runs this. */
  readonly nodeDirectory?: string;
}

/** An empty folder in which a guide is followed to the letter, with the package as it is published. */
export class GuideFolder implements Disposable {
  readonly #path = mkdtempSync(join(tmpdir(), 'ubinder-guide-'));
  readonly #reader: Reader;

  constructor(reader: Reader = {}) {
    this.#reader = reader;
    // What the reader makes is his.
    chmodSync(this.#path, 0o777);
  }

  /** Writes the files of a part of a guide, runs its commands, and compares what they print. */
  follow(blocks: readonly Block[]): void {
    let printed = '';
    for (const block of blocks) {
      const file = fileOf(block);
      if (file !== undefined) {
        mkdirSync(dirname(join(this.#path, file)), { recursive: true });
        writeFileSync(join(this.#path, file), block.text);
      } else if (block.language === 'sh') {
        printed = '';
        for (const command of block.text.trim().split('\n')) {
          if (command.startsWith('npm install ')) this.#install();
          else printed += this.#run(command);
        }
      } else {
        expect(block.language).toBe('text');
        expect(printed).toBe(block.text);
      }
    }
  }

  #run(command: string): string {
    const { as, nodeDirectory } = this.#reader;
    const [program, ...args] = [...(as?.(this.#path) ?? []), 'sh', '-ec', command];
    const { stdout, stderr, status } = spawnSync(program as string, args, {
      cwd: this.#path,
      encoding: 'utf8',
      timeout: 120_000,
      env: {
        ...process.env,
        HOME: this.#path,
        PATH: `${nodeDirectory ? `${nodeDirectory}:` : ''}${process.env.PATH}`,
      },
    });
    if (status !== 0) throw new Error(`${command}: exit code ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /** What `npm install` does, without asking the registry: the packed package, and what it needs from here. */
  #install(): void {
    const packed = spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', this.#path], {
      cwd: root,
      encoding: 'utf8',
    });
    const tarball = join(this.#path, packed.stdout.trim().split('\n').at(-1)!);
    const modules = join(this.#path, 'node_modules');
    mkdirSync(join(modules, 'ubinder'), { recursive: true });
    mkdirSync(join(modules, '.bin'));
    spawnSync('tar', ['-xzf', tarball, '-C', join(modules, 'ubinder'), '--strip-components=1']);
    const own = new Set(['ubinder', '.bin']);
    for (const name of readdirSync(join(root, 'node_modules'))) {
      if (!own.has(name)) symlinkSync(join(root, 'node_modules', name), join(modules, name));
    }
    symlinkSync('../ubinder/dist/cli/main.js', join(modules, '.bin/ubinder'));
    symlinkSync('../typescript/bin/tsc', join(modules, '.bin/tsc'));
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true });
  }
}
