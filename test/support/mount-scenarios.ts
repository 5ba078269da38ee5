import { readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { families } from '../scenarios/all.ts';
import type { Scenario } from '../scenarios/scenario.ts';
import { type Mode, TestMount, whyNot } from './mount.ts';
import { MountWorld, Puppets } from './mount-world.ts';
import type { Ability } from './world.ts';

const ABILITIES: readonly Ability[] = ['interrupt', 'unmap', 'labels', 'users', 'logs', 'descriptors'];

/** Defines the scenarios as tests on a real mount, by real processes and threads: one for each label that senders have. */
export function mountScenarios(mode: Mode): void {
  const reason = whyNot(mode);
  if (reason) console.warn(`SKIPPED: the scenarios on a mount, ${mode}: ${reason}`);
  const all = Object.values(families).flat();
  for (const label of new Set(all.map((scenario) => scenario.label))) {
    const title = label === undefined ? mode : `${mode}, ${label === null ? 'no label' : `label '${label}'`}`;
    const impossible = reason ?? whyNotLabel(label);
    if (impossible && !reason) console.warn(`SKIPPED: scenarios ${title}: ${impossible}`);
    describe.skipIf(impossible !== null)(`scenarios ${title}`, () => {
      const run = runner(mode, label);
      for (const [family, scenarios] of Object.entries(families)) {
        const ours = scenarios.filter((scenario) => scenario.label === label);
        if (ours.length > 0) describe(family, () => scenarioTests(ours, run));
      }
    });
  }
}

function scenarioTests(scenarios: readonly Scenario[], run: (scenario: Scenario) => Promise<void>): void {
  for (const scenario of scenarios) {
    const missing = scenario.needs?.filter((need) => !ABILITIES.includes(need)) ?? [];
    if (missing.length > 0) console.warn(`SKIPPED: ${scenario.name}: needs ${missing}`);
    test.skipIf(missing.length > 0)(scenario.name, () => run(scenario));
  }
}

/** Why a daemon cannot make all senders have this label, or `null` when it can. */
function whyNotLabel(label: string | null | undefined): string | null {
  if (label === undefined) return null;
  if (!label) return 'a daemon tells some label always';
  try {
    const isOwn = readFileSync('/proc/self/attr/current', 'utf8') !== '';
    return isOwn ? 'this machine has a security module, whose labels are told' : null;
  } catch {
    return null;
  }
}

/** Serves a mount while the tests of this group run. @returns what runs a scenario there, on a device of its own. */
function runner(mode: Mode, label: string | null | undefined): (scenario: Scenario) => Promise<void> {
  const puppets = new Puppets();
  let mount: TestMount;
  let devices = 0;

  beforeAll(async () => {
    const args = ['--stats', 'global', ...(label ? ['--label', label] : [])];
    mount = await TestMount.start(mode, { seconds: 170, args });
  });
  afterAll(async () => {
    puppets.dispose();
    await mount?.stop();
  });

  return async (scenario) => {
    // The first manager's user is remembered for a device's whole life.
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
  };
}
