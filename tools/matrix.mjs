// Prints what ran and what was skipped, by suite and group of tests, from vitest's JSON reports:
//
//   node tools/matrix.mjs RESULTS ALLOWED
//
// ALLOWED lists the tests that may be skipped, with the reason; any other skipped test is an error, and so is a suite of
// which nothing ran.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [, , directory, allowedFile] = process.argv;
const allowed = JSON.parse(readFileSync(allowedFile, 'utf8'));
const rows = [];
let isBad = false;

for (const file of readdirSync(directory).sort()) {
  const suite = basename(file, '.json');
  const groups = new Map();
  for (const { name, assertionResults } of JSON.parse(readFileSync(join(directory, file), 'utf8'))
    .testResults) {
    for (const { ancestorTitles, title, status } of assertionResults) {
      // The groups of the native suites are the modes; of the others the files' folders say more.
      const group =
        suite === 'test'
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
      if (kind !== 'skipped') continue;
      const full = [...ancestorTitles, title].join(' > ');
      const reason = allowed.find((entry) => full.startsWith(entry.test))?.reason;
      if (reason) continue;
      console.log(`NOT ALLOWED to be skipped: ${suite}: ${full}`);
      isBad = true;
    }
  }
  for (const [group, counts] of groups) rows.push({ suite, group, ...counts });
  const ran = [...groups.values()].reduce((sum, { passed, failed }) => sum + passed + failed, 0);
  if (ran === 0) {
    console.log(`NOTHING RAN: ${suite}`);
    isBad = true;
  }
}
console.table(rows);
process.exit(isBad ? 1 : 0);
