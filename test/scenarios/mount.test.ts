import { rmSync } from 'node:fs';
import { afterAll, describe, test } from 'vitest';
import { askDaemon } from '../../src/host/daemon/control-socket.ts';
import type { Status } from '../../src/host/daemon/status.ts';
import { MountWorld, Puppets } from '../support/mount-world.ts';
import type { Ability } from '../support/world.ts';
import { families } from './all.ts';

// The scenarios by real processes on a mount that a daemon serves already:
//
//   ubinder up --mount /tmp/binderfs --detach
//   UBINDER_TEST_MOUNT=/tmp/binderfs npx vitest run test/scenarios/mount.test.ts

const mountPoint = process.env.UBINDER_TEST_MOUNT ?? '';
if (mountPoint === '') console.warn('SKIPPED: the scenarios on a mount: UBINDER_TEST_MOUNT names none');

const abilities: Ability[] = ['interrupt', 'unmap', 'labels'];
if (process.getuid?.() === 0) abilities.push('users');

const puppets = new Puppets();
afterAll(() => puppets.dispose());
let devices = 0;

async function run(scenario: (typeof families)[string][number]): Promise<void> {
  // A device of its own: the first manager's user is remembered for a device's whole life.
  const name = `scenario-${process.pid}-${devices++}`;
  await puppets.addDevice(`${mountPoint}/binder-control`, name);
  const counts = async () => {
    const status = (await askDaemon(mountPoint, 'status')) as Status | null;
    if (!status) throw new Error(`Cannot ask the daemon of ${mountPoint}: it does not listen`);
    const { sleeping, processes, nodes, refs, deaths, transactions, buffers } = status;
    return { sleeping, processes, nodes, refs, deaths, transactions, buffers };
  };
  const world = await MountWorld.create({ device: `${mountPoint}/${name}`, abilities, counts }, puppets);
  try {
    await scenario.run(world);
    await world.close();
  } catch (error) {
    // Its threads may sleep in the driver.
    puppets.dispose();
    throw error;
  } finally {
    rmSync(`${mountPoint}/${name}`);
  }
}

for (const [family, scenarios] of Object.entries(families)) {
  describe.skipIf(mountPoint === '')(family, () => {
    for (const scenario of scenarios) {
      const missing = scenario.needs?.filter((need) => !abilities.includes(need)) ?? [];
      // The daemon tells real labels; which one that is, a scenario cannot choose.
      const skip = missing.length > 0 || scenario.label !== undefined;
      test.skipIf(skip)(scenario.name, () => run(scenario));
    }
  });
}
