import { errno, libc, SystemCallError } from '../linux/libc.ts';
import { once } from '../linux/once.ts';
import { BACKING_MAP, DEVICE_IOCTL } from './protocol.ts';

/** The ioctls of /dev/fuse itself. All take the descriptor of a mounted session whose INIT was answered. */

const c = once(() => ({
  ioctl: libc<(fd: number, request: number, argument: Uint8Array) => number>(
    'int ioctl(int, uint64_t, void *)',
  ),
}));

/**
 * Tells the kernel to use the open file `backingFd` for opens answered with PASSTHROUGH.
 *
 * @returns the id for `reply.open`, above 0, or -errno: -EPERM without CAP_SYS_ADMIN in the *initial* user namespace
 * (root of a container's has it not), -EOPNOTSUPP or -ENOTTY where kernel or connection know no passthrough.
 */
export function openBacking(fd: number, backingFd: number): number {
  const map = Buffer.alloc(BACKING_MAP.byteLength);
  map.writeInt32LE(backingFd, BACKING_MAP.fd);
  const id = c().ioctl(fd, DEVICE_IOCTL.BACKING_OPEN, map);
  return id === -1 ? -errno() : id;
}

/**
 * Gives an id back. Opens answered with it keep working, and what is mapped through them later too; but only once
 * the *client* has taken the answer: closed right after `reply.open`, the client's open fails with EIO. So close it when
 * the first request with that open's handle comes, RELEASE at the latest.
 *
 * @returns 0 or -errno.
 */
export function closeBacking(fd: number, id: number): number {
  const argument = Buffer.alloc(4);
  argument.writeInt32LE(id);
  return c().ioctl(fd, DEVICE_IOCTL.BACKING_CLOSE, argument) === -1 ? -errno() : 0;
}

/**
 * Makes `freshFd`, a newly opened /dev/fuse, a second door to the connection of `fd`: for another thread, which answers
 * through it what it reads from it.
 *
 * @throws SystemCallError
 */
export function cloneDevice(fd: number, freshFd: number): void {
  const argument = Buffer.alloc(4);
  argument.writeUInt32LE(fd);
  if (c().ioctl(freshFd, DEVICE_IOCTL.CLONE, argument) === -1)
    throw new SystemCallError('ioctl', errno(), 'FUSE_DEV_IOC_CLONE');
}
