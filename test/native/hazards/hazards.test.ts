import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, whyNoCompiler } from '../../support/compile.ts';
import { type Mode, TestMount, whyNot } from '../../support/mount.ts';

// Clients that attack the daemon, or use what it cannot see, one hazard each (their numbers are the design's). A program
// checks by itself that a well-behaved pair goes on being served; here it is seen that nothing is left, and that the
// daemon is the one that it was.

interface Attack {
  readonly hazards: readonly number[];
  readonly program: string;
  readonly args?: readonly string[];
  readonly modes: readonly Mode[];
}

const everywhere: readonly Mode[] = ['root', 'root-store', 'rootless'];

const attacks: readonly Attack[] = [
  { hazards: [1], program: 'hazards/faults', args: ['--only=own-mount'], modes: everywhere },
  { hazards: [1], program: 'hazards/faults', args: ['--only=silent-fuse'], modes: everywhere },
  {
    hazards: [1],
    program: 'hazards/faults',
    args: ['--only=changing-memory'],
    modes: ['root', 'root-store'],
  },
  { hazards: [1], program: 'hazards/faults', args: ['--only=userfaultfd'], modes: ['root', 'root-store'] },
  { hazards: [1], program: 'hazards/faults', args: ['--only=userfaultfd-user-mode'], modes: everywhere },
  { hazards: [1], program: 'hazards/faults', args: ['--only=foreign-userfaultfd'], modes: ['root'] },
  { hazards: [2], program: 'hazards/store', modes: everywhere },
];

const modes: readonly Mode[] = everywhere;
const noCompiler = whyNoCompiler();
for (const mode of modes) {
  const reason = noCompiler ?? whyNot(mode);
  if (reason) console.warn(`SKIPPED: hazards, ${mode}: ${reason}`);
  describe.skipIf(reason !== null)(`hazards ${mode}`, () => {
    let mount: TestMount;
    let pid: number;
    let descriptors: number;

    beforeAll(async () => {
      mount = await TestMount.start(mode, { seconds: 300 });
      ({ pid, descriptors } = await mount.status());
    });
    afterAll(() => mount?.stop());

    for (const { hazards, program, args = [], modes } of attacks) {
      if (!modes.includes(mode)) continue;
      test(`hazard ${hazards.join(', ')}: ${[program, ...args].join(' ')}`, async () => {
        const executable = await compile(new URL(`../${program}.c`, import.meta.url).pathname);
        const { code, output } = await mount.run([executable, mount.device(), ...args]);
        expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^ok /m) });
        await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
        expect((await mount.status()).pid).toBe(pid);
      });
    }
  });
}
