import type { Area, ClientMemory, ThreadId } from '../../driver/ports.ts';
import { copySegments, SegmentPairs } from '../../page/copy-segments.ts';
import type { ScatterList } from '../../page/scatter-list.ts';
import { createArea, type MappedArea } from './area.ts';
import { errno, libc } from './libc.ts';
import { once } from './once.ts';

/** Pieces in one system call (UIO_MAXIOV). */
const IOV_MAX = 1024;

/** Bytes of a struct iovec. */
const IOVEC_SIZE = 16;

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
 * Two arrays of iovec structs, made once:
 *
 * ```text
 *    0        8        16             16 Ki                    32 Ki
 *    ├────────┼────────┼─ ... ─────────┼────────┼────────┼─ ... ─┤
 *    │ base   │ length │ up to 1,024   │ base   │ length │       │
 *    └─ ours ──────────────────────────┴─ the client's ──────────┘
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

  private readonly iovecs: MappedArea = createArea(2 * IOV_MAX * IOVEC_SIZE);
  /** The iovecs as 32-bit halves, little-endian as the architectures we run on are. */
  private readonly words: Uint32Array = wordsOf(this.iovecs);
  private readonly local: number = this.iovecs.address;
  private readonly remote: number = this.iovecs.address + IOV_MAX * IOVEC_SIZE;
  private readonly readCall: Copy = c().readv;
  private readonly writeCall: Copy = c().writev;
  private readonly pairs = new SegmentPairs();
  private scratch: MappedArea | undefined;

  /**
   * See {@link ClientMemory.read}. An area without an address is filled through a scratch area.
   *
   * @throws RangeError when the range does not lie within `into`.
   */
  read(thread: ThreadId, address: number, into: Area, at: number, length: number): number {
    checkRange(into, at, length);
    if (into.address !== 0) return this.copy(this.readCall, thread, into.address + at, address, length);

    const scratch = this.scratchArea();
    let done = 0;
    while (done < length) {
      const part = Math.min(SCRATCH_SIZE, length - done);
      const copied = this.copy(this.readCall, thread, scratch.address, address + done, part);
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
    if (from.address !== 0) return this.copy(this.writeCall, thread, from.address + at, address, length);

    const scratch = this.scratchArea();
    let done = 0;
    while (done < length) {
      const part = Math.min(SCRATCH_SIZE, length - done);
      scratch.bytes.set(from.bytes.subarray(at + done, at + done + part));
      const copied = this.copy(this.writeCall, thread, scratch.address, address + done, part);
      done += copied;
      if (copied < part) break;
    }
    return done;
  }

  /** {@link write} for memory of ours that is known by its address alone. */
  writeFrom(thread: ThreadId, address: number, from: number, length: number): number {
    return this.copy(this.writeCall, thread, from, address, length);
  }

  /** {@link read} likewise. */
  readTo(thread: ThreadId, address: number, to: number, length: number): number {
    return this.copy(this.readCall, thread, to, address, length);
  }

  /** See {@link ClientMemory.readv}. @throws RangeError when a segment does not lie within `into`. */
  readv(thread: ThreadId, from: ScatterList, into: Area, to: ScatterList): number {
    for (let i = 0; i < to.count; i++) checkRange(into, to.start(i), to.length(i));
    const base = into.address;
    if (base === 0) return copySegments(this, thread, from, into, to);
    if (from.count === 1 && to.count === 1)
      return this.copy(this.readCall, thread, base + to.start(0), from.start(0), to.length(0));

    const { pairs } = this;
    let done = 0;
    let isOver = false;
    pairs.restart();
    while (!isOver) {
      let count = 0;
      let size = 0;
      for (; count < IOV_MAX; count++) {
        isOver = !pairs.step(from, to);
        if (isOver) break;
        this.setPair(count, base + pairs.to, pairs.from, pairs.length);
        size += pairs.length;
      }
      const copied = this.transfer(this.readCall, thread, count, size);
      done += copied;
      if (copied < size) break;
    }
    return done;
  }

  [Symbol.dispose](): void {
    this.iovecs.release();
    this.scratch?.release();
  }

  private copy(call: Copy, thread: ThreadId, here: number, there: number, length: number): number {
    this.setPair(0, here, there, length);
    return this.transfer(call, thread, 1, length);
  }

  private setPair(index: number, here: number, there: number, length: number): void {
    const { words } = this;
    const local = index * (IOVEC_SIZE / 4);
    const remote = (IOV_MAX + index) * (IOVEC_SIZE / 4);
    words[local] = here;
    words[local + 1] = here / 0x1_0000_0000;
    words[local + 2] = length;
    words[local + 3] = length / 0x1_0000_0000;
    words[remote] = there;
    words[remote + 1] = there / 0x1_0000_0000;
    words[remote + 2] = length;
    words[remote + 3] = length / 0x1_0000_0000;
  }

  /** @param size - bytes of all `count` pairs */
  private transfer(call: Copy, thread: ThreadId, count: number, size: number): number {
    this.lastErrno = 0;
    // Thread 0 would be ourselves
    if (size === 0 || thread <= 0) return 0;
    const copied = call(thread, this.local, count, this.remote, count, 0);
    if (copied === size) return copied;
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
