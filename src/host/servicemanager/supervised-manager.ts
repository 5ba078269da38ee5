/** What a service manager tells the daemon that has started it. */
export type FromManager = { readonly type: 'ready' } | { readonly type: 'failed'; readonly why: string };

/** What a daemon tells its service manager: the devices can be opened. */
export interface ToManager {
  readonly type: 'serve';
}

/**
 * Serves when the daemon says so, and ends with it.
 *
 * @param serve - resolves when clients find the manager
 * @param stop - ends what `serve` has begun
 */
export function obeyDaemon(serve: () => Promise<void>, stop: () => void): void {
  const send = (message: FromManager): void => {
    process.send?.(message, () => {});
  };
  process.once('message', () => {
    serve().then(
      () => send({ type: 'ready' }),
      (error) => send({ type: 'failed', why: (error as Error).message }),
    );
  });
  process.once('disconnect', stop);
}
