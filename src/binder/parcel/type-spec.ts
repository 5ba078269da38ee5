import type { Parcel } from './parcel.ts';

/**
 * The types of AIDL as data. Tables of parcelables, unions and interfaces are made of these; they say what travels, and
 * the codecs are compiled from them, once per table.
 *
 * | type | TypeScript, decoded | accepted for encoding | on the wire |
 * | --- | --- | --- | --- |
 * | `'boolean'` | `boolean` | the same | i32, 0 or 1 |
 * | `'byte'` | `number`, −128…127 | the same | i32 |
 * | `'char'` | `string` of one UTF-16 unit | the same | i32 |
 * | `'int'` | `number` | the same | i32 |
 * | `'long'` | `bigint` | `bigint` | i64 |
 * | `'float'`, `'double'` | `number` | the same | 4 or 8 bytes |
 * | `'String'` (`@utf8InCpp` changes nothing) | `string` | the same | String16 |
 * | `'IBinder'` | `Ref<IBinder>`: one count, yours | any object or ref | flat object, stability |
 * | `'FileDescriptor'` | `FileDescriptor`: yours | `FileDescriptor` | fd object |
 * | `'ParcelFileDescriptor'` | `FileDescriptor`: yours | `FileDescriptor` | flag 1, i32 0, fd object |
 * | `'ParcelableHolder'` | `ParcelableHolder` | `ParcelableHolder` | stability, size, name, payload |
 * | `'Map'` | `Map<string, unknown>` | `Map` or plain object | count, typed key and value pairs |
 * | `{ array: 'boolean' }` | `boolean[]` | `ArrayLike<boolean>` | count, i32 each |
 * | `{ array: 'byte' }` | `Uint8Array` | `ArrayLike<number>` | count, bytes, padding |
 * | `{ array: 'char' }` | `string[]` | `ArrayLike<string>` | count, i32 each |
 * | `{ array: 'int' }` | `Int32Array` | `ArrayLike<number>` | count, elements |
 * | `{ array: 'long' }` | `BigInt64Array` | `ArrayLike<bigint>` | count, elements |
 * | `{ array: 'float' }`, `{ array: 'double' }` | `Float32Array`, `Float64Array` | `ArrayLike<number>` | count, elements |
 * | `{ array: () => E }`, enum E of bytes | `E[]` | `ArrayLike<E>` | count, bytes, padding |
 * | `{ array: T }`, `{ list: T }` | `T[]` | `ArrayLike<T>` | count, element by element |
 * | `{ array: T, length: N }`, `T[N]` | as without `length` | exactly N elements | count N (checked), elements |
 * | `{ array: { array: T, length: 3 }, length: 2 }` | `T[2][3]`: nested arrays, outermost first | | count at each dimension |
 * | `{ map: T }` | `Map<string, T>` | `Map` or plain object | as `'Map'`: each value says its type; T no named type |
 * | `{ nullable: T }` | `T \| null` | `T \| null` (never `undefined`) | null in T's own way |
 * | `() => Named` | that type's | that type's | that type's |
 *
 * A {@link NamedType} is always given as a function that returns it, because modules may import each other in a circle
 * and types may contain themselves.
 *
 * `List<Integer>` and the like do not exist: AIDL has no lists of primitives. A `CharSequence` is not supported.
 *
 * @example
 * const type: TypeSpec = { nullable: { array: () => Point } };   // a nullable Point[]
 */
export type TypeSpec =
  | PrimitiveName
  | 'String'
  | 'IBinder'
  | 'FileDescriptor'
  | 'ParcelFileDescriptor'
  | 'ParcelableHolder'
  | 'Map'
  | { readonly array: TypeSpec; readonly length?: number }
  | { readonly list: TypeSpec }
  | { readonly map: TypeSpec }
  | { readonly nullable: TypeSpec }
  | (() => NamedType);

