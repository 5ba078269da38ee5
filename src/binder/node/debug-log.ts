import { subscribe, tracingChannel } from 'node:diagnostics_channel';
import { debuglog } from 'node:util';
import { once } from '../../host/linux/once.ts';
import type { CallMessage, ConnectionMessage, DeathMessage, ServeMessage } from '../runtime/index.ts';

const log = debuglog('ubinder');

/**
 * With `NODE_DEBUG=ubinder` tells on standard error what the library does: calls, calls served, deaths, connections. It knows
 * nothing but what the channels tell everybody.
 */
export const logIfAsked: () => void = once(() => {
  if (!log.enabled) return;
  logCalls<CallMessage>('call', ({ method, handle, oneway }) => {
    const whose = handle === null ? 'this process' : `handle ${handle}`;
    return `${method} of ${whose}${oneway ? ', oneway' : ''}`;
  });
  logCalls<ServeMessage>('serve', ({ method, call: { pid, uid, oneway } }) => {
    // Oneway calls do not tell who sends them.
    return oneway ? `${method} for uid ${uid}, oneway` : `${method} for pid ${pid}, uid ${uid}`;
  });
  subscribe('ubinder:death', (message) => log('death of handle %d', (message as DeathMessage).handle));
  for (const event of ['open', 'close']) {
    subscribe(`ubinder:${event}`, (message) => {
      const { device = 'a driver in this process' } = (message as ConnectionMessage).connection as {
        device?: string;
      };
      log('%s %s', event, device);
    });
  }
});

/** Logs calls when they have ended. @param verb - the name of their channel */
function logCalls<Message extends CallMessage | ServeMessage>(
  verb: string,
  describe: (message: Message) => string,
): void {
  const began = new WeakMap<object, number>();
  const ended = (given: object): void => {
    const message = given as Message;
    const took = performance.now() - (began.get(message) ?? 0);
    log(
      '%s %s: %s, %s ms',
      verb,
      describe(message),
      'error' in message ? failure(message.error) : 'done',
      took.toFixed(3),
    );
  };
  tracingChannel<object, object>(`ubinder:${verb}`).subscribe({
    start: (message) => void began.set(message, performance.now()),
    // A handler that answers at once has ended here already.
    end: (message) => {
      if ('result' in message || 'error' in message) ended(message);
    },
    asyncStart: () => {},
    asyncEnd: ended,
    error: () => {},
  });
}

function failure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return `${typeof code === 'string' ? code : error.name} ${error.message}`;
}
