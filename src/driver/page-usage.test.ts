import { expect, it } from 'vitest';
import { PageUsage } from './page-usage.ts';

it('counts a page once however many buffers lie on it', () => {
  const usage = new PageUsage(8 * 4096);
  const pieces = [
    { offset: 0, size: 8 },
    { offset: 8, size: 4096 },
    { offset: 3 * 4096, size: 2 * 4096 },
  ];
  for (const piece of pieces) usage.use(piece);
  expect(usage.count(pieces)).toEqual({ active: 4, unused: 0, free: 4, highWatermark: 5 });
  expect(usage.count(pieces.slice(0, 1))).toEqual({ active: 1, unused: 3, free: 4, highWatermark: 5 });
  expect(usage.count([])).toEqual({ active: 0, unused: 4, free: 4, highWatermark: 5 });
});
