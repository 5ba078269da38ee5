import { Command } from 'commander';
import { askDaemon } from '../host/daemon/control-socket.ts';
import type { Status } from '../host/daemon/status.ts';
import { CliError, EXIT, fail } from './exit-code.ts';
import { mountPointFrom } from './mount-point.ts';

/** `ubinder status`: what the daemon serves, in numbers. */
export function statusCommand(): Command {
  return new Command('status')
    .description('show what is served, in numbers')
    .option('--mount <dir>', 'the directory that is served')
    .option('--json', 'print one JSON object')
    .action(async (options: { mount?: string; json?: boolean }) => {
      const mountPoint = mountPointFrom(options.mount);
      const status = (await askDaemon(mountPoint, 'status').catch(fail)) as Status | null;
      if (!status) throw new CliError(`Nothing is served at ${mountPoint}`, EXIT.notServing);
      process.stdout.write(options.json ? `${JSON.stringify(status)}\n` : format(status));
    });
}

function format(status: Status): string {
  const { mountPoint, pid, mode, devices, uptime, ...counts } = status;
  const head = `${mountPoint} (pid ${pid}, ${mode}, up ${uptime.toFixed(0)} s): ${devices.join(', ')}\n`;
  return (
    head +
    Object.entries(counts)
      .map(([name, count]) => `  ${name.padEnd(13)}${count}\n`)
      .join('')
  );
}
