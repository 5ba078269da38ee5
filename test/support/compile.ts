import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';

const directory = `${tmpdir()}/ubinder-native-${process.pid}`;
const compiled = new Map<string, Promise<string>>();

/** Removes all that this process compiled. Its end does it, too, unless a signal kills it. */
export function removeCompiled(): void {
  rmSync(directory, { recursive: true, force: true });
  compiled.clear();
}
process.once('exit', removeCompiled);

/** Why C programs cannot be compiled here, or `null` when they can. */
export function whyNoCompiler(): string | null {
  const { status } = spawnSync('gcc', ['-E', '-xc', '-', '-o', '/dev/null'], {
    input: '#include <linux/android/binder.h>\n#include <stdio.h>\n',
  });
  if (status === 0) return null;
  return status === null ? 'gcc is not installed' : 'gcc finds no <linux/android/binder.h>';
}

/** Compiles a C program with nothing but the C library. @returns the path of the executable. */
export function compile(source: string): Promise<string> {
  let result = compiled.get(source);
  if (!result) {
    mkdirSync(directory, { recursive: true });
    const target = `${directory}/${basename(source, '.c')}`;
    const native = new URL('../native', import.meta.url).pathname;
    const args = [
      '-O2',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-pthread',
      `-I${native}`,
      `-I${dirname(source)}`,
      source,
    ];
    result = promisify(execFile)('gcc', [...args, '-o', target]).then(() => target);
    compiled.set(source, result);
  }
  return result;
}