/** Types whose values are never null. */
export type PrimitiveName = 'boolean' | 'byte' | 'char' | 'int' | 'long' | 'float' | 'double';

/** Backing types of enums. */
export type BackingName = 'byte' | 'int' | 'long';

/**
 * The stability of an interface or parcelable: `vintf` for `@VintfStability`, else `local`, AOSP's word for what is built
 * along with its users.
 */
export type Stability = 'local' | 'vintf';

/**
 * The format of tables that this version reads and writes. It grows when old tables would be misunderstood; a table of
 * another format is refused where it is defined, with a message that says which side to update.
 */
export const TABLE_FORMAT = 1;

/**
 * A field of a parcelable, or a member of a union: its name, its type, and its default if that is not the type's own.
 *
 * A default that is an object (an array, a parcelable, a Map) is given as a function that makes a new one each time:
 * `['tags', { list: 'String' }, () => ['a']]`. Enum defaults are given as values.
 *
 * The types' own defaults: `false`, `0`, `0n`, `'\0'` (char), `''`, empty arrays and lists, fixed arrays of N defaults,
 * 0 for enums, a parcelable of defaults, a union's first member, an empty holder, `null` where nullable. Binders,
 * interfaces and descriptors have none: they must be given.
 */
export type FieldSpec = readonly [name: string, type: TypeSpec, defaultValue?: unknown];

/** A structured parcelable: `parcelable P { … }`. */
export interface ParcelableTable {
  readonly format: typeof TABLE_FORMAT;
  /** Default `local`. Matters for what a ParcelableHolder may hold. */
  readonly stability?: Stability;
  /** In order of declaration, which is the order on the wire. */
  readonly fields: readonly FieldSpec[];
}

/** A union: `union U { … }`. Its values are `{ tag, value }`, where `tag` is the member's name. */
export interface UnionTable {
  readonly format: typeof TABLE_FORMAT;
  /** Default `local`. */
  readonly stability?: Stability;
  /** In order of declaration; the number on the wire is the place here, from 0. */
  readonly fields: readonly FieldSpec[];
}

/**
 * Where a {@link NamedType} keeps what it is made of, out of the way of AIDL's own names: `Point[spec].kind`.
 */
export const spec: unique symbol = Symbol.for('ubinder.spec');

/** A type with a name of its own, as `defineParcelable`, `defineUnion`, `defineEnum` and `defineInterface` return it. */
export interface NamedType {
  readonly [spec]: NamedSpec;
}

/** What a named type is made of. Tools (the inspector, calls by name) read this. */
export type NamedSpec = ParcelableSpec | UnionSpec | CustomSpec | EnumSpec | InterfaceSpec;

export interface ParcelableSpec extends ParcelableTable {
  readonly kind: 'parcelable';
  /** The qualified AIDL name, `com.example.Point`, or what `@Descriptor` says. */
  readonly descriptor: string;
}

export interface UnionSpec extends UnionTable {
  readonly kind: 'union';
  readonly descriptor: string;
}

/** A parcelable that is not structured: its bytes are its own affair. The flag for null is written for it. */
export interface CustomSpec<T = unknown> {
  readonly kind: 'custom';
  readonly descriptor: string;
  readonly stability?: Stability;
  /** Reads one. */
  read(parcel: Parcel): T;
  /** Writes one. */
  write(parcel: Parcel, value: T): void;
}

/** What an enum is made of. */
export interface EnumSpec {
  readonly kind: 'enum';
  readonly descriptor: string;
  readonly backing: BackingName;
  /** By name; `bigint` values where the backing is `long`. Other values travel all the same: enums are open. */
  readonly members: Readonly<Record<string, number | bigint>>;
}

/** What an interface says of itself as a type. */
export interface InterfaceSpec {
  readonly kind: 'interface';
  readonly descriptor: string;
  /** Makes the typed reference of a received object. It owns the count that `binder` owned. */
  fromBinder(binder: unknown): unknown;
}
