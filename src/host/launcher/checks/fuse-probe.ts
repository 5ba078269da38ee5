import { closeSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { SystemCallError } from '../../linux/libc.ts';
import { type FuseMount, mountFuse, unmount } from '../../linux/mount.ts';
import { errorCode } from '../failure.ts';
import { enterMountNamespace } from '../namespaces.ts';
import { flags, ioctl, mount } from '../syscalls.ts';

/** What came of one attempt: `ok`, or the code of the error (`EPERM`). */
export type Attempt = 'ok' | string;

/** What a real FUSE mount, made and removed at once, tells. */
export interface FuseReport {
  /** Entering a mount namespace. */
  readonly namespace: Attempt;
  /** Opening /dev/fuse. */
  readonly device: Attempt;
  readonly mount: Attempt;
  /** Registering a file that the kernel maps in place of ours; `unsupported` when the kernel does not offer it. */
  readonly passthrough: Attempt | 'unsupported';
}

const FUSE_INIT = 26;
const FUSE_INIT_EXT = 1 << 30;
/** Bit 37 of the flags: bit 5 of their second word. */
const FUSE_PASSTHROUGH_HIGH = 1 << 5;
const FUSE_DEV_IOC_BACKING_OPEN = 0x4010e501;
const FUSE_DEV_IOC_BACKING_CLOSE = 0x4004e502;
/** The kernel refuses to read into less. */
const MIN_READ_BUFFER = 8192;

/**
 * Mounts a FUSE file system in a private mount namespace, answers its first request, asks for passthrough, and takes
 * it away again. The mount point is never looked at: nobody would answer.
 *
 * Changes the namespace of the process for good, and may hang in a broken kernel: call in a child process.
 *
 * @param entered whether the process is in a namespace of its own already.
 */
export function probeFuse(entered: boolean): FuseReport {
  const report = { namespace: 'ok', device: 'untried', mount: 'untried', passthrough: 'untried' };
  let place: string;
  try {
    if (!entered && !enterMountNamespace()) return { ...report, namespace: 'EPERM' };
    place = coverTemporaryDirectory();
  } catch (error) {
    return { ...report, namespace: code(error) };
  }
  let fuse: FuseMount;
  try {
    fuse = mountFuse({ directory: `${place}/mount`, source: 'ubinder-doctor' });
  } catch (error) {
    const isDevice = error instanceof SystemCallError && error.syscall === 'open';
    if (isDevice) return { ...report, device: code(error) };
    return { ...report, device: 'ok', mount: code(error) };
  }
  const mounted = { ...report, device: 'ok', mount: 'ok' };
  try {
    return { ...mounted, passthrough: probePassthrough(fuse.fd, `${place}/backing`) };
  } catch (error) {
    return { ...mounted, passthrough: code(error) };
  } finally {
    unmount(fuse.directory);
    closeSync(fuse.fd);
  }
}

/** An empty place that vanishes with the namespace. */
function coverTemporaryDirectory(): string {
  const place = tmpdir();
  mount('ubinder-doctor', place, 'tmpfs', flags.MS_NOSUID | flags.MS_NODEV, 'mode=700,size=1m');
  mkdirSync(`${place}/mount`);
  return place;
}

/**
 * Whether the kernel maps another file in place of ours. Does the handshake of a new mount first:
 *
 * ```text
 *   fuse_in_header   len 4 | opcode 4 | unique 8 | nodeid 8 | uid 4 | gid 4 | pid 4 | extra 4      40 bytes
 *   fuse_init_in     major 4 | minor 4 | max_readahead 4 | flags 4 | flags2 4 | ...
 *   fuse_out_header  len 4 | error 4 | unique 8                                                    16 bytes
 *   fuse_init_out    major 4 | minor 4 | max_readahead 4 | flags 4 | background 2 | congestion 2 |
 *                    max_write 4 | time_gran 4 | max_pages 2 | align 2 | flags2 4 | max_stack_depth 4 | ...   64 bytes
 * ```
 *
 * @param device the descriptor of /dev/fuse that was just mounted and not read yet.
 * @param backing a path for a file to register.
 */
export function probePassthrough(device: number, backing: string): Attempt | 'unsupported' {
  const request = Buffer.alloc(MIN_READ_BUFFER);
  readSync(device, request, 0, request.length, null);
  if (request.readUInt32LE(4) !== FUSE_INIT) return 'unexpected request';
  const offered = request.readUInt32LE(40 + 12) & FUSE_INIT_EXT ? request.readUInt32LE(40 + 16) : 0;
  const wanted = offered & FUSE_PASSTHROUGH_HIGH;

  const reply = Buffer.alloc(16 + 64);
  reply.writeUInt32LE(reply.length, 0);
  request.copy(reply, 8, 8, 16);
  reply.writeUInt32LE(7, 16);
  reply.writeUInt32LE(Math.min(request.readUInt32LE(44), 40), 20);
  reply.writeUInt32LE(wanted ? FUSE_INIT_EXT : 0, 28);
  reply.writeUInt32LE(4096, 36);
  reply.writeUInt32LE(1, 40);
  reply.writeUInt32LE(wanted, 48);
  reply.writeUInt32LE(wanted ? 1 : 0, 52);
  writeSync(device, reply);
  if (!wanted) return 'unsupported';

  // struct fuse_backing_map: int fd @0, u32 flags @4, u64 padding @8
  const file = openSync(backing, 'w+');
  const map = Buffer.alloc(16);
  map.writeInt32LE(file, 0);
  try {
    const id = Buffer.alloc(4);
    id.writeInt32LE(ioctl(device, FUSE_DEV_IOC_BACKING_OPEN, map), 0);
    ioctl(device, FUSE_DEV_IOC_BACKING_CLOSE, id);
    return 'ok';
  } catch (error) {
    return code(error);
  } finally {
    closeSync(file);
  }
}

function code(error: unknown): string {
  return errorCode(error) ?? String((error as Error).message);
}
