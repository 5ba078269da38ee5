import { Command } from 'commander';
import { askDaemon } from '../host/daemon/control-socket.ts';
import type { PageFigures } from '../host/daemon/reclaimer.ts';
import type { Status } from '../host/daemon/status.ts';
import { formatBytes } from './bytes.ts';
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
  const { mountPoint, pid, mode, devices, uptime, pages, ...counts } = status;
  const head = `${mountPoint} (pid ${pid}, ${mode}, up ${uptime.toFixed(0)} s): ${devices.join(', ')}\n`;
  const lines = Object.entries(counts).map(([name, count]) => line(name, count));
  return head + lines.join('') + line('pages', pages ? formatPages(pages) : `not reclaimed in ${mode} mode`);
}

function line(name: string, what: number | string): string {
  return `  ${name.padEnd(16)}${what}\n`;
}

function formatPages(pages: PageFigures): string {
  const { usedBytes, unusedBytes, residentBytes, reclaimedBytes, budget, seesPressure } = pages;
  const triggers = [
    ...(budget === null ? [] : [`above ${formatBytes(budget)}`]),
    ...(seesPressure ? ['under memory pressure'] : []),
  ];
  return (
    `${formatBytes(residentBytes)} resident (${formatBytes(usedBytes)} used, ${formatBytes(unusedBytes)} unused); ` +
    `${formatBytes(reclaimedBytes)} given back, ${triggers.join(' and ')}`
  );
}
