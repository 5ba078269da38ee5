// SPDX-License-Identifier: Apache-2.0
//
// ts_client NAME CHECK...: calls the service of that name, one line of output for each check: `ok CHECK` or `failed CHECK: WHY`. Exit
// status 1 if any failed.

import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asBinder, connect, deathOf, FileDescriptor, ping, release } from 'ubinder';
import { IEcho } from './generated/ubinder/interop/IEcho.js';
import { IEchoCallback } from './generated/ubinder/interop/IEchoCallback.js';
import { turned } from './kinds.mjs';

/** Milliseconds; tests on an emulated processor say by how much it is slower. */
const PATIENCE = 20_000 * Number(process.env.UBINDER_SLOWNESS ?? 1);
const MANY = 50;
const TEXT = 'Grüße, 世界 🌍';

const [, , name, ...wanted] = process.argv;
const binder = await connect();
const service = await binder.services.get(IEcho, name, { signal: AbortSignal.timeout(PATIENCE) });

/** A file that is nowhere but in its descriptor. */
function fileWith(text) {
  const directory = mkdtempSync(join(tmpdir(), 'ubinder-text-'));
  writeFileSync(join(directory, 'text'), text);
  const fd = openSync(join(directory, 'text'));
  rmSync(directory, { recursive: true });
  return FileDescriptor.owning(fd);
}

function newCallback(heard) {
  const callback = IEchoCallback.implement({
    onCountDown: async (depth) => (depth === 0 ? 0 : (await service.countDown(callback, depth - 1)) + 1),
    onText: (text) => void heard.push(text),
  });
  return callback;
}

async function comesBack(object) {
  const back = await service.same(object);
  assert.equal(asBinder(back), asBinder(object));
  release(back);
}

async function until(holds) {
  const deadline = performance.now() + PATIENCE;
  while (!holds() && performance.now() < deadline) await sleep(5);
}

const checks = {
  async list() {
    assert.ok((await binder.services.list()).includes(name));
  },
  ping: () => ping(service),
  async echo() {
    assert.equal(await service.echo(TEXT), TEXT);
  },
  async kinds() {
    const kinds = {
      yes: true,
      tiny: -7,
      letter: 'ä',
      number: 2 ** 31 - 1,
      large: 2n ** 63n - 1n,
      ratio: 0.75,
      exact: 1e300,
      text: TEXT,
      bytes: [0, 1, 127, 128, 255],
      numbers: [1, 1 - 2 ** 31, 0],
      texts: ['', 'b'],
    };
    for (const maybe of [null, 'there']) {
      const got = await service.turn({ ...kinds, maybe });
      const plain = { ...got, bytes: [...got.bytes], numbers: [...got.numbers] };
      assert.deepEqual(plain, turned({ ...kinds, maybe }));
    }
  },
  async large() {
    const bytes = Uint8Array.from({ length: 900_000 }, (_, number) => number % 251);
    assert.ok(Buffer.from(await service.reverse(bytes)).equals(bytes.toReversed()));
  },
  async error() {
    await assert.rejects(service.fail(1234), { code: 'SERVICE_SPECIFIC', serviceCode: 1234 });
  },
  async 'send-fd'() {
    const file = fileWith('out of a file');
    assert.equal(await service.readAll(file), 'out of a file');
    file[Symbol.dispose]();
  },
  async 'receive-fd'() {
    const file = await service.openText('from the service');
    let text = '';
    for await (const chunk of file.readable()) text += chunk;
    assert.equal(text, 'from the service');
  },
  async callback() {
    assert.equal(await service.countDown(newCallback([]), 1), 1);
  },
  async nested() {
    for (const depth of [0, 1, 2, 9]) assert.equal(await service.countDown(newCallback([]), depth), depth);
  },
  object: () => comesBack(newCallback([])),
  identity: () => comesBack(service),
  async oneway() {
    const heard = [];
    await service.tellLater(newCallback(heard), 'text', MANY);
    await until(() => heard.length === MANY);
    assert.deepEqual(
      heard,
      Array.from({ length: MANY }, (_, number) => `text ${number}`),
    );
  },
  async death() {
    const dead = deathOf(service);
    await service.quit();
    await until(() => dead.aborted);
    assert.ok(dead.aborted, 'nobody told of the death');
    await assert.rejects(service.echo('gone'), { code: 'DEAD_OBJECT' });
  },
};

let good = true;
for (const check of wanted) {
  try {
    await checks[check]();
    process.stdout.write(`ok ${check}\n`);
  } catch (error) {
    good = false;
    process.stdout.write(`failed ${check}: ${error.stack}\n`);
  }
}
process.exit(good ? 0 : 1);
