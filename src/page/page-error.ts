/** A page operation that cannot be: `errno` is what the kernel's page layer answers in its place. */
export class PageError extends Error {
  /** Positive, as in `abi/errno.ts`. */
  readonly errno: number;

  constructor(message: string, errno: number) {
    super(message);
    this.name = 'PageError';
    this.errno = errno;
  }
}
