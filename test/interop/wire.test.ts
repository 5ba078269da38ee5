// Generated TypeScript and the Rust that rsbinder-aidl generates from the same files call each other over a mount. Random
// values go to a Rust object, which passes each call on to an object of ours: Rust reads and writes them on both ways.

import { type ChildProcess, execFileSync } from 'node:child_process';
import { fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { connect, type DeviceConnection, FileDescriptor, type Parcel, type Ref, release } from 'ubinder';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
import { TestMount, whyNot } from '../support/mount.ts';

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: generated TypeScript and Rust: ${reason}`);

const SEED = Number(process.env.UBINDER_SEED ?? 1);
const RUNS = Number(process.env.UBINDER_RUNS ?? 15);

/** strict mode (4) | work source (4) | header (4): what a library puts in front, not what AIDL says. */
const TOKEN_START = 12;

const golden = JSON.parse(
  readFileSync(fileURLToPath(new URL('../aidl/wire/golden-bytes.json', import.meta.url)), 'utf8'),
) as Record<string, { request: string; reply: string }>;

describe.skipIf(reason !== null)('generated TypeScript and generated Rust', () => {
  let mount: TestMount;
  let binder: DeviceConnection;
  let program: ChildProcess;
  let relay: Ref<IWire>;
  let objects: Objects;
  let directory: string;
  let request: Uint8Array;
  let reply: Uint8Array;
  const told: string[] = [];

  beforeAll(async () => {
    const here = fileURLToPath(new URL('.', import.meta.url));
    const { rs_wire } = JSON.parse(
      execFileSync(process.execPath, [join(here, 'fetch.mjs'), '--json', 'rust'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    ) as { rs_wire: string };
    mount = await TestMount.start('root', { seconds: 240 });
    binder = await connect(mount.device());
    objects = withFiles();
    const arrived = new Promise<Ref<IWire>>((resolve) => {
      const manager = IWire.implement({
        ...wireHandlers(),
        passOn: (target) => void (target && resolve(target)),
      });
      void binder.becomeContextManager(manager).then(() => {
        program = mount.spawn([rs_wire], { env: { ...process.env, BINDER_DEVICE: mount.device() } });
        program.stderr?.pipe(process.stderr);
      });
    });
    relay = await arrived;
    const service = recorded(IWire.implement(wireHandlers()), (recording) => {
      request = recording.request;
    });
    await relay.passOn(service as Ref<IWire>);
    const transact = binder.transact.bind(binder);
    binder.transact = (target, code, flags, write, read, ...rest) => {
      const reading = (parcel: Parcel): unknown => {
        reply = masked(parcel);
        return read(parcel);
      };
      return transact(target, code, flags, write, reading, ...rest);
    };
  }, 300_000);

  afterAll(async () => {
    if (relay) release(relay);
    program?.kill('SIGKILL');
    binder?.close();
    await mount?.stop();
    if (directory) rmSync(directory, { recursive: true });
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

  it.each(randomMethods)('%s: random values come back', async (name) => {
    await fc.assert(
      fc.asyncProperty(argumentsOf(name, objects), (values) => expectAnswer(relay, name, values, objects)),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it.each(randomMethods)('%s: Rust writes the bytes that we write', async (name) => {
    const [values] = fc.sample(argumentsOf(name, objects), { numRuns: 1, seed: GOLDEN_SEED });
    await expectAnswer(relay, name, values!, objects);
    const expected = golden[name]!;
    const hex = (bytes: Uint8Array, from: number) => Buffer.from(bytes.subarray(from)).toString('hex');
    expect({ request: hex(request, TOKEN_START), reply: hex(reply, 0) }).toEqual({
      request: expected.request.slice(2 * TOKEN_START),
      reply: expected.reply,
    });
  });

  it('calls back, tells errors, and has names that had to give way', async () => {
    const callback = objects.interfaces.get(ICallback.descriptor)![0] as Ref<ICallback>;
    expect(await relay.callBack(callback, 21)).toBe(42);
    await relay.tellLater(callback, 'later');
    await expect.poll(() => told).toEqual(['later']);
    await expect(relay.fail(5, 'five')).rejects.toMatchObject({ code: 'SERVICE_SPECIFIC', serviceCode: 5 });
    expect(await relay.then_(3, 2)).toBe(1);
    expect(await relay.toString_([1, 2], 5)).toBe(7);
    expect(await relay.nothing()).toBeUndefined();
  });
});
