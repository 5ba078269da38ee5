import type { Codec } from './codec.ts';
import { BinderError } from './errors.ts';
import type { NamedType } from './type-spec.ts';

/** Where a {@link NamedType} keeps its codecs: for plain and for nullable places. */
export const codecs: unique symbol = Symbol('ubinder.codecs');

/** A named type with its codecs, as the `define…` functions make it. */
export interface CodedType extends NamedType {
  readonly [codecs]: { readonly plain: Codec; readonly nullable: Codec };
}

/** The codecs of a named type. @throws BinderError BAD_TABLE when it was not made by a `define…` function. */
export function codecsOf(type: NamedType): CodedType[typeof codecs] {
  const found = (type as Partial<CodedType> | undefined)?.[codecs];
  if (!found)
    throw new BinderError('BAD_TABLE', 'Cannot compile a named type: it is not one that define… returned');
  return found;
}

/** The codec for a place of a named type, which is looked up when it is first used: the type may not be defined yet. */
export function namedCodec(type: () => NamedType, isNullable: boolean): Codec {
  let codec: Codec | undefined;
  const get = (): Codec => {
    codec ??= codecsOf(type())[isNullable ? 'nullable' : 'plain'];
    return codec;
  };
  return {
    minSize: 4,
    initial: () => get().initial(),
    write: (parcel, value) => (codec ?? get()).write(parcel, value),
    read: (parcel) => (codec ?? get()).read(parcel),
  };
}
