#!/usr/bin/env node
// Compares files that seeds make up: Debian's aidl judges each, and our compiler must say the same. Where it does not, pieces
// are left out as long as the two still differ. With --add what remains joins the corpus, whose test then fails until the
// difference is mended; run npm run aidl:record after it.
//
//   npm run aidl:fuzz -- --files N --seed S [--add]

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Command } from 'commander';
import typescript from 'typescript';
import { belowBanner, cases, comparable, corpus } from './corpus.mjs';
import { FILE, generate, OTHERS } from './generate.mjs';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    add: { type: 'boolean', default: false },
  },
});
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { canonicalName, compile, dumpApi, formatDiagnostic, preprocess, warningLevels } = await import(
  here('../../dist/aidl/index.js')
);
const { addAidlOptions } = await import(here('../../dist/cli/aidl-options.js'));
const source = typescript.transpile(readFileSync(here('../support/random.ts'), 'utf8'), {
  module: 'esnext',
  target: 'esnext',
});
const { Random } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
const fetched = spawnSync(process.execPath, [here('../interop/fetch.mjs'), '--json', 'aidl'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (fetched.status !== 0) process.exit(fetched.status ?? 1);
const { aidl } = JSON.parse(fetched.stdout);

/** What can be compared: every message; the dump and the declarations, which have each value, of what is accepted. */
const verdict = (accepted, messages, dump, declarations) =>
  accepted ? { messages, dump, declarations } : { refused: comparable(messages) };

function ours({ text, options }) {
  const { W, w, b, structured, stability, version, hash } = addAidlOptions(new Command())
    .parse(options, { from: 'user' })
    .opts();
  const { diagnostics, document } = compile(FILE, {
    read: (path) => ({ ...OTHERS, [FILE]: text })[path],
    includes: ['.'],
    warnings: warningLevels(W, w),
    ...{ structured, stability, version, hash, failOnParcelable: b },
  });
  const messages = diagnostics.map((one) => Buffer.from(formatDiagnostic(one), 'latin1').toString());
  const dumped = document?.types.find((type) => canonicalName(type) === 'p.T');
  const declarations = document?.types.map(preprocess).join('');
  return verdict(document !== undefined, messages, dumped && dumpApi(dumped), withoutQuotes(declarations));
}

/** aidl leaves them out of headers. */
const withoutQuotes = (declarations) => declarations?.replace(/(_header|rust_type) "([^"]*)"/g, '$1 $2');

function ask(directory, options) {
  const run = spawn(aidl, [...options, '-I.'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 20_000,
  });
  const chunks = [];
  run.stderr.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve) =>
    run.on('close', (code) => resolve({ code, said: Buffer.concat(chunks).toString() })),
  );
}

/** Undefined where aidl aborts. */
async function theirs({ text, options }, directory) {
  const dump = join(directory, 'out', FILE);
  mkdirSync(join(directory, 'p'), { recursive: true });
  writeFileSync(join(directory, FILE), text, 'latin1');
  rmSync(dump, { force: true });
  for (const [path, other] of Object.entries(OTHERS)) writeFileSync(join(directory, path), other);
  const { code, said } = await ask(directory, ['--dumpapi', '--out=out', ...options, FILE]);
  if (code === null || code > 1) return undefined;
  const messages = said
    .trim()
    .split(/\n(?=ERROR|WARNING)/)
    .filter((line) => line !== '');
  if (code === 1) return verdict(false, messages);
  // It refuses a version there, which has no meaning.
  const others = options.filter((option) => !/^--(version|hash)/.test(option));
  await ask(directory, ['--preprocess', ...others, 'declarations', FILE]);
  return verdict(
    true,
    messages,
    existsSync(dump) ? belowBanner(readFileSync(dump, 'utf8')) : undefined,
    readFileSync(join(directory, 'declarations'), 'utf8'),
  );
}

async function difference(input, directory) {
  const expected = await theirs(input, directory);
  if (expected === undefined) return undefined;
  const found = ours(input);
  return JSON.stringify(found) === JSON.stringify(expected) ? undefined : { found, expected };
}

/** What kind of difference it is: neither places nor names. */
const kindOf = ({ found, expected }) =>
  [found, expected]
    .map((one) =>
      (one.refused?.join(' ') ?? 'accepted').replace(/\d+(\.\d+)?(-[\d.]+)?|'[^']*'|"[^"]*"/g, '#'),
    )
    .join(' / ');

async function shrink({ text, options }, first, directory) {
  let tokens = text.split(/(\s+|\b)/).filter((token) => token !== '');
  let kept = first;
  for (let size = tokens.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= tokens.length; ) {
      const fewer = [...tokens.slice(0, at), ...tokens.slice(at + size)];
      const still = await difference({ text: fewer.join(''), options }, directory);
      if (still && kindOf(still) === kindOf(first)) {
        tokens = fewer;
        kept = still;
      } else at += size;
    }
  }
  return { text: tokens.join(''), options, ...kept };
}

const known = new Set();
let nextSeed = Number(values.seed);
const end = nextSeed + Number(values.files);
const tally = { files: 0, accepted: 0, aborted: 0, different: 0 };

async function work() {
  const directory = mkdtempSync(join(tmpdir(), 'ubinder-aidl-'));
  try {
    while (nextSeed < end) {
      const seed = nextSeed++;
      const input = generate(new Random(seed));
      const expected = await theirs(input, directory);
      tally.files++;
      if (expected === undefined) tally.aborted++;
      else if (expected.refused === undefined) tally.accepted++;
      const found = ours(input);
      if (expected === undefined || JSON.stringify(found) === JSON.stringify(expected)) continue;
      tally.different++;
      const kind = kindOf({ found, expected });
      if (known.has(kind)) continue;
      known.add(kind);
      report(seed, await shrink(input, { found, expected }, directory));
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function report(seed, { text, options, found, expected }) {
  console.log(
    `seed ${seed}: ${options.join(' ')} ${text}\n  aidl: ${JSON.stringify(expected)}\n  ours: ${JSON.stringify(found)}`,
  );
  if (!values.add) return;
  const directory = join(corpus, `c${`${cases().length}`.padStart(3, '0')}`);
  mkdirSync(join(directory, 'p'), { recursive: true });
  writeFileSync(join(directory, FILE), text, 'latin1');
  if (options.length > 0) writeFileSync(join(directory, 'args'), `${options.join(' ')}\n`);
  for (const [path, other] of Object.entries(OTHERS)) {
    if (text.includes(path[2])) writeFileSync(join(directory, path), other);
  }
  writeFileSync(join(directory, 'main'), `${FILE}\n`);
}

await Promise.all([work(), work()]);
console.log(
  `${tally.files} files: ${tally.accepted} accepted by aidl, ${tally.aborted} on which it aborts, ` +
    `${tally.different} judged differently (${known.size} kinds)`,
);
if (tally.different > 0) process.exitCode = 1;
