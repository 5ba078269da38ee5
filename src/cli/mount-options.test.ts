import { expect, test } from 'vitest';
import { upOptions } from './mount-options.ts';

const NO_MANAGER = '--no-service-manager';

test('options of a mount are options of `ubinder up`', () => {
  expect(
    upOptions('max=5,stats=global,devices=binder:my,mode=0660,uid=1,gid=2,spin=0,service-manager', false),
  ).toEqual([
    '--max-devices=5',
    '--stats=global',
    '--devices=binder,my',
    '--mode=0660',
    '--owner=1',
    '--group=2',
    '--spin=0',
  ]);
});

test('a value in quotes may have commas', () => {
  expect(upOptions('rw,label="u:r:app:s0:c1,c2",policy=/etc/a=b', false)).toEqual([
    '--label=u:r:app:s0:c1,c2',
    '--policy=/etc/a=b',
    NO_MANAGER,
  ]);
});

test('what every file system may be asked is passed over', () => {
  expect(upOptions('', false)).toEqual([NO_MANAGER]);
  expect(
    upOptions(
      'defaults,rw,,nosuid,nodev,noexec,_netdev,nofail,x-systemd.automount,comment=a,user=joe',
      false,
    ),
  ).toEqual([NO_MANAGER]);
});

test.each([
  ['odd', /^Unknown option odd: known are max=, /],
  ['max', /^Cannot use the option max: give it a value, max=\.\.\.$/],
  ['stats=', /^Cannot use the option stats/],
  ['ro', /^Cannot mount with the option ro: clients could not open/],
  ['rw,remount,max=4', /^Cannot mount with the option remount/],
  ['service-manager=1', /^Unknown option service-manager=1/],
  ['defaults=1', /^Unknown option defaults=1/],
])('%s is refused', (options, message) => {
  expect(() => upOptions(options, false)).toThrow(message);
});

test('sloppy mounts pass over what is unknown, not what cannot be had', () => {
  expect(upOptions('odd,max=1', true)).toEqual(['--max-devices=1', NO_MANAGER]);
  expect(() => upOptions('odd,ro', true)).toThrow(/option ro/);
});
