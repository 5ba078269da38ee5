import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

// Each hazard of docs/hazards.md is attacked by a test that has its number, or named as what FUSE cannot give.

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const rows = [...read('docs/hazards.md').matchAll(/^\| (\d+) \|.*\|$/gm)];

function testedNumbers(): Set<number> {
  const numbers = new Set<number>();
  for (const directory of ['test/native/', 'test/native/hazards/'])
    for (const name of readdirSync(new URL(directory, root))) {
      if (!name.endsWith('.test.ts')) continue;
      const lists = read(directory + name).matchAll(/hazards: \[([\d, ]+)\]|['"`]hazards? ([\d, ]+):/g);
      for (const [, list, title] of lists)
        for (const number of (list ?? title ?? '').split(',')) numbers.add(Number(number));
    }
  return numbers;
}

test('each hazard has a test with its number, or a line in differences.md', () => {
  const tested = testedNumbers();
  const known = rows.map(([, number]) => Number(number));
  const untested = rows.filter(
    ([row, number]) => !tested.has(Number(number)) && !row.includes('differences.md'),
  );
  expect(untested.map(([row]) => row)).toEqual([]);
  expect([...tested].filter((number) => !known.includes(number))).toEqual([]);
  const all = [...Array.from({ length: 22 }, (_, i) => i + 1), 25, 26, 27, 31, 32];
  expect(known).toEqual(all);
});
