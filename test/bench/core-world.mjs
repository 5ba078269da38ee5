// A driver with so many processes and nodes in this process, and calls in it: for core.mjs, which starts it.
//
//     core-world PROCESSES NODES
//
// Half of the processes serve, each with a node of its own and a thread asleep; the others call, each in a pair with one of those.
// Beside them the first server gives the first caller all other nodes. Asked by a message for `calls` calls by `whom`, it answers
// with what they took: by one pair, by a pair chosen anew for each call, or by the first pair on a node chosen anew for each call.
// Asked by a message with `death`, it answers with the slices in which a process ended that had so many nodes and refs.

import { PerformanceObserver } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as later } from 'node:timers/promises';
import * as binder from '../../dist/abi/binder.js';
import { encodeCommands } from '../../dist/abi/commands.js';
import { writeRead } from '../../dist/abi/structs.js';
import { LocalHost, LocalProcess, RawLocalDriver } from '../../dist/binder/connections/local.js';
import { Context } from '../../dist/driver/context.js';
import { PARKED } from '../../dist/driver/ports.js';

const [processes, nodes] = process.argv.slice(2).map(Number);

/** Bytes of a message, there and back. */
const SIZE = 256;
const READ_SIZE = 4096;
const CODE_AT = 4;
const BUFFER_AT = 4 + 48;

/** Knows for how long the driver kept the event loop from others, at most. */
class TimedHost extends LocalHost {
  slices = 0;
  longestMs = 0;

  startTimer(milliseconds, callback) {
    return super.startTimer(milliseconds, () => this.time(callback));
  }

  time(callback) {
    const start = performance.now();
    callback();
    this.slices++;
    this.longestMs = Math.max(this.longestMs, performance.now() - start);
  }
}

const host = new TimedHost();
const limit = 2 * nodes + 200_000;
const driver = new RawLocalDriver(host, { nodes: limit, refs: limit });
const context = new Context('binder');
const free = encodeCommands([[binder.BC_FREE_BUFFER, { buffer: 0 }]]);

/** A process with one thread, whose ioctls are answered without a promise. */
class Party extends LocalProcess {
  #view = new DataView(new ArrayBuffer(writeRead.size));
  #caller;
  #commands = this.place(new Uint8Array(256));
  #read = this.place(new Uint8Array(READ_SIZE));
  #data = this.place(new Uint8Array(SIZE));
  #send;

