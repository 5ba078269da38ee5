// The bench's child processes: each with a deadline, and none left behind.
import { execFileSync, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Seconds for one run of one row: thousands of calls at a hundred microseconds, on a machine that has other work. */
const RUN_DEADLINE = 30;

const running = new Set();
let isEnding = false;

/** Compiles the C programs into `directory`. */
export async function compilePrograms(directory) {
  const native = `${here}../native`;
  const build = async (source) => {
    const target = `${directory}/${basename(source, '.c')}`;
    await run(['gcc', '-O2', '-Wall', '-pthread', `-I${native}`, source, '-o', target]);
    return target;
  };
  return {
    call: await build(`${here}call.c`),
    pingpong: await build(`${here}pingpong.c`),
    deaths: await build(`${native}/hazards/deaths.c`),
  };
}

/**
 * Runs a program to its end.
 *
 * @returns what it wrote to stdout and stderr.
 * @throws Error when it fails or takes longer than its deadline. A client that hangs in an ioctl cannot be killed: then
 * the error comes all the same, and whoever stops the daemon ends the client as well.
 */
export function run(command, { seconds = RUN_DEADLINE } = {}) {
  const child = start(command);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].on('data', (chunk) => {
      output[name] += chunk;
    });
  }
  return new Promise((done, fail) => {
    const why = (what) => new Error(`${command.join(' ')} ${what}: ${output.stderr || output.stdout}`);
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(why(`was not done after ${seconds} s`));
    }, seconds * 1000);
    child.once('error', (error) => {
      clearTimeout(timer);
      fail(error);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) done(output);
      else fail(why(`ended with ${signal ?? `code ${code}`}`));
    });
  });
}

/** Starts a program that is ended by {@link killPrograms}, if by nothing else. */
export function start(command) {
  if (isEnding) throw new Error('The bench is ending');
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('close', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** Kills all that {@link start} and {@link run} have started and that still runs; from now on they start nothing. */
export function killPrograms() {
  isEnding = true;
  for (const child of running) child.kill('SIGKILL');
}

/** Whether a program can be run here. */
export function isInstalled(name) {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
