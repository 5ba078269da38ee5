import { expect, it } from 'vitest';
import { createArea } from './area.ts';
import { stuckCopies } from './stuck-copy.ts';

const PROCESS_VM_READV: Readonly<Record<string, number>> = { x64: 310, arm64: 270 };
const number = PROCESS_VM_READV[process.arch];

it.skipIf(process.platform !== 'linux' || number === undefined)(
  'finds every piece of a copy: any may be the one that is waited for',
  () => {
    const iovecs = createArea(32);
    for (const [i, word] of [0x1000, 8, 0x7000, 4096].entries())
      iovecs.view.setBigUint64(8 * i, BigInt(word), true);
    const call = { number: number as number, arguments: [4711, 0, 2, iovecs.address, 2, 0], text: '' };
    expect(stuckCopies(call)).toEqual([
      { thread: 4711, address: 0x1000, length: 8 },
      { thread: 4711, address: 0x7000, length: 4096 },
    ]);
    expect(stuckCopies({ ...call, number: 0 })).toEqual([]);
  },
);
