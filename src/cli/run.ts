import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { DEFAULT_DEVICES } from '../host/launcher/dev-plan.ts';
import { exitCodes, LaunchError, reportFailure } from '../host/launcher/failure.ts';
import { become } from '../host/launcher/run.ts';

interface Options {
  readonly mount?: string;
  readonly devices?: string[];
  readonly policy?: string;
  readonly maxDevices?: string;
  readonly stats?: string;
  readonly serviceManager?: boolean;
}

/** `ubinder run [--mount DIR] [--devices a,b,c] [--] COMMAND [ARG...]`. */
export function runCommand(): Command {
  return new Command('run')
    .summary('run a command that finds /dev/binder and /dev/binderfs')
    .description(
      `Run a command in a private mount namespace where /dev/binder, /dev/binderfs and so on are ubinder's.
Without --mount a private daemon serves them for as long as the command lives.`,
    )
    .option('--mount <dir>', 'the directory of a mount that is served already')
    .option(
      '--devices <names>',
      `devices of the private daemon, with commas between them (default: ${DEFAULT_DEVICES.join(',')})`,
      parseDevices,
    )
    .option('--policy <file>', 'rules for the private daemon that say who may do what')
    .option('--max-devices <n>', 'devices there may be in the private mount')
    .option('--stats <mode>', 'global: the private mount has binder_logs/')
    .option(
      '--service-manager',
      'binder and vndbinder of the private mount have a service manager; otherwise a program may be it',
    )
    .argument('<command>', 'what to run, looked for in $PATH')
    .argument('[args...]', 'its arguments, untouched')
    .passThroughOptions()
    .addHelpText(
      'after',
      `
The command keeps its process id, terminal, signals and exit code: ubinder becomes it. $UBINDER leads TypeScript
programs to the device. An ordinary user needs user namespaces and a /dev/fuse that all may open (see ubinder doctor).

Exit codes of its own: ${exitCodes.failed} ubinder failed, ${exitCodes.cannotExecute} the command cannot be executed, ${exitCodes.notFound} it was not found.

Examples:
  ubinder run -- ./client --verbose
  ubinder run --mount /run/my-binder -- sh -c 'ls -l /dev/binder'`,
    )
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : exitCodes.failed))
    .action((command: string, args: string[], options: Options) => {
      try {
        become({ ...options, up: [...upCommandLine(), ...daemonOptions(options)] }, [command, ...args]);
      } catch (error) {
        reportFailure(error);
      }
    });
}

/** Those that are `ubinder up`'s. */
function daemonOptions({ mount, policy, maxDevices, stats, serviceManager }: Options): string[] {
  const options: string[] = [];
  if (policy !== undefined) options.push('--policy', resolve(policy));
  if (maxDevices !== undefined) options.push('--max-devices', maxDevices);
  if (stats !== undefined) options.push('--stats', stats);
  const given = [...options, ...(serviceManager ? ['--service-manager'] : [])];
  if (mount !== undefined && given.length > 0)
    throw new LaunchError(
      `Cannot use ${given[0]} for a mount that is served already: give --mount or ${given[0]}`,
    );
  if (!serviceManager) options.push('--no-service-manager');
  return options;
}

function upCommandLine(): string[] {
  return [process.execPath, fileURLToPath(new URL('./main.js', import.meta.url)), 'up'];
}

function parseDevices(value: string): string[] {
  const names = value.split(',').map((name) => name.trim());
  if (names.some((name) => name === '' || name.includes('/')))
    throw new InvalidArgumentError('Give names without slashes, with commas between them.');
  return names;
}
