// What recorded bytes are told to mean: those of generated code, compared to golden bytes, and any others.

import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { LocalDriver } from 'ubinder/local';
import { Parcel, type Ref, ServiceSpecificError, writeException } from 'ubinder/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  AidlModel,
  type DecodedTransaction,
  type DecodedValue,
  decodeReply,
  decodeTransaction,
} from '../../../src/aidl/index.ts';
import { aidlFiles, optionsFor } from '../../support/aidl.ts';
import { IWire } from './generated/ubinder/wire/IWire.ts';
import { type Recording, recorded } from './record.ts';
import { wireObjects } from './wire-objects.ts';
import { argumentsOf, codeOf, GOLDEN_SEED, randomMethods, wireHandlers } from './wire-service.ts';

const directory = fileURLToPath(new URL('aidl', import.meta.url));
const model = new AidlModel(optionsFor(directory));
for (const file of aidlFiles(directory)) model.add(file);

let driver: LocalDriver;
let wire: Ref<IWire>;
let last: Recording;
const objects = wireObjects();

beforeAll(async () => {
  driver = new LocalDriver();
  const server = driver.connect();
  await server.becomeContextManager(
    recorded(IWire.implement(wireHandlers()), (recording) => {
      last = recording;
    }),
  );
  wire = IWire.fromBinder(driver.connect().contextManager());
});
afterAll(() => driver.close());

