// The bench's child processes: each with a deadline, and none left behind.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Seconds for one run of one row: thousands of calls at a hundred microseconds, on a machine that has other work. */
const RUN_DEADLINE = 30;

const running = new Set();

/** Compiles call.c and pingpong.c into a directory of this run's own, removed by {@link Symbol.dispose}. */
export function compilePrograms() {
  const directory = mkdtempSync(`${tmpdir()}/ubinder-bench-`);
  const build = (name) => {
    const target = `${directory}/${name}`;
    const flags = ['-O2', '-Wall', '-pthread', `-I${here}../native`];
    execFileSync('gcc', [...flags, `${here}${name}.c`, '-o', target], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return target;
  };
  return {
    call: build('call'),
    pingpong: build('pingpong'),
    [Symbol.dispose]() {
      rmSync(directory, { recursive: true, force: true });
    },
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
export function start(command, options = {}) {
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  child.once('close', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

/** Kills all that {@link start} and {@link run} have started and that still runs. */
export function killPrograms() {
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
