import { Command } from 'commander';
import { askDaemon } from '../host/daemon/control-socket.ts';
import { formatBytes } from './bytes.ts';
import { CliError, EXIT, fail } from './exit-code.ts';
import { mountPointFrom } from './mount-point.ts';

/** `ubinder shrink`: gives pages of clients' mappings that hold nothing back to the system. */
export function shrinkCommand(): Command {
  return new Command('shrink')
    .description('give memory of received data that nobody uses back to the system')
    .argument('[dir]', 'the directory that is served')
    .option('--json', 'print one JSON object')
    .action(async (directory: string | undefined, options: { json?: boolean }) => {
      const mountPoint = mountPointFrom(directory);
      const result = (await askDaemon(mountPoint, 'shrink').catch(fail)) as {
        freedBytes: number;
        residentBytes: number;
      } | null;
      if (!result) throw new CliError(`Nothing is served at ${mountPoint}`, EXIT.notServing);
      const { freedBytes, residentBytes } = result;
      process.stdout.write(
        options.json
          ? `${JSON.stringify(result)}\n`
          : `gave back ${formatBytes(freedBytes)}; mappings take ${formatBytes(residentBytes)}\n`,
      );
    });
}
