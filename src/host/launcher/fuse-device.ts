import { closeSync, constants, openSync, statSync } from 'node:fs';
import { errorCode } from './failure.ts';

/** Where FUSE servers get their connection. */
export const FUSE_DEVICE = '/dev/fuse';

/** Tries to open /dev/fuse; undefined when that works, otherwise why not and what to do. */
export function whyFuseIsClosed(): string | undefined {
  try {
    closeSync(openSync(FUSE_DEVICE, constants.O_RDWR));
    return undefined;
  } catch (error) {
    return explainFuseError(errorCode(error) ?? (error as Error).message);
  }
}

/** What the code of an error of opening /dev/fuse means, and what to do. */
export function explainFuseError(code: string): string {
  switch (code) {
    case 'ENOENT':
      return `there is no ${FUSE_DEVICE}: modprobe fuse, in Docker --device ${FUSE_DEVICE}`;
    case 'EACCES':
      return `${FUSE_DEVICE} has mode ${fuseMode()}: let root chmod 0666 it, as udev does`;
    case 'EPERM':
      return `the container may not use ${FUSE_DEVICE}: in Docker --device ${FUSE_DEVICE}`;
    case 'ENODEV':
    case 'ENXIO':
      return `${FUSE_DEVICE} is there, but the kernel has no FUSE: modprobe fuse`;
    default:
      return `${FUSE_DEVICE} does not open: ${code}`;
  }
}

/** The permissions of /dev/fuse in octal, `'0666'` where every user may mount. */
export function fuseMode(): string {
  try {
    return (statSync(FUSE_DEVICE).mode & 0o7777).toString(8).padStart(4, '0');
  } catch {
    return 'unknown';
  }
}
