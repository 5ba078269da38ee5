// The TypeScript of every file there is: one program under the strictest options, and the linter and formatter.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatDiagnostic } from '../../src/aidl/index.ts';
import { aidlFiles, generateFrom } from '../support/aidl.ts';
import { cases } from './corpus.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Where the modules would be: from there the package finds itself. */
const place = join(root, 'test/aidl/.generated');

const modules = new Map<string, string>();
const refused: string[] = [];

/** Hand-written modules, for parcelables that are only declared. */
function handWritten(name: string): string {
  return `import * as ub from 'ubinder/runtime';

export interface ${name} {
  readonly custom: string;
}

export const ${name}: ub.ParcelableType<${name}> = ub.defineCustomParcelable<${name}>('${name}', {
  read: (parcel) => ({ custom: parcel.readString() }),
  write: (parcel, value) => parcel.writeString(value.custom),
});
`;
}

beforeAll(() => {
  const add = (folder: string, directory: string, file: string, args: readonly string[] = []) => {
    const generated = generateFrom(directory, file, args);
    if (!generated) return;
    for (const { path, text } of generated.output.modules) modules.set(`${folder}/${path}`, text);
    for (const path of generated.unstructured) {
      const own = `${folder}/${path}.ts`;
      if (!modules.has(own)) modules.set(own, handWritten(path.slice(path.lastIndexOf('/') + 1)));
    }
    for (const diagnostic of generated.output.diagnostics) {
      if (diagnostic.severity === 'error') refused.push(`${folder} ${formatDiagnostic(diagnostic)}`);
    }
  };
  for (const { name, directory, file, args } of cases()) {
    // The modules of a file import those of the files that it imports; these must compile, too.
    const imported = aidlFiles(directory).filter((other) => other !== file);
    if (!imported.every((other) => generateFrom(directory, other, args))) continue;
    for (const one of [file, ...imported]) add(name, directory, one, args);
  }
  for (const set of ['names', 'wire']) {
    const directory = fileURLToPath(new URL(`${set}/aidl`, import.meta.url));
    for (const file of aidlFiles(directory)) add(set, directory, file);
  }
}, 60_000);

it('refuses only what Java alone has, and two of one name', () => {
  expect(refused.filter((line) => !/is Java only|would both be called/.test(line))).toEqual([]);
  expect(modules.size).toBeGreaterThan(50);
});

it('passes the compiler under the strictest options', { timeout: 120_000 }, () => {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    types: [],
    noEmit: true,
    declaration: true,
    skipLibCheck: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noFallthroughCasesInSwitch: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    noUncheckedSideEffectImports: true,
    allowUnreachableCode: false,
    isolatedModules: true,
    isolatedDeclarations: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
  };
  const host = ts.createCompilerHost(options);
  const virtual = new Map([...modules].map(([path, text]) => [join(place, path), text]));
  const directories = new Set([...virtual.keys()].flatMap(parents));
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (path) => virtual.get(path) ?? readFile(path);
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  const { directoryExists } = host;
  host.directoryExists = (path) => directories.has(path) || (directoryExists?.(path) ?? false);
  host.getSourceFile = (path, version, ...rest) => {
    const text = virtual.get(path);
    if (text === undefined) return getSourceFile(path, version, ...rest);
    return ts.createSourceFile(path, text, version, true);
  };
  const program = ts.createProgram([...virtual.keys()], options, host);
  const told = [...ts.getPreEmitDiagnostics(program), ...program.getDeclarationDiagnostics()];
  expect(told.map(textOf)).toEqual([]);
});

function parents(path: string): string[] {
  const directory = dirname(path);
  return directory === root || directory === '/' ? [] : [directory, ...parents(directory)];
}

function textOf({ file, start = 0, messageText }: ts.Diagnostic): string {
  const { line } = file?.getLineAndCharacterOfPosition(start) ?? { line: 0 };
  return `${file?.fileName}:${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}

let scratch = '';
afterAll(() => {
  if (scratch !== '') rmSync(scratch, { recursive: true });
});

it('is formatted and lints clean', { timeout: 120_000 }, () => {
  scratch = mkdtempSync(join(tmpdir(), 'ubinder-lint-'));
  for (const [path, text] of modules) {
    const full = join(scratch, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text, 'latin1');
  }
  // The overrides are for the project's own rooms, and name a file of its tools.
  const {
    vcs: _,
    $schema: __,
    overrides: ___,
    ...config
  } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
  writeFileSync(join(scratch, 'biome.json'), `${JSON.stringify(config, null, 2)}\n`);
  const folders = [...new Set([...modules.keys()].map((path) => path.split('/')[0]!))];
  const biome = join(root, 'node_modules/.bin/biome');
  const { stdout, stderr, status } = spawnSync(biome, ['check', '--error-on-warnings', ...folders], {
    cwd: scratch,
    encoding: 'utf8',
  });
  expect({ status, output: status === 0 ? '' : (stdout + stderr).slice(0, 4000) }).toEqual({
    status: 0,
    output: '',
  });
});
