import { BINDERFS_MAX_NAME } from '../../abi/binderfs.ts';
import { EACCES, EEXIST, ENOENT, ENOSPC, EPERM } from '../../abi/errno.ts';
import { Device, type FileOwner } from './device.ts';

/** The names in the root of a mount that are no devices. */
export const CONTROL_NAME = 'binder-control';
export const FEATURES_NAME = 'features';

/** Devices that a mount may have unless told otherwise: the kernel's default, all 2^20 minor numbers. */
export const DEFAULT_MAX_DEVICES = 1 << 20;

/** The devices of a mount. Methods return an errno, 0 for success, as their requests are answered with it. */
export class DeviceTable {
  readonly #byName = new Map<string, Device>();
  readonly #max: number;
  readonly #owner: FileOwner;
  /** Devices that exist, unlinked ones included while they are open. */
  #count = 0;
  #lastMinor = -1;

  constructor(max: number, owner: FileOwner) {
    this.#max = max;
    this.#owner = owner;
  }

  get(name: string): Device | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): IterableIterator<Device> {
    return this.#byName.values();
  }

  /** BINDER_CTL_ADD. @returns the device, or an errno. */
  add(name: string): Device | number {
    if (this.#count >= this.#max) return ENOSPC;
    const errno = this.#refuses(name);
    if (errno !== 0) return errno;
    const device = new Device(name, ++this.#lastMinor, this.#owner);
    this.#byName.set(name, device);
    this.#count++;
    return device;
  }

  /** Takes the name away; who has the device open keeps it. */
  unlink(name: string): number {
    if (name === CONTROL_NAME || name === FEATURES_NAME) return EPERM;
    const device = this.#byName.get(name);
    if (!device) return ENOENT;
    this.#byName.delete(name);
    device.isLinked = false;
    this.#forgetIfUnused(device);
    return 0;
  }

  /** Gives a device another name; a device that had it is unlinked, unless `mayReplace` is false. */
  rename(from: string, to: string, mayReplace: boolean): number {
    for (const name of [from, to]) if (name === CONTROL_NAME || name === FEATURES_NAME) return EPERM;
    const device = this.#byName.get(from);
    if (!device) return ENOENT;
    if (from === to) return 0;
    if (this.#byName.has(to)) {
      if (!mayReplace) return EEXIST;
      this.unlink(to);
    }
    this.#byName.delete(from);
    this.#byName.set(to, device);
    device.name = to;
    return 0;
  }

  /** An open of `device` ended. */
  closed(device: Device): void {
    device.opens--;
    this.#forgetIfUnused(device);
  }

  #forgetIfUnused(device: Device): void {
    if (!device.isLinked && device.opens === 0) this.#count--;
  }

  #refuses(name: string): number {
    if (
      name === '' ||
      name === '.' ||
      name === '..' ||
      name.includes('/') ||
      name.length > BINDERFS_MAX_NAME
    ) {
      return EACCES;
    }
    return this.#byName.has(name) || name === CONTROL_NAME || name === FEATURES_NAME ? EEXIST : 0;
  }
}
