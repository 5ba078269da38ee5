import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientCommand, runClient } from '../support/client.ts';
import { type Mode, TestMount, whyNot } from '../support/mount.ts';

// Opens of devices and the threads that use them: many, short of descriptors, dying, and left asleep by a daemon's end.

const modes: Mode[] = ['root', 'rootless'];

for (const mode of modes) {
  const reason = whyNot(mode);
  if (reason) console.warn(`SKIPPED: opens, ${mode}: ${reason}`);
  describe.skipIf(reason !== null)(`opens ${mode}`, () => {
    let mount: TestMount;
    let descriptors: number;
    beforeEach(async () => {
      mount = await TestMount.start(mode, { seconds: 40 });
      ({ descriptors } = await mount.status());
    });
    afterEach(() => mount.stop());

    /** Everything that clients had part in is gone. */
    const expectNothingLeft = (): Promise<void> =>
      expect.poll(() => mount.leftovers(descriptors), { timeout: 5000 }).toEqual({});

    test('a thread that ends is missed, also when another ended before it', async () => {
      const manager = mount.spawn(
        clientCommand(
          mount,
          `
          const device = open('binder', { mapSize: 131072 });
          device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
          device.ioctl(abi.BINDER_SET_CONTEXT_MGR, new Uint8Array(4));
          for (let i = 0; i < 3; i++) await inThread(device.fd, 'exchange([[abi.BC_ENTER_LOOPER]], 0)');
          await inThread(
            device.fd,
            "exchange([[abi.BC_ENTER_LOOPER]], 0); tell('ready'); tell(exchange([]))",
            say,
          );
          say('ended');
          await sleep(20000);
          `,
        ),
      );
      let said = '';
      manager.stdout?.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      await expect.poll(() => said, { timeout: 10_000 }).toContain('ready');
      const answers = await runClient(
        mount,
        `
        const device = open('binder', { mapSize: 131072 });
        device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
        say(await exchange(device, [[abi.BC_TRANSACTION, { targetHandle: 0, code: 1 }]]));
        `,
      );
      expect(answers).toEqual([['BR_NOOP', 'BR_TRANSACTION_COMPLETE', 'BR_DEAD_REPLY']]);
      await expect.poll(() => said, { timeout: 10_000 }).toContain('BR_TRANSACTION');
      await expect
        .poll(() => mount.status(), { timeout: 10_000 })
        .toMatchObject({ processes: 1, sleeping: 0, transactions: 0 });
      manager.kill('SIGKILL');
      await expectNothingLeft();
    });

    test('a client killed in a read, while others poll, leaves nothing', async () => {
      const asleep = mount.spawn(
        clientCommand(
          mount,
          `
          const device = open();
          device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
          say('asleep');
          await exchange(device, [[abi.BC_ENTER_LOOPER]]);
          `,
        ),
      );
      const polling = mount.spawn(
        clientCommand(
          mount,
          `
          const { watchReadable } = await import(dist + '/host/fuse/loop.js');
          const device = open();
          device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
          // Kept: a watch that is garbage ends
          globalThis.watch = watchReadable(device.fd, () => say('readable'));
          say('polling');
          `,
        ),
      );
      let heard = '';
      polling.stdout?.on('data', (chunk: Buffer) => {
        heard += chunk;
      });
      await expect
        .poll(() => mount.status(), { timeout: 10_000 })
        .toMatchObject({ processes: 2, sleeping: 1 });
      await expect.poll(() => heard).toContain('polling');
      asleep.kill('SIGKILL');
      await expect.poll(() => mount.status(), { timeout: 5000 }).toMatchObject({ processes: 1, sleeping: 0 });
      // Nothing came for it: a poller that is woken for nothing blocks in the read that follows
      expect(heard).toBe('"polling"\n');
      polling.kill('SIGKILL');
      await expectNothingLeft();
    });

    test('when the daemon ends, reads end with ECONNREFUSED and pollers are told', async () => {
      const reader = mount.spawn(
        clientCommand(
          mount,
          `
          const device = open();
          device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
          say(await exchange(device, [[abi.BC_ENTER_LOOPER]]));
          say(await exchange(device, []));
          `,
        ),
      );
      const poller = mount.spawn(
        clientCommand(
          mount,
          `
          const { watchReadable } = await import(dist + '/host/fuse/loop.js');
          const device = open();
          device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
          globalThis.watch = watchReadable(device.fd, () => setImmediate(async () => {
            globalThis.watch.close();
            say(await exchange(device, []));
            device.close();
          }));
          say('polling');
          `,
        ),
      );
      const said: string[] = ['', ''];
      for (const [i, client] of [reader, poller].entries())
        client.stdout?.on('data', (chunk: Buffer) => {
          said[i] += String(chunk);
        });
      await expect
        .poll(() => mount.status(), { timeout: 10_000 })
        .toMatchObject({ processes: 2, sleeping: 1 });
      await expect.poll(() => said[1]).toContain('polling');
      mount.terminate();
      const ECONNREFUSED = 111;
      await expect
        .poll(() => said, { timeout: 5000 })
        .toEqual([`${ECONNREFUSED}\n${ECONNREFUSED}\n`, `"polling"\n${ECONNREFUSED}\n`]);
    });

    test.skipIf(mode !== 'root')('thousands are served, and all given back', async () => {
      // A client's limit is mostly 1,024 or 1,048,576; here it is what the daemon has, too
      const [opened] = await runClient(
        mount,
        `
        const fds = [];
        const limit = /Max open files\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/limits', 'latin1'))[1];
        for (let i = 0; i < Math.min(2000, limit / 2 - 100); i++) fds.push(fs.openSync(directory + '/binder', 'r+'));
        say(fds.length);
        `,
      );
      expect(opened).toBeGreaterThan(400);
      await expectNothingLeft();
    });

    test.skipIf(mode !== 'root')('a client that takes all descriptors harms nobody else', async () => {
      const limit = 160;
      const { code } = await mount.run(['prlimit', '--pid', `${mount.pid}`, `--nofile=${limit}`]);
      expect(code).toBe(0);
      const victim = mount.spawn(
        clientCommand(
          mount,
          `
          const device = open('binder', { mapSize: 8192 });
          device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
          for (let i = 0; i < 20; i++) {
            await sleep(50);
            const errno = device.ioctl(abi.BINDER_VERSION, new Uint8Array(4));
            if (errno) say(errno);
          }
          say('served');
          `,
        ),
      );
      let said = '';
      victim.stdout?.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      await expect.poll(() => mount.status(), { timeout: 10_000 }).toMatchObject({ processes: 1 });
      const greedy = await runClient(
        mount,
        `
        const fds = [];
        for (let i = 0; i < 10; i++) await inThread(open().fd, 'exchange([[abi.BC_ENTER_LOOPER]], 0)');
        const why = codeOf(() => { for (let i = 0; i < 1000; i++) fds.push(fs.openSync(directory + '/binder', 'r+')); });
        say([why, fds.length]);
        await sleep(500);
        `,
      );
      // The daemon reckons with the limit that it began with, so this one takes it by surprise
      expect(greedy).toEqual([[expect.stringMatching(/^E(NFILE|PERM)$/), expect.any(Number)]]);
      await expect.poll(() => said, { timeout: 10_000 }).toBe('"served"\n');
      await expectNothingLeft();
    });
  });
}

for (const mode of modes) {
  describe.skipIf(whyNot(mode) !== null)(`limits of a user ${mode}`, () => {
    test('opens beyond them fail with EMFILE, and come in when others have closed', async () => {
      const mount = await TestMount.start(mode, { args: ['--limit', 'processes=3', '--limit', 'devices=2'] });
      try {
        const said = await runClient(
          mount,
          `
          const fds = [];
          const openOne = () => fds.push(fs.openSync(directory + '/binder', 'r+'));
          const why = codeOf(() => { for (;;) openOne(); });
          say([why, fds.length]);
          fs.closeSync(fds.pop());
          await sleep(200);
          openOne();
          say([codeOf(openOne), fds.length]);
          `,
        );
        expect(said).toEqual([
          ['EMFILE', 3],
          ['EMFILE', 3],
        ]);
        await expect.poll(() => mount.status(), { timeout: 5000 }).toMatchObject({ processes: 0 });
      } finally {
        await mount.stop();
      }
    });
  });
}
