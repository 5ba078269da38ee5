import { readFileSync, writeFileSync } from 'node:fs';
import { FileLock } from '../linux/file-lock.ts';
import { controlFiles, makeControlDirectory } from './control-path.ts';

/**
 * Takes the lock that a daemon holds from before it mounts `directory` until nothing is left of it: of two that start
 * at the same time one gets it, and while it is held nobody takes the mount for that of a killed daemon.
 *
 * @returns `null` when another process holds it.
 * @throws Error where there is no place for its file.
 */
export function lockMount(directory: string): FileLock | null {
  makeControlDirectory();
  const { lock: path } = controlFiles(directory);
  const lock = FileLock.take(path);
  if (lock) writeFileSync(path, `${process.pid}\n`);
  return lock;
}

/** The process that holds the lock of `directory`, as far as can be told. */
export function holder(directory: string): number | undefined {
  try {
    return Number(readFileSync(controlFiles(directory).lock, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}
