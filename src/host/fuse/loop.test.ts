import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unmount } from '../linux/mount.ts';
import { until } from '../linux/partner.test-support.ts';
import { FakeKernel } from './frames.test-support.ts';
import { FuseLoop } from './loop.ts';
import { canMount, TestMount, TinyFileSystem } from './mounted.test-support.ts';
import { OPCODE } from './protocol.ts';
import { FuseSession } from './session.ts';

let kernel: FakeKernel;
let session: FuseSession;
let opens = 0;
let onOpen: () => void = () => {};

beforeEach(() => {
  kernel = new FakeKernel();
  opens = 0;
  onOpen = () => {};
  session = new FuseSession(kernel.sessionFd, () => ({
    open() {
      opens++;
      onOpen();
    },
  }));
});

afterEach(() => {
  session.close();
  kernel.close();
});

function request(): void {
  kernel.request(OPCODE.OPEN, 2, 3, Buffer.alloc(8));
}

/** Milliseconds of processor time of this process. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

describe('the loop', { timeout: 15_000 }, () => {
  it('handles what came before, and what comes while it sleeps', async () => {
    using loop = new FuseLoop(session);
    for (let i = 0; i < 5; i++) request();
    const end = loop.run();
    expect(loop.isRunning).toBe(true);
    await until('requests', () => opens === 5);
    await new Promise((resolve) => setTimeout(resolve, 50));
    request();
    await until('request', () => opens === 6);
    loop.stop();
    expect(await end).toBe('stopped');
    expect(loop.isRunning).toBe(false);
  });

  it('leaves requests alone after a stop, until it runs again', async () => {
    using loop = new FuseLoop(session, { spin: 0 });
    const first = loop.run();
    expect(() => loop.run()).toThrow(/twice/);
    loop.stop();
    await first;
    request();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(opens).toBe(0);
    const second = loop.run();
    await until('request', () => opens === 1);
    loop.stop();
    loop.stop();
    expect(await second).toBe('stopped');
  });

  it('may be stopped by a handler', async () => {
    using loop = new FuseLoop(session);
    onOpen = () => loop.stop();
    request();
    request();
    expect(await loop.run()).toBe('stopped');
    expect(opens).toBe(1);
  });

  it('may be stopped by a handler while it wakes up, and continues promises then', async () => {
    using loop = new FuseLoop(session);
    const end = loop.run();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const order: string[] = [];
    onOpen = () => {
      Promise.resolve().then(() => order.push('promise'));
      setTimeout(() => order.push('timer'), 30);
      loop.stop();
    };
    request();
    expect(await end).toBe('stopped');
    await until('timer', () => order.includes('timer'));
    expect(order).toEqual(['promise', 'timer']);
  });

  it('ends with what a handler threw', async () => {
    using loop = new FuseLoop(session);
    onOpen = () => {
      throw new Error('handler failed');
    };
    const end = loop.run();
    setTimeout(request, 20);
    await expect(end).rejects.toThrow('handler failed');
    expect(loop.isRunning).toBe(false);
  });

  it('gives timers and immediates their turn however busy it is, and continues promises', async () => {
    using loop = new FuseLoop(session);
    // Each request is followed by the next at once: the queue is never empty
    onOpen = request;
    request();
    const end = loop.run();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    let continued = 0;
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      continued++;
    }
    await until('ticks', () => ticks > 3);
    clearInterval(timer);
    loop.stop();
    await end;
    expect(continued).toBe(20);
    expect(opens).toBeGreaterThan(1000);
  });

  it('costs nothing while nothing happens', async () => {
    using loop = new FuseLoop(session);
    const end = loop.run();
    request();
    await until('request', () => opens === 1);
    const before = processorTime();
    await new Promise((resolve) => setTimeout(resolve, 500));
    // What spinning on would cost is 500; vitest itself does a little
    expect(processorTime() - before).toBeLessThan(150);
    loop.stop();
    await end;
  });

  it('spins where there are processors for others, and not on a single one', async () => {
    const looked = session.receive.bind(session);
    for (const processors of [2, 1]) {
      using loop = new FuseLoop(session, { spin: 1e6, processors: () => processors });
      let looks = 0;
      session.receive = () => {
        looks++;
        return looked();
      };
      const end = loop.run();
      opens = 0;
      request();
      await until('request', () => opens === 1);
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (processors === 1) expect(looks).toBeLessThan(10);
      else expect(looks).toBeGreaterThan(100);
      loop.stop();
      await end;
    }
  });

  it('answers again while it spins, without the event loop', async () => {
    // A spin far longer than a turn is cut at the turn
    using loop = new FuseLoop(session, { spin: 1e6, processors: () => 2 });
    const end = loop.run();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    request();
    await until('ticks', () => ticks >= 3);
    request();
    await until('request', () => opens === 2);
    clearInterval(timer);
    loop.stop();
    await end;
  });
});

describe.skipIf(!canMount())('the loop on a mount', { timeout: 20_000 }, () => {
  it('serves many clients at once', async () => {
    await using test = new TestMount((session) => new TinyFileSystem(session));
    const clients = [test.client(), test.client(), test.client()];
    const path = test.path('file');
    const calls = await Promise.all(
      clients.map((client, i) =>
        client.run(
          `(lambda fd: sum(ioctl(fd, 0xc0306201, b'%48d' % n)[1] == '%48d' % n for n in range(${i}, ${i} + 2000)))(os.open('${path}', os.O_RDWR))`,
        ),
      ),
    );
    expect(calls).toEqual([2000, 2000, 2000]);
  });

  it('sees an unmount while it sleeps', async () => {
    await using test = new TestMount((session) => new TinyFileSystem(session));
    await until('INIT', () => test.session.connection !== null);
    await new Promise((resolve) => setTimeout(resolve, 20));
    unmount(test.directory);
    expect(await test.ended).toBe('unmounted');
  });
});
