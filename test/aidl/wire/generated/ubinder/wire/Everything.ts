// Written by `ubinder aidl` from ubinder/wire/Everything.aidl: change that, not this.
import * as ub from 'ubinder/runtime';
import { Choice } from './Choice.ts';
import { Flat } from './Flat.ts';
import { ICallback } from './ICallback.ts';
import { Large } from './Large.ts';
import { Numbers } from './Numbers.ts';
import { Outer } from './Outer.ts';

/**
 * Fields that are not numbers.
 *
 * In a comment of several lines.
 */
export interface Everything {
  text: string;
  maybeText: string | null;
  utf8Text: string;
  texts: string[];
  maybeTexts: (string | null)[] | null;
  listed: string[];
  maybeListed: (string | null)[] | null;
  flat: Flat;
  maybeFlat: Flat | null;
  flats: Flat[];
  maybeFlats: (Flat | null)[] | null;
  listedFlats: Flat[];
  maybeListedFlats: (Flat | null)[] | null;
  choice: Choice;
  maybeChoice: Choice | null;
  choices: Choice[];
  numbers: Numbers;
  large: Large;
  outer: Outer;
  inner: Outer.Inner;
  holder: ub.ParcelableHolder;
  next: Everything | null;
  maybeBinder: ub.Ref | null;
  maybeCallback: ub.Ref<ICallback> | null;
  maybeFile: ub.FileDescriptor | null;
  maybeCallbacks: (ub.Ref<ICallback> | null)[] | null;
}

export namespace Everything {
  /** What is accepted for one: fields that have a default may be missing. */
  export interface Init {
    text?: string | undefined;
    maybeText?: string | null | undefined;
    utf8Text?: string | undefined;
    texts?: ArrayLike<string> | undefined;
    maybeTexts?: ArrayLike<string | null> | null | undefined;
    listed?: ArrayLike<string> | undefined;
    maybeListed?: ArrayLike<string | null> | null | undefined;
    flat?: Flat.Init | undefined;
    maybeFlat?: Flat.Init | null | undefined;
    flats?: ArrayLike<Flat.Init> | undefined;
    maybeFlats?: ArrayLike<Flat.Init | null> | null | undefined;
    listedFlats?: ArrayLike<Flat.Init> | undefined;
    maybeListedFlats?: ArrayLike<Flat.Init | null> | null | undefined;
    choice?: Choice.Init | undefined;
    maybeChoice?: Choice.Init | null | undefined;
    choices?: ArrayLike<Choice.Init> | undefined;
    numbers?: Numbers.Init | undefined;
    large?: Large | undefined;
    outer?: Outer.Init | undefined;
    inner?: Outer.Inner.Init | undefined;
    holder?: ub.ParcelableHolder | undefined;
    next?: Everything.Init | null | undefined;
    maybeBinder?: ub.Ref | null | undefined;
    maybeCallback?: ub.Ref<ICallback> | null | undefined;
    maybeFile?: ub.FileDescriptor | null | undefined;
    maybeCallbacks?: ArrayLike<ub.Ref<ICallback> | null> | null | undefined;
  }

  /** Everything itself, with its constants and the types in it. */
  export interface Type extends ub.ParcelableType<Everything, Everything.Init> {
    readonly LIMIT: 1024;
    readonly LONG_LIMIT: 1024n;
    readonly NAME: 'everything';
    readonly LEAST: -128;
    readonly HALF: 0.5;
    readonly QUARTER: 0.25;
  }
}

export const Everything: Everything.Type = ub.withMembers(
  ub.defineParcelable('ubinder.wire.Everything', {
    format: 1,
    fields: [
      ['text', 'String', 'say hello'],
      ['maybeText', { nullable: 'String' }],
      ['utf8Text', 'String', "it's"],
      ['texts', { array: 'String' }, () => ['a', 'b']],
      ['maybeTexts', { nullable: { array: { nullable: 'String' } } }],
      ['listed', { list: 'String' }],
      ['maybeListed', { nullable: { list: { nullable: 'String' } } }],
      ['flat', () => Flat],
      ['maybeFlat', { nullable: () => Flat }],
      ['flats', { array: () => Flat }],
      ['maybeFlats', { nullable: { array: { nullable: () => Flat } } }],
      ['listedFlats', { list: () => Flat }],
      ['maybeListedFlats', { nullable: { list: { nullable: () => Flat } } }],
      ['choice', () => Choice],
      ['maybeChoice', { nullable: () => Choice }],
      ['choices', { array: () => Choice }],
      ['numbers', () => Numbers],
      ['large', () => Large, () => Large.BEYOND_INT],
      ['outer', () => Outer],
      ['inner', () => Outer.Inner],
      ['holder', 'ParcelableHolder'],
      ['next', { nullable: () => Everything }],
      ['maybeBinder', { nullable: 'IBinder' }],
      ['maybeCallback', { nullable: () => ICallback }],
      ['maybeFile', { nullable: 'ParcelFileDescriptor' }],
      ['maybeCallbacks', { nullable: { array: { nullable: () => ICallback } } }],
    ],
  }),
  { LIMIT: 1024, LONG_LIMIT: 1024n, NAME: 'everything', LEAST: -128, HALF: 0.5, QUARTER: 0.25 },
);
