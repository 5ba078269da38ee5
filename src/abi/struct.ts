import { readU64, type U64, writeU64 } from './u64.ts';

/**
 * One field of a C struct.
 *
 * `path` is the C member it stands for, so that the compiler's own layout can be compared with the table.
 */
export interface Field<T = unknown> {
  readonly path: string;
  readonly offset: number;
  readonly size: number;
  /** Its value in the struct at `at`. */
  read(view: DataView, at: number): T;
  /** Stores its value. */
  write(view: DataView, at: number, value: T): void;
}

/** A C struct as a table of fields: the same table encodes, decodes, and is checked against the compiler. */
export interface Struct<Fields extends Record<string, Field> = Record<string, Field>> {
  /** The C name without `struct`, for example `binder_write_read`. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly fields: Fields;
  /** Reads all fields of the struct that starts at byte `at`. */
  decode(view: DataView, at?: number): StructValue<Fields>;
  /** Writes the struct at byte `at`; bytes of absent fields, unused union members and padding become zero. */
  encode(view: DataView, at: number, value: Partial<StructValue<Fields>>): void;
  /** Encodes into new bytes. */
  bytes(value: Partial<StructValue<Fields>>): Uint8Array<ArrayBuffer>;
}

/** What {@link Struct.decode} returns. */
export type StructValue<Fields extends Record<string, Field>> = {
  -readonly [K in keyof Fields]: Fields[K] extends Field<infer T> ? T : never;
};

/** The value type of a struct: `Value<typeof transactionData>`. */
export type Value<S> = S extends Struct<infer Fields> ? StructValue<Fields> : never;

/** An unsigned 32-bit member. */
export function u32(path: string, offset: number): Field<number> {
  return {
    path,
    offset,
    size: 4,
    read: (view, at) => view.getUint32(at + offset, true),
    write: (view, at, value) => view.setUint32(at + offset, value, true),
  };
}

/** A signed 32-bit member. */
export function s32(path: string, offset: number): Field<number> {
  return {
    path,
    offset,
    size: 4,
    read: (view, at) => view.getInt32(at + offset, true),
    write: (view, at, value) => view.setInt32(at + offset, value, true),
  };
}

/** An unsigned 64-bit member. */
export function u64(path: string, offset: number): Field<U64> {
  return {
    path,
    offset,
    size: 8,
    read: (view, at) => readU64(view, at + offset),
    write: (view, at, value) => writeU64(view, at + offset, value),
  };
}

/** A fixed array of bytes holding a NUL-terminated string of single-byte characters, cut to `size - 1`. */
export function chars(path: string, offset: number, size: number): Field<string> {
  return {
    path,
    offset,
    size,
    read: (view, at) => {
      let text = '';
      for (let i = 0; i < size; i++) {
        const byte = view.getUint8(at + offset + i);
        if (byte === 0) break;
        text += String.fromCharCode(byte);
      }
      return text;
    },
    write: (view, at, value) => {
      for (let i = 0; i < size; i++) {
        view.setUint8(at + offset + i, i < size - 1 && i < value.length ? value.charCodeAt(i) : 0);
      }
    },
  };
}

/** Declares a struct; offsets are written out in the table, because a reader checks them against the header. */
export function struct<Fields extends Record<string, Field>>(
  name: string,
  size: number,
  fields: Fields,
): Struct<Fields> {
  const entries = Object.entries(fields) as [keyof Fields & string, Field][];
  const encode = (view: DataView, at: number, value: Partial<StructValue<Fields>>): void => {
    for (let i = 0; i < size; i++) view.setUint8(at + i, 0);
    for (const [key, field] of entries) {
      const member = value[key];
      if (member !== undefined) field.write(view, at, member);
    }
  };
  return {
    name,
    size,
    fields,
    decode(view, at = 0) {
      const value: Record<string, unknown> = {};
      for (const [key, field] of entries) value[key] = field.read(view, at);
      return value as StructValue<Fields>;
    },
    encode,
    bytes(value) {
      const bytes = new Uint8Array(size);
      encode(new DataView(bytes.buffer), 0, value);
      return bytes;
    },
  };
}
