import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Boot, whyNoMachine } from './boot.ts';

// Pages of a client's mapping on two NUMA nodes, which few machines have.

const SCRIPT = new URL('nodes.mjs', import.meta.url).pathname;

const reason = whyNoMachine();
if (reason) console.warn(`SKIPPED: pages on two NUMA nodes: ${reason}`);
describe.skipIf(reason !== null)('a machine of two nodes', () => {
  let boot: Boot;
  beforeAll(() => {
    boot = new Boot(['--nodes', '2'], [`node ${SCRIPT}`]);
  });
  afterAll(() => boot?.stop());

  test('has a list of unused pages for each, and gives back those of one', async () => {
    const { code, stdout, stderr } = await boot.result(0);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const nodes = [0, 1, 0, 1, 0, 1, 0, 1];
    expect(JSON.parse(stdout)).toEqual({
      asked: { movePages: nodes, mempolicy: nodes },
      lists: [
        [0, 2, 4, 6],
        [1, 3, 5, 7],
      ],
      before: 8,
      given: 4,
      after: 4,
      left: [[0, 2, 4, 6], []],
    });
  });
});
