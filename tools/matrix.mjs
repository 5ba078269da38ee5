// Prints what ran and what was skipped, by suite and group of tests, from vitest's JSON reports:
//
//   node tools/matrix.mjs RESULTS ALLOWED
//
// ALLOWED lists the tests that may be skipped (`test`) and what programs may leave out (`line`, for
// test/support/partial-skips.ts), with the reason; any other skipped test is an error, and so is a suite of which nothing
// ran. Files that failed were run again, as SUITE-again. What is wrong comes last: whoever reads only the end of a long
// log sees it.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [, , directory, allowedFile] = process.argv;
const allowed = JSON.parse(readFileSync(allowedFile, 'utf8'));
const rows = [];
const failures = [];
const wrong = [];

const suites = readdirSync(directory)
  .sort()
  .map((file) => basename(file, '.json'));
for (const suite of suites) {
  const groups = new Map();
  for (const { name, status, message, assertionResults } of JSON.parse(
    readFileSync(join(directory, `${suite}.json`), 'utf8'),
  ).testResults) {
    if (status === 'failed' && assertionResults.length === 0)
      failures.push({ suite, what: `${name}: ${message}` });
    for (const { ancestorTitles, title, status, failureMessages } of assertionResults) {
      // The groups of the native suites are the modes; of the others the files' folders say more.
      const group = /^test(-again)?$/.test(suite)
        ? name
            .replace(/.*?\/(src|test)\//, '$1/')
            .split('/')
            .slice(0, 3)
            .join('/')
        : ancestorTitles[0];
      const counts = groups.get(group) ?? { passed: 0, failed: 0, skipped: 0 };
      groups.set(group, counts);
      const kind = status === 'pending' || status === 'todo' || status === 'skipped' ? 'skipped' : status;
      counts[kind]++;
      if (kind === 'passed') continue;
      const full = [...ancestorTitles, title].join(' > ');
      if (kind === 'failed') {
        failures.push({ suite, what: `${full}: ${failureMessages.join(' ')}` });
        continue;
      }
      const reason = allowed.find((entry) => entry.test && full.startsWith(entry.test))?.reason;
      if (reason) continue;
      wrong.push(`NOT ALLOWED to be skipped: ${suite}: ${full}`);
    }
  }
  for (const [group, counts] of groups) rows.push({ suite, group, ...counts });
  const ran = [...groups.values()].reduce((sum, { passed, failed }) => sum + passed + failed, 0);
  if (ran === 0) wrong.push(`NOTHING RAN: ${suite}`);
}
console.table(rows);
for (const { suite, what } of failures) {
  const word = suites.includes(`${suite}-again`) ? 'FAILED AT FIRST' : 'FAILED';
  console.log(`${word} ${suite}: ${shortened(what)}`);
}
for (const line of wrong) console.log(line);
const total = (kind) => rows.reduce((sum, row) => sum + row[kind], 0);
console.log(`${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exit(wrong.length > 0 ? 1 : 0);

// A failure in one line: its beginning says what, the place is in the suite's own output.
function shortened(text) {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 400 ? `${line.slice(0, 400)}…` : line;
}
