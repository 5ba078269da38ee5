import { accessSync, constants, mkdtempSync, rmdirSync, statSync } from 'node:fs';
import { constants as os, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWatchdog } from '../linux/mount.test-support.ts';
import { type FuseMount, mountFuse, unmount } from '../linux/mount.ts';
import { hasProgram, type Partner, python } from '../linux/partner.test-support.ts';
import type { FileAttributes } from './attributes.ts';
import { abortConnection } from './connections.ts';
import { Directory, ENTRY_TYPE } from './directory.ts';
import type { FuseHandlers } from './handlers.ts';
import { FuseLoop, type FuseLoopOptions } from './loop.ts';
import { ROOT_NODE } from './protocol.ts';
import type { FuseReply } from './reply.ts';
import type {
  FuseRequest,
  GetattrRequest,
  HandleRequest,
  IoctlRequest,
  NameRequest,
  OpenRequest,
  ReadRequest,
  ReleaseRequest,
} from './request.ts';
import { FuseSession, type FuseSessionOptions, type SessionEnd } from './session.ts';

/**
 * A mount served by the test's own process. **The test must look at it only through {@link client}s**, which are other
 * processes: itself it would wait for itself.
 */
export class TestMount {
  readonly mount: FuseMount;
  readonly session: FuseSession;
  readonly loop: FuseLoop;
  /** Resolves when the session ends; a handler's exception shows here. */
  readonly ended: Promise<SessionEnd | 'stopped'>;
  private readonly watchdog: Disposable;
  private readonly clients: Partner[] = [];

  constructor(
    createHandlers: (session: FuseSession) => FuseHandlers,
    options: FuseSessionOptions & FuseLoopOptions & { readonly directory?: string } = {},
  ) {
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'ubinder-fuse-'));
    this.mount = mountFuse({ directory, source: 'ubinder-test' });
    this.watchdog = startWatchdog(this.mount);
    this.session = new FuseSession(this.mount.fd, createHandlers, options);
    this.loop = new FuseLoop(this.session, options);
    this.ended = this.loop.run();
    this.ended.catch(() => {});
  }

  get directory(): string {
    return this.mount.directory;
  }

  path(name: string): string {
    return join(this.mount.directory, name);
  }

  /** A Python process that evaluates expressions, see {@link evaluate}. */
  client(): Client {
    const partner = python(CLIENT_SOURCE);
    this.clients.push(partner);
    return new Client(partner);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    abortConnection(this.mount.connection);
    for (const client of this.clients) await client.stop();
    unmount(this.mount.directory);
    this.loop.stop();
    this.session.close();
    this.watchdog[Symbol.dispose]();
    rmdirSync(this.mount.directory);
  }
}

const O_ACCMODE = 3;

const CLIENT_SOURCE = `
import os, sys, json, ctypes, threading, select, signal, mmap, stat, time
libc = ctypes.CDLL(None, use_errno=True)
def attempt(f, *args):
    "The result of a call, or -errno"
    try: return f(*args)
    except OSError as e: return -e.errno
def ioctl(fd, command, data):
    "[result or -errno, argument afterwards]"
    argument = ctypes.create_string_buffer(data, len(data))
    result = libc.ioctl(fd, ctypes.c_ulong(command), argument)
    return [-ctypes.get_errno() if result < 0 else result, argument.raw.decode('latin1')]
def on_signal(number, restart):
    signal.signal(number, lambda *_: None)
    signal.siginterrupt(number, not restart)
jobs = {}
def start(name, f, *args):
    "Runs a call in a thread of its own"
    job = {}
    def run():
        job['tid'] = threading.get_native_id()
        job['result'] = f(*args)
    job['thread'] = threading.Thread(target=run, daemon=True)
    jobs[name] = job
    job['thread'].start()
def join(name):
    jobs[name]['thread'].join(8)
    return jobs[name].get('result', 'still running')
opened = {}
def keep(name, value):
    opened[name] = value
    return value
for line in sys.stdin:
    try: answer = eval(line)
    except BaseException as e: answer = 'EXCEPTION ' + repr(e)
    print(json.dumps(answer), flush=True)
`;

/** A process that uses the mount. */
export class Client {
  readonly partner: Partner;

  constructor(partner: Partner) {
    this.partner = partner;
  }

  /** What a Python expression yields, by way of JSON. */
  async run<T = unknown>(expression: string): Promise<T> {
    const answer = JSON.parse(await this.partner.ask(expression)) as T;
    if (typeof answer === 'string' && answer.startsWith('EXCEPTION '))
      throw new Error(`${expression}: ${answer}`);
    return answer;
  }

