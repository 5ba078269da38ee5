// An emulated machine whose Binder driver the scenarios use from outside: they run here, and in the machine only the
// processes that they are about (puppeteer.c).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { importBuilt } from './on-kernel.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** What a request asks for, as puppeteer.c numbers it. */
const WHATS = [
  ...['start', 'kill', 'sleeping', 'readFile'],
  ...[
    'open',
    'close',
    'unmap',
    'openFile',
    'fileContent',
    'closesOnExec',
    'closeFile',
    'files',
    'limitFiles',
  ],
  ...['closeDuplicate', 'read', 'setUser', 'thread', 'interrupt', 'ioctl', 'poll'],
];
/** Those which the puppeteer answers itself. */
const OWN = new Set(WHATS.slice(0, 4));
const REQUEST_SIZE = 56;
const ANSWER_SIZE = 40;
const PUPPETS = 64;
const THREADS = 24;
/** Milliseconds; the kernel's driver acts on a closed duplicate in its own time. */
const FLUSH_DELAY = 60;
/** Their first manager may be of another user than root, each once in a boot. */
const SPARE_DEVICES = ['/dev/hwbinder', '/dev/vndbinder'];

/** One boot, with puppets as `Puppets` of mount-world.ts has them. */
export class Machine {
  /** Asks for security contexts where there are any. */
  lsm;
  puppets;
  #child;
  #link;
  #serial = 0;
  /** Who waits for an answer, by serial. */
  #waiting = new Map();
  #pending = Buffer.alloc(0);
  #slots = Array.from({ length: PUPPETS }, () => false);
  #spareDevices = [...SPARE_DEVICES];
  #modules;

