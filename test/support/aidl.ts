// AIDL files of a directory, and the TypeScript that is made from them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import {
  type Compilation,
  type CompileOptions,
  canonicalName,
  compile,
  type Document,
  formatDiagnostic,
  generateTypeScript,
  type ModuleOptions,
  type TypeScriptModule,
  type TypeScriptOutput,
  warningLevels,
} from '../../src/aidl/index.ts';
import { type AidlOptions, addAidlOptions } from '../../src/cli/aidl-options.ts';

/** The AIDL files below a directory, by their paths in it. */
export function aidlFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.aidl'))
    .sort();
}

/** How files of a directory are compiled, with options of aidl's command line. */
export function optionsFor(directory: string, args: readonly string[] = []): CompileOptions {
  const options = addAidlOptions(new Command()).parse(args, { from: 'user' }).opts<AidlOptions>();
  return {
    read: (path) => {
      const full = join(directory, path);
      return existsSync(full) ? readFileSync(full, 'latin1') : undefined;
    },
    absolutePath: (path) => join(directory, path),
    includes: ['.', ...options.include, ...options.next_include],
    mustBeIncluded: true,
    preprocessed: options.preprocessed,
    structured: options.structured ?? false,
    failOnParcelable: options.b ?? false,
    warnings: warningLevels(options.W, options.w),
    ...(options.stability ? { stability: options.stability } : {}),
  };
}

/** Compiles a file. @throws Error with the compiler's messages where it has errors */
export function compileAidl(directory: string, file: string): Compilation & { readonly document: Document } {
  const compilation = compile(file, optionsFor(directory));
  const { document, diagnostics } = compilation;
  if (!document) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return { ...compilation, document };
}

/** The modules for all AIDL files of a directory. */
export function modulesOf(directory: string, options: ModuleOptions = {}): TypeScriptModule[] {
  return aidlFiles(directory).flatMap((file) => {
    const compilation = compileAidl(directory, file);
    return generateTypeScript(compilation.document, compilation, options).modules;
  });
}

/** What a file and the preprocessed ones become, if it compiles, and the modules that must be written by hand for it. */
export function generateFrom(
  directory: string,
  file: string,
  args: readonly string[],
): { output: TypeScriptOutput; unstructured: string[] } | undefined {
  const compilation = compile(file, optionsFor(directory, args));
  const { document, types } = compilation;
  if (!document) return undefined;
  const unstructured = types
    .all()
    .filter(({ kind }) => kind === 'unstructured')
    .map((type) => canonicalName(type).replaceAll('.', '/'));
  const outputs = [document, ...types.documents.filter(({ preprocessed }) => preprocessed)].map((one) =>
    generateTypeScript(one, compilation),
  );
  const output = {
    modules: outputs.flatMap(({ modules }) => modules),
    diagnostics: outputs.flatMap(({ diagnostics }) => diagnostics),
  };
  return { output, unstructured };
}
