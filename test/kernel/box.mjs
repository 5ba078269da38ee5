#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
//
// Runs commands of this machine under another kernel, in an emulated machine that has the real Binder driver.
//
//   host  box.mjs ──► job directory ──► guest.sh ──► each command
//            ▲                             │
//            └── sockets ◄── virtio ports ◄┘  standard output, standard error, and marks between commands

import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../support/outside.mjs';
import { kernelDirectory, kernelNames, missingPrograms } from './kernels.mjs';

const USAGE = `usage: npm run kernel -- [OPTIONS] COMMAND [ARGUMENT...]
       npm run kernel -- [OPTIONS] --batch FILE      each line of FILE (- is standard input) is a command of sh

  --kernel ${kernelNames().join('|').padEnd(15)}which Linux, of Debian (default: 7.2)
  --lsm none|selinux      its security module; selinux is permissive, without a policy (default: none)
  --seconds N             give the machine up after that time (default: 7200)
  --memory MIB            of the machine (default: 2048)
  --processors N          of the machine (default: 2)
  --nodes N               NUMA nodes, among which the memory is divided (default: 1)
  --link SOCKET           connects a port of the machine to this socket of a listener; in it, UBINDER_LINK is the port's path

Commands see the whole file system of this machine; what they write stays in the memory of the emulated one and is gone
afterwards. They are root, in this directory and PATH; /dev/binder and /dev/fuse are there, standard input is empty, and
UBINDER_SLOWNESS tells tests to be patient.

Output and exit status of COMMAND come back. A batch runs in one boot; a line of JSON tells the end of each command,
{command, code, seconds, stdout, stderr}, and the exit status is 1 when one of them failed.
124 says that the time was up, 125 that there is no such machine or that it died.
`;

const EMULATOR = 'qemu-system-x86_64';

/** Words of the kernel's command line. Debian's own choice would be AppArmor. */
const LSM = { none: 'lsm=none', selinux: 'security=selinux selinux=1 enforcing=0' };

/** How many times slower programs are there, for tests: see test/support/slowness.ts. */
const SLOWNESS = '10';

/** An emulated processor does not speculate; what guards against that costs a fifth of the time. */
const MITIGATIONS = 'mitigations=off';

const WRONG_USAGE = 2;
const TIME_UP = 124;
const NO_MACHINE = 125;

/**
 * An emulated kernel now and then patches its own code while the other processor runs it, and dies of an int3 before it
 * gets to the first command. Then, and only then, it is booted again.
 */
const ATTEMPTS = 3;

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;

// ---- The machine ----------------------------------------------------------------------------------------

/** Where the kernel lies; fetches it when the cache has none. */
function findKernel(name) {
  const missing = missingPrograms({ [EMULATOR]: 'qemu-system-x86' });
  if (missing !== null) throw new Problem(missing);
  const directory = kernelDirectory(name);
  if (!existsSync(directory)) {
    spawnSync(process.execPath, [here('kernels.mjs'), name], { stdio: ['ignore', 2, 'inherit'] });
    if (!existsSync(directory)) throw new Problem(`Cannot boot Linux ${name}: it is not in the cache`);
  }
  return directory;
}

/** What guest.sh reads; see there. */
function writeJob(job, token, commands) {
  copyFileSync(here('guest.sh'), join(job, 'guest.sh'));
  writeFileSync(join(job, 'token'), token);
  const variables = {
    PATH: process.env.PATH ?? '',
    HOME: '/root',
    LANG: 'C.UTF-8',
    UBINDER_SLOWNESS: SLOWNESS,
  };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  writeFileSync(join(job, 'environment'), `${exports.join('')}cd ${quote(process.cwd())}\n`);
  mkdirSync(join(job, 'commands'));
  commands.forEach((command, index) => {
    writeFileSync(join(job, 'commands', `${index}`.padStart(6, '0')), `${command}\n`);
  });
}

