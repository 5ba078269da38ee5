import { expect, test } from 'vitest';
import type { Client } from '../../driver/ports.ts';
import { DriverPolicy } from './driver-policy.ts';
import { Policy } from './policy.ts';
import { parsePolicy } from './policy-file.ts';
import type { Subject } from './subject.ts';

function subject(changes: Partial<Subject> = {}): Subject {
  return {
    pid: 10,
    uid: 1000,
    gid: 100,
    executable: '/usr/bin/a',
    label: 'u:r:a:s0',
    device: 'binder',
    ...changes,
  };
}

function policy(file: unknown): { policy: Policy; logged: string[] } {
  const logged: string[] = [];
  const text = JSON.stringify(file);
  return {
    policy: new Policy(parsePolicy(text, 'p.json'), 'p.json', (message) => logged.push(message)),
    logged,
  };
}

const other = subject({ pid: 20, uid: 2000, executable: '/usr/bin/b', label: 'u:r:b:s0' });

test('nothing is refused by an empty file', () => {
  expect(policy({}).policy.allows({ action: 'call', from: subject(), to: other })).toBe(true);
});

test.each<[what: string, rule: object, fits: boolean]>([
  ['user', { from: { uid: 1000 } }, true],
  ['another user', { from: { uid: 1001 } }, false],
  ['a range of users', { from: { uid: '900-1000' } }, true],
  ['one of several users', { from: { uid: [1, '5-9', 1000] } }, true],
  ['group', { from: { gid: 100 } }, true],
  ['program', { from: { executable: '/usr/*/a' } }, true],
  ['another program', { from: { executable: ['/bin/*', '/usr/bin/b'] } }, false],
  ['label', { to: { label: 'u:r:b:*' } }, true],
  ['both sides', { from: { uid: 1000 }, to: { uid: 2000 } }, true],
  ['the wrong side', { to: { uid: 1000 } }, false],
  ['device', { device: 'b*' }, true],
  ['another device', { device: 'vndbinder' }, false],
  ['a service where there is none', { service: '*' }, false],
  ['anybody', {}, true],
])('a rule about %s', (_what, rule, fits) => {
  const { policy: rules } = policy({ rules: [{ deny: 'call', ...rule }] });
  expect(rules.allows({ action: 'call', from: subject(), to: other })).toBe(!fits);
  expect(rules.allows({ action: 'transfer-file', from: subject(), to: other })).toBe(true);
});

test('a program that is not known fits no pattern', () => {
  const { policy: rules } = policy({ rules: [{ deny: 'call', from: { executable: '*' } }] });
  expect(rules.allows({ action: 'call', from: subject({ executable: null }), to: other })).toBe(true);
});

test('the first rule that fits decides, then the default', () => {
  const { policy: rules } = policy({
    default: 'deny',
    rules: [
      { deny: 'call', from: { uid: 5 } },
      { allow: ['call', 'manage'], from: { uid: '0-9' } },
    ],
  });
  const asks = (uid: number) => rules.allows({ action: 'call', from: subject({ uid }), to: other });
  expect([asks(5), asks(6), asks(10)]).toEqual([false, true, false]);
});

test('a rule that names the receiver does not fit where there is none', () => {
  const { policy: rules } = policy({ rules: [{ deny: 'manage', to: { uid: 1000 } }] });
  expect(rules.allows({ action: 'manage', from: subject() })).toBe(true);
});

test('rules of the service manager go by name', () => {
  const { policy: rules } = policy({ rules: [{ deny: ['service-add'], service: ['media.*'] }] });
  const may = (service: string) => rules.allows({ action: 'service-add', from: subject(), service });
  expect([may('media.player'), may('activity')]).toEqual([false, true]);
});

test('a refusal is logged with who, whom and why', () => {
  const { policy: rules, logged } = policy({ rules: [{ deny: 'call' }] });
  rules.allows({ action: 'call', from: subject(), to: other });
  expect(logged).toEqual([
    'call on binder denied: pid 10 (uid 1000, /usr/bin/a, u:r:a:s0) to pid 20 (uid 2000, /usr/bin/b, u:r:b:s0); rules[0] of p.json',
  ]);
});

test('an audit only logs', () => {
  const { policy: rules, logged } = policy({ audit: true, default: 'deny' });
  expect(rules.allows({ action: 'service-add', from: subject(), service: 'x' })).toBe(true);
  expect(logged).toEqual([
    'service-add of "x" on binder would be denied: pid 10 (uid 1000, /usr/bin/a, u:r:a:s0); default of p.json',
  ]);
});

test('the driver is answered the same each time, and each refusal is logged', () => {
  const { policy: rules, logged } = policy({
    rules: [{ deny: ['call', 'transfer-file'], to: { uid: 2000 } }],
  });
  const subjects = new Map<unknown, Subject>([
    [1, subject()],
    [2, other],
  ]);
  const asked = new DriverPolicy(rules, (client) => subjects.get(client) as Subject);
  const [a, b] = [1 as unknown as Client, 2 as unknown as Client];
  for (let round = 0; round < 2; round++) {
    expect(asked.mayCall(a, b)).toBe(false);
    expect(asked.mayCall(b, a)).toBe(true);
    expect(asked.mayTransferFile(a, b)).toBe(false);
    expect(asked.mayTransferBinder(a, b)).toBe(true);
    expect(asked.mayManage(a)).toBe(true);
  }
  expect(logged).toHaveLength(4);
});

test.each([
  ['{', 'it is not JSON'],
  ['[]', 'the whole: expected an object, not Array'],
  ['{"foo":1}', 'foo: expected the keys audit, default, rules, and no others, not "foo"'],
  ['{"default":"x"}', 'default: expected "allow" or "deny", not "x"'],
  ['{"rules":{}}', 'rules: expected a list of rules, not Object'],
  ['{"rules":[{}]}', 'rules[0]: expected either "allow" or "deny"'],
  ['{"rules":[{"allow":"call","deny":"call"}]}', 'rules[0]: expected either "allow" or "deny"'],
  ['{"rules":[{"deny":["call","x"]}]}', 'rules[0].deny[1]: expected one of manage, call,'],
  ['{"rules":[{"deny":"call","form":{}}]}', 'rules[0].form: expected the keys allow, deny, device,'],
  [
    '{"rules":[{"deny":"call","from":{"uid":"a"}}]}',
    'rules[0].from.uid: expected a number, a range such as "1000-1999", or a list of these, not "a"',
  ],
  [
    '{"rules":[{"deny":"call","from":{"uid":[1,"2-1"]}}]}',
    'rules[0].from.uid[1]: expected a range that goes upwards',
  ],
  ['{"rules":[{"deny":"call","from":{"uid":4294967295}}]}', 'rules[0].from.uid: expected at most 4294967294'],
  ['{"rules":[{"deny":"call","to":{"label":""}}]}', 'rules[0].to.label: is empty'],
])('%s is refused with its place', (text, message) => {
  expect(() => parsePolicy(text, 'p.json')).toThrow(message);
});
