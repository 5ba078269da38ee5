import { closeSync, createReadStream, createWriteStream, fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { inspect } from 'node:util';
import { duplicate } from '../../host/linux/descriptor.ts';
import { BinderError } from '../parcel/errors.ts';
import type { FileDescriptor as CarriedFile } from '../parcel/parcel.ts';

/**
 * A file descriptor that is this object's own: closed with it. Sending it in a call duplicates it; one that arrives is the
 * receiver's.
 *
 * @example
 * using log = FileDescriptor.from(await open('log.txt'));
 * await service.show(log);
 *
 * using history = await chat.history();
 * for await (const chunk of history.readable()) process.stdout.write(chunk);
 */
export class FileDescriptor implements CarriedFile {
  #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * A duplicate of an open descriptor, or of a `FileHandle`'s or a socket's.
   *
   * @throws SystemCallError EBADF, EMFILE.
   */
  static from(file: number | { readonly fd: number }): FileDescriptor {
    return new FileDescriptor(duplicate(typeof file === 'number' ? file : file.fd));
  }

  /** Takes over a descriptor, which nobody else may close then. */
  static owning(fd: number): FileDescriptor {
    return new FileDescriptor(fd);
  }

  /** The number, still this object's. @throws BinderError RELEASED when it was closed or taken. */
  get fd(): number {
    if (this.#fd !== -1) return this.#fd;
    throw new BinderError('RELEASED', 'Cannot use the file descriptor: it was closed, or taken');
  }

  /** The number, from now on the caller's to close. */
  take(): number {
    const { fd } = this;
    this.#fd = -1;
    return fd;
  }

  dup(): FileDescriptor {
    return new FileDescriptor(duplicate(this.fd));
  }

  /** A stream of what can be read, to its end. The descriptor goes over to the stream, which closes it. */
  readable(): Readable {
    return this.#isSocketLike() ? this.#socket() : createReadStream('', { fd: this.take() });
  }

  /** A stream to write to. The descriptor goes over to the stream, which closes it. */
  writable(): Writable {
    return this.#isSocketLike() ? this.#socket() : createWriteStream('', { fd: this.take() });
  }

  /** Closes it. Again: nothing. */
  [Symbol.dispose](): void {
    if (this.#fd !== -1) closeSync(this.take());
  }

  /** What `console.log` shows. */
  [inspect.custom](): string {
    return this.#fd === -1 ? 'FileDescriptor (closed)' : `FileDescriptor ${this.#fd}`;
  }

  /** Pipes and sockets would each block a thread of the pool that reads files. */
  #isSocketLike(): boolean {
    const stat = fstatSync(this.fd);
    return stat.isFIFO() || stat.isSocket();
  }

  #socket(): Socket {
    return new Socket({ fd: this.take() });
  }
}
