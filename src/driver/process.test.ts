import { expect, test } from 'vitest';
import { RawLocalDriver } from '../binder/connections/local.ts';

test('threads are told, woken and released by their ids, whichever came first', () => {
  const { process } = new RawLocalDriver().connect({ pid: 1 });
  for (const id of [30, 10, 20]) process.thread(id);
  expect(process.sortedThreads().map(({ id }) => id)).toEqual([10, 20, 30]);
});
