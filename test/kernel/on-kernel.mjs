// Scenarios and conversations on the kernel's own driver, in an emulated machine (box.mjs): compiles what runs there,
// which is guest-main.ts, and starts it.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = join(root, 'node_modules/.cache/ubinder-scenarios');

/** Where the goldens of the kernel lie that decides. */
export const golden = (lsm, name) =>
  join(root, 'test/kernel/golden', lsm === 'none' ? '7.2' : `7.2-${lsm}`, name);

/** What all senders are called there; `null` without a security module. */
export const labelOf = (lsm) => (lsm === 'none' ? null : 'kernel');

/** Compiles the scenarios to plain JavaScript, for a machine without a compiler. */
export function buildScenarios() {
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
  const project = join(root, 'test/kernel/tsconfig.guest.json');
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  mkdirSync(join(built, 'test/support'), { recursive: true });
  copyFileSync(join(root, 'test/support/puppet.mjs'), join(built, 'test/support/puppet.mjs'));
  cpSync(join(root, 'test/kernel/golden'), join(built, 'test/kernel/golden'), { recursive: true });
  writeFileSync(join(built, 'package.json'), '{ "type": "module" }\n');
}

/** A module of the compiled scenarios. */
export const importBuilt = (path) => import(join(built, path));

/** Starts guest-main.ts in the machine. @returns its process; 1 is the exit code when not all was good. */
export function startOnKernel(words, { options = [], seconds = 3600, stdout = 'inherit' } = {}) {
  const program = ['node', '--enable-source-maps', join(built, 'test/kernel/guest-main.js')];
  const box = [join(root, 'test/kernel/box.mjs'), '--seconds', `${seconds}`, ...options];
  return spawn(process.execPath, [...box, ...program, ...words], { stdio: ['ignore', stdout, 'inherit'] });
}

/**
 * Holds conversations on the kernel's driver.
 *
 * @param headings as `heading` of recorded-conversation.ts makes them
 * @param where the security module, and a directory for a file that the machine can see
 * @param onEach is told of each as soon as it ended: its name and its lines
 */
export async function converseOnKernel(headings, { lsm, directory }, onEach) {
  const file = join(directory, 'headings');
  writeFileSync(file, `${headings.join('\n')}\n`);
  const child = startOnKernel(['converse', file], { options: ['--lsm', lsm], seconds: 7200, stdout: 'pipe' });
  const closed = once(child, 'close');
  let text = '';
  const tell = async (part) => {
    if (part.trim() === '') return;
    const [name, ...lines] = part.trimEnd().split('\n');
    await onEach(name, lines);
  };
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk;
    // The last one may still be on its way.
    const parts = text.split(/^== /m);
    text = `== ${parts.pop()}`;
    for (const part of parts) await tell(part);
  }
  await tell(text.replace('== ', ''));
  const [code] = await closed;
  if (code !== 0) throw new Error(`The machine ended with code ${code}`);
}
