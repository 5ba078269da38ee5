import { closeSync } from 'node:fs';
import { receiveFiles } from '../../host/linux/unix-socket.ts';
import { BinderError } from '../parcel/errors.ts';
import { DeviceFiles } from './device-files.ts';
import { FileDescriptor } from './file-descriptor.ts';

/** Descriptors of a process whose threads are logical: those that arrive come by a socket, under numbers of their own. */
export class LogicalFiles extends DeviceFiles {
  readonly #socket: number;
  readonly #arrived = new Map<number, number>();

  constructor(socket: number) {
    super();
    this.#socket = socket;
  }

  /** An event said that some have come. */
  fetch(): void {
    for (let message = receiveFiles(this.#socket); message; message = receiveFiles(this.#socket)) {
      const { number, files } = message;
      files.forEach((fd, i) => void this.#arrived.set(number + i, fd));
    }
  }

  override receive(number: number): FileDescriptor {
    const fd = this.#arrived.get(number);
    if (fd === undefined) {
      throw new BinderError(
        'BAD_TYPE',
        'Cannot receive the file: this process had no descriptor left for it',
      );
    }
    this.#arrived.delete(number);
    return FileDescriptor.owning(fd);
  }

  override close(number: number): void {
    const fd = this.#arrived.get(number);
    this.#arrived.delete(number);
    if (fd !== undefined) closeSync(fd);
  }

  /** Closes what has arrived and was not received. */
  end(): void {
    for (const number of [...this.#arrived.keys()]) this.close(number);
    closeSync(this.#socket);
  }
}
