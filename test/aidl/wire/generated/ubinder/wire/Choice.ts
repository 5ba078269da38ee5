// Written by `ubinder aidl` from ubinder/wire/Choice.aidl: change that, not this.
import * as ub from 'ubinder/runtime';
import { Flat } from './Flat.ts';
import { ICallback } from './ICallback.ts';
import { Large } from './Large.ts';
import { Small } from './Small.ts';

/** One of many. */
export type Choice =
  /** Where nothing is said. */
  | { tag: 'number'; value: number }
  | { tag: 'flag'; value: boolean }
  | { tag: 'big'; value: bigint }
  | { tag: 'real'; value: number }
  | { tag: 'precise'; value: number }
  | { tag: 'text'; value: string }
  | { tag: 'bytes'; value: Uint8Array }
  | { tag: 'texts'; value: string[] }
  | { tag: 'list'; value: string[] }
  | { tag: 'small'; value: Small }
  | { tag: 'large'; value: Large }
  | { tag: 'flat'; value: Flat }
  | { tag: 'flats'; value: Flat[] }
  | { tag: 'maybe'; value: string | null }
  | { tag: 'maybeFlat'; value: Flat | null }
  | { tag: 'inner'; value: Choice | null }
  | { tag: 'matrix'; value: Int32Array[] }
  | { tag: 'callback'; value: ub.Ref<ICallback> };

export namespace Choice {
  /** What is accepted for one. */
  export type Init =
    | { tag: 'number'; value: number }
    | { tag: 'flag'; value: boolean }
    | { tag: 'big'; value: bigint }
    | { tag: 'real'; value: number }
    | { tag: 'precise'; value: number }
    | { tag: 'text'; value: string }
    | { tag: 'bytes'; value: ArrayLike<number> }
    | { tag: 'texts'; value: ArrayLike<string> }
    | { tag: 'list'; value: ArrayLike<string> }
    | { tag: 'small'; value: Small }
    | { tag: 'large'; value: Large }
    | { tag: 'flat'; value: Flat.Init }
    | { tag: 'flats'; value: ArrayLike<Flat.Init> }
    | { tag: 'maybe'; value: string | null }
    | { tag: 'maybeFlat'; value: Flat.Init | null }
    | { tag: 'inner'; value: Choice.Init | null }
    | { tag: 'matrix'; value: ArrayLike<ArrayLike<number>> }
    | { tag: 'callback'; value: ub.Ref<ICallback> };

  export type Tag = ub.EnumValue<typeof Choice_Tag_members>;

  /** Choice itself, with its constants and the types in it. */
  export interface Type extends ub.UnionType<Choice, Choice.Init> {
    readonly Tag: ub.EnumType<typeof Choice_Tag_members>;
  }
}

const Choice_Tag_members = {
  number: 0,
  flag: 1,
  big: 2,
  real: 3,
  precise: 4,
  text: 5,
  bytes: 6,
  texts: 7,
  list: 8,
  small: 9,
  large: 10,
  flat: 11,
  flats: 12,
  maybe: 13,
  maybeFlat: 14,
  inner: 15,
  matrix: 16,
  callback: 17,
} as const;

const Choice_Tag: ub.EnumType<typeof Choice_Tag_members> = ub.defineEnum(
  'ubinder.wire.Choice.Tag',
  'int',
  Choice_Tag_members,
);

export const Choice: Choice.Type = ub.withMembers(
  ub.defineUnion('ubinder.wire.Choice', {
    format: 1,
    fields: [
      ['number', 'int', 7],
      ['flag', 'boolean'],
      ['big', 'long'],
      ['real', 'float'],
      ['precise', 'double'],
      ['text', 'String'],
      ['bytes', { array: 'byte' }],
      ['texts', { array: 'String' }],
      ['list', { list: 'String' }],
      ['small', () => Small],
      ['large', () => Large],
      ['flat', () => Flat],
      ['flats', { array: () => Flat }],
      ['maybe', { nullable: 'String' }],
      ['maybeFlat', { nullable: () => Flat }],
      ['inner', { nullable: () => Choice }],
      ['matrix', { array: { array: 'int', length: 3 }, length: 2 }],
      ['callback', () => ICallback],
    ],
  }),
  { Tag: Choice_Tag },
);
