// The bench: a synchronous Binder call from one C program to another through a mount, beside a ping-pong through pipes
// and one by process.send(); then the same from TypeScript to TypeScript, beside other people's ways to call.
//
//     npm run bench [-- --rounds N --calls N --mode passthrough|inject|store --json --quick --seed N --against DIR]
//
// Every round runs every row once, in another order, each between two runs of its yardstick, with which it is compared: times
// of one machine wander by a third within seconds, ratios hardly move. `--against` names another tree (with its dist/),
// whose rows take part in the same rounds. Then the driver alone (core.mjs). Nothing is asserted about times: the exit code says whether it ran.
//
// Not root: it runs itself in a user namespace, where everybody may mount.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, getPriority, loadavg, release, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BenchDaemon, stopDaemons } from './daemon.mjs';
import { compilePrograms, isInstalled, killPrograms, run } from './programs.mjs';
import { formatDeath, formatHeld, formatParcel, formatSyscalls, formatTable, summarize } from './report.mjs';
import { createRows, createTypeScriptRows, isGoal, measure } from './rows.mjs';
import { canCountSyscalls, countSyscalls } from './syscalls.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The ratio to a pipe ping-pong that a call is to stay below; a prototype with nothing but the bare system calls has 7.1. */
const GOAL = 9.3;

/** Calls that each daemon serves before the first round: its JavaScript is compiled for good after some ten thousand. */
const DAEMON_WARMUP = 20_000;
/** Calls of each further form: little of the way is its own. */
const FORM_WARMUP = 2000;
const WARMUP = 300;

/** Seconds for each round, and for everything else, before the bench gives up. */
const ROUND_DEADLINE = 90;
const OTHER_DEADLINE = 300;

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string' },
    calls: { type: 'string', default: '1500' },
    seed: { type: 'string', default: '1' },
    mode: { type: 'string' },
    against: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const rounds = natural('rounds', options.rounds ?? (options.quick ? '5' : '20'));
/** Each run of a TypeScript row starts Node.js, often twice. */
const typeScriptRounds = Math.ceil(rounds / 2);
const calls = natural('calls', options.calls);
const seed = natural('seed', options.seed);

