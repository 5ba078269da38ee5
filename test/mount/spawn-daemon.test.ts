import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { connect, ping } from '../../dist/binder/node/index.js';
import { type SpawnedDaemon, spawnDaemon } from '../../dist/host/launcher/spawn-daemon.js';
import { whyNot } from '../support/mount.ts';

const reason = whyNot('root') && whyNot('rootless');
const isRoot = process.getuid?.() === 0;
if (reason || !isRoot) console.warn(`SKIPPED: spawnDaemon: ${reason ?? 'not root'}`);

describe.skipIf(reason !== null || !isRoot)('spawnDaemon', () => {
  let daemon: SpawnedDaemon | undefined;
  afterEach(() => daemon?.stop());

  test('serves devices until it is stopped, and leaves nothing behind', async () => {
    daemon = await spawnDaemon({ devices: ['binder', 'mine'] });
    const { directory } = daemon;
    const binder = await connect(daemon.locator('mine'));
    await expect(ping(binder.contextManager())).rejects.toMatchObject({ code: 'DEAD_OBJECT' });
    const closed = new Promise((resolve) => binder.closed.addEventListener('abort', resolve));
    await daemon.stop();
    await closed;
    expect(existsSync(directory)).toBe(false);
    await daemon.stop();
  });

  test('has a service manager, unless it is to have none', async () => {
    daemon = await spawnDaemon();
    await using managed = await connect(daemon.locator());
    expect(await managed.services.list()).toEqual(['manager']);
    await daemon.stop();
    daemon = await spawnDaemon({ serviceManager: false });
    await using unmanaged = await connect(daemon.locator());
    await expect(ping(unmanaged.contextManager())).rejects.toMatchObject({ code: 'DEAD_OBJECT' });
  });

  test('says why it cannot', async () => {
    await expect(spawnDaemon({ args: ['--owner', 'nobody'] })).rejects.toThrow(
      /Cannot start a daemon: .*nobody/s,
    );
  });
});
