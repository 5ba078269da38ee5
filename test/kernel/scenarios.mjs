#!/usr/bin/env node
// All scenarios on the kernel's own driver, or those with such a name.
//
//   npm run kernel:scenarios -- [--kernel K] [--lsm L] [PATTERN]

import process from 'node:process';
import { parseArgs } from 'node:util';
import { Machine } from './machine.mjs';
import { buildScenarios, importBuilt } from './on-kernel.mjs';

const { values, positionals } = parseArgs({
  options: { kernel: { type: 'string', default: '7.2' }, lsm: { type: 'string', default: 'none' } },
  allowPositionals: true,
});
const names = new RegExp(positionals[0] ?? '.');
buildScenarios();
const { families } = await importBuilt('test/scenarios/all.js');
const machine = await Machine.start(values);
console.log(`Linux ${await machine.release()}`);
const abilities = ['interrupt', 'unmap', 'users', 'descriptors', 'logs'];
if (values.lsm !== 'none') abilities.push('labels');
const count = { passed: 0, skipped: 0, failed: 0 };
for (const [family, scenarios] of Object.entries(families)) {
  for (const scenario of scenarios) {
    if (!names.test(scenario.name) && !names.test(family)) continue;
    const result = await run(scenario);
    if (result === null) count.passed++;
    else if (result.startsWith('skipped')) count.skipped++;
    else count.failed++;
    if (result !== null) console.log(`${family}: ${scenario.name}: ${result}`);
  }
}
console.log(Object.entries(count).flat().join(' '));
await machine.stop();
process.exit(count.failed === 0 && count.passed > 0 ? 0 : 1);

/** @returns `null` when all was as expected, or why not. */
async function run(scenario) {
  const missing = scenario.needs?.find((need) => !abilities.includes(need));
  if (missing) return `skipped: needs ${missing}`;
  if (scenario.label !== undefined) return 'skipped: the label cannot be chosen';
  if (scenario.differs) return `skipped: ${scenario.differs}`;
  try {
    const world = await machine.world(abilities, { hasStrangers: scenario.needs?.includes('users') });
    if (world === null) return 'skipped: no device is left';
    await scenario.run(world);
    await world.close();
    return null;
  } catch (error) {
    machine.newPuppets();
    return `FAILED ${error.stack}`;
  }
}
