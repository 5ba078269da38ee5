// Written by `ubinder aidl` from ubinder/wire/IWire.aidl: change that, not this.
import * as ub from 'ubinder/runtime';
import { Choice } from './Choice.ts';
import { Everything } from './Everything.ts';
import { Flat } from './Flat.ts';
import { Handles } from './Handles.ts';
import { ICallback } from './ICallback.ts';
import { Large } from './Large.ts';
import { Medium } from './Medium.ts';
import { Numbers } from './Numbers.ts';
import { Outer } from './Outer.ts';
import { Small } from './Small.ts';

/** Each type in each direction. */
export interface IWire {
  echoBoolean(value: boolean, options?: ub.CallOptions): Promise<boolean>;
  echoByte(value: number, options?: ub.CallOptions): Promise<number>;
  echoChar(value: string, options?: ub.CallOptions): Promise<string>;
  echoInt(value: number, options?: ub.CallOptions): Promise<number>;
  echoLong(value: bigint, options?: ub.CallOptions): Promise<bigint>;
  echoFloat(value: number, options?: ub.CallOptions): Promise<number>;
  echoDouble(value: number, options?: ub.CallOptions): Promise<number>;
  echoString(value: string, options?: ub.CallOptions): Promise<string>;
  echoMaybeString(value: string | null, options?: ub.CallOptions): Promise<string | null>;
  echoSmall(value: Small, options?: ub.CallOptions): Promise<Small>;
  echoMedium(value: Medium, options?: ub.CallOptions): Promise<Medium>;
  echoLarge(value: Large, options?: ub.CallOptions): Promise<Large>;
  echoBinder(value: ub.Ref, options?: ub.CallOptions): Promise<ub.Ref>;
  echoMaybeBinder(value: ub.Ref | null, options?: ub.CallOptions): Promise<ub.Ref | null>;
  echoCallback(value: ub.Ref<ICallback>, options?: ub.CallOptions): Promise<ub.Ref<ICallback>>;
  echoMaybeCallback(
    value: ub.Ref<ICallback> | null,
    options?: ub.CallOptions,
  ): Promise<ub.Ref<ICallback> | null>;
  echoFile(value: ub.FileDescriptor, options?: ub.CallOptions): Promise<ub.FileDescriptor>;
  echoMaybeFile(value: ub.FileDescriptor | null, options?: ub.CallOptions): Promise<ub.FileDescriptor | null>;
  echoMode(value: Outer.Mode, options?: ub.CallOptions): Promise<Outer.Mode>;
  swapBooleans(
    given: ArrayLike<boolean>,
    freshLength: number,
    both: ArrayLike<boolean>,
    options?: ub.CallOptions,
  ): Promise<{ result: boolean[]; fresh: boolean[]; both: boolean[] }>;
  swapBytes(
    given: ArrayLike<number>,
    freshLength: number,
    both: ArrayLike<number>,
    options?: ub.CallOptions,
  ): Promise<{ result: Uint8Array; fresh: Uint8Array; both: Uint8Array }>;
  swapChars(
    given: ArrayLike<string>,
    freshLength: number,
    both: ArrayLike<string>,
    options?: ub.CallOptions,
  ): Promise<{ result: string[]; fresh: string[]; both: string[] }>;
  swapInts(
    given: ArrayLike<number>,
    freshLength: number,
    both: ArrayLike<number>,
    options?: ub.CallOptions,
  ): Promise<{ result: Int32Array; fresh: Int32Array; both: Int32Array }>;
  swapLongs(
    given: ArrayLike<bigint>,
    freshLength: number,
    both: ArrayLike<bigint>,
    options?: ub.CallOptions,
  ): Promise<{ result: BigInt64Array; fresh: BigInt64Array; both: BigInt64Array }>;
  swapFloats(
    given: ArrayLike<number>,
    freshLength: number,
    both: ArrayLike<number>,
    options?: ub.CallOptions,
  ): Promise<{ result: Float32Array; fresh: Float32Array; both: Float32Array }>;
  swapDoubles(
    given: ArrayLike<number>,
    freshLength: number,
    both: ArrayLike<number>,
    options?: ub.CallOptions,
  ): Promise<{ result: Float64Array; fresh: Float64Array; both: Float64Array }>;
  swapStrings(
    given: ArrayLike<string>,
    freshLength: number,
    both: ArrayLike<string>,
    options?: ub.CallOptions,
  ): Promise<{ result: string[]; fresh: string[]; both: string[] }>;
  swapSmalls(
    given: ArrayLike<Small>,
    freshLength: number,
    both: ArrayLike<Small>,
    options?: ub.CallOptions,
  ): Promise<{ result: Small[]; fresh: Small[]; both: Small[] }>;
  swapMediums(
    given: ArrayLike<Medium>,
    freshLength: number,
    both: ArrayLike<Medium>,
    options?: ub.CallOptions,
  ): Promise<{ result: Medium[]; fresh: Medium[]; both: Medium[] }>;
  swapLarges(
    given: ArrayLike<Large>,
    freshLength: number,
    both: ArrayLike<Large>,
    options?: ub.CallOptions,
  ): Promise<{ result: Large[]; fresh: Large[]; both: Large[] }>;
  swapFlats(
    given: ArrayLike<Flat.Init>,
    freshLength: number,
    both: ArrayLike<Flat.Init>,
    options?: ub.CallOptions,
  ): Promise<{ result: Flat[]; fresh: Flat[]; both: Flat[] }>;
  swapChoices(
    given: ArrayLike<Choice.Init>,
    freshLength: number,
    both: ArrayLike<Choice.Init>,
    options?: ub.CallOptions,
  ): Promise<{ result: Choice[]; fresh: Choice[]; both: Choice[] }>;
  swapMaybeBytes(
    given: ArrayLike<number> | null,
    freshLength: number,
    both: ArrayLike<number> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: Uint8Array | null; fresh: Uint8Array | null; both: Uint8Array | null }>;
  swapMaybeInts(
    given: ArrayLike<number> | null,
    freshLength: number,
    both: ArrayLike<number> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: Int32Array | null; fresh: Int32Array | null; both: Int32Array | null }>;
  swapMaybeLongs(
    given: ArrayLike<bigint> | null,
    freshLength: number,
    both: ArrayLike<bigint> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: BigInt64Array | null; fresh: BigInt64Array | null; both: BigInt64Array | null }>;
  swapMaybeDoubles(
    given: ArrayLike<number> | null,
    freshLength: number,
    both: ArrayLike<number> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: Float64Array | null; fresh: Float64Array | null; both: Float64Array | null }>;
  swapMaybeBooleans(
    given: ArrayLike<boolean> | null,
    freshLength: number,
    both: ArrayLike<boolean> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: boolean[] | null; fresh: boolean[] | null; both: boolean[] | null }>;
  swapMaybeChars(
    given: ArrayLike<string> | null,
    freshLength: number,
    both: ArrayLike<string> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: string[] | null; fresh: string[] | null; both: string[] | null }>;
  swapMaybeFloats(
    given: ArrayLike<number> | null,
    freshLength: number,
    both: ArrayLike<number> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: Float32Array | null; fresh: Float32Array | null; both: Float32Array | null }>;
  swapMaybeStrings(
    given: ArrayLike<string | null> | null,
    freshLength: number,
    both: ArrayLike<string | null> | null,
    options?: ub.CallOptions,
  ): Promise<{
    result: (string | null)[] | null;
    fresh: (string | null)[] | null;
    both: (string | null)[] | null;
  }>;
  swapMaybeFlats(
    given: ArrayLike<Flat.Init | null> | null,
    freshLength: number,
    both: ArrayLike<Flat.Init | null> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: (Flat | null)[] | null; fresh: (Flat | null)[] | null; both: (Flat | null)[] | null }>;
  swapListOfString(
    given: ArrayLike<string>,
    both: ArrayLike<string>,
    options?: ub.CallOptions,
  ): Promise<{ result: string[]; fresh: string[]; both: string[] }>;
  swapListOfFlat(
    given: ArrayLike<Flat.Init>,
    both: ArrayLike<Flat.Init>,
    options?: ub.CallOptions,
  ): Promise<{ result: Flat[]; fresh: Flat[]; both: Flat[] }>;
  swapMaybeListOfString(
    given: ArrayLike<string | null> | null,
    both: ArrayLike<string | null> | null,
    options?: ub.CallOptions,
  ): Promise<{
    result: (string | null)[] | null;
    fresh: (string | null)[] | null;
    both: (string | null)[] | null;
  }>;
  swapMaybeListOfFlat(
    given: ArrayLike<Flat.Init | null> | null,
    both: ArrayLike<Flat.Init | null> | null,
    options?: ub.CallOptions,
  ): Promise<{ result: (Flat | null)[] | null; fresh: (Flat | null)[] | null; both: (Flat | null)[] | null }>;
  swapFlat(
    given: Flat.Init,
    both: Flat.Init,
    options?: ub.CallOptions,
  ): Promise<{ result: Flat; fresh: Flat; both: Flat }>;
  swapChoice(
    given: Choice.Init,
    both: Choice.Init,
    options?: ub.CallOptions,
  ): Promise<{ result: Choice; fresh: Choice; both: Choice }>;
  swapNumbers(
    given: Numbers.Init,
    both: Numbers.Init,
    options?: ub.CallOptions,
  ): Promise<{ result: Numbers; fresh: Numbers; both: Numbers }>;
  swapEverything(
    given: Everything.Init,
    both: Everything.Init,
    options?: ub.CallOptions,
  ): Promise<{ result: Everything; fresh: Everything; both: Everything }>;
  swapOuter(
    given: Outer.Init,
    both: Outer.Init,
    options?: ub.CallOptions,
  ): Promise<{ result: Outer; fresh: Outer; both: Outer }>;
  swapMaybeFlat(
    given: Flat.Init | null,
    both: Flat.Init | null,
    options?: ub.CallOptions,
  ): Promise<{ result: Flat | null; fresh: Flat | null; both: Flat | null }>;
  swapMaybeChoice(
    given: Choice.Init | null,
    both: Choice.Init | null,
    options?: ub.CallOptions,
  ): Promise<{ result: Choice | null; fresh: Choice | null; both: Choice | null }>;
  swapMaybeEverything(
    given: Everything.Init | null,
    both: Everything.Init | null,
    options?: ub.CallOptions,
  ): Promise<{ result: Everything | null; fresh: Everything | null; both: Everything | null }>;
  swapInner(
    given: Outer.Inner.Init,
    both: Outer.Inner.Init,
    options?: ub.CallOptions,
  ): Promise<{ result: Outer.Inner; fresh: Outer.Inner; both: Outer.Inner }>;
  swapInnermost(
    given: Outer.Inner.Innermost.Init,
    both: Outer.Inner.Innermost.Init,
    options?: ub.CallOptions,
  ): Promise<{ result: Outer.Inner.Innermost; fresh: Outer.Inner.Innermost; both: Outer.Inner.Innermost }>;
  swapTwoInts(
    given: ArrayLike<number>,
    both: ArrayLike<number>,
    options?: ub.CallOptions,
  ): Promise<{ result: Int32Array; fresh: Int32Array; both: Int32Array }>;
  swapMatrix(
    given: ArrayLike<ArrayLike<number>>,
    both: ArrayLike<ArrayLike<number>>,
    options?: ub.CallOptions,
  ): Promise<{ result: Int32Array[]; fresh: Int32Array[]; both: Int32Array[] }>;
  swapTwoFlats(
    given: ArrayLike<Flat.Init>,
    both: ArrayLike<Flat.Init>,
    options?: ub.CallOptions,
  ): Promise<{ result: Flat[]; fresh: Flat[]; both: Flat[] }>;
  echoHandles(value: Handles.Init, options?: ub.CallOptions): Promise<Handles>;
  echoBinders(value: ArrayLike<ub.Ref>, options?: ub.CallOptions): Promise<ub.Ref[]>;
  echoMaybeBinders(
    value: ArrayLike<ub.Ref | null> | null,
    options?: ub.CallOptions,
  ): Promise<(ub.Ref | null)[] | null>;
  echoListOfBinders(value: ArrayLike<ub.Ref>, options?: ub.CallOptions): Promise<ub.Ref[]>;
  echoFiles(value: ArrayLike<ub.FileDescriptor>, options?: ub.CallOptions): Promise<ub.FileDescriptor[]>;
  /** Returns at once; then `callback` is told. */
  tellLater(callback: ub.Ref<ICallback>, text: string, options?: ub.CallOptions): Promise<void>;
  callBack(callback: ub.Ref<ICallback>, value: number, options?: ub.CallOptions): Promise<number>;
  fail(code: number, message: string, options?: ub.CallOptions): Promise<void>;
  nothing(options?: ub.CallOptions): Promise<void>;
  /** Names that have to give way. */
  then_(options: number, call: number, options_?: ub.CallOptions): Promise<number>;
  toString_(function_: ArrayLike<number>, result: number, options?: ub.CallOptions): Promise<number>;
  /** Calls are passed on to `target`, until it is null. */
  passOn(target: ub.Ref<IWire> | null, options?: ub.CallOptions): Promise<void>;
}