function emulatorArguments(job, { kernel, lsm, memory, processors, nodes, link }) {
  const port = (name, path = join(job, name)) => [
    ...['-chardev', `socket,id=${name},path=${path}`],
    ...['-device', `virtserialport,chardev=${name},name=${name}`],
  ];
  const share = Math.floor(memory / nodes);
  const numa = Array.from({ length: nodes > 1 ? nodes : 0 }, (_, node) => [
    ...['-object', `memory-backend-ram,id=node${node},size=${share}M`],
    ...['-numa', `node,nodeid=${node},memdev=node${node}`],
  ]);
  return [
    ...['-accel', 'tcg', '-cpu', 'max', '-smp', processors, '-m', `${nodes * share}`],
    ...numa.flat(),
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', join(kernel, 'vmlinuz'), '-initrd', join(kernel, 'initramfs.gz')],
    ...['-append', `console=ttyS0 quiet panic=-1 oops=panic ${MITIGATIONS} ${LSM[lsm]} job=${job}`],
    ...['-serial', `file:${join(job, 'console')}`],
    ...['-device', 'virtio-serial-pci', ...port('stdout'), ...port('stderr')],
    ...(link === undefined ? [] : port('link', link)),
    ...['-fsdev', 'local,id=host,path=/,security_model=none,readonly=on,multidevs=remap'],
    ...['-device', 'virtio-9p-pci,fsdev=host,mount_tag=host'],
  ];
}

/**
 * One boot, until all commands have ended, the machine has died, or the time is up.
 *
 * @param commands lines for sh
 * @param hear what comes: begun() before the first command, output(stream, index, bytes) of a command, ended(index, code)
 * @returns {started, ended, timeUp, console}: whether it got to the first command, and how many have ended
 */
async function boot(commands, options, hear) {
  const job = mkdtempSync(join(tmpdir(), 'ubinder-box-'));
  const token = randomBytes(16).toString('hex');
  const servers = [];
  const takeAway = () => rmSync(job, { recursive: true, force: true });
  process.once('exit', takeAway);
  try {
    writeJob(job, token, commands);
    // It must not outlive us, whatever ends us.
    const words = ['--pdeathsig', 'KILL', EMULATOR, ...emulatorArguments(job, options)];
    /** How many commands have ended, as each stream tells; -1 before the first begins. */
    const marks = { stdout: -1, stderr: -1 };
    const ended = () => Math.min(marks.stdout, marks.stderr);
    let emulator;
    const closed = [];
    for (const stream of ['stdout', 'stderr']) {
      const splitter = splitAtMarks(token, {
        output: (bytes) => hear.output(stream, marks[stream], bytes),
        mark: (count, code) => {
          const before = ended();
          marks[stream] = count;
          if (ended() === before) return; // the other stream has not told it yet
          if (count === 0) hear.begun();
          else hear.ended(count - 1, code);
          // Nothing in it is worth an orderly shutdown.
          if (ended() === commands.length) emulator.kill('SIGKILL');
        },
      });
      const server = createServer((socket) => {
        socket.on('data', splitter.take);
        closed.push(once(socket, 'close').then(splitter.end));
      });
      servers.push(server);
      await once(server.listen(join(job, stream)), 'listening');
    }
    emulator = spawn('setpriv', words, { stdio: ['ignore', 2, 'inherit'] });
    let timeUp = false;
    const timer = setTimeout(() => {
      timeUp = true;
      emulator.kill('SIGKILL');
    }, options.seconds * 1000);
    await once(emulator, 'close');
    clearTimeout(timer);
    await Promise.all(closed);
    return { started: ended() >= 0, ended: ended(), timeUp, console: readConsole(job) };
  } finally {
    for (const server of servers) server.close();
    process.off('exit', takeAway);
    takeAway();
  }
}

/** What the kernel said, if it came so far. */
function readConsole(job) {
  const file = join(job, 'console');
  return existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\r', '').trim() : '';
}

/** Takes a stream apart, piece by piece as it comes: output of commands, and the lines with which guest.sh tells of an end. */
function splitAtMarks(token, { output, mark }) {
  const beginning = Buffer.from(`\n${token} `);
  let pending = Buffer.alloc(0);
  const give = (length) => {
    if (length > 0) output(pending.subarray(0, length));
    pending = pending.subarray(length);
  };
  const take = (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    for (;;) {
      const at = pending.indexOf(beginning);
      if (at === -1) break;
      give(at);
      const end = pending.indexOf('\n', 1);
      if (end === -1) return;
      const [count, code] = pending.toString('latin1', beginning.length, end).split(' ').map(Number);
      pending = pending.subarray(end + 1);
      mark(count, code);
    }
    // The last line may be the beginning of a mark.
    const line = pending.lastIndexOf('\n');
    const isBeginning = line !== -1 && beginning.indexOf(pending.subarray(line)) === 0;
    give(isBeginning ? line : pending.length);
  };
  return { take, end: () => give(pending.length) };
}

