import { expect, test } from 'vitest';
import { PageTable } from './page-table.ts';

const pages = (address: number) => ({ address, base: 4096, size: 8192 });

test('another thread finds what is served, and nothing that is not', () => {
  const table = new PageTable();
  const elsewhere = new PageTable(table.shared);
  expect(elsewhere.find(7)).toBe(null);
  table.set(7, pages(0x7f00_0000_1000));
  table.set(8, pages(0x7f00_0000_2000));
  expect(elsewhere.find(7)).toEqual(pages(0x7f00_0000_1000));
  expect(elsewhere.find(8)).toEqual(pages(0x7f00_0000_2000));
  expect(elsewhere.find(9)).toBe(null);
});

test('a file that is mapped anew has one entry, the latest', () => {
  const table = new PageTable();
  table.set(7, pages(0x1000));
  table.set(7, pages(0x2000));
  expect(table.find(7)?.address).toBe(0x2000);
  table.delete(7);
  expect(table.find(7)).toBe(null);
  table.delete(7);
});

test('what was given up makes place for others', () => {
  const table = new PageTable();
  const capacity = (table.shared.byteLength / 8 - 1) / 4;
  for (let nodeid = 1; nodeid <= capacity; nodeid++) table.set(nodeid, pages(nodeid * 4096));
  expect(table.find(capacity)?.address).toBe(capacity * 4096);
  table.set(capacity + 1, pages(0x1000));
  expect(table.find(capacity + 1), 'one too many').toBe(null);
  expect(table.find(capacity), 'those before it stay').not.toBe(null);
  table.delete(3);
  table.set(capacity + 1, pages(0x1000));
  expect(table.find(capacity + 1)?.address).toBe(0x1000);
  expect(table.find(3)).toBe(null);
});
