import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';

// rsb_hub and rsbinder (Rust), binder-list, binder-ping and binder-call (libgbinder): programs of others, unchanged, talk
// to each other over our mount.

const SCENARIO = fileURLToPath(new URL('scenario.mjs', import.meta.url));

for (const mode of ['root', 'root-store', 'rootless'] satisfies Mode[]) {
  const reason = whyNot(mode);
  if (reason) console.warn(`SKIPPED: outside programs, ${mode}: ${reason}`);
  describe.skipIf(reason !== null)(`interop ${mode}`, () => {
    test('rsb_hub, rsbinder and libgbinder list, add, get, ping, call and pass files', async () => {
      await using mount = await TestMount.start(mode, { seconds: 280 });
      const { descriptors } = await mount.status();
      const { code, output } = await mount.run([process.execPath, SCENARIO, mount.directory]);
      expect({ code, output }).toEqual({
        code: 0,
        output: expect.stringContaining('ok rsbinder and libgbinder pass files to each other'),
      });
      await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
    });
  });
}
