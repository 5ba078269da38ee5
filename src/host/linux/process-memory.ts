import type { Area, ClientMemory, ThreadId } from '../../driver/ports.ts';
import { createArea, type MappedArea } from './area.ts';
import { errno, libc } from './libc.ts';
import { once } from './once.ts';

/** Bytes carried at once to and from memory that has no address of its own (a client in this process). */
const SCRATCH_SIZE = 64 * 1024;

const EFAULT = 14;

type Copy = (
  tid: number,
  local: number,
  locals: number,
  remote: number,
  remotes: number,
  flags: number,
) => number;

const c = once(() => ({
  readv: libc<Copy>('int64_t process_vm_readv(int, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t)'),
  writev: libc<Copy>('int64_t process_vm_writev(int, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t)'),
}));

/**
 * The memory of other processes, by process_vm_readv and process_vm_writev: one system call and no allocation for each
 * copy, about a microsecond for 256 bytes. One object serves all clients.
 *
 * The calls go by the id of the calling thread, not of its process: after the main thread's pthread_exit the process
 * id leads nowhere. While a thread is blocked in a request to us its id cannot be reused; do not use another's.
 *
 * Protections are respected as the kernel's copy_from_user and copy_to_user do: a page without PROT_READ (PROT_WRITE)
 * faults.
 *
 * A copy waits for the page faults it causes. Memory that only we can serve (a file of our mount) must be kept away by
 * the caller, or we wait for ourselves.
 *
 * Two iovec structs, made once:
 *
 * ```text
 *    0        8        16       24       32
 *    ├────────┼────────┼────────┼────────┤
 *    │ base   │ length │ base   │ length │
 *    └─ ours ──────────┴─ the client's ──┘
 * ```
 *
 * @example
 * using memory = new ProcessMemory();
 * using area = createArea(4096);
 * const copied = memory.read(tid, address, area, 0, 256);
 */
export class ProcessMemory implements ClientMemory {
  /**
   * Why the last copy was short: 0 when it was not, EFAULT (14) when memory is not there, ESRCH (3) when the thread is
   * gone, EPERM (1) when the kernel does not let us look at this process.
   */
  lastErrno = 0;

  private readonly iovecs: MappedArea = createArea(32);
  /** The iovecs as 32-bit halves, little-endian as the architectures we run on are. */
  private readonly words: Uint32Array = wordsOf(this.iovecs);
  private readonly local: number = this.iovecs.address;
  private readonly remote: number = this.iovecs.address + 16;
  private readonly readv: Copy = c().readv;
  private readonly writev: Copy = c().writev;
  private scratch: MappedArea | undefined;

  /**
   * See {@link ClientMemory.read}. An area without an address is filled through a scratch area.
   *
   * @throws RangeError when the range does not lie within `into`.
   */
  read(thread: ThreadId, address: number, into: Area, at: number, length: number): number {
    checkRange(into, at, length);
    if (into.address !== 0) return this.copy(this.readv, thread, into.address + at, address, length);

    const scratch = this.scratchArea();
    let done = 0;
    while (done < length) {
      const part = Math.min(SCRATCH_SIZE, length - done);
      const copied = this.copy(this.readv, thread, scratch.address, address + done, part);
      into.bytes.set(scratch.bytes.subarray(0, copied), at + done);
      done += copied;
      if (copied < part) break;
    }
    return done;
  }

  /**
   * See {@link ClientMemory.write}. An area without an address is copied through a scratch area.
   *
   * @throws RangeError when the range does not lie within `from`.
   */
  write(thread: ThreadId, address: number, from: Area, at: number, length: number): number {
    checkRange(from, at, length);
    if (from.address !== 0) return this.copy(this.writev, thread, from.address + at, address, length);

    const scratch = this.scratchArea();
    let done = 0;
    while (done < length) {
      const part = Math.min(SCRATCH_SIZE, length - done);
      scratch.bytes.set(from.bytes.subarray(at + done, at + done + part));
      const copied = this.copy(this.writev, thread, scratch.address, address + done, part);
      done += copied;
      if (copied < part) break;
    }
    return done;
  }

  /** {@link write} for memory of ours that is known by its address alone. */
  writeFrom(thread: ThreadId, address: number, from: number, length: number): number {
    return this.copy(this.writev, thread, from, address, length);
  }

  /** {@link read} likewise. */
  readTo(thread: ThreadId, address: number, to: number, length: number): number {
    return this.copy(this.readv, thread, to, address, length);
  }

  [Symbol.dispose](): void {
    this.iovecs.release();
    this.scratch?.release();
  }

  private copy(call: Copy, thread: ThreadId, here: number, there: number, length: number): number {
    this.lastErrno = 0;
    // Thread 0 would be ourselves
    if (length === 0 || thread <= 0) return 0;
    const words = this.words;
    words[0] = here;
    words[1] = here / 0x1_0000_0000;
    words[2] = length;
    words[3] = length / 0x1_0000_0000;
    words[4] = there;
    words[5] = there / 0x1_0000_0000;
    words[6] = length;
    words[7] = length / 0x1_0000_0000;
    const copied = call(thread, this.local, 1, this.remote, 1, 0);
    if (copied === length) return copied;
    if (copied === -1) {
      this.lastErrno = errno();
      return 0;
    }
    this.lastErrno = EFAULT;
    return copied;
  }

  private scratchArea(): MappedArea {
    this.scratch ??= createArea(SCRATCH_SIZE);
    return this.scratch;
  }
}

function wordsOf(area: MappedArea): Uint32Array {
  const { buffer, byteOffset, byteLength } = area.bytes;
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

/** A wrong range here would overwrite our own memory, so it is an error of ours and not the client's. */
function checkRange(area: Area, at: number, length: number): void {
  if (at >= 0 && length >= 0 && at + length <= area.bytes.length) return;
  throw new RangeError(`Cannot copy ${length} bytes at ${at} of an area of ${area.bytes.length} bytes`);
}
