import { writeSync } from 'node:fs';
import { LaunchError } from './failure.ts';
import { inside } from './run.ts';

// A program of its own: `node inside.js PLAN COMMAND [ARG...]`, started by run() and become().
const [, , plan = '{}', ...command] = process.argv;
try {
  inside(plan, command);
} catch (error) {
  if (!(error instanceof LaunchError)) throw error;
  writeSync(2, `ubinder run: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
