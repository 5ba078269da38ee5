import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compile, whyNoCompiler } from '../support/compile.ts';
import { whyNot } from '../support/mount.ts';
import { slowness } from '../support/slowness.ts';

// A mount of an ordinary user who has neither a user namespace nor root, but the setuid program fusermount3.

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const NOBODY = 65534;

/** In a mount namespace that the test makes, where everybody may open /dev/fuse and nobody sees another fuse.conf. */
const OPEN = 'mknod -m 666 "$0"/fuse c 10 229 && mount --bind "$0"/fuse /dev/fuse && exec "$@"';

function whyNoHelper(): string | null {
  const path = '/usr/bin/fusermount3';
  if (!existsSync(path)) return 'fusermount3 is not installed';
  return statSync(path).mode & 0o4000 ? null : 'fusermount3 is not setuid';
}

/** Lets commands run as nobody, in one mount namespace. */
class Place {
  readonly base = mkdtempSync(`${tmpdir()}/ubinder-user-`);
  readonly directory = `${this.base}/mount`;
  readonly runtime = `${this.base}/runtime`;
  readonly #keeper: ChildProcess;
  readonly ready: Promise<void>;

  constructor() {
    for (const path of [this.directory, this.runtime]) {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, NOBODY, NOBODY);
    }
    execFileSync('chmod', ['755', this.base]);
    const say = ['sh', '-c', 'echo made; exec cat'];
    this.#keeper = spawn('unshare', ['-m', 'sh', '-c', OPEN, this.base, ...say], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.ready = new Promise((done, fail) => {
      createInterface({ input: this.#keeper.stdout as NodeJS.ReadableStream }).once('line', () => done());
      this.#keeper.once('exit', () => fail(new Error('no namespace')));
    });
  }

  #args(command: readonly string[]): string[] {
    const become = ['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups'];
    const variables = ['env', `XDG_RUNTIME_DIR=${this.runtime}`];
    return ['-t', `${this.#keeper.pid}`, '-m', ...become, ...variables, ...command];
  }

  start(command: readonly string[]): ChildProcess {
    return spawn('nsenter', this.#args(command), { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** At most as long as the longest of the C programs takes where all is slow; one that is ended then says nothing. */
  run(command: readonly string[]): { code: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync('nsenter', this.#args(command), {
      cwd: '/',
      timeout: 150_000 * slowness,
    });
    return { code: status, output: `${stdout}${stderr}` };
  }

  get isMounted(): boolean {
    return readFileSync(`/proc/${this.#keeper.pid}/mountinfo`, 'utf8').includes(` ${this.directory} `);
  }

  async close(): Promise<void> {
    // The last process of the namespace takes its mounts with it
    await new Promise((done) => {
      this.#keeper.once('close', done);
      this.#keeper.stdin?.end();
    });
    rmSync(this.base, { recursive: true });
  }
}

/** The line in which a daemon says that it is ready, or everything that it complained of. */
function firstLine(daemon: ChildProcess): Promise<string> {
  let complaint = '';
  daemon.stderr?.on('data', (text) => {
    complaint += text;
  });
  return new Promise((done) => {
    createInterface({ input: daemon.stdout as NodeJS.ReadableStream }).once('line', done);
    daemon.once('close', () => done(complaint));
  });
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((done) => {
    if (child.exitCode !== null) done(child.exitCode);
    else child.once('close', done);
  });

const reason = whyNoCompiler() ?? whyNot('root') ?? whyNoHelper();
if (reason) console.warn(`SKIPPED: mounts by fusermount3: ${reason}`);
describe.skipIf(reason !== null)('fusermount3', { timeout: 180_000 * slowness }, () => {
  let place: Place;

  beforeEach(async () => {
    place = new Place();
    await place.ready;
  });
  afterEach(() => place.close());

  const ubinder = (command: string, ...options: string[]): string[] => {
    return [process.execPath, MAIN, command, '--mount', place.directory, ...options];
  };

  test('serves an ordinary user, and leaves nothing', async () => {
    const daemon = place.start(ubinder('up', '--no-service-manager'));
    expect(await firstLine(daemon)).toMatch(/^ubinder ready: /);
    for (const name of ['calls', 'poll', 'death', 'fds']) {
      const program = await compile(new URL(`${name}.c`, import.meta.url).pathname);
      const result = place.run([program, `${place.directory}/binder`]);
      expect(result).toEqual({ code: 0, output: expect.stringContaining(`ok ${name}`) });
    }
    expect(place.run(ubinder('down'))).toEqual({
      code: 0,
      output: '',
    });
    expect(await ended(daemon)).toBe(0);
    expect(place.isMounted).toBe(false);
  });

  test('a killed daemon is followed by another at the same place', async () => {
    const daemon = place.start(ubinder('up'));
    const pid = Number(/pid (\d+)/.exec(await firstLine(daemon))?.[1]);
    let log = '';
    daemon.stderr?.on('data', (text) => {
      log += text;
    });
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => log, { timeout: 20_000 }).toMatch(/serving .* again \(pid \d+\)/);
    expect(log).toContain('cleared away what a killed daemon left');
    daemon.kill('SIGTERM');
    expect(await ended(daemon)).toBe(0);
    expect(place.isMounted).toBe(false);
  });

  test('says how to get it where it is missing', async () => {
    const daemon = place.start(['PATH=/nowhere', ...ubinder('up', '--no-supervise')]);
    expect(await firstLine(daemon)).toMatch(/Cannot run fusermount3: ENOENT; install the package fuse3/);
    expect(await ended(daemon)).toBe(1);
  });

  test('passes on why others cannot be let in', async () => {
    const daemon = place.start(ubinder('up', '--mode', '0666', '--no-supervise'));
    expect(await firstLine(daemon)).toMatch(/user_allow_other.* in \/etc\/fuse.conf/);
    expect(await ended(daemon)).toBe(1);
  });
});
