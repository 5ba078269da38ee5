// docs/aidl-coverage.md: which file of the corpus, or which change of an API, meets each rule of the grammar, each
// warning and each error of aidl 14. Written from what aidl said of them; -u renews it.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { WARNINGS } from '../../src/aidl/index.ts';
import { apiGoldenFile, cases, goldenFile } from './corpus.mjs';
import { ERRORS, GRAMMAR, TOKENS } from './coverage.mjs';

interface Verdict {
  readonly accepted: boolean;
  readonly aborted?: true;
  readonly messages: readonly string[];
}
const golden = JSON.parse(readFileSync(goldenFile, 'utf8')) as Record<string, Verdict>;
const changes = JSON.parse(readFileSync(apiGoldenFile, 'utf8')) as Record<string, Record<string, Verdict>>;

const withoutComments = (text: string) => text.replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, ' ');
const sources = cases().map(({ name, directory, file }) => {
  const { accepted, messages } = golden[name]!;
  const text = withoutComments(readFileSync(join(directory, file), 'latin1'));
  return { name, text, accepted, recovered: /syntax error|within parenthesis/.test(messages[0] ?? '') };
});
const said = [
  ...Object.entries(golden).flatMap(([name, { messages }]) => messages.map((text) => ({ name, text }))),
  ...Object.entries(changes).flatMap(([name, levels]) =>
    Object.entries(levels).flatMap(([level, { messages }]) =>
      messages.map((text) => ({ name: `--checkapi=${level}: ${name}`, text })),
    ),
  ),
];

interface Row {
  readonly what: string;
  readonly hits: readonly string[];
  readonly unreachable?: string;
}
const aborted = Object.keys(golden).filter((name) => golden[name]!.aborted);
/** What is compared, and where we say something else than aidl 14, on purpose. */
const DIFFERENCES = `## Differences

None: in what is accepted, the values of constants, every message and its place, dumps, declarations, mappings of methods and comparisons of APIs.
Only constructs newer than 14 may stand here, each with the Android release that defines it; there are none yet, for the \`aidl\` 14
that is asked already knows \`@PropagateAllowBlocking\`.

## How answers are compared

Messages literally, with file, line and columns, in their order. One that \`aidl\` repeats for each kind of warning it looks for counts once,
and a blank that it forgets in one (\`Parcelablep.T is not structured\`) is not forgotten here. Dumps below the banner that says how a file came
about. Floats have six decimals wherever \`aidl\` prints them, which includes the code that its four backends write: \`5e-7\` is 0 there, and
pi is 3.141593. Generated TypeScript has the same values, since a default must be equal on both sides of a call.

## Inputs \`aidl\` 14 has no answer to

- It aborts on ${aborted.map((name) => `\`${name}\``).join(', ')}; here there is an error at a place in the file.
- Of a parcelable that names headers or a Rust type, its \`--preprocess\` writes a declaration that it cannot read; here the names are
  quoted, and both compilers read them.
- Nesting that no file has: it runs out of memory at 10,000 parentheses, crashes on a sum of 2,400 terms and does not end on 600 types one
  inside the other. Here types more than 100 levels deep and constants more than 500 get an error that says so. After 1,000 errors no more is told.
`;

const namesOf = (pattern: RegExp) => [
  ...new Set(said.filter(({ text }) => pattern.test(text)).map(({ name }) => name)),
];
const tables: Record<string, Row[]> = {
  'Rules of the grammar': [
    ...GRAMMAR.map(({ rule, pattern, recovered }) => ({
      what: rule,
      hits: sources
        .filter((source) => (recovered ? source.recovered : source.accepted) && pattern.test(source.text))
        .map(({ name }) => name),
    })),
    ...TOKENS.map(({ rule, pattern }) => ({ what: `syntax error: ${rule}`, hits: namesOf(pattern) })),
  ],
  Warnings: Object.keys(WARNINGS).map((name) => ({
    what: name,
    hits: namesOf(new RegExp(`\\[-W${name}\\]`)),
  })),
  Errors: ERRORS.map(({ text, pattern, unreachable }) => ({
    what: text,
    hits: namesOf(pattern),
    ...(unreachable === undefined ? {} : { unreachable }),
  })),
};

it.each(Object.values(tables).flat())('$what is met, or says why not', ({ hits, unreachable }) => {
  expect(hits.length > 0).toBe(unreachable === undefined);
});

it('each error that aidl told is in the table', () => {
  const errors = said.filter(({ text }) => text.startsWith('ERROR') && !/syntax error|\[-W/.test(text));
  expect(errors.filter(({ text }) => !ERRORS.some(({ pattern }) => pattern.test(text)))).toEqual([]);
});

it('docs/aidl-coverage.md is what the corpus covers', async () => {
  const cell = (text: string) => `\`${text.replaceAll('|', '\\|')}\``;
  const line = ({ what, hits, unreachable }: Row) =>
    `| ${cell(what)} | ${unreachable ? `unreachable: ${unreachable}` : `${hits.length}: ${cell(hits[0]!)}`} |`;
  const sections = Object.entries(tables).map(
    ([title, rows]) => `## ${title}\n\n| | met by |\n|---|---|\n${rows.map(line).join('\n')}\n`,
  );
  const head =
    `# What the AIDL corpus covers\n\nEach row of what Android 14's \`aidl\` takes and says, how many of the ` +
    `${sources.length} files of \`test/aidl/corpus\` and the\n${Object.keys(changes).length} changes of ` +
    `\`test/aidl/api-changes.mjs\` meet it, and the first of them. On each, our compiler says what \`aidl\` says.\n` +
    'Renewed by `npx vitest run test/aidl/coverage.test.ts -u`.\n';
  await expect(`${head}\n${DIFFERENCES}\n${sections.join('\n')}`).toMatchFileSnapshot(
    '../../docs/aidl-coverage.md',
  );
});
