import { BinderError } from './errors.ts';
import type { Parcel } from './parcel.ts';

/**
 * Values of a Map, as Java's `Parcel.writeValue` has them: an i32 that says which type, then the value.
 *
 * | type | TypeScript |
 * | --- | --- |
 * | −1 | `null` |
 * | 0 String, 10 CharSequence (as a String) | `string` |
 * | 1 Integer, 5 Short, 20 Byte | `number`, whole and of 32 bits |
 * | 6 Long | `bigint` |
 * | 7 Float, 8 Double | other `number` |
 * | 9 Boolean | `boolean` |
 * | 2 Map | `Map` |
 * | 11 List | array |
 * | 13 byte[], 18 int[], 19 long[], 28 double[], 14 String[], 23 boolean[] | `Uint8Array`, `Int32Array`, `BigInt64Array`, `Float64Array` (decoded: also arrays of strings and booleans) |
 * | 15 IBinder | a binder |
 *
 * Since Android 13 maps and lists are preceded by their length in bytes. Other types cannot be read without the class
 * that wrote them: BAD_TYPE.
 */
const VAL = {
  NULL: -1,
  STRING: 0,
  INTEGER: 1,
  MAP: 2,
  SHORT: 5,
  LONG: 6,
  FLOAT: 7,
  DOUBLE: 8,
  BOOLEAN: 9,
  CHARSEQUENCE: 10,
  LIST: 11,
  BYTE_ARRAY: 13,
  STRING_ARRAY: 14,
  IBINDER: 15,
  INT_ARRAY: 18,
  LONG_ARRAY: 19,
  BYTE: 20,
  BOOLEAN_ARRAY: 23,
  DOUBLE_ARRAY: 28,
} as const;

/** Maps and lists within each other: a sender must not exhaust the stack. */
const MAX_DEPTH = 64;

export function writeMap(
  parcel: Parcel,
  map: ReadonlyMap<string, unknown> | Record<string, unknown>,
  depth = 0,
): void {
  const entries = map instanceof Map ? [...map] : Object.entries(map);
  parcel.writeInt32(entries.length);
  for (const [key, value] of entries) {
    if (typeof key !== 'string')
      throw new BinderError('BAD_VALUE', `Cannot write a Map with key ${String(key)}: no string`);
    parcel.writeInt32(VAL.STRING);
    parcel.writeString(key);
    writeValue(parcel, value, depth);
  }
}

/** @param count - which was read already */
export function readMap(parcel: Parcel, count: number, depth = 0): Map<string, unknown> {
  const map = new Map<string, unknown>();
  for (let i = 0; i < count; i++) {
    const type = parcel.readInt32();
    if (type !== VAL.STRING)
      throw new BinderError('BAD_TYPE', `Cannot read a Map with a key of type ${type}: no string`);
    const key = parcel.readString();
    map.set(key, readValue(parcel, depth));
  }
  return map;
}

function writeValue(parcel: Parcel, value: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw tooDeep();
  const type = valueType(value);
  parcel.writeInt32(type);
  switch (type) {
    case VAL.NULL:
      return;
    case VAL.STRING:
      return parcel.writeString(value as string);
    case VAL.INTEGER:
      return parcel.writeInt32(value as number);
    case VAL.DOUBLE:
      return parcel.writeDouble(value as number);
    case VAL.LONG:
      if (BigInt.asIntN(64, value as bigint) !== value)
        throw new BinderError('BAD_VALUE', `Cannot write ${value} as long`);
      return parcel.writeInt64(value);
    case VAL.BOOLEAN:
      return parcel.writeBool(value as boolean);
    case VAL.BYTE_ARRAY:
      return parcel.writeBytes(value as Uint8Array);
    case VAL.INT_ARRAY:
    case VAL.LONG_ARRAY:
    case VAL.DOUBLE_ARRAY: {
      const array = value as Int32Array | BigInt64Array | Float64Array;
      parcel.writeInt32(array.length);
      return parcel.writeRaw(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    }
    case VAL.IBINDER:
      return parcel.writeBinder(value);
  }
  const size = parcel.variant.hasValueLengths ? parcel.beginSize() : null;
  const start = parcel.position;
  if (type === VAL.MAP) {
    writeMap(parcel, value as Map<string, unknown>, depth + 1);
  } else {
    const list = value as unknown[];
    parcel.writeInt32(list.length);
    for (const element of list) writeValue(parcel, element, depth + 1);
  }
  if (size !== null) parcel.endSize(size, parcel.position - start);
}

function valueType(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return VAL.STRING;
    case 'boolean':
      return VAL.BOOLEAN;
    case 'bigint':
      return VAL.LONG;
    case 'number':
      return (value | 0) === value && !Object.is(value, -0) ? VAL.INTEGER : VAL.DOUBLE;
    case 'object':
      if (value === null) return VAL.NULL;
      if (value instanceof Map) return VAL.MAP;
      if (Array.isArray(value)) return VAL.LIST;
      if (value instanceof Uint8Array) return VAL.BYTE_ARRAY;
      if (value instanceof Int32Array) return VAL.INT_ARRAY;
      if (value instanceof BigInt64Array) return VAL.LONG_ARRAY;
      if (value instanceof Float64Array) return VAL.DOUBLE_ARRAY;
      return Object.getPrototypeOf(value) === Object.prototype ? VAL.MAP : VAL.IBINDER;
  }
  throw new BinderError('BAD_VALUE', `Cannot write a ${typeof value} in a Map`);
}

