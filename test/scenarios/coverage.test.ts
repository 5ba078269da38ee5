import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as binder from '../../src/abi/binder.ts';
import { BC_COMMANDS, BR_COMMANDS } from '../../src/abi/commands.ts';
import { LocalWorld } from '../support/local-world.ts';
import { type Met, RecordingWorld } from '../support/recording-world.ts';
import { families } from './all.ts';

// docs/coverage.md: which scenario exercises each ioctl, command, answer, object and failure. It is written from a run of
// all scenarios on the pure core, and must be what such a run gives.

const IOCTLS = [
  'BINDER_WRITE_READ',
  'number 2, unused',
  'BINDER_SET_IDLE_TIMEOUT',
  'number 4, unused',
  'BINDER_SET_MAX_THREADS',
  'BINDER_SET_IDLE_PRIORITY',
  'BINDER_SET_CONTEXT_MGR',
  'BINDER_THREAD_EXIT',
  'BINDER_VERSION',
  'number 10, unused',
  'BINDER_GET_NODE_DEBUG_INFO',
  'BINDER_GET_NODE_INFO_FOR_REF',
  'BINDER_SET_CONTEXT_MGR_EXT',
  'BINDER_FREEZE',
  'BINDER_GET_FROZEN_INFO',
  'BINDER_ENABLE_ONEWAY_SPAM_DETECTION',
  'BINDER_GET_EXTENDED_ERROR',
] as const;

/** Codes of those that have no name. */
const UNNAMED: Readonly<Record<string, number>> = {
  'number 2, unused': 0x40046202,
  'number 4, unused': 0x40046204,
  'number 10, unused': 0x4004620a,
};

const OBJECTS = [
  'BINDER_TYPE_BINDER',
  'BINDER_TYPE_WEAK_BINDER',
  'BINDER_TYPE_HANDLE',
  'BINDER_TYPE_WEAK_HANDLE',
  'BINDER_TYPE_FD',
  'BINDER_TYPE_FDA',
  'BINDER_TYPE_PTR',
] as const;

/** Answers that binder.h names and no driver gives. */
const NEVER_SENT = new Set(['BR_OK', 'BR_ERROR', 'BR_ACQUIRE_RESULT', 'BR_ATTEMPT_ACQUIRE', 'BR_FINISHED']);

/** Where a test outside the scenarios exercises what they cannot. */
const CONTROL_TEST = { file: 'test/mount/devices.test.ts', name: 'are added by BINDER_CTL_ADD' };

const NOTE = `Written by \`npx vitest run test/scenarios/coverage.test.ts -u\` from a run of \`test/scenarios\`; \`npm test\` fails where it
is out of date. Each scenario runs on the pure core, on real mounts and on the kernel's own driver; the first one that
meets a thing stands for all of them.`;

const UNTOLD = `BR_FAILED_REPLY ENOMEM is for want of memory, here of room within the limits: \`test/unit/limits.test.ts\`. BR_DEAD_REPLY 0 nobody
can read: the kernel has it for a caller that is gone, and for a process that dies on another processor between two
steps of one call, which here is one. A record that cannot be copied out is lost: \`test/native/errors/sequences.h\`.
`;

/** What was met, by name: the first scenario, and the outcomes. */
class Table {
  readonly rows = new Map<string, { readonly by: string; readonly outcomes: Set<string> }>();

  add(name: string, by: string, outcome?: string): void {
    let row = this.rows.get(name);
    if (!row) {
      row = { by, outcomes: new Set() };
      this.rows.set(name, row);
    }
    if (outcome !== undefined) row.outcomes.add(outcome);
  }

  /** @param names - all that must be there, in this order */
  format(heading: string, names: Iterable<string>, without: (name: string) => string): string {
    const lines = [...names].map((name) => {
      const row = this.rows.get(name);
      if (!row) return `| ${name} | ${without(name)} |`;
      const outcomes = [...row.outcomes].sort(
        (a, b) => Number(b === '0') - Number(a === '0') || (a < b ? -1 : 1),
      );
      return `| ${name} | ${row.by}${outcomes.length > 0 ? ` | ${outcomes.join(', ')}` : ''} |`;
    });
    const hasOutcomes = [...this.rows.values()].some(({ outcomes }) => outcomes.size > 0);
    return `## ${heading}\n\n| | scenario |${hasOutcomes ? ' results |' : ''}\n|---|---|${hasOutcomes ? '---|' : ''}\n${lines.join('\n')}\n`;
  }
}

