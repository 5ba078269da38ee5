#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { aidlCommand } from './aidl.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { downCommand } from './down.ts';
import { CliError, EXIT } from './exit-code.ts';
import { reportsCommand } from './reports.ts';
import { runCommand } from './run.ts';
import { serviceManagerCommand } from './servicemanager.ts';
import { shrinkCommand } from './shrink.ts';
import { statusCommand } from './status.ts';
import { upCommand } from './up.ts';

// A reader that has gone, as `head` goes, is no reason to end: a daemon serves others.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('ubinder')
  .description("Android's Binder driver in userspace")
  .version(version)
  .enablePositionalOptions()
  .exitOverride()
  .addCommand(upCommand())
  .addCommand(downCommand())
  .addCommand(statusCommand())
  .addCommand(shrinkCommand())
  .addCommand(reportsCommand())
  .addCommand(runCommand())
  .addCommand(serviceManagerCommand())
  .addCommand(doctorCommand())
  .addCommand(aidlCommand())
  .addCommand(demoCommand());
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
