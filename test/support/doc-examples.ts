import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

/** An example in a doc comment. */
export interface DocExample {
  /** `file:line`, of its first line. */
  readonly where: string;
  readonly code: string;
}

/** The fenced blocks of TypeScript in the doc comments of a room's files. */
export function docExamples(room: string): DocExample[] {
  const examples: DocExample[] = [];
  for (const name of readdirSync(room).sort()) {
    if (!/\.ts$/.test(name) || /\.test(-support)?\.ts$/.test(name)) continue;
    let block: string[] | null = null;
    let start = 0;
    for (const [index, line] of readFileSync(join(room, name), 'utf8').split('\n').entries()) {
      const text = /^\s*\* ?(.*)$/.exec(line)?.[1];
      if (block === null) {
        if (text !== '```ts') continue;
        block = [];
        start = index + 2;
      } else if (text === undefined || text === '```') {
        assert.equal(text, '```', `${name}:${start}: an example must end in its comment`);
        examples.push({ where: `${join(room, name)}:${start}`, code: block.join('\n') });
        block = null;
      } else {
        block.push(text);
      }
    }
  }
  return examples;
}

/**
 * Compiles examples as strictly as the code itself. They see what `index` exports, and `assert`.
 *
 * @param names - the exported names, of types too
 * @returns the compiler's complaints, each with the place of its example.
 */
export function checkExamples(examples: readonly DocExample[], index: string): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    'tsconfig.json',
    { noEmit: true },
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => assert.fail(String(diagnostic.messageText)),
    },
  );
  assert.ok(config);
  const host = ts.createCompilerHost(config.options);
  const files = new Map<string, { example: DocExample; text: string }>();
  for (const [i, example] of examples.entries()) {
    const names = exportedNames(index).filter((name) => new RegExp(`\\b${name}\\b`).test(example.code));
    // One line, so that the compiler's line numbers are the example's and one
    const head = `import assert from 'node:assert/strict'; import { ${names.join(', ')} } from './index.ts'; assert.ok(true);`;
    files.set(resolve(index, `../example-${i}.ts`), { example, text: `${head}\n${example.code}\n` });
  }
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (name) => files.get(name)?.text ?? readFile.call(host, name);
  host.fileExists = (name) => files.has(name) || fileExists.call(host, name);
  host.getSourceFile = (name, options, ...rest) => {
    const file = files.get(name);
    return file
      ? ts.createSourceFile(name, file.text, options)
      : getSourceFile.call(host, name, options, ...rest);
  };
  const program = ts.createProgram([...files.keys()], config.options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, '\n');
    const example = file && files.get(file.fileName)?.example;
    if (!file || start === undefined) return text;
    const line = file.getLineAndCharacterOfPosition(start).line;
    return `${example?.where ?? file.fileName} line ${line}: ${text}`;
  });
}

/** Runs an example. @param room - what the room's index exports @throws what the example throws. */
export async function runExample(
  { code }: DocExample,
  room: Readonly<Record<string, unknown>>,
): Promise<void> {
  // Older engines know no `using`: the compiler writes it out
  const script = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  }).outputText;
  const names = Object.keys(room);
  const AsyncFunction = (async () => {}).constructor as new (
    ...source: string[]
  ) => (...values: unknown[]) => Promise<void>;
  const run = new AsyncFunction('assert', ...names, script);
  await run(assert, ...names.map((name) => room[name]));
}

function exportedNames(index: string): string[] {
  const source = ts.createSourceFile(index, readFileSync(index, 'utf8'), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) =>
    ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)
      ? statement.exportClause.elements.map(({ name }) => name.text)
      : [],
  );
}
