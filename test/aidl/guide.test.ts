// docs/guide/aidl.md, followed to the letter in an empty folder, with the package as it is published.

import { spawnSync } from 'node:child_process';
import {
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
import { afterAll, beforeAll, expect, it } from 'vitest';
import { whyNot } from '../support/mount.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced blocks of a page. */
function blocksOf(page: string): Block[] {
  const found = readFileSync(page, 'utf8').matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...found].map(([, language, text]) => ({ language: language!, text: text! }));
}

/** The file a block is, which its first line says. */
const fileOf = ({ text }: Block): string | undefined =>
  /^\/\/ (\S+\.(?:aidl|ts))\n/.exec(text)?.[1] ?? /^\{\n {2}"\/\/": "(\S+)",\n/.exec(text)?.[1];

let folder = '';

function run(command: string): string {
  const { stdout, stderr, status } = spawnSync('sh', ['-ec', command], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${command}: exit code ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** What `npm install` does, without asking the registry: the packed package, and what it needs from here. */
function install(): void {
  const packed = spawnSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    encoding: 'utf8',
  });
  const tarball = packed.stdout.trim().split('\n').at(-1)!;
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'ubinder'), { recursive: true });
  mkdirSync(join(modules, '.bin'));
  run(`tar -xzf ${tarball} -C node_modules/ubinder --strip-components=1`);
  const own = new Set(['ubinder', '.bin']);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!own.has(name)) symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  symlinkSync('../ubinder/dist/cli/main.js', join(modules, '.bin/ubinder'));
  symlinkSync('../typescript/bin/tsc', join(modules, '.bin/tsc'));
}

/** Writes the files of a part of the guide, runs its commands, and compares what they print. */
function follow(blocks: readonly Block[]): void {
  let printed = '';
  for (const block of blocks) {
    const file = fileOf(block);
    if (file !== undefined) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), block.text);
    } else if (block.language === 'sh') {
      printed = '';
      for (const command of block.text.trim().split('\n')) {
        if (command.startsWith('npm install ')) install();
        else printed += run(command);
      }
    } else {
      expect(block.language).toBe('text');
      expect(printed).toBe(block.text);
    }
  }
}

const blocks = blocksOf(join(root, 'docs/guide/aidl.md'));
const device = blocks.findIndex((block) => fileOf(block) === 'src/server.ts');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ubinder-guide-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('leads from an AIDL file to a typed call in one process', { timeout: 300_000 }, () => {
  follow(blocks.slice(0, device));
});

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: the guide over a device: ${reason}`);

it.skipIf(reason !== null)('leads to a call over a device', { timeout: 300_000 }, () => {
  follow(blocks.slice(device));
});