export namespace IWire {
  /** What an implementation is made of. */
  export interface Handlers {
    echoBoolean(value: boolean, call: ub.Call): ub.Awaitable<boolean>;
    echoByte(value: number, call: ub.Call): ub.Awaitable<number>;
    echoChar(value: string, call: ub.Call): ub.Awaitable<string>;
    echoInt(value: number, call: ub.Call): ub.Awaitable<number>;
    echoLong(value: bigint, call: ub.Call): ub.Awaitable<bigint>;
    echoFloat(value: number, call: ub.Call): ub.Awaitable<number>;
    echoDouble(value: number, call: ub.Call): ub.Awaitable<number>;
    echoString(value: string, call: ub.Call): ub.Awaitable<string>;
    echoMaybeString(value: string | null, call: ub.Call): ub.Awaitable<string | null>;
    echoSmall(value: Small, call: ub.Call): ub.Awaitable<Small>;
    echoMedium(value: Medium, call: ub.Call): ub.Awaitable<Medium>;
    echoLarge(value: Large, call: ub.Call): ub.Awaitable<Large>;
    echoBinder(value: ub.Ref, call: ub.Call): ub.Awaitable<ub.Ref>;
    echoMaybeBinder(value: ub.Ref | null, call: ub.Call): ub.Awaitable<ub.Ref | null>;
    echoCallback(value: ub.Ref<ICallback>, call: ub.Call): ub.Awaitable<ub.Ref<ICallback>>;
    echoMaybeCallback(value: ub.Ref<ICallback> | null, call: ub.Call): ub.Awaitable<ub.Ref<ICallback> | null>;
    echoFile(value: ub.FileDescriptor, call: ub.Call): ub.Awaitable<ub.FileDescriptor>;
    echoMaybeFile(value: ub.FileDescriptor | null, call: ub.Call): ub.Awaitable<ub.FileDescriptor | null>;
    echoMode(value: Outer.Mode, call: ub.Call): ub.Awaitable<Outer.Mode>;
    swapBooleans(
      given: boolean[],
      freshLength: number,
      both: boolean[],
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<boolean>; fresh: ArrayLike<boolean>; both: ArrayLike<boolean> }>;
    swapBytes(
      given: Uint8Array,
      freshLength: number,
      both: Uint8Array,
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<number>; fresh: ArrayLike<number>; both: ArrayLike<number> }>;
    swapChars(
      given: string[],
      freshLength: number,
      both: string[],
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<string>; fresh: ArrayLike<string>; both: ArrayLike<string> }>;
    swapInts(
      given: Int32Array,
      freshLength: number,
      both: Int32Array,
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<number>; fresh: ArrayLike<number>; both: ArrayLike<number> }>;
    swapLongs(
      given: BigInt64Array,
      freshLength: number,
      both: BigInt64Array,
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<bigint>; fresh: ArrayLike<bigint>; both: ArrayLike<bigint> }>;
    swapFloats(
      given: Float32Array,
      freshLength: number,
      both: Float32Array,
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<number>; fresh: ArrayLike<number>; both: ArrayLike<number> }>;
    swapDoubles(
      given: Float64Array,
      freshLength: number,
      both: Float64Array,
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<number>; fresh: ArrayLike<number>; both: ArrayLike<number> }>;
    swapStrings(
      given: string[],
      freshLength: number,
      both: string[],
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<string>; fresh: ArrayLike<string>; both: ArrayLike<string> }>;
    swapSmalls(
      given: Small[],
      freshLength: number,
      both: Small[],
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<Small>; fresh: ArrayLike<Small>; both: ArrayLike<Small> }>;
    swapMediums(
      given: Medium[],
      freshLength: number,
      both: Medium[],
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<Medium>; fresh: ArrayLike<Medium>; both: ArrayLike<Medium> }>;
    swapLarges(
      given: Large[],
      freshLength: number,
      both: Large[],
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<Large>; fresh: ArrayLike<Large>; both: ArrayLike<Large> }>;
    swapFlats(
      given: Flat[],
      freshLength: number,
      both: Flat[],
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<Flat.Init>;
      fresh: ArrayLike<Flat.Init>;
      both: ArrayLike<Flat.Init>;
    }>;
    swapChoices(
      given: Choice[],
      freshLength: number,
      both: Choice[],
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<Choice.Init>;
      fresh: ArrayLike<Choice.Init>;
      both: ArrayLike<Choice.Init>;
    }>;
    swapMaybeBytes(
      given: Uint8Array | null,
      freshLength: number,
      both: Uint8Array | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<number> | null;
      fresh: ArrayLike<number> | null;
      both: ArrayLike<number> | null;
    }>;
    swapMaybeInts(
      given: Int32Array | null,
      freshLength: number,
      both: Int32Array | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<number> | null;
      fresh: ArrayLike<number> | null;
      both: ArrayLike<number> | null;
    }>;
    swapMaybeLongs(
      given: BigInt64Array | null,
      freshLength: number,
      both: BigInt64Array | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<bigint> | null;
      fresh: ArrayLike<bigint> | null;
      both: ArrayLike<bigint> | null;
    }>;
    swapMaybeDoubles(
      given: Float64Array | null,
      freshLength: number,
      both: Float64Array | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<number> | null;
      fresh: ArrayLike<number> | null;
      both: ArrayLike<number> | null;
    }>;
    swapMaybeBooleans(
      given: boolean[] | null,
      freshLength: number,
      both: boolean[] | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<boolean> | null;
      fresh: ArrayLike<boolean> | null;
      both: ArrayLike<boolean> | null;
    }>;
    swapMaybeChars(
      given: string[] | null,
      freshLength: number,
      both: string[] | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<string> | null;
      fresh: ArrayLike<string> | null;
      both: ArrayLike<string> | null;
    }>;
    swapMaybeFloats(
      given: Float32Array | null,
      freshLength: number,
      both: Float32Array | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<number> | null;
      fresh: ArrayLike<number> | null;
      both: ArrayLike<number> | null;
    }>;
    swapMaybeStrings(
      given: (string | null)[] | null,
      freshLength: number,
      both: (string | null)[] | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<string | null> | null;
      fresh: ArrayLike<string | null> | null;
      both: ArrayLike<string | null> | null;
    }>;
    swapMaybeFlats(
      given: (Flat | null)[] | null,
      freshLength: number,
      both: (Flat | null)[] | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<Flat.Init | null> | null;
      fresh: ArrayLike<Flat.Init | null> | null;
      both: ArrayLike<Flat.Init | null> | null;
    }>;
    swapListOfString(
      given: string[],
      both: string[],
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<string>; fresh: ArrayLike<string>; both: ArrayLike<string> }>;
    swapListOfFlat(
      given: Flat[],
      both: Flat[],
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<Flat.Init>;
      fresh: ArrayLike<Flat.Init>;
      both: ArrayLike<Flat.Init>;
    }>;
    swapMaybeListOfString(
      given: (string | null)[] | null,
      both: (string | null)[] | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<string | null> | null;
      fresh: ArrayLike<string | null> | null;
      both: ArrayLike<string | null> | null;
    }>;
    swapMaybeListOfFlat(
      given: (Flat | null)[] | null,
      both: (Flat | null)[] | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<Flat.Init | null> | null;
      fresh: ArrayLike<Flat.Init | null> | null;
      both: ArrayLike<Flat.Init | null> | null;
    }>;
    swapFlat(
      given: Flat,
      both: Flat,
      call: ub.Call,
    ): ub.Awaitable<{ result: Flat.Init; fresh: Flat.Init; both: Flat.Init }>;
    swapChoice(
      given: Choice,
      both: Choice,
      call: ub.Call,
    ): ub.Awaitable<{ result: Choice.Init; fresh: Choice.Init; both: Choice.Init }>;
    swapNumbers(
      given: Numbers,
      both: Numbers,
      call: ub.Call,
    ): ub.Awaitable<{ result: Numbers.Init; fresh: Numbers.Init; both: Numbers.Init }>;
    swapEverything(
      given: Everything,
      both: Everything,
      call: ub.Call,
    ): ub.Awaitable<{ result: Everything.Init; fresh: Everything.Init; both: Everything.Init }>;
    swapOuter(
      given: Outer,
      both: Outer,
      call: ub.Call,
    ): ub.Awaitable<{ result: Outer.Init; fresh: Outer.Init; both: Outer.Init }>;
    swapMaybeFlat(
      given: Flat | null,
      both: Flat | null,
      call: ub.Call,
    ): ub.Awaitable<{ result: Flat.Init | null; fresh: Flat.Init | null; both: Flat.Init | null }>;
    swapMaybeChoice(
      given: Choice | null,
      both: Choice | null,
      call: ub.Call,
    ): ub.Awaitable<{ result: Choice.Init | null; fresh: Choice.Init | null; both: Choice.Init | null }>;
    swapMaybeEverything(
      given: Everything | null,
      both: Everything | null,
      call: ub.Call,
    ): ub.Awaitable<{
      result: Everything.Init | null;
      fresh: Everything.Init | null;
      both: Everything.Init | null;
    }>;
    swapInner(
      given: Outer.Inner,
      both: Outer.Inner,
      call: ub.Call,
    ): ub.Awaitable<{ result: Outer.Inner.Init; fresh: Outer.Inner.Init; both: Outer.Inner.Init }>;
    swapInnermost(
      given: Outer.Inner.Innermost,
      both: Outer.Inner.Innermost,
      call: ub.Call,
    ): ub.Awaitable<{
      result: Outer.Inner.Innermost.Init;
      fresh: Outer.Inner.Innermost.Init;
      both: Outer.Inner.Innermost.Init;
    }>;
    swapTwoInts(
      given: Int32Array,
      both: Int32Array,
      call: ub.Call,
    ): ub.Awaitable<{ result: ArrayLike<number>; fresh: ArrayLike<number>; both: ArrayLike<number> }>;
    swapMatrix(
      given: Int32Array[],
      both: Int32Array[],
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<ArrayLike<number>>;
      fresh: ArrayLike<ArrayLike<number>>;
      both: ArrayLike<ArrayLike<number>>;
    }>;
    swapTwoFlats(
      given: Flat[],
      both: Flat[],
      call: ub.Call,
    ): ub.Awaitable<{
      result: ArrayLike<Flat.Init>;
      fresh: ArrayLike<Flat.Init>;
      both: ArrayLike<Flat.Init>;
    }>;
    echoHandles(value: Handles, call: ub.Call): ub.Awaitable<Handles.Init>;
    echoBinders(value: ub.Ref[], call: ub.Call): ub.Awaitable<ArrayLike<ub.Ref>>;
    echoMaybeBinders(
      value: (ub.Ref | null)[] | null,
      call: ub.Call,
    ): ub.Awaitable<ArrayLike<ub.Ref | null> | null>;
    echoListOfBinders(value: ub.Ref[], call: ub.Call): ub.Awaitable<ArrayLike<ub.Ref>>;
    echoFiles(value: ub.FileDescriptor[], call: ub.Call): ub.Awaitable<ArrayLike<ub.FileDescriptor>>;
    tellLater(callback: ub.Ref<ICallback>, text: string, call: ub.Call): ub.Awaitable<void>;
    callBack(callback: ub.Ref<ICallback>, value: number, call: ub.Call): ub.Awaitable<number>;
    fail(code: number, message: string, call: ub.Call): ub.Awaitable<void>;
    nothing(call: ub.Call): ub.Awaitable<void>;
    then_(options: number, call: number, call_: ub.Call): ub.Awaitable<number>;
    toString_(function_: Int32Array, result: number, call: ub.Call): ub.Awaitable<number>;
    passOn(target: ub.Ref<IWire> | null, call: ub.Call): ub.Awaitable<void>;
  }
}

