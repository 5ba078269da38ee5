import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import {
  type CompileOptions,
  compile,
  dumpApi,
  dumpHead,
  formatDiagnostic,
  type Severity,
  type WarningName,
  warningLevels,
} from '../aidl/index.ts';
import { CliError, EXIT } from './exit-code.ts';

interface Options {
  include: string[];
  preprocessed: string[];
  out?: string;
  dumpapi?: true;
  structured?: true;
  stability?: 'vintf';
  b?: true;
  W: string[];
  w?: true;
}

const collect = (value: string, values: string[]): string[] => [...values, value];

/** `ubinder aidl`: checks AIDL files, with the options, messages and exit code of Android's compiler. */
export function aidlCommand(): Command {
  return new Command('aidl')
    .description("check AIDL files as Android's compiler does, and dump their API")
    .argument('<input...>', 'AIDL files, at the paths their packages ask for')
    .option('-I, --include <dir>', 'look for imports here; may be given often', collect, [])
    .option('-p, --preprocessed <file>', 'know the types this file declares; may be given often', collect, [])
    .option('--dumpapi', 'write the API of each type into --out')
    .option('-o, --out <dir>', 'where to write')
    .option('--structured', 'the interface is defined in AIDL alone: no unstructured parcelables')
    .option('--stability <level>', 'the stability the interface must have: vintf', stabilityOf)
    .option('-b', 'refuse parcelables that are only declared')
    .option(
      '-W <warning>',
      'a warning by name, everything, error, no-NAME, no-error=NAME; may be given often',
      collect,
      [],
    )
    .option('-w', 'no warnings')
    .helpOption('--help', 'show this help')
    .action(run);
}

function stabilityOf(level: string): string {
  if (level !== 'vintf') throw new InvalidArgumentError('Must be vintf.');
  return level;
}

function run(inputs: string[], options: Options): void {
  if (options.dumpapi && options.out === undefined) {
    throw new CliError('--dumpapi requires output directory. Use --out.', EXIT.usage);
  }
  const compileOptions: CompileOptions = {
    read: readBytes,
    includes: options.include,
    preprocessed: options.preprocessed,
    structured: options.structured ?? false,
    failOnParcelable: options.b ?? false,
    warnings: levelsOf(options),
    ...(options.stability ? { stability: options.stability } : {}),
  };
  for (const input of inputs) {
    const { diagnostics, document } = compile(input, compileOptions);
    for (const diagnostic of diagnostics) {
      process.stderr.write(Buffer.from(`${formatDiagnostic(diagnostic)}\n`, 'latin1'));
    }
    if (!document) {
      process.exitCode = EXIT.failed;
      return;
    }
    if (!options.dumpapi) continue;
    for (const type of document.types) {
      const path = join(options.out!, type.package.replaceAll('.', '/'), `${type.name}.aidl`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, dumpHead(document) + dumpApi(type), 'latin1');
    }
  }
}

function levelsOf(options: Options): Record<WarningName, Severity> {
  try {
    return warningLevels(options.W, options.w);
  } catch (error) {
    throw new CliError((error as Error).message, EXIT.usage);
  }
}

/** One character a byte, as the compiler reads; undefined for what cannot be read. */
function readBytes(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
