// The corpus: one folder a case, with one AIDL file at the path its package asks for, and perhaps a file
// `args` of options for aidl.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const corpus = fileURLToPath(new URL('corpus', import.meta.url));
export const goldenFile = fileURLToPath(new URL('golden.json', import.meta.url));
export const apiGoldenFile = fileURLToPath(new URL('api-changes.json', import.meta.url));

/** [{name, directory, file, args}], in the order of their names. */
export function cases() {
  return readdirSync(corpus)
    .sort()
    .map((name) => {
      const directory = join(corpus, name);
      const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      const aidl = files.find((entry) => entry.name.endsWith('.aidl'));
      const args = files.some((entry) => entry.name === 'args')
        ? readFileSync(join(directory, 'args'), 'utf8').trim().split(/\s+/)
        : [];
      return { name, directory, file: relative(directory, join(aidl.parentPath, aidl.name)), args };
    });
}

/** A message without what is not compared: the tokens a syntax error would rather have seen. */
export const comparable = (message) => message.replace(/(syntax error, unexpected .*?), expecting .*/, '$1');

/** The dump below aidl's banner, which is a run of comment lines. */
export function belowBanner(dump) {
  const lines = dump.split('\n');
  const last = lines.findLastIndex((line) => line.startsWith('// later when a module using the interface'));
  return lines
    .slice(last + 1)
    .join('\n')
    .replace(/^\n+/, '');
}

/** A mapping of methods, whose order is not told, as a sorted list. */
export function pairsOf(mapping) {
  return (mapping.match(/.*\n.*\n/g) ?? []).sort();
}
