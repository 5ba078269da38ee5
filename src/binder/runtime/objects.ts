import {
  BINDER_TYPE_BINDER,
  BINDER_TYPE_FD,
  BINDER_TYPE_HANDLE,
  FLAT_BINDER_FLAG_ACCEPTS_FDS,
  FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
} from '../../abi/binder.ts';
import { BinderError } from '../parcel/errors.ts';
import type { FileDescriptor, FlatBinder, Parcel, ParcelObjects } from '../parcel/parcel.ts';
import { LocalBinder, newRef, type Ref, refState, release } from './binder.ts';
import type { Connection, Exported } from './connection.ts';

/** The priority that libbinder asks for. */
const PRIORITY = 0x13;

/** The objects of a parcel that is sent: they must stay until the driver has taken it. */
export class Outgoing implements ParcelObjects {
  readonly #connection: Connection;
  readonly #exported: Exported[] = [];
  readonly #files: number[] = [];
  /** Files of a result belong to the call: they are disposed of when it was sent. */
  readonly #owned: FileDescriptor[] | null;

  constructor(connection: Connection, ownsFiles: boolean) {
    this.#connection = connection;
    this.#owned = ownsFiles ? [] : null;
  }

  flatten(value: unknown): FlatBinder {
    const target = refState(value).live();
    const { stability } = target;
    if (target instanceof LocalBinder) {
      const exported = this.#connection.export(target);
      exported.counts++;
      this.#exported.push(exported);
      let flags = PRIORITY;
      if (this.#connection.carrier.files) flags |= FLAT_BINDER_FLAG_ACCEPTS_FDS;
      if (target.wantsSid) flags |= FLAT_BINDER_FLAG_TXN_SECURITY_CTX;
      return { type: BINDER_TYPE_BINDER, flags, target: exported.ptr, cookie: exported.ptr, stability };
    }
    if (target.connection !== this.#connection) {
      throw new BinderError(
        'INVALID_OPERATION',
        'Cannot send the reference: it belongs to another connection',
      );
    }
    // A manager that was never called: only a handle that is counted can be given on.
    if (!target.isAcquired) this.#connection.remotes.acquire(target);
    return { type: BINDER_TYPE_HANDLE, flags: 0, target: target.handle, cookie: 0, stability };
  }

  sendFile(file: FileDescriptor): number {
    const { files } = this.#connection.carrier;
    if (!files)
      throw new BinderError('FDS_NOT_ALLOWED', 'Cannot send the file: this connection carries none');
    const fd = files.send(file);
    this.#files.push(fd);
    this.#owned?.push(file);
    return fd;
  }

  /** The driver has taken the parcel, or refused it. */
  sent(): void {
    for (const exported of this.#exported.splice(0)) this.#connection.counted(exported.ptr, -1);
    for (const fd of this.#files.splice(0)) this.#connection.carrier.files?.sent(fd);
    for (const file of this.#owned?.splice(0) ?? []) file[Symbol.dispose]();
  }

  unflatten(): never {
    throw new BinderError('INVALID_OPERATION', 'Cannot read a parcel that is being written');
  }

  receiveFile(): never {
    return this.unflatten();
  }
}

/** The objects of a parcel that arrived: each is received when it is read, and is then the reader's. */
export class Incoming implements ParcelObjects {
  readonly #connection: Connection;
  #refs: Ref[] | null = null;
  #files: Map<number, FileDescriptor> | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  unflatten(flat: FlatBinder): Ref {
    const target =
      flat.type === BINDER_TYPE_BINDER
        ? this.#connection.ownObject(flat.target)
        : this.#connection.remotes.get(flat.target as number, flat.stability);
    const ref = newRef(target);
    this.#refs ??= [];
    this.#refs.push(ref);
    return ref;
  }

  receiveFile(fd: number): FileDescriptor {
    const { files } = this.#connection.carrier;
    if (!files || this.#files?.has(fd)) {
      throw new BinderError(
        'BAD_TYPE',
        `Cannot receive descriptor ${fd}: it was received already, or none are carried`,
      );
    }
    const file = files.receive(fd);
    this.#files ??= new Map();
    this.#files.set(fd, file);
    return file;
  }

  /** The parcel could not be read to its end: what was received so far belongs to nobody. */
  abandon(): void {
    for (const ref of this.#refs ?? []) release(ref);
    for (const file of this.#files?.values() ?? []) file[Symbol.dispose]();
    this.#refs = null;
  }

  /** Closes descriptors that arrived and were not read. */
  closeUnread(parcel: Parcel): void {
    for (const at of parcel.offsets) {
      if (parcel.objectType(at) !== BINDER_TYPE_FD) continue;
      const fd = parcel.objectFd(at);
      if (!this.#files?.has(fd)) this.#connection.carrier.files?.close(fd);
    }
  }

  flatten(): never {
    throw new BinderError('INVALID_OPERATION', 'Cannot write into a parcel that arrived');
  }

  sendFile(): never {
    return this.flatten();
  }
}

/** The objects of a call within the process: they pass by as they are. */
export class Passing implements ParcelObjects {
  readonly #objects: unknown[] = [];

  flatten(value: unknown): FlatBinder {
    const { stability } = refState(value).live();
    const target = this.#objects.push(refState(value).live());
    return { type: BINDER_TYPE_BINDER, flags: 0, target, cookie: 0, stability };
  }

  unflatten(flat: FlatBinder): Ref {
    return newRef(this.#objects[(flat.target as number) - 1] as LocalBinder);
  }

  sendFile(file: FileDescriptor): number {
    return this.#objects.push(file) - 1;
  }

  receiveFile(fd: number): FileDescriptor {
    return (this.#objects[fd] as FileDescriptor).dup();
  }
}
