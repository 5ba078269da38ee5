// Builds dist/ from src/: what is imported, run as the command, and started in processes and Workers of its own.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}/dist`, { recursive: true, force: true });
const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));
const { status } = spawnSync(process.execPath, [tsc, '-p', `${root}/tsconfig.build.json`], {
  stdio: 'inherit',
});
if (status === 0)
  for (const command of ['main', 'mount-helper']) chmodSync(`${root}/dist/cli/${command}.js`, 0o755);
process.exit(status ?? 1);
