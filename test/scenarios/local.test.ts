import { describe, test } from 'vitest';
import { LocalWorld } from '../support/local-world.ts';
import { families } from './all.ts';

for (const [family, scenarios] of Object.entries(families)) {
  describe(family, () => {
    for (const { name, label, run } of scenarios) {
      test(name, async () => {
        const world = new LocalWorld(label);
        await run(world);
        await world.close();
      });
    }
  });
}
