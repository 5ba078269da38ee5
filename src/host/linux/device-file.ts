import { closeSync, constants, openSync } from 'node:fs';
import { createArea, type MappedArea } from './area.ts';
import { errno, libc, SystemCallError } from './libc.ts';
import { once } from './once.ts';

const PROT_READ = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_NORESERVE = 0x4000;

const c = once(() => ({
  ioctl: libc<(fd: number, command: number, argument: Uint8Array) => number>(
    'int ioctl(int, uint64_t, void *)',
  ),
  ioctlAt: libc<(fd: number, command: number, address: number) => number>(
    'int ioctl(int, uint64_t, uint64_t)',
  ),
  mmap: libc<
    (address: number, size: number, protection: number, flags: number, fd: number, offset: number) => number
  >('int64_t mmap(uint64_t, uint64_t, int, int, int, int64_t)'),
  dup: libc<(fd: number) => number>('int dup(int)'),
}));

/** An ioctl whose argument lies at `address`. @returns 0 or a positive errno */
export function ioctlAt(fd: number, command: number, address: number): number {
  return c().ioctlAt(fd, command, address) === -1 ? errno() : 0;
}

/** A device of which this process has a descriptor: its ioctls and its mapping. */
export class DeviceFile {
  readonly path: string;
  readonly fd: number;

  /** @throws Node's own errors when it cannot be opened. */
  constructor(path: string) {
    this.path = path;
    this.fd = openSync(path, constants.O_RDWR);
  }

  /** @param argument - changed in place. @returns 0 or a positive errno */
  ioctl(command: number, argument: Uint8Array): number {
    return c().ioctl(this.fd, command, argument) === -1 ? errno() : 0;
  }

  /** An ioctl whose argument lies at `address`. @returns 0 or a positive errno */
  ioctlAt(command: number, address: number): number {
    return ioctlAt(this.fd, command, address);
  }

  /**
   * Maps `size` bytes of it for reading, into an area: whoever still looks there after the area was released finds zeros,
   * where an unmapped address would end the process.
   *
   * @throws SystemCallError
   */
  map(size: number): MappedArea {
    const area = createArea(size);
    const flags = MAP_PRIVATE | MAP_NORESERVE | MAP_FIXED;
    if (c().mmap(area.address, size, PROT_READ, flags, this.fd, 0) !== -1) return area;
    const code = errno();
    area.release();
    throw new SystemCallError('mmap', code, this.path);
  }

  /**
   * Calls the device's flush, as each close of a descriptor does, and keeps it open. A Binder device then lets all of
   * the process's threads return from their ioctls, and does not let the next ioctl of each sleep.
   */
  flush(): void {
    const copy = c().dup(this.fd);
    if (copy !== -1) closeDevice(copy);
  }

  close(): void {
    closeDevice(this.fd);
  }
}

/** The descriptor is closed whatever the device says: ENOTCONN of one that is served no more. */
function closeDevice(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // gone
  }
}
