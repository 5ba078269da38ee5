import { describe, expect, it } from 'vitest';
import { surroundings } from './diagnose.ts';
import type { Finding } from './finding.ts';
import { inspectMachine, type Machine } from './machine.ts';
import { mechanismsHere } from './mechanisms.ts';

function machine(files: Record<string, string> = {}, release = '6.8.0-45-generic'): Machine {
  return { release, path: '/usr/bin:/opt/bin', read: (path) => files[path], exists: (path) => path in files };
}

function find(id: Finding['id'], on: Machine): Finding | undefined {
  return inspectMachine(on).find((found) => found.id === id);
}

describe('inspectMachine', () => {
  it('is content with a plain machine', () => {
    const found = inspectMachine(machine({ '/usr/bin/fusermount3': '' }));
    expect(found.map(({ verdict }) => verdict)).toEqual(found.map(() => 'ok'));
  });

  it('warns of a kernel that is too old', () => {
    expect(find('kernel', machine({}, '4.19.0'))).toMatchObject({ verdict: 'warn' });
    expect(find('kernel', machine({}, '5.10.0'))).toMatchObject({ verdict: 'ok' });
  });

  it.each([
    ['0', 'ok'],
    ['1', 'warn'],
    ['2', 'warn'],
    ['3', 'no'],
  ])('judges Yama ptrace_scope %s', (scope, verdict) => {
    expect(find('yama', machine({ '/proc/sys/kernel/yama/ptrace_scope': `${scope}\n` }))).toMatchObject({
      verdict,
    });
  });

  it('warns of the restriction of Ubuntu 24.04', () => {
    const path = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';
    expect(find('apparmor', machine({ [path]: '1\n' }))).toMatchObject({ verdict: 'warn' });
    expect(find('apparmor', machine({ [path]: '0\n' }))).toMatchObject({ verdict: 'ok' });
  });
});

describe('surroundings', () => {
  it('names what limits a process', () => {
    expect(surroundings(machine({ '/.dockerenv': '' }), { CI: 'true' })).toEqual(['container', 'ci']);
    expect(surroundings(machine({}, '6.6.36.3-microsoft-standard-WSL2'), {})).toEqual(['wsl']);
  });
});

describe('mechanismsHere', () => {
  const here = (...args: Parameters<typeof mechanismsHere>): string[] =>
    mechanismsHere(...args).map((mechanism) => mechanism.here);

  it('believes what was tried', () => {
    const tried = { passthrough: 'EPERM', threadPidfd: 'missing', mapQuery: 'ok', descriptor: 'ok' };
    expect(here('6.18.0', tried)).toEqual(['not allowed', 'no', 'yes', 'yes']);
    expect(here('6.18.0', { ...tried, passthrough: 'unsupported' })[0]).toBe('no');
  });

  it('goes by the version for the rest', () => {
    expect(here('6.9.0', {})).toEqual(['yes', 'yes', 'no', 'yes']);
    expect(here('5.5.0', { passthrough: 'untried' })).toEqual(['no', 'no', 'no', 'no']);
  });
});
