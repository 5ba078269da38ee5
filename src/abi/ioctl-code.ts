/**
 * The layout of an ioctl number, which binder.h also uses for the commands inside a read or write buffer
 * (asm-generic/ioctl.h; the layout of x86, arm, arm64 and riscv):
 *
 * ```
 *  31 30 29                    16 15           8 7            0
 * +-----+------------------------+--------------+--------------+
 * | dir |  size of the argument  |     type     |    number    |
 * +-----+------------------------+--------------+--------------+
 * ```
 */
export const IOC_NONE = 0;
/** User space writes, the driver reads. */
export const IOC_WRITE = 1;
/** The driver writes, user space reads. */
export const IOC_READ = 2;

/** Builds a code from its parts; `type` is one ASCII character. */
export function iocCode(direction: number, type: string, number: number, size: number): number {
  return ((direction << 30) | (size << 16) | (type.charCodeAt(0) << 8) | number) >>> 0;
}

/** Bytes of the argument that follows the code, or that the ioctl's pointer points to. */
export function iocSize(code: number): number {
  return (code >>> 16) & 0x3fff;
}

/** The number within its type, by which the driver's statistics are indexed. */
export function iocNumber(code: number): number {
  return code & 0xff;
}

/** Direction bits: {@link IOC_NONE}, {@link IOC_WRITE}, {@link IOC_READ} or both. */
export function iocDirection(code: number): number {
  return code >>> 30;
}
