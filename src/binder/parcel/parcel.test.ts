import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import {
  type AndroidVersion,
  BinderError,
  compileType,
  defineEnum,
  defineParcelable,
  defineUnion,
  Parcel,
  ParcelableHolder,
  type ParcelableType,
  readStatus,
  ServiceSpecificError,
  type TypeSpec,
  variantOf,
  writeException,
} from './index.ts';

const Mode = defineEnum('t.Mode', 'byte', { A: 0, B: 1 });
const Big = defineEnum('t.Big', 'long', { X: 1n });
const Point = defineParcelable<{ x: number; name: string | null }>('t.Point', {
  format: 1,
  fields: [
    ['x', 'int', 7],
    ['name', { nullable: 'String' }],
  ],
});
interface Tree {
  value: bigint;
  children: Tree[];
}
const Tree: ParcelableType<Tree, Partial<Tree>> = defineParcelable<Tree>('t.Tree', {
  format: 1,
  fields: [
    ['value', 'long'],
    ['children', { list: () => Tree }],
  ],
});
const Either = defineUnion<{ tag: 'a'; value: number } | { tag: 'b'; value: string[] }>('t.Either', {
  format: 1,
  fields: [
    ['a', 'int', 3],
    ['b', { array: 'String' }],
  ],
});

const int = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const long = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
const string = fc.string({ unit: 'binary', maxLength: 40 });
const leaf = fc.record({ value: long, children: fc.constant([] as Tree[]) });
const tree = fc.record({
  value: long,
  children: fc.array(fc.record({ value: long, children: fc.array(leaf, { maxLength: 2 }) }), {
    maxLength: 2,
  }),
});

/** Each type of the wire, with its values. */
const CASES: [name: string, type: TypeSpec, values: fc.Arbitrary<unknown>][] = [
  ['boolean', 'boolean', fc.boolean()],
  ['byte', 'byte', fc.integer({ min: -128, max: 127 })],
  ['char', 'char', fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit))],
  ['int', 'int', int],
  ['long', 'long', long],
  ['float', 'float', fc.float()],
  ['double', 'double', fc.double()],
  ['String', 'String', string],
  ['nullable String', { nullable: 'String' }, fc.option(string)],
  ['boolean[]', { array: 'boolean' }, fc.array(fc.boolean())],
  ['byte[]', { array: 'byte' }, fc.uint8Array()],
  ['char[]', { array: 'char' }, fc.array(fc.constantFrom('a', '\0', '\ud800'))],
  ['int[]', { array: 'int' }, fc.int32Array()],
  ['long[]', { array: 'long' }, fc.array(long).map((values) => BigInt64Array.from(values))],
  ['float[]', { array: 'float' }, fc.float32Array()],
  ['double[]', { array: 'double' }, fc.float64Array()],
  ['nullable double[]', { nullable: { array: 'double' } }, fc.option(fc.float64Array())],
  ['String[]', { array: { nullable: 'String' } }, fc.array(fc.option(string))],
  ['List<String>', { nullable: { list: 'String' } }, fc.option(fc.array(string))],
  [
    'int[2][3]',
    { array: { array: 'int', length: 3 }, length: 2 },
    fc.array(fc.int32Array({ minLength: 3, maxLength: 3 }), { minLength: 2, maxLength: 2 }),
  ],
  ['enum', () => Mode, fc.integer({ min: -128, max: 127 })],
  ['enum of longs', () => Big, long],
  ['enum[]', { array: () => Mode }, fc.array(fc.constantFrom(0, 1, 5))],
  ['parcelable', () => Point, fc.record({ x: int, name: fc.option(string) })],
  [
    'nullable parcelable',
    { nullable: () => Point },
    fc.option(fc.record({ x: int, name: fc.option(string) })),
  ],
  ['recursive parcelable', () => Tree, tree],
  [
    'union',
    () => Either,
    fc.oneof(
      fc.record({ tag: fc.constant('a'), value: int }),
      fc.record({ tag: fc.constant('b'), value: fc.array(string) }),
    ),
  ],
  [
    'Map',
    'Map',
    fc
      .array(
        fc.tuple(
          string,
          fc.oneof(string, int, long, fc.boolean(), fc.constant(null), fc.uint8Array(), fc.array(int)),
        ),
      )
      .map((entries) => new Map(entries)),
  ],
];

function write(type: TypeSpec, value: unknown, android: AndroidVersion = 16): Uint8Array {
  const parcel = new Parcel(undefined, variantOf(android));
  compileType(type).write(parcel, value);
  return parcel.bytes.slice();
}

function read(type: TypeSpec, bytes: Uint8Array, android: AndroidVersion = 16): unknown {
  const parcel = new Parcel(undefined, variantOf(android), bytes);
  const value = compileType(type).read(parcel);
  expect(parcel.left).toBe(0);
  return value;
}

