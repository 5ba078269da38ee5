import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientCommand, runClient } from '../support/client.ts';
import { TestMount, whyNot } from '../support/mount.ts';

// The file system as such: names that come, change and go, and what it tells whoever asks.

const E = { perm: 1, noent: 2, acces: 13, exist: 17, inval: 22, notty: 25, nospc: 28, nametoolong: 36 };

const reason = whyNot('root');
if (reason) console.warn(`SKIPPED: devices, root: ${reason}`);

describe.skipIf(reason !== null)('devices', () => {
  let mount: TestMount;
  beforeAll(async () => {
    mount = await TestMount.start('root', {
      args: ['--devices', 'binder,gerät,日本', '--max-devices', '1000'],
    });
  });
  afterAll(() => mount?.stop());

  const client = (script: string): Promise<unknown[]> => runClient(mount, script);

  test('are added by BINDER_CTL_ADD', async () => {
    const said = await client(`
      say(add('new'));
      say(codeOf(() => open('new').close()));
      for (const name of ['new', 'binder-control', 'features', '', '.', '..', 'a/b']) say(add(name));
      const other = open('binder-control');
      say(other.ioctl(abi.BINDER_VERSION, new Uint8Array(4)));
      fs.unlinkSync(directory + '/new');
      say(codeOf(() => open('new')));
    `);
    expect(said).toEqual([
      { name: 'new', major: expect.any(Number), minor: 3 },
      0,
      ...[E.exist, E.exist, E.exist, E.acces, E.acces, E.acces, E.acces],
      E.inval,
      'ENOENT',
    ]);
  });

  test('have names of bytes', async () => {
    const said = await client(`
      say(codeOf(() => open('gerät').close()));
      say(codeOf(() => open('日本').close()));
      say(fs.readdirSync(directory).sort());
      const odd = Buffer.from([0x80, 0xff, 0x0a, 0x1b, 0x25]);
      add(odd);
      say(fs.readdirSync(directory, { encoding: 'buffer' }).some((name) => name.equals(odd)));
      const path = Buffer.concat([Buffer.from(directory + '/'), odd]);
      say(codeOf(() => fs.closeSync(fs.openSync(path, 'r+'))));
      fs.unlinkSync(path);
    `);
    const names = ['binder', 'binder-control', 'features', 'gerät', '日本'];
    expect(said).toEqual([0, 0, names, true, 0]);
    expect((await mount.status()).devices).toEqual(['binder', 'gerät', '日本']);
  });

  test('have names of up to 255 bytes', async () => {
    const said = await client(`
      say(add('x'.repeat(256)).name.length);
      say(codeOf(() => open('x'.repeat(255), { mapSize: 8192 }).close()));
      say(codeOf(() => open('y'.repeat(256))));
      say(codeOf(() => fs.renameSync(directory + '/' + 'x'.repeat(255), directory + '/' + 'y'.repeat(256))));
      fs.unlinkSync(directory + '/' + 'x'.repeat(255));
      say(fs.readdirSync(directory).length);
    `);
    expect(said).toEqual([255, 0, 'ENAMETOOLONG', 'ENAMETOOLONG', 5]);
  });

  test('can be renamed, and exchanged', async () => {
    const said = await client(`
      const renameat2 = libc('int renameat2(int, const char *, int, const char *, uint32_t)');
      const rename = (from, to, flags = 0) =>
        renameat2(-100, directory + '/' + from, -100, directory + '/' + to, flags) ? errno() : 0;
      const manage = (name) => {
        const device = open(name);
        return device.ioctl(abi.BINDER_SET_CONTEXT_MGR, new Uint8Array(4)) || device;
      };
      add('one');
      add('two');
      // A device is told by its manager
      const first = manage('one');
      say(rename('one', 'uno'));
      say([manage('uno'), codeOf(() => open('one'))]);
      say(rename('uno', 'two', 1));
      say(rename('uno', 'two', 2));
      say(manage('two'));
      say(rename('uno', 'nobody', 2));
      say(rename('uno', 'two'));
      say(codeOf(() => open('uno')));
      say(typeof manage('two'));
      say(['binder-control', 'features'].map((name) => [rename(name, 'three'), rename('two', name)]));
      say(rename('two', 'features/two'));
      say(rename('features/extended_error', 'three'));
      say(first.ioctl(abi.BINDER_VERSION, new Uint8Array(4)));
      fs.unlinkSync(directory + '/two');
    `);
    const EBUSY = 16;
    expect(said).toEqual([
      0,
      [EBUSY, 'ENOENT'],
      E.exist,
      0,
      EBUSY,
      E.noent,
      0,
      'ENOENT',
      'object',
      [
        [E.perm, E.perm],
        [E.perm, 21],
      ],
      E.perm,
      E.perm,
      0,
    ]);
  });

  test('live on without a name, and count until the last open is closed', async () => {
    const said = await client(`
      const O_PATH = 0o10000000;
      for (let i = 3; i < 1000; i++) add('d' + i);
      say(add('more'));
      const device = open('d3');
      const held = fs.openSync(directory + '/d4', O_PATH);
      fs.unlinkSync(directory + '/d3');
      say(device.ioctl(abi.BINDER_VERSION, new Uint8Array(4)));
      say(add('more'));
      device.close();
      await sleep(50);
      say(add('more').name);
      fs.unlinkSync(directory + '/d4');
      // Opened by somebody who held on to it
      fs.closeSync(fs.openSync('/proc/self/fd/' + held, 'r'));
      await sleep(50);
      say([add('last').name, add('too many')]);
    `);
    expect(said).toEqual([E.nospc, 0, E.nospc, 'more', ['last', E.nospc]]);
  });

  test('are all listed while others are removed', async () => {
    const said = await client(`
      let seen = 0;
      // In pieces, as rm does
      const listing = fs.opendirSync(directory, { bufferSize: 8 });
      for (let entry; (entry = listing.readSync()) !== null; ) {
        if (!/^(d\\d+|more|last)$/.test(entry.name)) continue;
        seen++;
        fs.unlinkSync(directory + '/' + entry.name);
      }
      listing.closeSync();
      say([seen, fs.readdirSync(directory).length]);
    `);
    expect(said).toEqual([[997, 5]]);
  });

  test('say what they are, and refuse what they are not', async () => {
    const said = await client(`
      const files = ['features/oneway_spam_detection', 'features/extended_error'];
      say(files.map((file) => fs.readFileSync(directory + '/' + file, 'latin1')));
      say(fs.readdirSync(directory + '/features'));
      say(['binder-control', 'features', 'features/extended_error'].map((file) =>
        codeOf(() => fs.rmSync(directory + '/' + file, { recursive: true }))));
      say(codeOf(() => fs.mkdirSync(directory + '/sub')));
      say(codeOf(() => fs.writeFileSync(directory + '/file', '')));
      say(codeOf(() => fs.symlinkSync('binder', directory + '/link')));
      say(codeOf(() => fs.linkSync(directory + '/binder', directory + '/link')));
      say(codeOf(() => fs.truncateSync(directory + '/binder')));
      const device = open();
      say(codeOf(() => fs.readSync(device.fd, new Uint8Array(8))));
      say(codeOf(() => fs.writeSync(device.fd, 'x')));
      const TCGETS = 0x5401;
      say([open(), open('binder-control'), open('features/extended_error')].map((it) => it.ioctl(TCGETS, new Uint8Array(64))));
    `);
    expect(said).toEqual([
      ['1\n', '1\n'],
      expect.arrayContaining(['oneway_spam_detection', 'extended_error']),
      ['EPERM', 'EPERM', 'EPERM'],
      'EPERM',
      'EACCES',
      'EPERM',
      'EPERM',
      'EINVAL',
      'EINVAL',
      'EINVAL',
      [E.inval, E.inval, E.notty],
    ]);
  });

  test('belong to whom chown and chmod say; others are refused, as on the kernel’s binderfs', async () => {
    await client(`
      add('private');
      fs.chmodSync(directory + '/private', 0o600);
      fs.chownSync(directory + '/private', 1234, 1235);
      const { mode, uid, gid } = fs.statSync(directory + '/private');
      say([mode & 0o7777, uid, gid]);
    `).then((said) => expect(said).toEqual([[0o600, 1234, 1235]]));
    const as = async (uid: number, gid: number): Promise<unknown> => {
      const script = `
        const result = codeOf(() => open('private').close());
        say([
          result,
          codeOf(() => fs.chmodSync(directory + '/private', 0o660)),
          codeOf(() => fs.chownSync(directory + '/private', process.getuid(), process.getgid())),
          codeOf(() => fs.renameSync(directory + '/private', directory + '/mine')),
          codeOf(() => fs.unlinkSync(directory + '/private')),
          codeOf(() => open('binder-control').close()),
          codeOf(() => fs.chmodSync(directory, 0o777)),
        ]);`;
      const command = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
      const { code, output } = await mount.run([...command, ...clientCommand(mount, script)]);
      expect({ code, output }).toMatchObject({ code: 0 });
      return JSON.parse(output);
    };
    // A stranger; the owner, who may not give it away to others but keep it; the group that the owner let in
    expect(await as(77, 77)).toEqual(['EACCES', 'EPERM', 'EPERM', 'EACCES', 'EACCES', 'EACCES', 'EPERM']);
    expect(await as(1234, 1235)).toEqual([0, 0, 0, 'EACCES', 'EACCES', 'EACCES', 'EPERM']);
    expect(await as(77, 1235)).toEqual([0, 'EPERM', 'EPERM', 'EACCES', 'EACCES', 'EACCES', 'EPERM']);
    await client(`fs.unlinkSync(directory + '/private');`);
  });

  test('tell nobody what others sent', async () => {
    const said = await client(`
      const ioctlCode = (direction, size) => ((direction << 30) | (size << 16) | (0x62 << 8) | 99) >>> 0;
      const size = 16000;
      say(open().ioctl(ioctlCode(1, size), new Uint8Array(size).fill(0x41)));
      for (const name of ['binder', 'binder-control']) {
        const got = new Uint8Array(size);
        say([open(name).ioctl(ioctlCode(2, size), got), got.some((byte) => byte !== 0)]);
      }
    `);
    expect(said).toEqual([E.inval, [E.inval, false], [E.inval, false]]);
  });

  test('cannot be opened twice through one look-up, which would mix their data', async () => {
    const said = await client(`
      add('evil\\n\\u001b[2J');
      const first = fs.openSync(directory + '/evil\\n\\u001b[2J', 'r');
      say(codeOf(() => fs.openSync('/proc/self/fd/' + first, 'r')));
      fs.unlinkSync(directory + '/evil\\n\\u001b[2J');
    `);
    expect(said).toEqual(['EBUSY']);
    await expect
      .poll(() => mount.log)
      .toContain('refused a second open of evil\n  \\x1b[2J: bind-mount the directory');
  });
});
