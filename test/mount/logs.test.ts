import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runClient } from '../support/client.ts';
import { TestMount, whyNot } from '../support/mount.ts';

// The files of binder_logs/; what is in them test/scenarios/logs.ts compares with the kernel's.

const E = { exist: 17 };
const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: logs, root: ${reason}`);

describe.skipIf(reason !== null)('logs', () => {
  let mount: TestMount;
  beforeAll(async () => {
    mount = await TestMount.start('root', { args: ['--stats', 'global'] });
  });
  afterAll(() => mount?.stop());

  const client = (script: string): Promise<unknown[]> => runClient(mount, script);

  test('are files that everybody may read, and nobody may change', async () => {
    const said = await client(`
      const logs = directory + '/binder_logs';
      say(fs.readdirSync(logs).sort());
      say(fs.readdirSync(logs).map((name) => (fs.statSync(logs + '/' + name).mode & 0o777).toString(8)));
      say(fs.readdirSync(logs + '/proc'));
      const device = open();
      say([fs.readdirSync(logs + '/proc').join(), codeOf(() => fs.statSync(logs + '/proc/' + process.pid))].join(' ') === process.pid + ' 0');
      say(codeOf(() => fs.statSync(logs + '/proc/0' + process.pid)));
      say(fs.readFileSync(logs + '/proc/' + process.pid, 'latin1').split('\\n')[0]);
      device.close();
      await sleep(50);
      say([fs.readdirSync(logs + '/proc'), codeOf(() => fs.statSync(logs + '/proc/' + process.pid))]);
      say(['state', 'proc'].map((name) => codeOf(() => fs.rmSync(logs + '/' + name, { recursive: true }))));
      say([codeOf(() => fs.writeFileSync(logs + '/new', '')), codeOf(() => fs.mkdirSync(logs + '/new'))]);
      say(codeOf(() => fs.chmodSync(logs + '/state', 0o777)));
      say(codeOf(() => fs.rmdirSync(logs)));
      say(add('binder_logs'));
      fs.renameSync(directory + '/hwbinder', directory + '/other');
      say(codeOf(() => fs.renameSync(directory + '/other', logs + '/other')));
      fs.renameSync(directory + '/other', directory + '/hwbinder');
    `);
    const names = ['failed_transaction_log', 'proc', 'state', 'state_hashed', 'stats'];
    names.push('transaction_log', 'transactions', 'transactions_hashed');
    expect(said).toEqual([
      names,
      expect.arrayContaining(['444', '755']),
      [],
      true,
      'ENOENT',
      'binder proc state:',
      [[], 'ENOENT'],
      ['EPERM', 'EPERM'],
      ['EACCES', 'EPERM'],
      'EPERM',
      'EPERM',
      E.exist,
      'EPERM',
    ]);
  });

  test('hold what was so when their beginning was read', async () => {
    const said = await client(`
      const path = directory + '/binder_logs/state';
      const devices = Array.from({ length: 60 }, () => open());
      const whole = fs.readFileSync(path, 'latin1');
      const fd = fs.openSync(path, 'r');
      const piece = new Uint8Array(7);
      let text = '';
      for (let length; (length = fs.readSync(fd, piece)) > 0; ) {
        text += Buffer.from(piece.subarray(0, length)).toString('latin1');
        devices.pop()?.close();
      }
      say([whole.length > 1000, text === whole]);
      const at = (position) => Buffer.from(piece.subarray(0, fs.readSync(fd, piece, 0, 7, position))).toString('latin1');
      say([at(7), at(1e6)]);
      for (const device of devices) device.close();
      await sleep(50);
      say([at(0), at(7), at(14)]);
    `);
    expect(said).toEqual([
      [true, true],
      ['state:\n', ''],
      ['binder ', 'state:\n', ''],
    ]);
  });

  test('hide pointers in the hashed files, always in the same way', async () => {
    const said = await client(`
      const device = open();
      const object = new Uint8Array(24);
      const view = new DataView(object.buffer);
      view.setBigUint64(8, 0x123456789abcdef0n, true);
      view.setBigUint64(16, 0x0fedcba987654321n, true);
      say(device.ioctl(abi.BINDER_SET_CONTEXT_MGR_EXT, object));
      const node = (name) => /node \\d+: u(\\w+) c(\\w+)/.exec(fs.readFileSync(directory + '/binder_logs/' + name, 'latin1')).slice(1);
      say(node('state'));
      const hashed = node('state_hashed');
      say(hashed.map((one) => /^0{8}[0-9a-f]{8}$/.test(one)));
      say([hashed[0] !== hashed[1], hashed.join() === node('state_hashed').join()]);
    `);
    expect(said).toEqual([0, ['123456789abcdef0', '0fedcba987654321'], [true, true], [true, true]]);
  });

  test('count no descriptor and no memory of those who have closed them', async () => {
    const before = (await mount.status()).descriptors;
    await client(`
      for (let i = 0; i < 300; i++) fs.readFileSync(directory + '/binder_logs/stats');
      const left = Array.from({ length: 100 }, () => fs.openSync(directory + '/binder_logs/state', 'r'));
      for (const fd of left) fs.readSync(fd, new Uint8Array(1));
    `);
    expect(await mount.leftovers(before)).toEqual({});
  });
});

describe.skipIf(reason !== null)('a mount without --stats', () => {
  test('has no logs, and lets a device have their name', async () => {
    await using mount = await TestMount.start('root', { args: ['--devices', 'binder_logs'] });
    expect(readdirSync(mount.directory).sort()).toEqual(['binder-control', 'binder_logs', 'features']);
    expect(await runClient(mount, "say(codeOf(() => open('binder_logs').close()));")).toEqual([0]);
  });
});
