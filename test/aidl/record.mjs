#!/usr/bin/env node
// Records what Debian's aidl says: of each case of the corpus (golden.json), and of each change of an API
// (api-changes.json). --check compares instead.
//
//   node test/aidl/record.mjs [--check]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apiChanges } from './api-changes.mjs';
import { apiGoldenFile, belowBanner, cases, goldenFile, pairsOf } from './corpus.mjs';

const fetch = fileURLToPath(new URL('../interop/fetch.mjs', import.meta.url));
const fetched = spawnSync(process.execPath, [fetch, '--json', 'aidl'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (fetched.status !== 0) process.exit(fetched.status ?? 1);
const { aidl } = JSON.parse(fetched.stdout);

function run(directory, options) {
  const { status, signal, stderr } = spawnSync(aidl, options, {
    cwd: directory,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return {
    accepted: status === 0,
    // aidl aborts on some input: then only its refusal counts.
    ...(signal === null && status <= 1 ? {} : { aborted: true }),
    messages: stderr
      .trim()
      .split(/\n(?=ERROR|WARNING)/)
      .filter((line) => line !== ''),
  };
}

function withDirectory(work) {
  const directory = mkdtempSync(join(tmpdir(), 'ubinder-aidl-'));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Verdict, dump, declarations and mapping of one file of the corpus. */
function ask({ directory, file, args }) {
  return withDirectory((out) => {
    const verdict = run(directory, ['--dumpapi', `--out=${out}/`, '-I.', ...args, file]);
    const dump = join(out, file);
    if (!verdict.accepted || !existsSync(dump)) return verdict;
    const [preprocessed, mapping] = ['preprocessed', 'mapping'].map((name) => join(out, name));
    // A version has no meaning for --preprocess, and is refused there.
    run(directory, [
      '--preprocess',
      '-I.',
      ...args.filter((arg) => !arg.startsWith('--version=')),
      preprocessed,
      file,
    ]);
    run(directory, [`--apimapping=${mapping}`, '-I.', ...args, file]);
    return {
      ...verdict,
      dump: belowBanner(readFileSync(dump, 'utf8')),
      preprocessed: readFileSync(preprocessed, 'utf8'),
      mapping: pairsOf(readFileSync(mapping, 'utf8')),
    };
  });
}

/** What --checkapi says of a change. */
function judge({ before, after }) {
  return withDirectory((directory) => {
    for (const [side, files] of Object.entries({ old: before, new: after })) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, side, path)), { recursive: true });
        writeFileSync(join(directory, side, path), text);
      }
    }
    const levels = ['compatible', 'equal'];
    return Object.fromEntries(
      levels.map((level) => [level, run(directory, [`--checkapi=${level}`, 'old', 'new'])]),
    );
  });
}

const goldens = [
  [goldenFile, cases(), ask],
  [apiGoldenFile, apiChanges, judge],
];
for (const [file, all, question] of goldens) {
  const answers = Object.fromEntries(all.map((one) => [one.name, question(one)]));
  const golden = JSON.stringify(answers, null, 1);
  if (!process.argv.includes('--check')) {
    writeFileSync(file, `${golden}\n`);
  } else if (JSON.stringify(JSON.parse(readFileSync(file, 'utf8')), null, 1) !== golden) {
    console.error(`aidl does not say what ${file} has: run npm run aidl:record and look at the difference`);
    process.exitCode = 1;
  } else {
    console.log(`aidl says what ${file} has, for ${all.length} cases`);
  }
}
