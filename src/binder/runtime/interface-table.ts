import type { Stability, TABLE_FORMAT, TypeSpec } from '../parcel/type-spec.ts';

/**
 * An AIDL interface as data: what `ubinder aidl` writes and what {@link defineInterface} reads. Written by hand it is
 * how to use Binder without AIDL.
 *
 * How a method appears in TypeScript follows from its table:
 *
 * - **Arguments** are those that are `in` or `inout`, in order of declaration. An `out T[]` appears at its place as a
 *   number, named `xLength` by convention: the length that the callee is to fill (−1 for a null array). Any other `out`
 *   argument does not appear.
 * - **Results** are the return value, then the `out` and `inout` arguments in order. None: `void`. One: that value itself.
 *   Several: an object with the return value under `result` and the others under their names (an argument that is itself
 *   called `result` then comes under `result_`).
 * - **Callers** see `method(...arguments, options?: CallOptions): Promise<Results>`.
 * - **Handlers** see `method(...arguments, call: Call): Results | Promise<Results>`.
 *
 * A method called `then` must be given as `then_` (the name of the property; AIDL names do not travel), or `await proxy`
 * would call it.
 *
 * @example
 * // package example; interface IChat { int say(String text); int read(out byte[] buf); oneway void leave(); }
 * export interface IChat {
 *   say(text: string, options?: ub.CallOptions): Promise<number>;
 *   read(bufLength: number, options?: ub.CallOptions): Promise<{ result: number; buf: Uint8Array }>;
 *   leave(options?: ub.CallOptions): Promise<void>;
 * }
 * export namespace IChat {
 *   export interface Handlers {
 *     say(text: string, call: ub.Call): ub.Awaitable<number>;
 *     read(bufLength: number, call: ub.Call): ub.Awaitable<{ result: number; buf: Uint8Array }>;
 *     leave(call: ub.Call): ub.Awaitable<void>;
 *   }
 * }
 * export const IChat: ub.InterfaceType<IChat, IChat.Handlers> = ub.defineInterface('example.IChat', {
 *   format: 1,
 *   methods: {
 *     say: { code: 1, args: [['text', 'String']], returns: 'int' },
 *     read: { code: 2, args: [['buf', { array: 'byte' }, 'out']], returns: 'int' },
 *     leave: { code: 3, oneway: true },
 *   },
 * });
 */
export interface InterfaceTable {
  readonly format: typeof TABLE_FORMAT;
  /**
   * The methods by the name of their property. `oneway interface` and interface-wide annotations are written out at each
   * method.
   */
  readonly methods: Readonly<Record<string, MethodTable>>;
  /** The version of a frozen interface (`aidl --version`). With it getInterfaceVersion is answered. */
  readonly version?: number;
  /** The hash of the frozen interface (`aidl --hash`); `notfrozen` where there is none. With it getInterfaceHash is answered. */
  readonly hash?: string;
  /** Default `local`. */
  readonly stability?: Stability;
  /** `@SensitiveData`: buffers are cleared, here and in the driver (FLAG_CLEAR_BUF). */
  readonly sensitive?: boolean;
}

/** One method. */
export interface MethodTable {
  /** The transaction code: AIDL's id, which counts from 0, plus 1 (FIRST_CALL_TRANSACTION). 1…0x00ffffff. */
  readonly code: number;
  /** The caller does not wait, and gets no result: no `returns`, no `out` or `inout`. */
  readonly oneway?: boolean;
  /** Default: none. */
  readonly args?: readonly ArgumentSpec[];
  /** Absent for `void`. */
  readonly returns?: TypeSpec;
  /**
   * `@EnforcePermission`, which the method's own annotation or the interface's gives. Asked of the `checkPermission` given
   * to `implement`; where there is none the call is refused (SECURITY).
   */
  readonly permission?: PermissionSpec;
}

/** An argument: its AIDL name, its type, and its direction if that is not `in`. */
export type ArgumentSpec = readonly [name: string, type: TypeSpec, direction?: 'in' | 'out' | 'inout'];

/** One permission, all of several, or any of several; by their full names. */
export type PermissionSpec =
  | string
  | { readonly all: readonly string[] }
  | { readonly any: readonly string[] };
