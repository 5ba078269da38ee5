// Written by `ubinder aidl` from ubinder/wire/Flat.aidl: change that, not this.
import * as ub from 'ubinder/runtime';
import { Medium } from './Medium.ts';
import { Small } from './Small.ts';

/** All that has a fixed size. */
export interface Flat {
  flag: boolean;
  tiny: number;
  letter: string;
  number: number;
  big: bigint;
  real: number;
  precise: number;
  small: Small;
  medium: Medium;
}

export namespace Flat {
  /** What is accepted for one: fields that have a default may be missing. */
  export interface Init {
    flag?: boolean | undefined;
    tiny?: number | undefined;
    letter?: string | undefined;
    number?: number | undefined;
    big?: bigint | undefined;
    real?: number | undefined;
    precise?: number | undefined;
    small?: Small | undefined;
    medium?: Medium | undefined;
  }
}

export const Flat: ub.ParcelableType<Flat, Flat.Init> = ub.defineParcelable('ubinder.wire.Flat', {
  format: 1,
  fields: [
    ['flag', 'boolean'],
    ['tiny', 'byte', -1],
    ['letter', 'char', 'x'],
    ['number', 'int', 42],
    ['big', 'long', 1099511627776n],
    ['real', 'float', 1.5],
    ['precise', 'double', 2.5],
    ['small', () => Small, () => Small.ONE],
    ['medium', () => Medium, () => Medium.BOTH],
  ],
});
