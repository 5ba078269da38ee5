import { closeSync } from 'node:fs';
import { errorCode } from './failure.ts';
import { isReadable, pidfdOpen } from './syscalls.ts';

/** Milliseconds between two looks at the process: unnoticeable at the end of a command, and no load. */
const INTERVAL = 100;

/**
 * Calls back once when the process has ended (a zombie has), of whatever parent. Holds the process itself, not its
 * number, which may be given away later; so call it while the process is known to live.
 *
 * It looks from time to time because nothing in Node.js waits for a pidfd, and a thread that waits would hold up the
 * end of this process. It keeps the event loop alive until then.
 *
 * @returns a function that stops watching.
 * @throws SystemCallError other than ESRCH, for example ENOSYS before Linux 5.3.
 */
export function whenProcessEnds(pid: number, callback: () => void): () => void {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(pid);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  }
  const stop = (): void => {
    clearInterval(timer);
    if (pidfd >= 0) closeSync(pidfd);
    pidfd = -1;
  };
  const timer = setInterval(() => {
    if (!isReadable(pidfd)) return;
    stop();
    callback();
  }, INTERVAL);
  return stop;
}
