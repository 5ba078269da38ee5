/** What a daemon tells its supervisor. */
export type FromDaemon =
  | { readonly type: 'ready' /** As in `FuseMount.connection`. */; readonly connection: number }
  | { readonly type: 'pong' };

/** What a supervisor tells its daemon. */
export interface ToDaemon {
  readonly type: 'ping';
}

/**
 * Answers the supervisor, from the thread that serves clients. The end of the channel, be it asked for or the
 * supervisor's own, is the end of the service.
 */
export function obeySupervisor(connection: number, stop: () => void): void {
  const send = (message: FromDaemon): void => {
    process.send?.(message, () => {});
  };
  process.on('message', ({ type }: ToDaemon) => {
    if (type === 'ping') send({ type: 'pong' });
  });
  process.once('disconnect', stop);
  if (!process.connected) return stop();
  // The channel alone is no reason to live
  process.channel?.unref();
  send({ type: 'ready', connection });
}
