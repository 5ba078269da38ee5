import { closeSync } from 'node:fs';
import { BinderError } from '../parcel/errors.ts';
import type { FileDescriptor as CarriedFile } from '../parcel/parcel.ts';
import type { CarrierFiles } from '../runtime/seam.ts';
import { FileDescriptor } from './file-descriptor.ts';

/** The descriptors of this process. */
export class DeviceFiles implements CarrierFiles {
  send(file: CarriedFile): number {
    // One of its own: whoever sends may close his before the driver takes it.
    if (file instanceof FileDescriptor) return file.dup().take();
    throw new BinderError('BAD_TYPE', 'Cannot send the file: it is no FileDescriptor of this process');
  }

  sent(fd: number): void {
    closeSync(fd);
  }

  receive(fd: number): FileDescriptor {
    return FileDescriptor.owning(fd);
  }

  close(fd: number): void {
    closeSync(fd);
  }
}
