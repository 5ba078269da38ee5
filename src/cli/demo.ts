import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { embeddedDemo } from '../demo/embedded.ts';
import { client, echo, manager } from '../demo/roles.ts';
import { CliError, fail } from './exit-code.ts';

const MAIN = process.argv[1] as string;
const TEXT = 'Hello from one process to another';

/** How long each program of the demonstration may take until it is ready, in milliseconds. */
const READY_TIMEOUT = 15_000;

/** How long each may take to end when it is told to, in milliseconds. */
const STOP_TIMEOUT = 5000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `ubinder demo`: what `npm start` shows. */
export function demoCommand(): Command {
  const command = new Command('demo')
    .description(
      'serve devices in a temporary directory, with a manager and an echo service, and make a call',
    )
    .option('--once', 'stop after the call')
    .action(async (options: { once?: boolean }) => {
      await using demonstration = new Demonstration();
      const why = await demonstration.start();
      if (why === null) return await demonstration.show(options.once === true);
      if (demonstration.isInterrupted) return;
      process.stdout.write(`${await embeddedDemo(TEXT)}\n`);
      process.stdout.write(
        `No Binder device can be served here: ${why}; this call ran on the driver inside one process. \`npx ubinder doctor\` tells more.\n`,
      );
    });
  for (const [role, text] of [
    ['manager', 'be the context manager'],
    ['echo', 'be the echo service'],
  ] as const) {
    command
      .command(role, { hidden: true })
      .description(text)
      .requiredOption('--device <path>', 'the Binder device')
      .action(async ({ device }: { device: string }) => {
        const thread = await open(device);
        const run = role === 'manager' ? manager : echo;
        await run(thread, () => process.stdout.write('ready\n')).catch(fail);
      });
  }
  command
    .command('call')
    .description('call the echo service of a running demonstration')
    .argument('<text>', 'what to say')
    .requiredOption('--device <path>', 'the Binder device')
    .action(async (text: string, { device }: { device: string }) => {
      process.stdout.write(`${await client(await open(device), text).catch(fail)}\n`);
    });
  return command;
}

async function open(device: string) {
  const { BinderDevice } = await import('../binder/connections/device.ts');
  try {
    return new BinderDevice(device, { mapSize: 128 * 1024 });
  } catch (error) {
    throw new CliError(
      `Cannot open ${device}: ${(error as Error).message}; is it served? See \`ubinder status\``,
    );
  }
}

/** The demonstration's processes and its directory. Disposing ends and removes them all, at whatever point it is. */
class Demonstration implements AsyncDisposable {
  readonly #directory = mkdtempSync(`${tmpdir()}/ubinder-demo-`);
  readonly #children: ChildProcess[] = [];
  #interrupt: () => void = () => {};
  readonly #interrupted = new Promise<void>((resolve) => {
    this.#interrupt = () => {
      this.isInterrupted = true;
      resolve();
    };
  });
  /** Somebody pressed Ctrl-C, or the like. */
  isInterrupted = false;

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#interrupt);
  }

  /** Starts the daemon. @returns `null` when it serves, else why it cannot. */
  async start(): Promise<string | null> {
    // However this process ends, the daemon does, too; and with it the others
    const own = ['--no-service-manager', '--until-exit', `${process.pid}`];
    const daemon = this.#run(['up', '--mount', this.#directory, ...own]);
    return this.#readiness(daemon);
  }

  /** Makes the call, then goes on serving unless that is to be all. */
  async show(once: boolean): Promise<void> {
    const device = `${this.#directory}/binder`;
    for (const role of ['manager', 'echo']) {
      const why = await this.#readiness(this.#run(['demo', role, '--device', device]));
      if (this.isInterrupted) return;
      if (why !== null) throw new CliError(`The ${role} of the demonstration did not start: ${why}`);
    }
    const [daemon, manager, echo] = this.#children as [ChildProcess, ChildProcess, ChildProcess];
    process.stdout.write(
      `Serving ${device} (pid ${daemon.pid}); context manager pid ${manager.pid}, echo service pid ${echo.pid}\n`,
    );
    process.stdout.write(await this.#say(device));
    if (once || this.isInterrupted) return;
    process.stdout.write(
      `Call it yourself: npx ubinder demo call --device ${device} 'your words'   (Ctrl-C stops)\n`,
    );
    const died = [daemon, manager, echo].map((child) => ended(child).then(() => child));
    const child = await Promise.race([...died, this.#interrupted]);
    if (child)
      throw new CliError(`A process of the demonstration ended: ${child.spawnargs.slice(2).join(' ')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The daemon is the last, so that the others can close their devices
    for (const child of this.#children.reverse()) await stop(child);
    try {
      rmdirSync(this.#directory);
    } catch (error) {
      process.stderr.write(`ubinder: ${this.#directory} is left: ${(error as Error).message}\n`);
    }
    for (const signal of SIGNALS) process.off(signal, this.#interrupt);
  }

  /** Makes the call in a process of its own. @returns what it printed. */
  async #say(device: string): Promise<string> {
    const child = this.#run(['demo', 'call', '--device', device, TEXT]);
    let said = '';
    let complaint = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      complaint += chunk;
    });
    await Promise.race([ended(child), this.#interrupted]);
    if (this.isInterrupted || child.exitCode === 0) return said;
    throw new CliError(`The call of the demonstration failed: ${complaint.trim().replace(/^ubinder: /, '')}`);
  }

  #run(args: string[]): ChildProcess {
    // Signals of the terminal are for us: we stop the others, the daemon last
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#children.push(child);
    return child;
  }

  /** Waits for a program's first line. @returns `null` when it is ready, else why it is not. */
  async #readiness(child: ChildProcess): Promise<string | null> {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    const ready = new Promise<null>((done) => {
      if (child.stdout) createInterface({ input: child.stdout }).once('line', () => done(null));
    });
    const failed = ended(child).then(
      (code) => said.trim().replace(/^ubinder: /, '') || `it ended with code ${code}`,
    );
    const late = sleep(READY_TIMEOUT, `no answer within ${READY_TIMEOUT / 1000} s`, { ref: false });
    return Promise.race([ready, failed, late, this.#interrupted.then(() => 'interrupted')]);
  }
}

/** Resolves when a process has ended and all it said was read. @returns its exit code. */
function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) done(child.exitCode);
    else child.once('close', done);
  });
}

/** Ends a process, by force if it takes its time. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = ended(child);
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT);
  await closed;
  clearTimeout(timer);
}