/** @returns the exit status: 0, or why not all commands have ended. */
async function run(commands, options, hear) {
  for (let attempt = 1; ; attempt++) {
    const result = await boot(commands, options, hear);
    if (result.ended === commands.length) return 0;
    if (result.timeUp) {
      console.error(
        `The machine did not finish in ${options.seconds} s (${result.ended} of ${commands.length} commands ended)`,
      );
      return TIME_UP;
    }
    if (result.started || attempt === ATTEMPTS) {
      const when = result.started
        ? `after ${result.ended} of ${commands.length} commands`
        : 'while it started';
      console.error(`${result.console}\nThe machine died ${when}; above is what its kernel said`);
      return NO_MACHINE;
    }
    console.error('The machine died while it started: once more');
  }
}

// ---- The command ----------------------------------------------------------------------------------------

/** One command, its output as it comes. */
async function runOne(command, options) {
  let status = 0;
  const failure = await run([command], options, {
    begun: () => {},
    output: (stream, _, bytes) => process[stream].write(bytes),
    ended: (_, code) => {
      status = code;
    },
  });
  return failure || status;
}

/** Many commands, a line of JSON for each. */
async function runBatch(commands, options) {
  const pieces = commands.map(() => ({ stdout: [], stderr: [] }));
  let begun = 0;
  let status = 0;
  const failure = await run(commands, options, {
    begun: () => {
      begun = performance.now();
    },
    output: (stream, index, bytes) => pieces[index]?.[stream].push(bytes),
    ended: (index, code) => {
      const now = performance.now();
      const [stdout, stderr] = ['stdout', 'stderr'].map(
        (stream) => `${Buffer.concat(pieces[index][stream])}`,
      );
      const seconds = Math.round(now - begun) / 1000;
      console.log(JSON.stringify({ command: commands[index], code, seconds, stdout, stderr }));
      begun = now;
      if (code !== 0) status = 1;
    },
  });
  return failure || status;
}

function parse(args) {
  const options = {
    kernel: '7.2',
    lsm: 'none',
    seconds: '7200',
    memory: '2048',
    processors: '2',
    nodes: '1',
    batch: undefined,
    link: undefined,
  };
  const words = [...args];
  while (words[0]?.startsWith('--')) {
    const name = words.shift().slice(2);
    if (!(name in options) || words.length === 0) throw new WrongUsage(`Cannot use --${name}`);
    options[name] = words.shift();
  }
  const known = { kernel: kernelNames(), lsm: Object.keys(LSM) };
  for (const [name, values] of Object.entries(known)) {
    if (!values.includes(options[name])) throw new WrongUsage(`Cannot use --${name} ${options[name]}`);
  }
  for (const name of ['seconds', 'memory', 'processors', 'nodes']) {
    if (!/^[1-9]\d*$/.test(options[name])) throw new WrongUsage(`Cannot use --${name} ${options[name]}`);
  }
  if ((options.batch === undefined) === (words.length === 0))
    throw new WrongUsage('Give a command or a batch');
  return { ...options, words };
}

class WrongUsage extends Error {}

async function main(args) {
  const { words, batch, ...options } = parse(args);
  options.kernel = findKernel(options.kernel);
  if (batch === undefined) return runOne(`exec ${words.map(quote).join(' ')}`, options);
  const lines = readFileSync(batch === '-' ? 0 : batch, 'utf8').split('\n');
  return runBatch(
    lines.filter((line) => line.trim() !== ''),
    options,
  );
}

try {
  // So that exit handlers run.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Problem || error instanceof WrongUsage)) throw error;
  console.error(error instanceof Problem ? error.message : `${error.message}\n${USAGE}`);
  process.exitCode = error instanceof Problem ? NO_MACHINE : WRONG_USAGE;
}
