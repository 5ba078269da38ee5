#!/usr/bin/env node
// Builds the simulator and runs it: see main.ts for its options.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'test/simulation/tsconfig.json'], {
  cwd: root,
  stdio: 'inherit',
});
await import('../../node_modules/.cache/ubinder-simulation/test/simulation/main.js');
