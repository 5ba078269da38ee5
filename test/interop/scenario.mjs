#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// Runs the outside programs against each other over a binderfs, and checks what they print:
//
//   node test/interop/scenario.mjs BINDERFS [--without=descriptors,freeze]
//
// BINDERFS is a mounted binderfs with a device called binder that nobody uses, ours or the kernel's. Any
// directory with a device node of that name will do. One line for each step; exit status 1 at the first that
// fails. --without leaves out what the driver behind it cannot do, and says so. UBINDER_PATIENCE is how many
// seconds a step may take (default 20; an emulated machine needs 100).

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const patience = Number(process.env.UBINDER_PATIENCE || 20) * 1000;
const name = 'ubinder.interop.IEcho/default';
const gbinderName = 'ubinder.interop.IEcho/gbinder';
const children = new Set();

/** The checks that need a feature, by the name that --without gives it. */
const features = {
  descriptors: ['send-fd', 'receive-fd', 'dump'],
  freeze: ['freeze', 'freeze-notification'],
};
const [, option, list] = /^(--without=)(.*)$/.exec(process.argv[3] ?? '') ?? [];
const without = new Set(list?.split(','));
if (process.argv.length > 4 || (process.argv[3] && !option) || !process.argv[2]) {
  console.error(`usage: ${process.argv[1]} BINDERFS [--without=${Object.keys(features).join(',')}]`);
  process.exit(2);
}
const leftOut = new Set([...without].flatMap((feature) => features[feature] ?? []));
for (const feature of without) console.log(`skip ${feature}: ${features[feature]?.join(', ')}`);
const binderfs = process.argv[2];
const programs = JSON.parse(
  execFileSync(process.execPath, [join(here, 'fetch.mjs'), '--json', 'rust', 'libgbinder'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
);

/** A program started in the binderfs's surroundings: what it printed so far, and how it ended. */
class Running {
  out = '';
  err = '';
  #listeners = new Set();

  constructor(words) {
    this.words = words;
    // Every script on the way execs the next, so this is the program's own process id.
    this.child = spawn(join(here, 'enter.sh'), [binderfs, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', RUST_LOG: 'warn' },
    });
    children.add(this.child);
    this.child.stdout.setEncoding('utf8').on('data', (text) => this.#hear('out', text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => this.#hear('err', text));
    this.child.on('close', (status, signal) => {
      children.delete(this.child);
      this.status = status ?? signal;
      this.#hear('out', '');
    });
  }

  #hear(stream, text) {
    this[stream] += text;
    for (const listener of this.#listeners) listener();
  }

  /** Waits until `done()` is true; a program that takes too long is killed. */
  until(done, what) {
    return new Promise((resolve, reject) => {
      const listener = () => {
        if (!done() && this.status === undefined) return;
        this.#listeners.delete(listener);
        clearTimeout(timer);
        if (done()) resolve();
        else reject(new Error(`${this.describe()} ended without ${what}`));
      };
      const timer = setTimeout(() => {
        const described = this.describe();
        this.child.kill('SIGKILL');
        reject(new Error(`${described}: no ${what} after ${patience / 1000} s`));
      }, patience);
      this.#listeners.add(listener);
      listener();
    });
  }

  async end() {
    await this.until(() => this.status !== undefined, 'end');
    return this;
  }

  says(stream, text) {
    return this.until(() => this[stream].includes(text), `"${text}"`);
  }

  describe() {
    return `${this.words.join(' ')}\n  status ${this.status}\n  out ${this.out}\n  err ${this.err}`;
  }

  /** Checks the end: the exit status, all of the output, and a part of the error output. */
  expect(status, out, err = '') {
    assert.equal(this.status, status, this.describe());
    if (out instanceof RegExp) assert.match(this.out, out, this.describe());
    else assert.equal(this.out, out, this.describe());
    assert.ok(this.err.includes(err), this.describe());
  }
}

const start = (program, ...args) => new Running([programs[program], ...args]);
const run = (program, ...args) => start(program, ...args).end();
const gbinder = (program, ...args) => run(`binder-${program}`, '-d', '/dev/binder', ...args);

async function step(title, body) {
  const begin = performance.now();
  try {
    await body();
  } catch (error) {
    console.log(`failed ${title}`);
    throw error;
  }
  console.log(`ok ${title} (${Math.round(performance.now() - begin)} ms)`);
}

/** Repeats a listing until it shows exactly these names: deaths are told in their own time. */
async function listed(...names) {
  const deadline = Date.now() + patience;
  for (;;) {
    const list = await run('rsb_service', 'list');
    if (list.out === names.map((line) => `${line}\n`).join('') || Date.now() > deadline) {
      return list.expect(0, names.map((line) => `${line}\n`).join(''));
    }
  }
}

async function startHub() {
  const hub = start('rsb_hub', '--insecure-allow-all');
  // It says nothing when it is ready; a lookup of its own entry is the sign.
  const deadline = Date.now() + patience;
  while ((await run('rsb_service', 'check', 'manager')).status !== 0) {
    assert.ok(Date.now() < deadline, `rsb_hub does not answer: ${hub.describe()}`);
  }
  return hub;
}

async function startService(as = name) {
  const service = start('rs_service', as);
  await service.says('out', `ready ${as}\n`);
  return service;
}

const allChecks = (
  'list missing ping echo parcelable kinds large too-large caller error send-fd receive-fd object identity callback nested oneway ' +
  'threads dump notification freeze freeze-notification'
).split(' ');

async function clientPasses(...checks) {
  const wanted = checks.length > 0 ? checks : allChecks.filter((check) => !leftOut.has(check));
  const client = await run('rs_client', ...wanted);
  const lines = client.out.trimEnd().split('\n');
  client.expect(0, /^/);
  // Freeze notifications exist only where the binderfs has the file that says so.
  const skipped = 'skipped freeze-notification: the driver offers no freeze notifications';
  assert.deepEqual(
    lines.map((line) => (line === skipped ? 'ok freeze-notification' : line)),
    wanted.map((check) => `ok ${check}`),
  );
  if (lines.includes(skipped)) console.log(`  ${skipped}`);
}

/** Whether there is such a user to become: root of a user namespace often has no other. */
function mayBeUser(uid) {
  if (process.getuid() !== 0) return false;
  const map = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  return map.some((line) => {
    const [first, , count] = line.trim().split(/\s+/).map(Number);
    return uid >= first && uid < first + count;
  });
}

/** Runs one of our programs as user 1000, from a copy that this user can reach. */
async function asOther(program, ...args) {
  const directory = mkdtempSync(join(tmpdir(), 'ubinder-interop-'));
  try {
    chmodSync(directory, 0o755);
    copyFileSync(programs[program], join(directory, program));
    const drop = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'];
    return await new Running([...drop, join(directory, program), ...args]).end();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function scenario() {
  let hub;
  let service;
  let early;

  await step('without a service manager every call is refused', async () => {
    (await run('rsb_service', 'list')).expect(
      2,
      '',
      'no service manager on /dev/binderfs/binder: DeadObject',
    );
    // binder-ping writes its errors to standard output.
    (await gbinder('ping', 'manager')).expect(1, 'ERROR: manager not found\n');
  });
  await step('binder-list waits for rsb_hub, the service manager', async () => {
    early = start('binder-list', '-d', '/dev/binder');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert.equal(early.status, undefined, early.describe());
    hub = await startHub();
    (await early.end()).expect(0, 'manager\n');
    await listed('manager');
  });
  await step('a second service manager is refused', async () => {
    const second = await run('rsb_hub', '--insecure-allow-all');
    second.expect(1, '', 'Device or resource busy (os error 16)');
  });
  await step('rs_client waits for rs_service', async () => {
    early = start('rs_client', 'ping', 'echo');
    await early.says('err', 'still waiting');
    service = await startService();
    (await early.end()).expect(0, 'ok ping\nok echo\n');
  });
  await step('binder-list lists it', async () => {
    await listed('manager', name);
    (await gbinder('list')).expect(0, `manager\n${name}\n`);
    (await gbinder('list', '-a')).expect(0, `manager\n${name}\n`);
    (await gbinder('list', name)).expect(0, `${name}\n`);
    (await gbinder('list', 'nosuch')).expect(2, '', 'No such service: nosuch (0)');
  });
  await step('binder-ping pings it', async () => {
    for (const target of ['manager', name]) {
      (await gbinder('ping', target)).expect(0, 'OK\n');
    }
  });
  await step('binder-call calls it', async () => {
    // binder-call ends with status 2 after success, too.
    (await gbinder('call', '-a', name, '1', '"hello"u', 'reply', 'i32', 's16')).expect(2, '0 "hello"U \n');
    const pid = await gbinder('call', '-a', name, '4', 'reply', 'i32', 'i32');
    pid.expect(2, `0 ${pid.child.pid} \n`);
    const failing = await gbinder('call', '-a', name, '6', '77', 'reply', 'i32', 's16', 'i32', 'i32');
    failing.expect(2, '-8 "as asked"U 0 77 \n');
  });
  await step('rsb_service tells who it is and dumps it', async () => {
    const info = await run('rsb_service', 'info');
    info.expect(0, /^/);
    assert.deepEqual(info.out.trim().split(/\s+/), [
      'manager',
      `pid=${hub.child.pid}`,
      name,
      `pid=${service.child.pid}`,
    ]);
    if (leftOut.has('dump')) return;
    (await run('rsb_service', 'dump', name, 'a', 'b')).expect(0, 'echo service, args [a, b]\n');
  });
  await step('rs_client calls it in every way', () => clientPasses());
  if (mayBeUser(1000)) {
    await step('another user may call it but not take its name', async () => {
      const checks = ['echo', 'caller', 'list', 'send-fd'].filter((check) => !leftOut.has(check));
      const client = await asOther('rs_client', ...checks);
      client.expect(0, checks.map((check) => `ok ${check}\n`).join(''));
      (await asOther('rs_service')).expect(1, '', 'Error: Security');
    });
  }
  if (!without.has('descriptors')) {
    await step('rsbinder and libgbinder pass files to each other, alone and in arrays', async () => {
      const gbinderService = start('gb_service', gbinderName);
      await gbinderService.says('out', `ready ${gbinderName}\n`);
      const single = ['send-fd', 'receive-fd'];
      const all = [...single, 'send-handle', 'receive-handle'];
      const passed = (checks) => checks.map((check) => `ok ${check}\n`).join('');
      (await run('gb_client', name, ...single)).expect(0, passed(single));
      (await run('rs_client', '--name', gbinderName, ...single)).expect(0, passed(single));
      const open = () => readdirSync(`/proc/${gbinderService.child.pid}/fd`).length;
      (await run('gb_client', gbinderName, ...all)).expect(0, passed(all));
      const before = open();
      for (let i = 0; i < 3; i++) (await run('gb_client', gbinderName, ...all)).expect(0, passed(all));
      // What came in a call is closed with it, in arrays by the driver: 18 each time. Its threads have some, too.
      assert.ok(open() < before + 18, `${open()} descriptors are open in gb_service, ${before} were`);
      gbinderService.child.kill('SIGKILL');
      await gbinderService.end();
      await listed('manager', name);
    });
  }
  await step('the service manager counts references', () => clientPasses('clients'));
  await step('death is told when the service ends', async () => {
    await clientPasses('death');
    (await service.end()).expect(0, `ready ${name}\n`);
    await listed('manager');
  });
  await step('death is told when the service is killed', async () => {
    service = await startService();
    service.child.kill('SIGKILL');
    await service.end();
    await listed('manager');
  });
  await step('the service manager stops when asked, and a new one takes over', async () => {
    hub.child.kill('SIGTERM');
    (await hub.end()).expect(0, '');
    (await run('rsb_service', 'list')).expect(2, '', 'DeadObject');
    hub = await startHub();
    service = await startService();
    await clientPasses('list', 'echo', 'nested');
  });
}

try {
  await scenario();
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
} finally {
  for (const child of children) child.kill('SIGKILL');
}
