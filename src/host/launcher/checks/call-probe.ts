import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Answer } from './in-child.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.js', import.meta.url));

/** Milliseconds for a daemon and its three clients to start, talk and end. */
const DEADLINE = 60_000;

/** What came of a call from one process to another through a mount. */
export interface CallReport {
  /** Why there was none; empty when there was. */
  readonly complaint: string;
}

/**
 * Serves devices in a temporary directory, has processes open and map one, and lets one call another: what no check of
 * single rights shows. It is what `ubinder demo --once` does.
 */
export async function probeCall(): Promise<Answer<CallReport>> {
  try {
    const command = [MAIN, 'demo', '--once'];
    const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: DEADLINE });
    const [, why] = /No Binder device can be served here: (.*); this call ran/s.exec(stdout) ?? [];
    return { report: { complaint: why ?? '' } };
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    return {
      failure:
        stderr
          .trim()
          .split('\n')[0]
          ?.replace(/^ubinder: /, '') || message,
    };
  }
}
