import { expect, test } from 'vitest';
import { EEXIST, ENOSPC } from '../../abi/errno.ts';
import type { Device } from './device.ts';
import { DeviceTable } from './device-table.ts';

const owner = { mode: 0o600, uid: 0, gid: 0 };
const [ALICE, BOB] = [1000, 1001];

test('a user may add so many devices; others, and the mount itself, are not concerned', () => {
  const table = new DeviceTable(100, 2, owner);
  for (const name of ['binder', 'hwbinder', 'vndbinder']) expect(table.add(name, null)).toBeTypeOf('object');
  expect(table.add('a', ALICE)).toBeTypeOf('object');
  expect(table.add('a', ALICE), 'what fails does not count').toBe(EEXIST);
  expect(table.add('b', ALICE)).toBeTypeOf('object');
  expect(table.add('c', ALICE)).toBe(ENOSPC);
  expect(table.add('c', BOB)).toBeTypeOf('object');
});

test('a device that was removed counts for its user as long as somebody has it open', () => {
  const table = new DeviceTable(100, 1, owner);
  const device = table.add('a', ALICE) as Device;
  device.opens++;
  table.unlink('a');
  expect(table.add('b', ALICE)).toBe(ENOSPC);
  table.closed(device);
  expect(table.add('b', ALICE)).toBeTypeOf('object');
  table.unlink('b');
  expect(table.add('c', ALICE)).toBeTypeOf('object');
});

test('all together they are as many as a mount may have', () => {
  const table = new DeviceTable(2, 2, owner);
  expect(table.add('a', ALICE)).toBeTypeOf('object');
  expect(table.add('b', BOB)).toBeTypeOf('object');
  expect(table.add('c', ALICE)).toBe(ENOSPC);
});
