/** Limits of what each user may have in a mount, so that one cannot keep the others out. */
export interface UserLimits {
  /**
   * Opens of devices, which are the driver's processes: each costs the daemon a descriptor, a memory mapping and some
   * kilobytes. Linux gives a process 65,530 mappings, of which opens get a quarter: half of those for one user. The next
   * open(2) fails with EMFILE.
   */
  readonly processes: number;
  /**
   * Devices that were added through binder-control, which belongs to the mount's owner but may be given to others. Each
   * is a name and a context. The next BINDER_CTL_ADD fails with ENOSPC.
   */
  readonly devices: number;
}

export const DEFAULT_USER_LIMITS: UserLimits = { processes: 8192, devices: 8192 };

/** How many of something each user has. */
export class UserCounts {
  readonly #counts = new Map<number, number>();

  of(uid: number): number {
    return this.#counts.get(uid) ?? 0;
  }

  add(uid: number): void {
    this.#counts.set(uid, this.of(uid) + 1);
  }

  remove(uid: number): void {
    const left = this.of(uid) - 1;
    if (left > 0) this.#counts.set(uid, left);
    else this.#counts.delete(uid);
  }
}
