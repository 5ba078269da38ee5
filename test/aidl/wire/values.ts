// Random values of AIDL types, from the tables of generated code; and what makes two of them equal.

import fc from 'fast-check';
import {
  asBinder,
  type FileDescriptor,
  type HeldType,
  type IBinder,
  type NamedSpec,
  ParcelableHolder,
  type Ref,
  spec,
  type TypeSpec,
} from 'ubinder/runtime';

/** What cannot be made up: objects to send, and the names under which they are known again. */
export interface Objects {
  readonly binders: readonly Ref[];
  /** By descriptor. */
  readonly interfaces: ReadonlyMap<string, readonly object[]>;
  readonly files: readonly FileDescriptor[];
  /** The same for each descriptor of one file. */
  nameOfFile(file: FileDescriptor): unknown;
  /** What holders may hold. */
  readonly held: readonly HeldType<unknown, unknown>[];
}

/** Parcelables within parcelables, before what may be null is. */
const MAX_DEPTH = 3;

const LONG = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -9n, max: 9n }),
);
const INT = fc.oneof(fc.integer(), fc.integer({ min: -9, max: 9 }));
const BYTE = fc.integer({ min: -128, max: 127 });
/** A zero among a string's characters is one of them. */
const STRING = fc.string({ unit: 'binary', maxLength: 20 });
const SIMPLE: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  boolean: fc.boolean(),
  byte: BYTE,
  char: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
  int: INT,
  long: LONG,
  float: fc.float(),
  double: fc.double(),
  String: STRING,
};

/** Values of a type as callers give them. */
export function valuesOf(type: TypeSpec, objects: Objects, depth = 0): fc.Arbitrary<unknown> {
  if (typeof type === 'function') return namedValues(type()[spec], objects, depth);
  if (typeof type === 'string') {
    switch (type) {
      case 'IBinder':
        return fc.constantFrom(...objects.binders);
      case 'FileDescriptor':
      case 'ParcelFileDescriptor':
        return fc.constantFrom(...objects.files);
      case 'ParcelableHolder':
        return holders(objects, depth);
      case 'Map':
        return valuesOf({ map: 'String' }, objects, depth);
      default:
        return SIMPLE[type] as fc.Arbitrary<unknown>;
    }
  }
  if ('nullable' in type) {
    if (depth >= MAX_DEPTH) return fc.constant(null);
    return fc.oneof(fc.constant(null), valuesOf(type.nullable, objects, depth));
  }
  if ('map' in type) {
    return fc
      .dictionary(fc.string(), valuesOf(type.map, objects, depth))
      .map((o) => new Map(Object.entries(o)));
  }
  const element = 'array' in type ? type.array : type.list;
  const length = 'array' in type ? type.length : undefined;
  const bounds =
    length === undefined ? { maxLength: depth === 0 ? 6 : 2 } : { minLength: length, maxLength: length };
  // A byte is −128…127 on its own, and 0…255 in an array of them.
  const values =
    element === 'byte' ? fc.integer({ min: 0, max: 255 }) : valuesOf(element, objects, depth + 1);
  return fc.array(values, bounds);
}

function namedValues(named: NamedSpec, objects: Objects, depth: number): fc.Arbitrary<unknown> {
  switch (named.kind) {
    case 'interface':
      return fc.constantFrom(...(objects.interfaces.get(named.descriptor) ?? []));
    case 'enum':
      // Enums are open.
      return fc.oneof(
        fc.constantFrom(...Object.values(named.members)),
        SIMPLE[named.backing] as fc.Arbitrary<unknown>,
      );
    case 'union':
      return fc.oneof(
        ...named.fields
          .filter(([, type]) => depth < MAX_DEPTH || typeof type === 'string')
          .map(([tag, type]) => valuesOf(type, objects, depth + 1).map((value) => ({ tag, value }))),
      );
    case 'parcelable':
      return fc.record(
        Object.fromEntries(named.fields.map(([name, type]) => [name, valuesOf(type, objects, depth + 1)])),
      );
    default:
      throw new Error(`No values of ${named.descriptor}`);
  }
}

function holders(objects: Objects, depth: number): fc.Arbitrary<unknown> {
  if (depth >= MAX_DEPTH) return fc.constant(new ParcelableHolder());
  const full = objects.held.map((type) =>
    valuesOf(() => type as never, objects, depth + 1).map((value) => {
      const holder = new ParcelableHolder();
      holder.set(type, value);
      return holder;
    }),
  );
  return fc.oneof(fc.constant(new ParcelableHolder()), ...full);
}

/** The value as plain data, equal for equal values; objects are what they are known by. */
export function plain(type: TypeSpec, value: unknown, objects: Objects): unknown {
  if (value === null || value === undefined) return value;
  if (typeof type === 'function') return plainNamed(type()[spec], value, objects);
  if (typeof type === 'string') {
    switch (type) {
      case 'IBinder':
        return binderName(asBinder(value as object));
      case 'FileDescriptor':
      case 'ParcelFileDescriptor':
        return objects.nameOfFile(value as FileDescriptor);
      case 'ParcelableHolder':
        return plainHolder(value as ParcelableHolder, objects);
      default:
        return value;
    }
  }
  if ('nullable' in type) return plain(type.nullable, value, objects);
  if ('map' in type)
    return [...(value as Map<string, unknown>)].map(([key, one]) => [key, plain(type.map, one, objects)]);
  const element = 'array' in type ? type.array : type.list;
  return Array.from(value as ArrayLike<unknown>, (one) => plain(element, one, objects));
}

function plainNamed(named: NamedSpec, value: unknown, objects: Objects): unknown {
  switch (named.kind) {
    case 'interface':
      return binderName(asBinder(value as object));
    case 'union': {
      const { tag, value: member } = value as { tag: string; value: unknown };
      const [, type] = named.fields.find(([name]) => name === tag)!;
      return { tag, value: plain(type, member, objects) };
    }
    case 'parcelable':
      return Object.fromEntries(
        named.fields.map(([name, type]) => [
          name,
          plain(type, (value as Record<string, unknown>)[name], objects),
        ]),
      );
    default:
      return value;
  }
}

function plainHolder(holder: ParcelableHolder, objects: Objects): unknown {
  const type = objects.held.find((one) => one[spec].descriptor === holder.descriptor);
  return type
    ? [holder.descriptor, plain(() => type as never, holder.get(type), objects)]
    : holder.descriptor;
}

const names = new WeakMap<IBinder, string>();
let named = 0;

function binderName(binder: IBinder): string {
  let name = names.get(binder);
  if (name === undefined) {
    name = `binder ${named++}`;
    names.set(binder, name);
  }
  return name;
}
