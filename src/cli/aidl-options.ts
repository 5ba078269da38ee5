import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ApiLevel } from '../aidl/index.ts';
import { CliError, EXIT } from './exit-code.ts';

/** The options of `ubinder aidl` as they are written. */
export interface AidlOptions {
  lang?: 'ts';
  preprocess?: true;
  dumpapi?: true;
  checkapi?: string | true;
  apimapping?: string;
  watch?: true;
  include: string[];
  next_include: string[];
  preprocessed: string[];
  dep?: string;
  a?: true;
  ninja?: true;
  out?: string;
  import_extension: '.js' | '.ts';
  no_license?: true;
  structured?: true;
  stability?: 'vintf';
  b?: true;
  version?: number;
  hash?: string;
  W: string[];
  w?: true;
}

/** What to do, and with which files. */
export type AidlTask =
  | { readonly kind: 'compile' | 'dumpapi'; readonly inputs: readonly string[] }
  | {
      readonly kind: 'preprocess' | 'apimapping';
      readonly output: string;
      readonly inputs: readonly string[];
    }
  | { readonly kind: 'checkapi'; readonly level: ApiLevel; readonly inputs: readonly [string, string] };

/** An option whose values are collected. */
const repeatable = (flags: string, description: string): Option =>
  new Option(flags, `${description}; may be given often`)
    .default([], 'none')
    .argParser((value: string, values: string[]): string[] => [...values, value]);

/** Options of aidl that change nothing here, so that build files carry over. */
const IGNORED = [
  new Option('--transaction_names'),
  new Option('-h, --header_out <dir>'),
  new Option('--min_sdk_version <version>'),
  new Option('--omit_invocation'),
  new Option('-t, --trace'),
  new Option('--rpc'),
];
/** Options of aidl that ask for what there is not. */
const REFUSED: readonly (readonly [Option, string])[] = [
  [new Option('--log'), '--log is for C++ alone; observe calls in TypeScript where they are made'],
  [
    new Option('--previous_api_dir <dir>'),
    '--previous_api_dir is not supported: no code is made that plays the version before; leave it out',
  ],
  [new Option('--previous_hash <hash>'), '--previous_hash is not supported: see --previous_api_dir'],
];

const HELP = `
--preprocess OUTPUT INPUT...   write what other files need to know of the inputs' types into OUTPUT, for -p
--checkapi OLD_DIR NEW_DIR     compare two dumps of an API
Options go before the inputs or behind them.

Accepted and without effect, as there is nothing to choose in TypeScript: ${IGNORED.map((option) => option.long).join(', ')}.
Method names are always part of the code.`;

/** Declares aidl's options, by aidl's names. */
export function addAidlOptions(command: Command): Command {
  command
    .option('--lang <language>', 'the language to write: ts', languageOf)
    .option('--preprocess', 'write the declarations of the inputs into the first file named')
    .option('--dumpapi', 'write the API of each type into --out')
    .option('--checkapi [level]', 'compare two API dumps: compatible (the default) or equal')
    .option('--apimapping <output>', 'write the signature of each method and the line it is in')
    .option('--watch', 'do it again whenever a file that was read changes')
    .addOption(repeatable('-I, --include <dir>', 'look for imports here'))
    .addOption(repeatable('-N, --next_include <dir>', 'as -I'))
    .addOption(repeatable('-p, --preprocessed <file>', 'know the types this file declares'))
    .option('-d, --dep <file>', 'write what the output depends on, for make; for one input only')
    .option('-a', 'write what each output depends on into a file beside it, named output.d')
    .option('--ninja', 'write dependencies as ninja reads them')
    .option('-o, --out <dir>', 'where to write')
    .addOption(
      new Option('--import_extension <extension>', 'how the modules written name each other')
        .choices(['.js', '.ts'])
        .default('.js'),
    )
    .option('--no_license', 'leave the comments at the head of the file out of --dumpapi')
    .option('--structured', 'the interface is defined in AIDL alone: no unstructured parcelables')
    .option('--stability <level>', 'the stability the interface must have: vintf', stabilityOf)
    .option('-b', 'refuse parcelables that are only declared')
    .option('-v, --version <version>', "the interface's version, for getInterfaceVersion", versionOf)
    .option('--hash <hash>', "the interface's hash, for getInterfaceHash")
    .addOption(repeatable('-W <warning>', 'a warning by name, everything, error, no-NAME, no-error=NAME'))
    .option('-w', 'no warnings')
    .helpOption('--help', 'show this help')
    .addHelpText('after', HELP);
  for (const option of IGNORED) command.addOption(option.hideHelp());
  for (const [option, why] of REFUSED) {
    const refuse = () => {
      throw new CliError(why, EXIT.usage);
    };
    command.addOption(option.hideHelp()).on(`option:${option.name()}`, refuse);
  }
  return command;
}

/** Which task the options ask for; one that lacks an argument is refused as aidl does. */
export function aidlTask(args: readonly string[], options: AidlOptions): AidlTask {
  const kinds = (['preprocess', 'dumpapi', 'checkapi', 'apimapping'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (kinds.length > 1) usage(`--${kinds.join(' and --')} are different tasks: ask for one`);
  const kind = kinds[0] ?? 'compile';
  if (kind === 'checkapi') return checkTask(args, options.checkapi!);
  if (kind === 'preprocess') {
    if (options.version !== undefined) usage('--version should not be used with --preprocess');
    if (args.length < 2) usage(`Insufficient arguments. At least 2 required, but got ${args.length}.`);
    return { kind, output: args[0]!, inputs: args.slice(1) };
  }
  if (args.length === 0) usage('No input file.');
  if (kind === 'apimapping') return { kind, output: options.apimapping!, inputs: args };
  if (kind === 'dumpapi') {
    if (options.out === undefined) usage('--dumpapi requires output directory. Use --out.');
    return { kind, inputs: args };
  }
  if (options.dep !== undefined && args.length > 1) {
    usage("-d or --dep doesn't work with several AIDL files. Use -a to write one beside each output.");
  }
  for (const input of args) {
    if (!input.endsWith('.aidl')) usage(`Expected .aidl file for input but got '${input}'`);
  }
  return { kind, inputs: args };
}

function checkTask(args: readonly string[], given: string | true): AidlTask {
  // The level stands behind `=`; what stands behind a blank is the first directory.
  const isLevel = given === 'compatible' || given === 'equal';
  const inputs = given === true || isLevel ? args : [given, ...args];
  if (inputs.length !== 2) {
    usage(`--checkapi[=compatible|equal] requires two inputs for comparing, but got ${inputs.length}.`);
  }
  return { kind: 'checkapi', level: isLevel ? given : 'compatible', inputs: [inputs[0]!, inputs[1]!] };
}

function usage(message: string): never {
  throw new CliError(message, EXIT.usage);
}

function languageOf(language: string): string {
  if (language === 'ts') return language;
  throw new InvalidArgumentError("Must be ts; Android's own aidl writes the other languages.");
}

function stabilityOf(level: string): string {
  if (level !== 'vintf') throw new InvalidArgumentError('Must be vintf.');
  return level;
}

function versionOf(text: string): number {
  const version = Number(text);
  if (/^[0-9]+$/.test(text) && version > 0 && version < 2 ** 31) return version;
  throw new InvalidArgumentError('Version must be a positive natural number.');
}
