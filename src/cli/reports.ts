import { Command, InvalidArgumentError } from 'commander';
import { streamFromDaemon } from '../host/daemon/control-socket.ts';
import { REPORT_KINDS, type ReportKind } from '../host/daemon/reports.ts';
import { CliError, EXIT, fail } from './exit-code.ts';
import { mountPointFrom } from './mount-point.ts';

/** `ubinder reports`: transactions that went wrong, as they do, one JSON object a line. */
export function reportsCommand(): Command {
  return new Command('reports')
    .description('print transactions that fail, are delayed by a frozen process, or are too many')
    .argument('[dir]', 'the directory that is served')
    .option('--context <device>', 'only of this device')
    .option('--pid <pid>', 'only of transactions that this process sends', pidOf)
    .option('--kinds <list>', `only these, with commas between them: ${REPORT_KINDS.join(', ')}`, kindsOf)
    .action(async (directory: string | undefined, filter: object) => {
      const mountPoint = mountPointFrom(directory);
      // Whoever reads may have enough.
      process.stdout.on('error', () => process.exit(EXIT.ok));
      const request = { command: 'reports', filter };
      const didListen = await streamFromDaemon(mountPoint, request, process.stdout).catch(fail);
      if (!didListen) throw new CliError(`Nothing is served at ${mountPoint}`, EXIT.notServing);
    });
}

function pidOf(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('Give a process id.');
  return Number(value);
}

function kindsOf(value: string): ReportKind[] {
  const kinds = value.split(',');
  if (!kinds.every((kind) => (REPORT_KINDS as readonly string[]).includes(kind)))
    throw new InvalidArgumentError(`Known are ${REPORT_KINDS.join(', ')}.`);
  return kinds as ReportKind[];
}