export const IWire: ub.InterfaceType<IWire, IWire.Handlers> = ub.defineInterface('ubinder.wire.IWire', {
  format: 1,
  methods: {
    echoBoolean: { code: 1, args: [['value', 'boolean']], returns: 'boolean' },
    echoByte: { code: 2, args: [['value', 'byte']], returns: 'byte' },
    echoChar: { code: 3, args: [['value', 'char']], returns: 'char' },
    echoInt: { code: 4, args: [['value', 'int']], returns: 'int' },
    echoLong: { code: 5, args: [['value', 'long']], returns: 'long' },
    echoFloat: { code: 6, args: [['value', 'float']], returns: 'float' },
    echoDouble: { code: 7, args: [['value', 'double']], returns: 'double' },
    echoString: { code: 8, args: [['value', 'String']], returns: 'String' },
    echoMaybeString: { code: 9, args: [['value', { nullable: 'String' }]], returns: { nullable: 'String' } },
    echoSmall: { code: 10, args: [['value', () => Small]], returns: () => Small },
    echoMedium: { code: 11, args: [['value', () => Medium]], returns: () => Medium },
    echoLarge: { code: 12, args: [['value', () => Large]], returns: () => Large },
    echoBinder: { code: 13, args: [['value', 'IBinder']], returns: 'IBinder' },
    echoMaybeBinder: {
      code: 14,
      args: [['value', { nullable: 'IBinder' }]],
      returns: { nullable: 'IBinder' },
    },
    echoCallback: { code: 15, args: [['value', () => ICallback]], returns: () => ICallback },
    echoMaybeCallback: {
      code: 16,
      args: [['value', { nullable: () => ICallback }]],
      returns: { nullable: () => ICallback },
    },
    echoFile: { code: 17, args: [['value', 'ParcelFileDescriptor']], returns: 'ParcelFileDescriptor' },
    echoMaybeFile: {
      code: 18,
      args: [['value', { nullable: 'ParcelFileDescriptor' }]],
      returns: { nullable: 'ParcelFileDescriptor' },
    },
    echoMode: { code: 19, args: [['value', () => Outer.Mode]], returns: () => Outer.Mode },
    swapBooleans: {
      code: 20,
      args: [
        ['given', { array: 'boolean' }],
        ['fresh', { array: 'boolean' }, 'out'],
        ['both', { array: 'boolean' }, 'inout'],
      ],
      returns: { array: 'boolean' },
    },
    swapBytes: {
      code: 21,
      args: [
        ['given', { array: 'byte' }],
        ['fresh', { array: 'byte' }, 'out'],
        ['both', { array: 'byte' }, 'inout'],
      ],
      returns: { array: 'byte' },
    },
    swapChars: {
      code: 22,
      args: [
        ['given', { array: 'char' }],
        ['fresh', { array: 'char' }, 'out'],
        ['both', { array: 'char' }, 'inout'],
      ],
      returns: { array: 'char' },
    },
    swapInts: {
      code: 23,
      args: [
        ['given', { array: 'int' }],
        ['fresh', { array: 'int' }, 'out'],
        ['both', { array: 'int' }, 'inout'],
      ],
      returns: { array: 'int' },
    },
    swapLongs: {
      code: 24,
      args: [
        ['given', { array: 'long' }],
        ['fresh', { array: 'long' }, 'out'],
        ['both', { array: 'long' }, 'inout'],
      ],
      returns: { array: 'long' },
    },
    swapFloats: {
      code: 25,
      args: [
        ['given', { array: 'float' }],
        ['fresh', { array: 'float' }, 'out'],
        ['both', { array: 'float' }, 'inout'],
      ],
      returns: { array: 'float' },
    },
    swapDoubles: {
      code: 26,
      args: [
        ['given', { array: 'double' }],
        ['fresh', { array: 'double' }, 'out'],
        ['both', { array: 'double' }, 'inout'],
      ],
      returns: { array: 'double' },
    },
    swapStrings: {
      code: 27,
      args: [
        ['given', { array: 'String' }],
        ['fresh', { array: 'String' }, 'out'],
        ['both', { array: 'String' }, 'inout'],
      ],
      returns: { array: 'String' },
    },
    swapSmalls: {
      code: 28,
      args: [
        ['given', { array: () => Small }],
        ['fresh', { array: () => Small }, 'out'],
        ['both', { array: () => Small }, 'inout'],
      ],
      returns: { array: () => Small },
    },
    swapMediums: {
      code: 29,
      args: [
        ['given', { array: () => Medium }],
        ['fresh', { array: () => Medium }, 'out'],
        ['both', { array: () => Medium }, 'inout'],
      ],
      returns: { array: () => Medium },
    },
    swapLarges: {
      code: 30,
      args: [
        ['given', { array: () => Large }],
        ['fresh', { array: () => Large }, 'out'],
        ['both', { array: () => Large }, 'inout'],
      ],
      returns: { array: () => Large },
    },
    swapFlats: {
      code: 31,
      args: [
        ['given', { array: () => Flat }],
        ['fresh', { array: () => Flat }, 'out'],
        ['both', { array: () => Flat }, 'inout'],
      ],
      returns: { array: () => Flat },
    },
    swapChoices: {
      code: 32,
      args: [
        ['given', { array: () => Choice }],
        ['fresh', { array: () => Choice }, 'out'],
        ['both', { array: () => Choice }, 'inout'],
      ],
      returns: { array: () => Choice },
    },
    swapMaybeBytes: {
      code: 33,
      args: [
        ['given', { nullable: { array: 'byte' } }],
        ['fresh', { nullable: { array: 'byte' } }, 'out'],
        ['both', { nullable: { array: 'byte' } }, 'inout'],
      ],
      returns: { nullable: { array: 'byte' } },
    },
    swapMaybeInts: {
      code: 34,
      args: [
        ['given', { nullable: { array: 'int' } }],
        ['fresh', { nullable: { array: 'int' } }, 'out'],
        ['both', { nullable: { array: 'int' } }, 'inout'],
      ],
      returns: { nullable: { array: 'int' } },
    },
    swapMaybeLongs: {
      code: 35,
      args: [
        ['given', { nullable: { array: 'long' } }],
        ['fresh', { nullable: { array: 'long' } }, 'out'],
        ['both', { nullable: { array: 'long' } }, 'inout'],
      ],
      returns: { nullable: { array: 'long' } },
    },
    swapMaybeDoubles: {
      code: 36,
      args: [
        ['given', { nullable: { array: 'double' } }],
        ['fresh', { nullable: { array: 'double' } }, 'out'],
        ['both', { nullable: { array: 'double' } }, 'inout'],
      ],
      returns: { nullable: { array: 'double' } },
    },
    swapMaybeBooleans: {
      code: 37,
      args: [
        ['given', { nullable: { array: 'boolean' } }],
        ['fresh', { nullable: { array: 'boolean' } }, 'out'],
        ['both', { nullable: { array: 'boolean' } }, 'inout'],
      ],
      returns: { nullable: { array: 'boolean' } },
    },
    swapMaybeChars: {
      code: 38,
      args: [
        ['given', { nullable: { array: 'char' } }],
        ['fresh', { nullable: { array: 'char' } }, 'out'],
        ['both', { nullable: { array: 'char' } }, 'inout'],
      ],
      returns: { nullable: { array: 'char' } },
    },
    swapMaybeFloats: {
      code: 39,
      args: [
        ['given', { nullable: { array: 'float' } }],
        ['fresh', { nullable: { array: 'float' } }, 'out'],
        ['both', { nullable: { array: 'float' } }, 'inout'],
      ],
      returns: { nullable: { array: 'float' } },
    },
    swapMaybeStrings: {
      code: 40,
      args: [
        ['given', { nullable: { array: { nullable: 'String' } } }],
        ['fresh', { nullable: { array: { nullable: 'String' } } }, 'out'],
        ['both', { nullable: { array: { nullable: 'String' } } }, 'inout'],
      ],
      returns: { nullable: { array: { nullable: 'String' } } },
    },
    swapMaybeFlats: {
      code: 41,
      args: [
        ['given', { nullable: { array: { nullable: () => Flat } } }],
        ['fresh', { nullable: { array: { nullable: () => Flat } } }, 'out'],
        ['both', { nullable: { array: { nullable: () => Flat } } }, 'inout'],
      ],
      returns: { nullable: { array: { nullable: () => Flat } } },
    },
    swapListOfString: {
      code: 42,
      args: [
        ['given', { list: 'String' }],
        ['fresh', { list: 'String' }, 'out'],
        ['both', { list: 'String' }, 'inout'],
      ],
      returns: { list: 'String' },
    },
    swapListOfFlat: {
      code: 43,
      args: [
        ['given', { list: () => Flat }],
        ['fresh', { list: () => Flat }, 'out'],
        ['both', { list: () => Flat }, 'inout'],
      ],
      returns: { list: () => Flat },
    },
    swapMaybeListOfString: {
      code: 44,
      args: [
        ['given', { nullable: { list: { nullable: 'String' } } }],
        ['fresh', { nullable: { list: { nullable: 'String' } } }, 'out'],
        ['both', { nullable: { list: { nullable: 'String' } } }, 'inout'],
      ],
      returns: { nullable: { list: { nullable: 'String' } } },
    },
    swapMaybeListOfFlat: {
      code: 45,
      args: [
        ['given', { nullable: { list: { nullable: () => Flat } } }],
        ['fresh', { nullable: { list: { nullable: () => Flat } } }, 'out'],
        ['both', { nullable: { list: { nullable: () => Flat } } }, 'inout'],
      ],
      returns: { nullable: { list: { nullable: () => Flat } } },
    },
    swapFlat: {
      code: 46,
      args: [
        ['given', () => Flat],
        ['fresh', () => Flat, 'out'],
        ['both', () => Flat, 'inout'],
      ],
      returns: () => Flat,
    },
    swapChoice: {
      code: 47,
      args: [
        ['given', () => Choice],
        ['fresh', () => Choice, 'out'],
        ['both', () => Choice, 'inout'],
      ],
      returns: () => Choice,
    },
    swapNumbers: {
      code: 48,
      args: [
        ['given', () => Numbers],
        ['fresh', () => Numbers, 'out'],
        ['both', () => Numbers, 'inout'],
      ],
      returns: () => Numbers,
    },
    swapEverything: {
      code: 49,
      args: [
        ['given', () => Everything],
        ['fresh', () => Everything, 'out'],
        ['both', () => Everything, 'inout'],
      ],
      returns: () => Everything,
    },
    swapOuter: {
      code: 50,
      args: [
        ['given', () => Outer],
        ['fresh', () => Outer, 'out'],
        ['both', () => Outer, 'inout'],
      ],
      returns: () => Outer,
    },
    swapMaybeFlat: {
      code: 51,
      args: [
        ['given', { nullable: () => Flat }],
        ['fresh', { nullable: () => Flat }, 'out'],
        ['both', { nullable: () => Flat }, 'inout'],
      ],
      returns: { nullable: () => Flat },
    },
    swapMaybeChoice: {
      code: 52,
      args: [
        ['given', { nullable: () => Choice }],
        ['fresh', { nullable: () => Choice }, 'out'],
        ['both', { nullable: () => Choice }, 'inout'],
      ],
      returns: { nullable: () => Choice },
    },
    swapMaybeEverything: {
      code: 53,
      args: [
        ['given', { nullable: () => Everything }],
        ['fresh', { nullable: () => Everything }, 'out'],
        ['both', { nullable: () => Everything }, 'inout'],
      ],
      returns: { nullable: () => Everything },
    },
    swapInner: {
      code: 54,
      args: [
        ['given', () => Outer.Inner],
        ['fresh', () => Outer.Inner, 'out'],
        ['both', () => Outer.Inner, 'inout'],
      ],
      returns: () => Outer.Inner,
    },
    swapInnermost: {
      code: 55,
      args: [
        ['given', () => Outer.Inner.Innermost],
        ['fresh', () => Outer.Inner.Innermost, 'out'],
        ['both', () => Outer.Inner.Innermost, 'inout'],
      ],
      returns: () => Outer.Inner.Innermost,
    },
    swapTwoInts: {
      code: 56,
      args: [
        ['given', { array: 'int', length: 2 }],
        ['fresh', { array: 'int', length: 2 }, 'out'],
        ['both', { array: 'int', length: 2 }, 'inout'],
      ],
      returns: { array: 'int', length: 2 },
    },
    swapMatrix: {
      code: 57,
      args: [
        ['given', { array: { array: 'int', length: 3 }, length: 2 }],
        ['fresh', { array: { array: 'int', length: 3 }, length: 2 }, 'out'],
        ['both', { array: { array: 'int', length: 3 }, length: 2 }, 'inout'],
      ],
      returns: { array: { array: 'int', length: 3 }, length: 2 },
    },
    swapTwoFlats: {
      code: 58,
      args: [
        ['given', { array: () => Flat, length: 2 }],
        ['fresh', { array: () => Flat, length: 2 }, 'out'],
        ['both', { array: () => Flat, length: 2 }, 'inout'],
      ],
      returns: { array: () => Flat, length: 2 },
    },
    echoHandles: { code: 59, args: [['value', () => Handles]], returns: () => Handles },
    echoBinders: { code: 60, args: [['value', { array: 'IBinder' }]], returns: { array: 'IBinder' } },
    echoMaybeBinders: {
      code: 61,
      args: [['value', { nullable: { array: { nullable: 'IBinder' } } }]],
      returns: { nullable: { array: { nullable: 'IBinder' } } },
    },
    echoListOfBinders: { code: 62, args: [['value', { list: 'IBinder' }]], returns: { list: 'IBinder' } },
    echoFiles: {
      code: 63,
      args: [['value', { array: 'ParcelFileDescriptor' }]],
      returns: { array: 'ParcelFileDescriptor' },
    },
    tellLater: {
      code: 64,
      oneway: true,
      args: [
        ['callback', () => ICallback],
        ['text', 'String'],
      ],
    },
    callBack: {
      code: 65,
      args: [
        ['callback', () => ICallback],
        ['value', 'int'],
      ],
      returns: 'int',
    },
    fail: {
      code: 66,
      args: [
        ['code', 'int'],
        ['message', 'String'],
      ],
    },
    nothing: { code: 67 },
    then_: {
      code: 68,
      args: [
        ['options', 'int'],
        ['call', 'int'],
      ],
      returns: 'int',
    },
    toString_: {
      code: 69,
      args: [
        ['function', { array: 'int' }],
        ['result', 'int'],
      ],
      returns: 'int',
    },
    passOn: { code: 70, args: [['target', { nullable: () => IWire }]] },
  },
});
