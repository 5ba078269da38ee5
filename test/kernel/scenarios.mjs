#!/usr/bin/env node
// All scenarios on the kernel's own driver, or those with such a name: a quarter of an hour.
//
//   npm run kernel:scenarios -- [--kernel K] [--lsm L] [PATTERN]

import { once } from 'node:events';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { buildScenarios, startOnKernel } from './on-kernel.mjs';

const { values, positionals } = parseArgs({
  options: { kernel: { type: 'string', default: '7.2' }, lsm: { type: 'string', default: 'none' } },
  allowPositionals: true,
});
buildScenarios();
const options = ['--kernel', values.kernel, '--lsm', values.lsm];
const [code] = await once(startOnKernel(['scenarios', ...positionals], { options }), 'close');
process.exit(code ?? 1);