  /** Boots. @throws Error when there is no such machine */
  static async start({ kernel = '7.2', lsm = 'none', seconds = 7200 } = {}) {
    const machine = new Machine();
    machine.lsm = lsm;
    machine.#modules = await Promise.all([
      importBuilt('test/support/mount-world.js'),
      importBuilt('test/support/kernel-driver.js'),
      importBuilt('test/support/compile.js'),
    ]);
    const [, , { compile }] = machine.#modules;
    const program = await compile(here('puppeteer.c'));
    const directory = mkdtempSync(join(tmpdir(), 'ubinder-machine-'));
    const takeAway = () => {
      machine.#child?.kill();
      rmSync(directory, { recursive: true, force: true });
    };
    process.once('exit', takeAway);
    const socket = join(directory, 'link');
    const server = createServer((link) => machine.#connect(link));
    await once(server.listen(socket), 'listening');
    const ready = machine.#answer(0);
    const box = [here('box.mjs'), '--kernel', kernel, '--lsm', lsm, '--seconds', `${seconds}`];
    // The puppets take turns anyhow.
    box.push('--processors', '1', '--link', socket);
    const words = [...box, 'sh', '-c', `exec ${program} "$UBINDER_LINK"`];
    machine.#child = spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit'] });
    machine.#child.once('close', (code) => {
      server.close();
      process.off('exit', takeAway);
      takeAway();
      machine.#giveUp(() => true, `The machine ended with code ${code}`);
    });
    await ready;
    machine.newPuppets();
    return machine;
  }

  /** After a failure threads may sleep in the driver: their processes are killed, and others take their parts. */
  newPuppets() {
    const [{ Puppets }] = this.#modules;
    this.puppets?.dispose();
    this.puppets = new Puppets(() => this.#startPuppet());
  }

  /**
   * Opens a world on the kernel's driver.
   *
   * @param hasStrangers whether its first manager is of another user than root
   * @returns `null` when no device is left for that
   */
  world(abilities, { hasStrangers = false } = {}) {
    const [{ MountWorld }, { kernelCounts, LOGS }] = this.#modules;
    const device = hasStrangers ? this.#spareDevices.pop() : '/dev/binder';
    if (!device) return null;
    const log = async (name) => (await this.#file(`${LOGS}/${name}`)).toString('latin1');
    const target = {
      device,
      abilities,
      counts: async () => kernelCounts(await log('stats')),
      sleeping: async () => Number((await this.#ask({ what: 'sleeping' })).results[0]),
      log,
      flushDelay: FLUSH_DELAY,
    };
    return MountWorld.create(target, this.puppets);
  }

  async release() {
    return (await this.#file('/proc/sys/kernel/osrelease')).toString().trim();
  }

  /** Switches it off. */
  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill();
    await closed;
  }

  async #file(path) {
    return (await this.#ask({ what: 'readFile', bytes: Buffer.from(`${path}\0`) })).bytes;
  }

  async #startPuppet() {
    const slot = this.#slots.indexOf(false);
    if (slot === -1) throw new RangeError(`More than ${PUPPETS} processes`);
    this.#slots[slot] = true;
    const { results } = await this.#ask({ what: 'start', puppet: slot });
    const ask = (request) => this.#ask({ puppet: slot, ...request });
    return new MachinePuppet(Number(results[0]), ask, () => {
      this.#giveUp((waiting) => waiting.puppet === slot, 'The process was killed');
      // Its number is free once it is gone.
      const freed = () => {
        this.#slots[slot] = false;
      };
      this.#ask({ what: 'kill', puppet: slot }).then(freed, freed);
    });
  }

  #connect(link) {
    this.#link = link;
    this.#pending = Buffer.alloc(0);
    link.on('data', (bytes) => this.#hear(bytes));
    link.on('error', () => {});
  }

  #hear(bytes) {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    for (;;) {
      if (this.#pending.length < ANSWER_SIZE) return;
      const size = this.#pending.readUInt32LE(0);
      if (this.#pending.length < size) return;
      const answer = this.#pending.subarray(0, size);
      this.#pending = this.#pending.subarray(size);
      const serial = answer.readUInt32LE(4);
      const waiting = this.#waiting.get(serial);
      this.#waiting.delete(serial);
      const errno = Number(answer.readBigUInt64LE(8));
      const results = [16, 24, 32].map((at) => answer.readBigUInt64LE(at));
      if (errno === 0) waiting?.resolve({ results, bytes: Buffer.from(answer.subarray(ANSWER_SIZE)) });
      else waiting?.reject(Object.assign(new Error(`${waiting.what}: errno ${errno}`), { errno }));
    }
  }

  #answer(serial, what = '', puppet = -1) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(serial, { resolve, reject, what, puppet });
    });
  }

  /** Nobody will answer these. */
  #giveUp(which, why) {
    for (const [serial, waiting] of this.#waiting) {
      if (!which(waiting)) continue;
      this.#waiting.delete(serial);
      waiting.reject(new Error(why));
    }
  }

  /** @param bytes goes along; so does what is to be written to the puppet's memory, as `writes` */
  #ask({ what, puppet = -1, thread = 0, numbers = [], bytes = Buffer.alloc(0), writes = [] }) {
    if (thread >= THREADS) throw new RangeError(`More than ${THREADS} threads in a process`);
    const serial = ++this.#serial;
    const head = Buffer.alloc(REQUEST_SIZE);
    const pieces = [head, bytes];
    for (const write of writes) {
      const place = Buffer.alloc(16);
      place.writeBigUInt64LE(BigInt(write.address), 0);
      place.writeBigUInt64LE(BigInt(write.bytes.length), 8);
      pieces.push(place, write.bytes);
    }
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    head.writeUInt32LE(size, 0);
    head.writeUInt32LE(serial, 4);
    head.writeUInt16LE(Math.max(0, puppet), 8);
    head.writeUInt16LE(thread, 10);
    head.writeUInt16LE(WHATS.indexOf(what), 12);
    head.writeUInt16LE(writes.length, 14);
    head.writeBigUInt64LE(BigInt(bytes.length), 16);
    numbers.forEach((number, i) => {
      head.writeBigUInt64LE(BigInt.asUintN(64, BigInt(number)), 24 + 8 * i);
    });
    const answer = this.#answer(serial, what, OWN.has(what) ? -1 : puppet);
    this.#link.write(Buffer.concat(pieces, size));
    return answer;
  }
}

