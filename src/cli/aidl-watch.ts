import { existsSync, type FSWatcher, watch as watchDirectory } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

/** Editors write a file in several steps. */
const SETTLE_MS = 50;

/**
 * Does a task, and again whenever one of the files it looked for changes, comes or goes; those that were not
 * there, too, since an import may be about to be written. Ends with SIGINT.
 *
 * @param task tells each path it looks for, and whether all went well
 */
export async function watch(task: (onRead: (path: string) => void) => boolean): Promise<void> {
  const watchers = new Map<string, FSWatcher>();
  let wanted = new Set<string>();
  let pending: NodeJS.Timeout | undefined;

  const again = (): void => {
    pending = undefined;
    const paths = new Set<string>();
    const good = task((path) => paths.add(resolve(path)));
    wanted = paths;
    const directories = new Set([...paths].map(existingParent));
    for (const [directory, watcher] of watchers) {
      if (directories.has(directory)) continue;
      watcher.close();
      watchers.delete(directory);
    }
    for (const directory of directories) {
      if (!watchers.has(directory)) watchers.set(directory, watchOne(directory));
    }
    process.stderr.write(`${good ? 'No errors' : 'There are errors'}; waiting for changes\n`);
  };
  const watchOne = (directory: string): FSWatcher =>
    watchDirectory(directory, (_, name) => {
      if (name !== null && !concerns(directory, name)) return;
      pending ??= setTimeout(again, SETTLE_MS);
    });
  /** A file that was looked for, or a folder on the way to one. */
  const concerns = (directory: string, name: string): boolean => {
    const changed = resolve(directory, name);
    return wanted.has(changed) || [...wanted].some((path) => path.startsWith(`${changed}/`));
  };

  again();
  await new Promise<void>((end) => process.once('SIGINT', end));
  clearTimeout(pending);
  for (const watcher of watchers.values()) watcher.close();
}

function existingParent(path: string): string {
  let directory = dirname(path);
  while (!existsSync(directory) && basename(directory) !== '') directory = dirname(directory);
  return directory;
}
