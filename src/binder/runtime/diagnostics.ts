import type { Call } from './binder.ts';
import type { Connection } from './connection.ts';
import type { Awaitable } from './globals.ts';

/** What is told of a call of ours, on the tracing channel `ubinder:call`. */
export interface CallMessage {
  /** `package.IInterface.method`. */
  readonly method: string;
  /** The handle of the object; `null` for one of this process. */
  readonly handle: number | null;
  readonly oneway: boolean;
  /** `null` for an object of this process. */
  readonly connection: Connection | null;
  /** Once it has failed. */
  error?: unknown;
  /** Once it has not. */
  result?: unknown;
}

/** What is told of a call to us, on the tracing channel `ubinder:serve`. */
export interface ServeMessage {
  /** `package.IInterface.method`; a number in place of the method where the interface has none of that code. */
  readonly method: string;
  readonly call: Call;
  readonly connection: Connection;
  /** Once its handler has failed. */
  error?: unknown;
  /** Once it has not: `undefined`, for the reply is bytes. */
  result?: unknown;
}

/** What is told on `ubinder:death`: an object of another process that was watched is gone. */
export interface DeathMessage {
  readonly handle: number;
  readonly connection: Connection;
}

/** What is told on `ubinder:open` and `ubinder:close`. */
export interface ConnectionMessage {
  readonly connection: Connection;
}

// Of node:diagnostics_channel, what is used of it: where there is no such module nobody listens.

interface Channel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  runStores<T>(message: Message, body: () => T): T;
}

interface TracingChannel<Message> {
  readonly hasSubscribers: boolean;
  readonly start: Channel<Message>;
  readonly end: Channel<Message>;
  readonly asyncStart: Channel<Message>;
  readonly asyncEnd: Channel<Message>;
  readonly error: Channel<Message>;
}

interface ChannelModule {
  channel<Message>(name: string): Channel<Message>;
  tracingChannel<Message>(name: string): TracingChannel<Message>;
}

const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
const module = process?.getBuiltinModule?.('diagnostics_channel') as ChannelModule | undefined;

const calls = module?.tracingChannel<CallMessage>('ubinder:call');
const serves = module?.tracingChannel<ServeMessage>('ubinder:serve');
const deaths = module?.channel<DeathMessage>('ubinder:death');
const opens = module?.channel<ConnectionMessage>('ubinder:open');
const closes = module?.channel<ConnectionMessage>('ubinder:close');

/** Whether anybody listens to calls of ours. */
export function areCallsTraced(): boolean {
  return calls?.hasSubscribers === true;
}

/** Whether anybody listens to calls to us. */
export function areServesTraced(): boolean {
  return serves?.hasSubscribers === true;
}

export function traceCall(message: CallMessage, body: () => Promise<unknown>): Promise<unknown> {
  return trace(calls as TracingChannel<CallMessage>, message, body) as Promise<unknown>;
}

export function traceServe(message: ServeMessage, body: () => Awaitable<void>): Awaitable<void> {
  return trace(serves as TracingChannel<ServeMessage>, message, body);
}

export function tellDeath(message: DeathMessage): void {
  if (deaths?.hasSubscribers) deaths.publish(message);
}

export function tellOpen(connection: Connection): void {
  if (opens?.hasSubscribers) opens.publish({ connection });
}

export function tellClose(connection: Connection): void {
  if (closes?.hasSubscribers) closes.publish({ connection });
}

/** As `traceSync` and `tracePromise` do it, whichever `body` turns out to be. */
function trace<T, Message extends { error?: unknown; result?: unknown }>(
  channel: TracingChannel<Message>,
  message: Message,
  body: () => Awaitable<T>,
): Awaitable<T> {
  const { start, end, asyncStart, asyncEnd, error } = channel;
  const failed = (thrown: unknown): void => {
    message.error = thrown;
    error.publish(message);
  };
  return start.runStores(message, () => {
    try {
      const result = body();
      if (!(result instanceof Promise)) {
        message.result = result;
        return result;
      }
      return result.then(
        (value) => {
          message.result = value;
          asyncStart.publish(message);
          asyncEnd.publish(message);
          return value;
        },
        (thrown) => {
          failed(thrown);
          asyncStart.publish(message);
          asyncEnd.publish(message);
          throw thrown;
        },
      );
    } catch (thrown) {
      failed(thrown);
      throw thrown;
    } finally {
      end.publish(message);
    }
  });
}