test('docs/coverage.md is what the scenarios exercise', { timeout: 120_000 }, async () => {
  const tables = {
    ioctl: new Table(),
    command: new Table(),
    answer: new Table(),
    object: new Table(),
    failure: new Table(),
  };
  const codes = new Map<string, unknown>(Object.entries({ ...binder, ...UNNAMED }));
  const names = new Map<number, string>(IOCTLS.map((name) => [codes.get(name) as number, name]));
  const types = new Map<number, string>(OBJECTS.map((name) => [codes.get(name) as number, name]));
  let by = '';
  const met: Met = {
    ioctl: (code, outcome) => names.has(code) && tables.ioctl.add(names.get(code) as string, by, outcome),
    command: (code, outcome) => tables.command.add(BC_COMMANDS.get(code)?.name as string, by, outcome),
    answer: (name) => tables.answer.add(name, by),
    object: (type) => types.has(type) && tables.object.add(types.get(type) as string, by),
    failure: (code, errno) => {
      if (code !== binder.BR_OK) tables.failure.add(`${BR_COMMANDS.get(code)?.name} ${errno}`, by);
    },
  };
  for (const [family, scenarios] of Object.entries(families)) {
    // What seeds made up shows nothing to a reader.
    if (family === 'conversations') continue;
    for (const { name, label, run } of scenarios) {
      by = `${family}: ${name}`;
      const world = new RecordingWorld(new LocalWorld(label), met);
      await run(world);
      await world.close();
    }
  }
  expect(readFileSync(new URL(`../../${CONTROL_TEST.file}`, import.meta.url), 'utf8')).toContain(
    `test('${CONTROL_TEST.name}'`,
  );
  const missing = (name: string): string => {
    throw new Error(`No scenario exercises ${name}`);
  };
  const neverSent = (name: string): string =>
    NEVER_SENT.has(name) ? 'nothing makes a driver send it' : missing(name);
  const namesOf = (commands: ReadonlyMap<number, { name: string }>) =>
    [...commands.values()].map(({ name }) => name);
  const failures = [...tables.failure.rows.keys()].sort();
  const sections = [
    tables.ioctl.format('ioctls', IOCTLS, missing),
    `BINDER_CTL_ADD: ${CONTROL_TEST.file}, “${CONTROL_TEST.name}”.\n`,
    tables.command.format('Commands (BC)', namesOf(BC_COMMANDS), missing),
    'Results are those of the ioctl; what becomes of a transaction is among the answers and extended errors.\n',
    tables.answer.format('Answers (BR)', namesOf(BR_COMMANDS), neverSent),
    tables.object.format('Objects', OBJECTS, missing),
    tables.failure.format('Extended errors', failures, missing),
    UNTOLD,
    vulnerabilities(),
  ];
  const text = `# What the tests exercise\n\n${NOTE}\n\n${sections.join('\n')}`;
  await expect(text).toMatchFileSnapshot('../../docs/coverage.md');
});

/** The comment of vulnerabilities.ts says which of them no sequence can show. */
function vulnerabilities(): string {
  const source = readFileSync(new URL('./vulnerabilities.ts', import.meta.url), 'utf8');
  const rest = [...source.matchAll(/^\/\/ {3}(V[^:]+): (.*)$/gm)];
  const tested = (families.vulnerabilities ?? []).map(({ name }) => `- ${name}`);
  const others = rest.map(([, number, why]) => `- ${number}: ${why}`);
  return `## Vulnerabilities and bugs of Binder drivers

Known ones as sequences, \`test/scenarios/vulnerabilities.ts\`:

${tested.join('\n')}

Those that no sequence of requests can show:

${others.join('\n')}
`;
}
