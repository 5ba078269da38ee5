import { describe, expect, it } from 'vitest';
import { type DevEntry, devicesInDev, devicesOf, locator, planDev } from './dev-plan.ts';

const dev: DevEntry[] = [
  { name: 'null', kind: 'file' },
  { name: 'ptmx', kind: 'file' },
  { name: 'pts', kind: 'directory' },
  { name: 'fd', kind: 'symlink', target: '/proc/self/fd' },
  { name: 'binder', kind: 'symlink', target: '/dev/binderfs/binder' },
  { name: 'binderfs', kind: 'directory' },
];

describe('planDev', () => {
  it('puts back everything but what is ours', () => {
    expect(planDev(dev, ['binder'])).toEqual([
      { step: 'bind', name: 'null', kind: 'file' },
      { step: 'ptmx' },
      { step: 'bind', name: 'pts', kind: 'directory' },
      { step: 'link', name: 'fd', target: '/proc/self/fd' },
    ]);
  });

  it("hides the machine's binderfs even when no device of it is replaced", () => {
    expect(planDev(dev, []).map((step) => ('name' in step ? step.name : ''))).not.toContain('binderfs');
  });

  it('leaves a ptmx that is a link as it is: it leads to the one in pts', () => {
    expect(planDev([{ name: 'ptmx', kind: 'symlink', target: 'pts/ptmx' }], [])).toEqual([
      { step: 'link', name: 'ptmx', target: 'pts/ptmx' },
    ]);
  });

  it('makes ptmx anew where it leads into what is replaced', () => {
    expect(planDev([{ name: 'ptmx', kind: 'symlink', target: '.ubinder/host/ptmx' }], [])).toEqual([
      { step: 'ptmx' },
    ]);
  });

  it('does not nest one private /dev in another', () => {
    expect(planDev([{ name: '.ubinder', kind: 'directory' }], [])).toEqual([]);
  });
});

describe('devicesInDev', () => {
  it("takes Android's names and free ones, and no other that the machine uses", () => {
    expect(devicesInDev(['binder', 'hwbinder', 'null', 'mine'], dev)).toEqual(['binder', 'hwbinder', 'mine']);
  });
});

describe('devicesOf', () => {
  it('leaves out what a binderfs holds beside devices', () => {
    const entries: DevEntry[] = [
      { name: 'binder-control', kind: 'file' },
      { name: 'features', kind: 'directory' },
      { name: 'binder_logs', kind: 'directory' },
      { name: 'binder', kind: 'file' },
      { name: 'mine', kind: 'file' },
    ];
    expect(devicesOf(entries)).toEqual(['binder', 'mine']);
  });
});

describe('locator', () => {
  it.each([
    [['hwbinder', 'binder'], 'binder:/dev/binderfs/binder'],
    [['a', 'b'], 'binder:/dev/binderfs/a'],
  ])('of %j', (devices, expected) => {
    expect(locator(devices)).toBe(expected);
  });
});
