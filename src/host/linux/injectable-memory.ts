import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { SharedArea } from './area.ts';
import { deviceNumber } from './mount.ts';

/** Shared memory as a file that its receiver can map for reading only. */
export class InjectableMemory {
  /** Read-only: whoever maps it cannot make the mapping writable. */
  readonly fd: number;
  readonly inode: number;
  /** As mapping tables show it. */
  readonly device: number;
  #isOpen = true;

  /**
   * The area's own descriptor is closed.
   *
   * @throws Node's error when there are too many descriptors.
   */
  constructor(area: SharedArea) {
    this.fd = openSync(`/proc/self/fd/${area.fd}`, constants.O_RDONLY);
    area.closeFd();
    const { ino, dev } = fstatSync(this.fd);
    this.inode = ino;
    this.device = deviceNumber(dev);
  }

  close(): void {
    if (this.#isOpen) closeSync(this.fd);
    this.#isOpen = false;
  }
}