describe.each(CASES)('%s', (_name, type, values) => {
  test('comes back as it went, in each variant', () => {
    fc.assert(
      fc.property(values, fc.constantFrom<AndroidVersion>(11, 12, 13, 14, 15, 16), (value, android) => {
        const bytes = write(type, value, android);
        expect(bytes.length % 4).toBe(0);
        expect(read(type, bytes, android)).toEqual(value);
      }),
    );
  });

  test('cut off at any byte is an error', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = write(type, value);
        for (let length = 0; length < bytes.length; length++) {
          const parcel = new Parcel(undefined, undefined, bytes.slice(0, length));
          expect(() => compileType(type).read(parcel)).toThrow(BinderError);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('of random bytes is a value or an error, never anything else', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .array(fc.oneof(fc.integer({ min: -2, max: 40 }), int))
        .map((words) => new Uint8Array(Int32Array.from(words).buffer)),
    );
    fc.assert(
      fc.property(bytes, (bytes) => {
        try {
          compileType(type).read(new Parcel(undefined, undefined, bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(BinderError);
        }
      }),
    );
  });
});

describe('on the wire', () => {
  const words = (type: TypeSpec, value: unknown, android?: AndroidVersion) => [
    ...new Int32Array(write(type, value, android).buffer),
  ];

  test('is what AOSP writes', () => {
    expect(words('String', 'ab')).toEqual([2, 0x62_0061, 0]);
    expect(words('String', 'a')).toEqual([1, 0x61]);
    expect(words({ nullable: 'String' }, null)).toEqual([-1]);
    expect(words({ array: 'boolean' }, [true, false])).toEqual([2, 1, 0]);
    expect(words({ array: 'byte' }, [1, 2, 3, 4, 5])).toEqual([5, 0x04030201, 5]);
    expect(words({ nullable: { array: 'int' } }, null)).toEqual([-1]);
    expect(words({ array: { array: 'int', length: 1 }, length: 2 }, [[8], [9]])).toEqual([2, 1, 8, 1, 9]);
    expect(words(() => Point, {})).toEqual([1, 12, 7, -1]);
    expect(words({ nullable: () => Point }, null)).toEqual([0]);
    expect(words(() => Either, { tag: 'b', value: [] })).toEqual([1, 1, 0]);
    expect(words('Map', { a: 1 })).toEqual([1, 0, 1, 0x61, 1, 1]);
    expect(words('Map', { a: [true] }, 12)).toEqual([1, 0, 1, 0x61, 11, 1, 9, 1]);
    expect(words('Map', { a: [true] }, 13)).toEqual([1, 0, 1, 0x61, 11, 12, 1, 9, 1]);
  });

  test('a holder has stability, size, name and payload', () => {
    const holder = new ParcelableHolder();
    expect(words('ParcelableHolder', holder)).toEqual([1, 0, 0]);
    holder.set(Point, { x: 9, name: null });
    const bytes = write('ParcelableHolder', holder);
    expect([...new Int32Array(bytes.buffer)].slice(0, 3)).toEqual([1, 0, bytes.length - 12]);
    const received = read('ParcelableHolder', bytes) as ParcelableHolder;
    expect(received.descriptor).toBe('t.Point');
    expect(write('ParcelableHolder', received)).toEqual(bytes);
    expect(received.get(Tree)).toBeNull();
    expect(received.get(Point)).toEqual({ x: 9, name: null });
    expect(() => new ParcelableHolder('vintf').set(Point, { x: 1, name: null })).toThrow(/vintf/);
  });

  test('a parcelable of another version is read as far as both know it', () => {
    const Newer = defineParcelable('t.Point', {
      format: 1,
      fields: [
        ['x', 'int'],
        ['name', { nullable: 'String' }],
        ['more', 'int', 5],
      ],
    });
    expect(
      read(
        () => Point,
        write(() => Newer, { x: 1, more: 2 }),
      ),
    ).toEqual({ x: 1, name: null });
    expect(
      read(
        () => Newer,
        write(() => Point, { x: 1 }),
      ),
    ).toEqual({ x: 1, name: null, more: 5 });
    const array = { array: () => Point };
    expect(read(array, write({ array: () => Newer }, [{ x: 1 }, { x: 2 }]))).toMatchObject([
      { x: 1 },
      { x: 2 },
    ]);
  });
});

test('parcelables within each other without end are an error', () => {
  const level = Int32Array.of(1, 0x7fff_fffc, 0, 0, 1);
  const bytes = new Uint8Array(20 * 5000);
  const sizes = new Int32Array(bytes.buffer);
  for (let i = 0; i < 5000; i++) {
    sizes.set(level, i * 5);
    sizes[i * 5 + 1] = bytes.length - i * 20 - 4;
  }
  expect(() => read(() => Tree, bytes)).toThrow(/256 deep/);
});

describe('what is no value of the type', () => {
  test.each<[TypeSpec, unknown]>([
    ['int', 1.5],
    ['int', '1'],
    ['int', 2 ** 31],
    ['byte', 128],
    ['boolean', 1],
    ['long', 1],
    ['long', 1n << 63n],
    ['char', 'ab'],
    ['String', null],
    ['String', 5],
    [{ nullable: 'String' }, undefined],
    [{ array: 'int' }, null],
    [{ array: 'int', length: 2 }, [1]],
    [() => Point, null],
    [() => Point, 'x'],
    [() => Either, { tag: 'c', value: 1 }],
    ['Map', { a: () => {} }],
    ['IBinder', null],
  ])('%j refuses %s', (type, value) => {
    expect(() => write(type, value)).toThrow(BinderError);
  });

  test('no table either', () => {
    expect(() => compileType('Int' as TypeSpec)).toThrow(/none of TypeSpec/);
    expect(() => compileType({ nullable: 'int' })).toThrow(/never null/);
    expect(() => defineParcelable('t.P', { format: 2 as 1, fields: [] })).toThrow(/format 2.*update ubinder/);
  });
});

describe('a call', () => {
  test('names both interfaces when they differ', () => {
    const parcel = new Parcel();
    parcel.writeInterfaceToken('t.IOne');
    parcel.rewind();
    expect(() => parcel.enforceInterface('t.ITwo')).toThrow(/"t.IOne".*t.ITwo/);
  });

  test.each([
    ['SYST', 'UNKN', true],
    ['UNKN', 'SYST', true],
    ['VNDR', 'VNDR', true],
    ['VNDR', 'SYST', false],
    ['SYST', 'RECO', false],
  ] as const)('of a sender with %s to a receiver with %s: %s', (from, to, isTaken) => {
    const parcel = new Parcel(undefined, variantOf(16, from));
    parcel.writeInterfaceToken('t.IOne');
    const received = new Parcel(undefined, variantOf(16, to), parcel.bytes);
    if (isTaken) received.enforceInterface('t.IOne');
    else expect(() => received.enforceInterface('t.IOne')).toThrow(`header is ${from}`);
  });
});

describe('a status', () => {
  test.each(['SECURITY', 'ILLEGAL_ARGUMENT', 'PARCELABLE'] as const)('%s comes back', (code) => {
    const parcel = new Parcel();
    writeException(parcel, new BinderError(code, 'why'));
    parcel.rewind();
    expect(readStatus(parcel)).toMatchObject({ code, message: 'why' });
  });

  test('with a code of the service comes back', () => {
    const parcel = new Parcel();
    writeException(parcel, new ServiceSpecificError(42, 'why'));
    parcel.rewind();
    expect(readStatus(parcel)).toMatchObject({ code: 'SERVICE_SPECIFIC', serviceCode: 42 });
  });

  test("behind Java's headers is found", () => {
    const parcel = new Parcel();
    for (const word of [-127, 8, 99, 0]) parcel.writeInt32(word);
    parcel.rewind();
    expect(readStatus(parcel)).toBeNull();
    expect(parcel.left).toBe(0);
  });
});

test('a sensitive parcel is overwritten when it is cleared, and when it grows', () => {
  const parcel = new Parcel();
  parcel.isSensitive = true;
  parcel.writeString('secret');
  const before = parcel.bytes;
  parcel.writeBytes(new Uint8Array(1000).fill(1));
  expect(before.every((byte) => byte === 0)).toBe(true);
  const after = parcel.bytes;
  parcel.clear();
  expect(after.every((byte) => byte === 0)).toBe(true);
});

test('long strings are the same with a Buffer and without, whatever units they are of', () => {
  const unit = fc.integer({ min: 0, max: 0xffff }); // half of a pair among them
  const strings = fc.array(unit, { minLength: 60, maxLength: 10_000, size: 'max' });
  /** The bytes of a parcel with `text` twice, the parcel having grown in between, and what is read from it. */
  const throughParcel = (text: string) => {
    const parcel = new Parcel();
    parcel.writeString(text);
    parcel.writeInt32(-1);
    parcel.writeString(text);
    parcel.rewind();
    const first = parcel.readString();
    expect(parcel.readInt32()).toBe(-1);
    return { bytes: parcel.bytes.slice(), read: [first, parcel.readString()] };
  };
  fc.assert(
    fc.property(strings, (units) => {
      const text = units.map((each) => String.fromCharCode(each)).join('');
      const withBuffer = throughParcel(text);
      vi.stubGlobal('Buffer', undefined);
      let without: typeof withBuffer;
      try {
        without = throughParcel(text);
      } finally {
        vi.unstubAllGlobals();
      }
      expect(withBuffer.read).toEqual([text, text]);
      expect(without.read).toEqual([text, text]);
      expect(Buffer.compare(withBuffer.bytes, without.bytes)).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('an array of an enum of bytes is packed, as byte[] is', () => {
  const codec = compileType({ array: () => Mode });
  const parcel = new Parcel();
  codec.write(parcel, [1, -128, 127]);
  expect([...parcel.bytes]).toEqual([3, 0, 0, 0, 1, 0x80, 0x7f, 0]);
  parcel.rewind();
  expect(codec.read(parcel)).toEqual([1, -128, 127]);
  expect(() => codec.write(new Parcel(), [128])).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
});
