import { reportFailure } from './failure.ts';
import { inside } from './run.ts';

// A program of its own: `node inside.js PLAN COMMAND [ARG...]`, started by run() and become().
const [, , plan = '{}', ...command] = process.argv;
try {
  inside(plan, command);
} catch (error) {
  reportFailure(error);
}
