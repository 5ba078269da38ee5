import { BINDERFS_MAX_NAME } from '../../abi/binderfs.ts';
import { EACCES, EEXIST, ENAMETOOLONG, ENOENT, ENOSPC, EPERM } from '../../abi/errno.ts';
import { Device, type FileOwner } from './device.ts';
import { UserCounts } from './user-limits.ts';

/** The names in the root of a mount that are no devices. */
export const CONTROL_NAME = 'binder-control';
export const FEATURES_NAME = 'features';
export const LOGS_NAME = 'binder_logs';

/** Devices that a mount may have, and has leave for unless told otherwise: as many as there are minor numbers. */
export const MAX_DEVICES = 1 << 20;

/**
 * The devices of a mount, by byte strings (byte-string.ts), in the order of their minor numbers. Methods return an
 * errno, 0 for success, as their requests are answered with it.
 */
export class DeviceTable {
  readonly #byName = new Map<string, Device>();
  readonly #linked = new Set<Device>();
  readonly #max: number;
  readonly #maxPerUser: number;
  readonly #owner: FileOwner;
  /** Names that no device may have or get. */
  readonly #taken: ReadonlySet<string>;
  /** Devices that exist, unlinked ones included while they are open. */
  #count = 0;
  readonly #countsByUser = new UserCounts();
  #lastMinor = -1;

  /**
   * @param maxPerUser - of those that a user adds
   * @param hasLogs - whether the mount has logs, under a name that no device can have then
   */
  constructor(max: number, maxPerUser: number, owner: FileOwner, hasLogs = false) {
    this.#max = max;
    this.#maxPerUser = maxPerUser;
    this.#taken = new Set([CONTROL_NAME, FEATURES_NAME, ...(hasLogs ? [LOGS_NAME] : [])]);
    this.#owner = owner;
  }

  get(name: string): Device | undefined {
    return this.#byName.get(name);
  }

  [Symbol.iterator](): IterableIterator<Device> {
    return this.#linked.values();
  }

  /** BINDER_CTL_ADD by a user, or the mount's own beginning (`null`). @returns the device, or an errno. */
  add(name: string, user: number | null): Device | number {
    if (this.#count >= this.#max) return ENOSPC;
    if (user !== null && this.#countsByUser.of(user) >= this.#maxPerUser) return ENOSPC;
    const errno = this.#refuses(name);
    if (errno !== 0) return errno;
    const device = new Device(name, ++this.#lastMinor, this.#owner, user);
    this.#byName.set(name, device);
    this.#linked.add(device);
    this.#count++;
    if (user !== null) this.#countsByUser.add(user);
    return device;
  }

  /** Takes the name away; who has the device open keeps it. */
  unlink(name: string): number {
    if (this.#taken.has(name)) return EPERM;
    const device = this.#byName.get(name);
    if (!device) return ENOENT;
    this.#byName.delete(name);
    this.#linked.delete(device);
    device.isLinked = false;
    this.#forgetIfUnused(device);
    return 0;
  }

  /** Gives a device another name; a device that had it is unlinked, unless `mayReplace` is false. */
  rename(from: string, to: string, mayReplace: boolean): number {
    if (this.#taken.has(from) || this.#taken.has(to)) return EPERM;
    const device = this.#byName.get(from);
    if (!device) return ENOENT;
    if (from === to) return 0;
    if (to.length > BINDERFS_MAX_NAME) return ENAMETOOLONG;
    if (this.#byName.has(to)) {
      if (!mayReplace) return EEXIST;
      this.unlink(to);
    }
    this.#byName.delete(from);
    this.#byName.set(to, device);
    device.name = to;
    return 0;
  }

  /** Two devices take each other's name. */
  exchange(one: string, other: string): number {
    if (this.#taken.has(one) || this.#taken.has(other)) return EPERM;
    const first = this.#byName.get(one);
    const second = this.#byName.get(other);
    if (!first || !second) return ENOENT;
    this.#byName.set(other, first).set(one, second);
    first.name = other;
    second.name = one;
    return 0;
  }

  /** An open of `device` ended. */
  closed(device: Device): void {
    device.opens--;
    this.#forgetIfUnused(device);
  }

  #forgetIfUnused(device: Device): void {
    // Whoever held on to an unlinked device without opening it may open it still
    if (device.isLinked || device.opens > 0 || !device.isCounted) return;
    device.isCounted = false;
    this.#count--;
    if (device.addedBy !== null) this.#countsByUser.remove(device.addedBy);
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
    return this.#byName.has(name) || this.#taken.has(name) ? EEXIST : 0;
  }
}