async function call(name: string, values: readonly unknown[]): Promise<Recording> {
  const method = (wire as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[name]!;
  await method.apply(wire, [...values]);
  return last;
}

/** Each value, and those in it. */
const flat = (values: readonly DecodedValue[]): DecodedValue[] =>
  values.flatMap((value) => [value, ...flat(value.parts ?? [])]);

const named = ({ values }: DecodedTransaction, name: string) => values.find((value) => value.name === name);

/** Places do not overlap, and lie within what they are in. */
function expectOrder(values: readonly DecodedValue[], begin: number, end: number): void {
  let at = begin;
  for (const { offset, size, parts } of values) {
    expect(offset).toBeGreaterThanOrEqual(at);
    expect(offset + size).toBeLessThanOrEqual(end);
    at = offset + size;
    expectOrder(parts ?? [], offset, at);
  }
}

describe('what generated code sends', () => {
  it.each(randomMethods)('%s is decoded to the last byte', async (name) => {
    await fc.assert(
      fc.asyncProperty(argumentsOf(name, objects), async (values) => {
        const { request, reply, code } = await call(name, values);
        const told = decodeTransaction(model, code, request);
        expect(told).toMatchObject({ interface: IWire.descriptor, problem: undefined });
        expect(told.rest.size).toBe(0);
        expectOrder([...told.header, ...told.values], 0, request.length);
        const answer = decodeReply(model, IWire.descriptor, code, reply);
        expect(answer).toMatchObject({ method: told.method, problem: undefined });
        expect(answer.rest.size).toBe(0);
      }),
      { numRuns: 10, seed: 11 },
    );
  });

  it('has the bytes it always had', async () => {
    const lines: Record<string, { request: string; reply: string }> = {};
    for (const name of randomMethods) {
      const [values] = fc.sample(argumentsOf(name, objects), { numRuns: 1, seed: GOLDEN_SEED });
      const { request, reply } = await call(name, values!);
      const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
      lines[name] = { request: hex(request), reply: hex(reply) };
    }
    const file = fileURLToPath(new URL('golden-bytes.json', import.meta.url));
    await expect(`${JSON.stringify(lines, null, 2)}\n`).toMatchFileSnapshot(file);
  });

  it('has values, labels and places', async () => {
    const { request, reply } = await call('swapFlat', [{ number: 5, medium: 3 }, { letter: 'q' }]);
    const told = decodeTransaction(model, codeOf('swapFlat'), request);
    expect(told.header.map(({ name, data, label }) => [name, label ?? data])).toEqual([
      ['strictMode', -2147483648],
      ['workSource', -1],
      ['header', 'SYST'],
      ['interface', 'ubinder.wire.IWire'],
    ]);
    const given = named(told, 'given')!;
    expect(given).toMatchObject({ type: 'ubinder.wire.Flat', offset: 56 });
    expect(given.parts?.map(({ name, data, label }) => [name, data, label])).toEqual([
      ['flag', false, undefined],
      ['tiny', -1, undefined],
      ['letter', 'x', undefined],
      ['number', 5, undefined],
      ['big', 1n << 40n, undefined],
      ['real', 1.5, undefined],
      ['precise', 2.5, undefined],
      ['small', 1, 'ONE'],
      ['medium', 3, 'BOTH'],
    ]);
    const answer = decodeReply(model, IWire.descriptor, codeOf('swapFlat'), reply);
    expect(answer.values.map(({ name }) => name)).toEqual(['result', 'fresh', 'both']);
  });

  it('has exceptions', () => {
    const reply = new Parcel();
    writeException(reply, new ServiceSpecificError(5, 'five'));
    const { header, values, problem } = decodeReply(model, IWire.descriptor, codeOf('fail'), reply.bytes);
    expect(header.map(({ name, data, label }) => [name, label ?? data])).toEqual([
      ['exception', 'SERVICE_SPECIFIC'],
      ['message', 'five'],
      ['stack', 0],
      ['code', 5],
    ]);
    expect({ values, problem }).toEqual({ values: [], problem: undefined });
  });
});

describe('what is not so', () => {
  it('says what it does not know', async () => {
    const { request } = await call('echoInt', [1]);
    expect(decodeTransaction(model, 9999, request).problem).toBe('IWire has no method of code 9999');
    const empty = new AidlModel(optionsFor(directory));
    expect(decodeTransaction(empty, codeOf('echoInt'), request)).toMatchObject({
      interface: 'ubinder.wire.IWire',
      problem: 'the interface ubinder.wire.IWire is not known',
    });
    expect(decodeTransaction(model, 0x5f504e47, new Uint8Array())).toMatchObject({ method: 'ping' });
  });

  it('marks a value that is cut off, and keeps those before it', async () => {
    const { request, code } = await call('swapInts', [[1, 2, 3], 4, [5]]);
    const told = decodeTransaction(model, code, request.subarray(0, request.length - 4));
    expect(told.values.map(({ name, problem }) => [name, problem])).toEqual([
      ['given', undefined],
      ['freshLength', undefined],
      ['both', 'an array of 1 elements, for which there is no room'],
    ]);
    expect(told.problem).toBe('both: an array of 1 elements, for which there is no room');
  });

  it('goes on behind a parcelable that it could not read', async () => {
    const { request, code } = await call('swapMaybeFlat', [{ number: 5 }, null]);
    const broken = request.slice();
    const told = decodeTransaction(model, code, request);
    const given = named(told, 'given')!;
    // A sender that knows fewer fields.
    new DataView(broken.buffer).setInt32(given.offset + 4, 8, true);
    const shorter = decodeTransaction(model, code, broken);
    expect(named(shorter, 'given')?.parts?.map(({ name }) => name)).toEqual(['flag']);
  });

  it('never throws, whatever the bytes are', async () => {
    const codes = fc.constantFrom(...[...randomMethods, 'tellLater', 'fail'].map(codeOf), 0, 1e9);
    const requests: Uint8Array[] = [];
    for (const name of ['swapEverything', 'swapNumbers', 'echoHandles', 'swapMaybeStrings']) {
      for (const values of fc.sample(argumentsOf(name, objects), { numRuns: 3, seed: 5 })) {
        const { request, reply } = await call(name, values);
        requests.push(request, reply);
      }
    }
    const garbage = fc.uint8Array({ maxLength: 400 });
    const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)), { maxLength: 8 });
    const altered = fc.tuple(fc.constantFrom(...requests), changes, fc.nat()).map(([bytes, places, cut]) => {
      const copy = bytes.slice(0, cut % 3 === 0 ? cut % (bytes.length + 1) : bytes.length);
      for (const [at, value] of places) if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    });
    // Behind the token of the interface, whatever follows.
    const token = requests[0]!.subarray(0, 56);
    const tokened = garbage.map((rest) => Uint8Array.from([...token, ...rest]));
    fc.assert(
      fc.property(codes, fc.oneof(garbage, altered, tokened), (code, bytes) => {
        for (const told of [
          decodeTransaction(model, code, bytes),
          decodeReply(model, IWire.descriptor, code, bytes),
        ]) {
          expectOrder([...told.header, ...told.values], 0, bytes.length);
          expect(told.rest.offset + told.rest.size).toBeLessThanOrEqual(bytes.length);
          expect(flat(told.values).length).toBeLessThanOrEqual(bytes.length + 1);
        }
      }),
      { numRuns: 2000, seed: 17 },
    );
  });
});
