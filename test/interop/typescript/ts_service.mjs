// SPDX-License-Identifier: Apache-2.0
//
// ts_service NAME: registers an IEcho with the service manager, prints `ready NAME`, serves until killed. ./generated is what `ubinder aidl`
// makes of ../rust/aidl.

import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, FileDescriptor, release, ServiceSpecificError } from 'ubinder';
import { IEcho } from './generated/ubinder/interop/IEcho.js';
import { turned } from './kinds.mjs';

let kept = null;

const echo = IEcho.implement({
  echo: (text) => text,
  reverse: (bytes) => bytes.toReversed(),
  grow: ({ title, number, weight, values, remark }) => ({
    title: `${title}!`,
    number: number + 1,
    weight: weight * 2,
    values: [...values, 2n ** 63n - 1n],
    remark: remark?.toUpperCase() ?? null,
  }),
  callerPid: ({ pid }) => pid,
  callerUid: ({ uid }) => uid,
  fail(code) {
    throw new ServiceSpecificError(code, 'as asked');
  },
  async readAll(file) {
    let text = '';
    for await (const chunk of file.readable()) text += chunk;
    return text;
  },
  openText(text) {
    const directory = mkdtempSync(join(tmpdir(), 'ubinder-text-'));
    writeFileSync(join(directory, 'text'), text);
    const fd = openSync(join(directory, 'text'));
    rmSync(directory, { recursive: true });
    return FileDescriptor.owning(fd);
  },
  same: (object) => object,
  keep(object) {
    if (kept) release(kept);
    kept = object;
  },
  async countDown(callback, depth) {
    return depth === 0 ? 0 : (await callback.onCountDown(depth - 1)) + 1;
  },
  async tellLater(callback, text, count) {
    for (let number = 0; number < count; number++) await callback.onText(`${text} ${number}`);
  },
  sleep: (milliseconds) => sleep(milliseconds, milliseconds),
  quit: () => process.exit(0),
  turn: turned,
});

const [, , name] = process.argv;
const binder = await connect();
await binder.services.add(name, echo);
process.stdout.write(`ready ${name}\n`);
