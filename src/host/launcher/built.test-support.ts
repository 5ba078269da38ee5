import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Milliseconds that a command of a test may take. */
const DEADLINE = 20_000;

/** The user that root becomes in tests of what ordinary users may do. */
export const NOBODY = 65534;

/** Spawn options for an ordinary user: us, or `nobody` where we are root. */
export const ordinaryUser: { uid?: number; gid?: number } =
  process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

/** `ubinder` with `run` and `doctor`, and an `up` that puts plain files where a daemon would serve devices. */
const MAIN = `
import { spawn } from 'node:child_process';
import { writeFileSync, writeSync } from 'node:fs';
import { Command } from 'commander';
import { doctorCommand } from './doctor.js';
import { runCommand } from './run.js';

const up = new Command('up').option('--mount <dir>').option('--devices <names>').option('--mode <octal>');
up.option('--detach').option('--until-exit <pid>').option('--no-service-manager').action(({ mount, devices, detach, untilExit }) => {
  if (devices === 'refused') process.exit(1);
  if (detach) {
    const args = process.argv.slice(1).filter((argument) => argument !== '--detach');
    const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', (line) => {
      writeSync(1, line);
      process.exit(0);
    });
    return;
  }
  for (const name of devices.split(',')) writeFileSync(mount + '/' + name, name + ' of ' + process.pid);
  setInterval(() => {
    try {
      process.kill(Number(untilExit), 0);
    } catch {
      process.exit(0);
    }
  }, 50);
  writeSync(1, 'ubinder ready: ' + mount + ' (pid ' + process.pid + ')\\n');
});
const program = new Command('ubinder').enablePositionalOptions();
program.addCommand(runCommand()).addCommand(doctorCommand()).addCommand(up).parse();
`;

/** What a command did. */
export interface Outcome {
  readonly pid: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The commands of this folder as JavaScript in a directory of their own, removed when disposed. */
export class BuiltCli {
  readonly directory: string;
  readonly main: string;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'ubinder-cli-'));
    chmodSync(this.directory, 0o755);
    this.main = join(this.directory, 'dist/cli/main.js');
    const rooms = ['host/linux', 'host/fuse', 'host/launcher', 'host/launcher/checks'];
    for (const folder of ['abi', 'page', ...rooms, 'cli']) this.transpile(folder);
    writeFileSync(this.main, MAIN);
    writeFileSync(join(this.directory, 'package.json'), '{"type":"module"}');
    symlinkSync(join(root, 'node_modules'), join(this.directory, 'node_modules'));
  }

  private transpile(folder: string): void {
    const options = {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      rewriteRelativeImportExtensions: true,
    };
    for (const name of readdirSync(join(root, 'src', folder))) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
      const source = readFileSync(join(root, 'src', folder, name), 'utf8');
      const target = join(this.directory, 'dist', folder, name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, ts.transpileModule(source, { compilerOptions: options }).outputText);
    }
  }

  /** A directory such as a mount has, with plain files for devices. */
  standIn(...devices: string[]): string {
    const directory = mkdtempSync(join(this.directory, 'served-'));
    chmodSync(directory, 0o755);
    for (const name of devices) writeFileSync(join(directory, name), `served ${name}`);
    mkdirSync(join(directory, 'features'));
    return directory;
  }

  /** Runs `ubinder` with arguments to its end. */
  ubinder(args: readonly string[], options: SpawnOptions = {}): Promise<Outcome> {
    return start(process.execPath, [this.main, ...args], options).outcome;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts a program that is killed when it takes too long. */
export function start(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): { pid: number; outcome: Promise<Outcome> } {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: DEADLINE, ...options });
  const pid = child.pid ?? 0;
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ pid, code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
  });
  return { pid, outcome };
}

/** Whether a program can be run successfully. */
export function canRun(program: string, args: readonly string[], options: SpawnOptions = {}): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: DEADLINE, ...options } as object).status === 0;
}

/** Whether the machine lets us make mount namespaces. */
export const canUnshare: boolean = canRun('unshare', ['--mount', 'true']);

/** Whether it lets an ordinary user make user namespaces who can read this installation. */
export const canUnshareUser: boolean =
  canRun('unshare', ['--user', '--mount', '--map-current-user', '--keep-caps', 'true'], ordinaryUser) &&
  canRun(process.execPath, ['-e', 'require("koffi")'], { ...ordinaryUser, cwd: root });

/** The machine's mounts that a launcher could have left behind: in /dev, or named so. Others come and go. */
export function mountsOfLaunchers(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => /^\S+ \S+ \S+ \S+ \/dev(\/| )|ubinder-doctor/.test(line));
}
