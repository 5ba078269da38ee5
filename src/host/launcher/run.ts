import { type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, constants as files, openSync, realpathSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DEFAULT_DEVICES, type DevEntry, devicesInDev, devicesOf, locator } from './dev-plan.ts';
import { checkCommand, rawArguments, replaceProcess } from './exec.ts';
import { exitCodes, LaunchError } from './failure.ts';
import { enterMountNamespace, findUserNamespace, type Mapping } from './namespaces.ts';
import { checkFuseDevice, checkServed, notServed, startPrivateDaemon } from './private-daemon.ts';
import { coverDev, makeMountPoint, readEntries, showServed } from './private-dev.ts';
import { dropCapabilitiesAtExec } from './syscalls.ts';

/** Where the devices come from. */
export interface LaunchOptions {
  /** The directory of a mount that is served already. Without it a private daemon lives as long as the command. */
  readonly mount?: string | undefined;
  /** The devices of the private daemon; {@link DEFAULT_DEVICES} if absent. Not together with `mount`. */
  readonly devices?: readonly string[] | undefined;
  /** The command line of `ubinder up`, without options. */
  readonly up: readonly string[];
}

/** What {@link inside} is told by the process that it was before. */
interface Plan extends LaunchOptions {
  /** Set once the process is in a user namespace. */
  readonly mapping?: Mapping;
}

/**
 * Turns this process into the command, in a mount namespace where `/dev/binderfs`, and `/dev/binder` and the others as
 * links into it, are the served ones. Everything else in /dev is the machine's own.
 *
 * ```text
 *   with CAP_SYS_ADMIN                           an ordinary user
 *   ubinder run   unshare(CLONE_NEWNS)           ubinder run
 *      │                                            │ exec
 *      │                                         unshare(1): user and mount namespace
 *      │                                            │ exec
 *      │                                         inside.js
 *      ├─ private /dev                              ├─ private /dev
 *      ├─ ubinder up --detach                       ├─ ubinder up --detach     (has the namespace's capabilities)
 *      │ exec                                       │ exec                     (drops them)
 *   COMMAND                                      COMMAND
 * ```
 *
 * All of it is one process with one pid. A supervisor that waited for the command would have to guess which of the
 * signals it gets the command got too (Ctrl-C goes to both, `kill` to one); here the question does not arise. In return
 * a private daemon ends shortly after the command, not before its exit is seen.
 *
 * Must run on the main thread. Nothing may have touched `process.stdin`, `stdout` or `stderr`: that makes pipes and
 * terminals non-blocking, for the command too.
 *
 * @param command at least its name.
 * @throws LaunchError when the command was not started.
 */
export function become(options: LaunchOptions, command: readonly string[]): never {
  if (options.mount !== undefined && options.devices)
    throw new LaunchError(
      'Cannot choose devices of a mount that is served already: give --mount or --devices',
    );
  const name = command[0];
  if (!name) throw new LaunchError('Cannot run nothing: give a command');
  checkCommand(name);
  if (options.mount === undefined) checkFuseDevice();
  else checkServed(options.mount);

  if (enterMountNamespace()) return enterDev(options, command);
  const { argv, mapping } = findUserNamespace();
  const plan: Plan = { ...options, mapping };
  return replaceProcess([
    ...[...argv, process.execPath, insidePath, JSON.stringify(plan)].map((argument) => Buffer.from(argument)),
    ...rawArguments(command),
  ]);
}

/** Goes on in a process that unshare(1) has put into namespaces; see {@link become}. */
export function inside(plan: string, command: readonly string[]): never {
  const { mapping, ...options } = JSON.parse(plan) as Plan;
  if (!mapping) return become(options, command);
  if (mapping === 'as-root')
    writeSync(2, 'ubinder run: the command sees uid 0, since unshare is older than util-linux 2.35\n');
  return enterDev(options, command, mapping);
}

function enterDev(options: LaunchOptions, command: readonly string[], mapping?: Mapping): never {
  const devices = options.mount === undefined ? serve(options) : showMount(options.mount);
  Object.assign(process.env, { UBINDER: locator(devices) });
  // A command of root's keeps what root has; an ordinary user's is to have no more than outside.
  if (mapping === 'same-user') dropCapabilitiesAtExec();
  return replaceProcess(rawArguments(command));
}

/** Starts a private daemon and shows its mount. */
function serve({ up, devices = DEFAULT_DEVICES }: LaunchOptions): readonly string[] {
  const inDev = devicesInDev(devices, readEntries('/dev'));
  coverDev(inDev);
  const directory = makeMountPoint();
  startPrivateDaemon(up, directory, devices);
  showServed(directory, inDev);
  // Its control socket goes by this name, not by /dev/binderfs.
  process.env.UBINDER_MOUNT = directory;
  return devices;
}

/** Shows a mount that is served already. */
function showMount(mount: string): readonly string[] {
  // Held open, since the mount may itself be below /dev.
  const O_PATH = 0o10000000;
  let directory: number;
  let entries: DevEntry[];
  try {
    directory = openSync(realpathSync(mount), O_PATH | files.O_DIRECTORY);
    entries = readEntries(mount);
  } catch (cause) {
    throw notServed(mount, cause);
  }
  const devices = devicesOf(entries);
  if (devices.length === 0)
    throw new LaunchError(
      `Cannot use ${mount}: there is no device in it; start one by \`ubinder up --mount ${mount}\``,
    );
  const inDev = devicesInDev(devices, readEntries('/dev'));
  coverDev(inDev);
  showServed(`/proc/self/fd/${directory}`, inDev);
  closeSync(directory);
  return devices;
}

/** The program that {@link run} starts and unshare(1) executes. */
const insidePath = fileURLToPath(new URL('./inside.js', import.meta.url));

/** How {@link run} starts a command. */
export interface RunOptions extends LaunchOptions, Pick<SpawnOptions, 'cwd' | 'env' | 'stdio' | 'signal'> {
  readonly command: string;
  readonly args?: readonly string[];
}

/**
 * Runs a command as `ubinder run` does, as a child process with the pid of the command. Standard input and output are
 * the caller's unless `stdio` says otherwise. No signal is passed on: `signal` aborts it.
 *
 * @returns the exit code of the command; 128 + n when signal n ended it; 125 to 127 when it was not started, with the
 *   reason on stderr.
 *
 * @example
 * const code = await run({ up: ['ubinder', 'up'], command: './client', args: ['--verbose'] });
 */
export function run(options: RunOptions): Promise<number> {
  const { command, args = [], mount, devices, up, stdio = 'inherit', ...spawnOptions } = options;
  const plan: Plan = { mount, devices, up };
  const child = spawn(process.execPath, [insidePath, JSON.stringify(plan), command, ...args], {
    ...spawnOptions,
    stdio,
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? exitCodeOf(signal)));
  });
}

/** What a shell says of a process that a signal ended. */
export function exitCodeOf(signal: NodeJS.Signals | null): number {
  return signal ? 128 + constants.signals[signal] : exitCodes.failed;
}
