#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startDetached } from './detach.ts';
import { CliError, EXIT } from './exit-code.ts';
import { upOptions } from './mount-options.ts';

/*
 * /sbin/mount.fuse.ubinder SOURCE DIR [-sfnv] [-o OPTIONS] [-t TYPE], which mount(8) runs for a file system of the type
 * `fuse.ubinder`, also from fstab. It returns when clients can open the devices.
 */

/** Exit codes of mount(8), which passes on its helper's. */
const MOUNT_EXIT = { usage: 1, failed: 32 } as const;

const USAGE = 'mount.fuse.ubinder SOURCE DIR [-sfnv] [-o OPTION,...]';

try {
  await mount(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  process.stderr.write(`mount.fuse.ubinder: ${error.message}\n`);
  process.exitCode = error.exitCode === EXIT.usage ? MOUNT_EXIT.usage : MOUNT_EXIT.failed;
}

async function mount(args: readonly string[]): Promise<void> {
  const { positionals, values } = parse(args);
  const [, directory, ...more] = positionals;
  if (directory === undefined || more.length > 0) throw new CliError(`Usage: ${USAGE}`, EXIT.usage);
  const options = upOptions((values.o ?? []).join(','), values.s ?? false);
  // -f: all but the mount
  if (values.f) return;
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const { ready, warnings } = await startDetached(main, ['up', `--mount=${directory}`, ...options]);
  process.stderr.write(warnings);
  if (values.v) process.stdout.write(ready);
}

function parse(args: readonly string[]): {
  positionals: string[];
  values: { s?: boolean; f?: boolean; v?: boolean; o?: string[] };
} {
  const flag = (short: string) => ({ type: 'boolean', short }) as const;
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        s: flag('s'),
        f: flag('f'),
        n: flag('n'),
        v: flag('v'),
        o: { type: 'string', short: 'o', multiple: true },
        t: { type: 'string', short: 't' },
      },
    });
  } catch (error) {
    throw new CliError(`${(error as Error).message}. Usage: ${USAGE}`, EXIT.usage);
  }
}
