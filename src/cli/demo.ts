import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { embeddedDemo } from '../demo/embedded.ts';
import { client, echo, manager } from '../demo/roles.ts';
import { CliError } from './exit-code.ts';

const MAIN = process.argv[1] as string;
const TEXT = 'Hello from one process to another';

/** How long each program of the demonstration may take until it is ready, in milliseconds. */
const READY_TIMEOUT = 15_000;

/** `ubinder demo`: what `npm start` shows. */
export function demoCommand(): Command {
  const command = new Command('demo')
    .description(
      'serve devices in a temporary directory, with a manager and an echo service, and make a call',
    )
    .option('--once', 'stop after the call')
    .action(async (options: { once?: boolean }) => {
      const daemon = await startDaemon();
      if ('why' in daemon) {
        process.stdout.write(`${await embeddedDemo(TEXT)}\n`);
        process.stdout.write(
          `No Binder device can be served here: ${daemon.why}; this call ran on the driver inside one process. \`npx ubinder doctor\` tells more.\n`,
        );
        return;
      }
      await show(daemon, options.once === true);
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
        await run(thread, () => process.stdout.write('ready\n'));
      });
  }
  command
    .command('call')
    .description('call the echo service of a running demonstration')
    .argument('<text>', 'what to say')
    .requiredOption('--device <path>', 'the Binder device')
    .action(async (text: string, { device }: { device: string }) => {
      process.stdout.write(`${await client(await open(device), text)}\n`);
    });
  return command;
}

async function open(device: string) {
  const { BinderDevice } = await import('../binder/connections/device.ts');
  return new BinderDevice(device, { mapSize: 128 * 1024 });
}

/** A running program of the demonstration. */
interface Started {
  readonly child: ChildProcess;
  readonly directory: string;
}

async function startDaemon(): Promise<Started | { why: string }> {
  const directory = mkdtempSync(`${tmpdir()}/ubinder-demo-`);
  const child = start(['up', '--mount', directory]);
  const why = await readiness(child);
  if (why === null) return { child, directory };
  rmdirSync(directory);
  return { why };
}

async function show({ child: daemon, directory }: Started, once: boolean): Promise<void> {
  const device = `${directory}/binder`;
  const children = [daemon];
  const ended = new Promise<void>((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop());
    daemon.once('exit', () => stop());
  });
  try {
    for (const role of ['manager', 'echo']) {
      const child = start(['demo', role, '--device', device]);
      children.push(child);
      const why = await readiness(child);
      if (why !== null) throw new CliError(`The ${role} of the demonstration did not start: ${why}`);
    }
    const [, managerProcess, echoProcess] = children;
    process.stdout.write(
      `Serving ${device} (pid ${daemon.pid}); context manager pid ${managerProcess?.pid}, echo service pid ${echoProcess?.pid}\n`,
    );
    process.stdout.write(await say(device));
    if (once) return;
    process.stdout.write(
      `Call it yourself: npx ubinder demo call --device ${device} 'your words'   (Ctrl-C stops)\n`,
    );
    await ended;
  } finally {
    for (const child of children.reverse()) await stop(child);
    rmdirSync(directory);
  }
}

/** Makes the call in a process of its own. @returns what it printed. */
async function say(device: string): Promise<string> {
  const child = start(['demo', 'call', '--device', device, TEXT]);
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (code !== 0) throw new CliError(`The call of the demonstration failed with code ${code}`);
  return said;
}

function start(args: string[]): ChildProcess {
  // Signals of the terminal are for us: we stop the others, the daemon last.
  return spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
}

/** Waits for a program's first line. @returns `null` when it is ready, else why it is not. */
function readiness(child: ChildProcess): Promise<string | null> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  return new Promise((done) => {
    const timer = setTimeout(() => {
      child.kill();
      done(`no answer within ${READY_TIMEOUT / 1000} s`);
    }, READY_TIMEOUT);
    const settle = (why: string | null) => {
      clearTimeout(timer);
      done(why);
    };
    if (child.stdout) createInterface({ input: child.stdout }).once('line', () => settle(null));
    child.once('close', (code) =>
      settle(said.trim().replace(/^ubinder: /, '') || `it ended with code ${code}`),
    );
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((done) => child.once('close', done));
  child.kill('SIGTERM');
  await closed;
}
