import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

interface Entry {
  /** How the line begins; entries without are about whole tests. */
  readonly line?: string;
  readonly reason: string;
}

const allowed: readonly Entry[] = JSON.parse(
  readFileSync(new URL('../allowed-skips.json', import.meta.url), 'utf8'),
);

/** What a C program says that it leaves out here: printed, and of test/allowed-skips.json. @returns the lines. */
export function partialSkips(output: string): readonly string[] {
  const lines = output.match(/^skip .*$/gm) ?? [];
  for (const line of lines) console.warn(`SKIPPED: ${line}`);
  const unknown = lines.filter(
    (line) => !allowed.some(({ line: start }) => start !== undefined && line.startsWith(start)),
  );
  expect(unknown, 'what may not be left out').toEqual([]);
  return lines;
}
