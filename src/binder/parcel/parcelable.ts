import { type Codec, compileType } from './codec.ts';
import { BinderError } from './errors.ts';
import type { HeldType } from './holder.ts';
import { type CodedType, codecs } from './named-codec.ts';
import { type Parcel, unexpectedNull } from './parcel.ts';
import {
  type BackingName,
  type CustomSpec,
  type EnumSpec,
  type FieldSpec,
  type NamedType,
  type ParcelableTable,
  spec,
  TABLE_FORMAT,
  type UnionTable,
} from './type-spec.ts';

/** A parcelable's type: structured, custom, or a union. */
export interface ParcelableType<T, Init = T> extends HeldType<T, Init> {
  readonly descriptor: string;
  /** A value with defaults for what is not given. @throws BinderError UNEXPECTED_NULL for a field without a default. */
  create(init?: Init): T;
}

/** A union's type: values are `{ tag, value }`. */
export type UnionType<T, Init = T> = ParcelableType<T, Init>;

/** An enum's type: its members are its properties. */
export type EnumType<Members> = NamedType & Readonly<Members>;

/** A value of an enum: one of its members', or, because enums are open, any other of its backing type. */
export type EnumValue<Members> =
  | Members[keyof Members]
  | ((Members[keyof Members] extends bigint ? bigint : number) & Record<never, never>);

interface Field {
  readonly name: string;
  readonly codec: Codec;
  initial(): unknown;
}

/**
 * Defines `parcelable P { … }`.
 *
 * ```
 *   i32 1 (0: null) | i32 size, from here to the end | field | field | …
 * ```
 *
 * A sender of another version may know fewer fields, which get their defaults, or more, which are skipped.
 *
 * @typeParam T - a decoded value: all fields
 * @typeParam Init - what is accepted: fields with defaults may be missing
 * @throws BinderError BAD_TABLE when the table is of another format or names what is no type.
 */
export function defineParcelable<T, Init = Partial<T>>(
  descriptor: string,
  table: ParcelableTable,
): ParcelableType<T, Init> {
  checkFormat(descriptor, table.format);
  let compiled: Field[] | undefined;
  let template: Record<string, unknown> = {};
  const fields = (): Field[] => {
    if (compiled) return compiled;
    compiled = compileFields(descriptor, table.fields);
    template = Object.fromEntries(compiled.map(({ name }) => [name, null]));
    return compiled;
  };

  const write = (parcel: Parcel, value: unknown): void => {
    const from = asObject(value, descriptor);
    const all = fields();
    parcel.writeInt32(1);
    const start = parcel.beginSize();
    for (let i = 0; i < all.length; i++) {
      const field = all[i] as Field;
      const given = from[field.name];
      field.codec.write(parcel, given === undefined ? field.initial() : given);
    }
    parcel.endSize(start, parcel.position - start);
  };

  const read = (parcel: Parcel): unknown => {
    const all = fields();
    const start = parcel.position;
    const size = parcel.readInt32();
    if (size < 4 || (size & 3) !== 0)
      throw new BinderError('BAD_VALUE', `Cannot read ${descriptor} of ${size} bytes`);
    const end = start + size;
    const outer = parcel.enter(end);
    const value = { ...template };
    let i = 0;
    for (; i < all.length && parcel.position < end; i++) {
      const field = all[i] as Field;
      value[field.name] = field.codec.read(parcel);
    }
    for (; i < all.length; i++) {
      const field = all[i] as Field;
      value[field.name] = field.initial();
    }
    parcel.leave(outer);
    return value;
  };

  const create = (init: object = {}): Record<string, unknown> => {
    const from = asObject(init, descriptor);
    return Object.fromEntries(
      fields().map((field) => [
        field.name,
        from[field.name] === undefined ? field.initial() : from[field.name],
      ]),
    );
  };

  return {
    descriptor,
    create: create as (init?: Init) => T,
    [spec]: { ...table, kind: 'parcelable', descriptor },
    [codecs]: flagged(descriptor, write, read, create),
  } as ParcelableType<T, Init> & CodedType;
}

/**
 * Defines `union U { … }`.
 *
 * ```
 *   i32 1 (0: null) | i32 member, from 0 | value
 * ```
 */
export function defineUnion<T, Init = T>(descriptor: string, table: UnionTable): UnionType<T, Init> {
  checkFormat(descriptor, table.format);
  if (table.fields.length === 0)
    throw new BinderError('BAD_TABLE', `Cannot define ${descriptor}: a union has members`);
  let compiled: Field[] | undefined;
  const fields = (): Field[] => {
    compiled ??= compileFields(descriptor, table.fields);
    return compiled;
  };
  const indexOf = new Map(table.fields.map(([name], i) => [name, i]));

  const write = (parcel: Parcel, given: unknown): void => {
    const { tag, value } = asObject(given, descriptor);
    const index = indexOf.get(tag as string);
    if (index === undefined) {
      const known = [...indexOf.keys()].join(', ');
      throw new BinderError(
        'BAD_VALUE',
        `Cannot write ${descriptor} with tag ${String(tag)}: its members are ${known}`,
      );
    }
    parcel.writeInt32(1);
    parcel.writeInt32(index);
    (fields()[index] as Field).codec.write(parcel, value);
  };

  const read = (parcel: Parcel): unknown => {
    const index = parcel.readInt32();
    const field = fields()[index];
    if (!field) throw new BinderError('BAD_VALUE', `Cannot read ${descriptor}: it has no member ${index}`);
    return { tag: field.name, value: field.codec.read(parcel) };
  };

  const initial = (): unknown => {
    const first = fields()[0] as Field;
    return { tag: first.name, value: first.initial() };
  };

  return {
    descriptor,
    create: (init?: Init) => (init === undefined ? initial() : { ...init }) as T,
    [spec]: { ...table, kind: 'union', descriptor },
    [codecs]: flagged(descriptor, write, read, initial),
  } as UnionType<T, Init> & CodedType;
}

