#!/usr/bin/env node
// Records anew what Linux 7.2 writes to the driver's logs in the stories of test/scenarios/logs.ts.
//
//   npm run kernel:record-logs

import { writeFileSync } from 'node:fs';
import { Machine } from './machine.mjs';
import { buildScenarios, golden, importBuilt } from './on-kernel.mjs';

buildScenarios();
const { formatStory, storyNames, tell } = await importBuilt('test/scenarios/logs.js');
const machine = await Machine.start();
let text = '';
for (const name of storyNames) {
  const world = await machine.world(['interrupt', 'logs']);
  text += formatStory(name, await tell(name, world));
  await world.close();
}
await machine.stop();
writeFileSync(golden('none', 'logs.txt'), text);
console.log(`logs.txt: ${storyNames.length} stories`);
