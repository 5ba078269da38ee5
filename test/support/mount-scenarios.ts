import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { families } from '../scenarios/all.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { type Mode, TestMount, whyNot } from './mount.ts';
import { MountWorld, Puppets } from './mount-world.ts';
import type { Ability } from './world.ts';

const ABILITIES: readonly Ability[] = ['interrupt', 'unmap', 'labels', 'users', 'logs', 'descriptors'];

/** Defines the scenarios as tests on a real mount, by real processes and threads. */
export function mountScenarios(mode: Mode): void {
  const reason = whyNot(mode);
  if (reason) console.warn(`SKIPPED: the scenarios on a mount, ${mode}: ${reason}`);
  describe.skipIf(reason !== null)(`scenarios ${mode}`, () => {
    const puppets = new Puppets();
    let mount: TestMount;
    let devices = 0;

    beforeAll(async () => {
      mount = await TestMount.start(mode, { seconds: 170, args: ['--stats', 'global'] });
    });
    afterAll(async () => {
      puppets.dispose();
      await mount?.stop();
    });

    async function run(scenario: Scenario): Promise<void> {
      // A device of its own: the first manager's user is remembered for a device's whole life.
      const name = `scenario-${devices++}`;
      const device = mount.device(name);
      await puppets.addDevice(mount.device('binder-control'), name);
      const counts = async () => {
        const { processes, nodes, refs, deaths, transactions, buffers } = await mount.status();
        return { processes, nodes, refs, deaths, transactions, buffers };
      };
      const sleeping = async () => (await mount.status()).sleeping;
      const log = (name: string) => readFile(mount.device(`binder_logs/${name}`), 'latin1');
      const world = await MountWorld.create({ device, abilities: ABILITIES, counts, sleeping, log }, puppets);
      try {
        await scenario.run(world);
        await world.close();
      } catch (error) {
        // Its threads may sleep in the driver.
        puppets.dispose();
        throw error;
      } finally {
        rmSync(device);
      }
    }

    for (const [family, scenarios] of Object.entries(families)) {
      describe(family, () => {
        for (const scenario of scenarios) {
          const isAble = (scenario.needs ?? []).every((need) => ABILITIES.includes(need));
          // The daemon tells real labels; which one that is, a scenario cannot choose.
          if (isAble && scenario.label === undefined) test(scenario.name, () => run(scenario));
        }
      });
    }
  });
}
