#!/usr/bin/env node
// Records what Debian's aidl says of each case of the corpus into golden.json; --check compares instead.
//
//   node test/aidl/record.mjs [--check]

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { belowBanner, cases, goldenFile } from './corpus.mjs';

const fetch = fileURLToPath(new URL('../interop/fetch.mjs', import.meta.url));
const fetched = spawnSync(process.execPath, [fetch, '--json', 'aidl'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (fetched.status !== 0) process.exit(fetched.status ?? 1);
const { aidl } = JSON.parse(fetched.stdout);

function ask({ directory, file, args }) {
  const out = mkdtempSync(join(tmpdir(), 'ubinder-aidl-'));
  try {
    const options = ['--dumpapi', `--out=${out}/`, '-I.', ...args, file];
    const run = spawnSync(aidl, options, { cwd: directory, encoding: 'utf8', timeout: 20_000 });
    const dump = join(out, file);
    const accepted = run.status === 0;
    return {
      accepted,
      // aidl aborts on some input: then only its refusal counts.
      ...(run.signal === null && run.status <= 1 ? {} : { aborted: true }),
      messages: run.stderr
        .trim()
        .split(/\n(?=ERROR|WARNING)/)
        .filter((line) => line !== ''),
      ...(accepted && existsSync(dump) ? { dump: belowBanner(readFileSync(dump, 'utf8')) } : {}),
    };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const golden = `${JSON.stringify(Object.fromEntries(cases().map((one) => [one.name, ask(one)])), null, 1)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(goldenFile, golden);
} else if (JSON.stringify(JSON.parse(readFileSync(goldenFile, 'utf8')), null, 1) !== golden.trimEnd()) {
  console.error(
    'aidl does not say what golden.json has: run node test/aidl/record.mjs and look at the difference',
  );
  process.exitCode = 1;
} else {
  console.log(`aidl says what golden.json has, for ${Object.keys(JSON.parse(golden)).length} files`);
}
