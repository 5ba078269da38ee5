import type { U64 } from '../../abi/u64.ts';

/** A Binder object among bytes. Those of the sender have a pointer, those of others a handle. */
export interface DecodedObject {
  readonly object: 'binder' | 'handle' | 'weak binder' | 'weak handle' | 'fd' | 'unknown';
  /** The pointer, the handle, or the descriptor's number. */
  readonly id: U64;
  /** Of binders: the word that follows. */
  readonly stability?: number;
}

/** What a value is: data, an object, or nothing where it has {@link DecodedValue.parts} or could not be told. */
export type DecodedData = boolean | number | bigint | string | null | Uint8Array | DecodedObject | undefined;

/** A value that was found, and where. */
export interface DecodedValue {
  /** Of the argument, field or member; `[0]` for elements. */
  readonly name: string;
  /** As AIDL writes it. */
  readonly type: string;
  readonly offset: number;
  /** In bytes, with its padding. */
  readonly size: number;
  readonly data?: DecodedData;
  /** The name of an enumerator. */
  readonly label?: string;
  /** Fields, elements, a union's member. */
  readonly parts?: readonly DecodedValue[];
  /** Why it could not be decoded, or not all of it. */
  readonly problem?: string;
}

/** A transaction or a reply as far as it could be told. */
export interface DecodedTransaction {
  readonly interface: string | undefined;
  /** The method, or the standard transaction: `ping`. */
  readonly method: string | undefined;
  readonly oneway: boolean;
  /** What comes before the values: the token of the interface, or the status of a reply. */
  readonly header: readonly DecodedValue[];
  /** Arguments; or the return value, named `result`, and what else comes back. */
  readonly values: readonly DecodedValue[];
  /** What is left over. */
  readonly rest: { readonly offset: number; readonly size: number };
  /** Why decoding ended early; undefined where it did not. */
  readonly problem: string | undefined;
}
