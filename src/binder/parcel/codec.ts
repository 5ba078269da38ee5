import { BinderError } from './errors.ts';
import { ParcelableHolder } from './holder.ts';
import { readMap, writeMap } from './map-value.ts';
import { namedCodec } from './named-codec.ts';
import { type FileDescriptor, type Parcel, unexpectedNull } from './parcel.ts';
import { type NamedType, spec, type TypeSpec } from './type-spec.ts';

/** How values of one type are written, read, and begin. */
export interface Codec {
  /** Writes `value`, which it checks. */
  write(parcel: Parcel, value: unknown): void;
  /** Reads one, at the place where the parcel is read. */
  read(parcel: Parcel): unknown;
  /** A new value of the type's own default; throws UNEXPECTED_NULL where there is none. */
  initial(): unknown;
  /** The fewest bytes a value takes: what an array's count is checked against. */
  readonly minSize: number;
}

/** Compiles a type. @throws BinderError BAD_TABLE where the table says what no type is. */
export function compileType(type: TypeSpec): Codec {
  if (typeof type === 'string') return simple(type);
  if (typeof type === 'function') return namedCodec(type, false);
  if ('nullable' in type) return nullable(type.nullable);
  if ('array' in type) return array(type.array, type.length, false);
  if ('list' in type) return array(type.list, undefined, false, true);
  if ('map' in type) return typedMap(type.map, false);
  throw badType(type);
}

function badType(type: unknown): BinderError {
  return new BinderError(
    'BAD_TABLE',
    `Cannot compile the type ${JSON.stringify(type)}: it is none of TypeSpec`,
  );
}

const I32 = 4;

function wrong(value: unknown, what: string): BinderError {
  if (value === null || value === undefined) return unexpectedNull(what);
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new BinderError('BAD_VALUE', `Cannot write ${shown.slice(0, 60)} (${typeof value}) as ${what}`);
}

function checkByte(value: unknown): void {
  if (((value as number) << 24) >> 24 !== value) throw wrong(value, 'byte (-128 to 127)');
}

/** Enums that are backed by a byte: an array of them is one of bytes. */
function isOfBytes(type: NamedType): boolean {
  const named = type[spec];
  return named.kind === 'enum' && named.backing === 'byte';
}

const SIMPLE: Record<string, Codec> = {
  boolean: {
    minSize: I32,
    initial: () => false,
    write(parcel, value) {
      if (typeof value !== 'boolean') throw wrong(value, 'boolean');
      parcel.writeInt32(value ? 1 : 0);
    },
    read: (parcel) => parcel.readInt32() !== 0,
  },
  byte: {
    minSize: I32,
    initial: () => 0,
    write(parcel, value) {
      checkByte(value);
      parcel.writeInt32(value as number);
    },
    read: (parcel) => parcel.readByte(),
  },
  char: {
    minSize: I32,
    initial: () => '\0',
    write(parcel, value) {
      if (typeof value !== 'string') throw wrong(value, 'char');
      parcel.writeChar(value);
    },
    read: (parcel) => parcel.readChar(),
  },
  int: {
    minSize: I32,
    initial: () => 0,
    write(parcel, value) {
      if (((value as number) | 0) !== value) throw wrong(value, 'int (32 bits)');
      parcel.writeInt32(value as number);
    },
    read: (parcel) => parcel.readInt32(),
  },
  long: {
    minSize: 8,
    initial: () => 0n,
    write(parcel, value) {
      if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
        throw wrong(value, 'long (a bigint of 64 bits)');
      }
      parcel.writeInt64(value);
    },
    read: (parcel) => parcel.readInt64(),
  },
  float: {
    minSize: I32,
    initial: () => 0,
    write(parcel, value) {
      if (typeof value !== 'number') throw wrong(value, 'float');
      parcel.writeFloat(value);
    },
    read: (parcel) => parcel.readFloat(),
  },
  double: {
    minSize: 8,
    initial: () => 0,
    write(parcel, value) {
      if (typeof value !== 'number') throw wrong(value, 'double');
      parcel.writeDouble(value);
    },
    read: (parcel) => parcel.readDouble(),
  },
  String: {
    minSize: I32,
    initial: () => '',
    write(parcel, value) {
      if (typeof value !== 'string') throw wrong(value, 'String');
      parcel.writeString(value);
    },
    read: (parcel) => parcel.readString(),
  },
  IBinder: {
    minSize: 28,
    initial() {
      throw unexpectedNull('IBinder');
    },
    write(parcel, value) {
      if (value === null || typeof value !== 'object') throw wrong(value, 'IBinder');
      parcel.writeBinder(value);
    },
    read: (parcel) => parcel.readBinder(),
  },
  FileDescriptor: {
    minSize: 24,
    initial() {
      throw unexpectedNull('FileDescriptor');
    },
    write(parcel, value) {
      if (value === null || typeof value !== 'object') throw wrong(value, 'FileDescriptor');
      parcel.writeFile(value as FileDescriptor);
    },
    read: (parcel) => parcel.readFile(),
  },
  ParcelFileDescriptor: {
    minSize: I32,
    initial() {
      throw unexpectedNull('ParcelFileDescriptor');
    },
    write(parcel, value) {
      if (value === null || typeof value !== 'object') throw wrong(value, 'ParcelFileDescriptor');
      parcel.writeInt32(1);
      parcel.writeInt32(0); // no channel for remarks
      parcel.writeFile(value as FileDescriptor);
    },
    read(parcel) {
      if (parcel.readInt32() === 0) throw unexpectedNull('ParcelFileDescriptor');
      return readParcelFile(parcel);
    },
  },
  ParcelableHolder: {
    minSize: I32,
    initial: () => new ParcelableHolder(),
    write(parcel, value) {
      if (!(value instanceof ParcelableHolder)) throw wrong(value, 'ParcelableHolder');
      parcel.writeInt32(1);
      value.writeTo(parcel);
    },
    read(parcel) {
      if (parcel.readInt32() === 0) throw unexpectedNull('ParcelableHolder');
      return ParcelableHolder.readFrom(parcel);
    },
  },
};

