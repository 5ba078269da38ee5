import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isAtLeast, kernelVersion } from '../../src/host/linux/kernel.ts';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';
import { partialSkips } from '../support/partial-skips.ts';
import { slowness } from '../support/slowness.ts';

// C programs that know nothing of us, compiled in the run, over a real mount: in each way that a mount can be served.

/** Each program with its arguments, and the hazards of docs/hazards.md that it is about. */
const programs: readonly {
  readonly run: readonly [string, ...string[]];
  readonly hazards?: readonly number[];
}[] = [
  { run: ['calls'] },
  { run: ['calls', '--processes=16', '--threads=1', `--calls=${160_000 / slowness}`] },
  { run: ['nested'] },
  { run: ['oneway'] },
  { run: ['handles'] },
  { run: ['poll'], hazards: [21] },
  { run: ['mapping'], hazards: [20] },
  { run: ['opens'], hazards: [13] },
  { run: ['signals'], hazards: [16] },
  { run: ['death'] },
  { run: ['errors'], hazards: [32] },
  { run: ['fds'], hazards: [6, 8] },
  { run: ['fd_receivers'], hazards: [8] },
  { run: ['manager'] },
  { run: ['spawn'] },
  { run: ['priority'] },
];
/** Those that need a mount of their own kind, and be root. */
const special: readonly { readonly program: string; readonly options: string[] }[] = [
  { program: 'scheduling', options: ['--android-scheduling'] },
];
const modes: readonly Mode[] = ['root', 'root-inject', 'root-store', 'rootless', 'rootless-store'];
const injecting: readonly Mode[] = ['root-inject', 'rootless'];

/** Such a kernel maps no FUSE file that refuses read(2): what `errors` then leaves out, it may leave out nowhere else. */
const mapsOnlyReadable = !isAtLeast(kernelVersion(), 6, 6);

const noCompiler = whyNoCompiler();
for (const mode of modes) {
  const reason = noCompiler ?? whyNot(mode);
  if (reason) console.warn(`SKIPPED: native clients, ${mode}: ${reason}`);
  describe.skipIf(reason !== null)(`native ${mode}`, () => {
    let mount: TestMount;
    let descriptors: number;

    beforeAll(async () => {
      mount = await TestMount.start(mode, { seconds: 600 });
      ({ descriptors } = await mount.status());
    });
    afterAll(() => mount?.stop());

    for (const { run, hazards } of programs) {
      const [name, ...args] = run;
      const about = hazards ? ` (hazard ${hazards.join(', ')})` : '';
      test(run.join(' ') + about, async () => {
        const program = await compile(new URL(`${name}.c`, import.meta.url).pathname);
        if (name === 'mapping' && injecting.includes(mode)) args.push('--injected=1');
        const { code, output } = await mount.run([program, mount.device(), ...args]);
        expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`ok ${name}`) });
        const isReadable = partialSkips(output).some((line) => line.startsWith('skip errors: read(2)'));
        expect(isReadable).toBe(name === 'errors' && mapsOnlyReadable);
        await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 * slowness }).toEqual({});
      });
    }
  });
}

const notAsRoot = noCompiler ?? whyNot('root');
describe.skipIf(notAsRoot !== null)('native root, with options', () => {
  for (const { program, options } of special) {
    test(`${program} ${options.join(' ')}`, async () => {
      await using mount = await TestMount.start('root', { seconds: 150, args: options });
      const { descriptors } = await mount.status();
      const path = await compile(new URL(`${program}.c`, import.meta.url).pathname);
      const { code, output } = await mount.run([path, mount.device()]);
      partialSkips(output);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(`ok ${program}`) });
      await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 * slowness }).toEqual({});
    });
  }
});
