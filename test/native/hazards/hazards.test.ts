import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, whyNoCompiler } from '../../support/compile.ts';
import { type Mode, TestMount, whyNot } from '../../support/mount.ts';
import { slowness } from '../../support/slowness.ts';

// Clients that attack the daemon, or use what it cannot see, one hazard each (their numbers are the design's). A program
// checks by itself that a well-behaved pair goes on being served; here it is seen that nothing is left, and that the
// daemon is the one that it was.

interface Attack {
  readonly hazards: readonly number[];
  readonly program: string;
  readonly args?: readonly string[];
  readonly modes: readonly Mode[];
}

const asRoot: readonly Mode[] = ['root', 'root-inject', 'root-store'];
const everywhere: readonly Mode[] = [...asRoot, 'rootless', 'rootless-store'];

const attacks: readonly Attack[] = [
  { hazards: [1], program: 'hazards/faults', args: ['--only=own-mount'], modes: everywhere },
  { hazards: [1], program: 'hazards/faults', args: ['--only=silent-fuse'], modes: everywhere },
  {
    hazards: [1],
    program: 'hazards/faults',
    args: ['--only=changing-memory'],
    modes: asRoot,
  },
  { hazards: [1], program: 'hazards/faults', args: ['--only=userfaultfd'], modes: asRoot },
  { hazards: [1], program: 'hazards/faults', args: ['--only=userfaultfd-user-mode'], modes: everywhere },
  { hazards: [1], program: 'hazards/faults', args: ['--only=foreign-userfaultfd'], modes: ['root'] },
  { hazards: [2], program: 'hazards/store', modes: everywhere },
  { hazards: [3], program: 'hazards/files', args: ['--only=bound-file'], modes: everywhere },
  { hazards: [1, 8], program: 'hazards/stacks', args: ['--only=stack-on-userfaultfd'], modes: asRoot },
  {
    hazards: [1, 8],
    program: 'hazards/stacks',
    args: ['--only=stack-on-userfaultfd-user-mode'],
    modes: everywhere,
  },
  { hazards: [1, 8], program: 'hazards/stacks', args: ['--only=argument-on-userfaultfd'], modes: ['root'] },
  { hazards: [1, 8], program: 'hazards/stacks', args: ['--only=stack-on-silent-fuse'], modes: ['root'] },
  { hazards: [9], program: 'hazards/files', args: ['--only=operations'], modes: everywhere },
  { hazards: [19], program: 'hazards/files', args: ['--only=mappings'], modes: everywhere },
  { hazards: [4], program: 'hazards/received', args: ['--only=in-flight'], modes: everywhere },
  { hazards: [10], program: 'hazards/received', args: ['--only=given-back'], modes: everywhere },
  { hazards: [20], program: 'hazards/received', args: ['--only=remap'], modes: everywhere },
  { hazards: [8], program: 'hazards/threads', args: ['--only=without-main'], modes: everywhere },
  { hazards: [8], program: 'hazards/threads', args: ['--only=exec'], modes: everywhere },
  { hazards: [8, 16], program: 'hazards/threads', args: ['--only=stopped'], modes: everywhere },
  { hazards: [12], program: 'hazards/threads', args: ['--only=frozen'], modes: everywhere },
  { hazards: [14], program: 'hazards/threads', args: ['--only=reuse'], modes: everywhere },
  { hazards: [14], program: 'hazards/threads', args: ['--only=silent-end'], modes: everywhere },
  { hazards: [13, 21], program: 'hazards/threads', args: ['--only=epoll'], modes: everywhere },
  { hazards: [15], program: 'hazards/threads', args: ['--only=null'], modes: everywhere },
  { hazards: [17], program: 'hazards/users', args: ['--only=ids'], modes: everywhere },
  { hazards: [17], program: 'hazards/users', args: ['--only=namespaces'], modes: everywhere },
  { hazards: [26], program: 'hazards/floods', args: ['--only=long-write'], modes: everywhere },
  { hazards: [26], program: 'hazards/floods', args: ['--only=killed-write'], modes: everywhere },
  { hazards: [26], program: 'hazards/floods', args: ['--only=objects'], modes: everywhere },
  { hazards: [26], program: 'hazards/deaths', args: ['--only=killed-clients'], modes: everywhere },
  {
    hazards: [26],
    program: 'hazards/deaths',
    args: ['--only=killed-clients', '--clients=10000'],
    modes: ['root', 'rootless'],
  },
  { hazards: [26, 31], program: 'hazards/deaths', args: ['--only=much-held'], modes: everywhere },
  { hazards: [7], program: 'hazards/floods', args: ['--only=wakes'], modes: everywhere },
  { hazards: [31], program: 'hazards/floods', args: ['--only=storm'], modes: everywhere },
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
      mount = await TestMount.start(mode, { seconds: 420 });
      ({ pid, descriptors } = await mount.status());
    });
    afterAll(() => mount?.stop());

    for (const { hazards, program, args = [], modes } of attacks) {
      if (!modes.includes(mode)) continue;
      test(`hazard ${hazards.join(', ')}: ${[program, ...args].join(' ')}`, async () => {
        const executable = await compile(new URL(`../${program}.c`, import.meta.url).pathname);
        const { code, output } = await mount.run([executable, mount.device(), ...args]);
        expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^ok /m) });
        await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 * slowness }).toEqual({});
        expect((await mount.status()).pid).toBe(pid);
      });
    }
  });
}
