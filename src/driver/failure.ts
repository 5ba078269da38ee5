/**
 * Why a transaction could not be sent: what the thread is told (a BR code) and the errno for its extended error.
 * Failures are values, not exceptions: a client that makes them on purpose must not be able to slow the driver down.
 */
export interface Failure {
  readonly command: number;
  /** Positive; 0 where the code says all. */
  readonly errno: number;
}

const failures = new Map<number, Failure>();

/** The failure with this code and errno; equal ones are the same object. */
export function failure(command: number, errno: number): Failure {
  const key = (command & 0xff) * 0x1000 + errno;
  let found = failures.get(key);
  if (!found) {
    found = { command, errno };
    failures.set(key, found);
  }
  return found;
}
