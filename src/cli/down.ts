import { rmSync } from 'node:fs';
import { Command } from 'commander';
import { controlFiles } from '../host/daemon/control-path.ts';
import { stopDaemon } from '../host/daemon/control-socket.ts';
import { holder, lockMount } from '../host/daemon/mount-lock.ts';
import { recoverStaleMount } from '../host/daemon/stale-mount.ts';
import { CliError, EXIT, fail } from './exit-code.ts';
import { mountPointFrom } from './mount-point.ts';

/** `ubinder down`: tells the daemon to stop, or clears away what a killed one left. */
export function downCommand(): Command {
  return new Command('down')
    .description('stop serving: unmounts, and ends the daemon')
    .option('--mount <dir>', 'the directory that is served')
    .action(async (options: { mount?: string }) => {
      const mountPoint = mountPointFrom(options.mount);
      await down(mountPoint).catch(fail);
    });
}

async function down(mountPoint: string): Promise<void> {
  if (await stopDaemon(mountPoint)) return;
  const lock = lockMount(mountPoint);
  if (!lock) {
    const pid = holder(mountPoint) ?? 'unknown';
    throw new CliError(
      `Cannot stop the daemon of ${mountPoint} (pid ${pid}): it is starting or ending; try again`,
    );
  }
  try {
    const recovered = await recoverStaleMount(mountPoint);
    rmSync(controlFiles(mountPoint).socket, { force: true });
    if (!recovered) throw new CliError(`Nothing is served at ${mountPoint}`, EXIT.notServing);
  } finally {
    lock.release();
  }
}
