import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binderfsDevice } from './binderfs.ts';
import type { Field, Struct } from './struct.ts';
import * as structs from './structs.ts';
import { toU64 } from './u64.ts';

const tables = Object.entries({ ...structs, binderfsDevice }) as unknown as [string, Struct][];

function anyValue(field: Field): fc.Arbitrary<unknown> {
  if (field.size === 8) return fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(toU64);
  if (field.size === 4) {
    const probe = new DataView(new ArrayBuffer(field.offset + 4));
    probe.setInt32(field.offset, -1, true);
    return field.read(probe, 0) === -1 ? fc.integer() : fc.nat(0xffff_ffff);
  }
  const letter = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));
  return fc.string({ unit: letter, maxLength: field.size - 1 });
}

/** Members that share their place, or lie within another, cannot all be given at once. */
function overlaps(a: Field, b: Field): boolean {
  return a !== b && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

describe.each(tables)('%s', (_name, table) => {
  const fields = Object.entries(table.fields);
  const plain = fields.filter(([, field]) => !fields.some(([, other]) => overlaps(field, other)));
  const shared = fields.filter(([, field]) => fields.some(([, other]) => overlaps(field, other)));

  test('lies within its size, and no member has another’s place unless it is a union', () => {
    for (const [, field] of fields) expect(field.offset + field.size).toBeLessThanOrEqual(table.size);
    expect(new Set(shared.map(([, field]) => field.offset)).size).toBeLessThanOrEqual(1);
  });

  test('decodes what it encoded', () => {
    const members = Object.fromEntries(plain.map(([key, field]) => [key, anyValue(field)]));
    fc.assert(
      fc.property(fc.record(members), fc.nat(5), (value, at) => {
        const bytes = new DataView(new ArrayBuffer(at + table.size));
        table.encode(bytes, at, value);
        expect(table.decode(bytes, at)).toMatchObject(value);
        expect(table.bytes(value)).toEqual(new Uint8Array(bytes.buffer, at));
      }),
      { numRuns: 50 },
    );
  });

  test('encodes each member of a union by itself', () => {
    for (const [key, field] of shared) {
      fc.assert(
        fc.property(anyValue(field), (value) => {
          const bytes = new DataView(table.bytes({ [key]: value }).buffer);
          expect((table.decode(bytes) as Record<string, unknown>)[key]).toBe(value);
        }),
        { numRuns: 20 },
      );
    }
  });

  test('writes zeros where nothing is said, and nothing beyond its end', () => {
    const bytes = new Uint8Array(table.size + 16).fill(0xaa);
    table.encode(new DataView(bytes.buffer), 8, {});
    expect([...bytes]).toEqual([
      ...new Array<number>(8).fill(0xaa),
      ...new Array<number>(table.size).fill(0),
      ...new Array<number>(8).fill(0xaa),
    ]);
  });
});

test('a name is cut so that its NUL has room', () => {
  const bytes = binderfsDevice.bytes({ name: 'x'.repeat(300) });
  expect(bytes[254]).toBe(0x78);
  expect(bytes[255]).toBe(0);
  expect(binderfsDevice.decode(new DataView(bytes.buffer)).name).toBe('x'.repeat(255));
});

test('a name without a NUL ends with its array', () => {
  const bytes = new Uint8Array(binderfsDevice.size).fill(0x79);
  expect(binderfsDevice.decode(new DataView(bytes.buffer)).name).toBe('y'.repeat(256));
});
