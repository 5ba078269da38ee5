import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');

let koffi: Koffi | undefined;
let library: ReturnType<Koffi['load']> | undefined;

/**
 * koffi, loaded when first needed: everything that does not call into the C library works without it.
 *
 * @throws Error that says how to mend the installation.
 */
export function loadKoffi(): Koffi {
  if (koffi) return koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    throw new Error(
      'Cannot load koffi, which calls the C library: install again with `npm ci`, without --omit=optional',
      { cause },
    );
  }
  return koffi;
}

/**
 * A function of the C library. Pointers are declared as `uint64_t` (an address as a number) or `void *` (a Buffer);
 * sizes and results as `int64_t`; variadic functions by the fixed prototype that is meant.
 *
 * `F` is the same prototype for TypeScript: `libc<(fd: number) => number>('int close(int)')`.
 *
 * The result -1 goes with {@link errno}, which must be read before anything else runs.
 */
export function libc<F extends (...args: never[]) => unknown>(prototype: string): F {
  library ??= loadKoffi().load(null);
  return library.func(prototype) as unknown as F;
}

/** `errno` of the last call through {@link libc} on this thread, positive. */
export function errno(): number {
  return (koffi ?? loadKoffi()).errno();
}

/** A system call that failed: `code` is the symbolic errno as in Node's own errors. */
export class SystemCallError extends Error {
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;

  constructor(syscall: string, number: number, detail = '') {
    const code = errorName(number);
    super(`${syscall}${detail && ` ${detail}`}: ${code}`);
    this.name = 'SystemCallError';
    this.errno = number;
    this.code = code;
    this.syscall = syscall;
  }
}

/** `'ENOENT'` for 2. */
export function errorName(number: number): string {
  for (const [name, value] of Object.entries(loadKoffi().os.errno)) if (value === number) return name;
  return `errno ${number}`;
}
