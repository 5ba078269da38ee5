import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter } from 'node:path';
import { errorName } from '../linux/libc.ts';
import { exitCodes, LaunchError } from './failure.ts';
import { defaultSignal, execvp, keepAcrossExec, unblockSignals } from './syscalls.ts';

/** What execvp() looks in when there is no PATH (glibc and musl agree on these). */
const DEFAULT_PATH = '/usr/local/bin:/bin:/usr/bin';

/**
 * Replaces this process by a command, which then has this process's pid, parent, process group, terminal, working
 * directory, environment and descriptors 0 to 2, as if the caller had started it itself. So there is nothing to pass on
 * between the two: signals, stops and the exit status are the command's own.
 *
 * Node.js leaves traces that an exec would hand down; they are wiped off first: SIGPIPE ignored, descriptors 0 to 2
 * closed on exec. (A soft limit of open files that Node.js raised to the hard one stays, and a signal that was ignored
 * when Node.js started, as by `nohup`, has its default action: the earlier state cannot be known.)
 *
 * @param argv at least the command; bytes, since an argument need not be UTF-8.
 * @throws LaunchError with exit code 126 or 127; the process lives on then.
 */
export function replaceProcess(argv: readonly Buffer[]): never {
  for (const signal of ignoredSignals(readFileSync('/proc/self/status', 'utf8'))) defaultSignal(signal);
  unblockSignals();
  for (const fd of [0, 1, 2]) keepAcrossExec(fd);
  const code = errorName(execvp(argv));
  throw cannotExecute(text(argv[0]), code);
}

/** The numbers of the signals in the `SigIgn` line of /proc/PID/status. */
export function ignoredSignals(status: string): number[] {
  const mask = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const signals: number[] = [];
  for (let signal = 1; signal <= 64; signal++) if ((mask >> BigInt(signal - 1)) & 1n) signals.push(signal);
  return signals;
}

/**
 * Fails early, before anything is set up, for a command that {@link replaceProcess} would not find.
 *
 * @throws LaunchError with exit code 126 or 127.
 */
export function checkCommand(command: string, path?: string): void {
  const { PATH = DEFAULT_PATH } = process.env;
  let denied = false;
  for (const file of candidates(command, path ?? PATH)) {
    const executable = isExecutable(file);
    if (executable) return;
    if (executable === false) denied = true;
  }
  throw cannotExecute(command, denied ? 'EACCES' : 'ENOENT');
}

/** Where execvp() looks for a command: at the path itself when it has a slash, otherwise in each directory of PATH. */
export function candidates(command: string, path: string): string[] {
  if (command.includes('/')) return [command];
  return path.split(delimiter).map((directory) => `${directory || '.'}/${command}`);
}

/** Undefined when there is nothing at the path. */
function isExecutable(file: string): boolean | undefined {
  try {
    if (!statSync(file).isFile()) return false;
  } catch {
    return undefined;
  }
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function cannotExecute(command: string, code: string): LaunchError {
  if (code === 'ENOENT')
    return new LaunchError(
      `Cannot find the command ${JSON.stringify(command)}: give a path, or a name that is in $PATH`,
      exitCodes.notFound,
    );
  const why = code === 'EACCES' ? 'it is not an executable file (EACCES)' : code;
  return new LaunchError(`Cannot execute ${JSON.stringify(command)}: ${why}`, exitCodes.cannotExecute);
}

/**
 * The last arguments of this process, byte for byte: `process.argv` has replacement characters where an argument is
 * not UTF-8.
 *
 * @param expected the same arguments as `process.argv` has them; where the two differ (arguments that never were the
 *   process's own) these are taken.
 */
export function rawArguments(expected: readonly string[]): Buffer[] {
  const all = splitArguments(readFileSync('/proc/self/cmdline'));
  const last = all.slice(all.length - expected.length);
  const same = last.length === expected.length && last.every((bytes, i) => text(bytes) === expected[i]);
  return same ? last : expected.map((argument) => Buffer.from(argument));
}

/** The arguments in /proc/PID/cmdline, each of which ends in a NUL. */
export function splitArguments(cmdline: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let start = 0; start < cmdline.length; ) {
    const end = cmdline.indexOf(0, start);
    found.push(cmdline.subarray(start, end));
    start = end + 1;
  }
  return found;
}

function text(bytes: Buffer | undefined): string {
  return bytes?.toString() ?? '';
}
