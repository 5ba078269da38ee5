import { describe, expect, it } from 'vitest';
import { canMount, conclude } from './conclusions.ts';
import { type Finding, type FindingId, finding, findingIds } from './finding.ts';
import {
  judgeCall,
  judgeFuse,
  judgeFuseDevice,
  judgeFusermount,
  judgeRequestTimeouts,
  judgeRights,
  judgeRootlessMount,
  judgeUserNamespace,
} from './judge.ts';

const root = { isRoot: true, uid: 0 };
const user = { isRoot: false, uid: 1000 };

function findings(...bad: FindingId[]): Finding[] {
  return findingIds.map((id) => finding(id, `[${id}]`, bad.includes(id) ? 'no' : 'ok', ''));
}

function works(...args: Parameters<typeof conclude>): string[] {
  return conclude(...args)
    .filter(({ works }) => works)
    .map(({ id }) => id);
}

describe('conclude', () => {
  it('lets root do what root can', () => {
    expect(works(findings(), root)).toEqual(['root', 'run', 'embedded']);
    expect(works(findings('rootless-mount', 'fusermount3'), root)).toEqual(['root', 'run', 'embedded']);
  });

  it('lets root run a command in a user namespace where mounting is not allowed', () => {
    expect(works(findings('fuse-mount'), root)).toEqual(['run', 'embedded']);
  });

  it('lets an ordinary user run and mount', () => {
    expect(works(findings('fuse-mount'), user)).toEqual(['run', 'rootless', 'embedded']);
    expect(works(findings('fuse-mount', 'fusermount3'), user)).toEqual(['run', 'embedded']);
    expect(works(findings('fuse-mount', 'user-namespace'), user)).toEqual(['rootless', 'embedded']);
    // Yama: in the namespace there is CAP_SYS_PTRACE, outside there is not
    expect(works(findings('fuse-mount', 'read-memory'), user)).toEqual(['run', 'embedded']);
  });

  it('believes no mount through which a call failed', () => {
    expect(works(findings('call', 'rootless-mount'), root)).toEqual(['embedded']);
    expect(works(findings('fuse-mount', 'call'), user)).toEqual(['run', 'embedded']);
  });

  it('always leaves the embedded driver, which is no mount', () => {
    const nothing = conclude(findings(...findingIds), root);
    expect(nothing.filter(({ works }) => works).map(({ id }) => id)).toEqual(['embedded']);
    expect(canMount(nothing)).toBe(false);
    expect(canMount(conclude(findings(), root))).toBe(true);
  });

  it('says what is missing', () => {
    const [asRoot] = conclude(findings('fuse-mount', 'read-memory'), root);
    expect(asRoot?.detail).toBe('needs: [fuse-mount], [read-memory]');
  });

  it('takes what was not found for missing', () => {
    expect(canMount(conclude([], root))).toBe(false);
  });
});

describe('judging', () => {
  const fuse = { namespace: 'ok', device: 'ok', mount: 'ok', passthrough: 'ok' };

  it.each([
    [{ ...fuse, namespace: 'EPERM' }, '--cap-add SYS_ADMIN'],
    [{ ...fuse, namespace: 'EACCES' }, 'apparmor=unconfined'],
    [{ ...fuse, device: 'ENOENT' }, '--device /dev/fuse'],
    [{ ...fuse, mount: 'EPERM' }, 'apparmor=unconfined'],
  ])('a mount that failed: %j', (report, advice) => {
    const [mount, passthrough] = judgeFuse({ report }, true);
    expect(mount).toMatchObject({ id: 'fuse-mount', verdict: 'no' });
    expect(mount?.detail).toContain(advice);
    expect(passthrough).toMatchObject({ id: 'passthrough', verdict: 'unknown' });
  });

  it('a mount that worked, with and without passthrough', () => {
    expect(judgeFuse({ report: fuse }, true).map(({ verdict }) => verdict)).toEqual(['ok', 'ok']);
    const slow = judgeFuse({ report: { ...fuse, passthrough: 'unsupported' } }, true);
    expect(slow.map(({ verdict }) => verdict)).toEqual(['ok', 'warn']);
  });

  it('does not blame the machine for what only root may', () => {
    const [mount] = judgeFuse({ report: { ...fuse, namespace: 'EPERM' } }, false);
    expect(mount).toMatchObject({ verdict: 'unknown', detail: 'you are not root' });
  });

  it('a probe that hangs', () => {
    expect(judgeFuse({ failure: 'no answer within 10 s' }, true)[0]).toMatchObject({
      verdict: 'unknown',
      detail: 'no answer within 10 s',
    });
    expect(judgeRootlessMount({ failure: 'no answer' }, undefined)).toMatchObject({ verdict: 'unknown' });
  });

  it('rights over other processes: only reading memory is indispensable', () => {
    const report = {
      memory: 'EPERM',
      trace: 'EPERM',
      descriptor: 'EPERM',
      threadPidfd: 'ok',
      mapQuery: 'ok',
    };
    const judged = judgeRights({ report }, 'somebody: ask them');
    expect(judged.map(({ verdict }) => verdict)).toEqual(['no', 'warn', 'warn']);
    expect(judged[0]?.detail).toBe('EPERM: no daemon can work; forbidden by somebody: ask them');
  });

  it('a mount by fusermount3, whoever tried it', () => {
    expect(judgeFusermount({ report: { complaint: '' } }, undefined)).toMatchObject({
      verdict: 'ok',
      detail: '',
    });
    expect(judgeFusermount({ report: { complaint: 'no' } }, 65534)).toMatchObject({
      verdict: 'warn',
      detail: 'as uid 65534: no',
    });
    const closed = 'Cannot fusermount3 -- /a: fusermount3: failed to open /dev/fuse: Permission denied';
    expect(judgeFusermount({ report: { complaint: closed } }, undefined).detail).toBe(
      'failed to open /dev/fuse: Permission denied; let root chmod 0666 it, as udev does',
    );
    expect(judgeFusermount({ failure: 'late' }, undefined)).toMatchObject({ verdict: 'unknown' });
  });

  it('a call through a mount, or why there was none', () => {
    expect(judgeCall({ report: { complaint: '' } })).toMatchObject({ id: 'call', verdict: 'ok' });
    expect(judgeCall({ report: { complaint: 'no fuse' } })).toMatchObject({
      verdict: 'warn',
      detail: 'no fuse',
    });
    expect(judgeCall({ failure: 'wrong answer' })).toMatchObject({ verdict: 'no' });
  });

  it('a /dev/fuse for root alone', () => {
    expect(judgeFuseDevice(undefined, '0600').detail).toContain('chmod 0666');
    expect(judgeFuseDevice(undefined, '0666').detail).toBe('');
    expect(judgeFuseDevice('there is none', 'unknown')).toMatchObject({
      verdict: 'no',
      detail: 'there is none',
    });
  });

  it('time limits on requests', () => {
    const limits = (value: { default: number; max: number } | null): string =>
      judgeRequestTimeouts({ value, reason: 'why' }).verdict;
    expect(limits(null)).toBe('ok');
    expect(limits({ default: 0, max: 0 })).toBe('ok');
    expect(limits({ default: 0, max: 60 })).toBe('warn');
    expect(limits({ default: 5, max: 0 })).toBe('warn');
  });

  it('an unshare that is old', () => {
    expect(judgeUserNamespace({ way: { argv: [], mapping: 'as-root' } }).detail).toContain('2.35');
    expect(judgeUserNamespace({ failure: 'none' })).toMatchObject({ verdict: 'no' });
  });
});
