// Written by `ubinder aidl` from ubinder/wire/Numbers.aidl: change that, not this.
import * as ub from 'ubinder/runtime';
import { Flat } from './Flat.ts';
import { Large } from './Large.ts';
import { Medium } from './Medium.ts';
import { Small } from './Small.ts';

/** Arrays of each kind of element, there or not, of any length or one. */
export interface Numbers {
  booleans: boolean[];
  bytes: Uint8Array;
  chars: string[];
  ints: Int32Array;
  longs: BigInt64Array;
  floats: Float32Array;
  doubles: Float64Array;
  smalls: Small[];
  mediums: Medium[];
  larges: Large[];
  maybeBooleans: boolean[] | null;
  maybeBytes: Uint8Array | null;
  maybeChars: string[] | null;
  maybeInts: Int32Array | null;
  maybeLongs: BigInt64Array | null;
  maybeFloats: Float32Array | null;
  maybeDoubles: Float64Array | null;
  maybeSmalls: Small[] | null;
  twoBooleans: boolean[];
  threeBytes: Uint8Array;
  twoChars: string[];
  fourInts: Int32Array;
  twoLongs: BigInt64Array;
  twoFloats: Float32Array;
  twoDoubles: Float64Array;
  threeSmalls: Small[];
  twoFlats: Flat[];
  matrix: Int32Array[];
  blocks: Uint8Array[];
  words: string[][];
  maybeTwoInts: Int32Array | null;
}

export namespace Numbers {
  /** What is accepted for one: fields that have a default may be missing. */
  export interface Init {
    booleans?: ArrayLike<boolean> | undefined;
    bytes?: ArrayLike<number> | undefined;
    chars?: ArrayLike<string> | undefined;
    ints?: ArrayLike<number> | undefined;
    longs?: ArrayLike<bigint> | undefined;
    floats?: ArrayLike<number> | undefined;
    doubles?: ArrayLike<number> | undefined;
    smalls?: ArrayLike<Small> | undefined;
    mediums?: ArrayLike<Medium> | undefined;
    larges?: ArrayLike<Large> | undefined;
    maybeBooleans?: ArrayLike<boolean> | null | undefined;
    maybeBytes?: ArrayLike<number> | null | undefined;
    maybeChars?: ArrayLike<string> | null | undefined;
    maybeInts?: ArrayLike<number> | null | undefined;
    maybeLongs?: ArrayLike<bigint> | null | undefined;
    maybeFloats?: ArrayLike<number> | null | undefined;
    maybeDoubles?: ArrayLike<number> | null | undefined;
    maybeSmalls?: ArrayLike<Small> | null | undefined;
    twoBooleans?: ArrayLike<boolean> | undefined;
    threeBytes?: ArrayLike<number> | undefined;
    twoChars?: ArrayLike<string> | undefined;
    fourInts?: ArrayLike<number> | undefined;
    twoLongs?: ArrayLike<bigint> | undefined;
    twoFloats?: ArrayLike<number> | undefined;
    twoDoubles?: ArrayLike<number> | undefined;
    threeSmalls?: ArrayLike<Small> | undefined;
    twoFlats?: ArrayLike<Flat.Init> | undefined;
    matrix?: ArrayLike<ArrayLike<number>> | undefined;
    blocks?: ArrayLike<ArrayLike<number>> | undefined;
    words?: ArrayLike<ArrayLike<string>> | undefined;
    maybeTwoInts?: ArrayLike<number> | null | undefined;
  }
}

export const Numbers: ub.ParcelableType<Numbers, Numbers.Init> = ub.defineParcelable('ubinder.wire.Numbers', {
  format: 1,
  fields: [
    ['booleans', { array: 'boolean' }, () => [true, false]],
    ['bytes', { array: 'byte' }, () => [1, 2, 3]],
    ['chars', { array: 'char' }],
    ['ints', { array: 'int' }, () => [1, -2]],
    ['longs', { array: 'long' }, () => [1n, 2n]],
    ['floats', { array: 'float' }, () => [1, 0.5]],
    ['doubles', { array: 'double' }, () => [1, 0.5]],
    ['smalls', { array: () => Small }, () => [Small.ONE]],
    ['mediums', { array: () => Medium }],
    ['larges', { array: () => Large }],
    ['maybeBooleans', { nullable: { array: 'boolean' } }],
    ['maybeBytes', { nullable: { array: 'byte' } }],
    ['maybeChars', { nullable: { array: 'char' } }],
    ['maybeInts', { nullable: { array: 'int' } }],
    ['maybeLongs', { nullable: { array: 'long' } }],
    ['maybeFloats', { nullable: { array: 'float' } }],
    ['maybeDoubles', { nullable: { array: 'double' } }],
    ['maybeSmalls', { nullable: { array: () => Small } }],
    ['twoBooleans', { array: 'boolean', length: 2 }],
    ['threeBytes', { array: 'byte', length: 3 }, () => [1, 2, 3]],
    ['twoChars', { array: 'char', length: 2 }],
    ['fourInts', { array: 'int', length: 4 }],
    ['twoLongs', { array: 'long', length: 2 }],
    ['twoFloats', { array: 'float', length: 2 }],
    ['twoDoubles', { array: 'double', length: 2 }],
    ['threeSmalls', { array: () => Small, length: 3 }],
    ['twoFlats', { array: () => Flat, length: 2 }],
    [
      'matrix',
      { array: { array: 'int', length: 3 }, length: 2 },
      () => [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    ['blocks', { array: { array: 'byte', length: 2 }, length: 2 }],
    ['words', { array: { array: 'String', length: 2 }, length: 2 }],
    ['maybeTwoInts', { nullable: { array: 'int', length: 2 } }],
  ],
});
