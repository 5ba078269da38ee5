// Models that seeds make up, and bytes that are not what they say: decoding ends, throws nothing, and marks what it could not
// tell.

import { expect, it } from 'vitest';
import {
  AidlModel,
  type DecodedTransaction,
  type DecodedValue,
  type DefinedType,
  decodeReply,
  decodeTransaction,
} from '../../src/aidl/index.ts';
import { Random } from '../support/random.ts';
import { FILE, generate, OTHERS } from './generate.mjs';

const models = Number(process.env.UBINDER_AIDL_FUZZ_MODELS ?? 400);

function modelOf(random: Random): AidlModel {
  const { text } = generate(random);
  const files: Readonly<Record<string, string>> = { ...OTHERS, [FILE]: text };
  const model = new AidlModel({ read: (path) => files[path], includes: ['.'] });
  model.add(FILE);
  return model;
}

/** Words that counts, flags, tags, sizes and types of objects are made of, and others. */
function garbage(random: Random): number[] {
  const words = Array.from({ length: random.below(60) }, () =>
    random.pick([
      0,
      1,
      1,
      2,
      3,
      -1,
      random.below(40),
      random.below(400),
      0x7fffffff,
      -0x80000000,
      0x73682a85,
      0x66642a85,
    ]),
  );
  const bytes = [...new Uint8Array(Int32Array.from(words).buffer)];
  return random.one(4)
    ? [...random.bytes(random.below(200))]
    : bytes.slice(0, bytes.length - random.below(4));
}

/** The head of a request, which generated code writes. */
function head(descriptor: string): number[] {
  const units = [...`${descriptor}\0`].map((letter) => letter.charCodeAt(0));
  const text = new Uint8Array(Uint16Array.from(units.length % 2 === 0 ? units : [...units, 0]).buffer);
  return [
    ...new Uint8Array(Int32Array.from([-0x80000000, -1, 0x53595354, descriptor.length]).buffer),
    ...text,
  ];
}

function expectPlaces(values: readonly DecodedValue[], begin: number, end: number): void {
  let at = begin;
  for (const { offset, size, parts } of values) {
    expect(offset).toBeGreaterThanOrEqual(at);
    at = offset + size;
    expect(at).toBeLessThanOrEqual(end);
    expectPlaces(parts ?? [], offset, at);
  }
}

function expectTold({ header, values, rest }: DecodedTransaction, size: number): void {
  expectPlaces([...header, ...values], 0, size);
  expect(rest.offset + rest.size).toBe(size);
}

const methodsOf = (type: DefinedType | undefined) =>
  type?.members.filter(({ kind }) => kind === 'method') ?? [];

it(`whatever the bytes are, for ${models} models`, { timeout: 60_000 }, () => {
  let problems = 0;
  let told = 0;
  for (let seed = 1; seed <= models; seed++) {
    const random = new Random(seed);
    const model = modelOf(random);
    for (const descriptor of model.descriptors) {
      for (let times = 4 * methodsOf(model.interface(descriptor)).length; times >= 0; times--) {
        const code = random.one(20) ? random.below(0x1_0000_0000) : 1 + random.below(12);
        const request = Uint8Array.from([...head(descriptor), ...garbage(random)]);
        const cut = random.one(8) ? request.subarray(0, random.below(request.length)) : request;
        const asked = decodeTransaction(model, code, cut);
        expectTold(asked, cut.length);
        const reply = Uint8Array.from([...(random.one(4) ? [] : [0, 0, 0, 0]), ...garbage(random)]);
        const answered = decodeReply(model, descriptor, code, reply);
        expectTold(answered, reply.length);
        for (const { problem } of [asked, answered]) {
          if (problem === undefined) told++;
          else problems++;
        }
      }
    }
  }
  // Both ways are taken: garbage that means something, and garbage that does not.
  expect(Math.min(told, problems)).toBeGreaterThan(models / 4);
});
