import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { LocalWorld } from '../support/local-world.ts';
import { families } from './all.ts';

// Beside what clients hear, the driver tells its host of each breach of the protocol: user-errors.json has what it says in
// which scenario. `UBINDER_RECORD=1 npx vitest run test/scenarios/local.test.ts` writes it anew.

const FILE = new URL('user-errors.json', import.meta.url);
const isRecording = process.env.UBINDER_RECORD !== undefined;
const known: Record<string, string[]> = isRecording ? {} : JSON.parse(readFileSync(FILE, 'utf8'));

for (const [family, scenarios] of Object.entries(families)) {
  describe(family, () => {
    for (const { name, label, run } of scenarios) {
      test(name, async () => {
        const world = new LocalWorld(label);
        await run(world);
        await world.close();
        // Those are many, and say nothing that the others do not.
        if (family === 'conversations') return;
        const userErrors = counted(world.userErrors);
        if (!isRecording) expect(userErrors, 'what the driver says of it').toEqual(known[name] ?? []);
        else if (userErrors.length > 0) known[name] = userErrors;
      });
    }
  });
}

/** Each message once, with how often it came. */
function counted(messages: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const message of messages) counts.set(message, (counts.get(message) ?? 0) + 1);
  return [...counts].map(([message, count]) => (count === 1 ? message : `${count} times ${message}`));
}

afterAll(() => {
  if (isRecording) writeFileSync(FILE, `${JSON.stringify(known, null, 2)}\n`);
});
