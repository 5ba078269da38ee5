// AIDL files of a directory, and the TypeScript that is made from them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Compilation,
  compile,
  type Document,
  formatDiagnostic,
  generateTypeScript,
  type ModuleOptions,
  type TypeScriptModule,
} from '../../src/aidl/index.ts';

/** The AIDL files below a directory, by their paths in it. */
export function aidlFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.aidl'))
    .sort();
}

/** Compiles a file. @throws Error with the compiler's messages where it has errors */
export function compileAidl(directory: string, file: string): Compilation & { readonly document: Document } {
  const compilation = compile(file, {
    read: (path) => {
      const full = join(directory, path);
      return existsSync(full) ? readFileSync(full, 'latin1') : undefined;
    },
    includes: ['.'],
  });
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