/**
 * Defines a parcelable that is not structured (`parcelable P;`) by functions that read and write it. The flag for null is
 * not theirs to write.
 */
export function defineCustomParcelable<T>(
  descriptor: string,
  custom: Omit<CustomSpec<T>, 'kind' | 'descriptor'>,
): ParcelableType<T, T> {
  const write = (parcel: Parcel, value: unknown): void => {
    if (value === null || value === undefined) throw unexpectedNull(descriptor);
    parcel.writeInt32(1);
    custom.write(parcel, value as T);
  };
  const initial = (): never => {
    throw unexpectedNull(descriptor);
  };
  return {
    descriptor,
    create: (init?: T) => init ?? initial(),
    [spec]: { ...custom, kind: 'custom', descriptor } as CustomSpec,
    [codecs]: flagged(descriptor, write, (parcel) => custom.read(parcel), initial),
  } as ParcelableType<T, T> & CodedType;
}

/**
 * Defines `@Backing(type=…) enum E { … }`. Its members become properties: `Mode.A`. Enums are open: any value of the
 * backing type travels, known or not.
 */
export function defineEnum<const Members extends Readonly<Record<string, number | bigint>>>(
  descriptor: string,
  backing: BackingName,
  members: Members,
): EnumType<Members> {
  const codec = { ...compileType(backing), initial: () => (backing === 'long' ? 0n : 0) };
  const enumSpec: EnumSpec = { kind: 'enum', descriptor, backing, members };
  return Object.freeze({ ...members, [spec]: enumSpec, [codecs]: { plain: codec, nullable: codec } });
}

/**
 * Adds constants and nested types to a type: `withMembers(IChat, { MAX: 5 })` has `IChat.MAX`.
 *
 * @throws BinderError BAD_TABLE when the type has a property of that name already: generated code appends `_` to it.
 */
export function withMembers<Type extends NamedType, const Members extends object>(
  type: Type,
  members: Members,
): Type & Readonly<Members> {
  for (const name of Object.keys(members)) {
    if (name in type)
      throw new BinderError('BAD_TABLE', `Cannot add member ${name}: the type has a property of this name`);
  }
  return Object.assign(type, members);
}

/** @throws BinderError BAD_TABLE unless a table is of the format that this version reads. */
export function checkFormat(descriptor: string, format: number): void {
  if (format === TABLE_FORMAT) return;
  const update = format > TABLE_FORMAT ? 'update ubinder' : 'generate it anew with `ubinder aidl`';
  throw new BinderError(
    'BAD_TABLE',
    `Cannot read the table of ${descriptor}: it has format ${format}, this version reads ${TABLE_FORMAT}; ${update}`,
  );
}

function compileFields(descriptor: string, table: readonly FieldSpec[]): Field[] {
  const names = new Set<string>();
  return table.map(([name, type, defaultValue]) => {
    if (names.has(name) || name === '__proto__') {
      throw new BinderError(
        'BAD_TABLE',
        `Cannot define ${descriptor}: field ${name} is not possible, or there twice`,
      );
    }
    names.add(name);
    const codec = compileType(type);
    const initial =
      defaultValue === undefined
        ? codec.initial
        : typeof defaultValue === 'function'
          ? (defaultValue as () => unknown)
          : () => defaultValue;
    return { name, codec, initial };
  });
}

function asObject(value: unknown, descriptor: string): Record<string, unknown> {
  if (value === null || value === undefined) throw unexpectedNull(descriptor);
  if (typeof value !== 'object') {
    throw new BinderError('BAD_VALUE', `Cannot write ${String(value)} (${typeof value}) as ${descriptor}`);
  }
  return value as Record<string, unknown>;
}

/** Codecs for a value that begins with a flag: 1, or 0 for null. `write` writes the 1 itself. */
function flagged(
  descriptor: string,
  write: Codec['write'],
  readBody: Codec['read'],
  initial: Codec['initial'],
): CodedType[typeof codecs] {
  const readPresent = (parcel: Parcel): unknown => {
    parcel.descend();
    const value = readBody(parcel);
    parcel.ascend();
    return value;
  };
  return {
    plain: {
      minSize: 4,
      initial,
      write,
      read(parcel) {
        if (parcel.readInt32() === 0) throw unexpectedNull(descriptor);
        return readPresent(parcel);
      },
    },
    nullable: {
      minSize: 4,
      initial: () => null,
      write(parcel, value) {
        if (value === null) parcel.writeInt32(0);
        else write(parcel, value);
      },
      read: (parcel) => (parcel.readInt32() === 0 ? null : readPresent(parcel)),
    },
  };
}
