/** What the command's exit codes mean; `run` adds 125-127 and passes its command's own through. */
export const EXIT = {
  ok: 0,
  /** It was tried and did not work; the message says why and what to do. */
  failed: 1,
  /** The command line was wrong. */
  usage: 2,
  /** Nothing is served there. */
  notServing: 3,
} as const;

/** A failure to tell the user in one message: what, why, what to do. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** Tells the failure of what a command uses as its own. */
export function fail(error: unknown): never {
  throw error instanceof CliError ? error : new CliError((error as Error).message);
}
