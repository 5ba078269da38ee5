import { resolve } from 'node:path';
import { CliError } from './exit-code.ts';

/** Where a mount goes unless told otherwise: Android's place for root, the user's own for everybody else. */
export function defaultMountPoint(): string {
  if (process.getuid?.() === 0) return '/dev/binderfs';
  const runtime = process.env.XDG_RUNTIME_DIR;
  if (!runtime) {
    throw new CliError('Cannot choose a directory: XDG_RUNTIME_DIR is not set; name one with --mount DIR');
  }
  return `${runtime}/ubinder`;
}

/** The absolute path of a directory given on the command line, the one that `ubinder run` is in, or the default one. */
export function mountPointFrom(option: string | undefined): string {
  const directory = option ?? process.env.UBINDER_MOUNT;
  return directory === undefined ? defaultMountPoint() : resolve(directory);
}