/** A process in the machine, for mount-world.ts. */
class MachinePuppet {
  #pid;
  #request;
  #kill;
  /** Threads by name: their numbers, and their ids once known. */
  #threads = new Map();

  constructor(pid, request, kill) {
    this.#pid = pid;
    this.#request = request;
    this.#kill = kill;
  }

  kill() {
    this.#kill();
  }

  ask(what, { writes = [], ...request }) {
    return this.#do[what](request, writes);
  }

  async #number(what, numbers, writes = []) {
    return Number((await this.#request({ what, numbers, writes })).results[0]);
  }

  #do = {
    open: async ({ device, nonBlocking, mapSize, heapSize }) => {
      const numbers = [nonBlocking ? 1 : 0, mapSize, heapSize];
      const { results } = await this.#request({ what: 'open', numbers, bytes: Buffer.from(`${device}\0`) });
      const [fd, mapping, heap] = results.map(Number);
      return { fd, mapping, heap, pid: this.#pid };
    },
    close: ({ fd, mapping, mapSize, heap, heapSize }) => {
      const bytes = Buffer.from(BigUint64Array.of(BigInt(heapSize)).buffer);
      return this.#request({ what: 'close', numbers: [fd, mapping, mapSize, heap], bytes });
    },
    unmap: ({ mapping, mapSize }) => this.#number('unmap', [mapping, mapSize]),
    openFile: async ({ content }) => {
      return Number((await this.#request({ what: 'openFile', bytes: Buffer.from(content) })).results[0]);
    },
    fileContent: async ({ fd }) => {
      try {
        return (await this.#request({ what: 'fileContent', numbers: [fd] })).bytes.toString();
      } catch (error) {
        if (error.errno !== 2) throw error;
        return null;
      }
    },
    closesOnExec: async ({ fd }) => (await this.#number('closesOnExec', [fd])) === 1,
    closeFile: ({ fd }) => this.#number('closeFile', [fd]),
    files: async () => {
      const { bytes } = await this.#request({ what: 'files' });
      return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i));
    },
    limitFiles: ({ count }) => this.#number('limitFiles', [count ?? -1]),
    closeDuplicate: ({ fd }) => this.#number('closeDuplicate', [fd]),
    read: async ({ address, length }, writes) => {
      return new Uint8Array(
        (await this.#request({ what: 'read', numbers: [address, length], writes })).bytes,
      );
    },
    setUser: ({ euid }) => this.#number('setUser', [euid]),
    thread: async ({ name }) => {
      let thread = this.#threads.get(name);
      if (!thread) {
        const index = this.#threads.size + 1;
        thread = { index, tid: this.#number('thread', [index]) };
        this.#threads.set(name, thread);
      }
      return thread.tid;
    },
    interrupt: ({ name }) => this.#number('interrupt', [this.#threads.get(name).index]),
    inThread: async ({ name, request }, writes) => {
      const thread = this.#threads.get(name).index;
      const { what, fd, command, bytes, readBack } = request;
      if (what === 'poll') {
        const { results } = await this.#request({ what, thread, numbers: [fd], writes });
        return results[0] === 1n;
      }
      const numbers = [fd, command, readBack?.address ?? 0, readBack?.length ?? 0];
      const answer = await this.#request({ what, thread, numbers, bytes, writes });
      return {
        errno: Number(answer.results[0]),
        bytes: answer.bytes.subarray(0, bytes.length),
        read: readBack ? new Uint8Array(answer.bytes.subarray(bytes.length)) : null,
      };
    },
  };
}