function readParcelFile(parcel: Parcel): FileDescriptor {
  const hasChannel = parcel.readInt32() !== 0;
  const file = parcel.readFile();
  // Java's ParcelFileDescriptor may bring a second one, on which it would hear how the file was closed.
  if (hasChannel) parcel.readFile()[Symbol.dispose]();
  return file;
}

function simple(name: string): Codec {
  if (name === 'Map') return map(false);
  const codec = Object.hasOwn(SIMPLE, name) ? SIMPLE[name] : undefined;
  if (!codec) throw badType(name);
  return codec;
}

function nullable(type: TypeSpec): Codec {
  if (typeof type === 'function') return namedCodec(type, true);
  if (typeof type === 'object') {
    if ('array' in type) return array(type.array, type.length, true);
    if ('list' in type) return array(type.list, undefined, true, true);
    if ('map' in type) return typedMap(type.map, true);
    throw badType({ nullable: type });
  }
  const initial = () => null;
  switch (type) {
    case 'String':
      return {
        minSize: I32,
        initial,
        write(parcel, value) {
          if (value !== null && typeof value !== 'string')
            throw wrong(value ?? 'undefined', 'String or null');
          parcel.writeString(value);
        },
        read: (parcel) => parcel.readNullableString(),
      };
    case 'IBinder':
      return {
        minSize: 28,
        initial,
        write(parcel, value) {
          if (typeof value !== 'object') throw wrong(value ?? 'undefined', 'IBinder or null');
          parcel.writeBinder(value);
        },
        read: (parcel) => parcel.readNullableBinder(),
      };
    case 'ParcelFileDescriptor':
    case 'ParcelableHolder': {
      const codec = simple(type);
      return {
        minSize: I32,
        initial,
        write(parcel, value) {
          if (value === null) parcel.writeInt32(0);
          else codec.write(parcel, value);
        },
        read(parcel) {
          if (parcel.readInt32() === 0) return null;
          return type === 'ParcelableHolder' ? ParcelableHolder.readFrom(parcel) : readParcelFile(parcel);
        },
      };
    }
    case 'Map':
      return map(true);
    default:
      throw new BinderError('BAD_TABLE', `Cannot compile nullable ${type}: its values are never null`);
  }
}

/** Arrays whose elements lie one behind the other as in memory. */
const PACKED: Record<string, { make(count: number): ArrayBufferView; size: number }> = {
  int: { size: 4, make: (count) => new Int32Array(count) },
  long: { size: 8, make: (count) => new BigInt64Array(count) },
  float: { size: 4, make: (count) => new Float32Array(count) },
  double: { size: 8, make: (count) => new Float64Array(count) },
};

