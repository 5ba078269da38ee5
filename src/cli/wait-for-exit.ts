import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from './exit-code.ts';

/** How long a daemon may take to unmount and end, in milliseconds. */
const EXIT_TIMEOUT = 10_000;

/** Resolves when the process is gone. @throws CliError when it stays. */
export async function waitForExit(pid: number): Promise<void> {
  const deadline = Date.now() + EXIT_TIMEOUT;
  while (isAlive(pid)) {
    if (Date.now() > deadline) {
      throw new CliError(
        `The daemon (pid ${pid}) was told to stop and is still there after ${EXIT_TIMEOUT / 1000} s`,
      );
    }
    await sleep(10);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
