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
