// Scenarios and conversations on the kernel's own driver, in an emulated machine (machine.mjs). They are compiled for that:
// Node.js 20 runs no TypeScript.

import { spawnSync } from 'node:child_process';
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

/** Compiles the scenarios to plain JavaScript. */
export function buildScenarios() {
  const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
  const project = join(root, 'test/kernel/tsconfig.scenarios.json');
  const { status } = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  mkdirSync(join(built, 'test/support'), { recursive: true });
  copyFileSync(join(root, 'test/support/puppet.mjs'), join(built, 'test/support/puppet.mjs'));
  cpSync(join(root, 'test/kernel/golden'), join(built, 'test/kernel/golden'), { recursive: true });
  writeFileSync(join(built, 'package.json'), '{ "type": "module" }\n');
}

/** A module of the compiled scenarios. */
export const importBuilt = (path) => import(join(built, path));

/**
 * Holds a conversation on the kernel's driver.
 *
 * @param name of it, which says whether descriptors are sent
 * @param steps the seeds of its steps
 * @returns its lines
 */
export async function converseOnKernel(machine, name, steps) {
  const { converse } = await importBuilt('test/scenarios/conversation.js');
  const { sendsFiles } = await importBuilt('test/scenarios/recorded-conversation.js');
  try {
    const world = await machine.world(['interrupt', 'users', 'descriptors']);
    const lines = await converse(world, steps, {
      sendsFiles: sendsFiles(name),
      asksLabels: machine.lsm !== 'none',
    });
    await world.close();
    return lines;
  } catch (error) {
    machine.newPuppets();
    throw new Error(`Conversation ${name} of ${steps.join(',')}`, { cause: error });
  }
}
