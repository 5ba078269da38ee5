import { chars, struct, u32 } from './struct.ts';

/** The numbers and the struct of linux/android/binderfs.h. */

/** Longest device name, without the terminating NUL. */
export const BINDERFS_MAX_NAME = 255;

/** The ioctl on `binder-control` that adds a device. */
export const BINDER_CTL_ADD = 0xc1086201;

/** The argument of BINDER_CTL_ADD: the name goes in, the device numbers come out. */
export const binderfsDevice = struct('binderfs_device', 264, {
  name: chars('name', 0, BINDERFS_MAX_NAME + 1),
  major: u32('major', 256),
  minor: u32('minor', 260),
});
