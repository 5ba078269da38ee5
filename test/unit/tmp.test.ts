import fc from 'fast-check';
import { test } from 'vitest';
import { BC_COMMANDS, BR_COMMANDS } from '../../src/abi/commands.ts';
import { iocNumber } from '../../src/abi/ioctl-code.ts';
import { Chaos, PROCESSES, THREADS } from '../support/chaos.ts';

const step = fc.record({
  kind: fc.nat(99),
  who: fc.nat(PROCESSES - 1),
  thread: fc.nat(THREADS - 1),
  seed: fc.nat(0x7fff_ffff),
});
test.each([true, false])('x %s', (h) => {
  const br = new Map<string, number>();
  const bc = new Map<string, number>();
  const depth = [0, 0, 0, 0, 0, 0],
    totals: any = {};
  let steps = 0,
    asyncq = 0,
    parked = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (c) => {
      const chaos = new Chaos(h);
      for (const s of c) {
        chaos.take(s);
        steps++;
        for (const p of chaos.driver.processes) {
          for (const t of p.threads.values()) {
            let d = 0;
            for (let x = t.stack; x; x = x.toThread === t ? x.toParent : x.fromParent) d++;
            depth[Math.min(d, 5)]!++;
            if (t.isParked) parked++;
          }
          for (const n of p.nodes.values()) if (!n.asyncTodo.isEmpty) asyncq++;
        }
      }
      chaos.end();
      for (const { code, name } of BR_COMMANDS.values())
        br.set(name, (br.get(name) ?? 0) + chaos.driver.stats.br[iocNumber(code)]!);
      for (const { code, name } of BC_COMMANDS.values())
        bc.set(name, (bc.get(name) ?? 0) + chaos.driver.stats.bc[iocNumber(code)]!);
      for (const [k, v] of Object.entries(chaos.driver.stats))
        if (v && typeof v === 'object' && 'total' in v) totals[k] = (totals[k] ?? 0) + (v as any).total;
    }),
    { numRuns: 200 },
  );
  console.log(
    JSON.stringify(
      { steps, depth, parked, asyncq, totals, br: Object.fromEntries(br), bc: Object.fromEntries(bc) },
      null,
      0,
    ),
  );
});
