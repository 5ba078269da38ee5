import { spawn } from 'node:child_process';
import { CliError, EXIT } from './exit-code.ts';

/** How long a detached daemon may take until it serves, in milliseconds. */
const READY_TIMEOUT = 15_000;

/** What a daemon said until clients could open its devices. */
export interface Started {
  /** The line that names its mount and process. */
  readonly ready: string;
  /** Warnings; empty when there are none. */
  readonly warnings: string;
}

/**
 * Starts a daemon in the background and waits until clients can open its devices.
 *
 * @param main the path of the `ubinder` command.
 * @param args the command line after it: `up` with its options, without `--detach`.
 * @throws CliError with the daemon's own message and exit code where it ends instead, or is not ready in time.
 */
export async function startDetached(main: string, args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [main, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Until it is ready it is ours to stop
  const onSignal = () => child.kill();
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  let warnings = '';
  child.stderr.on('data', (chunk: Buffer) => {
    warnings += chunk;
  });
  const ready = await new Promise<string>((done, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new CliError(`The daemon was not ready within ${READY_TIMEOUT / 1000} s: ${warnings}`));
    }, READY_TIMEOUT);
    child.stdout.once('data', (chunk: Buffer) => {
      clearTimeout(timer);
      done(String(chunk));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      const why = warnings.trim().replace(/^ubinder: /, '') || `The daemon ended with code ${code}`;
      reject(new CliError(why, code || EXIT.failed));
    });
  });
  for (const signal of signals) process.off(signal, onSignal);
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
  return { ready, warnings };
}
