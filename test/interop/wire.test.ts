// Each type of AIDL in each direction between servers and clients in four languages: generated TypeScript, what rsbinder-aidl generates
// from the same files, and C and Python by the numbers, strings and objects that their libraries have. In each language there is an IWire
// that passes calls on. A call with random values of ours goes to the client's, which reads it and calls the server's, which reads it and
// calls us; and what we answer goes all the way back. On the kernel's own driver (driver.ts) those in TypeScript.

import { fstatSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import {
  asBinder,
  BinderError,
  connect,
  type DeviceConnection,
  ERROR_CODES,
  type ErrorCode,
  FileDescriptor,
  type HandlersOf,
  type Parcel,
  type Ref,
  release,
  ServiceSpecificError,
} from 'ubinder';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ICallback } from '../aidl/wire/generated/ubinder/wire/ICallback.ts';
import { IWire } from '../aidl/wire/generated/ubinder/wire/IWire.ts';
import { masked, recorded } from '../aidl/wire/record.ts';
import type { Objects } from '../aidl/wire/values.ts';
import { wireObjects } from '../aidl/wire/wire-objects.ts';
import {
  argumentsOf,
  expectAnswer,
  GOLDEN_SEED,
  randomMethods,
  wireHandlers,
} from '../aidl/wire/wire-service.ts';
import { slowness } from '../support/slowness.ts';
import { type Driver, openDriver, whyNoDriver } from './driver.ts';
import { end, LANGUAGES, type Language, Programs, type Running, start } from './programs.ts';
import { type Impossible, ResultTable } from './result-table.ts';
import { IWiderWire, wireTable } from './wire-table.ts';

if (whyNoDriver) console.warn(`SKIPPED: AIDL's types between languages: ${whyNoDriver}`);

const here = fileURLToPath(new URL('.', import.meta.url));
const SEED = Number(process.env.UBINDER_SEED ?? 1);
const RUNS = Number(process.env.UBINDER_RUNS ?? 10);

/** strict mode (4) | work source (4) | header (4): what a library puts in front, not what AIDL says. */
const TOKEN_START = 12;

/** The methods of IWire that each column of the table is made of. */
const METHODS: Readonly<Record<string, RegExp>> = {
  numbers: /^echo(Boolean|Byte|Char|Int|Long|Float|Double)$/,
  strings: /^echo(Maybe)?String$/,
  enums: /^echo(Small|Medium|Large|Mode)$/,
  arrays: /^swap(Booleans|Bytes|Chars|Ints|Longs|Floats|Doubles|Strings|Flats)$/,
  'enum-arrays': /^swap(Smalls|Mediums|Larges)$/,
  'null-arrays': /^swapMaybe(Bytes|Ints|Longs|Doubles|Booleans|Chars|Floats|Strings|Flats)$/,
  'fixed-arrays': /^swap(TwoInts|Matrix|TwoFlats|Numbers)$/,
  lists: /^swap(Maybe)?ListOf/,
  parcelables: /^swap(Maybe)?(Flat|Outer|Inner)$/,
  unions: /^swap(Maybe)?(Choice|Choices|Innermost)$/,
  // A parcelable with all of these, and a ParcelableHolder
  everything: /^swap(Maybe)?Everything$/,
  binders: /^echo((Maybe)?Binder|(Maybe)?Callback|Handles|(Maybe)?Binders|ListOfBinders)$/,
  files: /^echo((Maybe)?File|Files)$/,
};

const ROLES = ['server', 'client'] as const;
const IMPOSSIBLE: readonly Impossible[] = ROLES.flatMap((role) => [
  { check: 'map', languages: ['Rust'], roles: [role], why: 'in AIDL only Java has Map' },
  {
    check: 'descriptor',
    languages: ['Rust'],
    roles: [role],
    why: "AIDL has no FileDescriptor in Rust, only ParcelFileDescriptor, which is in 'files'",
  },
]);

/** What travels in place of a result, and the exceptions, which have messages. */
const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const EXCEPTIONS = CODES.filter((code) => 'exception' in ERROR_CODES[code]);
const STATUSES = ['BAD_VALUE', 'PERMISSION_DENIED', 'NAME_NOT_FOUND', 'UNKNOWN_TRANSACTION'] as const;

