import { Command } from 'commander';
import { type Diagnosis, diagnose } from '../host/launcher/checks/diagnose.ts';
import { formatDiagnosis } from './doctor-format.ts';

/** What `ubinder doctor` exits with. */
const exitCodes = { canMount: 0, onlyEmbedded: 1 } as const;

/** `ubinder doctor [--json]`: tries what this machine allows. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('try what this machine allows')
    .description('Try what this machine allows, say what will therefore work, and what to do about the rest.')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Exit codes: ${exitCodes.canMount} native programs can be served here, ${exitCodes.onlyEmbedded} only the embedded driver works.`,
    )
    .action(async ({ json }: { json?: boolean }) => {
      const diagnosis: Diagnosis = await diagnose();
      process.stdout.write(json ? `${JSON.stringify(diagnosis, null, 2)}\n` : formatDiagnosis(diagnosis));
      process.exitCode = diagnosis.canMount ? exitCodes.canMount : exitCodes.onlyEmbedded;
    });
}
