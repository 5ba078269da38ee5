// Generated clients and servers, in one process: what one side sends is what the other gets.

import fc from 'fast-check';
import { LocalDriver } from 'ubinder/local';
import { type Connection, dup, type Ref, ServiceSpecificError } from 'ubinder/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Choice } from './generated/ubinder/wire/Choice.ts';
import { Everything } from './generated/ubinder/wire/Everything.ts';
import { Flat } from './generated/ubinder/wire/Flat.ts';
import { ICallback } from './generated/ubinder/wire/ICallback.ts';
import { IWire } from './generated/ubinder/wire/IWire.ts';
import { Large } from './generated/ubinder/wire/Large.ts';
import { Medium } from './generated/ubinder/wire/Medium.ts';
import { Numbers } from './generated/ubinder/wire/Numbers.ts';
import { Outer } from './generated/ubinder/wire/Outer.ts';
import { Small } from './generated/ubinder/wire/Small.ts';
import { wireObjects } from './wire-objects.ts';
import { argumentsOf, expectAnswer, randomMethods, wireHandlers } from './wire-service.ts';

let driver: LocalDriver;
let server: Connection;
let client: Connection;
let wire: Ref<IWire>;
const told: string[] = [];
let objects = wireObjects((text) => void told.push(text));

beforeAll(async () => {
  driver = new LocalDriver();
  server = driver.connect();
  client = driver.connect();
  await server.becomeContextManager(IWire.implement(wireHandlers()));
  wire = IWire.fromBinder(client.contextManager());
  objects = { ...objects, binders: [...objects.binders, dup(wire)] };
});
afterAll(() => driver.close());

describe('random values come back', () => {
  it.each(randomMethods)('%s', async (name) => {
    await fc.assert(
      fc.asyncProperty(argumentsOf(name, objects), (values) => expectAnswer(wire, name, values, objects)),
      { numRuns: 20, seed: 7 },
    );
  });
});

describe('what is generated', () => {
  it('calls back', async () => {
    const callback = objects.interfaces.get(ICallback.descriptor)![0] as Ref<ICallback>;
    expect(await wire.callBack(callback, 21)).toBe(42);
    await wire.tellLater(callback, 'later');
    await expect.poll(() => told).toEqual(['later']);
  });

  it('tells errors', async () => {
    await expect(wire.fail(5, 'five')).rejects.toThrow(ServiceSpecificError);
    await expect(wire.fail(5, 'five')).rejects.toMatchObject({ serviceCode: 5, message: 'five' });
  });

  it('has methods whose names had to give way', async () => {
    expect(await wire.then_(3, 2)).toBe(1);
    expect(await wire.toString_([1, 2], 5)).toBe(7);
    expect(await wire.nothing()).toBeUndefined();
  });

  it('has constants, enums and nested types', () => {
    expect(Everything).toMatchObject({
      LIMIT: 1024,
      LONG_LIMIT: 1024n,
      NAME: 'everything',
      LEAST: -128,
      HALF: 0.5,
    });
    expect(Outer.Inner.DEPTH).toBe(2);
    expect([Medium.BOTH, Large.BEYOND_INT, Small.LEAST, Outer.Mode.ON]).toEqual([3, 0x1_0000_0000n, -128, 1]);
    expect(Choice.Tag.big).toBe(2);
  });

  it('has the defaults that AIDL gives', () => {
    expect(Flat.create()).toEqual({
      flag: false,
      tiny: -1,
      letter: 'x',
      number: 42,
      big: 1n << 40n,
      real: 1.5,
      precise: 2.5,
      small: Small.ONE,
      medium: Medium.BOTH,
    });
    expect(Choice.create()).toEqual({ tag: 'number', value: 7 });
    expect(Outer.create()).toEqual({
      inner: { innermost: { tag: 'number', value: 0 }, depth: 2 },
      mode: Outer.Mode.ON,
      modes: [Outer.Mode.ON, Outer.Mode.OFF],
      inside: null,
    });
    const numbers = Numbers.create();
    expect(numbers.matrix).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect([numbers.fourInts, numbers.twoFlats.length, numbers.words]).toEqual([
      new Int32Array(4),
      2,
      [
        ['', ''],
        ['', ''],
      ],
    ]);
    const { text, texts, large, utf8Text, maybeText, holder } = Everything.create();
    expect([text, texts, large, utf8Text, maybeText]).toEqual([
      'say hello',
      ['a', 'b'],
      Large.BEYOND_INT,
      "it's",
      null,
    ]);
    expect(holder.descriptor).toBeNull();
  });

  it('sends what is missing as its default', async () => {
    const { both } = await wire.swapFlat({ number: 1 }, {});
    expect(both).toEqual(Flat.create({ number: 1 }));
  });

  it('checks the length of fixed arrays', async () => {
    await expect(wire.swapTwoInts([1], [1, 2])).rejects.toMatchObject({ code: 'BAD_VALUE' });
    await expect(wire.swapMatrix([[1, 2, 3]], [])).rejects.toMatchObject({ code: 'BAD_VALUE' });
  });
});
