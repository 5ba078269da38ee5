// Prints the test files of which something failed, a line each, from vitest's JSON report; nothing where there is no
// report, or where too much failed for it to be chance:
//
//   node tools/failed-files.mjs REPORT
import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Of more files than that it is not chance. */
const MOST = 5;

const [, , report] = process.argv;
const results = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')).testResults : [];
const files = results.filter(({ status }) => status === 'failed').map(({ name }) => relative('.', name));
if (files.length <= MOST) for (const file of files) console.log(file);