  /** Sends an expression that will not answer soon, or never. */
  say(expression: string): void {
    this.partner.child.stdin?.write(`${expression}\n`);
  }
}

export const FILE_NODE = 2;
export const LINK_NODE = 3;

/** A root directory with a file `file` and a link `link` to it. Tests put other handlers over these. */
export class TinyFileSystem implements FuseHandlers {
  readonly log: string[] = [];
  content: Buffer = Buffer.from('hello world\n');
  /** Seconds for which the kernel may remember names and attributes. */
  timeout = 0;
  /** How an open is answered, of `OPEN_REPLY_FLAG`. */
  openFlags = 0;
  readonly names = new Map([
    ['file', FILE_NODE],
    ['link', LINK_NODE],
  ]);
  private readonly reply: FuseReply;
  private readonly directory = new Directory();
  private handles = 0;

  constructor(session: FuseSession) {
    this.reply = session.reply;
  }

  attributes(nodeid: number): FileAttributes {
    const common = { ino: nodeid, uid: 0, gid: 0, nlink: 1, atime: 1000, mtime: 2000, ctime: 3000 };
    if (nodeid === ROOT_NODE) return { ...common, size: 0, mode: constants.S_IFDIR | 0o755 };
    if (nodeid === LINK_NODE) return { ...common, size: 4, mode: constants.S_IFLNK | 0o777 };
    return { ...common, size: this.content.length, mode: constants.S_IFREG | 0o666 };
  }

  lookup({ unique, name }: NameRequest): void {
    const node = this.names.get(name);
    if (node === undefined) this.reply.error(unique, os.errno.ENOENT);
    else this.reply.entry(unique, node, this.attributes(node), this.timeout, this.timeout);
  }

  getattr({ unique, nodeid }: GetattrRequest): void {
    this.reply.attributes(unique, this.attributes(nodeid), this.timeout);
  }

  readlink({ unique }: FuseRequest): void {
    this.reply.bytes(unique, areaOf('file'), 0, 4);
  }

  readdir({ unique, offset, size }: ReadRequest): void {
    this.directory.start(size);
    const entries = [...this.names];
    for (const [i, [name, node]] of entries.entries()) {
      const type = node === LINK_NODE ? ENTRY_TYPE.SYMLINK : ENTRY_TYPE.FILE;
      if (i >= offset && !this.directory.add(name, node, type, i + 1)) break;
    }
    this.reply.bytes(unique, this.directory.area, 0, this.directory.length);
  }

  open({ unique, flags }: OpenRequest): void {
    this.log.push(`open ${++this.handles} flags ${flags & (O_ACCMODE | constants.O_TRUNC)}`);
    this.reply.open(unique, this.handles, this.openFlags);
  }

  flush({ unique, fh }: HandleRequest): void {
    this.log.push(`flush ${fh}`);
    this.reply.ok(unique);
  }

  release({ unique, fh }: ReleaseRequest): void {
    this.log.push(`release ${fh}`);
    this.reply.ok(unique);
  }

  read({ unique, offset, size }: ReadRequest): void {
    const rest = Math.max(0, this.content.length - offset);
    this.reply.bytes(unique, areaOf(this.content), offset, Math.min(size, rest));
  }

  /** Gives back what it got. */
  ioctl({ unique, area, dataAt, inSize, outSize }: IoctlRequest): void {
    this.reply.ioctl(unique, 0, area, dataAt, Math.min(inSize, outSize));
  }

  interrupt(unique: number): void {
    this.log.push(`interrupt ${unique}`);
  }

  forget(nodeid: number, count: number): void {
    this.log.push(`forget ${nodeid} ${count}`);
  }
}

/** Bytes on the JavaScript heap, for answers that are copied. */
export function areaOf(content: Buffer | string): { bytes: Uint8Array; view: DataView; address: number } {
  const bytes = Buffer.from(content);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), address: 0 };
}

/** Whether tests can mount here; says so on stderr when not. */
export function canMount(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    // Another device may lie over it: then it counts as missing.
    if (statSync('/dev/fuse').rdev !== ((10 << 8) | 229)) throw new Error('not the FUSE device');
  } catch {
    console.warn('SKIPPED: tests on a real mount, because /dev/fuse is not accessible here');
    return false;
  }
  if (process.geteuid?.() !== 0) {
    console.warn('SKIPPED: tests on a real mount, because they need root');
    return false;
  }
  return hasProgram('python3', '--version');
}
