import { describe, expect, it } from 'vitest';
import { surroundings } from './diagnose.ts';
import type { Finding } from './finding.ts';
import { whoForbids } from './guards.ts';
import { inspectMachine, type Machine } from './machine.ts';
import { mechanismsHere } from './mechanisms.ts';

function machine(files: Record<string, string> = {}, release = '6.8.0-45-generic'): Machine {
  return { release, read: (path) => files[path], exists: (path) => path in files };
}

function find(id: Finding['id'], on: Machine): Finding | undefined {
  return inspectMachine(on).find((found) => found.id === id);
}

describe('inspectMachine', () => {
  it('is content with a plain machine', () => {
    const found = inspectMachine(machine());
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

describe('whoForbids', () => {
  it.each([
    ['Yama', '/proc/sys/kernel/yama/ptrace_scope', '1\n', 'sysctl -w kernel.yama.ptrace_scope=0'],
    ['Yama', '/proc/sys/kernel/yama/ptrace_scope', '3\n', 'boot'],
    ['seccomp', '/proc/self/status', 'Name:\tnode\nSeccomp:\t2\n', '--cap-add SYS_PTRACE'],
    [
      'docker-default',
      '/proc/self/attr/apparmor/current',
      'docker-default (enforce)\n',
      'apparmor=unconfined',
    ],
    ['SELinux', '/sys/fs/selinux/enforce', '1', 'deny_ptrace'],
  ])('suspects %s by %s', (name, path, text, advice) => {
    const who = whoForbids(machine({ [path]: text }));
    expect(who).toContain(name);
    expect(who).toContain(advice);
    expect(who).not.toContain('\n');
  });

  it('suspects a missing right where nothing guards', () => {
    const open = {
      '/proc/sys/kernel/yama/ptrace_scope': '0\n',
      '/proc/self/status': 'Seccomp:\t0\n',
      '/proc/self/attr/apparmor/current': 'unconfined\n',
      '/sys/fs/selinux/enforce': '0',
    };
    expect(whoForbids(machine(open))).toContain('CAP_SYS_PTRACE');
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
