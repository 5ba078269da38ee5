// The TypeScript in docs/guide/looking-inside.md, which is no program that one could run.

import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { blocksOf } from '../support/guide.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('what the guide shows of the library type-checks', () => {
  const config = ts.getParsedCommandLineOfConfigFile(
    `${root}tsconfig.json`,
    { noEmit: true },
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => expect.fail(String(diagnostic.messageText)),
    },
  );
  const options = config!.options;
  const blocks = blocksOf('looking-inside.md').filter(({ language }) => language === 'ts');
  const files = new Map(blocks.map(({ text }, index) => [`${root}examples/guide-${index}.ts`, text]));
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  const program = ts.createProgram([...files.keys()], options, host);
  const complaints = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  expect(files.size).toBe(2);
  expect(complaints).toEqual([]);
});
