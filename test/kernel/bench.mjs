#!/usr/bin/env node
// npm run kernel:bench -- [--rounds N] [--kernel 7.2]
//
// The same C program (../bench/call.c) makes the same calls on the kernel's own driver and on a mount of ours, in one boot of
// one emulated machine, pinned to one of its processors. Times there mean nothing; their ratios do.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compilePrograms } from '../bench/programs.mjs';
import { figures, spread } from '../bench/report.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, kernel: { type: 'string', default: '7.2' } },
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error(`kernel:bench: --rounds needs a whole number above 0, not ${values.rounds}`);
  process.exit(2);
}

const here = fileURLToPath(new URL('.', import.meta.url));
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SIZES = [256, 4096];
const MOUNT = '/tmp/ubinder';
/** Calls of a round, and before the first: everything of ours takes some fifty times as long there as outside. */
const CALLS = { kernel: 1000, ubinder: 300 };
const WARMUP = { kernel: 1000, ubinder: 2000 };

const directory = mkdtempSync(join(tmpdir(), 'ubinder-kernel-bench-'));
try {
  const { call, pingpong } = await compilePrograms(directory);
  const measure = (label, device, size, calls, warmup) =>
    `printf '%s ' ${label}; ${call} ${device} --form=3ioctl --size=${size} --calls=${calls} --warmup=${warmup} --cpu=1 --deadline=300`;
  const on = (driver, size, warmup = 50) =>
    measure(driver, driver === 'kernel' ? '/dev/binder' : `${MOUNT}/binder`, size, CALLS[driver], warmup);
  const pipe = (size) => `printf 'pipe '; ${pingpong} --size=${size} --calls=2000 --warmup=100 --cpu=1`;
  const script = [
    'set -e',
    `mkdir -p ${MOUNT}`,
    `node ${main} up --mount ${MOUNT} --no-service-manager >/run/ubinder.log 2>&1 &`,
    `timeout 90 sh -c 'until grep -q ready /run/ubinder.log; do sleep 0.1; done' || { cat /run/ubinder.log >&2; exit 1; }`,
    // All its processes: who serves is not who was started.
    `for pid in $(pgrep -f 'up --mount'); do taskset -a -c -p 1 $pid >/dev/null; done`,
    ...Object.keys(CALLS).map((driver) => `{ ${on(driver, 256, WARMUP[driver])}; } >/dev/null`),
  ];
  for (let round = 0; round < rounds; round++)
    // Ours between two of the kernel's: the machine's mood changes slowly.
    for (const size of SIZES)
      script.push(pipe(size), on('kernel', size), on('ubinder', size), on('kernel', size));
  script.push(`node ${main} status --mount ${MOUNT} --json`);
  const box = [
    join(here, 'box.mjs'),
    '--kernel',
    values.kernel,
    '--seconds',
    '3000',
    'sh',
    '-c',
    script.join('\n'),
  ];
  const { status, stdout } = spawnSync(process.execPath, box, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) {
    process.stdout.write(stdout);
    process.exitCode = status ?? 1;
  } else report(stdout);
} finally {
  rmSync(directory, { recursive: true });
}

function report(text) {
  const lines = text.trim().split('\n');
  const { mode } = JSON.parse(lines.pop());
  const results = lines.map((line) => {
    const [driver, ...json] = line.split(' ');
    return { driver, ...JSON.parse(json.join(' ')) };
  });
  console.log(`| bytes | the kernel’s driver, µs | ours, µs | ours ÷ the kernel’s | the kernel’s ÷ pipe |`);
  console.log('|--:|--:|--:|--:|--:|');
  for (const size of SIZES) {
    const of = (driver) => results.filter((result) => result.driver === driver && result.size === size);
    const [pipes, kernel, ours] = ['pipe', 'kernel', 'ubinder'].map(of);
    const beside = ours.map((_, i) => (kernel[2 * i].p50_us + kernel[2 * i + 1].p50_us) / 2);
    const ratio = spread(ours.map(({ p50_us }, i) => p50_us / beside[i]));
    const toPipe = spread(beside.map((us, i) => us / pipes[i].p50_us));
    const cells = [
      size,
      figures(spread(beside).median),
      figures(spread(ours.map(({ p50_us }) => p50_us)).median),
      `${figures(ratio.median)} (${figures(ratio.low)}–${figures(ratio.high)})`,
      figures(toPipe.median),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  console.log(
    `\nLinux ${values.kernel} in one emulated machine, delivery by ${mode}; medians (quartiles) of ${rounds} rounds, each with ${CALLS.ubinder} of our calls between two times ${CALLS.kernel} of the kernel’s. Only the ratios mean anything.`,
  );
}
