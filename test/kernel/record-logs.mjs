#!/usr/bin/env node
// Records anew what Linux 7.2 writes to the driver's logs in the stories of test/scenarios/logs.ts.
//
//   npm run kernel:record-logs

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { buildScenarios, golden, startOnKernel } from './on-kernel.mjs';

buildScenarios();
const child = startOnKernel(['logs'], { stdout: 'pipe' });
const closed = once(child, 'close');
let text = '';
for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
const [code] = await closed;
if (code !== 0) throw new Error(`The machine ended with code ${code}:\n${text}`);
writeFileSync(golden('none', 'logs.txt'), text);
console.log(`logs.txt: ${text.match(/^==== /gm)?.length ?? 0} stories`);
