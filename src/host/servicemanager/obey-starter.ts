/** What a service manager tells the process that has started it. */
export type FromManager =
  | { readonly type: 'ready' | 'gone' }
  | { readonly type: 'failed'; readonly why: string };

/** What a service manager is told: the devices can be opened, the policy is another one, it is over. */
export interface ToManager {
  readonly type: 'serve' | 'reload' | 'stop';
}

/** What a service manager does when it is told to. */
export interface Obedient {
  /** Resolves when clients find it, with what resolves when its devices are gone. */
  serve(): Promise<{ readonly gone: Promise<unknown> }>;
  reload(): void;
  /** Ends the process. */
  stop(): void;
}

/** Does what this process's starter says, over the channel between them. Its end is the starter's. */
export function obeyStarter(manager: Obedient): void {
  const send = (message: FromManager, sent: () => void = () => {}): void => {
    process.send?.(message, sent);
  };
  process.on('message', ({ type }: ToManager) => {
    if (type === 'reload') return manager.reload();
    if (type === 'stop') return manager.stop();
    manager.serve().then(
      ({ gone }) => {
        send({ type: 'ready' });
        void gone.then(() => send({ type: 'gone' }, () => manager.stop()));
      },
      (error) => send({ type: 'failed', why: (error as Error).message }),
    );
  });
  process.once('disconnect', () => manager.stop());
  if (!process.connected) manager.stop();
}