function array(element: TypeSpec, length: number | undefined, isNullable: boolean, isList = false): Codec {
  if (length !== undefined && !(Number.isInteger(length) && length > 0)) {
    throw new BinderError('BAD_TABLE', `Cannot compile an array of length ${length}: it must be positive`);
  }
  const what = isList ? 'list' : 'array';
  const check = (value: unknown): ArrayLike<unknown> => {
    const count = (value as ArrayLike<unknown> | null)?.length;
    if (typeof value !== 'object' || typeof count !== 'number') throw wrong(value, `an ${what}`);
    if (length !== undefined && count !== length) {
      throw new BinderError('BAD_VALUE', `Cannot write an array of ${count} as one of ${length}`);
    }
    return value as ArrayLike<unknown>;
  };
  const readCount = (parcel: Parcel, size: number): number => {
    const count = parcel.readCount(size);
    if (count === -1 && !isNullable) throw unexpectedNull(`an ${what}`);
    if (length !== undefined && count !== -1 && count !== length) {
      throw new BinderError('BAD_VALUE', `Cannot read an array of ${count} as one of ${length}`);
    }
    return count;
  };
  const isNull = (parcel: Parcel, value: unknown): boolean => {
    if (value !== null || !isNullable) return false;
    parcel.writeInt32(-1);
    return true;
  };
  const name = typeof element === 'string' ? element : '';

  if (name === 'byte') {
    return {
      minSize: I32,
      initial: () => (isNullable ? null : new Uint8Array(length ?? 0)),
      write(parcel, value) {
        if (!isNull(parcel, value)) parcel.writeBytes(check(value) as ArrayLike<number>);
      },
      read(parcel) {
        const count = readCount(parcel, 1);
        return count === -1 ? null : parcel.readBytes(count);
      },
    };
  }

  const packed = PACKED[name];
  if (packed) {
    return {
      minSize: I32,
      initial: () => (isNullable ? null : packed.make(length ?? 0)),
      write(parcel, value) {
        if (isNull(parcel, value)) return;
        const elements = check(value);
        parcel.writeInt32(elements.length);
        const made = packed.make(elements.length);
        (made as Float64Array).set(elements as ArrayLike<number>);
        parcel.writeRaw(new Uint8Array(made.buffer));
      },
      read(parcel) {
        const count = readCount(parcel, packed.size);
        if (count === -1) return null;
        const made = packed.make(count);
        new Uint8Array(made.buffer).set(parcel.viewBytes(count * packed.size));
        return made;
      },
    };
  }

  const codec = compileType(element);
  // Known when it is first used: the type may not be defined yet.
  let isByteEnum: boolean | undefined;
  const isPacked = (): boolean => {
    isByteEnum ??= typeof element === 'function' && isOfBytes(element());
    return isByteEnum;
  };
  return {
    minSize: I32,
    initial() {
      if (isNullable) return null;
      return length === undefined ? [] : Array.from({ length }, () => codec.initial());
    },
    write(parcel, value) {
      if (isNull(parcel, value)) return;
      const elements = check(value);
      if (isPacked()) {
        for (let i = 0; i < elements.length; i++) checkByte(elements[i]);
        parcel.writeBytes(elements as ArrayLike<number>);
        return;
      }
      parcel.writeInt32(elements.length);
      for (let i = 0; i < elements.length; i++) codec.write(parcel, elements[i]);
    },
    read(parcel) {
      if (isPacked()) {
        const bytes = readCount(parcel, 1);
        return bytes === -1 ? null : Array.from(parcel.readBytes(bytes), (byte) => (byte << 24) >> 24);
      }
      const count = readCount(parcel, codec.minSize);
      if (count === -1) return null;
      const elements: unknown[] = [];
      for (let i = 0; i < count; i++) elements.push(codec.read(parcel));
      return elements;
    },
  };
}

function typedMap(values: TypeSpec, isNullable: boolean): Codec {
  if (typeof values === 'function') {
    throw new BinderError(
      'BAD_TABLE',
      'Cannot compile a Map of parcelables, interfaces or enums: only Java can read it',
    );
  }
  return map(isNullable);
}

function map(isNullable: boolean): Codec {
  return {
    minSize: I32,
    initial: () => (isNullable ? null : new Map()),
    write(parcel, value) {
      if (value === null && isNullable) return parcel.writeInt32(-1);
      if (value === null || typeof value !== 'object') throw wrong(value, 'Map');
      writeMap(parcel, value as Map<string, unknown> | Record<string, unknown>);
    },
    read(parcel) {
      const count = parcel.readCount(8);
      if (count === -1) {
        if (isNullable) return null;
        throw unexpectedNull('Map');
      }
      return readMap(parcel, count);
    },
  };
}
