import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BuiltCli,
  canUnshare,
  canUnshareUser,
  mountsOfLaunchers,
  ordinaryUser,
} from '../host/launcher/built.test-support.ts';
import type { Diagnosis } from '../host/launcher/checks/diagnose.ts';
import { findingIds } from '../host/launcher/checks/finding.ts';
import { formatDiagnosis, table } from './doctor-format.ts';

const diagnosis: Diagnosis = {
  version: 1,
  system: {
    platform: 'linux',
    kernel: '6.8.0',
    arch: 'x64',
    node: 'v20.19.0',
    uid: 0,
    surroundings: ['container'],
  },
  findings: [
    { id: 'kernel', title: 'kernel', verdict: 'ok', detail: 'Linux 6.8.0' },
    { id: 'fuse-device', title: '/dev/fuse opens', verdict: 'no', detail: 'there is none' },
  ],
  mechanisms: [
    { need: 'speed', name: 'passthrough', since: [6, 9], otherwise: 'slower', here: 'no' },
    { need: 'ends', name: 'pidfd', since: [5, 3], otherwise: 'polling', here: 'yes' },
  ],
  conclusions: [{ id: 'embedded', title: 'inside one program', works: true, detail: 'always' }],
  canMount: false,
};

describe('formatDiagnosis', () => {
  it('shows what was tried, what works and the mechanisms, in columns', () => {
    expect(formatDiagnosis(diagnosis).split('\n\nDocker')[0]).toBe(`\
ubinder doctor: linux 6.8.0 x64 · Node.js v20.19.0 · uid 0 · container

Tried
  ok  kernel           Linux 6.8.0
  no  /dev/fuse opens  there is none

What works
  yes  inside one program  always

Mechanisms
  for    mechanism    Linux  here  otherwise
  speed  passthrough  6.9    no    slower
  ends   pidfd        5.3    yes`);
  });

  it('ends with lines to paste', () => {
    const text = formatDiagnosis(diagnosis);
    for (const place of ['Docker', 'GitHub Actions', 'GitLab', 'WSL2']) expect(text).toContain(`\n${place}`);
    expect(text).toContain('--device /dev/fuse --cap-add SYS_ADMIN --cap-add SYS_PTRACE');
    expect(text.endsWith('\n')).toBe(true);
  });

  it('aligns columns without trailing blanks', () => {
    expect(
      table([
        ['a', 'bb', ''],
        ['ccc', 'd', 'e'],
      ]),
    ).toEqual(['a    bb', 'ccc  d   e']);
  });
});

describe.skipIf(process.platform !== 'linux')('ubinder doctor', () => {
  let cli: BuiltCli;
  beforeAll(() => {
    cli = new BuiltCli();
  });
  afterAll(() => cli[Symbol.dispose]());

  const examine = async (as: object): Promise<Diagnosis> => {
    const before = mountsOfLaunchers();
    const { stdout, stderr, code } = await cli.ubinder(['doctor', '--json'], as);
    expect(stderr).toBe('');
    expect(mountsOfLaunchers()).toEqual(before);
    const told = JSON.parse(stdout.toString()) as Diagnosis;
    expect(code).toBe(told.canMount ? 0 : 1);
    expect(told.findings.map(({ id }) => id)).toEqual(findingIds);
    return told;
  };

  it('gives one finding of each kind and an exit code that agrees', async () => {
    const told = await examine({});
    expect(told).toMatchObject({ version: 1, system: { platform: 'linux', uid: process.getuid?.() } });
    expect(told.conclusions.find(({ id }) => id === 'embedded')).toMatchObject({ works: true });
  });

  it.skipIf(!canUnshare || process.getuid?.() !== 0)('tries as root, and leaves nothing', async () => {
    const { findings } = await examine({});
    const tried = [
      'fuse-device',
      'fuse-mount',
      'passthrough',
      'read-memory',
      'trace',
      'copy-descriptor',
      'fusermount3',
    ];
    for (const { id, verdict } of findings) if (tried.includes(id)) expect(verdict).not.toBe('unknown');
  });

  it.skipIf(!canUnshareUser)('tries as an ordinary user', async () => {
    const told = await examine(ordinaryUser);
    expect(told.system.uid).toBe(ordinaryUser.uid ?? process.getuid?.());
    const verdicts = Object.fromEntries(told.findings.map(({ id, verdict }) => [id, verdict]));
    expect(verdicts).toMatchObject({
      'user-namespace': 'ok',
      'rootless-memory': 'ok',
      'fuse-mount': 'unknown',
    });
    expect(told.mechanisms[0]).toMatchObject({ here: 'not allowed' });
  });

  it('prints for people without --json', async () => {
    const { stdout } = await cli.ubinder(['doctor']);
    expect(stdout.toString()).toMatch(/^ubinder doctor: linux .*\n\nTried\n/);
  });
});