/** One of each kind of value that a Map can have here. */
function mapWith(object: Ref): Map<string, unknown> {
  return new Map<string, unknown>([
    ['null', null],
    ['text', 'Grüße, 世界 🌍'],
    ['int', -(2 ** 31)],
    ['long', 2n ** 63n - 1n],
    ['double', 0.1],
    ['boolean', true],
    ['map', new Map([['within', new Map([['that', 1]])]])],
    ['list', ['a', 1, null, [false]]],
    ['bytes', new Uint8Array([1, 2, 255])],
    ['ints', new Int32Array([-1, 2])],
    ['longs', new BigInt64Array([-1n])],
    ['doubles', new Float64Array([0.5])],
    ['object', object],
  ]);
}

const timeout = 120_000 * slowness;
describe.skipIf(whyNoDriver !== null)("AIDL's types between languages", { timeout }, () => {
  let driver: Driver;
  let before: Awaited<ReturnType<Driver['counts']>>;
  let programs: Programs;
  let binder: DeviceConnection;
  let objects: Objects;
  let directory: string;
  let request: Uint8Array;
  let reply: Uint8Array;
  /** That call their servers, by language; and those. */
  const clients = new Map<Language, Ref<IWiderWire>>();
  const servers = new Map<Language, Ref<IWiderWire>>();
  const running: Running[] = [];
  const told: string[] = [];

  beforeAll(async () => {
    programs = new Programs();
    const generated = join(here, '../aidl/wire/generated/ubinder/wire');
    for (const name of readdirSync(generated))
      programs.transpile(join(generated, name), `aidl/wire/generated/ubinder/wire/${name}`);
    programs.transpile(join(here, 'wire-table.ts'), 'interop/wire-table.ts');
    driver = await openDriver({ hasManager: true });
    before = await driver.counts();
    binder = await connect(driver.device);
    objects = withFiles();
    const table = join(directory, 'table');
    writeFileSync(table, wireTable());
    const service = recorded(IWiderWire.implement(handlers()), (recording) => {
      request = recording.request;
    });
    await Promise.all(LANGUAGES.flatMap((language) => [ready(language, clients), ready(language, servers)]));
    for (const server of servers.values()) await server.passOn(service as Ref<IWire>);
    const transact = binder.transact.bind(binder);
    binder.transact = (target, code, flags, write, read, ...rest) => {
      const reading = (parcel: Parcel): unknown => {
        reply = masked(parcel);
        return read(parcel);
      };
      return transact(target, code, flags, write, reading, ...rest);
    };

    /** Starts one, and gets it. */
    async function ready(language: Language, to: Map<Language, Ref<IWiderWire>>): Promise<void> {
      const name = `${IWire.descriptor}/${language}-${to === clients ? 'client' : 'server'}`;
      const command = programs.command(language, 'wire', name, table);
      running.push(await start(driver, command, `ready ${name}\n`));
      to.set(language, await binder.services.get(IWiderWire, name));
    }
  }, 600_000);

  afterAll(async () => {
    binder?.close();
    programs?.[Symbol.dispose]();
    if (directory) rmSync(directory, { recursive: true });
    await driver?.[Symbol.asyncDispose]();
    results.print("AIDL's types, by which pairs have passed them");
  });

  /** Files of this system, which are the same where their inodes are. */
  function withFiles(): Objects {
    directory = mkdtempSync(join(tmpdir(), 'ubinder-wire-'));
    const files = ['a', 'b'].map((name) => {
      writeFileSync(join(directory, name), name);
      return FileDescriptor.owning(openSync(join(directory, name), 'r'));
    });
    const nameOfFile = (file: { readonly fd?: number }) => fstatSync(file.fd!).ino;
    return { ...wireObjects((text) => void told.push(text)), files, nameOfFile: nameOfFile as never };
  }

  function handlers(): HandlersOf<IWiderWire> {
    return {
      ...(wireHandlers() as HandlersOf<IWire>),
      fail(serviceCode, code) {
        if (code === 'SERVICE_SPECIFIC') throw new ServiceSpecificError(serviceCode, `why ${code}`);
        throw new BinderError(code as ErrorCode, `why ${code}`);
      },
      echoMap: (value) => value,
      echoMaybeMap: (value) => value,
      echoDescriptor: (value) => value,
    };
  }

  /** What is asked of a pair, by column. */
  const checks: Readonly<Record<string, (wire: Ref<IWiderWire>) => Promise<void>>> = {
    ...Object.fromEntries(
      Object.entries(METHODS).map(([check, pattern]) => [
        check,
        async (wire: Ref<IWiderWire>) => {
          for (const name of randomMethods.filter((one) => pattern.test(one))) await comeBack(wire, name);
        },
      ]),
    ),
    async callbacks(wire) {
      const callback = objects.interfaces.get(ICallback.descriptor)![0] as Ref<ICallback>;
      expect(await wire.callBack(callback, 21)).toBe(42);
      told.length = 0;
      await wire.tellLater(callback, 'later');
      await expect.poll(() => told).toEqual(['later']);
    },
    async arguments(wire) {
      expect(await wire.then_(3, 2)).toBe(1);
      expect(await wire.toString_([1, 2], 5)).toBe(7);
      expect(await wire.nothing()).toBeUndefined();
    },
    async exceptions(wire) {
      for (const code of EXCEPTIONS) {
        const error = {
          code,
          message: `why ${code}`,
          ...(code === 'SERVICE_SPECIFIC' && { serviceCode: -7 }),
        };
        await expect(wire.fail(-7, code)).rejects.toMatchObject(error);
      }
    },
    async statuses(wire) {
      for (const code of STATUSES) await expect(wire.fail(0, code)).rejects.toMatchObject({ code });
    },
    async map(wire) {
      const object = objects.binders[0]!;
      const { object: back, ...rest } = Object.fromEntries(await wire.echoMap(mapWith(object)));
      const { object: sent, ...wanted } = Object.fromEntries(mapWith(object));
      expect(rest).toEqual(wanted);
      expect(asBinder(back as Ref)).toBe(asBinder(sent as Ref));
      release(back as Ref);
      expect(await wire.echoMaybeMap(new Map())).toEqual(new Map());
      expect(await wire.echoMaybeMap(null)).toBeNull();
    },
    async descriptor(wire) {
      using back = await wire.echoDescriptor(objects.files[0]!);
      expect(objects.nameOfFile(back)).toBe(objects.nameOfFile(objects.files[0]!));
    },
  };
  const results = new ResultTable(Object.keys(checks), IMPOSSIBLE);

  /** That random values do. */
  async function comeBack(wire: Ref<IWiderWire>, name: string): Promise<void> {
    const property = fc.asyncProperty(argumentsOf(name, objects), (values) =>
      expectAnswer(wire, name, values, objects),
    );
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  }

  test('each method with a value to come back is in one column', () => {
    const columns = randomMethods.map(
      (name) => Object.values(METHODS).filter((one) => one.test(name)).length,
    );
    expect(columns).toEqual(randomMethods.map(() => 1));
  });

  for (const server of LANGUAGES) {
    for (const client of LANGUAGES) {
      test(`${server} serves ${client}`, async () => {
        const wanted = results.begin(server, client);
        const wire = clients.get(client)!;
        await wire.passOn(servers.get(server)!);
        const errors: Record<string, unknown> = {};
        for (const check of wanted) {
          try {
            await checks[check]!(wire);
            results.pass(server, client, check);
          } catch (error) {
            errors[check] = error;
          }
        }
        const output = running.map((one) => one.said()).join('');
        expect(errors, output).toEqual({});
      });
    }
  }

  test('no cell of the table is missing', () => {
    expect(results.missing()).toEqual([]);
  });

  test.each(LANGUAGES.slice(1))('%s writes the bytes that we write', async (language) => {
    const wire = clients.get(language)!;
    await wire.passOn(servers.get(language)!);
    const golden = JSON.parse(readFileSync(join(here, '../aidl/wire/golden-bytes.json'), 'utf8')) as Record<
      string,
      { request: string; reply: string }
    >;
    for (const name of randomMethods) {
      const [values] = fc.sample(argumentsOf(name, objects), { numRuns: 1, seed: GOLDEN_SEED });
      await expectAnswer(wire, name, values!, objects);
      const expected = golden[name]!;
      const ours = {
        request: Buffer.from(expected.request, 'hex').subarray(TOKEN_START),
        reply: Buffer.from(expected.reply, 'hex'),
      };
      expect({
        name,
        request: written(request.subarray(TOKEN_START), ours.request),
        reply: written(reply, ours.reply),
      }).toEqual({
        name,
        request: ours.request.toString('hex'),
        reply: ours.reply.toString('hex'),
      });
    }

    /** What was written, in hexadecimal, with padding as ours is: libgbinder's is of other bytes. */
    function written(bytes: Uint8Array, ours: Uint8Array): string {
      const isPadding = (byte: number, at: number) =>
        language === 'C' && byte === 0xff && ours[at] === 0 && at % 4 > 0;
      return Buffer.from(bytes.map((byte, at) => (isPadding(byte, at) ? 0 : byte))).toString('hex');
    }
  });

  test('nothing is left when they have ended', async () => {
    for (const one of running) await end(one);
    for (const one of [...clients.values(), ...servers.values()]) release(one);
    binder.close();
    await expect.poll(() => driver.counts(), { timeout: 10_000 * slowness }).toEqual(before);
  });
});
