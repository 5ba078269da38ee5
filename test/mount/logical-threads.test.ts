import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runClient } from '../support/client.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';

// The ioctls of logical threads as a client that means harm makes them; test/mount/library.test.ts has one that means well.

const mode: Mode = whyNot('root') ? 'rootless' : 'root';
const reason = whyNot(mode);
if (reason) console.warn(`SKIPPED: logical threads: ${reason}`);

/** Ioctls on memory at an address, and the sockets that they need. */
const SUPPORT = `
const { createArea } = await import(dist + '/host/linux/area.js');
const { socketPair } = await import(dist + '/host/linux/unix-socket.js');
const logical = await import(dist + '/abi/logical-threads.js');
const device = open('binder', { mapSize: 131072 });
device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
const ioctlAt = libc('int ioctl(int, uint64_t, uint64_t)');
const at = (code, address) => (ioctlAt(device.fd, code, address) === -1 ? errno() : 0);
const area = createArea(16384);
const register = (events, files) => {
  area.view.setInt32(0, events, true);
  area.view.setInt32(4, files, true);
  return at(logical.UBINDER_LOGICAL_OPEN, area.address);
};
const [mine, theirs] = socketPair();
const [myFiles, theirFiles] = socketPair();
/** BINDER_WRITE_READ of a logical thread, all of it in the argument, but for what is changed. */
const writeRead = (changes = {}, code) => {
  const { thread = 7, command = abi.BINDER_WRITE_READ, size = 1024, commands = [] } = changes;
  const bytes = encodeCommands(commands);
  area.view.setUint32(0, thread, true);
  area.view.setUint32(4, command, true);
  area.bytes.set(bytes, 600);
  area.bytes.set(structs.writeRead.bytes({
    writeSize: bytes.length, writeBuffer: area.address + 600, readSize: 256, readBuffer: area.address + 64, ...changes.counts,
  }), 16);
  return at(code ?? logical.logicalIoctl(size), area.address);
};
`;

describe.skipIf(reason !== null)('logical threads', () => {
  let mount: TestMount;
  let descriptors: number;
  beforeEach(async () => {
    mount = await TestMount.start(mode, { seconds: 40 });
    ({ descriptors } = await mount.status());
  });
  afterEach(async () => {
    await expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});
    await mount.stop();
  });

  test('only unix stream sockets are registered, and only once', async () => {
    const answers = await runClient(
      mount,
      `${SUPPORT}
      const { execFileSync } = await import('node:child_process');
      const { createServer } = await import('node:net');
      const tcp = createServer().listen(0);
      execFileSync('mkfifo', ['/tmp/fifo-' + process.pid]);
      const fifo = fs.openSync('/tmp/fifo-' + process.pid, fs.constants.O_RDWR);
      fs.unlinkSync('/tmp/fifo-' + process.pid);
      const file = fs.openSync('/dev/null', 'r+');
      say([
        register(-1, theirFiles), register(theirs, -1), register(99999, theirFiles), register(fifo, theirFiles),
        register(theirs, file), register(device.fd, theirFiles), register(tcp._handle.fd, theirFiles),
        writeRead(),
        register(theirs, theirFiles), register(theirs, theirFiles),
      ]);
      tcp.close();
      `,
    );
    // EBADF, EINVAL, ENOTTY before there are any, EBUSY
    expect(answers).toEqual([[9, 9, 9, 22, 22, 22, 22, 25, 0, 16]]);
  });

  test('arguments that are wrong end with an errno', async () => {
    const answers = await runClient(
      mount,
      `${SUPPORT}
      register(theirs, theirFiles);
      const { address } = area;
      say([
        writeRead({ thread: 0 }),
        writeRead({ command: abi.BINDER_SET_MAX_THREADS }),
        writeRead({ size: 63 }),
        writeRead({ counts: { readBuffer: address } }),
        writeRead({ counts: { readBuffer: address + 1000 } }),
        writeRead({ counts: { readBuffer: 0x7fffffff0000 } }),
        writeRead({ counts: { readSize: 2 ** 52 } }),
        writeRead({ counts: { writeSize: 4, writeBuffer: address + 2000 } }),
        writeRead({ counts: { writeSize: 2n ** 63n } }),
        writeRead({}, logical.logicalIoctl(1024) + 5),
        // The first ioctl of a thread never sleeps, and the next one sleeps as a number does.
        writeRead(),
        writeRead({ commands: [[abi.BC_ENTER_LOOPER]] }),
        area.view.getUint32(logical.LOGICAL_HEADER.sleeps, true),
        writeRead({ command: abi.BINDER_THREAD_EXIT }),
      ]);
      `,
    );
    expect(answers).toEqual([[22, 22, 22, 22, 22, 22, 22, 22, 22, 25, 0, 0, 1, 0]]);
  });

  test('who does not read his events harms nobody', async () => {
    const answers = await runClient(
      mount,
      `${SUPPORT}
      register(theirs, theirFiles);
      let failed = 0;
      // Each ioctl ends the sleep of the one before, which is an event.
      for (let i = 0; i < 20_000; i++) if (writeRead() !== 0) failed++;
      say(failed);
      `,
    );
    expect(answers).toEqual([0]);
    expect((await mount.status()).processes).toBeLessThan(2);
  });
});
