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
/** Where we say something else than aidl 14, on purpose. */
const DIFFERENCES = `## Differences

In what is accepted, the values of constants, the place of the first error, warnings and dumps: none. Constructs newer than 14 would
stand here; there are none yet, for the \`aidl\` 14 that is asked already knows \`@PropagateAllowBlocking\`.

Not compared, because \`aidl\` 14 gives no answer that is worth having:

- It aborts on ${aborted.map((name) => `\`${name}\``).join(', ')}; here there is an error at a place in the file.
- Its syntax errors list the tokens that its generated parser expects; here they name what would make sense, at the same place.
- What its \`--preprocess\` writes of headers and Rust types it cannot read itself; here they are quoted.
- \`Preprocessed file can't declare package.\` shows the package in place of the file and the line.
- Its \`--checkapi=equal\` shows both dumps, here the lines that differ; its \`--dumpapi\` begins with a banner.
- It rounds floats to six decimals in the code it writes, so that \`5e-7\` is 0 there; here they are what the file says. What is
  printed by \`--dumpapi\`, \`--preprocess\` and in messages is rounded as it rounds.
- It says \`./p/A.aidl\` of what it found by \`-I.\`; here that is \`p/A.aidl\`. Some errors it says once for each part of the file.
- It has no limits; here types nested more than 100 levels deep and constants more than 500 are refused, and after 1,000 errors nothing
  more is told.
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
