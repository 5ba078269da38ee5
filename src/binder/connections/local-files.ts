import { EBADF, EMFILE, EPERM } from '../../abi/errno.ts';
import type { ClientFiles, Installed, OpenFile, ThreadId } from '../../driver/ports.ts';
import type { Thread } from '../../driver/thread.ts';

/** An open file that exists only here: whatever the programs on both sides agree on. */
class LocalFile implements OpenFile {
  readonly content: unknown;
  readonly #onClose: () => void;
  /** Descriptors and transactions that hold it. */
  #holders = 0;

  constructor(content: unknown, onClose: () => void) {
    this.content = content;
    this.#onClose = onClose;
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  close(): void {
    this.#holders--;
    if (this.#holders === 0) this.#onClose();
  }
}

/** As many descriptors as a process has by default on Linux. */
const DEFAULT_LIMIT = 1024;

/**
 * The descriptors of a process that exists only here. A descriptor stands for any object of the program's; sent through
 * the driver it becomes another number for the same object.
 *
 * @example
 * const fd = sender.files.open(socket, () => socket.close());
 * // ... and in the receiver, when the transaction with the descriptor has arrived:
 * const socket = receiver.files.get(received);
 */
export class LocalFiles implements ClientFiles {
  /** How many descriptors may be open at once; those that are more already stay open. */
  limit: number;
  readonly #files: (LocalFile | undefined)[] = [];

  constructor(limit = DEFAULT_LIMIT) {
    this.limit = limit;
  }

  /** How many descriptors are open. */
  get size(): number {
    return [...this].length;
  }

  /**
   * Opens the lowest free descriptor for `content`.
   *
   * @param onClose - called when the last descriptor for it is closed, in whatever process, and none is on its way
   * @throws RangeError when no descriptor is free.
   */
  open(content: unknown, onClose: () => void = () => {}): number {
    const fd = this.#lowestFree();
    if (fd >= this.limit) throw new RangeError(`Cannot open a descriptor: all ${this.limit} are in use`);
    this.#files[fd] = new LocalFile(content, onClose).hold();
    return fd;
  }

  /** The descriptors that are open, in order. */
  *[Symbol.iterator](): Generator<number> {
    for (const [fd, file] of this.#files.entries()) if (file) yield fd;
  }

  /** What a descriptor stands for; `undefined` when it is not open. */
  get(fd: number): unknown {
    return this.#files[fd]?.content;
  }

  /** Whether a descriptor is open. */
  has(fd: number): boolean {
    return this.#files[fd] !== undefined;
  }

  /** Closes a descriptor. @returns false when it was not open. */
  delete(fd: number): boolean {
    const file = this.#files[fd];
    this.#files[fd] = undefined;
    file?.close();
    return file !== undefined;
  }

  /** For the driver: part of {@link ClientFiles}. */
  take(_thread: ThreadId, fd: number): OpenFile | number {
    return this.#files[fd]?.hold() ?? EBADF;
  }

  /** For the driver: part of {@link ClientFiles}. */
  install(_thread: Thread, files: readonly OpenFile[]): Installed {
    // A file of another kind of client means nothing here.
    if (!files.every((file) => file instanceof LocalFile)) return EPERM;
    if (this.size + files.length > this.limit) return EMFILE;
    return files.map((file) => {
      const fd = this.#lowestFree();
      this.#files[fd] = file.hold();
      return fd;
    });
  }

  /** For the driver: part of {@link ClientFiles}. */
  close(_thread: Thread, fds: readonly number[]): void {
    for (const fd of fds) this.delete(fd);
  }

  #lowestFree(): number {
    const free = this.#files.indexOf(undefined);
    return free < 0 ? this.#files.length : free;
  }
}
