// The corpus: one folder a case, with an AIDL file at the path its package asks for, perhaps a file `args` of
// options for aidl, and where there are several AIDL files `main`, which says which of them is asked about.

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
      const text = (file) =>
        files.some((entry) => entry.name === file) ? readFileSync(join(directory, file), 'utf8').trim() : '';
      const aidl = files.find((entry) => entry.name.endsWith('.aidl'));
      const file = text('main') || relative(directory, join(aidl.parentPath, aidl.name));
      return {
        name,
        directory,
        file,
        args: text('args')
          .split(/\s+/)
          .filter((arg) => arg !== ''),
      };
    });
}

/** Messages, each once: some aidl tells again for each kind of warning that it looks for. */
export const comparable = (messages) => [...new Set(messages)];

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