  constructor(pid, command) {
    super(driver, context, { pid, heapSize: 8 * 1024 });
    this.#caller = { thread: pid, euid: 0, request: 0, nonBlocking: false };
    this.map(8 * 1024);
    this.#send = encodeCommands([[command, { buffer: this.#data, dataSize: SIZE }]]);
    const enter = encodeCommands([[binder.BC_ENTER_LOOPER]]);
    this.bytesAt(this.#commands, enter.length).set(enter);
    this.#ioctl(enter.length, false);
  }

  answer(thread) {
    thread.writeRead.store(this.#view, 0);
  }

  /** BC_FREE_BUFFER if there is a buffer, and the message, to `handle` if it is a call; then reads, if it is told to. */
  exchange(buffer, handle, isReading) {
    const memory = this.bytesAt(this.#commands, 256);
    let length = 0;
    if (buffer !== 0) {
      memory.set(free);
      writeAddress(memory, 4, buffer);
      length = free.length;
    }
    if (handle >= 0) {
      memory.set(this.#send, length);
      writeAddress(memory, length + CODE_AT, handle);
      length += this.#send.length;
    }
    return this.#ioctl(length, isReading);
  }

  #ioctl(writeSize, isReading) {
    const view = this.#view;
    view.setUint32(0, writeSize, true);
    view.setUint32(8, 0, true);
    view.setUint32(16, this.#commands, true);
    view.setUint32(24, isReading ? READ_SIZE : 0, true);
    view.setUint32(32, 0, true);
    view.setUint32(40, this.#read, true);
    return this.process.ioctl(this.#caller, binder.BINDER_WRITE_READ, view, 0);
  }

  /** Reads all that is there, and sleeps. */
  drain() {
    const thread = this.process.thread(this.pid);
    do {
      // Announcements alone wake nobody.
      this.process.flush();
      while (this.#ioctl(0, true) !== PARKED);
    } while (!thread.todo.isEmpty);
  }

  /** The buffer of the item with this code among what was read. */
  received(code) {
    const length = this.#view.getUint32(32, true);
    const bytes = this.bytesAt(this.#read, length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    for (let at = 0; at < length; at += 4 + ((view.getUint32(at, true) >>> 16) & 0x3fff)) {
      if (view.getUint32(at, true) === code)
        return view.getUint32(at + BUFFER_AT, true) + view.getUint32(at + BUFFER_AT + 4, true) * 2 ** 32;
    }
    throw new Error(`no item 0x${code.toString(16)} in ${length} bytes`);
  }
}

function writeAddress(bytes, at, value) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

const CHURN = 100;

/** A server gives a caller a node. @returns the handle. */
function give(server, caller, pointer) {
  const node = server.process.createNode(pointer, pointer, 0);
  const ref = caller.process.addRef(node, true, server.process.thread(server.pid));
  node.letGo();
  return ref.handle;
}

const pairs = [];
for (let pid = 1; pid < processes; pid += 2) {
  const server = new Party(pid, binder.BC_REPLY);
  const caller = new Party(pid + 1, binder.BC_TRANSACTION);
  pairs.push({ server, caller, handle: give(server, caller, 8), buffer: 0 });
  server.drain();
}
const first = pairs[0];
const handles = [first.handle];
for (let i = pairs.length; i < nodes; i++) handles.push(give(first.server, first.caller, 8 + 8 * i));
first.server.drain();

/** A call as libbinder's server takes it: the reply in one ioctl, its request's buffer given back with the next read. */
function call(pair, handle) {
  const { server, caller } = pair;
  if (caller.exchange(pair.buffer, handle, true) !== PARKED) throw new Error('the call came back');
  const request = server.received(binder.BR_TRANSACTION);
  if (server.exchange(0, 0, true) !== 0) throw new Error('the reply was not sent');
  pair.buffer = caller.received(binder.BR_REPLY);
  if (server.exchange(request, -1, true) !== PARKED) throw new Error('the server does not sleep');
}

const KINDS = {
  'one pair': (calls) => {
    for (let i = 0; i < calls; i++) call(first, first.handle);
  },
  'any pair': (calls) => {
    for (let i = 0; i < calls; i++) {
      const pair = pairs[random(pairs.length)];
      call(pair, pair.handle);
    }
  },
  'any node': (calls) => {
    for (let i = 0; i < calls; i++) call(first, handles[random(handles.length)]);
  },
  /** A node and a ref that come and go, for each of `calls`. */
  churn: (calls) => {
    for (let left = calls; left > 0; left -= CHURN) {
      const given = Array.from({ length: CHURN }, (_, i) =>
        give(first.server, first.caller, 2 ** 40 + 8 * i),
      );
      first.server.drain();
      for (const handle of given) first.caller.process.refs.get(handle).decrement(true);
      first.server.drain();
    }
  },
};

let nextPid = processes + 1;

/** A process is gone that had so many nodes, to each of which another has a ref, and as many refs. */
async function die(count) {
  const dying = new Party(nextPid++, binder.BC_REPLY);
  const held = [];
  for (let i = 0; i < count; i++) {
    held.push(give(dying, first.caller, 8 + 8 * i));
    give(first.server, dying, 2 ** 40 + 8 * i);
  }
  dying.drain();
  first.server.drain();
  host.slices = host.longestMs = 0;
  host.time(() => dying.process.release());
  while (driver.releases.processes.length > 0) await later(1);
  const { slices, longestMs } = host;
  for (const handle of held) first.caller.process.refs.get(handle).decrement(true);
  first.server.drain();
  return { slices, longestMs };
}

let state = 1;

function random(below) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

const pauses = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) pauses.push(duration);
}).observe({ entryTypes: ['gc'] });

process.on('message', async ({ kind, calls, death }) => {
  if (death !== undefined) {
    process.send(await die(death));
    return;
  }
  pauses.length = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  KINDS[kind](calls);
  const milliseconds = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  // The collector's pauses are told later.
  await later(20);
  process.send({
    ns: (milliseconds * 1e6) / calls,
    cpuNs: ((user + system) * 1000) / calls,
    pauses: pauses.length,
    longestPauseMs: Math.max(0, ...pauses),
  });
});
process.send({ heapBytes: process.memoryUsage().heapUsed });