if (process.platform !== 'linux') {
  console.error(`bench: Cannot measure on ${process.platform}: needs Linux`);
  process.exit(1);
}
if (process.getuid() !== 0) {
  // Signals of the terminal reach the other one too, and its exit code comes back.
  process.on('SIGINT', () => {});
  const { status } = spawnSync('unshare', ['-Urm', process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}

let isStopping = false;

/** Ends programs and daemons, whatever they are doing; what waits for them fails, and so the bench ends. */
async function stop() {
  isStopping = true;
  killPrograms();
  await stopDaemons();
}

function giveUp(exitCode, message) {
  process.exitCode = exitCode;
  console.error(`bench: ${message}`);
  stop();
}

process.once('SIGINT', () => giveUp(130, 'interrupted'));
process.once('SIGTERM', () => giveUp(143, 'terminated'));
const deadline = setTimeout(
  () => giveUp(1, 'not done in time'),
  (rounds * ROUND_DEADLINE + OTHER_DEADLINE) * 1000,
);
const directory = mkdtempSync(`${tmpdir()}/ubinder-bench-`);
try {
  const missing = ['gcc', 'taskset'].filter((name) => !isInstalled(name));
  if (missing.length > 0)
    throw new Error(`Cannot measure without ${missing.join(' and ')}: install it first`);
  await bench(await compilePrograms(directory));
} catch (error) {
  // What fails because all is being ended is no news.
  if (!isStopping) giveUp(1, error.message);
} finally {
  await stop();
  rmSync(directory, { recursive: true });
  clearTimeout(deadline);
}

async function bench(programs) {
  const machine = describeMachine();
  const cpu = lastProcessor();
  const builds = [await startBuild(root, '', cpu)];
  if (options.against !== undefined)
    builds.push(await startBuild(resolve(options.against), ' (other build)', cpu));
  const rows = createRows(programs, builds, cpu, WARMUP);

  const results = await measureRounds(rows, rounds);
  const syscalls = new Map();
  let whyNotCounted = canCountSyscalls() ? null : 'strace is not installed';
  for (const row of rows.filter(({ build }) => build !== null)) {
    if (whyNotCounted !== null) break;
    progress(`counting system calls of ${row.name}, ${row.size} bytes`);
    try {
      syscalls.set(row, await countSyscalls(row.daemon, row.command));
    } catch (error) {
      whyNotCounted = error.message;
    }
  }
  progress('');

  const summaries = rows.map((row) => summarize(row, results.get(row), syscalls.get(row)));
  const typeScriptRows = createTypeScriptRows(builds, cpu, options.quick);
  const typeScriptResults = await measureRounds(typeScriptRows, typeScriptRounds);
  const typeScript = typeScriptRows.map((row) => summarize(row, typeScriptResults.get(row)));
  progress('measuring a parcel, and calls that are held');
  const parcel = await runTypeScript('parcel.mjs');
  const held = await runTypeScript('held.mjs', `--device=${builds[0].free.device}`);
  progress('measuring the end of a process that held much');
  const death = await measureDeath(programs.deaths, builds[0]);
  progress('');
  const goalRow = rows.findIndex((row) => isGoal(row, builds[0]));
  const ratio = summaries[goalRow].ratio.median;
  const goal = { ratio, atMost: GOAL, isMet: ratio <= GOAL };
  if (options.json) {
    const { mode } = builds[0].pinned;
    console.log(
      JSON.stringify({
        machine: describeMachine(),
        mode,
        rounds,
        calls,
        seed,
        goal,
        rows: summaries,
        typeScript,
        parcel,
        held,
        death,
      }),
    );
    return;
  }
  console.log(formatTable(summaries, 'pipe'));
  console.log(`\n${machine}; delivery by ${builds[0].pinned.mode}`);
  console.log(
    `Median (quartiles) of ${rounds} rounds of ${calls} calls, seed ${seed}; p50, ioctls, context switches (voluntary + involuntary, of client, server and daemon) and the daemon's system calls are per call.`,
  );
  const counted = syscalls.get(rows[goalRow]);
  if (counted) console.log(`The daemon's system calls in the first Binder row: ${formatSyscalls(counted)}.`);
  else console.log(`The daemon's system calls were not counted: ${whyNotCounted}.`);
  const verdict = `pinned, 256 bytes, libbinder's way: ${ratio.toFixed(2)} × the pipe, wanted at most ${GOAL}`;
  console.log(`${goal.isMet ? 'goal met' : 'goal missed'}: ${verdict}\n`);
  console.log(formatTable(typeScript, 'process.send'));
  console.log(
    `\nTypeScript to TypeScript: median (quartiles) of ${typeScriptRounds} rounds of ${calls} calls.\n${formatParcel(parcel)}\n${formatHeld(held)}\n${formatDeath(death)}\n`,
  );
  const core = [`${root}/test/bench/core.mjs`, `--rounds=${options.quick ? 5 : 15}`];
  spawnSync(process.execPath, core, { stdio: 'inherit' });
}

/** Runs every row once a round, each beside its yardstick. @returns what the rows' programs said, round by round. */
async function measureRounds(rows, count) {
  const warm = new Set();
  for (const { command, daemon } of rows.filter((row) => row.daemon && row.size === 256)) {
    progress(`warming up ${command.join(' ')}`);
    await measure({ command, warmup: warm.has(daemon) ? FORM_WARMUP : DAEMON_WARMUP, daemon }, 1);
    warm.add(daemon);
  }
  const results = new Map(rows.map((row) => [row, []]));
  const random = createRandom(seed);
  for (let round = 0; round < count; round++) {
    progress(`round ${round + 1} of ${count}`);
    for (const row of shuffled(rows, random)) results.get(row).push(await measureBesideYardstick(row));
  }
  return results;
}

/** Runs a row between two runs of its yardstick, so close that the machine is in the same mood for all three. */
async function measureBesideYardstick(row) {
  if (row.yardstick === row) {
    const result = await measure(row, calls);
    return { ...result, yardstick_p50_us: result.p50_us };
  }
  const before = await measure(row.yardstick, calls);
  const result = await measure(row, calls);
  const after = await measure(row.yardstick, calls);
  return { ...result, yardstick_p50_us: (before.p50_us + after.p50_us) / 2 };
}

/** How long a call of others takes at most while a process ends that held 100,000 references. */
async function measureDeath(program, { free }) {
  const { stdout } = await run([program, free.device, '--only=much-held'], { seconds: OTHER_DEADLINE });
  const [, refs, during, before] =
    /(\d+) nodes and as many refs was killed: .* ([\d.]+) ms, before ([\d.]+) ms/.exec(stdout).map(Number);
  return { refs, longest_ms: during, longest_before_ms: before };
}

/** Runs a program of this directory once. @returns the line of JSON that it writes. */
async function runTypeScript(program, ...args) {
  const { stdout } = await run([process.execPath, `${root}/test/bench/${program}`, ...args]);
  return JSON.parse(stdout);
}

/** Two daemons of one tree: moving one to and fro would cost it what it has in the core's caches. */
async function startBuild(tree, label, cpu) {
  const { mode } = options;
  const pinned = await BenchDaemon.start(tree, { mode, cpu });
  const free = await BenchDaemon.start(tree, { mode });
  return { label, tree, pinned, free, deliveries: await startDeliveries(tree, cpu, pinned.mode) };
}

/** Daemons that deliver otherwise than `chosen`, as root and in a user namespace, by what they are to be called. */
async function startDeliveries(tree, cpu, chosen) {
  const daemons = new Map();
  // Who names one wants it alone
  if (options.mode !== undefined) return daemons;
  for (const isRootless of [false, true])
    for (const mode of ['inject', 'store']) {
      if (!isRootless && mode === chosen) continue;
      const name = `${isRootless ? 'rootless, ' : ''}${mode}`;
      try {
        daemons.set(name, await BenchDaemon.start(tree, { mode, cpu, isRootless }));
      } catch (error) {
        console.error(`bench: no rows for ${name}: ${error.message}`);
      }
    }
  return daemons;
}

/** The last processor that this process may use: the first has the most interrupts to handle. */
function lastProcessor() {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^Cpus_allowed_list:.*?(\d+)$/m.exec(status)[1]);
}

function describeMachine() {
  const commit = describeCommit();
  const processors = cpus();
  const load = loadavg()[0].toFixed(1);
  // Who is nice pays for it: Binder gives a server's thread a better value for each call, and takes it back.
  const nice = getPriority() === 0 ? '' : `, nice ${getPriority()}`;
  return `${processors.length} × ${processors[0].model.trim()}, load before ${load}${nice}; Linux ${release()}; Node.js ${process.version}; ${commit}`;
}

function describeCommit() {
  const git = (...args) =>
    execFileSync('git', ['-C', root, ...args], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  try {
    const isChanged = git('status', '--porcelain', '--', 'src').trim() !== '';
    return `commit ${git('rev-parse', '--short', 'HEAD').trim()}${isChanged ? ' with changes' : ''}`;
  } catch {
    return `version ${JSON.parse(readFileSync(`${root}/package.json`, 'utf8')).version}`;
  }
}

/** Says on a terminal how far it is, in one line. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function natural(name, text) {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  console.error(`bench: --${name} needs a whole number above 0, not ${text}`);
  process.exit(2);
}

/** Fisher and Yates. */
function shuffled(list, random) {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

/** Numbers from 0 up to 1, the same for the same seed (xorshift32). */
function createRandom(from) {
  let state = from >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
