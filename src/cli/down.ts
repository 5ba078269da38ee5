import { Command } from 'commander';
import { askDaemon } from '../host/daemon/control-socket.ts';
import { recoverStaleMount } from '../host/daemon/stale-mount.ts';
import type { Status } from '../host/daemon/status.ts';
import { CliError, EXIT } from './exit-code.ts';
import { mountPointFrom } from './mount-point.ts';
import { waitForExit } from './wait-for-exit.ts';

/** `ubinder down`: asks the daemon to stop, or clears away what a killed one left. */
export function downCommand(): Command {
  return new Command('down')
    .description('stop serving: unmounts, and ends the daemon')
    .option('--mount <dir>', 'the directory that is served')
    .action(async (options: { mount?: string }) => {
      const mountPoint = mountPointFrom(options.mount);
      const status = (await askDaemon(mountPoint, 'status')) as Status | null;
      if (status) {
        await askDaemon(mountPoint, 'stop');
        await waitForExit(status.pid);
      } else if (!recoverStaleMount(mountPoint)) {
        throw new CliError(`Nothing is served at ${mountPoint}`, EXIT.notServing);
      }
    });
}
