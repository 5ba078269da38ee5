/**
 * Makes a value when it is first needed and keeps it. Used for the functions of the C library, so that importing a
 * file loads nothing.
 *
 * @example
 * const c = once(() => ({ getppid: libc<() => number>('int getppid()') }));
 * c().getppid();
 */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
