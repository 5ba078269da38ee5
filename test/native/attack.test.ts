import { expect, test } from 'vitest';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';
import { slowness } from '../support/slowness.ts';

// Hostile clients at random, beside well-behaved ones whose every answer is checked: see attack.c. For long by
// `npm run attack -- --minutes M`.

const seconds = Number(process.env.UBINDER_ATTACK_SECONDS ?? 12);
const modes = (
  process.env.UBINDER_ATTACK_MODES ?? 'root,root-inject,root-store,rootless,rootless-store'
).split(',') as Mode[];
const ratio = process.env.UBINDER_ATTACK_RATIO;
const seed = process.env.UBINDER_ATTACK_SEED;

const noCompiler = whyNoCompiler();
for (const mode of modes) {
  const reason = noCompiler ?? whyNot(mode);
  if (reason) console.warn(`SKIPPED: attacks, ${mode}: ${reason}`);
  test.skipIf(reason !== null)(
    `attack ${mode}`,
    async () => {
      const program = await compile(new URL('attack.c', import.meta.url).pathname);
      await using mount = await TestMount.start(mode, { seconds: seconds + 100 });
      const { pid, descriptors } = await mount.status();
      // Where calls are slower it takes longer until there are enough to compare
      const args = [`--seconds=${seconds * slowness}`];
      if (ratio !== undefined) args.push(`--ratio=${ratio}`);
      if (seed !== undefined) args.push(`--seed=${seed}`);
      const { code, output } = await mount.run([program, mount.device(), ...args]);
      console.log(`${mode}: ${output}`);
      expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^ok attack/m) });
      await expect.poll(() => mount.leftovers(descriptors), { timeout: 10_000 * slowness }).toEqual({});
      expect((await mount.status()).pid).toBe(pid);
    },
    (seconds + 120) * 1000 * slowness,
  );
}
