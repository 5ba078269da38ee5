#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CliError, EXIT } from './exit-code.ts';

// A reader that has gone, as `head` goes, is no reason to end: a daemon serves others.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// Only the command that is asked for is loaded: it starts the sooner.
const COMMANDS: Record<string, () => Promise<Command>> = {
  up: async () => (await import('./up.ts')).upCommand(),
  down: async () => (await import('./down.ts')).downCommand(),
  status: async () => (await import('./status.ts')).statusCommand(),
  shrink: async () => (await import('./shrink.ts')).shrinkCommand(),
  reports: async () => (await import('./reports.ts')).reportsCommand(),
  run: async () => (await import('./run.ts')).runCommand(),
  servicemanager: async () => (await import('./servicemanager.ts')).serviceManagerCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  aidl: async () => (await import('./aidl.ts')).aidlCommand(),
  demo: async () => (await import('./demo.ts')).demoCommand(),
};
const asked = process.argv[2] ?? '';
const wanted = Object.hasOwn(COMMANDS, asked) ? [asked] : Object.keys(COMMANDS);

const program = new Command('ubinder')
  .description("Android's Binder driver in userspace")
  .version(version)
  .enablePositionalOptions()
  .exitOverride();
for (const name of wanted) program.addCommand(await (COMMANDS[name] as () => Promise<Command>)());
// `run` has exit codes of its own, which must not be taken for its command's.
for (const command of program.commands) {
  if (command.name() === 'run') continue;
  command.exitOverride();
  for (const part of command.commands) part.exitOverride();
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  } else if (error instanceof CliError) {
    process.stderr.write(`ubinder: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else if (error instanceof Error && 'syscall' in error) {
    // The system refused something; the message says what
    process.stderr.write(`ubinder: ${error.message}\n`);
    process.exitCode = EXIT.failed;
  } else {
    throw error;
  }
}
