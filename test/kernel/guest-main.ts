import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { families } from '../scenarios/all.ts';
import { converse } from '../scenarios/conversation.ts';
import { formatStory, storyNames, tell } from '../scenarios/logs.ts';
import { heading, parseConversations, sendsFiles } from '../scenarios/recorded-conversation.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { DEBUGFS, kernelCounts } from '../support/kernel-driver.ts';
import { MountWorld, Puppets } from '../support/mount-world.ts';
import type { Ability } from '../support/world.ts';

// Asks the kernel's own driver; runs where that is, started by on-kernel.mjs.
//
//   guest-main.js scenarios [PATTERN]   carries out all scenarios, or those with such a name
//   guest-main.js logs                 prints the logs in the stories of test/scenarios/logs.ts
//   guest-main.js converse FILE         holds the conversations whose headings are in FILE, and prints them

const [, , task, argument] = process.argv;

/** Their first manager may be of another user than root, each once. */
const spareDevices = ['/dev/hwbinder', '/dev/vndbinder'];
/** Milliseconds; the driver flushes in its own time. */
const FLUSH_DELAY = 60;

let puppets = new Puppets();

async function main(): Promise<boolean> {
  spawnSync('mount', ['-t', 'debugfs', 'debugfs', DEBUGFS]);
  for (const device of spareDevices) chmodSync(device, 0o666);
  if (task === 'logs') return tellAll();
  return task === 'converse' ? converseAll(argument ?? '') : runAll(new RegExp(argument ?? '.'));
}

function open(device: string, abilities: readonly Ability[]): Promise<MountWorld> {
  const target = {
    device,
    abilities,
    counts: kernelCounts,
    flushDelay: FLUSH_DELAY,
    logs: `${DEBUGFS}/binder`,
  };
  return MountWorld.create(target, puppets);
}

async function tellAll(): Promise<boolean> {
  for (const name of storyNames) {
    const world = await open('/dev/binder', ['interrupt', 'logs']);
    process.stdout.write(formatStory(name, await tell(name, world)));
    await world.close();
  }
  return true;
}

async function converseAll(file: string): Promise<boolean> {
  for (const { name, steps } of parseConversations(readFileSync(file, 'utf8'))) {
    const world = await open('/dev/binder', ['interrupt', 'users', 'descriptors']);
    const lines = await converse(world, steps, {
      sendsFiles: sendsFiles(name),
      asksLabels: hasLabels(),
    });
    await world.close();
    console.log([heading(name), ...lines].join('\n'));
  }
  return true;
}

async function runAll(names: RegExp): Promise<boolean> {
  const abilities: Ability[] = ['interrupt', 'unmap', 'users', 'descriptors', 'logs'];
  if (hasLabels()) abilities.push('labels');
  const count = { passed: 0, skipped: 0, failed: 0 };
  for (const [family, scenarios] of Object.entries(families)) {
    for (const scenario of scenarios) {
      if (!names.test(scenario.name) && !names.test(family)) continue;
      const result = await run(scenario, abilities);
      if (result === null) count.passed++;
      else if (result.startsWith('skipped')) count.skipped++;
      else count.failed++;
      if (result !== null) console.log(`${family}: ${scenario.name}: ${result}`);
    }
  }
  console.log(Object.entries(count).flat().join(' '));
  return count.failed === 0;
}

/** Whether a security module tells labels. */
function hasLabels(): boolean {
  return spawnSync('cat', ['/proc/self/attr/current']).status === 0;
}

/** @returns `null` when all was as expected, or why not. */
async function run(scenario: Scenario, abilities: readonly Ability[]): Promise<string | null> {
  const missing = scenario.needs?.find((need) => !abilities.includes(need));
  if (missing) return `skipped: needs ${missing}`;
  if (scenario.label !== undefined) return 'skipped: the label cannot be chosen';
  if (scenario.differs) return `skipped: ${scenario.differs}`;
  const device = scenario.needs?.includes('users') ? spareDevices.pop() : '/dev/binder';
  if (!device) return 'skipped: no device is left';
  try {
    const world = await open(device, abilities);
    await scenario.run(world);
    await world.close();
    return null;
  } catch (error) {
    puppets.dispose();
    puppets = new Puppets();
    return `FAILED ${(error as Error).stack}`;
  }
}

const isGood = await main();
puppets.dispose();
process.exit(isGood ? 0 : 1);