function readValue(parcel: Parcel, depth: number): unknown {
  if (depth > MAX_DEPTH) throw tooDeep();
  const type = parcel.readInt32();
  switch (type) {
    case VAL.NULL:
      return null;
    case VAL.STRING:
      return parcel.readNullableString();
    case VAL.INTEGER:
    case VAL.SHORT:
    case VAL.BYTE:
      return parcel.readInt32();
    case VAL.LONG:
      return parcel.readInt64();
    case VAL.FLOAT:
      return parcel.readFloat();
    case VAL.DOUBLE:
      return parcel.readDouble();
    case VAL.BOOLEAN:
      return parcel.readBool();
    case VAL.IBINDER:
      return parcel.readNullableBinder();
    case VAL.BYTE_ARRAY: {
      const count = parcel.readCount(1);
      return count < 0 ? null : parcel.readBytes(count);
    }
    case VAL.INT_ARRAY:
      return packed(parcel, 4, (count) => new Int32Array(count));
    case VAL.LONG_ARRAY:
      return packed(parcel, 8, (count) => new BigInt64Array(count));
    case VAL.DOUBLE_ARRAY:
      return packed(parcel, 8, (count) => new Float64Array(count));
    case VAL.STRING_ARRAY:
      return list(parcel, () => parcel.readNullableString());
    case VAL.BOOLEAN_ARRAY:
      return list(parcel, () => parcel.readBool());
    case VAL.MAP:
    case VAL.LIST: {
      const outer = parcel.variant.hasValueLengths ? parcel.enter(endOf(parcel)) : null;
      const value =
        type === VAL.MAP ? nestedMap(parcel, depth) : list(parcel, () => readValue(parcel, depth + 1));
      if (outer !== null) parcel.leave(outer);
      return value;
    }
  }
  throw new BinderError('BAD_TYPE', `Cannot read a value of type ${type} in a Map: only its class could`);
}

function endOf(parcel: Parcel): number {
  const length = parcel.readInt32();
  if (length < 0 || (length & 3) !== 0)
    throw new BinderError('BAD_VALUE', `Cannot read a value of ${length} bytes`);
  return parcel.position + length;
}

function nestedMap(parcel: Parcel, depth: number): Map<string, unknown> | null {
  const count = parcel.readCount(8);
  return count < 0 ? null : readMap(parcel, count, depth + 1);
}

function list(parcel: Parcel, read: () => unknown): unknown[] | null {
  const count = parcel.readCount(4);
  if (count < 0) return null;
  const values: unknown[] = [];
  for (let i = 0; i < count; i++) values.push(read());
  return values;
}

function packed<T extends ArrayBufferView>(
  parcel: Parcel,
  size: number,
  make: (count: number) => T,
): T | null {
  const count = parcel.readCount(size);
  if (count < 0) return null;
  const made = make(count);
  new Uint8Array(made.buffer).set(parcel.viewBytes(count * size));
  return made;
}

function tooDeep(): BinderError {
  return new BinderError('BAD_VALUE', `Cannot nest values of a Map more than ${MAX_DEPTH} deep`);
}
