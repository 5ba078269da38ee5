import { writeSync } from 'node:fs';

/** Exit codes of `ubinder run` itself, as `env`, `timeout` and `nohup` use them; all others are the command's. */
export const exitCodes = {
  /** ubinder could not make the place for the command to run in. */
  failed: 125,
  /** The command was found and cannot be executed. */
  cannotExecute: 126,
  /** There is no such command. */
  notFound: 127,
} as const;

/** Why a command was not started. The message says what, why and what to do. */
export class LaunchError extends Error {
  /** What the process exits with. */
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LaunchError';
    this.exitCode = exitCode;
  }
}

/** `code` of an error that has one: of a system call, of Node.js. */
export function errorCode(error: unknown): string | undefined {
  return (error as { code?: string } | null)?.code;
}

/**
 * Ends a launch that failed: tells why, and lets this process exit with the code that says so.
 *
 * Writes to the descriptor, since the streams of Node.js make pipes non-blocking for everybody who shares them.
 */
export function reportFailure(error: unknown): void {
  const isOurs = error instanceof LaunchError;
  const text =
    isOurs || errorCode(error) ? (error as Error).message : String((error as Error).stack ?? error);
  writeSync(2, `ubinder run: ${text}\n`);
  process.exitCode = isOurs ? error.exitCode : exitCodes.failed;
}
