import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import {
  apiMapping,
  type Compilation,
  type CompileOptions,
  checkApi,
  compile,
  type DefinedType,
  type Diagnostic,
  type Document,
  dependencyFile,
  dumpApi,
  dumpHead,
  formatDiagnostic,
  generateTypeScript,
  preprocess,
  type Severity,
  type WarningName,
  warningLevels,
} from '../aidl/index.ts';
import { type AidlOptions, type AidlTask, addAidlOptions, aidlTask } from './aidl-options.ts';
import { watch } from './aidl-watch.ts';
import { CliError, EXIT } from './exit-code.ts';

/** `ubinder aidl`: checks AIDL files, with the options, messages and exit code of Android's compiler. */
export function aidlCommand(): Command {
  const command = new Command('aidl')
    .description("write TypeScript from AIDL files, check them as Android's compiler does, compare their API")
    .argument('[input...]', 'AIDL files, at the paths their packages ask for')
    .action(run);
  return addAidlOptions(command);
}

async function run(inputs: string[], options: AidlOptions): Promise<void> {
  const task = aidlTask(inputs, options);
  const warnings = levelsOf(options);
  const once = (onRead?: (path: string) => void) => perform(task, options, warnings, onRead);
  if (options.watch) await watch(once);
  else if (!once()) process.exitCode = EXIT.failed;
}

/** Whether all went well; `onRead` is told of each file that was looked for. */
function perform(
  task: AidlTask,
  options: AidlOptions,
  warnings: Record<WarningName, Severity>,
  onRead?: (path: string) => void,
): boolean {
  const texts = new Map<string, string | undefined>();
  const read = (path: string) => {
    if (!texts.has(path)) {
      onRead?.(path);
      texts.set(path, readBytes(path));
    }
    return texts.get(path);
  };
  const compileOptions: CompileOptions = {
    read,
    absolutePath,
    includes: [...options.include, ...options.next_include],
    // Where aidl is told the output, it does not care where the input is.
    mustBeIncluded: task.kind === 'dumpapi' || (task.kind === 'compile' && options.out !== undefined),
    preprocessed: options.preprocessed,
    structured: options.structured ?? false,
    failOnParcelable: options.b ?? false,
    warnings,
    ...(options.stability ? { stability: options.stability } : {}),
    ...(options.version === undefined ? {} : { version: options.version }),
    ...(options.hash === undefined ? {} : { hash: options.hash }),
  };
  if (task.kind === 'checkapi') {
    const [older, newer] = task.inputs.map((directory) => ({ directory, files: aidlFiles(directory) }));
    return !tell(checkApi(older!, newer!, task.level, compileOptions));
  }
  const written: string[] = [];
  for (const input of task.inputs) {
    const compilation = compile(input, compileOptions);
    const { diagnostics, document } = compilation;
    tell(diagnostics);
    if (!document) return false;
    for (const type of document.types) {
      if (task.kind === 'dumpapi') write(pathOf(options.out!, type, 'aidl'), dump(document, type, options));
      if (task.kind === 'preprocess') written.push(preprocess(type));
      if (task.kind === 'apimapping') written.push(apiMapping(type));
      if (task.kind === 'compile') writeDependencies(input, type, compilation, options);
    }
    if (task.kind === 'compile' && !writeTypeScript(input, document, compilation, options)) return false;
  }
  if (task.kind === 'preprocess' || task.kind === 'apimapping') write(task.output, written.join(''));
  return true;
}

/** Writes what is asked for: below --out, or beside the input. Without either option the input is checked only. */
function writeTypeScript(
  input: string,
  document: Document,
  compilation: Compilation,
  { lang, out, import_extension }: AidlOptions,
): boolean {
  if (lang === undefined && out === undefined) return true;
  const options = { importExtension: import_extension };
  const { modules, diagnostics } = generateTypeScript(document, compilation, options);
  if (tell(diagnostics)) return false;
  for (const { path, text } of modules) {
    write(out === undefined ? input.replace(/\.aidl$/, '.ts') : join(out, path), text);
  }
  return true;
}

function writeDependencies(
  input: string,
  type: DefinedType,
  { imported }: Compilation,
  options: AidlOptions,
): void {
  const output =
    options.out === undefined ? input.replace(/\.aidl$/, '.ts') : pathOf(options.out, type, 'ts');
  const path = options.dep ?? (options.a ? `${output}.d` : undefined);
  if (path !== undefined) write(path, dependencyFile(output, [input, ...imported], options.ninja));
}

const dump = (document: Document, type: DefinedType, { no_license }: AidlOptions): string =>
  (no_license ? '' : dumpHead(document)) + dumpApi(type);

/** Where the output of a type is: in folders named as its package. */
const pathOf = (out: string, type: DefinedType, extension: string): string =>
  join(out, type.package.replaceAll('.', '/'), `${type.name}.${extension}`);

/** Whether there are errors among them. */
function tell(diagnostics: readonly Diagnostic[]): boolean {
  const text = diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic)}\n`).join('');
  if (text !== '') process.stderr.write(Buffer.from(text, 'latin1'));
  return diagnostics.some(({ severity }) => severity === 'error');
}

function levelsOf(options: AidlOptions): Record<WarningName, Severity> {
  try {
    return warningLevels(options.W, options.w);
  } catch (error) {
    throw new CliError((error as Error).message, EXIT.usage);
  }
}

/** The AIDL files in a directory and those inside it, sorted. */
function aidlFiles(directory: string): string[] {
  if (!existsSync(directory)) {
    throw new CliError(
      `${directory}: Failed to read directory '${directory}': No such file or directory`,
      EXIT.failed,
    );
  }
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.aidl') && !entry.isDirectory())
    .map((entry) => `${directory}/${join(entry.parentPath, entry.name).slice(join(directory, '/').length)}`)
    .sort();
}

/** One character a byte, as the compiler reads; undefined for what cannot be read. */
function readBytes(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** The path itself where it leads nowhere. */
function absolutePath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, 'latin1');
}
