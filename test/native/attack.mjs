// Hostile clients for as long as you like:
//
//   npm run attack -- [--minutes M] [--mode root|root-inject|root-store|rootless|rootless-store]... [--seed N] [--no-ratio]
//
// It fails on a wrong answer, on a call that never ends, when the daemon is another afterwards or something is left of
// the clients, and, unless --no-ratio, when the 99th percentile of the well-behaved clients' calls is more than ten times what
// it is in the quiet times between the attacks. The minutes are for each mode.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    mode: { type: 'string', multiple: true, default: ['root'] },
    seed: { type: 'string' },
    'no-ratio': { type: 'boolean', default: false },
  },
});
const seconds = Math.round(Number(values.minutes) * 60);
if (!(seconds > 0)) {
  console.error(`--minutes needs a number, not ${values.minutes}`);
  process.exit(2);
}
const env = {
  ...process.env,
  UBINDER_ATTACK_SECONDS: `${seconds}`,
  UBINDER_ATTACK_MODES: values.mode.join(','),
  ...(values.seed === undefined ? {} : { UBINDER_ATTACK_SEED: values.seed }),
  ...(values['no-ratio'] ? {} : { UBINDER_ATTACK_RATIO: '10' }),
};
const args = ['vitest', 'run', '--config', 'test/native/vitest.config.ts', 'test/native/attack.test.ts'];
process.exit(spawnSync('npx', args, { stdio: 'inherit', env }).status ?? 1);
