import { fileURLToPath } from 'node:url';
import type { Ended, TestMount } from './mount.ts';

// Clients of a mount as JavaScript, each a process of its own: they may block in an ioctl, and may be killed there.

const dist = fileURLToPath(new URL('../../dist', import.meta.url));

/** What every client's script finds ready. */
const PRELUDE = `
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
import { BinderDevice } from '${dist}/binder/connections/device.js';
import { encodeCommands } from '${dist}/binder/connections/binder-thread.js';
import * as abi from '${dist}/abi/binder.js';
import { BINDER_CTL_ADD, binderfsDevice } from '${dist}/abi/binderfs.js';
import { libc, errno } from '${dist}/host/linux/libc.js';
import * as structs from '${dist}/abi/structs.js';
const dist = '${dist}';
const [directory, ...args] = process.argv.slice(1);
const open = (name = 'binder', options = { mapSize: 0 }) => new BinderDevice(directory + '/' + name, options);
const say = (value) => fs.writeSync(1, JSON.stringify(value) + '\\n');
const codeOf = (action) => { try { action(); return 0; } catch (error) { return error.code; } };
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
/** BINDER_CTL_ADD of a name given as text or bytes. @returns the errno, or the numbers of the device. */
const add = (name) => {
  const control = open('binder-control');
  const argument = new Uint8Array(264);
  argument.set(Buffer.from(name).subarray(0, 256));
  const errno = control.ioctl(BINDER_CTL_ADD, argument);
  control.close();
  return errno || binderfsDevice.decode(new DataView(argument.buffer));
};
/** A write and a read as \`errno\` and the names of the commands that were read. */
const exchange = async (device, commands, readSize = 256) => {
  const result = await device.writeRead(encodeCommands(commands), readSize);
  return result.errno || result.commands.map(({ name }) => name);
};
/**
 * Runs a script in a thread of its own, which has \`exchange(commands, readSize)\` on the open device \`fd\` and \`tell\`.
 * Resolves when the thread has ended, without BINDER_THREAD_EXIT.
 */
const inThread = (fd, script, told = () => {}) => new Promise((done, fail) => {
  const worker = new Worker(THREAD, { eval: true, execArgv: [], workerData: { fd, script } });
  worker.on('message', told).on('error', fail).on('exit', done);
});
const THREAD = \`(async () => {
  const { parentPort, workerData: { fd, script } } = require('node:worker_threads');
  const { createArea } = await import('${dist}/host/linux/area.js');
  const { libc, errno } = await import('${dist}/host/linux/libc.js');
  const { encodeCommands, decodeCommands } = await import('${dist}/binder/connections/binder-thread.js');
  const abi = await import('${dist}/abi/binder.js');
  const { writeRead } = await import('${dist}/abi/structs.js');
  const ioctl = libc('int ioctl(int, uint64_t, uint64_t)');
  const area = createArea(16384);
  const [argument, write, read] = [0, 4096, 8192];
  const exchange = (commands, readSize = 256) => {
    const bytes = encodeCommands(commands);
    area.bytes.set(bytes, write);
    area.bytes.set(writeRead.bytes({
      writeSize: bytes.length, writeBuffer: area.address + write, readSize, readBuffer: area.address + read,
    }), argument);
    if (ioctl(fd, abi.BINDER_WRITE_READ, area.address) === -1) return errno();
    const end = read + Number(writeRead.decode(area.view).readConsumed);
    return decodeCommands(area.bytes.slice(read, end)).map(({ name }) => name);
  };
  const tell = (value) => parentPort.postMessage(value);
  eval(script);
})()\`;
`;

/** The command line of a client: \`script\` finds the mount's directory as \`directory\`, and \`args\`. */
export function clientCommand(mount: TestMount, script: string, ...args: string[]): string[] {
  return [process.execPath, '--input-type=module', '-e', PRELUDE + script, '--', mount.directory, ...args];
}

/** Runs a client to its end. @returns the values it said, one a line. */
export async function runClient(mount: TestMount, script: string, ...args: string[]): Promise<unknown[]> {
  const ended: Ended = await mount.run(clientCommand(mount, script, ...args));
  if (ended.code !== 0)
    throw new Error(
      `The client ended with ${ended.signal ?? `code ${ended.code}`}: ${ended.output}\n${mount.log}`,
    );
  return ended.output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
